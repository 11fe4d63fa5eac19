//! Which of several publishers on one store makes the next list of a scope: whoever made the last one, as long as it does so in time.
//!
//! That is a lease which nobody has to write: each list that is stored renews it, and it ends by itself a while after the next list is
//! due. What fences it is the number: whoever was away for however long, and still takes itself for the one that leads, stores a number
//! that is given, which the store refuses.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use crate::{
    limits::{TAKE_OVER_CHANGE, TAKE_OVER_DUE},
    revocation::lists::ListKey,
    x509::UnixTime,
};

/// Who leads, as far as this process knows. A store that nobody else writes has no other.
#[derive(Default)]
pub(super) struct Lead {
    has_others: AtomicBool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The last number of each sequence that was made here, by the key of the complete list.
    made: BTreeMap<ListKey, u64>,
    /// Since when changes wait to be told in sequences that another leads.
    waiting: BTreeMap<ListKey, UnixTime>,
}

impl Lead {
    pub(super) fn share(&self) {
        self.has_others.store(true, SeqCst);
    }

    /// A list of this sequence was made here.
    pub(super) fn note(&self, sequence: ListKey, number: u64) {
        self.known().made.insert(sequence, number);
    }

    /// How long the list after `last` is left to whoever made that, once it is due.
    pub(super) fn patience(&self, sequence: ListKey, last: u64) -> Duration {
        if self.is_here(&self.known(), sequence, last) { Duration::ZERO } else { TAKE_OVER_DUE }
    }

    /// Whether changes in a sequence are told here: at once by whoever leads it, by another once they have waited.
    pub(super) fn tells(&self, sequence: ListKey, last: u64, now: UnixTime) -> bool {
        let mut known = self.known();
        if self.is_here(&known, sequence, last) {
            known.waiting.remove(&sequence);
            return true;
        }
        let since = *known.waiting.entry(sequence).or_insert(now);
        since + TAKE_OVER_CHANGE <= now
    }

    /// Nothing waits in other sequences than these.
    pub(super) fn wait_in(&self, sequences: &[ListKey]) {
        self.known().waiting.retain(|sequence, _| sequences.contains(sequence));
    }

    fn is_here(&self, known: &Known, sequence: ListKey, last: u64) -> bool {
        !self.has_others.load(SeqCst) || last == 0 || known.made.get(&sequence).is_some_and(|made| *made >= last)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kind::Kind, scope::CrlScope};

    fn at(seconds: u64) -> UnixTime {
        UnixTime::EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn whoever_made_the_last_list_makes_the_next_and_another_waits() {
        let (lead, key) = (Lead::default(), (Kind::Sign, 1, CrlScope::Full));
        assert_eq!(lead.patience(key, 7), Duration::ZERO, "nobody else is there");
        lead.share();
        assert_eq!(lead.patience(key, 0), Duration::ZERO, "there is no list yet");
        assert_eq!(lead.patience(key, 7), TAKE_OVER_DUE);
        lead.note(key, 8);
        assert_eq!(lead.patience(key, 8), Duration::ZERO);
        assert_eq!(lead.patience(key, 9), TAKE_OVER_DUE, "another made 9");
        assert_eq!(lead.patience((Kind::Auth, 1, CrlScope::Full), 8), TAKE_OVER_DUE, "another sequence");
    }

    #[test]
    fn changes_that_nobody_tells_are_told_by_another_after_a_while() {
        let (lead, key) = (Lead::default(), (Kind::Sign, 1, CrlScope::Full));
        lead.share();
        assert!(!lead.tells(key, 3, at(1000)));
        assert!(!lead.tells(key, 3, at(1089)));
        assert!(lead.tells(key, 3, at(1090)));
        // It was told meanwhile; what changes next waits anew.
        lead.wait_in(&[]);
        assert!(!lead.tells(key, 4, at(2000)));
        lead.note(key, 4);
        assert!(lead.tells(key, 4, at(2001)));
    }
}
