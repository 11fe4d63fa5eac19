//! `jitsuin drill failover`: the machine that publishes is gone under load, and others answer in its place until it is restored.
//!
//! What stands by today is a mirror: it has the lists and the OCSP answers as they were signed, dated, and no key. It can say nothing
//! that the service has not said, so what it gives out gets older, and ends with nextUpdate. Counters issue and revoke beside; the
//! machine goes away in the middle and does not come back. The mirror is asked about every certificate; then the service is restored
//! from its backup, with the mirror's lists and the snapshot as evidence, and is asked the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use serde::Serialize;

use super::{
    DrillArgs, Outcome, Stage,
    ask::{Given, Said, ask},
    load::{Counters, Ledger},
    span,
    verdict::{self, Check},
};
use crate::{
    authority::Actor,
    cli::{backup, failure::Failure, house::House, restore, world::stopwatch},
    kind::Kind,
    ports::Clock,
    revocation::crl::Outline,
    rules::CertificateState,
    x509::{Serial, UnixTime},
};

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    drill: &'static str,
    began: UnixTime,
    version: &'static str,
    times: Times,
    mirror: Mirrored,
    /// Pairs acknowledged before the backup, between it and the copy of the mirror, and from then on.
    acknowledged: [usize; 3],
    /// Pairs that the restored service does not know.
    lost_pairs: usize,
    /// Pairs revoked between the backup and the copy, which it learnt from lists and snapshot.
    learnt: usize,
    /// Pairs revoked after the copy, of which nobody outside knows: whoever asked for it asks again.
    lost_revocations: usize,
    restore: serde_json::Value,
    checks: Vec<Check>,
}

/// In milliseconds.
#[derive(Debug, Default, Serialize)]
struct Times {
    /// From the end of the service to the first answer of the mirror.
    until_mirror: u128,
    /// From the end of the service to the first answer of the restored one.
    until_restored: u128,
    /// To the first pair that it issued.
    until_issuing: u128,
}

/// What the mirror gave out while there was no service.
#[derive(Debug, Serialize)]
struct Mirrored {
    copied: UnixTime,
    /// Answers that say what was true when the service ended.
    right: usize,
    /// Answers «good» about what was revoked after the copy.
    outdated: usize,
    /// Certificates issued after the copy, for which there is no answer.
    missing: usize,
    lists: usize,
    /// Seconds since thisUpdate, of the oldest answer and the oldest list.
    oldest_answer: i64,
    oldest_list: i64,
    /// From then on it has no answer, and no list, that anybody may rely on.
    answers_end: UnixTime,
    lists_end: UnixTime,
}

/// Copies of what a service has said.
struct Mirror {
    copied: UnixTime,
    answers: BTreeMap<(Kind, Serial), Given>,
    lists: Vec<Outline>,
}

impl Mirror {
    fn copy(house: &House, ledger: &Ledger) -> Result<Self, Failure> {
        let known: Vec<_> = ledger.pairs().values().flat_map(|pair| pair.serials.clone()).collect();
        let mut answers = BTreeMap::new();
        for one in known {
            answers.extend(ask(house, one)?.map(|given| (one, given)));
        }
        let served = house.authority.parts().lists.all();
        let mut lists = Vec::new();
        for ((kind, generation, _), list) in served {
            let outline = Outline::read(&list.der).map_err(Failure::fault)?;
            let issuer = house.authority.parts().issuers.generation(kind, generation);
            let issuer = issuer.ok_or_else(|| Failure::fault("a list of no generation"))?;
            outline.verify(&list.der, issuer.public_key()).map_err(Failure::fault)?;
            lists.push(outline);
        }
        Ok(Self { copied: house.clock.now(), answers, lists })
    }

    /// Is asked about everything that was acknowledged.
    fn stand_in(&self, ledger: &Ledger, now: UnixTime) -> Result<Mirrored, Failure> {
        let ages = |updates: &mut dyn Iterator<Item = UnixTime>| updates.map(|at| now.seconds() - at.seconds()).max();
        let mut found = Mirrored {
            copied: self.copied,
            right: 0,
            outdated: 0,
            missing: 0,
            lists: self.lists.iter().filter(|list| now < list.next_update()).count(),
            oldest_answer: 0,
            oldest_list: ages(&mut self.lists.iter().map(Outline::this_update)).unwrap_or(0),
            answers_end: now,
            lists_end: self.lists.iter().map(Outline::next_update).min().unwrap_or(now),
        };
        let mut said: Vec<Said> = Vec::new();
        for pair in ledger.pairs().values() {
            for one in &pair.serials {
                let Some(given) = self.answers.get(one) else {
                    found.missing += 1;
                    continue;
                };
                let answer = given.read(now)?;
                if answer.is_revoked() == pair.revoked.is_some() {
                    found.right += 1
                } else {
                    found.outdated += 1
                }
                said.push(answer);
            }
        }
        found.oldest_answer = ages(&mut said.iter().map(|one| one.this_update)).unwrap_or(0);
        found.answers_end = said.iter().map(|one| one.next_update).min().unwrap_or(now);
        Ok(found)
    }
}

/// Plays it.
pub(super) fn play(stage: &Stage, args: &DrillArgs) -> Result<Report, Failure> {
    let began = stage.clock.now();
    let house = stage.open("service")?;
    let identity = super::identity()?;
    let sealing = backup::age::Sealing::Recipients(vec![identity.recipient().map_err(Failure::fault)?]);
    let counters = Counters::of(&house, &stage.ledger);
    counters.issue(args.pairs)?;
    counters.revoke(args.pairs / 5)?;
    house.authority.publish(&Actor::service())?;
    let file = stage.place("backup.age");
    backup::save(&stage.place("service"), &file, &sealing, true)?;
    stage.ledger.next_phase();

    counters.issue(args.pairs)?;
    counters.revoke(args.pairs / 5)?;
    let before = verdict::published(house.authority.publish(&Actor::service())?);
    house.keep_status();
    let lost = stage.keep(&house)?;
    let mirror = Mirror::copy(&house, &stage.ledger)?;
    stage.ledger.next_phase();

    // Nobody outside learns of what happens from here on.
    counters.issue_while(|| counters.revoke(args.pairs / 5))?;
    drop(house);
    fs::rename(stage.place("service"), stage.place("lost")).map_err(Failure::fault)?;
    let (watch, mut times) = (stopwatch(), Times::default());
    let mirrored = mirror.stand_in(&stage.ledger, stage.clock.now())?;
    times.until_mirror = (stopwatch() - watch).as_millis();

    let opening = backup::age::Opening::Identities(vec![identity]);
    let told = restore::restore((&file, &opening), &stage.place("service"), &lost, &stage.passphrase)?;
    let house = stage.open("service")?;
    let after = verdict::published(house.authority.publish_due()?);
    let revived = revived(&house, &mirror)?;
    times.until_restored = (stopwatch() - watch).as_millis();
    stage.ledger.next_phase();
    Counters::of(&house, &stage.ledger).issue(1)?;
    times.until_issuing = (stopwatch() - watch).as_millis();
    let Known { mut checks, lost_pairs, learnt, lost_revocations } = known(&house, &stage.ledger)?;
    let not_risen = before.iter().filter(|(key, number)| after.get(*key).is_none_or(|new| new <= number)).count();
    checks.push(Check::that("every list has a higher number than the one that was lost", not_risen == 0));
    checks.push(Check::that("the audit is unbroken from its first entry on", verdict::is_unbroken(&house)?));
    let now = stage.clock.now();
    checks.push(Check::that(
        "the mirror answers for everything it copied",
        mirrored.right + mirrored.outdated == mirror.answers.len(),
    ));
    checks.push(Check::that(
        "nothing that the mirror gives out is of after its copy",
        mirrored.oldest_answer >= 0 && mirror.copied <= now,
    ));
    checks.push(Check::that(
        "every list of the mirror is good while the service is restored",
        mirrored.lists == mirror.lists.len() && now < mirrored.lists_end,
    ));
    checks.push(Check::that(
        "every answer of the mirror is good while the service is restored",
        now < mirrored.answers_end,
    ));
    checks.push(Check::that("what the mirror says is revoked the restored service does not call good", revived == 0));
    let refused = stage.open("lost").is_err_and(|failure| failure.is_refused());
    checks.push(Check::that("the copy that was lost refuses to go on", refused));
    Ok(Report {
        drill: "failover",
        began,
        version: env!("CARGO_PKG_VERSION"),
        times,
        mirror: mirrored,
        acknowledged: stage.ledger.phases(),
        lost_pairs,
        learnt,
        lost_revocations,
        restore: serde_json::to_value(&told).map_err(Failure::fault)?,
        checks,
    })
}

/// What the restored service knows of what was acknowledged.
struct Known {
    checks: Vec<Check>,
    lost_pairs: usize,
    learnt: usize,
    lost_revocations: usize,
}

/// Holds it against the ledger. Phases: before the backup (0), before the copy (1), before the end (2), after the restore (3).
fn known(house: &House, ledger: &Ledger) -> Result<Known, Failure> {
    let mut known = Known { checks: Vec::new(), lost_pairs: 0, learnt: 0, lost_revocations: 0 };
    let (mut missing, mut forgotten, mut repeated, mut serials) = (0, 0, 0, BTreeSet::new());
    for pair in ledger.pairs().values() {
        repeated += pair.serials.iter().filter(|one| !serials.insert(**one)).count();
        let find = |(kind, serial): &(Kind, Serial)| house.store.certificate(*kind, serial);
        let found = pair.serials.iter().map(find).collect::<Result<Vec<_>, _>>().map_err(Failure::fault)?;
        let is_lost = found.iter().any(Option::is_none);
        let is_revoked = found.iter().flatten().all(|one| one.state == CertificateState::Revoked);
        match (pair.phase, pair.revoked) {
            (0 | 3, _) if is_lost => missing += 1,
            _ if is_lost => known.lost_pairs += 1,
            (_, Some(0 | 1)) if !is_revoked => forgotten += 1,
            (_, Some(1)) => known.learnt += 1,
            (_, Some(_)) if !is_revoked => known.lost_revocations += 1,
            _ => {}
        }
    }
    known.checks = vec![
        Check::that("every pair that was acknowledged before the backup is there", missing == 0),
        Check::that("what was revoked before the copy, and is there, is revoked", forgotten == 0),
        Check::that("no serial number was given twice", repeated == 0),
    ];
    Ok(known)
}

/// Certificates that the mirror has as revoked and the restored service calls good.
fn revived(house: &House, mirror: &Mirror) -> Result<usize, Failure> {
    let (mut count, now) = (0, house.clock.now());
    for (one, given) in &mirror.answers {
        if given.read(now)?.is_revoked() {
            let restored = ask(house, *one)?.map(|given| given.read(now)).transpose()?;
            count += usize::from(restored.is_some_and(|said| !said.is_revoked()));
        }
    }
    Ok(count)
}

impl Outcome for Report {
    fn checks(&self) -> &[Check] {
        &self.checks
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Times { until_mirror, until_restored, until_issuing } = self.times;
        let Mirrored { right, outdated, missing, lists, oldest_answer, oldest_list, answers_end, lists_end, .. } =
            &self.mirror;
        writeln!(
            f,
            "The mirror had answered for every certificate after {:?}; the restored service answered after {:?} and issued after {:?}.",
            span(until_mirror),
            span(until_restored),
            span(until_issuing)
        )?;
        writeln!(
            f,
            "Answers of the mirror: {right} right, {outdated} outdated, {missing} missing, the oldest {:?} old, until {answers_end}.",
            Duration::from_secs(oldest_answer.unsigned_abs())
        )?;
        writeln!(
            f,
            "Lists of the mirror: {lists}, the oldest {:?} old, until {lists_end}.",
            Duration::from_secs(oldest_list.unsigned_abs())
        )?;
        let Self { lost_pairs, learnt, lost_revocations, .. } = self;
        writeln!(
            f,
            "Lost with the machine: {lost_pairs} pairs, and the revocation of {lost_revocations}. Learnt again: the revocation of {learnt}."
        )?;
        verdict::write_checks(f, &self.checks)
    }
}
