//! The model's own calendar: days are numbers, birthdays are found by walking the years. Nothing of `rules::calendar` is used.

use time::{Date, Month};

/// Days since 1970-01-01, in Japan.
pub(crate) type Day = i32;

const JST: i64 = 9 * 3600;

/// The number of a day (proleptic Gregorian; the era of 400 years begins on 1 March).
pub(crate) fn number(year: i32, month: u32, day: u32) -> Day {
    let shifted = year - i32::from(month <= 2);
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = ((month + 9) % 12 * 153 + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year as i32 - 719_468
}

/// Year, month and day of the month.
pub(crate) fn civil(day: Day) -> (i32, u32, u32) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i32::from(month <= 2), month as u32, day as u32)
}

pub(crate) fn is_leap(year: i32) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn length(year: i32, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The birthday in a year (V-05, V-06).
pub(crate) fn birthday(birth: Day, year: i32) -> Day {
    let (_, month, day) = civil(birth);
    if (month, day) == (2, 29) && !is_leap(year) { number(year, 2, 28) } else { number(year, month, day) }
}

/// Every birthday after the birth, in order.
fn birthdays(birth: Day) -> impl Iterator<Item = Day> {
    let (year, ..) = civil(birth);
    (year + 1..).map(move |year| birthday(birth, year))
}

/// The `n`-th birthday strictly after a day (V-07).
pub(crate) fn birthday_after(birth: Day, day: Day, n: usize) -> Day {
    let (from, ..) = civil(day.max(birth));
    let first = (from - 1).max(civil(birth).0 + 1);
    let found = (first..).map(|year| birthday(birth, year)).filter(|birthday| *birthday > day).nth(n - 1);
    found.expect("years go on")
}

/// Age by birthdays; negative before birth.
pub(crate) fn age(birth: Day, day: Day) -> i32 {
    if day < birth { -1 } else { birthdays(birth).take_while(|birthday| *birthday <= day).count() as i32 }
}

/// A day so many months away, or the last of that month.
pub(crate) fn months_away(day: Day, months: i32) -> Day {
    let (year, month, of_month) = civil(day);
    let count = year * 12 + month as i32 - 1 + months;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) as u32 + 1);
    number(year, month, of_month.min(length(year, month)))
}

/// The first day on which less than three months remain (V-11).
pub(crate) fn window_opens(last: Day) -> Day {
    months_away(last, -3) + 1
}

/// The second in which a day begins in Japan.
pub(crate) fn first_second(day: Day) -> i64 {
    i64::from(day) * 86_400 - JST
}

/// The last second of a day in Japan (V-09).
pub(crate) fn last_second(day: Day) -> i64 {
    first_second(day + 1) - 1
}

/// The day in Japan of a second.
pub(crate) fn of(at: i64) -> Day {
    Day::try_from((at + JST).div_euclid(86_400)).expect("a day of ours")
}

/// The same day as the service writes it.
pub(crate) fn date(day: Day) -> Date {
    let (year, month, day) = civil(day);
    let month = Month::try_from(month as u8).expect("one of twelve");
    Date::from_calendar_date(year, month, day as u8).expect("a day that exists")
}

/// A day as the service writes it.
pub(crate) fn number_of(date: Date) -> Day {
    number(date.year(), u32::from(u8::from(date.month())), u32::from(date.day()))
}

pub(crate) fn text(day: Day) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

#[test]
fn the_two_calendars_agree_on_every_day_of_two_centuries() {
    use jitsuin::rules::calendar;
    for day in number(1900, 1, 1)..number(2101, 1, 1) {
        let (year, month, of_month) = civil(day);
        assert_eq!(number(year, month, of_month), day);
        assert_eq!(date(day).to_julian_day(), day + 2_440_588);
        assert_eq!(calendar::last_instant(date(day)).seconds(), last_second(day));
        assert_eq!(calendar::minus_months(date(day), 3), Some(date(months_away(day, -3))));
    }
    for birth in [number(2000, 2, 29), number(1999, 3, 1), number(2000, 12, 31)] {
        for day in number(2026, 1, 1)..number(2030, 1, 1) {
            for n in [5, 6, 10, 11] {
                let theirs = calendar::nth_birthday_after(date(birth), date(day), n);
                assert_eq!(theirs, Some(date(birthday_after(birth, day, usize::from(n)))), "{}", text(day));
            }
            assert_eq!(calendar::age_on(date(birth), date(day)).map(i32::from), Some(age(birth, day)));
        }
    }
}
