//! `jitsuin drill key-loss`: the passphrase is forgotten, a CA's key file is gone, and then it is gone for good.
//!
//! What can be undone is undone: shares give the passphrase, a copy from the safe gives the key. What cannot is a loss (滅失) as R-27 has
//! it: everything of that CA ends, its last lists are withdrawn because they do not tell of it, OCSP does by its responder's own key, and
//! the next generation issues anew to everybody.

use std::fs;

use serde::Serialize;

use super::{
    DrillArgs, Outcome, Stage,
    ask::ask,
    load::Counters,
    span,
    verdict::{self, Check},
};
use crate::{
    authority::{
        Actor,
        compromise::{CompromiseRequest, fingerprint},
    },
    cli::{
        ceremony::{
            share::ServiceId,
            sharing::{Quorum, combine, split},
        },
        failure::Failure,
        generation,
        house::House,
        world::{SystemEntropy, stopwatch},
    },
    config::tokens::KeyName,
    kind::Kind,
    ports::{AuthorityRecord, Clock},
    rules::CertificateState,
    x509::UnixTime,
};

/// The CA whose key is lost.
const LOST: Kind = Kind::Sign;

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    drill: &'static str,
    began: UnixTime,
    version: &'static str,
    times: Times,
    /// Certificates that ended with the key.
    revoked: u64,
    /// Holders who have a certificate of the next generation.
    reissued: usize,
    /// Until when somebody may hold a list that does not tell of the end; it is not served any more.
    last_list_ends: Option<UnixTime>,
    checks: Vec<Check>,
}

/// In milliseconds.
#[derive(Debug, Default, Serialize)]
struct Times {
    /// To declare the key lost and end everything that it signed.
    ending: u128,
    /// From the declaration to the next generation's first lists.
    until_issuing: u128,
    /// From the declaration to the last holder's new certificate.
    until_reissued: u128,
}

/// Plays it.
pub(super) fn play(stage: &Stage, args: &DrillArgs) -> Result<Report, Failure> {
    let began = stage.clock.now();
    let house = stage.open("service")?;
    Counters::of(&house, &stage.ledger).issue(args.pairs)?;
    house.authority.publish(&Actor::service())?;
    let record = record(&house, 1)?;
    let last_list_ends = house
        .authority
        .parts()
        .lists
        .all()
        .iter()
        .filter(|(key, _)| key.0 == LOST)
        .map(|(_, list)| list.next_update)
        .max();
    let key = house.layout.key(KeyName::ca(LOST, 1));
    drop(house);
    let mut checks = vec![shares_give_it(stage, &record)?];

    let safe = stage.place("safe.pem");
    fs::rename(&key, &safe).map_err(Failure::fault)?;
    let refused = stage
        .open("service")
        .err()
        .is_some_and(|failure| failure.is_refused() && failure.to_string().contains("sign-1"));
    checks.push(Check::that("without the key the service does not start, and names it", refused));
    fs::rename(&safe, &key).map_err(Failure::fault)?;
    checks.push(Check::that("with the copy from the safe it does", stage.open("service").is_ok()));

    fs::remove_file(&key).map_err(Failure::fault)?;
    let (watch, mut times) = (stopwatch(), Times::default());
    let request = CompromiseRequest { kind: LOST, generation: 1, confirm: fingerprint(&record), approvals: Vec::new() };
    let place = stage.place("service");
    let told = generation::end_lost(&place, &stage.passphrase, &request, stage.clock.clone())?;
    times.ending = (stopwatch() - watch).as_millis();
    let house = stage.open("service")?;
    checks.extend(after_the_loss(&house, stage)?);
    drop(house);

    generation::add(&place, &stage.passphrase, LOST, stage.clock.clone())?;
    times.until_issuing = (stopwatch() - watch).as_millis();
    let house = stage.open("service")?;
    let reissued = Counters::of(&house, &stage.ledger).reissue(LOST)?;
    times.until_reissued = (stopwatch() - watch).as_millis();
    house.authority.publish(&Actor::service())?;
    checks.push(Check::that(
        "every holder has a certificate of the next generation",
        reissued == stage.ledger.pairs().len(),
    ));
    checks.push(Check::that(
        "the next generation has no link with the lost key",
        self::record(&house, 2)?.links.is_none(),
    ));
    checks.push(Check::that("the audit is unbroken from its first entry on", verdict::is_unbroken(&house)?));
    Ok(Report {
        drill: "key-loss",
        began,
        version: env!("CARGO_PKG_VERSION"),
        times,
        revoked: told.revoked,
        reissued,
        last_list_ends,
        checks,
    })
}

fn record(house: &House, generation: u8) -> Result<AuthorityRecord, Failure> {
    let mut all = house.store.authorities().map_err(Failure::fault)?.into_iter();
    let found = all.find(|one| (one.kind, one.generation) == (LOST, generation));
    found.ok_or_else(|| Failure::fault("the drill has lost a generation"))
}

/// Three have a share of the passphrase each; two of them come together, and what they have opens the service.
fn shares_give_it(stage: &Stage, record: &AuthorityRecord) -> Result<Check, Failure> {
    let quorum = Quorum::new(2, 3).map_err(Failure::fault)?;
    let service = ServiceId::of(&record.certificate);
    let shares = split(&stage.passphrase, quorum, service, &SystemEntropy::default()).map_err(Failure::fault)?;
    let passphrase = combine(&shares[1..]).map_err(Failure::fault)?;
    let opened = House::open(&stage.place("service"), &passphrase, stage.clock.clone());
    Ok(Check::that("two of three shares give a passphrase that opens the service", opened.is_ok()))
}

/// What holds between the loss and the next generation.
fn after_the_loss(house: &House, stage: &Stage) -> Result<Vec<Check>, Failure> {
    let serials: Vec<_> = stage.ledger.pairs().values().flat_map(|pair| pair.serials.clone()).collect();
    let (mut standing, mut good, mut ended_beside) = (0, 0, 0);
    let now = house.clock.now();
    for (kind, serial) in serials {
        let found = house.store.certificate(kind, &serial).map_err(Failure::fault)?;
        let is_revoked = found.is_some_and(|one| one.state == CertificateState::Revoked);
        let said = ask(house, (kind, serial))?.map(|given| given.read(now)).transpose()?;
        if kind == LOST {
            standing += usize::from(!is_revoked);
            good += usize::from(!said.is_some_and(|said| said.is_revoked()));
        } else {
            ended_beside += usize::from(is_revoked || said.is_some_and(|said| said.is_revoked()));
        }
    }
    let served = house.authority.parts().lists.all();
    let issued = Counters::of(house, &stage.ledger).issue(1);
    Ok(vec![
        Check::that("everything that the lost key signed is revoked", standing == 0),
        Check::that("OCSP says so of each, by the responder's own key", good == 0),
        Check::that("nothing of the other CA ended", ended_beside == 0),
        Check::that("no list of the lost key is served", served.iter().all(|(key, _)| key.0 != LOST)),
        Check::that("every list of the other CA is", served.iter().any(|(key, _)| key.0 == LOST.other())),
        Check::that("no pair is issued", issued.is_err_and(|failure| failure.is_refused())),
    ])
}

impl Outcome for Report {
    fn checks(&self) -> &[Check] {
        &self.checks
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Times { ending, until_issuing, until_reissued } = self.times;
        writeln!(
            f,
            "Ended everything in {:?}; the next generation could issue after {:?}, and everybody had a new certificate after {:?}.",
            span(ending),
            span(until_issuing),
            span(until_reissued)
        )?;
        writeln!(
            f,
            "Certificates that ended with the key: {}. Holders with a new one: {}.",
            self.revoked, self.reissued
        )?;
        if let Some(end) = self.last_list_ends {
            writeln!(f, "Whoever has the last list of the lost key learns nothing from it until {end}.")?;
        }
        verdict::write_checks(f, &self.checks)
    }
}
