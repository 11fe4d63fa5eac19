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

use arc_swap::ArcSwapOption;

use super::answer::Key;

/// Places in a set.
const WAYS: usize = 4;

/// Kept answers by their keys.
pub(super) struct KeptAnswers<T> {
    sets: Box<[Set<T>]>,
}

/// The mark 0 is that of no key.
#[repr(align(64))]
struct Set<T> {
    marks: [AtomicU64; WAYS],
    places: [ArcSwapOption<Place<T>>; WAYS],
}

/// An answer in its place.
struct Place<T> {
    key: Key,
    kept: T,
    /// Whether someone has asked for it since the set was last full.
    used: AtomicBool,
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { marks: Default::default(), places: Default::default() }
    }
}

impl<T> KeptAnswers<T> {
    /// An empty table with at least so many places.
    pub(super) fn new(places: usize) -> Self {
        let sets = places.div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Set::default()).collect() }
    }

    /// What `give` makes of that which is kept under a key.
    pub(super) fn find<R>(&self, key: &Key, give: impl FnOnce(&T) -> Option<R>) -> Option<R> {
        let (set, mark) = self.set(key);
        let way = set.marks.iter().position(|found| found.load(Ordering::Acquire) == mark)?;
        let place = set.places[way].load();
        let found = place.as_deref().filter(|place| place.key == *key)?;
        // Written once, so that readers share the line.
        if !found.used.load(Ordering::Relaxed) {
            found.used.store(true, Ordering::Relaxed);
        }
        give(&found.kept)
    }

    /// Keeps an answer under a key, in the place of what was there or of what is asked for least.
    pub(super) fn put(&self, key: Key, kept: T) {
        let (set, mark) = self.set(&key);
        let way = set.place_for(mark);
        let place = Place { key, kept, used: AtomicBool::new(false) };
        set.places[way].store(Some(Arc::new(place)));
        set.marks[way].store(mark, Ordering::Release);
    }

    fn set(&self, key: &Key) -> (&Set<T>, u64) {
        let mark = key.mark();
        // A power of two of them, so the mask is in bounds.
        (&self.sets[(mark >> 32) as usize & (self.sets.len() - 1)], mark)
    }
}

impl<T> Set<T> {
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
            place.as_deref().is_none_or(|place| !place.used.swap(false, Ordering::Relaxed))
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

    fn held(table: &KeptAnswers<Arc<u64>>) -> usize {
        table.sets.iter().flat_map(|set| &set.places).filter(|place| place.load().is_some()).count()
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_used_stays() {
        let table = KeptAnswers::new(64);
        table.put(key(u64::MAX), Arc::new(0));
        for index in 0..10_000 {
            assert_eq!(table.find(&key(u64::MAX), |kept| Some(**kept)), Some(0), "asked for all the time");
            table.put(key(index), Arc::new(index));
        }
        assert_eq!(table.find(&key(9_999), |kept| Some(**kept)), Some(9_999));
        assert_eq!(held(&table), 64, "every place is found, and there are no more");
        assert_eq!(table.find(&key(0), |kept| Some(**kept)), None);
    }

    #[test]
    fn what_is_replaced_is_freed() {
        let (table, first) = (KeptAnswers::new(4), Arc::new(1));
        table.put(key(1), Arc::clone(&first));
        table.put(key(1), Arc::new(2));
        assert_eq!((Arc::strong_count(&first), held(&table)), (1, 1));
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
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(table.find(key, |_| Some(())), None);
            table.put(*key, number);
        }
        assert!(keys.iter().enumerate().all(|(number, key)| table.find(key, |kept| Some(*kept)) == Some(number)));
        let (set, mark) = table.set(&key(9));
        set.marks[0].store(mark, Ordering::Relaxed);
        assert_eq!(table.find(&key(9), |_| Some(())), None, "another's place under this mark, or an empty one");
    }

    #[test]
    fn dense_indexes_are_spread_evenly() {
        let table = KeptAnswers::new(4096);
        (0..4096).for_each(|index| table.put(key(index), Arc::new(index)));
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
                            table.put(key(index), Arc::new(index));
                        }
                        assert!(table.find(&key(index), |kept| Some(**kept)).is_none_or(|found| found == index));
                    }
                });
            }
        });
    }
}
