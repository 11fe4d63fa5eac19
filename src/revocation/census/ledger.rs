//! The fold of the status events that can be asked about any position.

use std::collections::{BTreeMap, HashMap};

use super::{Contradiction, End, Said};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{Follower, ListedEvent, StatusEvent},
    revocation::{index::StatusIndex, lists::ListKey},
    scope::CrlScope,
    x509::{CrlEntry, RevocationReason, Serial, UnixTime},
};

/// Every status event, folded: one number a certificate, and the whole history of those that were ever held or revoked.
#[derive(Debug, Default)]
pub struct Ledger {
    position: u64,
    /// Since when the last event taken in is known.
    recorded: Option<UnixTime>,
    /// By index: the position of the event that issued it; 0 while there is none.
    born: HashMap<Kind, Vec<u64>>,
    lives: HashMap<(Kind, u64), Life>,
    /// The lives, by what lists speak for.
    partitions: BTreeMap<(Kind, u8, MunicipalityCode), Vec<u64>>,
    /// The same fold by the code that answers OCSP.
    index: StatusIndex,
}

/// The history of a certificate that was ever held or revoked.
#[derive(Debug)]
struct Life {
    serial: Serial,
    not_after: UnixTime,
    turns: Vec<(u64, Said)>,
}

impl Life {
    fn at(&self, position: u64) -> Said {
        let before = self.turns.iter().take_while(|(turn, _)| *turn <= position);
        before.last().map_or(Said::NeverIssued, |(_, said)| *said)
    }

    /// What the last change after one position and up to another makes of the entry of a list.
    fn change(&self, after: u64, until: u64) -> Option<CrlEntry> {
        let within = |(turn, _): &&(u64, Said)| after < *turn && *turn <= until;
        let (at, said) = self.turns.iter().rev().find(within)?;
        match said {
            Said::Ended(end) => Some(self.entry(end)),
            _ => match self.at(at - 1) {
                // The entry that takes a hold back keeps the date of the hold.
                Said::Ended(hold) => Some(CrlEntry {
                    reason: RevocationReason::RemoveFromCrl,
                    invalidity_date: None,
                    ..self.entry(&hold)
                }),
                // That it came to life is no change of any list.
                _ => None,
            },
        }
    }

    fn entry(&self, end: &End) -> CrlEntry {
        CrlEntry { serial: self.serial, revocation_date: end.date, reason: end.reason, invalidity_date: end.invalidity }
    }
}

impl Ledger {
    /// The last event taken in.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes in the next events, and tells of those that are missing or say nothing.
    pub fn take(&mut self, events: &[ListedEvent]) -> Vec<Contradiction> {
        let mut found = Vec::new();
        for row in events {
            let event = &row.event;
            let wrong = |says: String| Contradiction::of_channel(event.kind, "events", says);
            if event.position != self.position + 1 {
                let (from, to) = (self.position + 1, event.position - 1);
                found.push(wrong(format!("those at positions {from} to {to} are missing")));
            }
            self.position = event.position;
            found.extend(self.dates(event).map(wrong));
            match Said::of(event.state, event.revocation.as_ref()) {
                Some(said) if said != Said::NeverIssued => self.turn(row, said),
                _ => found.push(wrong(format!("the one at position {} says nothing", event.position))),
            }
        }
        let plain: Vec<_> = events.iter().map(|row| row.event.clone()).collect();
        self.index.apply(&plain);
        found
    }

    /// What is wrong with the times of the next event: since when events are known never falls (statements of what was
    /// known at a time rest on it), and nothing takes effect after it is known (rule R-01).
    fn dates(&mut self, event: &StatusEvent) -> Option<String> {
        let (position, recorded) = (event.position, event.recorded);
        let before = self.recorded.replace(recorded).filter(|before| recorded < *before);
        if let Some(before) = before {
            return Some(format!(
                "the one at position {position} is known since {recorded}, the one before it since {before}"
            ));
        }
        let effective = event.revocation.as_ref().map(|end| end.revocation_date).filter(|date| recorded < *date)?;
        Some(format!("the one at position {position} took effect {effective} and is known since {recorded}"))
    }

    fn turn(&mut self, row: &ListedEvent, said: Said) {
        let (kind, index, position) = (row.event.kind, row.event.index, row.event.position);
        let born = self.born.entry(kind).or_default();
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        if said == Said::Good && !self.lives.contains_key(&(kind, index)) {
            if born.len() <= at {
                born.resize(at + 1, 0);
            }
            born[at] = position;
            return;
        }
        let birth = born.get(at).copied().filter(|birth| *birth > 0);
        let partition = self.partitions.entry((kind, row.generation, row.municipality)).or_default();
        let life = self.lives.entry((kind, index)).or_insert_with(|| {
            partition.push(index);
            let turns = birth.map(|birth| (birth, Said::Good)).into_iter().collect();
            Life { serial: row.serial, not_after: row.not_after, turns }
        });
        life.turns.push((position, said));
    }

    /// What the events up to a position say of a certificate.
    #[must_use]
    pub fn at(&self, kind: Kind, index: u64, position: u64) -> Said {
        if let Some(life) = self.lives.get(&(kind, index)) {
            return life.at(position);
        }
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let born = self.born.get(&kind).and_then(|born| born.get(at)).copied().unwrap_or(0);
        if born > 0 && born <= position { Said::Good } else { Said::NeverIssued }
    }

    /// What the events say of a certificate at each position from one to another, without repetition.
    #[must_use]
    pub fn between(&self, kind: Kind, index: u64, from: u64, to: u64) -> Vec<Said> {
        let mut said = vec![self.at(kind, index, from)];
        match self.lives.get(&(kind, index)) {
            Some(life) => {
                let later = life.turns.iter().filter(|(turn, _)| from < *turn && *turn <= to);
                said.extend(later.map(|(_, said)| *said));
            }
            None => said.push(self.at(kind, index, to)),
        }
        said.dedup();
        said
    }

    /// What the status index makes of all events.
    #[must_use]
    pub fn folded(&self, kind: Kind, index: u64) -> Said {
        self.index.status(kind, index).into()
    }

    fn lives_in(&self, (kind, generation, scope): ListKey) -> impl Iterator<Item = &Life> {
        let in_scope = move |code: &MunicipalityCode| match scope.complete() {
            CrlScope::Authorities => false,
            complete => complete.municipality().is_none_or(|only| only == *code),
        };
        let partitions = self.partitions.iter();
        let wanted =
            partitions.filter(move |((of, number, code), _)| *of == kind && *number == generation && in_scope(code));
        wanted.flat_map(move |(_, indexes)| indexes.iter().filter_map(move |index| self.lives.get(&(kind, *index))))
    }

    /// What a complete list of a scope says after the events up to `position`, of certificates that were not over before
    /// `bound`; in order of serial number.
    pub fn ended(&self, key: ListKey, position: u64, bound: UnixTime) -> impl Iterator<Item = CrlEntry> {
        self.in_order(key, bound).filter_map(move |life| match life.at(position) {
            Said::Ended(end) => Some(life.entry(&end)),
            _ => None,
        })
    }

    /// What changed for the lists of a scope after one position and up to another, of certificates that were not over
    /// before `bound`; in order of serial number.
    pub fn changed(&self, key: ListKey, (after, until): (u64, u64), bound: UnixTime) -> impl Iterator<Item = CrlEntry> {
        self.in_order(key, bound).filter_map(move |life| life.change(after, until))
    }

    /// The lives of a scope that were not over before `bound`; in order of serial number.
    fn in_order(&self, key: ListKey, bound: UnixTime) -> impl Iterator<Item = &Life> {
        let mut lives: Vec<_> = self.lives_in(key).filter(|life| life.not_after >= bound).collect();
        lives.sort_unstable_by_key(|life| life.serial);
        lives.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ports::Revocation,
        rules::{Cause, CertificateState},
    };

    const KEY: ListKey = (Kind::Auth, 1, CrlScope::Full);

    fn at(second: i64) -> UnixTime {
        UnixTime::from_seconds(second).unwrap()
    }

    fn event(position: u64, index: u8, state: CertificateState) -> ListedEvent {
        let reason = match state {
            CertificateState::Held => Some(RevocationReason::CertificateHold),
            CertificateState::Revoked => Some(RevocationReason::KeyCompromise),
            _ => None,
        };
        let revocation = reason.map(|reason| Revocation {
            revocation_date: at(position as i64),
            reason,
            invalidity_date: None,
            cause: Cause::CardLost,
        });
        ListedEvent {
            event: StatusEvent {
                position,
                kind: Kind::Auth,
                index: index.into(),
                state,
                revocation,
                recorded: at(position as i64),
            },
            generation: 1,
            serial: Serial::from_octets(&[index + 1]).unwrap(),
            municipality: "13115".parse().unwrap(),
            not_after: at(1000),
            released: None,
        }
    }

    fn ledger(events: &[(u8, CertificateState)]) -> Ledger {
        let mut ledger = Ledger::default();
        let events: Vec<_> =
            (1..).zip(events).map(|(position, (index, state))| event(position, *index, *state)).collect();
        assert_eq!(ledger.take(&events), []);
        ledger
    }

    const TALE: [(u8, CertificateState); 6] = [
        (0, CertificateState::Live),
        (1, CertificateState::Live),
        (0, CertificateState::Held),
        (0, CertificateState::Live),
        (1, CertificateState::Held),
        (1, CertificateState::Revoked),
    ];

    #[test]
    fn every_position_is_remembered() {
        let ledger = ledger(&TALE);
        let words = |index| (0..=7).map(|at| ledger.at(Kind::Auth, index, at).to_string()).collect::<Vec<_>>();
        let held = |since| format!("held since 1970-01-01T00:00:0{since}Z (certificateHold, card-lost)");
        let never = || "never issued".to_owned();
        let good = || "good".to_owned();
        let revoked = || "revoked since 1970-01-01T00:00:06Z (keyCompromise, card-lost)".to_owned();
        assert_eq!(words(0), [never(), good(), good(), held(3), good(), good(), good(), good()]);
        assert_eq!(words(1), [never(), never(), good(), good(), good(), held(5), revoked(), revoked()]);
        assert_eq!(words(2), vec![never(); 8]);
        assert_eq!(ledger.at(Kind::Sign, 0, 7), Said::NeverIssued);
        for index in 0..3 {
            assert_eq!(ledger.folded(Kind::Auth, index), ledger.at(Kind::Auth, index, 6), "{index}");
        }
    }

    #[test]
    fn an_answer_may_lie_at_any_position_between_two() {
        let ledger = ledger(&TALE);
        let between = |index, from, to| ledger.between(Kind::Auth, index, from, to).len();
        assert_eq!((between(0, 2, 4), between(0, 3, 3), between(0, 4, 6), between(1, 1, 6)), (3, 1, 1, 4));
        assert_eq!((between(0, 0, 1), between(2, 0, 6)), (2, 1));
    }

    #[test]
    fn a_list_at_a_position_and_a_delta_between_two_follow_from_the_events() {
        let ledger = ledger(&TALE);
        let (zero, one) = (Serial::from_octets(&[1]).unwrap(), Serial::from_octets(&[2]).unwrap());
        let listed = |position| ledger.ended(KEY, position, at(0)).map(|entry| entry.serial).collect::<Vec<_>>();
        assert_eq!((listed(2), listed(3), listed(4), listed(5)), (vec![], vec![zero], vec![], vec![one]));
        let reasons = |after, until| {
            let changed = ledger.changed(KEY, (after, until), at(0));
            changed.map(|entry| (entry.serial, entry.reason, entry.revocation_date)).collect::<Vec<_>>()
        };
        let released = (zero, RevocationReason::RemoveFromCrl, at(3));
        assert_eq!(reasons(0, 2), [], "coming to life is no change of a list");
        assert_eq!(reasons(3, 4), [released], "the entry that takes a hold back keeps its date");
        assert_eq!(reasons(2, 6), [released, (one, RevocationReason::KeyCompromise, at(6))]);
        assert_eq!(reasons(4, 5), [(one, RevocationReason::CertificateHold, at(5))]);
        assert_eq!(ledger.ended(KEY, 6, at(1000)).count(), 1);
        assert!(
            ledger.ended(KEY, 6, at(1001)).count() == 0 && ledger.changed(KEY, (0, 6), at(1001)).count() == 0,
            "over"
        );
        let elsewhere = (Kind::Auth, 1, CrlScope::Municipality("28207".parse().unwrap()));
        assert_eq!(ledger.ended(elsewhere, 6, at(0)).count(), 0);
        assert_eq!(ledger.ended((Kind::Auth, 1, CrlScope::Authorities), 6, at(0)).count(), 0);
    }

    #[test]
    fn what_is_missing_or_says_nothing_is_told() {
        let mut ledger = Ledger::default();
        let mute = ListedEvent {
            event: StatusEvent { revocation: None, ..event(6, 0, CertificateState::Held).event },
            ..event(6, 0, CertificateState::Held)
        };
        let told = ledger.take(&[event(1, 0, CertificateState::Live), event(5, 1, CertificateState::Live), mute]);
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["auth events: those at positions 2 to 4 are missing", "auth events: the one at position 6 says nothing"]
        );
        assert_eq!(ledger.position(), 6);
    }
}
