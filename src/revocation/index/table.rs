//! The state of every certificate of one CA.
//!
//! Two bits a certificate say: never issued, good, or that there is a record, and where. The record tells the rest, for as
//! long as the process lives: a certificate that is released keeps its record, which then says so. So a certificate's bits
//! only rise, what a reader is told hangs on one load (of the bits until there is a record, of the record's word from then
//! on), and states are seen in the order in which they came.
//!
//! Records that a snapshot brought stand one behind the other ([`first`](super::first)). Those that are added later, for the
//! 32 certificates whose bits share a word, are a chain; its newest link stands beside that word. Links are added, never
//! changed or taken away.

use std::sync::{
    OnceLock,
    atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use super::{
    Status,
    first::First,
    growing::{Growing, LEAF},
    record::{self, GOOD_AGAIN, Long, UNTOLD, Word},
};
use crate::ports::Revocation;

const NEVER: u64 = 0;
const GOOD: u64 = 1;
/// Has a record of the snapshot; in a snapshot: has a record.
const FIRST: u64 = 2;
/// Has a record in the chain.
const ADDED: u64 = 3;
/// Certificates whose bits share a word.
pub(in crate::revocation) const PER_WORD: u64 = 32;
/// The lower bit of every certificate in a word.
const LOWER: u64 = 0x5555_5555_5555_5555;
/// The bits of a link that tell the next one.
const NEXT: u64 = u32::MAX as u64;

/// The table; one writer at a time, any number of readers.
#[derive(Default)]
pub(in crate::revocation) struct Table {
    bits: Growing<AtomicU64>,
    /// By leaf of bits.
    first: Growing<OnceLock<First>>,
    /// For each word of bits: one more than the place of its newest link, 0 if it has none.
    heads: Growing<AtomicU32>,
    chain: Growing<Link>,
    longs: Growing<[AtomicU64; 2]>,
    first_count: AtomicU64,
    chain_count: AtomicU32,
    long_count: AtomicU32,
    /// Leaves of bits, up to the last one that was written to.
    leaf_count: AtomicU64,
}

#[derive(Default)]
struct Link {
    /// Whose (which of the 32, from bit 32 on), and one more than the place of the next link. Written once.
    next: AtomicU64,
    word: AtomicU64,
}

/// A leaf of the table as a snapshot has it: a word of bits for each 32 certificates, and the words of the records in order
/// of index; a long record follows on its word.
#[derive(Default)]
pub(in crate::revocation) struct Leaf {
    pub(in crate::revocation) bits: Vec<u64>,
    pub(in crate::revocation) records: Vec<u64>,
}

impl Table {
    pub(super) fn status(&self, index: u64) -> Status {
        let bits = self.bits(index);
        match lane(bits, index) {
            NEVER => Status::NeverIssued,
            GOOD => Status::Good,
            // Neither without its record nor with one that says nothing can a certificate be; none is good by mistake.
            _ => self.record(index, bits).and_then(|word| self.read(word)).unwrap_or(Status::NeverIssued),
        }
    }

    /// From now on the certificate is good.
    pub(super) fn set_good(&self, index: u64) {
        match self.record(index, self.bits(index)) {
            Some(word) => word.store(GOOD_AGAIN, Release),
            None => self.set(index, GOOD),
        }
    }

    /// From now on the certificate is held or revoked. Should there be no room for its record, after thousands of millions, it
    /// is never issued: what cannot be told must not be good.
    pub(super) fn set_ended(&self, index: u64, revocation: &Revocation) {
        let packed = Word::pack(revocation).or_else(|| self.add_long(record::pack_long(revocation)));
        let packed = packed.unwrap_or(UNTOLD);
        match self.record(index, self.bits(index)) {
            Some(word) => word.store(packed, Release),
            None => self.set(index, self.add(index, packed).map_or(NEVER, |()| ADDED)),
        }
    }

    /// How many certificates have a record.
    pub(super) fn records(&self) -> u64 {
        self.first_count.load(Relaxed) + u64::from(self.chain_count.load(Relaxed))
    }

    /// How many leaves a snapshot has to look at.
    pub(in crate::revocation) fn leaves(&self) -> u64 {
        self.leaf_count.load(Acquire)
    }

    /// Copies a leaf, without waiting for whoever writes to it: what changes meanwhile is copied as it was or as it will be.
    pub(in crate::revocation) fn copy(&self, number: u64, into: &mut Leaf) {
        into.bits.clear();
        into.records.clear();
        for (at, word) in self.bits.leaf(number).unwrap_or_default().iter().enumerate() {
            let first = (number * LEAF as u64 + at as u64) * PER_WORD;
            let bits = word.load(Acquire);
            let mut copied = bits;
            for index in recorded(bits).map(|lane| first + lane) {
                let record = self.record(index, bits).map(|word| word.load(Acquire));
                let told = match record.and_then(|word| Word::read(word).map(|read| (word, read))) {
                    Some((word, Word::Short(_))) => {
                        into.records.push(word);
                        FIRST
                    }
                    Some((_, Word::Long(place))) => {
                        into.records.push(Word::long(0));
                        into.records.extend(self.long(place).unwrap_or_default());
                        FIRST
                    }
                    Some((_, Word::GoodAgain)) => GOOD,
                    None => NEVER,
                };
                copied = with_lane(copied, index, told);
            }
            into.bits.push(copied);
        }
    }

    /// Takes a leaf in, where nothing was before. None if it says what no leaf says.
    pub(in crate::revocation) fn restore(&self, number: u64, leaf: &Leaf) -> Option<()> {
        // Not `any`: without a way out of the middle the compiler takes many at a time.
        let fourth = leaf.bits.iter().fold(0, |all, bits| all | bits & bits >> 1) & LOWER;
        let recorded = leaf.bits.iter().fold(0, |all, bits| all | bits >> 1) & LOWER;
        if leaf.bits.len() != LEAF || fourth != 0 {
            return None;
        }
        if recorded != 0 || !leaf.records.is_empty() {
            let mut words = Vec::with_capacity(leaf.records.len());
            let mut records = leaf.records.iter().copied();
            while let Some(word) = records.next() {
                words.push(AtomicU64::new(self.taken(word, &mut records)?));
            }
            let first = First::new(&leaf.bits, words.into())?;
            self.first_count.fetch_add(first.len() as u64, Relaxed);
            self.first.grown(number)?.set(first).ok()?;
        }
        self.leaf_count.fetch_max(number + 1, Release);
        self.bits.set_leaf(number, leaf.bits.iter().copied().map(AtomicU64::new).collect())
    }

    /// A word of a snapshot as this table has it; a long record follows on it.
    fn taken(&self, word: u64, following: &mut impl Iterator<Item = u64>) -> Option<u64> {
        if Word::is_short(word) {
            return Some(word);
        }
        match Word::read(word)? {
            Word::Long(_) => {
                let long = [following.next()?, following.next()?];
                record::read_long(long)?;
                self.add_long(long)
            }
            _ => None,
        }
    }

    fn bits(&self, index: u64) -> u64 {
        self.bits.get(index / PER_WORD).map_or(0, |bits| bits.load(Acquire))
    }

    fn read(&self, word: &AtomicU64) -> Option<Status> {
        match Word::read(word.load(Acquire))? {
            Word::GoodAgain => Some(Status::Good),
            Word::Short(revocation) => Some(Status::Revoked(revocation)),
            Word::Long(place) => record::read_long(self.long(place)?).map(Status::Revoked),
        }
    }

    fn long(&self, place: u32) -> Option<Long> {
        // Written before the word that tells of it, and never again.
        self.longs.get(place.into()).map(|long| [long[0].load(Relaxed), long[1].load(Relaxed)])
    }

    /// The word of an index's record, where the bits beside it say that there is one.
    fn record(&self, index: u64, bits: u64) -> Option<&AtomicU64> {
        match lane(bits, index) {
            FIRST => {
                let (leaf, at) = (index / PER_WORD / LEAF as u64, (index / PER_WORD) as usize % LEAF);
                self.first.get(leaf)?.get()?.get(at, bits, index % PER_WORD)
            }
            ADDED => self.find(index),
            _ => None,
        }
    }

    fn find(&self, index: u64) -> Option<&AtomicU64> {
        let mut place = self.heads.get(index / PER_WORD)?.load(Acquire);
        while let Some(at) = place.checked_sub(1) {
            let link = self.chain.get(at.into())?;
            let next = link.next.load(Relaxed);
            if next >> 32 == index % PER_WORD {
                return Some(&link.word);
            }
            place = (next & NEXT) as u32;
        }
        None
    }

    /// Adds a record to the chain of an index that has none.
    fn add(&self, index: u64, word: u64) -> Option<()> {
        let (head, place) = (self.heads.grown(index / PER_WORD)?, self.chain_count.load(Relaxed));
        let (link, next) = (self.chain.grown(place.into())?, place.checked_add(1)?);
        link.word.store(word, Relaxed);
        link.next.store((index % PER_WORD) << 32 | u64::from(head.load(Relaxed)), Relaxed);
        self.chain_count.store(next, Relaxed);
        head.store(next, Release);
        Some(())
    }

    fn add_long(&self, long: Long) -> Option<u64> {
        let place = self.long_count.load(Relaxed);
        let slot = self.longs.grown(place.into())?;
        slot[0].store(long[0], Relaxed);
        slot[1].store(long[1], Relaxed);
        self.long_count.store(place.checked_add(1)?, Relaxed);
        Some(Word::long(place))
    }

    /// Sets the two bits of an index; beyond the end of the table (2^37) it stays never issued.
    fn set(&self, index: u64, value: u64) {
        if let Some(bits) = self.bits.grown(index / PER_WORD) {
            bits.store(with_lane(bits.load(Relaxed), index, value), Release);
            self.leaf_count.fetch_max(index / PER_WORD / LEAF as u64 + 1, Release);
        }
    }
}

/// The two bits of an index in their word.
fn lane(bits: u64, index: u64) -> u64 {
    bits >> (index % PER_WORD * 2) & 0b11
}

fn with_lane(bits: u64, index: u64, value: u64) -> u64 {
    let shift = index % PER_WORD * 2;
    bits & !(0b11 << shift) | value << shift
}

/// The certificates of a word that have a record, from the lowest on.
fn recorded(bits: u64) -> impl Iterator<Item = u64> {
    let mut left = bits >> 1 & LOWER;
    std::iter::from_fn(move || {
        let bit = (left != 0).then(|| left.trailing_zeros());
        left &= left.wrapping_sub(1);
        bit.map(|bit| u64::from(bit / 2))
    })
}
