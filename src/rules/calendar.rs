//! Days, birthdays and months as the ordinances count them, in Asia/Tokyo (V-06, V-07, V-09, V-10).
//!
//! Japan is at +09:00 all year, so no time-zone table is needed. Everything is total over the years 1 to 9999: what
//! would leave them is `None`, or the nearest day where the doc comment says so.

use time::{Date, Month, util::days_in_month};

use crate::x509::UnixTime;

/// A day of the proleptic Gregorian calendar, in Asia/Tokyo. Text form is `YYYY-MM-DD`.
pub type Day = Date;

/// Seconds of the fixed offset of Asia/Tokyo (V-10).
const JST: i64 = 9 * 3600;
const DAY_SECONDS: i64 = 86_400;
/// The Julian day number of 1970-01-01.
const EPOCH: i64 = 2_440_588;
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;
const FIRST_DAY: Day = time::macros::date!(0001 - 01 - 01);

/// The day of an instant in Asia/Tokyo; the last nine hours of the year 9999 (UTC) count to its last day.
#[must_use]
pub fn day_of(instant: UnixTime) -> Day {
    let number = (instant.seconds() + JST).div_euclid(DAY_SECONDS) + EPOCH;
    i32::try_from(number).ok().and_then(|number| Date::from_julian_day(number).ok()).unwrap_or(Day::MAX)
}

/// The last second of a day in Asia/Tokyo, 23:59:59 JST = 14:59:59Z (V-09); days before the year 1 count as its first.
#[must_use]
pub fn last_instant(day: Day) -> UnixTime {
    let number = i64::from(day.max(FIRST_DAY).to_julian_day()) - EPOCH;
    UnixTime::from_seconds(number * DAY_SECONDS + DAY_SECONDS - 1 - JST)
        .expect("14:59:59Z of a day of the years 1 to 9999 is in their range")
}

/// The birthday in a year: 29 February is 28 February in common years (カ省26②, V-05, V-06).
#[must_use]
pub fn birthday_in(birth: Day, year: i32) -> Option<Day> {
    clamped(year, birth.month(), birth.day())
}

/// The `n`-th birthday strictly after a day: a birthday on the day itself does not count (V-07). The day of birth is no
/// birthday.
///
/// `None` for `n` = 0 and beyond the year 9999.
#[must_use]
pub fn nth_birthday_after(birth: Day, day: Day, n: u16) -> Option<Day> {
    let before_first = i32::from(n).checked_sub(1).filter(|before| *before >= 0)?;
    if day < birth {
        return birthday_in(birth, birth.year() + i32::from(n));
    }
    let passed = birthday_in(birth, day.year())? <= day;
    birthday_in(birth, day.year() + i32::from(passed) + before_first)
}

/// The age reached on a day, counted by birthdays (section 1.1); `None` before birth.
///
/// 年齢計算ニ関スル法律 strictly completes a year at the end of the day before; practice, and this service, take the birthday.
#[must_use]
pub fn age_on(birth: Day, day: Day) -> Option<u16> {
    if day < birth {
        return None;
    }
    let still_ahead = birthday_in(birth, day.year())? > day;
    u16::try_from(day.year() - birth.year() - i32::from(still_ahead)).ok()
}

/// The same day so many months earlier, at most the last day of that month.
#[must_use]
pub fn minus_months(day: Day, months: u16) -> Option<Day> {
    shifted(day, -i32::from(months))
}

/// The same day so many months later, at most the last day of that month.
#[must_use]
pub fn plus_months(day: Day, months: u16) -> Option<Day> {
    shifted(day, i32::from(months))
}

/// The day so many days later.
#[must_use]
pub fn plus_days(day: Day, days: u16) -> Option<Day> {
    day.checked_add(time::Duration::days(i64::from(days)))
}

fn shifted(day: Day, months: i32) -> Option<Day> {
    let count = day.year() * 12 + i32::from(u8::from(day.month())) - 1 + months;
    let month = Month::try_from(count.rem_euclid(12) as u8 + 1).ok()?;
    clamped(count.div_euclid(12), month, day.day())
}

fn clamped(year: i32, month: Month, day: u8) -> Option<Day> {
    if !YEARS.contains(&year) {
        return None;
    }
    Date::from_calendar_date(year, month, day.min(days_in_month(month, year))).ok()
}

/// Reads `YYYY-MM-DD`, four digits of year, nothing else: no sign, no spaces, no day that does not exist.
#[must_use]
pub fn parse_day(text: &str) -> Option<Day> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number, digit| {
            let digit = digit.wrapping_sub(b'0');
            (digit < 10).then_some(number * 10 + i32::from(digit))
        })
    };
    let year = number(&[y1, y2, y3, y4]).filter(|year| YEARS.contains(year))?;
    let month = Month::try_from(number(&[m1, m2])? as u8).ok()?;
    Date::from_calendar_date(year, month, number(&[d1, d2])? as u8).ok()
}

/// Serde form of a [`Day`]: the string `YYYY-MM-DD`.
pub mod day_text {
    use std::fmt;

    use serde::{Deserializer, Serializer, de};

    use super::{Day, parse_day};

    /// Writes `YYYY-MM-DD`.
    ///
    /// # Errors
    /// Those of the output.
    pub fn serialize<S: Serializer>(day: &Day, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(day)
    }

    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// For any other form and for days that do not exist.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Day, D::Error> {
        input.deserialize_str(DayText)
    }

    // A visitor, because `Cow<str>` would allocate for every date.
    struct DayText;

    impl de::Visitor<'_> for DayText {
        type Value = Day;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a day that exists, as \"YYYY-MM-DD\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Day, E> {
            parse_day(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    /// Serde form of an optional [`Day`]: the string, or null.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        use super::Day;

        #[derive(Deserialize)]
        struct Wrapped(#[serde(with = "super")] Day);

        /// Writes `YYYY-MM-DD` or null.
        ///
        /// # Errors
        /// Those of the output.
        pub fn serialize<S: Serializer>(day: &Option<Day>, out: S) -> Result<S::Ok, S::Error> {
            match day {
                Some(day) => super::serialize(day, out),
                None => out.serialize_none(),
            }
        }

        /// Reads `YYYY-MM-DD` or null.
        ///
        /// # Errors
        /// For any other form and for days that do not exist.
        pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Day>, D::Error> {
            Ok(Option::<Wrapped>::deserialize(input)?.map(|Wrapped(day)| day))
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn at(text: &str) -> UnixTime {
        text.parse().unwrap()
    }

    #[test]
    fn v_10_the_day_changes_at_fifteen_hours_utc() {
        assert_eq!(day_of(at("2024-12-31T14:59:59Z")), date!(2024 - 12 - 31));
        assert_eq!(day_of(at("2024-12-31T15:00:00Z")), date!(2025 - 01 - 01));
        assert_eq!(day_of(at("1969-12-31T14:59:59Z")), date!(1969 - 12 - 31));
    }

    #[test]
    fn v_09_the_last_instant_is_one_second_before_the_next_day() {
        for day in [date!(2030 - 02 - 17), date!(1969 - 12 - 31), date!(2024 - 02 - 29), FIRST_DAY, Day::MAX] {
            assert_eq!(day_of(last_instant(day)), day);
        }
        assert_eq!(last_instant(date!(2030 - 02 - 17)), at("2030-02-17T14:59:59Z"));
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        assert_eq!(day_of(at("9999-12-31T23:59:59Z")), Day::MAX);
        assert_eq!(day_of(at("0001-01-01T00:00:00Z")), FIRST_DAY);
        assert_eq!(last_instant(Day::MIN), last_instant(FIRST_DAY));
        assert_eq!(nth_birthday_after(Day::MAX, Day::MAX, 1), None);
        assert_eq!(nth_birthday_after(FIRST_DAY, Day::MAX, u16::MAX), None);
        assert_eq!(nth_birthday_after(Day::MIN, Day::MIN, 1), None);
        assert_eq!(nth_birthday_after(Day::MAX, Day::MIN, 1), None);
        assert_eq!(minus_months(FIRST_DAY, 1), None);
        assert_eq!(minus_months(Day::MIN, u16::MAX), None);
        assert_eq!(plus_months(Day::MAX, 1), None);
        assert_eq!(plus_days(Day::MAX, 1), None);
        assert_eq!(age_on(Day::MIN, Day::MAX), Some(19_998));
    }

    #[test]
    fn v_07_a_birthday_on_the_day_itself_does_not_count() {
        let birth = date!(1990 - 05 - 10);
        assert_eq!(nth_birthday_after(birth, date!(2024 - 05 - 10), 1), Some(date!(2025 - 05 - 10)));
        assert_eq!(nth_birthday_after(birth, date!(2024 - 05 - 09), 1), Some(date!(2024 - 05 - 10)));
        assert_eq!(nth_birthday_after(birth, date!(2024 - 05 - 09), 0), None);
    }

    #[test]
    fn the_day_of_birth_is_no_birthday() {
        let birth = date!(2025 - 01 - 10);
        assert_eq!(nth_birthday_after(birth, date!(2025 - 01 - 09), 1), Some(date!(2026 - 01 - 10)));
        assert_eq!(nth_birthday_after(birth, date!(2020 - 01 - 09), 1), Some(date!(2026 - 01 - 10)));
        assert_eq!(nth_birthday_after(birth, birth, 1), Some(date!(2026 - 01 - 10)));
    }

    #[test]
    fn v_06_leap_day_children_have_their_birthday_on_28_february_in_common_years() {
        let birth = date!(2000 - 02 - 29);
        assert_eq!(birthday_in(birth, 2023), Some(date!(2023 - 02 - 28)));
        assert_eq!(birthday_in(birth, 2024), Some(date!(2024 - 02 - 29)));
        assert_eq!(birthday_in(birth, 2100), Some(date!(2100 - 02 - 28)));
        assert_eq!(age_on(birth, date!(2023 - 02 - 27)), Some(22));
        assert_eq!(age_on(birth, date!(2023 - 02 - 28)), Some(23));
        assert_eq!(age_on(birth, date!(2024 - 02 - 28)), Some(23));
        assert_eq!(age_on(birth, date!(2000 - 02 - 28)), None);
    }

    #[test]
    fn months_are_clamped_to_the_end_of_the_month() {
        assert_eq!(minus_months(date!(2023 - 05 - 31), 3), Some(date!(2023 - 02 - 28)));
        assert_eq!(minus_months(date!(2024 - 01 - 31), 3), Some(date!(2023 - 10 - 31)));
        assert_eq!(plus_months(date!(2025 - 12 - 31), 2), Some(date!(2026 - 02 - 28)));
        assert_eq!(plus_months(date!(2025 - 12 - 31), 0), Some(date!(2025 - 12 - 31)));
    }

    #[test]
    fn only_days_that_exist_in_the_one_form_are_read() {
        assert_eq!(parse_day("2024-02-29"), Some(date!(2024 - 02 - 29)));
        let bad = ["", "2023-02-29", "2025-02-30", "2025-13-01", "2025-00-01", "2025-01-00", "0000-01-01", "2025-1-01"];
        let worse =
            ["+2025-01-01", "-025-01-01", "2025/01/01", " 2025-01-01", "2025-01-01Z", "20250101", "２０２５-01"];
        for text in bad.into_iter().chain(worse) {
            assert_eq!(parse_day(text), None, "{text}");
        }
    }
}
