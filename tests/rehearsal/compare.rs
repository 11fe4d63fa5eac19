//! The store, the status index and the look-up held against the model, one person at a time.

use std::collections::BTreeSet;

use jitsuin::{
    kind::Kind,
    ports::{CertificateRecord, Dossier, Revocation},
    revocation::index::Status,
    rules::{CertificateState, Policy, notice},
    x509::UnixTime,
};

use crate::{
    ask::Case,
    days,
    filing::is_over,
    record::{Certificate, End, Record, State},
    request::{Moment, TAKING_PART, TOWNS, Who},
    world::{World, holder},
};

fn time(at: i64) -> UnixTime {
    UnixTime::from_seconds(at).expect("a time")
}

fn revocation(end: &End) -> Revocation {
    Revocation {
        revocation_date: time(end.since),
        reason: end.reason,
        invalidity_date: end.event.map(time),
        cause: end.cause,
    }
}

impl Certificate {
    /// As the store records it. A live or held one that is over is noted by the application that follows it.
    fn recorded(&self) -> (CertificateState, Option<Revocation>) {
        let state = match self.state {
            State::Revoked => CertificateState::Revoked,
            _ if self.noted => CertificateState::Expired,
            State::Live => CertificateState::Live,
            State::Held => CertificateState::Held,
        };
        let end = self.end.as_ref().filter(|_| state != CertificateState::Expired);
        (state, end.map(revocation))
    }

    fn status(&self) -> Status {
        self.end.as_ref().map_or(Status::Good, |end| Status::Revoked(revocation(end)))
    }

    fn differs(&self, stored: &CertificateRecord, record: &Record) -> bool {
        let town = TOWNS[self.town].parse().expect("a code");
        (self.kind, self.serial, town, self.from)
            != (stored.kind, stored.serial, stored.municipality, stored.not_before.seconds())
            || stored.not_after.seconds() != days::last_second(self.last)
            || record.cards[self.card].number != stored.card.to_string()
            || self.recorded() != (stored.state, stored.revocation.clone())
            || self.signed != stored.certificate.is_some()
    }
}

/// What is checked of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Of whom something was asked today: what the counter sees too.
    Today,
    /// Everybody, now and then.
    Whole,
    /// Everybody at the end: applications too that ended long ago.
    Last,
}

impl Case {
    /// Fails unless store, index and model are one, and legal.
    pub(crate) fn compare(&self, world: &World, now: Moment, depth: Depth) {
        let found = world.store.dossier(&holder(&self.reference)).expect("the store reads");
        let Some(dossier) = found else {
            assert!(!self.record.known, "{} is lost: {:#?}", self.reference, self.record);
            self.compare_files(world, None, depth);
            return;
        };
        if let Err(difference) = self.record.compare(&dossier, world) {
            panic!(
                "{} on {}: {difference}\nstore:{}\nmodel: {:#?}",
                self.reference,
                days::text(now.day),
                told(&dossier),
                self.record
            );
        }
        check_legal(&dossier, now);
        self.compare_files(world, Some(&dossier), depth);
        if depth == Depth::Today {
            self.look_up(world, now);
        }
    }

    /// Where each application stands, and what was issued for it: of a kind one at most, and of no other application.
    fn compare_files(&self, world: &World, dossier: Option<&Dossier>, depth: Depth) {
        let mut taken = BTreeSet::new();
        for file in self.record.files.iter().filter(|file| depth == Depth::Last || !file.laid_down.get()) {
            file.laid_down.set(is_over(file.at));
            let found = world.store.applications().application(&file.number).expect("the store reads");
            let found = found.unwrap_or_else(|| panic!("{} has lost {}", self.reference, file.number));
            let letter = found.inquiry.as_ref().map(|letter| (letter.round, letter.posted));
            let told = (found.state, found.due, letter, found.defect, found.rule.as_deref(), found.version);
            let letter = file.letter.map(|(round, posted)| (round, days::date(posted)));
            let expected = (file.at, file.due.map(days::date), letter, file.defect, file.rule, file.version);
            assert_eq!(told, expected, "{}: {file:#?}", self.reference);
            assert_eq!(found.municipality.to_string(), TOWNS[file.town]);
            let bound: Vec<(Kind, u64)> = found.issuing.iter().flat_map(|one| one.certificates()).collect();
            let of = |kind, index| {
                let certificates = &dossier.expect("a dossier").certificates;
                certificates.iter().find(|one| (one.kind, one.index) == (kind, index)).map(|one| one.serial)
            };
            for (kind, index) in &bound {
                assert!(taken.insert((*kind, *index)), "two applications have one certificate: {file:#?}");
                assert_eq!(of(*kind, *index), file.serial(*kind), "{}: {file:#?}", self.reference);
            }
            let kinds: Vec<Kind> = bound.iter().map(|(kind, _)| *kind).collect();
            assert_eq!(kinds, if file.issued.is_some() { file.filing.application.kinds } else { &[] }, "{file:#?}");
        }
    }

    /// The status index alone, which asks no store: cheap enough for everybody, often.
    pub(crate) fn compare_index(&self, world: &World) {
        let parts = world.authority.parts();
        for one in &self.record.certificates {
            let index = parts.serials.index(one.kind, one.serial.octets()).expect("a serial of ours");
            let status = parts.index.status(one.kind, index);
            assert_eq!(status, one.status(), "{}: {one:?}", self.reference);
        }
    }

    /// The counter of residence sees what is there, an expired one as expired; no other counter sees anything.
    fn look_up(&self, world: &World, now: Moment) {
        let record = &self.record;
        // One other counter will do.
        for town in [record.home, (record.home + 1) % TAKING_PART].into_iter().filter(|town| *town < TAKING_PART) {
            let code = TOWNS[town];
            let seen = world.authority.look_up_holder(world.actor(Who::Town(town)), &holder(&self.reference));
            assert_eq!(seen.is_ok(), town == record.home, "{} in {code}", self.reference);
            let Ok(seen) = seen else { continue };
            for (shown, one) in seen.certificates.iter().zip(&record.certificates) {
                let (recorded, _) = one.recorded();
                let over = one.state != State::Revoked && one.is_over(now);
                assert_eq!(shown.state, if over { CertificateState::Expired } else { recorded }, "{one:?}");
                assert_eq!(shown.renewal_opens, days::date(days::window_opens(one.last)), "{one:?}");
                self.check_notice(one);
            }
        }
    }

    /// The letter of W-01 goes out before the window is half over, and names the window.
    fn check_notice(&self, one: &Certificate) {
        let card = &self.record.cards[one.card];
        let facts = notice::NoticeFacts {
            last_day: days::date(one.last),
            card_last_day: days::date(card.last),
            ends_with_stay: false,
            stays_elsewhere: false,
        };
        let notice::Notice::Post { sent, window, renew_the_card } = notice::decide_notice(&facts, &Policy::default())
        else {
            panic!("no notice for {one:?}")
        };
        assert_eq!(window, days::date(days::window_opens(one.last))..=days::date(one.last));
        assert_eq!(sent, days::date(days::months_away(one.last, -3))..=days::date(days::months_away(one.last, -2)));
        assert_eq!(renew_the_card, card.last == one.last);
    }
}

impl Record {
    fn compare(&self, dossier: &Dossier, world: &World) -> Result<(), String> {
        let due = world.store.register().deadline(&dossier.holder.reference).expect("the store reads");
        if due != self.due().map(days::date) {
            return Err(format!("the next deadline: found {due:?}, expected {:?}", self.due().map(days::text)));
        }
        let towns: Vec<_> = TOWNS.iter().map(|town| town.parse().expect("a code")).collect();
        let found = &dossier.holder;
        let register = (found.municipality, found.moving_to, found.registered, found.birth, found.ward);
        let moving_to = self.moving_to.map(|town| towns[town]);
        let expected = (towns[self.home], moving_to, self.registered, days::date(self.birth), self.ward);
        if !self.known || register != expected {
            return Err(format!("the register: found {register:?}, expected {expected:?}"));
        }
        let cards: Vec<_> = dossier
            .cards
            .iter()
            .map(|card| (card.number.to_string(), card.issue_day, card.application_day, card.last_day, card.void))
            .collect();
        let expected: Vec<_> = self
            .cards
            .iter()
            .map(|card| {
                (
                    card.number.clone(),
                    days::date(card.issued),
                    days::date(card.applied),
                    days::date(card.last),
                    card.void,
                )
            })
            .collect();
        if cards != expected {
            return Err(format!("cards: found {cards:?}, expected {expected:?}"));
        }
        if dossier.certificates.len() != self.certificates.len() {
            return Err("another number of certificates".into());
        }
        for (stored, one) in dossier.certificates.iter().zip(&self.certificates) {
            if one.differs(stored, self) {
                return Err(format!("a certificate: {one:?}"));
            }
            let status = world.authority.parts().index.status(one.kind, stored.index);
            if status != one.status() {
                return Err(format!("the index has {status:?} for {one:?}"));
            }
        }
        Ok(())
    }
}

/// A dossier without its octets.
fn told(dossier: &Dossier) -> String {
    let mut told = format!("{:#?}\n{:#?}", dossier.holder, dossier.cards);
    for one in &dossier.certificates {
        let (from, until) = (one.not_before, one.not_after);
        let line = format!("\n{} {} {} {from} {until} {:?}", one.kind, one.serial, one.card, one.revocation);
        told.push_str(&format!("{line} {}", one.state));
    }
    told
}

/// What must never be, whatever the model says: read from the store alone.
fn check_legal(dossier: &Dossier, now: Moment) {
    let at = time(now.at);
    let current: Vec<_> = dossier.certificates.iter().filter(|one| one.is_current(at)).collect();
    for kind in Kind::BOTH {
        assert!(current.iter().filter(|one| one.kind == kind).count() <= 1, "two of a kind (E-04): {}", told(dossier));
    }
    for one in &current {
        let card = dossier.card(&one.card).expect("its card");
        assert!(!card.void, "it stands on a void card: {one:?}");
        assert!(one.not_after.seconds() <= day_end(card.last_day), "it outlives its card: {one:?}");
        assert_eq!(one.card, current[0].card, "a pair on two cards");
        assert!(dossier.holder.registered, "it outlives its holder: {one:?}");
    }
    // What was discarded beside a pair that goes on was never the other of it.
    for one in current.iter().filter(|one| one.kind == Kind::Sign && one.not_before == at) {
        let auth = current.iter().find(|other| other.kind == Kind::Auth);
        assert!(auth.is_none_or(|auth| one.not_after <= auth.not_after), "SIGN beyond AUTH (V-02): {}", told(dossier));
    }
    let longest = 6 * 366 * 86_400;
    for one in &dossier.certificates {
        let life = one.not_after.seconds() - one.not_before.seconds();
        assert!((0..=longest + 86_400).contains(&life), "a life of {life} seconds: {one:?}");
    }
}

fn day_end(day: time::Date) -> i64 {
    days::last_second(day.to_julian_day() - 2_440_588)
}
