//! The status index: what is known of every certificate, in memory, folded from the status events.
//!
//! Two bits a certificate and one record a revocation. It never asks the store: events are pushed to it before the
//! write that caused them is acknowledged, so whoever was told of a change finds it here.
//!
//! Why a lock: a reader holds it for two loads, a writer for one event. Nothing waits on input or output under it.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    kind::Kind,
    ports::{Follower, Revocation, StatusEvent},
    rules::CertificateState,
};

/// What the index knows of an index number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// No certificate was ever issued under it.
    NeverIssued,
    /// Issued, and neither held nor revoked. Whether it has expired is not the index's to say.
    Good,
    /// On hold or revoked.
    Revoked(Revocation),
}

/// The state of every certificate of both CAs.
#[derive(Debug, Default)]
pub struct StatusIndex {
    tables: RwLock<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    sign: Table,
    auth: Table,
    position: u64,
}

/// Two bits each: 0 never issued, 1 good, 2 held or revoked.
#[derive(Debug, Default)]
struct Table {
    words: Vec<u64>,
    revocations: HashMap<u64, Revocation>,
}

const NEVER: u64 = 0;
const GOOD: u64 = 1;
const REVOKED: u64 = 2;
/// Certificates in one word.
const PER_WORD: u64 = 32;

impl StatusIndex {
    /// The status of an index number of a CA.
    #[must_use]
    pub fn status(&self, kind: Kind, index: u64) -> Status {
        let tables = self.read();
        let table = tables.of(kind);
        match table.bits(index) {
            GOOD => Status::Good,
            REVOKED => {
                table.revocations.get(&index).map_or(Status::NeverIssued, |found| Status::Revoked(found.clone()))
            }
            _ => Status::NeverIssued,
        }
    }

    /// The position of the last event taken in.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.read().position
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        // A poisoned lock guards whole values all the same: every event is applied in two steps that cannot panic.
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower for StatusIndex {
    fn apply(&self, events: &[StatusEvent]) {
        let mut tables = self.write();
        let known = tables.position;
        for event in events.iter().filter(|event| event.position > known) {
            tables.of_mut(event.kind).apply(event);
        }
        if let Some(last) = events.last() {
            tables.position = tables.position.max(last.position);
        }
    }
}

impl Tables {
    fn of(&self, kind: Kind) -> &Table {
        match kind {
            Kind::Sign => &self.sign,
            Kind::Auth => &self.auth,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut Table {
        match kind {
            Kind::Sign => &mut self.sign,
            Kind::Auth => &mut self.auth,
        }
    }
}

impl Table {
    fn bits(&self, index: u64) -> u64 {
        let word = usize::try_from(index / PER_WORD).ok().and_then(|at| self.words.get(at));
        word.map_or(NEVER, |word| word >> (index % PER_WORD * 2) & 0b11)
    }

    fn set(&mut self, index: u64, bits: u64) {
        let at = usize::try_from(index / PER_WORD).unwrap_or(usize::MAX);
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        let shift = index % PER_WORD * 2;
        self.words[at] = self.words[at] & !(0b11 << shift) | bits << shift;
    }

    fn apply(&mut self, event: &StatusEvent) {
        match (&event.state, &event.revocation) {
            (CertificateState::Held | CertificateState::Revoked, Some(revocation)) => {
                self.revocations.insert(event.index, revocation.clone());
                self.set(event.index, REVOKED);
            }
            (CertificateState::Live, _) => {
                self.set(event.index, GOOD);
                self.revocations.remove(&event.index);
            }
            // Reserved and expired certificates make no events; a revocation without its record is no status.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rules::Cause,
        x509::{RevocationReason, UnixTime},
    };

    fn event(position: u64, index: u64, state: CertificateState) -> StatusEvent {
        let ended = matches!(state, CertificateState::Held | CertificateState::Revoked);
        let revocation = ended.then_some(Revocation {
            revocation_date: UnixTime::EPOCH,
            reason: RevocationReason::CertificateHold,
            invalidity_date: None,
            cause: Cause::CardLost,
        });
        StatusEvent { position, kind: Kind::Auth, index, state, revocation, recorded: UnixTime::EPOCH }
    }

    #[test]
    fn what_was_never_issued_is_never_good() {
        let index = StatusIndex::default();
        index.apply(&[event(1, 70, CertificateState::Live)]);
        for (other, kind) in [(69, Kind::Auth), (71, Kind::Auth), (70, Kind::Sign), (u64::MAX, Kind::Auth)] {
            assert_eq!(index.status(kind, other), Status::NeverIssued, "{kind} {other}");
        }
        assert_eq!(index.status(Kind::Auth, 70), Status::Good);
    }

    #[test]
    fn a_hold_ends_with_its_release_and_a_replayed_event_changes_nothing() {
        let index = StatusIndex::default();
        let story = [
            event(1, 5, CertificateState::Live),
            event(2, 5, CertificateState::Held),
            event(3, 5, CertificateState::Live),
        ];
        index.apply(&story[..2]);
        assert!(matches!(index.status(Kind::Auth, 5), Status::Revoked(_)));
        index.apply(&story);
        assert_eq!(index.status(Kind::Auth, 5), Status::Good);
        index.apply(&story[1..2]);
        assert_eq!(index.status(Kind::Auth, 5), Status::Good);
        assert_eq!(index.position(), 3);
    }

    #[test]
    fn neighbours_in_a_word_do_not_disturb_each_other() {
        let index = StatusIndex::default();
        for number in 0..100 {
            let state = if number % 3 == 0 { CertificateState::Revoked } else { CertificateState::Live };
            index.apply(&[event(number + 1, number, state)]);
        }
        for number in 0..100 {
            let revoked = matches!(index.status(Kind::Auth, number), Status::Revoked(_));
            assert_eq!(revoked, number % 3 == 0, "{number}");
        }
    }
}
