//! Which path asked for which answer, as a thread remembers it: the same path means the same request, so what was made of it
//! need not be made again.
//!
//! Only that is remembered. Whether the answer may be given again is asked of the desk each time, which looks the certificate's
//! state up: an answer dies here as it dies there. A thread has its own table, of a fixed size, so nobody waits and no core
//! takes a line of memory from another's cache. What answers are remembered stay in memory a little longer than at the desk;
//! there are never more of them than places.

/// Places of a thread; what they hold takes 1.5 MB at most, and the answers less than 1 kB each.
const PLACES: usize = 4096;
/// Places that a path may have.
const WAYS: usize = 2;
/// Octets of the longest path that is remembered: that of one certificate, by SHA-256, with every sign escaped that is.
const LONGEST: usize = 240;

/// Answers by the paths that asked for them.
pub(super) struct Memo<T> {
    places: Vec<Option<Box<Remembered<T>>>>,
}

struct Remembered<T> {
    length: usize,
    answer: T,
    path: [u8; LONGEST],
}

impl<T: Clone> Memo<T> {
    /// Takes its memory when the first answer is remembered.
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// The answer that a path was given, if `serves` says that it may be given again.
    pub(super) fn find(&self, path: &str, serves: impl FnOnce(&T) -> bool) -> Option<T> {
        let first = place(path);
        let set = self.places.get(first..first + WAYS)?;
        let found = set.iter().flatten().find(|one| one.path() == path.as_bytes())?;
        serves(&found.answer).then(|| found.answer.clone())
    }

    /// Remembers the answer to a path, in the place of what the path was given before, or of what was remembered least lately.
    pub(super) fn put(&mut self, path: &str, answer: T) {
        if path.len() > LONGEST {
            return;
        }
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        let first = place(path);
        let set = &mut self.places[first..first + WAYS];
        let known = set.iter().position(|one| one.as_ref().is_some_and(|one| one.path() == path.as_bytes()));
        // What is put goes to the front, and the last falls out.
        set[..=known.unwrap_or(WAYS - 1)].rotate_right(1);
        let mut octets = [0; LONGEST];
        octets[..path.len()].copy_from_slice(path.as_bytes());
        set[0] = Some(Box::new(Remembered { length: path.len(), answer, path: octets }));
    }
}

impl<T> Remembered<T> {
    fn path(&self) -> &[u8] {
        &self.path[..self.length]
    }
}

/// Octets at the end of a path that choose its place: there is the serial number.
const TELLING: usize = 48;

/// The first place of a path. Whoever makes paths share theirs only has others decoded again.
fn place(path: &str) -> usize {
    // Odd, and without pattern: the fraction of the golden ratio.
    const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
    let telling = &path.as_bytes()[path.len().saturating_sub(TELLING)..];
    let (words, rest) = telling.as_chunks::<8>();
    let mut mixed = path.len() as u64;
    for word in words {
        mixed = (mixed ^ u64::from_le_bytes(*word)).wrapping_mul(MIX).rotate_left(29);
    }
    for octet in rest {
        mixed = (mixed ^ u64::from(*octet)).wrapping_mul(MIX).rotate_left(29);
    }
    (mixed.wrapping_mul(MIX) >> 32) as usize % (PLACES / WAYS) * WAYS
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn find(memo: &Memo<usize>, path: &str) -> Option<usize> {
        memo.find(path, |_| true)
    }

    #[test]
    fn a_path_finds_its_own_answer_or_none() {
        let mut memo = Memo::new();
        assert_eq!(find(&memo, "/a"), None);
        for number in 0..3 * PLACES {
            let path = format!("/{number:080}");
            memo.put(&path, number);
            assert_eq!(find(&memo, &path), Some(number));
        }
        let known = (0..3 * PLACES).filter(|number| {
            let found = find(&memo, &format!("/{number:080}"));
            assert!(found.is_none_or(|found| found == *number));
            found.is_some()
        });
        let known = known.count();
        assert!((PLACES / 2..=PLACES).contains(&known), "{known} of {PLACES}");
    }

    #[test]
    fn what_is_put_again_replaces_and_frees_what_was() {
        let (mut memo, first) = (Memo::new(), Arc::new(1));
        memo.put("/a", Arc::clone(&first));
        memo.put("/a", Arc::new(2));
        assert_eq!((memo.find("/a", |_| true), Arc::strong_count(&first)), (Some(Arc::new(2)), 1));
    }

    #[test]
    fn of_two_that_share_a_place_neither_drives_the_other_out() {
        let mut memo = Memo::new();
        let other = (0..).map(|number| format!("/{number}")).find(|path| place(path) == place("/a")).unwrap();
        memo.put("/a", 1);
        memo.put(&other, 2);
        memo.put("/a", 3);
        assert_eq!((find(&memo, "/a"), find(&memo, &other)), (Some(3), Some(2)));
    }

    #[test]
    fn what_does_not_serve_is_not_given_and_long_paths_are_not_remembered() {
        let (mut memo, long) = (Memo::new(), "a".repeat(LONGEST + 1));
        memo.put("/a", 1);
        assert!(memo.find("/a", |_| false).is_none());
        memo.put(&long, 2);
        memo.put(&long[1..], 3);
        assert_eq!((find(&memo, &long), find(&memo, &long[1..])), (None, Some(3)));
    }
}
