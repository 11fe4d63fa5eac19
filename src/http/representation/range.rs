//! One range of octets (RFC 9110 §14).
//!
//! | Range | what is sent |
//! |---|---|
//! | `bytes=0-99`, `bytes=100-`, `bytes=-20` | those octets (206), cut off at the end |
//! | a first octet beyond the end, `bytes=-0` | 416 with the length |
//! | more ranges than one | all of it (200) |
//! | another unit, no grammar, last before first, two headers | all of it (200) |
//!
//! Why no multipart/byteranges: RFC 9110 §14.2 lets a server ignore a Range, a download that goes on where it was cut off
//! asks for one, nobody needs pieces of a signed file, and answers with many parts have been used to exhaust servers
//! (§17.15).

use std::ops::Range;

/// What a Range header comes to for so many octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Portion {
    /// All of them, as if there were no Range.
    Whole,
    /// These.
    Part(Range<usize>),
    /// None: 416.
    Unsatisfiable,
}

/// Reads the value of the one Range header.
pub(super) fn portion(value: &str, length: usize) -> Portion {
    let Some((unit, set)) = value.split_once('=') else { return Portion::Whole };
    let mut ranges = set.split(',').map(|range| range.trim_matches([' ', '\t'])).filter(|range| !range.is_empty());
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Portion::Whole };
    let Some((first, last)) = range.split_once('-').filter(|_| unit.eq_ignore_ascii_case("bytes")) else {
        return Portion::Whole;
    };
    match (position(first), position(last)) {
        (Some(first), Some(last)) if last < first => Portion::Whole,
        (Some(first), Some(last)) => part(first, last.saturating_add(1), length),
        (Some(first), None) if last.is_empty() => part(first, length, length),
        (None, Some(0)) if first.is_empty() => Portion::Unsatisfiable,
        (None, Some(suffix)) if first.is_empty() => part(length.saturating_sub(suffix), length, length),
        _ => Portion::Whole,
    }
}

fn part(first: usize, end: usize, length: usize) -> Portion {
    if first < length { Portion::Part(first..end.min(length)) } else { Portion::Unsatisfiable }
}

/// Digits alone; a number that is too large for us is beyond every end.
fn position(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_read_as_rfc_9110_has_it() {
        for (value, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-99", 0..10),
            ("bytes=3-5", 3..6),
            ("bytes=9-", 9..10),
            ("bytes=0-", 0..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("Bytes=3-5", 3..6),
            ("bytes= 3-5 ,", 3..6),
            ("bytes=0-99999999999999999999999", 0..10),
            ("bytes=-99999999999999999999999", 0..10),
            ("bytes=0000000000000000000000003-5", 3..6),
        ] {
            assert_eq!(portion(value, 10), Portion::Part(part), "{value}");
        }
    }

    #[test]
    fn a_range_beyond_the_end_cannot_be_satisfied() {
        for value in ["bytes=10-", "bytes=10-10", "bytes=-0", "bytes=99999999999999999999999-", "bytes=11-12"] {
            assert_eq!(portion(value, 10), Portion::Unsatisfiable, "{value}");
        }
        for value in ["bytes=0-", "bytes=-1"] {
            assert_eq!(portion(value, 0), Portion::Unsatisfiable, "{value} of nothing");
        }
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=,",
            "bytes=5-3",
            "bytes=a-b",
            "bytes=1-b",
            "bytes=+1-2",
            "bytes=1 -2",
            "bytes=--2",
            "bytes=1-2-3",
            "bytes=0x1-2",
            "bytes=１-２",
            "bytes =1-2",
            "bytes=0-0,2-3",
            "bytes=0-,0-,0-",
            "items=0-1",
            "0-1",
        ] {
            assert_eq!(portion(value, 10), Portion::Whole, "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_lies_within_and_is_what_was_asked_for(first in 0usize..20, last in 0usize..20, length in 0usize..15) {
            let octets: Vec<usize> = (0..length).collect();
            let asked: Vec<usize> = octets.iter().copied().filter(|at| (first..=last).contains(at)).collect();
            match portion(&format!("bytes={first}-{last}"), length) {
                Portion::Part(range) => prop_assert_eq!(&octets[range], &asked),
                Portion::Unsatisfiable => prop_assert!(asked.is_empty() && first <= last),
                Portion::Whole => prop_assert!(last < first),
            }
        }

        #[test]
        fn any_text_gets_a_portion_that_lies_within(value in "(bytes=)?[-0-9, ]{0,12}|.{0,20}", length in 0usize..1000) {
            if let Portion::Part(range) = portion(&value, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
