//! The records that a leaf of a table began with, when it came out of a snapshot: one behind the other, in order of index.
//!
//! Which certificates they belong to stands in the bits, so a record is found by counting those before it: nothing but its
//! word is kept, and starting is little more than copying.

use std::sync::atomic::AtomicU64;

use super::growing::LEAF;

/// Words of bits that count from one beginning: with 32 certificates each, the count fits 16 bits.
const GROUP: usize = 1024;
/// The lower bit of every certificate in a word.
const LOWER: u64 = 0x5555_5555_5555_5555;

/// The records.
pub(super) struct First {
    /// How many there are before each group.
    groups: [u32; LEAF / GROUP],
    /// How many there are in the group before each word of bits.
    starts: Box<[u16]>,
    words: Box<[AtomicU64]>,
}

/// The certificates in a word of bits that have such a record: bits 1 and 0 say 2. They never say anything else afterwards, and
/// none comes to say it.
pub(super) fn first_lanes(bits: u64) -> u64 {
    bits >> 1 & !bits & LOWER
}

impl First {
    /// The records of a leaf with these bits; none if there are more or fewer.
    pub(super) fn new(bits: &[u64], words: Box<[AtomicU64]>) -> Option<Self> {
        let (mut groups, mut starts, mut count) = ([0; LEAF / GROUP], Vec::with_capacity(LEAF), 0);
        for (start, group) in groups.iter_mut().zip(bits.chunks(GROUP)) {
            *start = count;
            for bits in group {
                starts.push((count - *start) as u16);
                count += first_lanes(*bits).count_ones();
            }
        }
        let fits = starts.len() == LEAF && count as usize == words.len();
        fits.then(|| Self { groups, starts: starts.into(), words })
    }

    /// The word of the record of a certificate, one of the 32 of a word of bits, if it has one of these.
    pub(super) fn get(&self, at: usize, bits: u64, lane: u64) -> Option<&AtomicU64> {
        let before = first_lanes(bits) & ((1 << (2 * lane)) - 1);
        let start = self.groups.get(at / GROUP)? + u32::from(*self.starts.get(at)?);
        self.words.get((start + before.count_ones()) as usize)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }
}
