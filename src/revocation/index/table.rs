//! The state of every certificate of one CA.
//!
//! Two bits a certificate say: never issued, good, or that there is a record. The record tells the rest, for as long as the
//! process lives: a certificate that is released keeps its record, which then says so. So a certificate's two bits only
//! rise, what a reader is told hangs on one load (of the bits until there is a record, of the record's word from then on),
//! and states are seen in the order in which they came.
//!
//! The records of the 32 certificates whose bits share a word are a chain; its newest link stands beside that word. Links
//! are added, never changed or taken away.

use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use super::{
    Status,
    growing::{Growing, LEAF},
    record::{self, GOOD_AGAIN, Long, Word},
};
use crate::ports::Revocation;

const NEVER: u64 = 0;
const GOOD: u64 = 1;
const RECORDED: u64 = 2;
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
    /// For each word of bits: one more than the place of its newest record, 0 if it has none.
    heads: Growing<AtomicU32>,
    records: Growing<Record>,
    longs: Growing<[AtomicU64; 2]>,
    record_count: AtomicU32,
    long_count: AtomicU32,
    /// Leaves of bits, up to the last one that was written to.
    leaf_count: AtomicU64,
}

#[derive(Default)]
struct Record {
    /// Whose (which of the 32, from bit 32 on), and one more than the place of the next link. Written once.
    link: AtomicU64,
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
        match self.lane(index) {
            GOOD => Status::Good,
            // Neither without its record nor with one that says nothing can a certificate be; none is good by mistake.
            RECORDED => self.find(index).and_then(|found| self.read(found)).unwrap_or(Status::NeverIssued),
            _ => Status::NeverIssued,
        }
    }

    /// From now on the certificate is good.
    pub(super) fn set_good(&self, index: u64) {
        let recorded = self.lane(index) == RECORDED;
        match recorded.then(|| self.find(index)).flatten() {
            Some(found) => found.word.store(GOOD_AGAIN, Release),
            None => self.set(index, GOOD),
        }
    }

    /// From now on the certificate is held or revoked.
    pub(super) fn set_ended(&self, index: u64, revocation: &Revocation) {
        let packed = Word::pack(revocation).or_else(|| self.add_long(record::pack_long(revocation)));
        let recorded = packed.and_then(|word| match self.find(index) {
            Some(found) => Some(found.word.store(word, Release)),
            None => self.add(index, word),
        });
        // Four thousand million records, and no room for one more: what cannot be told must not be good.
        self.set(index, recorded.map_or(NEVER, |()| RECORDED));
    }

    /// How many certificates have a record.
    pub(super) fn records(&self) -> u32 {
        self.record_count.load(Relaxed)
    }

    /// How many leaves a snapshot has to look at.
    pub(in crate::revocation) fn leaves(&self) -> u64 {
        self.leaf_count.load(Acquire)
    }

    /// Copies a leaf, without waiting for whoever writes to it: what changes meanwhile is copied as it was or as it will be.
    pub(in crate::revocation) fn copy(&self, number: u64, into: &mut Leaf) {
        into.bits.clear();
        into.records.clear();
        for (at, bits) in self.bits.leaf(number).unwrap_or_default().iter().enumerate() {
            let first = (number * LEAF as u64 + at as u64) * PER_WORD;
            let mut bits = bits.load(Acquire);
            for lane in recorded(bits) {
                let found = self.find(first + lane).map(|found| found.word.load(Acquire));
                match found.and_then(|word| Word::read(word).map(|read| (word, read))) {
                    Some((word, Word::Short(_))) => into.records.push(word),
                    Some((_, Word::Long(place))) => {
                        into.records.push(Word::long(0));
                        into.records.extend(self.long(place).into_iter().flatten());
                    }
                    Some((_, Word::GoodAgain)) => bits = with_lane(bits, lane, GOOD),
                    None => bits = with_lane(bits, lane, NEVER),
                }
            }
            into.bits.push(bits);
        }
    }

    /// Takes a leaf in, where nothing was before. None if it says what no leaf says.
    pub(in crate::revocation) fn restore(&self, number: u64, leaf: &Leaf) -> Option<()> {
        let mut records = leaf.records.iter().copied();
        let (all_bits, heads) = (self.bits.grown_leaf(number)?, self.heads.grown_leaf(number)?);
        let mut place = self.record_count.load(Relaxed);
        let mut page = self.records.grown_leaf(u64::from(place) / LEAF as u64)?;
        for ((&bits, slot), head) in leaf.bits.iter().zip(all_bits).zip(heads) {
            if bits & bits >> 1 & LOWER != 0 {
                return None;
            }
            slot.store(bits, Relaxed);
            let mut link = 0;
            for lane in recorded(bits) {
                let record = &page[place as usize % LEAF];
                record.word.store(self.taken(&mut records)?, Relaxed);
                record.link.store(lane << 32 | u64::from(link), Relaxed);
                place = place.checked_add(1)?;
                link = place;
                if (place as usize).is_multiple_of(LEAF) {
                    page = self.records.grown_leaf(u64::from(place) / LEAF as u64)?;
                }
            }
            head.store(link, Release);
        }
        self.record_count.store(place, Relaxed);
        self.leaf_count.fetch_max(number + 1, Release);
        (leaf.bits.len() == LEAF && records.next().is_none()).then_some(())
    }

    /// The next record of a leaf, as a word for this table.
    fn taken(&self, records: &mut impl Iterator<Item = u64>) -> Option<u64> {
        let word = records.next()?;
        match Word::read(word)? {
            Word::Short(_) => Some(word),
            Word::Long(_) => {
                let long = [records.next()?, records.next()?];
                record::read_long(long)?;
                self.add_long(long)
            }
            Word::GoodAgain => None,
        }
    }

    fn lane(&self, index: u64) -> u64 {
        let bits = self.bits.get(index / PER_WORD).map_or(NEVER, |bits| bits.load(Acquire));
        bits >> (index % PER_WORD * 2) & 0b11
    }

    fn read(&self, record: &Record) -> Option<Status> {
        match Word::read(record.word.load(Acquire))? {
            Word::GoodAgain => Some(Status::Good),
            Word::Short(revocation) => Some(Status::Revoked(revocation)),
            Word::Long(place) => record::read_long(self.long(place)?).map(Status::Revoked),
        }
    }

    fn long(&self, place: u32) -> Option<Long> {
        // Written before the word that tells of it, and never again.
        self.longs.get(place.into()).map(|long| [long[0].load(Relaxed), long[1].load(Relaxed)])
    }

    fn find(&self, index: u64) -> Option<&Record> {
        let mut place = self.heads.get(index / PER_WORD)?.load(Acquire);
        while let Some(at) = place.checked_sub(1) {
            let record = self.records.get(at.into())?;
            let link = record.link.load(Relaxed);
            if link >> 32 == index % PER_WORD {
                return Some(record);
            }
            place = (link & NEXT) as u32;
        }
        None
    }

    /// Adds a record to the chain of an index that has none.
    fn add(&self, index: u64, word: u64) -> Option<()> {
        let (head, place) = (self.heads.grown(index / PER_WORD)?, self.record_count.load(Relaxed));
        let (record, next) = (self.records.grown(place.into())?, place.checked_add(1)?);
        record.word.store(word, Relaxed);
        record.link.store((index % PER_WORD) << 32 | u64::from(head.load(Relaxed)), Relaxed);
        self.record_count.store(next, Relaxed);
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
            bits.store(with_lane(bits.load(Relaxed), index % PER_WORD, value), Release);
            self.leaf_count.fetch_max(index / PER_WORD / LEAF as u64 + 1, Release);
        }
    }
}

fn with_lane(bits: u64, lane: u64, value: u64) -> u64 {
    bits & !(0b11 << (lane * 2)) | value << (lane * 2)
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
