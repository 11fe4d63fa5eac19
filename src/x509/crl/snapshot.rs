//! What a list is to carry, at one instant: in memory, packed, never changed.
//!
//! Why packed: a [`CrlEntry`] takes 48 octets, an entry of ours with a reason 23 and one with an invalidityDate 27; ten
//! million then take 240 MB, which a list's own octets (500 MB) never do. Blocks of one size, so that growing copies nothing.

use super::{
    CrlEntry, CrlTotals,
    encode::{Plain, is_plain},
};
use crate::x509::{RevocationReason, Serial, UnixTime};

/// Octets of a block; an entry never crosses the end of one.
const BLOCK: usize = 1024 * 1024;
/// The longest packed entry: two octets of shape, two wide times, the longest serial number.
const LONGEST: usize = 2 + 8 + 8 + 20;

const HAS_INVALIDITY: u8 = 0x20;
/// Both times take 8 octets: one of them is before 1970 or after 2106.
const IS_WIDE: u8 = 0x40;
const SERIAL_LENGTH: u8 = 0x1F;

/// Entries in the order in which they were pushed.
#[derive(Default)]
pub struct CrlSnapshot {
    blocks: Vec<Vec<u8>>,
    totals: CrlTotals,
    last: Option<Serial>,
    is_disordered: bool,
}

impl CrlSnapshot {
    /// Takes one more entry.
    pub fn push(&mut self, entry: &CrlEntry) {
        self.totals.add(entry);
        self.is_disordered |= self.last.is_some_and(|last| last >= entry.serial);
        self.last = Some(entry.serial);
        match self.blocks.last_mut() {
            Some(block) if block.len() + LONGEST <= BLOCK => pack(block, entry),
            first => {
                // The first block grows, for most lists are short.
                let mut block = Vec::with_capacity(if first.is_none() { 0 } else { BLOCK });
                pack(&mut block, entry);
                self.blocks.push(block);
            }
        }
    }

    /// How many entries there are, and how many octets they take in a list.
    #[must_use]
    pub fn totals(&self) -> CrlTotals {
        self.totals
    }

    /// Whether the serial numbers rise, none of them twice.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        !self.is_disordered
    }

    /// The entries.
    #[must_use]
    pub fn iter(&self) -> SnapshotEntries<'_> {
        SnapshotEntries { rest: &[], blocks: self.blocks.iter() }
    }

    /// The way to single entries, which must be in order.
    #[must_use]
    pub fn index(&self) -> SnapshotIndex<'_> {
        let mut marks = Vec::new();
        let mut place = 0;
        for block in &self.blocks {
            let mut rest = block.as_slice();
            // A mark never stands before an entry of the block before.
            let mut since = STRIDE;
            while let Some((entry, after)) = unpack(rest) {
                if since == STRIDE {
                    marks.push(Mark { serial: entry.serial, place, rest });
                    since = 0;
                }
                (rest, place, since) = (after, place + 1, since + 1);
            }
        }
        SnapshotIndex { marks }
    }

    /// The entries as they are packed; [`plain`] takes most of them off the front, [`unpack`] every one.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().map(Vec::as_slice)
    }
}

/// The first entry, if its times are as ours and it is not the last of its block.
#[inline(always)]
pub(super) fn plain(octets: &[u8]) -> Option<(Plain<'_>, &[u8])> {
    let (&[shape, reason, a, b, c, d], rest) = octets.split_first_chunk()?;
    let revocation_date = u32::from_le_bytes([a, b, c, d]);
    let (invalidity_date, rest) = match shape & HAS_INVALIDITY {
        0 => (None, rest),
        _ => rest.split_first_chunk().map(|(at, rest)| (Some(u32::from_le_bytes(*at)), rest))?,
    };
    let serial_octets = usize::from(shape & SERIAL_LENGTH);
    let is_plain = shape & IS_WIDE == 0 && is_plain(revocation_date) && invalidity_date.is_none_or(is_plain);
    let entry = Plain { serial_octets, serial: rest.first_chunk()?, revocation_date, reason, invalidity_date };
    is_plain.then_some((entry, rest.get(serial_octets..)?))
}

impl<'a> IntoIterator for &'a CrlSnapshot {
    type Item = CrlEntry;
    type IntoIter = SnapshotEntries<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> FromIterator<&'a CrlEntry> for CrlSnapshot {
    fn from_iter<I: IntoIterator<Item = &'a CrlEntry>>(entries: I) -> Self {
        let mut snapshot = Self::default();
        entries.into_iter().for_each(|entry| snapshot.push(entry));
        snapshot
    }
}

/// Entries from one mark of an index to the next.
const STRIDE: usize = 64;

/// The way to single entries of a snapshot: every so many entries a mark, 8 MB for ten million.
pub struct SnapshotIndex<'a> {
    marks: Vec<Mark<'a>>,
}

struct Mark<'a> {
    serial: Serial,
    place: usize,
    /// From the entry to the end of its block.
    rest: &'a [u8],
}

impl SnapshotIndex<'_> {
    /// The entry of a certificate, and its place among all, from 0.
    #[must_use]
    pub fn find(&self, serial: &Serial) -> Option<(usize, CrlEntry)> {
        let after = self.marks.partition_point(|mark| mark.serial <= *serial);
        let Mark { place, mut rest, .. } = *self.marks.get(after.checked_sub(1)?)?;
        for place in place..place + STRIDE {
            let (entry, after) = unpack(rest)?;
            if entry.serial >= *serial {
                return (entry.serial == *serial).then_some((place, entry));
            }
            rest = after;
        }
        None
    }
}

/// The walk over a snapshot.
#[derive(Clone)]
pub struct SnapshotEntries<'a> {
    rest: &'a [u8],
    blocks: std::slice::Iter<'a, Vec<u8>>,
}

impl Iterator for SnapshotEntries<'_> {
    type Item = CrlEntry;

    #[inline]
    fn next(&mut self) -> Option<CrlEntry> {
        if self.rest.is_empty() {
            self.rest = self.blocks.next()?;
        }
        let (entry, rest) = unpack(self.rest)?;
        self.rest = rest;
        Some(entry)
    }
}

fn pack(block: &mut Vec<u8>, entry: &CrlEntry) {
    let narrow = |at: UnixTime| u32::try_from(at.seconds());
    let serial = entry.serial.octets();
    let shape = serial.len() as u8 | if entry.invalidity_date.is_some() { HAS_INVALIDITY } else { 0 };
    match (narrow(entry.revocation_date), entry.invalidity_date.map(narrow).transpose()) {
        (Ok(date), Ok(invalidity)) => {
            block.extend_from_slice(&[shape, entry.reason.code()]);
            block.extend_from_slice(&date.to_le_bytes());
            invalidity.iter().for_each(|at| block.extend_from_slice(&at.to_le_bytes()));
        }
        _ => {
            block.extend_from_slice(&[shape | IS_WIDE, entry.reason.code()]);
            let times = [Some(entry.revocation_date), entry.invalidity_date];
            times.iter().flatten().for_each(|at| block.extend_from_slice(&at.seconds().to_le_bytes()));
        }
    }
    block.extend_from_slice(serial);
}

/// The first entry of what [`pack`] wrote; nothing else is ever in a block.
#[inline]
pub(super) fn unpack(octets: &[u8]) -> Option<(CrlEntry, &[u8])> {
    let (&[shape, reason], rest) = octets.split_first_chunk()?;
    let reason = RevocationReason::from_code(reason)?;
    let ((revocation_date, invalidity_date), rest) =
        if shape & IS_WIDE == 0 { times(shape, rest, narrow)? } else { times(shape, rest, wide)? };
    let length = usize::from(shape & SERIAL_LENGTH);
    let serial = match rest.first_chunk() {
        Some(octets) => Serial::from_own(length, *octets),
        // The last of a block.
        None => Serial::from_octets(rest.get(..length)?).ok()?,
    };
    Some((CrlEntry { serial, revocation_date, reason, invalidity_date }, rest.get(length..)?))
}

type Times = (UnixTime, Option<UnixTime>);
type Read<T> = fn(&[u8]) -> Option<(T, &[u8])>;

#[inline]
fn times(shape: u8, octets: &[u8], read: Read<UnixTime>) -> Option<(Times, &[u8])> {
    let (date, rest) = read(octets)?;
    if shape & HAS_INVALIDITY == 0 {
        return Some(((date, None), rest));
    }
    let (invalidity, rest) = read(rest)?;
    Some(((date, Some(invalidity)), rest))
}

#[inline]
fn narrow(octets: &[u8]) -> Option<(UnixTime, &[u8])> {
    let (seconds, rest) = octets.split_first_chunk()?;
    Some((UnixTime::from_seconds(i64::from(u32::from_le_bytes(*seconds))).ok()?, rest))
}

fn wide(octets: &[u8]) -> Option<(UnixTime, &[u8])> {
    let (seconds, rest) = octets.split_first_chunk()?;
    Some((UnixTime::from_seconds(i64::from_le_bytes(*seconds)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Vec<CrlEntry>> {
        let time = || {
            prop_oneof![0..4_294_967_296i64, -62_135_596_800i64..253_402_300_799]
                .prop_map(|seconds| UnixTime::from_seconds(seconds).unwrap())
        };
        let serial = proptest::collection::vec(any::<u8>(), 1..21)
            .prop_filter_map("a serial", |octets| Serial::from_octets(&octets).ok());
        let reason = proptest::sample::select(RevocationReason::ALL.to_vec());
        let entry = (serial, time(), reason, proptest::option::of(time())).prop_map(
            |(serial, revocation_date, reason, invalidity_date)| CrlEntry {
                serial,
                revocation_date,
                reason,
                invalidity_date,
            },
        );
        proptest::collection::vec(entry, 0..50)
    }

    proptest! {
        #[test]
        fn entries_come_out_as_they_went_in(entries in entries()) {
            let snapshot: CrlSnapshot = entries.iter().collect();
            prop_assert_eq!(snapshot.iter().collect::<Vec<_>>(), entries.clone());
            prop_assert_eq!(snapshot.totals(), entries.iter().collect());
            prop_assert_eq!(snapshot.is_in_order(), entries.is_sorted_by(|one, next| one.serial < next.serial));
        }
    }

    #[test]
    fn every_entry_is_found_at_its_place_and_nothing_else_is() {
        let entry = |number: u32| CrlEntry {
            serial: Serial::from_octets(&[&[1; 13][..], &number.to_be_bytes()].concat()).unwrap(),
            revocation_date: UnixTime::from_seconds(number.into()).unwrap(),
            reason: RevocationReason::KeyCompromise,
            invalidity_date: None,
        };
        for count in [0, 1, 63, 64, 65, 100_000] {
            let snapshot: CrlSnapshot =
                (1..=count).map(|number| entry(2 * number)).collect::<Vec<_>>().iter().collect();
            let index = snapshot.index();
            for number in (1..=count).step_by(if count > 100 { 7 } else { 1 }) {
                assert_eq!(index.find(&entry(2 * number).serial), Some((number as usize - 1, entry(2 * number))));
                assert_eq!(index.find(&entry(2 * number + 1).serial), None);
            }
            assert_eq!((index.find(&entry(0).serial), index.find(&entry(1).serial)), (None, None));
        }
    }

    #[test]
    fn entries_beyond_a_block_follow_in_order() {
        let entry = |number: u32| CrlEntry {
            serial: Serial::from_octets(&[&[1; 13][..], &number.to_be_bytes()].concat()).unwrap(),
            revocation_date: UnixTime::EPOCH,
            reason: RevocationReason::KeyCompromise,
            invalidity_date: None,
        };
        let mut snapshot = CrlSnapshot::default();
        (0..100_000).for_each(|number| snapshot.push(&entry(number)));
        assert!(snapshot.blocks.len() > 2 && snapshot.is_in_order());
        assert!(snapshot.iter().eq((0..100_000).map(entry)));
        snapshot.push(&entry(99_999));
        assert!(!snapshot.is_in_order(), "twice");
    }
}
