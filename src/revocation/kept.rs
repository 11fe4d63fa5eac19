//! The answers at hand: a table of a fixed size that is read without a lock.
//!
//! A key has one set of four places, all in one line of the processor's cache: a mark of each place's key, and the places.
//! Looking up compares four marks, and follows one pointer if one of them is the right one. Putting replaces what nobody has
//! asked for since the set was last full (a second chance each), so what is asked for all the time stays, whatever else is
//! put; two who put into one set at once may undo each other's, which costs a signature and no truth.
//!
//! Why no map with a lock a shard: measured, the lock and the map's own hash cost more than all the rest of a look-up, and
//! a reader that is interrupted with the lock in its hand keeps all others of its shard waiting.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use arc_swap::{ArcSwapOption, Guard};

use super::answer::Key;

/// Places in a set.
const WAYS: usize = 4;

/// Kept answers by their keys.
pub(super) struct KeptAnswers<T> {
    sets: Box<[Set<T>]>,
}

/// What can be kept: it has its key and its second chance with it, so that looking up follows one pointer.
pub(super) trait Keepable {
    /// Under which key; nothing is found that has none.
    fn key(&self) -> Option<&Key>;

    /// Whether someone has asked for it since its set was last full.
    fn used(&self) -> &AtomicBool;
}

/// The mark 0 is that of no key.
#[repr(align(64))]
struct Set<T> {
    marks: [AtomicU64; WAYS],
    places: [ArcSwapOption<T>; WAYS],
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { marks: Default::default(), places: Default::default() }
    }
}

impl<T: Keepable> KeptAnswers<T> {
    /// An empty table with at least so many places.
    pub(super) fn new(places: usize) -> Self {
        let sets = places.div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Set::default()).collect() }
    }

    /// What is kept under a key, if it serves.
    pub(super) fn find(&self, key: &Key, serves: impl FnOnce(&T) -> bool) -> Option<Arc<T>> {
        let (set, mark) = self.set(key);
        let way = set.marks.iter().position(|found| found.load(Ordering::Acquire) == mark)?;
        let place = set.places[way].load();
        let found = place.as_deref().filter(|kept| kept.key() == Some(key) && serves(kept))?;
        // Written once, so that readers share the line.
        if !found.used().load(Ordering::Relaxed) {
            found.used().store(true, Ordering::Relaxed);
        }
        Guard::into_inner(place)
    }

    /// Keeps an answer under its key, in the place of what was there or of what is asked for least.
    pub(super) fn put(&self, kept: Arc<T>) {
        let Some(key) = kept.key() else { return };
        let (set, mark) = self.set(key);
        let way = set.place_for(mark);
        set.places[way].store(Some(kept));
        set.marks[way].store(mark, Ordering::Release);
    }

    fn set(&self, key: &Key) -> (&Set<T>, u64) {
        let mark = key.mark();
        // A power of two of them, so the mask is in bounds.
        (&self.sets[(mark >> 32) as usize & (self.sets.len() - 1)], mark)
    }
}

impl<T: Keepable> Set<T> {
    /// Its own place, a free one, or one whose second chance is over.
    fn place_for(&self, mark: u64) -> usize {
        let marked = |wanted| self.marks.iter().position(|found| found.load(Ordering::Relaxed) == wanted);
        if let Some(way) = marked(mark).or_else(|| marked(0)) {
            return way;
        }
        // Any place will do to begin at, and these bits choose neither the set nor are they the same for all its keys.
        let first = mark as usize % WAYS;
        let idle = (0..WAYS).map(|step| (first + step) % WAYS).find(|way| {
            let place = self.places[*way].load();
            place.as_deref().is_none_or(|kept| !kept.used().swap(false, Ordering::Relaxed))
        });
        idle.unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kind::Kind, x509::ocsp::CertIdHash};

    fn key(index: u64) -> Key {
        Key { issuer: (Kind::Sign, 1), index, hash: CertIdHash::Sha1, form: 75 }
    }

    struct Kept {
        key: Key,
        used: AtomicBool,
    }

    impl Keepable for Kept {
        fn key(&self) -> Option<&Key> {
            Some(&self.key)
        }

        fn used(&self) -> &AtomicBool {
            &self.used
        }
    }

    fn kept(key: Key) -> Arc<Kept> {
        Arc::new(Kept { key, used: AtomicBool::new(false) })
    }

    fn held(table: &KeptAnswers<Kept>) -> usize {
        table.sets.iter().flat_map(|set| &set.places).filter(|place| place.load().is_some()).count()
    }

    fn has(table: &KeptAnswers<Kept>, key: Key) -> bool {
        table.find(&key, |_| true).is_some_and(|kept| kept.key == key)
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_used_stays() {
        let table = KeptAnswers::new(64);
        table.put(kept(key(u64::MAX)));
        for index in 0..10_000 {
            assert!(has(&table, key(u64::MAX)), "asked for all the time");
            table.put(kept(key(index)));
        }
        assert!(has(&table, key(9_999)) && !has(&table, key(0)));
        assert_eq!(held(&table), 64, "every place is found, and there are no more");
    }

    #[test]
    fn what_is_replaced_is_freed_and_what_does_not_serve_is_not_given() {
        let (table, first) = (KeptAnswers::new(4), kept(key(1)));
        table.put(Arc::clone(&first));
        table.put(kept(key(1)));
        assert_eq!((Arc::strong_count(&first), held(&table)), (1, 1));
        assert!(table.find(&key(1), |_| false).is_none());
    }

    #[test]
    fn keys_that_differ_in_anything_are_kept_apart_even_under_one_mark() {
        let keys = [
            key(1),
            key(2),
            Key { issuer: (Kind::Auth, 1), ..key(1) },
            Key { issuer: (Kind::Sign, 2), ..key(1) },
            Key { hash: CertIdHash::Sha256, ..key(1) },
            Key { form: 73, ..key(1) },
        ];
        let table = KeptAnswers::new(1024);
        for key in keys {
            assert!(!has(&table, key));
            table.put(kept(key));
        }
        assert!(keys.iter().all(|key| has(&table, *key)));
        let (set, mark) = table.set(&key(9));
        set.marks[0].store(mark, Ordering::Relaxed);
        assert!(table.find(&key(9), |_| true).is_none(), "another's place under this mark, or an empty one");
    }

    #[test]
    fn dense_indexes_are_spread_evenly() {
        let table = KeptAnswers::new(4096);
        (0..4096).for_each(|index| table.put(kept(key(index))));
        assert!(held(&table) > 3000, "{} of 4096", held(&table));
    }

    #[test]
    fn readers_beside_writers_find_their_own_or_nothing() {
        let table = KeptAnswers::new(16);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let table = &table;
                scope.spawn(move || {
                    for round in 0..20_000 {
                        let index = (round * 7 + thread) % 64;
                        if round % 3 == 0 {
                            table.put(kept(key(index)));
                        }
                        assert!(table.find(&key(index), |_| true).is_none_or(|kept| kept.key == key(index)));
                    }
                });
            }
        });
    }
}
