//! Instants as certificates, lists and answers carry them: whole seconds of UTC.

use std::{fmt, ops::Add, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, PrimitiveDateTime, format_description::well_known::Rfc3339};

/// Whole seconds since 1970-01-01T00:00:00Z.
///
/// Text form is RFC 3339 in UTC (`2030-02-17T14:59:59Z`), DER form is UTCTime through 2049 and
/// GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

/// The first second that RFC 5280 writes as GeneralizedTime: 2050-01-01T00:00:00Z.
const YEAR_2050: i64 = 2_524_608_000;
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: outside no DER form exists.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The text or the number is not an instant between the years 1 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an instant between the years 1 and 9999")]
pub struct NotATime;

impl UnixTime {
    /// The instant that many seconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`NotATime`] outside the years 1 to 9999.
    pub fn from_seconds(seconds: i64) -> Result<Self, NotATime> {
        if RANGE.contains(&seconds) { Ok(Self(seconds)) } else { Err(NotATime) }
    }

    /// 1970-01-01T00:00:00Z, the revocation time of what was never issued (RFC 6960 §2.2).
    pub const EPOCH: Self = Self(0);

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The same instant as a calendar value of the `time` crate, in UTC.
    #[must_use]
    pub fn to_utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The instant of a calendar value; a fraction of a second is cut off.
    ///
    /// # Errors
    /// [`NotATime`] outside the years 1 to 9999.
    pub fn from_calendar(instant: OffsetDateTime) -> Result<Self, NotATime> {
        Self::from_seconds(instant.unix_timestamp())
    }

    /// Whether RFC 5280 writes this instant as GeneralizedTime (2050 and later, or before 1950).
    #[must_use]
    pub fn needs_generalized(self) -> bool {
        self.0 >= YEAR_2050 || self.0 < -631_152_000
    }

    /// The content octets of a UTCTime: `YYMMDDHHMMSSZ`.
    #[must_use]
    pub fn utc_time(self) -> [u8; 13] {
        let long = self.generalized_time();
        let mut short = [0; 13];
        short.copy_from_slice(&long[2..]);
        short
    }

    /// The content octets of a GeneralizedTime: `YYYYMMDDHHMMSSZ`.
    #[must_use]
    pub fn generalized_time(self) -> [u8; 15] {
        let at = self.to_utc();
        let year = u16::try_from(at.year()).unwrap_or(0);
        let mut out = *b"00000000000000Z";
        let pairs = [
            (year / 100) as u8,
            (year % 100) as u8,
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
        ];
        for (slot, value) in out.chunks_exact_mut(2).zip(pairs) {
            slot[0] = b'0' + value / 10;
            slot[1] = b'0' + value % 10;
        }
        out
    }

    /// Reads the content octets of a UTCTime, seconds and `Z` required (RFC 5280 §4.1.2.5.1).
    ///
    /// # Errors
    /// [`NotATime`] for any other form.
    pub fn from_utc_time(content: &[u8]) -> Result<Self, NotATime> {
        if content.len() != 13 {
            return Err(NotATime);
        }
        let century = match content.first() {
            Some(b'5'..=b'9') => b"19",
            _ => b"20",
        };
        let mut long = [0; 15];
        long[..2].copy_from_slice(century);
        long[2..].copy_from_slice(content);
        Self::from_generalized_time(&long)
    }

    /// Reads the content octets of a GeneralizedTime, seconds and `Z` required, no fraction (RFC 5280 §4.1.2.5.2).
    ///
    /// # Errors
    /// [`NotATime`] for any other form.
    pub fn from_generalized_time(content: &[u8]) -> Result<Self, NotATime> {
        let &[ref digits @ .., b'Z'] = content else { return Err(NotATime) };
        if digits.len() != 14 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(NotATime);
        }
        let two = |at: usize| (digits[at] - b'0') * 10 + (digits[at + 1] - b'0');
        let year = i32::from(two(0)) * 100 + i32::from(two(2));
        let month = time::Month::try_from(two(4)).map_err(|_| NotATime)?;
        let day = time::Date::from_calendar_date(year, month, two(6)).map_err(|_| NotATime)?;
        let clock = time::Time::from_hms(two(8), two(10), two(12)).map_err(|_| NotATime)?;
        Self::from_calendar(PrimitiveDateTime::new(day, clock).assume_utc())
    }
}

impl Add<std::time::Duration> for UnixTime {
    type Output = Self;

    /// The later instant, at most the last second of the year 9999.
    fn add(self, later: std::time::Duration) -> Self {
        let seconds = i64::try_from(later.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(seconds).min(*RANGE.end()))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for UnixTime {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATime)?;
        // Not by way of UTC: the last hours of 9999 west of Greenwich are in a year that the calendar does not have.
        Self::from_calendar(at)
    }
}

impl Serialize for UnixTime {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(input)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_card_s_instants_are_written_as_seen() {
        let from: UnixTime = "2025-10-27T01:35:42Z".parse().unwrap();
        let until: UnixTime = "2030-02-17T23:59:59+09:00".parse().unwrap();
        assert_eq!(&from.utc_time(), b"251027013542Z");
        assert_eq!(&until.utc_time(), b"300217145959Z");
        assert_eq!(until.to_string(), "2030-02-17T14:59:59Z");
    }

    #[test]
    fn the_form_changes_in_2050() {
        let last: UnixTime = "2049-12-31T23:59:59Z".parse().unwrap();
        assert!(!last.needs_generalized());
        assert!((last + std::time::Duration::from_secs(1)).needs_generalized());
    }

    #[test]
    fn an_instant_that_leaves_the_calendar_in_utc_is_refused() {
        for bad in ["9999-12-31T15:00:00-09:00", "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01"] {
            assert_eq!(bad.parse::<UnixTime>(), Err(NotATime), "{bad}");
        }
        assert!("9999-12-31T23:59:59+00:01".parse::<UnixTime>().is_ok());
    }

    #[test]
    fn other_forms_of_time_are_refused() {
        for bad in ["2510270135Z", "251027013542+0900", "251327013542Z", "2510270135421Z", "251027013542", ""] {
            assert_eq!(UnixTime::from_utc_time(bad.as_bytes()), Err(NotATime), "{bad}");
        }
        for bad in ["20251027013542.5Z", "20250230000000Z", "20251027Z", "20251027246000Z"] {
            assert_eq!(UnixTime::from_generalized_time(bad.as_bytes()), Err(NotATime), "{bad}");
        }
    }
}
