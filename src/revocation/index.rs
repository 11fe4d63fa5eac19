//! The status index: what is known of every certificate, in memory, folded from the status events.
//!
//! Two bits a certificate and two words a revocation. It never asks the store: events are pushed to it before the write that
//! caused them is acknowledged, so whoever was told of a change finds it here. A [`snapshot`](super::snapshot) saves the
//! folding of everything at each start.
//!
//! Readers take no lock and wait for nobody: everything they read is an atomic word that stays where it is (`growing`),
//! each state of a certificate is published by one store (`table`, `record`), and a revocation is one word, so there is
//! nothing that could be read in parts.
//!
//! Why not a concurrent map: one of five million revocations costs 60 octets and more for each, for its keys, its pointers
//! and its spare room. Indexes are dense: the records of a snapshot are found by counting bits (8 octets for each), and those
//! that come later by a chain for each 32 certificates (16 octets).

mod first;
mod growing;
mod record;
mod table;

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Release},
        },
    },
};

pub(super) use self::{
    growing::LEAF,
    record::{Long, pack_long, read_long},
    table::{Leaf, PER_WORD, Table},
};
use crate::{
    kind::Kind,
    limits::SNAPSHOT_EVENTS,
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
#[derive(Default)]
pub struct StatusIndex {
    sign: Table,
    auth: Table,
    position: AtomicU64,
    /// Held by whoever writes: the last events taken in.
    last: Mutex<VecDeque<StatusEvent>>,
}

impl StatusIndex {
    /// The status of an index number of a CA.
    ///
    /// It is that of an event at [`position`](Self::position) or later, and never of an earlier one than an answer that was
    /// given before.
    #[must_use]
    pub fn status(&self, kind: Kind, index: u64) -> Status {
        self.table(kind).status(index)
    }

    /// The position of an event up to which every one is taken in.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position.load(Acquire)
    }

    /// How many certificates of a CA are held or revoked, or were held since the index was made.
    #[must_use]
    pub fn revocations(&self, kind: Kind) -> u64 {
        self.table(kind).records()
    }

    pub(super) fn table(&self, kind: Kind) -> &Table {
        match kind {
            Kind::Sign => &self.sign,
            Kind::Auth => &self.auth,
        }
    }

    /// The last events taken in, at most [`SNAPSHOT_EVENTS`], of which the last tells the position. Waits for a writer.
    pub(super) fn last_events(&self) -> (u64, Vec<StatusEvent>) {
        let last = self.write();
        (self.position(), last.iter().cloned().collect())
    }

    /// The last event taken in, if any was since the index was made.
    #[must_use]
    pub fn last_event(&self) -> Option<StatusEvent> {
        self.write().back().cloned()
    }

    /// Goes on from a position, after the tables were restored.
    pub(super) fn resume(&self, position: u64) {
        self.position.store(position, Release);
    }

    fn write(&self) -> MutexGuard<'_, VecDeque<StatusEvent>> {
        // A poisoned lock guards whole values all the same: nothing is changed in two steps that readers could see.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, event: &StatusEvent) {
        let table = self.table(event.kind);
        match (&event.state, &event.revocation) {
            (CertificateState::Held | CertificateState::Revoked, Some(revocation)) => {
                table.set_ended(event.index, revocation);
            }
            (CertificateState::Live, _) => table.set_good(event.index),
            // Reserved and expired certificates make no events; a revocation without its record is no status.
            _ => {}
        }
    }
}

impl fmt::Debug for StatusIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusIndex").field("position", &self.position()).finish_non_exhaustive()
    }
}

impl Follower for StatusIndex {
    fn apply(&self, events: &[StatusEvent]) {
        let mut last = self.write();
        let known = self.position();
        let new = &events[events.partition_point(|event| event.position <= known)..];
        new.iter().for_each(|event| self.take(event));
        if let Some(end) = new.last() {
            let kept = &new[new.len().saturating_sub(SNAPSHOT_EVENTS)..];
            let surplus = (last.len() + kept.len()).saturating_sub(SNAPSHOT_EVENTS);
            last.drain(..surplus);
            last.extend(kept.iter().cloned());
            self.position.store(end.position, Release);
        }
    }
}

#[cfg(test)]
mod tests;
