//! `jitsuin generation add|list|compromised`: the generations of a CA, which follow each other under one name.
//!
//! # Why the service is stopped to add one
//! Everything that a running service has in memory knows one issuing key for each CA: what is being signed, answered and listed.
//! A start reads all of it anew. It takes seconds, every four years, and status nodes answer meanwhile.

mod add;
mod end;
mod list;

use std::{path::PathBuf, sync::Arc};

use clap::Subcommand;

pub(super) use self::{add::add, end::end_lost};
use self::{
    add::refuse_running,
    end::{compromised, lost},
    list::lines,
};
use super::{
    Output, ServiceArgs, adoption, failure::Failure, layout::Layout, passphrase::Purpose, stores, words::counted,
    world::SystemClock,
};
use crate::{
    authority::compromise::CompromiseRequest,
    ca::Issuers,
    config::Config,
    kind::Kind,
    limits::{LONGEST_LIFE, ROLLOVER_NOTICE},
    ports::Clock,
    x509::UnixTime,
};

/// What to do about the generations of a CA.
#[derive(Debug, Subcommand)]
pub enum GenerationCommand {
    /// Roll a CA over: another key under the same name, with link certificates to the one before. The service must be stopped.
    ///
    /// The key is taken from the token, or from the file that `keys generate` made; otherwise it is made now.
    Add {
        /// Which service.
        #[command(flatten)]
        service: ServiceArgs,
        /// The CA: `sign` or `auth`.
        #[arg(long)]
        kind: Kind,
    },
    /// List every generation: its certificate, whether it issues, and until when. The service may be running.
    List {
        /// The service's directory.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// The key of a generation is compromised: end everything that it signed, publish every list, and issue nothing by it any
    /// more. The service may be running. What broke off goes on when started again.
    Compromised {
        /// Which service.
        #[command(flatten)]
        service: ServiceArgs,
        /// The CA: `sign` or `auth`.
        #[arg(long)]
        kind: Kind,
        /// The generation.
        #[arg(long)]
        generation: u8,
        /// SHA-256 of its certificate as `generation list` shows it: there is no way back.
        #[arg(long)]
        confirm: String,
        /// Its key is gone: the service is stopped, and there is neither the key's file nor a token that has it. It signs no more
        /// lists.
        #[arg(long)]
        key_lost: bool,
        /// The approval of another operator, by `jitsuin approve compromise`; of two, given twice, where the service is stopped.
        /// What broke off goes on without.
        #[arg(long, value_name = "FILE")]
        approval: Vec<PathBuf>,
    },
}

/// Does it.
///
/// # Errors
/// [`Failure`].
pub fn run(command: &GenerationCommand, out: &Output) -> Result<(), Failure> {
    match command {
        GenerationCommand::Add { service, kind } => {
            refuse_running(service)?;
            let passphrase = service.passphrase(Purpose::Open)?;
            let added = add(&service.dir, &passphrase, *kind, Arc::new(SystemClock::default()))?;
            out.print(&added, || added.to_string())
        }
        GenerationCommand::List { dir } => {
            let config = Config::load(&Layout::configuration(dir)).map_err(Failure::refused)?;
            let store = stores::read_only(&config)?;
            let lines = lines(&store.authorities().map_err(Failure::fault)?, SystemClock::default().now())?;
            out.print(&lines, || lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        }
        GenerationCommand::Compromised { service, kind, generation, confirm, key_lost, approval } => {
            let approvals = adoption::read_all(approval)?;
            let (kind, generation, confirm) = (*kind, *generation, confirm.clone());
            let request = CompromiseRequest { kind, generation, confirm, approvals };
            let told = if *key_lost { lost(service, &request)? } else { compromised(service, &request)? };
            let why = match key_lost {
                true => "no list tells of it any more, only OCSP, for as long as its responder's certificate holds",
                false => "whoever has the key can forge lists too",
            };
            out.print(&told, || {
                format!(
                    "The {kind} CA, generation {generation}, issues nothing any more: {}, {} published.\n\
                     Tell relying parties to remove its certificate: {why}.",
                    counted(told.revoked, "certificate ended", "certificates ended"),
                    counted(told.lists as u64, "list is", "lists are")
                )
            })
        }
    }
}

/// Whether each CA issues, and its newest generation outlives every certificate that it may be asked for: for readiness.
///
/// # Errors
/// Which does not, in a sentence.
pub(super) fn check_issuing(issuers: &Issuers, now: UnixTime) -> Result<(), String> {
    for kind in Kind::BOTH {
        let issuer = issuers.issuing(kind).map_err(|none| none.to_string())?;
        let (generation, end) = (issuer.generation(), issuer.validity().1);
        if end < now + LONGEST_LIFE {
            return Err(format!("the {kind} CA's generation {generation} ends {end}; start the next generation"));
        }
    }
    Ok(())
}

/// What is to be told of CAs whose newest generation will not outlive what it is asked for much longer, in a sentence each.
pub(super) fn rollovers_due(issuers: &Issuers, now: UnixTime) -> Vec<String> {
    let due = |kind: Kind| {
        let newest = issuers.current(kind);
        let (generation, end) = (newest.generation(), newest.validity().1);
        let say = |why: String| format!("{why}; add the next: `jitsuin generation add --kind {kind}`");
        if newest.is_compromised() {
            return Some(say(format!("the {kind} CA's generation {generation} is compromised")));
        }
        let is_due = end < now + LONGEST_LIFE + ROLLOVER_NOTICE;
        is_due.then(|| {
            say(format!("the {kind} CA's generation {generation} ends {end}, and soon cannot issue for six years"))
        })
    };
    Kind::BOTH.into_iter().filter_map(due).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ca::{Issuer, ceremony},
        config::Config,
        ports::AuthorityRecord,
        profile::Profile,
        signer::{KeyKind, PrivateKey, SoftwareSigner},
        x509::Serial,
    };

    /// Both CAs in their first generation, until then.
    fn issuers(end: UnixTime) -> Issuers {
        let profile: Profile = super::super::house::profile(&Config::default()).unwrap();
        let of = |kind: Kind| {
            let key = PrivateKey::generate(KeyKind::P256).unwrap();
            let signer = Arc::new(SoftwareSigner::new(&key).unwrap());
            let serial = Serial::from_octets(&[1]).unwrap();
            let validity = (at("2026-01-01T00:00:00Z"), end);
            let der = ceremony::certificate_authority(&profile, (kind, 1), &*signer, &serial, validity).unwrap();
            Arc::new(Issuer::open(&AuthorityRecord::new(kind, 1, der), signer, &profile).unwrap())
        };
        Issuers::new(Kind::BOTH.map(of).into()).unwrap()
    }

    fn at(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_ca_near_its_end_is_told_of_a_year_before_it_cannot_issue_for_six_years() {
        let issuers = issuers(at("2036-01-01T00:00:00Z"));
        let last = at("2036-01-01T00:00:00Z").seconds() - i64::try_from(LONGEST_LIFE.as_secs()).unwrap();
        let last = UnixTime::from_seconds(last).unwrap();
        let first_told = UnixTime::from_seconds(last.seconds() - i64::try_from(ROLLOVER_NOTICE.as_secs()).unwrap());
        let (first_told, second) = (first_told.unwrap(), std::time::Duration::from_secs(1));
        assert_eq!(rollovers_due(&issuers, first_told), [""; 0]);
        let told = rollovers_due(&issuers, first_told + second);
        assert!(told.len() == 2 && told[0].contains("add the next: `jitsuin generation add --kind auth`"), "{told:?}");
        assert_eq!(check_issuing(&issuers, last), Ok(()));
        let said = check_issuing(&issuers, last + second).unwrap_err();
        assert_eq!(said, "the auth CA's generation 1 ends 2036-01-01T00:00:00Z; start the next generation");
    }

    #[test]
    fn a_compromised_generation_is_told_of_until_the_next_one_issues() {
        let issuers = issuers(at("2036-01-01T00:00:00Z"));
        issuers.current(Kind::Auth).stop();
        let told = rollovers_due(&issuers, at("2026-02-01T00:00:00Z"));
        assert!(told.len() == 1 && told[0].starts_with("the auth CA's generation 1 is compromised; add"), "{told:?}");
        let said = check_issuing(&issuers, at("2026-02-01T00:00:00Z")).unwrap_err();
        assert!(said.starts_with("the key of the auth CA, generation 1, is compromised"), "{said}");
    }
}
