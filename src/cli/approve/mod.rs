//! `jitsuin approve`: the second person of an act that takes two looks at exactly what is to be done, and signs that.
//!
//! Nothing is changed by it, and no service need run: what it writes is a file, for whoever does the act.

mod approver;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use self::approver::Approver;
pub(super) use self::approver::private_key;
use super::{Output, adoption, bulk, failure::Failure, layout::Layout, role, stores, world::SystemClock};
use crate::{
    audit::approval::{Act, Approval, Content},
    config::Config,
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{Clock, CredentialName, Role, Store},
    x509::{CertificateView, Name, UnixTime, hex},
};

/// What is approved.
#[derive(Debug, Subcommand)]
pub enum ApproveCommand {
    /// That the key of a CA generation is declared compromised (`jitsuin generation compromised`).
    Compromise {
        /// The CA: `sign` or `auth`.
        #[arg(long)]
        kind: Kind,
        /// The generation.
        #[arg(long)]
        generation: u8,
        /// Who approves.
        #[command(flatten)]
        approver: Approver,
    },
    /// That a file of revocations is carried out (`jitsuin bulk revoke`): exactly its lines.
    Bulk {
        /// The file.
        file: PathBuf,
        /// Who approves.
        #[command(flatten)]
        approver: Approver,
    },
    /// That the configuration as it lies in the service's directory comes into force (`jitsuin serve`).
    Config {
        /// Who approves.
        #[command(flatten)]
        approver: Approver,
    },
    /// That a credential of that role and name is given out beside the running service (`jitsuin credential issue`).
    Credential {
        /// `operator` or `municipality`: the roles that may act.
        #[arg(long, value_parser = role)]
        role: Role,
        /// For a municipality: its code.
        #[arg(long)]
        municipality: Option<MunicipalityCode>,
        /// Its name.
        name: CredentialName,
        /// Who approves.
        #[command(flatten)]
        approver: Approver,
    },
    /// Show what an approval says, and whose certificate signed it. Whether it holds, the service decides.
    Show {
        /// The approval.
        file: PathBuf,
    },
}

/// Does it.
///
/// # Errors
/// [`Failure`].
pub fn run(command: &ApproveCommand, out: &Output) -> Result<(), Failure> {
    match command {
        ApproveCommand::Compromise { kind, generation, approver } => {
            approver.approve(&compromise(approver.directory(), (*kind, *generation))?, out)
        }
        ApproveCommand::Bulk { file, approver } => {
            let tree = bulk::tree(file)?;
            approver.approve(&Content::bulk_revocation(tree.len(), &tree.root()), out)
        }
        ApproveCommand::Credential { role, municipality, name, approver } => {
            approver.approve(&Content::credential((role.word(), name.as_str()), *municipality), out)
        }
        ApproveCommand::Config { approver } => approver.approve(&configuration(approver.directory())?, out),
        ApproveCommand::Show { file } => show(file, out),
    }
}

fn opened(directory: &Path) -> Result<(Config, Box<dyn Store>), Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let store = stores::read_only(&config)?;
    Ok((config, store))
}

fn compromise(directory: &Path, of: (Kind, u8)) -> Result<Content, Failure> {
    let (_, store) = opened(directory)?;
    let mut records = store.authorities().map_err(Failure::fault)?.into_iter();
    let found = records.find(|record| (record.kind, record.generation) == of);
    let record = found.ok_or_else(|| Failure::refused(format!("the {} CA has no generation {}", of.0, of.1)))?;
    Ok(Content::ca_compromise(record.kind, record.generation, &record.certificate))
}

fn configuration(directory: &Path) -> Result<Content, Failure> {
    let (config, store) = opened(directory)?;
    let held = adoption::Held::of(&config, &*store)?;
    let proposal = held.proposal();
    if proposal.adopted.is_none() {
        return Err(Failure::refused("no policy is in force yet: the first start adopts what it finds"));
    }
    if proposal.is_in_force() {
        return Err(Failure::refused("the policy of this configuration is in force; there is nothing to approve"));
    }
    Ok(proposal.content())
}

/// An approval, as it is shown.
#[derive(Debug, Serialize)]
struct Shown {
    act: Act,
    digest: String,
    summary: String,
    from: UnixTime,
    until: UnixTime,
    is_over: bool,
    /// The name in the certificate; the service knows it by the fingerprint.
    signed_by: String,
    certificate_sha256: String,
}

fn show(file: &Path, out: &Output) -> Result<(), Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", file.display()));
    let approval = Approval::open(&adoption::read(file)?).map_err(|error| named(&error))?;
    let time = |second| UnixTime::from_seconds(second).map_err(|error| named(&error));
    let (from, until) = (time(approval.statement.iat)?, time(approval.statement.exp)?);
    let shown = Shown {
        act: approval.statement.act,
        digest: approval.statement.digest.clone(),
        summary: approval.statement.summary.clone(),
        from,
        until,
        is_over: until < SystemClock::default().now(),
        signed_by: name_in(&approval.certificate).unwrap_or_else(|| "(no name)".into()),
        certificate_sha256: hex(&approval.fingerprint()),
    };
    out.print(&shown, || {
        let Shown { act, digest, summary, from, until, signed_by, certificate_sha256, .. } = &shown;
        let over = if shown.is_over { ", which is over" } else { "" };
        format!(
            "{signed_by} approves {act}: {summary}\n  digest {digest}\n  from {from} to {until}{over}\n  certificate SHA-256 \
             {certificate_sha256}"
        )
    })
}

/// The common name of a certificate.
fn name_in(certificate: &[u8]) -> Option<String> {
    let view = CertificateView::from_der(certificate).ok()?;
    Name::from_der(view.tbs.subject).ok()?.common_name().map(str::to_owned)
}
