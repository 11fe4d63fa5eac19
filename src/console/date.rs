//! Dates as people write them: by era (和暦) or by the Gregorian calendar, in characters of any width.

use time::Month;
use unicode_normalization::UnicodeNormalization;

use super::words::Say;
use crate::rules::{Day, calendar::parse_day, era::ERAS};

/// The letters that stand for eras on forms, in the order of [`ERAS`].
const LETTERS: [char; 5] = ['R', 'H', 'S', 'T', 'M'];

/// Text in the width that registers use, without the spaces around it: `ＣＡＲＤ－１` becomes `CARD-1`.
pub(super) fn folded(text: &str) -> String {
    let dashes = |letter| match letter {
        // What a Japanese keyboard gives for a hyphen; NFKC keeps them.
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | 'ー' => '-',
        other => other,
    };
    text.nfkc().map(dashes).collect::<String>().trim().to_owned()
}

/// Reads a date: `令和7年11月23日`, `R7.11.23`, `2025-11-23`, `2025年11月23日`, `20251123`, with 元年 for the first year.
///
/// # Errors
/// What is wrong with it, in words for whoever typed it.
pub(super) fn read(text: &str) -> Result<Day, Say> {
    let text = folded(text);
    let (era, rest) = match era_of(&text) {
        Some((era, rest)) => (Some(era), rest),
        None => (None, text.as_str()),
    };
    // As these pages print it: the Gregorian year in parentheses behind it.
    let rest = rest.split_once('(').filter(|(_, year)| year.ends_with("年)")).map_or(rest, |(day, _)| day);
    let numbers = numbers(rest, era.is_some()).ok_or_else(not_a_date)?;
    match era {
        None => gregorian(numbers),
        Some(era) => of_era(era, numbers),
    }
}

fn era_of(text: &str) -> Option<(usize, &str)> {
    let named = ERAS.iter().position(|(_, name)| text.starts_with(name)).map(|era| (era, &text[ERAS[era].1.len()..]));
    named.or_else(|| {
        let first = text.chars().next()?.to_ascii_uppercase();
        LETTERS.iter().position(|letter| *letter == first).map(|era| (era, &text[1..]))
    })
}

/// Year, month and day of `7年11月23日`, `7.11.23`, `2025-11-23` or eight digits.
fn numbers(text: &str, of_era: bool) -> Option<[i32; 3]> {
    if !of_era && text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_digit()) {
        let part = |from: usize, to: usize| text.get(from..to)?.parse().ok();
        return Some([part(0, 4)?, part(4, 6)?, part(6, 8)?]);
    }
    let text = text.strip_suffix('日').unwrap_or(text);
    let text = text.replace("元年", "1年");
    let mut parts = text.split(['年', '月', '.', '/', '-']).map(str::trim);
    let mut number = || {
        let part = parts.next()?;
        let fits = (1..=4).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
        fits.then(|| part.parse().ok()).flatten()
    };
    let found = [number()?, number()?, number()?];
    parts.next().is_none().then_some(found)
}

fn gregorian([year, month, day]: [i32; 3]) -> Result<Day, Say> {
    let known = parse_day(&format!("{year:04}-{month:02}-{day:02}"));
    let missing = || {
        Say::new(
            format!("{year}年{month}月{day}日という日はありません"),
            format!("there is no such day as {year:04}-{month:02}-{day:02}"),
        )
    };
    known.filter(|_| year >= 1868).ok_or_else(missing)
}

fn of_era(era: usize, [of_era, month, day]: [i32; 3]) -> Result<Day, Say> {
    let (first, name) = ERAS[era];
    // Meiji began in 1868; its calendar became this one in its sixth year.
    let began = if name == "明治" { 1868 } else { first.year() };
    let year = began + of_era - 1;
    let year_ja = if of_era == 1 { "元".to_owned() } else { of_era.to_string() };
    let missing = || {
        Say::new(
            format!("{name}{year_ja}年{month}月{day}日という日はありません"),
            format!("there is no such day in {name} {of_era}: month {month}, day {day}"),
        )
    };
    let month_of_year = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()).ok_or_else(missing)?;
    let number = u8::try_from(day).map_err(|_| missing())?;
    let found = Day::from_calendar_date(year, month_of_year, number).map_err(|_| missing())?;
    let last = era.checked_sub(1).map(|next| ERAS[next].0);
    if of_era < 1 || found < first || last.is_some_and(|next| found >= next) {
        let right = crate::rules::era::in_japanese(found);
        return Err(Say::new(
            format!("{name}{year_ja}年{month}月{day}日はその元号の日ではありません（{right}）"),
            format!("{name} {of_era} does not have that day; it is {found}"),
        ));
    }
    Ok(found)
}

fn not_a_date() -> Say {
    Say::new(
        "日付として読めません。例：令和7年11月23日、R7.11.23、2025-11-23",
        "this is no date; write 2025-11-23, R7.11.23 or 令和7年11月23日",
    )
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_date_is_read_by_era_and_gregorian_in_any_width() {
        for (text, day) in [
            ("令和7年11月23日", date!(2025 - 11 - 23)),
            ("令和７年１１月２３日", date!(2025 - 11 - 23)),
            ("㋿7年11月23日", date!(2025 - 11 - 23)),
            ("令和元年5月1日", date!(2019 - 05 - 01)),
            (" R7.11.23 ", date!(2025 - 11 - 23)),
            ("Ｒ７．１１．２３", date!(2025 - 11 - 23)),
            ("r07/11/23", date!(2025 - 11 - 23)),
            ("H31.4.30", date!(2019 - 04 - 30)),
            ("S64-1-7", date!(1989 - 01 - 07)),
            ("昭和55年2月17日", date!(1980 - 02 - 17)),
            ("T15.12.24", date!(1926 - 12 - 24)),
            ("明治45年7月29日", date!(1912 - 07 - 29)),
            ("2025-11-23", date!(2025 - 11 - 23)),
            ("2025/1/3", date!(2025 - 01 - 03)),
            ("2025年11月23日", date!(2025 - 11 - 23)),
            ("２０２５１１２３", date!(2025 - 11 - 23)),
            ("2024-02-29", date!(2024 - 02 - 29)),
            ("令和元年5月1日（2019年）", date!(2019 - 05 - 01)),
        ] {
            assert_eq!(read(text).ok(), Some(day), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_and_what_its_era_does_not_have_is_told() {
        for text in [
            "",
            "令和",
            "令和7年",
            "R7.13.1",
            "R7.2.29",
            "R0.1.1",
            "平成31年5月1日",
            "昭和64年1月8日",
            "昭和65年1月1日",
            "令和元年4月30日",
            "2025-02-30",
            "2025-11",
            "25-11-23",
            "1800-01-01",
            "99999-01-01",
            "7.11.23",
            "R7.11.23.1",
            "R-7.1.1",
            "令和7年11月23日午後",
            "１２３",
            "📅",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("平成31年5月1日").unwrap_err().ja.contains("令和元年5月1日"));
        assert!(read("H31.5.1").unwrap_err().en.contains("2019-05-01"));
    }

    #[test]
    fn references_are_read_in_any_width() {
        assert_eq!(folded("　ＣＡＲＤ－０００１　"), "CARD-0001");
        assert_eq!(folded("CARDー1"), "CARD-1");
    }
}
