//! A revocation in one word.
//!
//! | bits | short record |
//! |---|---|
//! | 0–1 | 1 |
//! | 2–33 | revocationDate, seconds since 1970, to the year 2106 |
//! | 34–36 | reason, its place in [`RevocationReason::ALL`] |
//! | 37–41 | cause, its place in [`Cause::ALL`] |
//! | 42–63 | 0 without invalidityDate, else one more than the seconds that it lies before the revocationDate, up to 48 days |
//!
//! What does not fit is a long record of two words, and the word tells its place (bits 2–33) under the number 2.
//! A released certificate keeps its record, as the word 0.
//!
//! Why one word: it changes by one store, so a reader finds what was or what is, and never some of each.

use crate::{
    ports::Revocation,
    rules::Cause,
    x509::{RevocationReason, UnixTime},
};

/// The word of a certificate that was held and is good again.
pub(in crate::revocation) const GOOD_AGAIN: u64 = 0;

/// A word that says nothing, so that its certificate is never issued.
pub(super) const UNTOLD: u64 = 3;

const SHORT: u64 = 1;
const LONG: u64 = 2;

const SECONDS_AT: u32 = 2;
const REASON_AT: u32 = 34;
const CAUSE_AT: u32 = 37;
const BEFORE_AT: u32 = 42;
/// Bits of what comes before the reason and the cause in the first word of a long record.
const LONG_SECONDS: u32 = 40;
/// Bits of that word: the reason and the cause have eight.
const LONG_BITS: u32 = LONG_SECONDS + 8;
/// Seconds from the year 1 to 1970: no instant is before.
const YEAR_ONE: i64 = -62_135_596_800;

/// Two words that hold any revocation: revocationDate since the year 1 (40 bits), reason, cause; then 0 without
/// invalidityDate, else one more than its seconds since the year 1.
pub(in crate::revocation) type Long = [u64; 2];

/// A word, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::revocation) enum Word {
    /// Good again.
    GoodAgain,
    /// A whole revocation.
    Short(Revocation),
    /// The place of a long record.
    Long(u32),
}

impl Word {
    /// Reads a word; none for one that nobody writes.
    pub(in crate::revocation) fn read(word: u64) -> Option<Self> {
        match word & 0b11 {
            GOOD_AGAIN => (word == GOOD_AGAIN).then_some(Self::GoodAgain),
            SHORT => short(word).map(Self::Short),
            LONG => (word >> 34 == 0).then_some(Self::Long((word >> 2) as u32)),
            _ => None,
        }
    }

    /// Whether a word is a whole revocation, as [`read`](Self::read) finds it: of its fields only the cause can say nothing.
    pub(super) fn is_short(word: u64) -> bool {
        word & 0b11 == SHORT && (word >> CAUSE_AT & 0b1_1111) < Cause::ALL.len() as u64
    }

    /// The word of a revocation, if it fits into one.
    pub(super) fn pack(revocation: &Revocation) -> Option<u64> {
        let date = revocation.revocation_date.seconds();
        let seconds = u32::try_from(date).ok()?;
        let before = match revocation.invalidity_date {
            None => 0,
            Some(invalidity) => u64::try_from(date - invalidity.seconds()).ok()? + 1,
        };
        let fits = before < 1 << (u64::BITS - BEFORE_AT);
        let word = SHORT | u64::from(seconds) << SECONDS_AT | why(revocation, REASON_AT) | before << BEFORE_AT;
        fits.then_some(word)
    }

    /// The word that tells the place of a long record.
    pub(in crate::revocation) fn long(place: u32) -> u64 {
        LONG | u64::from(place) << 2
    }
}

/// Reason and cause, from that bit on.
fn why(revocation: &Revocation, at: u32) -> u64 {
    (revocation.reason as u64 | (revocation.cause as u64) << (CAUSE_AT - REASON_AT)) << at
}

fn because(word: u64, at: u32) -> Option<(RevocationReason, Cause)> {
    let reason = RevocationReason::ALL.get((word >> at & 0b111) as usize)?;
    let cause = Cause::ALL.get((word >> (at + CAUSE_AT - REASON_AT) & 0b1_1111) as usize)?;
    Some((*reason, *cause))
}

fn short(word: u64) -> Option<Revocation> {
    let date = i64::from((word >> SECONDS_AT) as u32);
    let invalidity = (word >> BEFORE_AT).checked_sub(1).map(|before| date - before as i64);
    let (reason, cause) = because(word, REASON_AT)?;
    Some(Revocation {
        revocation_date: UnixTime::from_seconds(date).ok()?,
        reason,
        invalidity_date: invalidity.map(UnixTime::from_seconds).transpose().ok()?,
        cause,
    })
}

/// A revocation as a long record.
pub(in crate::revocation) fn pack_long(revocation: &Revocation) -> Long {
    // No instant lies before the year 1, so nothing is negative here.
    let since_year_one = |time: UnixTime| (time.seconds() - YEAR_ONE) as u64;
    let invalidity = revocation.invalidity_date.map_or(0, |date| since_year_one(date) + 1);
    [since_year_one(revocation.revocation_date) | why(revocation, LONG_SECONDS), invalidity]
}

/// Reads a long record; none for one that nobody writes.
pub(in crate::revocation) fn read_long([first, second]: Long) -> Option<Revocation> {
    let at = |seconds: u64| UnixTime::from_seconds(i64::try_from(seconds).ok()?.checked_add(YEAR_ONE)?).ok();
    let (reason, cause) = because(first, LONG_SECONDS)?;
    if first >> LONG_BITS != 0 {
        return None;
    }
    let invalidity_date = match second.checked_sub(1) {
        None => None,
        Some(seconds) => Some(at(seconds)?),
    };
    Some(Revocation { revocation_date: at(first & ((1 << LONG_SECONDS) - 1))?, reason, invalidity_date, cause })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_places_are_those_of_the_tables() {
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place);
        }
        for (place, reason) in RevocationReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        const { assert!(Cause::ALL.len() <= 1 << 5 && RevocationReason::ALL.len() <= 1 << 3) };
    }

    #[test]
    fn words_that_nobody_writes_are_refused() {
        let last_cause = (Cause::ALL.len() as u64) << CAUSE_AT;
        for word in [UNTOLD, 4, SHORT | last_cause, LONG | 1 << 34, u64::MAX] {
            assert_eq!(Word::read(word), None, "{word:x}");
        }
        for long in [[u64::MAX, 0], [0, u64::MAX], [1 << 39 | 1 << 38, 0], [1 << 48, 0], [0, 1 << 39]] {
            assert_eq!(read_long(long), None, "{long:x?}");
        }
    }

    #[test]
    fn the_ends_of_the_calendar_take_a_long_record() {
        for (date, before) in [(-62_135_596_800, 0), (253_402_300_799, 1), (1 << 32, 0), (1 << 31, (1 << 22) - 1)] {
            let time = |seconds| UnixTime::from_seconds(seconds).unwrap();
            let revocation = Revocation {
                revocation_date: time(date),
                reason: RevocationReason::RemoveFromCrl,
                invalidity_date: Some(time(date - before)),
                cause: Cause::FaceAuthenticationOn,
            };
            assert_eq!(Word::pack(&revocation), None);
            assert_eq!(read_long(pack_long(&revocation)), Some(revocation));
        }
    }

    fn seconds() -> impl Strategy<Value = i64> {
        prop_oneof![-62_135_596_800..=253_402_300_799i64, 1_400_000_000..2_000_000_000i64]
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read_back(
            date in seconds(),
            reason in proptest::sample::select(RevocationReason::ALL.to_vec()),
            cause in proptest::sample::select(Cause::ALL.to_vec()),
            invalidity in proptest::option::of(seconds()),
            near in proptest::option::of(0..5_000_000i64),
        ) {
            let invalidity = near.map(|near| (date - near).max(-62_135_596_800)).or(invalidity);
            let time = |seconds| UnixTime::from_seconds(seconds).unwrap();
            let revocation =
                Revocation { revocation_date: time(date), reason, invalidity_date: invalidity.map(time), cause };
            prop_assert_eq!(read_long(pack_long(&revocation)), Some(revocation.clone()));
            if let Some(word) = Word::pack(&revocation) {
                prop_assert_eq!(Word::read(word), Some(Word::Short(revocation)));
            }
        }

        #[test]
        fn no_word_is_read_as_what_another_one_means(word: u64, second: u64) {
            prop_assert_eq!(Word::is_short(word), matches!(Word::read(word), Some(Word::Short(_))));
            match Word::read(word) {
                Some(Word::Short(revocation)) => prop_assert_eq!(Word::pack(&revocation), Some(word)),
                Some(Word::Long(place)) => prop_assert_eq!(Word::long(place), word),
                Some(Word::GoodAgain) => prop_assert_eq!(word, GOOD_AGAIN),
                None => {}
            }
            let long = [word & ((1 << 48) - 1), second % (1 << 39)];
            if let Some(revocation) = read_long(long) {
                prop_assert_eq!(pack_long(&revocation), long);
            }
        }
    }
}
