//! Going on from a snapshot with the events of a store.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
};

use super::{Refused, Snapshot};
use crate::{
    ports::{Follower, StatusEvent, StoreError},
    revocation::index::StatusIndex,
};

impl Snapshot {
    /// Makes an index of it that follows a store, which is given as [`Store::follow`](crate::ports::Store::follow). When it
    /// comes back, the index is what the fold of all events of the store would be.
    ///
    /// # Errors
    /// [`Refused`] if the store is behind the snapshot, has another history, or cannot be read. The store may keep a follower
    /// then, which does nothing and holds nothing.
    pub fn follow(
        self,
        follow: impl FnOnce(u64, Arc<dyn Follower>) -> Result<(), StoreError>,
    ) -> Result<Arc<StatusIndex>, Refused> {
        let Self { index, from, through, events } = self;
        // Far enough back to see the store's own version of the events that the snapshot carries.
        let start = from.min(events.first().map_or(through, |event| event.position - 1));
        index.resume(start);
        let index = Arc::new(index);
        let successor = Arc::new(Successor {
            index: Mutex::new(Some(Arc::clone(&index))),
            expected: events,
            other: AtomicU64::new(0),
        });
        let followed = follow(start, Arc::clone(&successor) as _);
        let refused = match (followed, successor.other.load(Acquire)) {
            (Ok(()), 0) if index.position() >= through => return Ok(index),
            (Ok(()) | Err(StoreError::Corrupt(_)), 0) => Refused::Ahead { through },
            (Err(error), 0) => Refused::Store(error),
            (_, position) => Refused::OtherHistory { position },
        };
        successor.let_go();
        Err(refused)
    }
}

impl Snapshot {
    /// Makes an index of it without a store. None if there were more events while it was written than it carries: without them it
    /// is not whole.
    #[must_use]
    pub fn alone(self) -> Option<StatusIndex> {
        let Self { index, from, through, events } = self;
        let start = from.min(events.first().map_or(through, |event| event.position - 1));
        index.resume(start);
        index.apply(&events);
        let is_whole = events.first().map_or(from, |event| event.position - 1) <= from;
        (is_whole && index.position() == through).then_some(index)
    }
}

/// Hands events on to the index, after a look at those that the snapshot carries too.
struct Successor {
    index: Mutex<Option<Arc<StatusIndex>>>,
    /// By position, without gaps.
    expected: Vec<StatusEvent>,
    /// The position of an event that is another; 0 while there is none.
    other: AtomicU64,
}

impl Successor {
    /// The first event that is not the one that the snapshot carries.
    fn differing(&self, events: &[StatusEvent]) -> Option<u64> {
        let (first, last) = (self.expected.first()?.position, self.expected.last()?.position);
        let near = events.iter().skip_while(|event| event.position < first);
        let known = near.take_while(|event| event.position <= last);
        let is_other = |event: &&StatusEvent| {
            let at = usize::try_from(event.position - first).unwrap_or(usize::MAX);
            self.expected.get(at) != Some(event)
        };
        known.into_iter().find(is_other).map(|event| event.position)
    }

    fn let_go(&self) {
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Follower for Successor {
    fn apply(&self, events: &[StatusEvent]) {
        let mut held = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = held.as_ref() else { return };
        match self.differing(events) {
            None => index.apply(events),
            Some(position) => {
                self.other.store(position, Release);
                *held = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kind::Kind, rules::CertificateState, x509::UnixTime};

    #[test]
    fn a_successor_that_met_another_history_holds_nothing_and_does_nothing() {
        let event = |index| StatusEvent {
            position: 1,
            kind: Kind::Sign,
            index,
            state: CertificateState::Live,
            revocation: None,
            recorded: UnixTime::EPOCH,
        };
        let index = Arc::new(StatusIndex::default());
        let held = Mutex::new(Some(Arc::clone(&index)));
        let successor = Successor { index: held, expected: vec![event(5)], other: AtomicU64::new(0) };
        assert_eq!(Arc::strong_count(&index), 2);
        successor.apply(&[event(6)]);
        assert_eq!((Arc::strong_count(&index), index.position(), successor.other.load(Acquire)), (1, 0, 1));
        successor.apply(&[event(5)]);
        assert_eq!(index.position(), 0);
    }
}
