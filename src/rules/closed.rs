//! The days on which counters are closed (地方公共団体の休日, 地方自治法4条の2): Saturdays, Sundays, national holidays, and 29
//! December to 3 January. Only the carry-over of C-09 asks for them, where a town has it.
//!
//! National holidays are those of 国民の祝日に関する法律 as of 2022; in 2020 and 2021 some were moved by laws of their own,
//! which no day that is still to come depends on. The equinoxes follow the usual formula, which holds from 1980 to 2099; what
//! the government announces each February has agreed with it so far.

use time::{Date, Month, Weekday};

use super::calendar::Day;

/// Whether counters are closed on a day.
#[must_use]
pub fn is_closed(day: Day) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let new_year = matches!((day.month(), day.day()), (Month::December, 29..=31) | (Month::January, 1..=3));
    weekend || new_year || is_national_holiday(day)
}

/// The day itself if counters are open on it, or the next on which they are.
#[must_use]
pub fn open_from(day: Day) -> Day {
    let mut open = day;
    while is_closed(open) {
        let Some(next) = open.next_day() else { break };
        open = next;
    }
    open
}

/// Whether it is a national holiday, one in its place (3条2項), or a day between two (3条3項).
fn is_national_holiday(day: Day) -> bool {
    is_named(day) || is_substitute(day) || is_between(day)
}

/// A holiday on a Sunday moves to the next day that is none.
fn is_substitute(day: Day) -> bool {
    let mut before = day.previous_day();
    while let Some(holiday) = before.filter(|before| is_named(*before)) {
        if holiday.weekday() == Weekday::Sunday {
            return !is_named(day);
        }
        before = holiday.previous_day();
    }
    false
}

fn is_between(day: Day) -> bool {
    let around = day.previous_day().zip(day.next_day());
    !is_named(day) && around.is_some_and(|(before, after)| is_named(before) && is_named(after))
}

/// The holidays of 2条.
fn is_named(day: Day) -> bool {
    let (year, month, number) = (day.year(), day.month(), day.day());
    match month {
        Month::January => number == 1 || is_monday(day, 2),
        Month::February => matches!(number, 11 | 23),
        Month::March => number == equinox(year, 208_431),
        Month::April => number == 29,
        Month::May => matches!(number, 3..=5),
        Month::July => is_monday(day, 3),
        Month::August => number == 11,
        Month::September => is_monday(day, 3) || number == equinox(year, 232_488),
        Month::October => is_monday(day, 2),
        Month::November => matches!(number, 3 | 23),
        Month::June | Month::December => false,
    }
}

/// Whether it is the `nth` Monday of its month.
fn is_monday(day: Date, nth: u8) -> bool {
    day.weekday() == Weekday::Monday && day.day().div_ceil(7) == nth
}

/// The day of an equinox in its month; `base` is that of 1980 in ten-thousandths of a day.
fn equinox(year: i32, base: i64) -> u8 {
    let years = i64::from(year) - 1980;
    let day = (base * 100 + 242_194 * years) / 1_000_000 - years.div_euclid(4);
    u8::try_from(day).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn holidays(year: i32) -> Vec<(u8, u8)> {
        let days = (1..=365).map(|ordinal| Date::from_ordinal_date(year, ordinal).unwrap());
        days.filter(|day| is_national_holiday(*day)).map(|day| (u8::from(day.month()), day.day())).collect()
    }

    #[test]
    fn c_09_national_holidays_are_those_that_the_cabinet_office_announced() {
        let of_2026 = [
            (1, 1),
            (1, 12),
            (2, 11),
            (2, 23),
            (3, 20),
            (4, 29),
            (5, 3),
            (5, 4),
            (5, 5),
            (5, 6),
            (7, 20),
            (8, 11),
            (9, 21),
            (9, 22),
            (9, 23),
            (10, 12),
            (11, 3),
            (11, 23),
        ];
        assert_eq!(holidays(2026), of_2026, "with a day between two, and one in the place of a Sunday");
        let of_2027 = [
            (1, 1),
            (1, 11),
            (2, 11),
            (2, 23),
            (3, 21),
            (3, 22),
            (4, 29),
            (5, 3),
            (5, 4),
            (5, 5),
            (7, 19),
            (8, 11),
            (9, 20),
            (9, 23),
            (10, 11),
            (11, 3),
            (11, 23),
        ];
        assert_eq!(holidays(2027), of_2027);
        for (year, spring, autumn) in [(2024, 20, 22), (2025, 20, 23), (2028, 20, 22), (2030, 20, 23), (2044, 20, 22)] {
            assert_eq!((equinox(year, 208_431), equinox(year, 232_488)), (spring, autumn), "{year}");
        }
    }

    #[test]
    fn c_09_the_next_open_day_passes_weekends_holidays_and_the_turn_of_the_year() {
        for (day, open) in [
            (date!(2026 - 12 - 28), date!(2026 - 12 - 28)),
            (date!(2026 - 12 - 29), date!(2027 - 01 - 04)),
            (date!(2026 - 05 - 02), date!(2026 - 05 - 07)),
            (date!(2026 - 09 - 19), date!(2026 - 09 - 24)),
            (date!(2024 - 06 - 30), date!(2024 - 07 - 01)),
            (Day::MAX, Day::MAX),
        ] {
            assert_eq!(open_from(day), open, "{day}");
        }
    }
}
