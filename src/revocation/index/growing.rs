//! An array that grows without moving what readers see.
//!
//! A tree of three levels: a root of branches, a branch of leaves, a leaf of [`LEAF`] elements. A leaf is made once, by
//! whoever writes, and stays where it is for as long as the array lives; so a reader needs no lock and never waits: what is
//! not there yet was never written.

use std::sync::OnceLock;

/// Elements of a leaf.
pub(in crate::revocation) const LEAF: usize = 1 << 12;
/// Branches of the root, and leaves of a branch: the array holds 2^32 elements.
const FAN: usize = 1 << 10;

type Leaf<T> = Box<[T]>;
type Branch<T> = Box<[OnceLock<Leaf<T>>]>;

/// The array.
pub(super) struct Growing<T> {
    root: Box<[OnceLock<Branch<T>>]>,
}

impl<T> Default for Growing<T> {
    fn default() -> Self {
        Self { root: empty() }
    }
}

impl<T: Default> Growing<T> {
    /// The element, if its leaf is there.
    pub(super) fn get(&self, at: u64) -> Option<&T> {
        self.leaf(at / LEAF as u64)?.get(at as usize % LEAF)
    }

    /// The element; its leaf is made if need be. None beyond the array's end.
    pub(super) fn grown(&self, at: u64) -> Option<&T> {
        self.grown_leaf(at / LEAF as u64)?.get(at as usize % LEAF)
    }

    /// A leaf by number, if it is there.
    pub(super) fn leaf(&self, number: u64) -> Option<&[T]> {
        let (branch, leaf) = place(number)?;
        self.root.get(branch)?.get()?.get(leaf)?.get().map(AsRef::as_ref)
    }

    /// Puts a leaf where none is. None if there is one, if it is of another length, or beyond the array's end.
    pub(super) fn set_leaf(&self, number: u64, content: Leaf<T>) -> Option<()> {
        let (branch, leaf) = place(number)?;
        let leaf = self.root.get(branch)?.get_or_init(empty).get(leaf)?;
        if content.len() == LEAF { leaf.set(content).ok() } else { None }
    }

    /// A leaf by number; it is made if need be. None beyond the array's end.
    pub(super) fn grown_leaf(&self, number: u64) -> Option<&[T]> {
        let (branch, leaf) = place(number)?;
        let leaf = self.root.get(branch)?.get_or_init(empty).get(leaf)?;
        Some(leaf.get_or_init(|| (0..LEAF).map(|_| T::default()).collect()))
    }
}

fn empty<T>() -> Box<[OnceLock<T>]> {
    (0..FAN).map(|_| OnceLock::new()).collect()
}

fn place(number: u64) -> Option<(usize, usize)> {
    let number = usize::try_from(number).ok()?;
    Some((number / FAN, number % FAN))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    #[test]
    fn what_was_never_written_is_not_there_and_nothing_lies_beyond_the_end() {
        let array = Growing::<AtomicU32>::default();
        let end = (FAN * FAN * LEAF) as u64;
        for at in [0, 1, LEAF as u64, end - 1, end, u64::MAX] {
            assert!(array.get(at).is_none(), "{at}");
        }
        assert!(array.grown(end - 1).is_some() && array.get(end - 1).is_some());
        assert!(array.grown(end).is_none() && array.grown(u64::MAX).is_none());
        assert!(array.get(0).is_none());
    }

    #[test]
    fn growing_moves_nothing() {
        let array = Growing::<AtomicU32>::default();
        let first = array.grown(5).unwrap();
        first.store(7, Relaxed);
        for number in 0..3000 {
            array.grown(number * LEAF as u64 + 5).unwrap().store(number as u32, Relaxed);
        }
        first.store(8, Relaxed);
        assert!(std::ptr::eq(first, array.get(5).unwrap()));
        assert_eq!(array.get(5).unwrap().load(Relaxed), 8);
        assert_eq!(array.get(2999 * LEAF as u64 + 5).unwrap().load(Relaxed), 2999);
    }
}
