//! Indexes for new certificates, taken from the store in blocks so that not every issue waits for one.
//!
//! The timer takes the next block while this one is not used up, so that an issue waits for two commits and not for a third.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
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
}

impl Stock {
    /// Whether it is time for a spare block.
    fn is_low(&self) -> bool {
        let left = self.block.end.saturating_sub(self.block.start);
        self.spare.is_empty() && left < INDEX_BLOCK / 2
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

    /// Takes a spare block where less than half of one is left.
    fn stock_up(&self, store: &dyn Store, kind: Kind) -> Result<(), StoreError> {
        if !self.stock(kind).is_low() {
            return Ok(());
        }
        // Nobody who takes an index waits for this.
        let taken = store.allocate(kind, INDEX_BLOCK)?;
        let mut stock = self.stock(kind);
        if stock.spare.is_empty() {
            stock.spare = taken;
        }
        Ok(())
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
    /// Takes indexes in advance. Run on a timer, and before the doors open.
    ///
    /// # Errors
    /// [`StoryError::Unavailable`]; then whoever issues takes them.
    pub fn stock_indexes(&self) -> Result<(), StoryError> {
        Ok(Kind::BOTH.into_iter().try_for_each(|kind| self.indexes.stock_up(self.store(), kind))?)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
    };

    use super::*;
    use crate::store::{Fault, MemoryStore};

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
    fn who_takes_an_index_waits_for_no_block_while_the_timer_runs() {
        let ((store, allocations), indexes) = (counting(), Indexes::default());
        let mut given = HashSet::new();
        for turn in 1..=9 {
            indexes.stock_up(&store, Kind::Sign).unwrap();
            let before = allocations.load(Ordering::SeqCst);
            assert!(before <= turn);
            for _ in 0..INDEX_BLOCK / 2 {
                assert!(given.insert(indexes.next(&store, Kind::Sign).unwrap()));
            }
            assert_eq!(allocations.load(Ordering::SeqCst), before, "turn {turn}");
        }
        assert_eq!(allocations.load(Ordering::SeqCst), 5, "no more is taken than was used, and one ahead");
    }

    #[test]
    fn without_a_timer_each_block_is_taken_when_it_is_needed() {
        let ((store, allocations), indexes) = (counting(), Indexes::default());
        let given: HashSet<u64> = (0..2 * INDEX_BLOCK).map(|_| indexes.next(&store, Kind::Auth).unwrap()).collect();
        assert_eq!((given.len() as u64, allocations.load(Ordering::SeqCst)), (2 * INDEX_BLOCK, 2));
    }

    #[test]
    fn a_block_that_cannot_be_taken_is_asked_for_again() {
        let store = MemoryStore::with_faults(|number| if number <= 2 { Fault::Lost } else { Fault::None });
        let indexes = Indexes::default();
        assert!(indexes.stock_up(&store, Kind::Auth).is_err());
        assert!(indexes.next(&store, Kind::Auth).is_err());
        assert_eq!(indexes.next(&store, Kind::Auth), Ok(0));
        let fails = MemoryStore::with_faults(|_| Fault::Lost);
        assert_eq!(indexes.next(&fails, Kind::Auth), Ok(1), "what is there is given");
    }
}
