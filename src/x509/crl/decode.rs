//! One entry of revokedCertificates, read fast where it is as ours are: everything else is left to the strict walk.
//!
//! What passes here would pass there with the same outcome (`tests/lists/long.rs` holds the two together): every octet is
//! either compared with the only one that may stand there, or looked at as the strict walk looks at it.

use super::{
    CrlEntry,
    encode::{INVALIDITY, REASON, REASON_OCTETS},
};
use crate::x509::{
    RevocationReason, Serial, UnixTime,
    der::{INTEGER, SEQUENCE, UTC_TIME},
};

/// Octets of an entry's head, serial number apart, and of a UTCTime.
const HEAD: usize = 4;
const TIME: usize = 15;

/// Days whose digits were read before.
pub(super) struct Days {
    /// The digits `YYMMDD` as a number, and the first second of the day.
    known: Vec<(u64, i64)>,
}

const KNOWN: usize = 4096;

impl Days {
    pub(super) fn new() -> Self {
        Self { known: vec![(0, 0); KNOWN] }
    }

    /// The instant of a UTCTime.
    #[inline]
    fn utc_time(&mut self, content: &[u8; 13]) -> Option<UnixTime> {
        let [y, ear, m, onth, d, ay, h, our, n, ute, s, ec, b'Z'] = *content else { return None };
        let key = u64::from_le_bytes([y, ear, m, onth, d, ay, 1, 0]);
        let slot = &mut self.known[(key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52) as usize % KNOWN];
        if slot.0 != key {
            let mut midnight = *b"000000000000Z";
            midnight[..6].copy_from_slice(&content[..6]);
            *slot = (key, UnixTime::from_utc_time(&midnight).ok()?.seconds());
        }
        let pair = |tens: u8, ones: u8| {
            let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
            (tens < 10 && ones < 10).then_some(10 * i64::from(tens) + i64::from(ones))
        };
        let (hour, minute, second) = (pair(h, our)?, pair(n, ute)?, pair(s, ec)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        UnixTime::from_seconds(slot.1 + 3600 * hour + 60 * minute + second).ok()
    }
}

/// The entry with which these octets begin, and its length, if it is plain.
#[inline]
pub(super) fn read(octets: &[u8], days: &mut Days) -> Option<(CrlEntry, usize)> {
    let &[SEQUENCE, length, INTEGER, serial, ..] = octets else { return None };
    let entry = octets.get(..2 + usize::from(length))?;
    let date = HEAD + usize::from(serial);
    if length >= 0x80 || serial >= 0x80 {
        return None;
    }
    let serial = Serial::from_octets(entry.get(HEAD..date)?).ok()?;
    let (&[UTC_TIME, 13, ref time @ ..], rest) = entry.get(date..)?.split_first_chunk::<TIME>()? else { return None };
    let revocation_date = days.utc_time(time)?;
    let (reason, invalidity_date) = match rest {
        [] => (RevocationReason::Unspecified, None),
        [SEQUENCE, inside, rest @ ..] if usize::from(*inside) == rest.len() => extensions(rest, days)?,
        _ => return None,
    };
    Some((CrlEntry { serial, revocation_date, reason, invalidity_date }, entry.len()))
}

/// A reason, a date, or both in this order.
#[inline]
fn extensions(octets: &[u8], days: &mut Days) -> Option<(RevocationReason, Option<UnixTime>)> {
    let (reason, rest) = match octets.split_at_checked(REASON_OCTETS) {
        Some((extension, rest)) if extension[..REASON_OCTETS - 1] == REASON[..REASON_OCTETS - 1] => {
            let code = RevocationReason::from_code(extension[REASON_OCTETS - 1])?;
            (Some(code).filter(|code| *code != RevocationReason::Unspecified)?, rest)
        }
        _ => (RevocationReason::Unspecified, octets),
    };
    if rest.is_empty() {
        return Some((reason, None));
    }
    // A GeneralizedTime of this century is a UTCTime with two digits more; another is left to the strict walk.
    let time: &[u8; 13] = rest.strip_prefix(&INVALIDITY)?.strip_prefix(b"20")?.try_into().ok()?;
    if time[0] >= b'5' {
        return None;
    }
    Some((reason, Some(days.utc_time(time)?)))
}
