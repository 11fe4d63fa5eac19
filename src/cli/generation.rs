//! `jitsuin generation add|list|compromised`: the generations of a CA, which follow each other under one name.
//!
//! # Why the service is stopped to add one
//! Everything that a running service has in memory knows one issuing key for each CA: what is being signed, answered and listed.
//! A start reads all of it anew. It takes seconds, every four years, and status nodes answer meanwhile.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Subcommand;
use serde::Serialize;

use super::{
    Output, ServiceArgs, adoption,
    failure::Failure,
    files,
    house::House,
    keys::{Keys, causes::Causes, examine},
    layout::Layout,
    operator_way::{CONSOLE, OperatorWay},
    passphrase::{self, Purpose},
    words::counted,
    world::{SystemClock, SystemEntropy, random_serial},
};
use crate::{
    audit::Draft,
    authority::{
        Actor, Once,
        compromise::{self, CompromiseRequest, Compromised, fingerprint},
        publish::Publication,
    },
    ca::{Issuer, Issuers, ceremony},
    config::{Config, tokens::KeyName},
    kind::Kind,
    limits::{LONGEST_LIFE, ROLLOVER_NOTICE},
    ports::{AuthorityRecord, Change, Clock, Compromise, Signer, Step, Store},
    rules::{
        CertificateState,
        calendar::{day_of, last_instant, plus_months},
    },
    signer::{KeyKind, PrivateKey, SoftwareSigner, keyfile},
    store::{OpenError, SqliteStore},
    x509::{CertificateView, UnixTime},
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
            let store = SqliteStore::open_read_only(&config.store.path).map_err(Failure::refused)?;
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

/// Asked first, so that who cannot have it is not asked for a passphrase.
fn refuse_running(service: &ServiceArgs) -> Result<(), Failure> {
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    match SqliteStore::open(&config.store.path).map(drop) {
        Err(error @ OpenError::Held(_)) => {
            Err(Failure::refused(format!("{error}; stop the service, add the generation, and start it again")))
        }
        _ => Ok(()),
    }
}

/// A generation that was added.
#[derive(Debug, Serialize)]
pub(super) struct Added {
    kind: Kind,
    generation: u8,
    certificate: PathBuf,
    certificate_sha256: String,
    not_after: UnixTime,
    /// Its link certificates; none after a generation that is compromised or over.
    links: Vec<PathBuf>,
}

impl std::fmt::Display for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, generation, not_after, certificate, .. } = self;
        write!(
            f,
            "The {kind} CA issues by generation {generation} from now on, until {not_after}:\n  {}",
            certificate.display()
        )?;
        self.links.iter().try_for_each(|link| write!(f, "\n  {}", link.display()))
    }
}

/// Adds one to the stopped service in a directory.
pub(super) fn add(
    directory: &Path,
    passphrase: &zeroize::Zeroizing<String>,
    kind: Kind,
    clock: Arc<SystemClock>,
) -> Result<Added, Failure> {
    let house = House::open(directory, passphrase, Arc::clone(&clock) as _)?;
    let issuers = Arc::clone(&house.authority.parts().issuers);
    let before = issuers.current(kind);
    refuse_unused(&house, before)?;
    let generation = next(before, house.clock.now())?;
    let keys = Keys::new(&house.layout, &house.config, passphrase)?;
    let signer = key(&house, (&keys, passphrase), KeyName::ca(kind, generation))?;
    let _responder = key(&house, (&keys, passphrase), KeyName::responder(kind, generation))?;
    refuse_known_key(&issuers, &*signer)?;
    let record = certify(&house, before, (generation, signer))?;
    let added = write(&house.layout, &record, before)?;
    let audit = draft(&house, "generation.added", &record);
    house.store.commit(Change { steps: vec![Step::Authority(record)], audit }).map_err(Failure::fault)?;
    drop(house);
    // Opening it makes the responder's certificate and the first lists, and proves that everything fits together.
    let house = House::open(directory, passphrase, clock as _)?;
    house.authority.publish_due()?;
    house.keep_checkpoint();
    Ok(added)
}

/// The number of the generation after that one.
fn next(before: &Issuer, now: UnixTime) -> Result<u8, Failure> {
    let (kind, generation, start) = (before.kind(), before.generation(), before.validity().0);
    if now <= start {
        return Err(Failure::refused(format!(
            "it is {now} by the clock, and generation {generation} of the {kind} CA begins {start}: set the clock right"
        )));
    }
    generation.checked_add(1).ok_or_else(|| Failure::refused(format!("the {kind} CA has had its last generation, 255")))
}

/// A generation that has not issued anything is not followed: an `add` that was broken off and is started again adds no other.
fn refuse_unused(house: &House, before: &Issuer) -> Result<(), Failure> {
    let (kind, generation) = (before.kind(), before.generation());
    let is_over = before.is_compromised() || before.validity().1 < house.clock.now();
    let (issued, _) = house.store.certificates(kind, before.first_index(), 1).map_err(Failure::fault)?;
    if generation == 1 || is_over || !issued.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "generation {generation} of the {kind} CA is there and has issued nothing yet: it issues when the service is started; nothing was \
         added"
    )))
}

/// The key of the new generation: from the token, from its file, or made now.
fn key(house: &House, (keys, passphrase): (&Keys<'_>, &str), name: KeyName) -> Result<Arc<dyn Signer>, Failure> {
    if let Some(signer) = keys.in_token(name) {
        return Ok(signer);
    }
    let older = KeyName { generation: name.generation - 1, ..name };
    if keys.in_token(older).is_some() {
        return Err(Failure::refused(format!(
            "{older} is in a token, and the configuration does not say where {name} is: make it in the token and name it under \
             [keys.tokens]; nothing was changed"
        )));
    }
    let path = house.layout.key(name);
    if !path.exists() {
        let config = &house.config.keys;
        let kind: KeyKind = match (name.responder, name.kind) {
            (true, _) => config.responder,
            (false, Kind::Sign) => config.sign_ca,
            (false, Kind::Auth) => config.auth_ca,
        };
        let key = PrivateKey::generate(kind).map_err(Failure::fault)?;
        keyfile::write_encrypted(&path, &key, passphrase).map_err(Failure::fault)?;
    }
    let signer: SoftwareSigner = keyfile::read_signer(&path, passphrase).map_err(Failure::refused)?;
    Ok(Arc::new(signer))
}

/// A generation is another key, or it is none.
fn refuse_known_key(issuers: &Issuers, signer: &dyn Signer) -> Result<(), Failure> {
    match issuers.iter().find(|issuer| issuer.public_key().der() == signer.spki()) {
        None => Ok(()),
        Some(issuer) => Err(Failure::refused(format!(
            "this is the key of the {} CA, generation {}; the next generation has one of its own; nothing was changed",
            issuer.kind(),
            issuer.generation()
        ))),
    }
}

/// Its self-signed certificate, and the links with the generation before, unless nobody may trust that one any more. The audit
/// tells of them before a key signs.
fn certify(
    house: &House,
    before: &Issuer,
    (generation, signer): (u8, Arc<dyn Signer>),
) -> Result<AuthorityRecord, Failure> {
    let (parts, now, kind) = (house.authority.parts(), house.clock.now(), before.kind());
    let months = u16::from(house.config.profile.ca_years) * 12;
    let last =
        plus_months(day_of(now), months).ok_or_else(|| Failure::fault("the CA would end after the year 9999"))?;
    let serial = random_serial(&SystemEntropy::default()).map_err(Failure::fault)?;
    let validity = (now, last_instant(last));
    let audit = Draft {
        at: now,
        actor: "ceremony".into(),
        action: "generation.planned".into(),
        subject: format!("ca/{kind}/{generation}"),
        detail: serde_json::json!({ "serial": serial, "not_after": validity.1 }).to_string(),
    };
    house.store.commit(Change { steps: Vec::new(), audit }).map_err(Failure::fault)?;
    let certificate = ceremony::certificate_authority(&parts.profile, (kind, generation), &*signer, &serial, validity)
        .map_err(Failure::fault)?;
    let record = AuthorityRecord::new(kind, generation, certificate);
    let issuer = Issuer::open(&record, signer, &parts.profile).map_err(Failure::fault)?;
    let is_trusted = !before.is_compromised() && now < before.validity().1;
    let links =
        is_trusted.then(|| ceremony::links(&parts.profile, before, &issuer)).transpose().map_err(Failure::fault)?;
    Ok(AuthorityRecord { links, ..record })
}

/// Writes the certificates beside the others.
fn write(layout: &Layout, record: &AuthorityRecord, before: &Issuer) -> Result<Added, Failure> {
    let AuthorityRecord { kind, generation, .. } = *record;
    let put = |name: String, der: &[u8]| {
        let path = layout.certificate(&name);
        files::replace(&path, &files::certificate_pem(der)).map_err(Failure::fault).map(|()| path)
    };
    let certificate = put(format!("{kind}-{generation}"), &record.certificate)?;
    let old = before.generation();
    let links = record
        .links
        .iter()
        .flat_map(|links| [(old, generation, &links.old_with_new), (generation, old, &links.new_with_old)]);
    let links = links.map(|(of, by, der)| put(format!("{kind}-{of}-under-{by}"), der)).collect::<Result<_, _>>()?;
    let view = CertificateView::from_der(&record.certificate).map_err(Failure::fault)?;
    let certificate_sha256 = fingerprint(record);
    Ok(Added { kind, generation, certificate, certificate_sha256, not_after: view.tbs.not_after, links })
}

fn draft(house: &House, action: &str, record: &AuthorityRecord) -> Draft {
    Draft {
        at: house.clock.now(),
        actor: "ceremony".into(),
        action: action.into(),
        subject: format!("ca/{}/{}", record.kind, record.generation),
        detail: serde_json::json!({ "certificate_sha256": fingerprint(record) }).to_string(),
    }
}

/// A line of `generation list`.
#[derive(Debug, Serialize)]
struct Line {
    kind: Kind,
    generation: u8,
    state: State,
    certificate_sha256: String,
    not_before: UnixTime,
    not_after: UnixTime,
    /// Whether it is linked with the one before.
    linked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    compromised_at: Option<UnixTime>,
}

/// What a generation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// It issues.
    Issuing,
    /// It answers for what it issued, and lists it.
    Answering,
    /// Others may have its key.
    Compromised,
    /// It is over, and everything that it issued.
    Ended,
}

fn lines(records: &[AuthorityRecord], now: UnixTime) -> Result<Vec<Line>, Failure> {
    let newest = |kind: Kind| records.iter().filter(|one| one.kind == kind).map(|one| one.generation).max();
    let line = |record: &AuthorityRecord| {
        let tbs = CertificateView::from_der(&record.certificate).map_err(Failure::fault)?.tbs;
        let state = match record.compromise {
            _ if tbs.not_after < now => State::Ended,
            Some(_) => State::Compromised,
            None if newest(record.kind) == Some(record.generation) => State::Issuing,
            None => State::Answering,
        };
        Ok(Line {
            kind: record.kind,
            generation: record.generation,
            state,
            certificate_sha256: fingerprint(record),
            not_before: tbs.not_before,
            not_after: tbs.not_after,
            linked: record.links.is_some(),
            compromised_at: record.compromise.map(|known| known.at),
        })
    };
    records.iter().map(line).collect()
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match (self.state, self.compromised_at) {
            (State::Issuing, _) => "issues".to_owned(),
            (State::Answering, _) => "answers".to_owned(),
            (State::Ended, _) => "has ended".to_owned(),
            (State::Compromised, at) => format!("COMPROMISED {}", at.map(|at| at.to_string()).unwrap_or_default()),
        };
        let linked = if self.linked { ", linked with the one before" } else { "" };
        let Self { kind, generation, not_before, not_after, certificate_sha256, .. } = self;
        write!(
            f,
            "{kind} {generation}: {state}, {not_before} to {not_after}{linked}\n    certificate SHA-256 {certificate_sha256}"
        )
    }
}

/// What a compromise came to.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    #[serde(flatten)]
    last: Compromised,
    /// Lists that were published.
    lists: usize,
    #[serde(skip)]
    pub(super) revoked: u64,
}

/// Declares a generation compromised whose key nobody has any more, on a stopped service.
fn lost(service: &ServiceArgs, request: &CompromiseRequest) -> Result<Told, Failure> {
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    let OperatorWay::Stopped(store) = OperatorWay::find(&service.dir, &config)? else {
        return Err(Failure::refused(
            "the service runs, and has the key: declare it compromised without --key-lost, so that it signs its last lists",
        ));
    };
    drop(store);
    let passphrase = service.passphrase(Purpose::Open)?;
    end_lost(&service.dir, &passphrase, request, Arc::new(SystemClock::default()))
}

/// The same, at that time; everything else must open, or nothing is changed.
pub(super) fn end_lost(
    directory: &Path,
    passphrase: &zeroize::Zeroizing<String>,
    request: &CompromiseRequest,
    clock: Arc<SystemClock>,
) -> Result<Told, Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let (layout, name) = (Layout::new(directory, &config), KeyName::ca(request.kind, request.generation));
    if layout.key(name).exists() || config.tokens.find(name).is_some() {
        return Err(Failure::refused(format!(
            "{name} is there: declare it compromised without --key-lost, so that it signs its last lists; one that is damaged for good \
             is moved out of the service first"
        )));
    }
    let mut causes = Causes::default();
    let mut records = examine::records(&layout, &config, &mut causes);
    let Some(record) = records.iter_mut().find(|one| (one.kind, one.generation) == (request.kind, request.generation))
    else {
        return Err(Failure::refused(format!(
            "the {} CA has no generation {} (T-09)",
            request.kind, request.generation
        )));
    };
    compromise::confirm(record, request).map_err(Failure::refused)?;
    let (is_new, at) = (record.compromise.is_none(), clock.now());
    let approved = {
        let store = SqliteStore::open_read_only(&config.store.path).map_err(Failure::refused)?;
        adoption::Held::of(&config, &store)?.check((&store, &layout), (at, &[]))?;
        let control = adoption::control(&layout, config.approvals.required)?;
        compromise::approved(&store, &control, (&Actor::service(), at), (record, &request.approvals))?
    };
    record.compromise.get_or_insert(Compromise { at, is_settled: false });
    let record = record.clone();
    examine::examine_or_refuse((&layout, &config), &records, passphrase, causes)?;
    if is_new {
        let store = SqliteStore::open(&config.store.path).map_err(Failure::refused)?;
        let mut detail = serde_json::json!({ "certificate_sha256": fingerprint(&record), "key": "lost" });
        if !approved.is_empty() {
            detail["approvals"] = serde_json::json!(approved);
        }
        let audit = Draft {
            at,
            actor: CONSOLE.into(),
            action: "generation.compromised".into(),
            subject: format!("ca/{}/{}", record.kind, record.generation),
            detail: detail.to_string(),
        };
        let (kind, generation) = (record.kind, record.generation);
        let steps = vec![Step::Compromise { kind, generation, at, settled: false }];
        store.commit(Change { steps, audit }).map_err(Failure::fault)?;
    }
    // A start ends what stands of it.
    let revoked = |store: &dyn Store| -> Result<u64, Failure> {
        let counts = store.counts().map_err(Failure::fault)?.into_iter();
        Ok(counts
            .filter(|one| (one.kind, one.state) == (request.kind, CertificateState::Revoked))
            .map(|one| one.count)
            .sum())
    };
    let before = revoked(&SqliteStore::open_read_only(&config.store.path).map_err(Failure::refused)?)?;
    let house = House::open(directory, passphrase, clock)?;
    let published = house.authority.publish(&Actor::service())?;
    house.keep_status();
    house.keep_checkpoint();
    let (kind, generation) = (record.kind, record.generation);
    let revoked = revoked(&*house.store)?.saturating_sub(before);
    let compromised_at = record.compromise.map_or(at, |known| known.at);
    let last = Compromised { kind, generation, compromised_at, revoked, more: false };
    Ok(Told { last, lists: published.len(), revoked })
}

/// Asks until nothing stands, then publishes; the way that is open.
fn compromised(service: &ServiceArgs, request: &CompromiseRequest) -> Result<Told, Failure> {
    let config = Config::load(&Layout::configuration(&service.dir)).map_err(Failure::refused)?;
    match OperatorWay::find(&service.dir, &config)? {
        OperatorWay::Running(running) => {
            let told = until_done(|| running.post("/v1/compromises", request))?;
            let published: Vec<Publication> = running.post("/v1/crls", &serde_json::json!({}))?;
            Ok(Told { lists: published.len(), ..told })
        }
        OperatorWay::Stopped(store) => {
            drop(store);
            let passphrase = service.passphrase(Purpose::Open)?;
            let house = House::open(&service.dir, &passphrase, Arc::new(SystemClock::default()))?;
            let told = until_done(|| {
                let key = passphrase::random(&SystemEntropy::default()).map_err(Failure::fault)?.to_string();
                let once = Once { key, digest: [0; 32] };
                Ok(house.authority.compromise(&Actor::service(), &once, request)?)
            })?;
            let published = house.authority.publish(&Actor::service())?;
            house.keep_status();
            house.keep_checkpoint();
            Ok(Told { lists: published.len(), ..told })
        }
    }
}

fn until_done(mut ask: impl FnMut() -> Result<Compromised, Failure>) -> Result<Told, Failure> {
    let mut revoked = 0;
    loop {
        let last = ask()?;
        revoked += last.revoked;
        if !last.more {
            return Ok(Told { last: Compromised { revoked, ..last }, lists: 0, revoked });
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
    use crate::{profile::Profile, x509::Serial};

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
