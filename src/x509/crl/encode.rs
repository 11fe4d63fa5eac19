//! One entry of revokedCertificates, fast: ten million of them are hashed in a third of a second, and their making should
//! not take longer.
//!
//! Why so many octets are stored at once: an entry is put together from pieces of fixed size, each longer than what it
//! stands for, and the next piece overwrites what was too much. The compiler makes a few stores of 16 octets of each; copies
//! of the exact lengths would be calls.

use super::CrlEntry;
use crate::{
    limits::SERIAL_OCTETS,
    x509::{
        RevocationReason, UnixTime,
        der::{GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME},
    },
};

/// Octets of the longest entry: 22 + 17 + 2 + 12 + 26 and its header.
const LONGEST: usize = 2 + 22 + 17 + 2 + 12 + 26;
/// What one entry may touch: the longest, and what its last piece has too much.
const SPAN: usize = LONGEST + 15;

/// A whole reasonCode extension, its code 0; and 4 octets too much.
pub(super) const REASON: [u8; 16] = *b"\x30\x0A\x06\x03\x55\x1D\x15\x04\x03\x0A\x01\x00\0\0\0\0";
pub(super) const REASON_OCTETS: usize = 12;
/// A whole invalidityDate extension up to the 15 octets of its GeneralizedTime.
pub(super) const INVALIDITY: [u8; 11] = *b"\x30\x18\x06\x03\x55\x1D\x18\x04\x11\x18\x0F";
const INVALIDITY_OCTETS: usize = INVALIDITY.len() + 15;

/// 2050-01-01T00:00:00Z, from which on times have two octets more.
const YEAR_2050: u32 = 2_524_608_000;

impl CrlEntry {
    /// Octets of the whole entry.
    #[must_use]
    pub fn length(&self) -> usize {
        2 + self.content_length()
    }

    /// Always under 128, so every length inside takes one octet: 22 + 17 + 2 + 12 + 26 at most.
    fn content_length(&self) -> usize {
        let time = if self.revocation_date.needs_generalized() { 17 } else { 15 };
        let extensions = match self.extensions_length() {
            0 => 0,
            octets => 2 + octets,
        };
        2 + self.serial.octets().len() + time + extensions
    }

    fn extensions_length(&self) -> usize {
        let reason = if self.reason == RevocationReason::Unspecified { 0 } else { REASON_OCTETS };
        reason + self.invalidity_date.map_or(0, |_| INVALIDITY_OCTETS)
    }
}

/// Appends entries to octets of its own.
pub(super) struct Encoder {
    octets: Vec<u8>,
    end: usize,
    calendar: Calendar,
}

impl Encoder {
    /// With room for that many octets; it grows where that is not enough.
    pub(super) fn new(room: usize) -> Self {
        Self { octets: vec![0; room + SPAN], end: 0, calendar: Calendar::new() }
    }

    /// What was appended.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.end]
    }

    pub(super) fn clear(&mut self) {
        self.end = 0;
    }

    pub(super) fn entry(&mut self, entry: &CrlEntry) {
        let plain = |at: UnixTime| u32::try_from(at.seconds()).ok().filter(|seconds| is_plain(*seconds));
        match (plain(entry.revocation_date), entry.invalidity_date.map(plain)) {
            (Some(revocation_date), None | Some(Some(_))) => self.plain(Plain {
                serial_octets: entry.serial.octets().len(),
                serial: entry.serial.padded(),
                revocation_date,
                reason: entry.reason.code(),
                invalidity_date: entry.invalidity_date.and_then(plain),
            }),
            _ => self.append(|out, _| write(out, entry)),
        }
    }

    fn plain(&mut self, entry: Plain<'_>) {
        self.append(|out, calendar| write_plain(out, entry, calendar));
    }

    /// Whether another entry would make it grow.
    pub(super) fn is_full(&self) -> bool {
        self.octets.len() < self.end + SPAN
    }

    /// Appends what `next` takes off the front of `rest`, until there is no more of it or no room. How many, and whether one
    /// of them had this reason.
    #[inline]
    pub(super) fn fill<'a>(
        &mut self,
        rest: &mut &'a [u8],
        next: impl Fn(&'a [u8]) -> Option<(Plain<'a>, &'a [u8])>,
        watched: RevocationReason,
    ) -> (u64, bool) {
        let (mut count, mut is_met) = (0, false);
        while let Some(span) = self.octets.get_mut(self.end..).and_then(<[u8]>::first_chunk_mut) {
            let Some((entry, after)) = next(rest) else { break };
            *rest = after;
            is_met |= entry.reason == watched.code();
            self.end += write_plain(span, entry, &mut self.calendar);
            count += 1;
        }
        (count, is_met)
    }

    fn append(&mut self, write: impl FnOnce(&mut [u8; SPAN], &mut Calendar) -> usize) {
        if self.octets.len() < self.end + SPAN {
            self.octets.resize(2 * self.octets.len() + SPAN, 0);
        }
        if let Some(span) = self.octets[self.end..].first_chunk_mut() {
            self.end += write(span, &mut self.calendar);
        }
    }
}

/// An entry whose times lie between 1970 and 2049: all of ours.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a> {
    pub(super) serial_octets: usize,
    /// The serial number, and anything after it.
    pub(super) serial: &'a [u8; SERIAL_OCTETS],
    /// Seconds since 1970.
    pub(super) revocation_date: u32,
    pub(super) reason: u8,
    /// Seconds since 1970.
    pub(super) invalidity_date: Option<u32>,
}

/// Whether a Time is written as UTCTime; seconds since 1970.
pub(super) const fn is_plain(seconds: u32) -> bool {
    seconds < YEAR_2050
}

/// Writes an entry; its length.
#[inline(always)]
fn write_plain(out: &mut [u8; SPAN], entry: Plain<'_>, calendar: &mut Calendar) -> usize {
    (out[0], out[2], out[3]) = (SEQUENCE, INTEGER, entry.serial_octets as u8);
    put(out, 4, entry.serial);
    let mut end = 4 + entry.serial_octets;
    let (day, clock) = calendar.digits(entry.revocation_date);
    // The tag, the length, and the day without its century.
    put(out, end, &(u64::from(UTC_TIME) | 13 << 8 | (day >> 16) << 16).to_le_bytes());
    put(out, end + 8, &clock.to_le_bytes());
    end += 15;
    let has_reason = entry.reason != RevocationReason::Unspecified.code();
    let reason = if has_reason { REASON_OCTETS } else { 0 };
    let extensions = reason + if entry.invalidity_date.is_some() { INVALIDITY_OCTETS } else { 0 };
    // Written in any case and passed by if it counts: nobody guesses which entry has which.
    put(out, end, &[SEQUENCE, extensions as u8]);
    end += if extensions == 0 { 0 } else { 2 };
    put(out, end, &REASON);
    out[end + REASON_OCTETS - 1] = entry.reason;
    end += reason;
    if let Some(at) = entry.invalidity_date {
        put(out, end, &INVALIDITY);
        let (day, clock) = calendar.digits(at);
        put(out, end + INVALIDITY.len(), &day.to_le_bytes());
        put(out, end + INVALIDITY.len() + 8, &clock.to_le_bytes());
        end += INVALIDITY_OCTETS;
    }
    out[1] = (end - 2) as u8;
    end
}

/// Writes an entry of any times; its length.
#[cold]
fn write(out: &mut [u8; SPAN], entry: &CrlEntry) -> usize {
    let serial = entry.serial.octets().len();
    (out[0], out[2], out[3]) = (SEQUENCE, INTEGER, serial as u8);
    put(out, 4, entry.serial.padded());
    let mut end = time(out, 4 + serial, entry.revocation_date);
    let extensions = entry.extensions_length();
    if extensions > 0 {
        put(out, end, &[SEQUENCE, extensions as u8]);
        end += 2;
    }
    if entry.reason != RevocationReason::Unspecified {
        put(out, end, &REASON);
        end += REASON_OCTETS;
        out[end - 1] = entry.reason.code();
    }
    if let Some(at) = entry.invalidity_date {
        put(out, end, &INVALIDITY);
        put(out, end + INVALIDITY.len(), &at.generalized_time());
        end += INVALIDITY_OCTETS;
    }
    out[1] = (end - 2) as u8;
    end
}

#[inline]
fn put<const N: usize>(out: &mut [u8; SPAN], at: usize, piece: &[u8; N]) {
    if let Some(slot) = out[at..].first_chunk_mut() {
        *slot = *piece;
    }
}

/// Writes a Time; where it ends.
fn time(out: &mut [u8; SPAN], start: usize, at: UnixTime) -> usize {
    if at.needs_generalized() {
        put(out, start, &[GENERALIZED_TIME, 15]);
        put(out, start + 2, &at.generalized_time());
        start + 17
    } else {
        put(out, start, &[UTC_TIME, 13]);
        put(out, start + 2, &at.utc_time());
        start + 15
    }
}

/// `HHMM` of every minute of a day, and `SSZ` of every second of a minute, as they follow in memory.
const MINUTES: [u32; 1440] = {
    let mut minutes = [0; 1440];
    let mut minute = 0;
    while minute < 1440 {
        let (hour, of_hour) = (pair(minute / 60), pair(minute % 60));
        minutes[minute] = u32::from_le_bytes([hour[0], hour[1], of_hour[0], of_hour[1]]);
        minute += 1;
    }
    minutes
};
const SECONDS: [u32; 60] = {
    let mut seconds = [0; 60];
    let mut second = 0;
    while second < 60 {
        let digits = pair(second);
        seconds[second] = u32::from_le_bytes([digits[0], digits[1], b'Z', 0]);
        second += 1;
    }
    seconds
};

const fn pair(number: usize) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// Days whose digits are kept: five and a half years side by side, longer than any certificate lives.
const DAYS: usize = 2048;

/// Days as digits, those that were asked for last.
struct Calendar {
    /// `YYMMDD` as it follows in memory, and in the last two octets whose it is ([`tag`]): 16 KiB in all, so that half of the
    /// first cache is left for the rest.
    days: Vec<u64>,
}

/// Tells the days of one place apart; never 0.
const fn tag(day: u32) -> u64 {
    (day as u64 / DAYS as u64 + 1) << 48
}

/// 2000-01-01.
const DAY_OF_2000: u32 = 10_957;

impl Calendar {
    fn new() -> Self {
        Self { days: vec![0; DAYS] }
    }

    /// `YYYYMMDD` and `HHMMSSZ` of seconds since 1970, each as it follows in memory. Why in numbers: they are stored in whole,
    /// and what was stored in pieces would be waited for when it is copied on.
    #[inline]
    fn digits(&mut self, seconds: u32) -> (u64, u64) {
        let (day, second) = (seconds / 86_400, (seconds % 86_400) as usize);
        let kept = &mut self.days[day as usize % DAYS];
        if (*kept ^ tag(day)) >> 48 != 0 {
            *kept = day_digits(day) | tag(day);
        }
        let century = u16::from_le_bytes(if day < DAY_OF_2000 { *b"19" } else { *b"20" });
        let (minute, second) = (MINUTES[second / 60 % MINUTES.len()], SECONDS[second % 60]);
        (u64::from(century) | *kept << 16, u64::from(minute) | u64::from(second) << 32)
    }
}

/// `YYMMDD` of a day since 1970.
#[cold]
fn day_digits(day: u32) -> u64 {
    let midnight = UnixTime::from_seconds(i64::from(day) * 86_400).unwrap_or(UnixTime::EPOCH);
    midnight.generalized_time().first_chunk().map_or(0, |digits| u64::from_le_bytes(*digits) >> 16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `YYYYMMDDHHMMSSZ` and nothing after it.
    fn whole((day, clock): (u64, u64)) -> Vec<u8> {
        assert_eq!(clock >> 56, 0);
        [&day.to_le_bytes()[..], &clock.to_le_bytes()[..7]].concat()
    }

    #[test]
    fn every_day_has_the_digits_of_the_calendar() {
        let mut calendar = Calendar::new();
        for day in 0..YEAR_2050 / 86_400 {
            let seconds = (day * 86_400).saturating_add(day % 86_400);
            let at = UnixTime::from_seconds(i64::from(seconds)).unwrap();
            assert_eq!(whole(calendar.digits(seconds)), at.generalized_time(), "{at}");
        }
    }

    proptest! {
        #[test]
        fn every_second_has_the_digits_of_the_calendar(moments in proptest::collection::vec(0..YEAR_2050, 1..20)) {
            let mut calendar = Calendar::new();
            for seconds in moments {
                let at = UnixTime::from_seconds(i64::from(seconds)).unwrap();
                prop_assert_eq!(whole(calendar.digits(seconds)), at.generalized_time());
            }
        }
    }
}
