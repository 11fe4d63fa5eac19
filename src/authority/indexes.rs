//! Indexes for new certificates, taken from the store in blocks so that not every issue waits for one.
//!
//! A block is asked for while there is still half of one, beside a commit that somebody waits for anyway: both stand in the
//! writer's queue together, so that an issue waits for two commits and never for a third.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use super::{Authority, StoryError};
use crate::{
    kind::Kind,
    limits::INDEX_BLOCK,
    ports::{Store, StoreError},
};

/// What is left of the block of each CA.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    sign: Mutex<Stock>,
    auth: Mutex<Stock>,
}

#[derive(Debug, Default)]
struct Stock {
    block: Range<u64>,
    /// The block after it.
    spare: Range<u64>,
    /// Whether somebody is asking for that one.
    asked: bool,
}

impl Stock {
    /// Whether it is time to ask for a spare block; who is told so does. A CA that has given none since the start needs none.
    fn wants_spare(&mut self) -> bool {
        let left = self.block.end.saturating_sub(self.block.start);
        let wants = !self.asked && self.block.end > 0 && self.spare.is_empty() && left < INDEX_BLOCK / 2;
        self.asked |= wants;
        wants
    }
}

impl Indexes {
    /// An index that was never given before and never will be again. A crash leaves the rest of a block unused, which
    /// the status index knows as never issued.
    pub(super) fn next(&self, store: &dyn Store, kind: Kind) -> Result<u64, StoreError> {
        let mut stock = self.stock(kind);
        if let Some(index) = stock.block.next() {
            return Ok(index);
        }
        stock.block = match std::mem::take(&mut stock.spare) {
            spare if spare.is_empty() => store.allocate(kind, INDEX_BLOCK)?,
            spare => spare,
        };
        stock.block.next().ok_or_else(|| StoreError::Corrupt("an empty block of indexes".into()))
    }

    /// Takes a block where there is none, so that the first who asks does not wait for it.
    fn stock_up(&self, store: &dyn Store, kind: Kind) -> Result<(), StoreError> {
        let mut stock = self.stock(kind);
        if stock.block.is_empty() && stock.spare.is_empty() {
            stock.spare = store.allocate(kind, INDEX_BLOCK)?;
        }
        Ok(())
    }

    /// Does `work`, which commits, and takes the blocks that are wanted beside it.
    pub(super) fn refill_beside<T>(&self, store: &dyn Store, work: impl FnOnce() -> T) -> T {
        let wanted: Vec<Kind> = Kind::BOTH.into_iter().filter(|kind| self.stock(*kind).wants_spare()).collect();
        if wanted.is_empty() {
            return work();
        }
        thread::scope(|scope| {
            for kind in wanted {
                scope.spawn(move || {
                    let taken = store.allocate(kind, INDEX_BLOCK);
                    let mut stock = self.stock(kind);
                    stock.asked = false;
                    // Where there is none now, whoever needs one asks again and is told why.
                    stock.spare = taken.unwrap_or_default();
                });
            }
            work()
        })
    }

    fn stock(&self, kind: Kind) -> MutexGuard<'_, Stock> {
        let stock = match kind {
            Kind::Sign => &self.sign,
            Kind::Auth => &self.auth,
        };
        stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authority {
    /// Takes indexes in advance, so that the first issue after a start waits for no more commits than any other.
    ///
    /// # Errors
    /// [`StoryError::Unavailable`]; then whoever issues takes them.
    pub fn stock_indexes(&self) -> Result<(), StoryError> {
        Ok(Kind::BOTH.into_iter().try_for_each(|kind| self.indexes.stock_up(self.store(), kind))?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::store::{Fault, MemoryStore};
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    /// A store that counts its allocations.
    fn counting() -> (MemoryStore, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&count);
        let store = MemoryStore::with_faults(move |number| {
            seen.store(number, Ordering::SeqCst);
            Fault::None
        });
        (store, count)
    }

    #[test]
    fn the_next_block_is_there_before_the_last_index_of_this_one_is_given() {
        let ((store, writes), indexes) = (counting(), Indexes::default());
        let mut given = HashSet::new();
        let mut beside = 0;
        for _ in 0..3 * INDEX_BLOCK {
            let before = writes.load(Ordering::SeqCst);
            assert!(given.insert(indexes.next(&store, Kind::Sign).unwrap()));
            let waited = writes.load(Ordering::SeqCst) > before;
            assert!(!waited || given.len() == 1, "index {} waited for a block of its own", given.len());
            indexes.refill_beside(&store, || ());
            beside += u64::from(writes.load(Ordering::SeqCst) > before);
        }
        assert_eq!(given.len() as u64, 3 * INDEX_BLOCK);
        assert!(beside >= 3);
    }

    #[test]
    fn a_block_that_cannot_be_taken_is_asked_for_again() {
        let store = MemoryStore::with_faults(|number| if number == 1 { Fault::Lost } else { Fault::None });
        let indexes = Indexes::default();
        assert!(indexes.next(&store, Kind::Auth).is_err());
        assert_eq!(indexes.next(&store, Kind::Auth), Ok(0));
        let fails = MemoryStore::with_faults(|_| Fault::Lost);
        indexes.stock(Kind::Auth).block = 0..1;
        assert_eq!(indexes.refill_beside(&fails, || 7), 7, "the work is done all the same");
        assert_eq!(indexes.next(&store, Kind::Auth), Ok(0));
        assert!(indexes.next(&fails, Kind::Auth).is_err());
        assert_eq!(indexes.next(&store, Kind::Auth), Ok(INDEX_BLOCK));
    }
}
