//! `jitsuin relying-party add|list|suspend|reinstate|usage`.
//!
//! Changes go the operator's way: they hold from the party's next question on, also while the service runs. Reading is done
//! beside a running service.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Output, ServiceArgs,
    credential::{Client, CredentialFiles, Protection, access_ca},
    failure::Failure,
    files,
    layout::Layout,
    operator_way::{CONSOLE, OperatorWay},
    passphrase::Purpose as PassphrasePurpose,
    stores,
    world::{SystemClock, SystemEntropy},
};
use crate::{
    authority::relying_party::{
        CertificateDer, PartyChange, Registration, ReinstatementRequest, RelyingPartyStatus, SuspensionRequest, Usage,
        change_stopped, days, usage_of,
    },
    config::Config,
    ports::{Clock, CredentialName, Role, Store},
    rules::{
        Day, Purpose, Query,
        calendar::{day_of, parse_day},
    },
    signer::keyfile,
};

/// What to do about relying parties.
#[derive(Debug, Subcommand)]
pub enum RelyingPartyCommand {
    /// Agree terms with a relying party and give out its credential; again: change the terms, e.g. renew the recognition.
    Add(AddArgs),
    /// List relying parties with their terms.
    List(Where),
    /// Stop the service to a relying party, from its next request on.
    Suspend {
        /// Which service.
        #[command(flatten)]
        at: Where,
        /// Its name.
        name: String,
        /// Why; the party is not told.
        #[arg(long)]
        reason: String,
    },
    /// Let the service to a suspended relying party go on.
    Reinstate {
        /// Which service.
        #[command(flatten)]
        at: Where,
        /// Its name.
        name: String,
    },
    /// Show how often relying parties asked.
    Usage {
        /// Which service.
        #[command(flatten)]
        at: Where,
        /// Of whom; otherwise of each.
        name: Option<String>,
        /// The first day, in Japan; otherwise 30 days before the last.
        #[arg(long, value_parser = day)]
        from: Option<Day>,
        /// The last day, in Japan; otherwise today.
        #[arg(long, value_parser = day)]
        to: Option<Day>,
    },
}

/// Which service.
#[derive(Args, Debug)]
pub struct Where {
    /// The service's directory.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

/// The terms of a relying party.
#[derive(Args, Debug)]
pub struct AddArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Its name; also that of its credential and of its files.
    name: CredentialName,
    /// What people call it.
    #[arg(long)]
    title: String,
    /// `signature`, `authentication` or both, with a comma between.
    #[arg(long, required = true, value_delimiter = ',')]
    purpose: Vec<Purpose>,
    /// What it may ask: `status`, `status-at`, `pair`, `successor`, `facts`, with commas between.
    #[arg(long, required = true, value_delimiter = ',')]
    query: Vec<Query>,
    /// Answers in a day.
    #[arg(long)]
    quota: u32,
    /// The last day of its recognition (認定), at most a year ahead: YYYY-MM-DD.
    #[arg(long, value_parser = day)]
    recognised_until: Day,
}

fn day(text: &str) -> Result<Day, String> {
    parse_day(text).ok_or_else(|| "a day that exists, as YYYY-MM-DD".into())
}

#[derive(Serialize)]
struct Added {
    relying_party: RelyingPartyStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<CredentialFiles>,
}

/// Does it.
///
/// # Errors
/// [`Failure`]; refused with the rule where the rules do not allow it.
pub fn run(command: &RelyingPartyCommand, out: &Output) -> Result<(), Failure> {
    match command {
        RelyingPartyCommand::Add(arguments) => add(arguments, out),
        RelyingPartyCommand::List(at) => list(&at.dir, out),
        RelyingPartyCommand::Suspend { at, name, reason } => {
            let request = SuspensionRequest { name: name.clone(), reason: reason.clone() };
            let changed = change(&at.dir, &PartyChange::Suspend(request))?;
            out.print(&changed, || format!("{name} is suspended: {reason}"))
        }
        RelyingPartyCommand::Reinstate { at, name } => {
            let changed = change(&at.dir, &PartyChange::Reinstate(ReinstatementRequest { name: name.clone() }))?;
            out.print(&changed, || format!("{name} is served again"))
        }
        RelyingPartyCommand::Usage { at, name, from, to } => usage(&at.dir, name.as_deref(), (*from, *to), out),
    }
}

fn add(arguments: &AddArgs, out: &Output) -> Result<(), Failure> {
    let directory = &arguments.service.dir;
    let config = configuration(directory)?;
    let way = OperatorWay::find(directory, &config)?;
    let name = arguments.name.as_str().to_owned();
    let mut registration = Registration {
        name: name.clone(),
        title: arguments.title.clone(),
        purposes: arguments.purpose.iter().copied().collect(),
        queries: arguments.query.iter().copied().collect(),
        daily_quota: arguments.quota,
        recognised_until: arguments.recognised_until,
        certificate: None,
    };
    let has_one = way.store().credentials().map_err(Failure::fault)?.iter().any(|one| one.name == name);
    let mut written = None;
    if !has_one {
        let (certificate, files) = give_out(arguments, &config)?;
        (registration.certificate, written) = (Some(CertificateDer(certificate)), Some(files));
    }
    match take(&way, &PartyChange::Register(registration)) {
        Ok(relying_party) => {
            let lines =
                written.as_ref().map(|files| format!(" Its credential:\n{}", files.lines())).unwrap_or_default();
            let text = format!("Agreed with {name}, recognised until {}.{lines}", arguments.recognised_until);
            out.print(&Added { relying_party, credential: written }, || text)
        }
        Err(failure) => Err(match written {
            Some(files) => come_to_nothing(failure, &files),
            None => failure,
        }),
    }
}

/// Takes the files of a credential away again where it was refused. After a fault it may have been admitted all the same,
/// and then its key is nowhere else: the files stay.
pub(super) fn come_to_nothing(failure: Failure, files: &CredentialFiles) -> Failure {
    if failure.is_refused() {
        files.remove();
        return failure;
    }
    let lines = files.lines();
    Failure::fault(format!(
        "{failure}\nIts credential may have been admitted, so these stay; run the command again:\n{lines}"
    ))
}

/// Makes a credential and writes its files; it is admitted with the terms.
fn give_out(arguments: &AddArgs, config: &Config) -> Result<(Vec<u8>, CredentialFiles), Failure> {
    let layout = Layout::new(&arguments.service.dir, config);
    let passphrase = arguments.service.passphrase(PassphrasePurpose::Open)?;
    let signer = keyfile::read_signer(&layout.access_key(), &passphrase).map_err(Failure::refused)?;
    let access = access_ca(config, &signer);
    files::make_directory(&layout.credentials()).map_err(Failure::fault)?;
    let client = Client { role: Role::RelyingParty, name: arguments.name.as_str().to_owned(), municipality: None };
    let world = (SystemClock::default().now(), &SystemEntropy::default() as _);
    let (record, files) = client.enrol(&access, &layout, Protection::OwnPassphrase, world)?;
    Ok((record.certificate, files))
}

fn list(directory: &Path, out: &Output) -> Result<(), Failure> {
    let parties = read_only(directory)?.relying_parties().map_err(Failure::fault)?;
    let parties: Vec<RelyingPartyStatus> = parties.into_iter().map(RelyingPartyStatus::from).collect();
    out.print(&parties, || {
        let words = |words: Vec<&str>| words.join(",");
        let line = |one: &RelyingPartyStatus| {
            let purposes = words(one.purposes.iter().map(|purpose| purpose.word()).collect());
            let queries = words(one.queries.iter().map(|query| query.word()).collect());
            let state = one.suspended.as_ref().map_or_else(
                || format!("recognised until {}", one.recognised_until),
                |suspension| format!("suspended since {}: {}", suspension.since, suspension.reason),
            );
            format!("{:<24} {purposes:<24} {queries}  {} a day  {state}  {}", one.name, one.daily_quota, one.title)
        };
        parties.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

fn usage(directory: &Path, name: Option<&str>, asked: (Option<Day>, Option<Day>), out: &Output) -> Result<(), Failure> {
    let store = read_only(directory)?;
    if let Some(name) = name
        && store.relying_party(name).map_err(Failure::fault)?.is_none()
    {
        return Err(Failure::refused(format!("no terms are agreed with a relying party {name}")));
    }
    let usage = usage_of(&*store, name, days(asked.0, asked.1, day_of(SystemClock::default().now())))?;
    out.print(&usage, || {
        let line = |one: &Usage| {
            let Usage { day, party, query, answered, refused } = one;
            format!("{day}  {party:<24} {:<10} {answered:>10} answered {refused:>8} refused", query.word())
        };
        usage.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

fn change(directory: &Path, change: &PartyChange) -> Result<RelyingPartyStatus, Failure> {
    take(&OperatorWay::find(directory, &configuration(directory)?)?, change)
}

/// Takes a change the way that is open.
fn take(way: &OperatorWay, change: &PartyChange) -> Result<RelyingPartyStatus, Failure> {
    match (way, change) {
        (OperatorWay::Stopped(store), change) => {
            Ok(change_stopped(&**store, change, (SystemClock::default().now(), CONSOLE))?)
        }
        (OperatorWay::Running(service), PartyChange::Register(body)) => service.post("/v1/relying-parties", body),
        (OperatorWay::Running(service), PartyChange::Suspend(body)) => service.post("/v1/suspensions", body),
        (OperatorWay::Running(service), PartyChange::Reinstate(body)) => service.post("/v1/reinstatements", body),
    }
}

fn configuration(directory: &Path) -> Result<Config, Failure> {
    Config::load(&Layout::configuration(directory)).map_err(Failure::refused)
}

fn read_only(directory: &Path) -> Result<Box<dyn Store>, Failure> {
    stores::read_only(&configuration(directory)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_may_have_been_admitted_is_not_thrown_away() {
        let directory = tempfile::tempdir().unwrap();
        let [certificate, key] = ["e-filing.pem", "e-filing.key"].map(|name| directory.path().join(name));
        for path in [&certificate, &key] {
            std::fs::write(path, "octets").unwrap();
        }
        let files = CredentialFiles { certificate: certificate.clone(), key: key.clone(), passphrase: None };
        let kept = come_to_nothing(Failure::fault("no answer in time"), &files).to_string();
        assert!(kept.starts_with("no answer in time") && kept.contains("e-filing.key"), "{kept}");
        assert!(certificate.exists() && key.exists());
        let gone = come_to_nothing(Failure::refused("L-02"), &files).to_string();
        assert_eq!(gone, "L-02");
        assert!(!certificate.exists() && !key.exists());
    }
}
