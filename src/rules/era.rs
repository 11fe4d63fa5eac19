//! Dates as letters have them: by era and by the Gregorian calendar.

use time::macros::date;

use super::calendar::Day;

/// The eras by their first day, the newest first. Before Meiji 6 the calendar was another; letters have no such day.
pub(crate) const ERAS: [(Day, &str); 5] = [
    (date!(2019 - 05 - 01), "令和"),
    (date!(1989 - 01 - 08), "平成"),
    (date!(1926 - 12 - 25), "昭和"),
    (date!(1912 - 07 - 30), "大正"),
    (date!(1873 - 01 - 01), "明治"),
];

/// A day by era and, in parentheses, the Gregorian year: `令和8年11月2日（2026年）`.
#[must_use]
pub fn in_japanese(day: Day) -> String {
    let (year, month, number) = (day.year(), u8::from(day.month()), day.day());
    let Some((first, era)) = ERAS.into_iter().find(|(first, _)| *first <= day) else {
        return format!("{year}年{month}月{number}日");
    };
    // Meiji began in 1868; its calendar became this one in its sixth year.
    let began = if era == "明治" { 1868 } else { first.year() };
    let of_era = match year - began + 1 {
        1 => "元".to_owned(),
        other => other.to_string(),
    };
    format!("{era}{of_era}年{month}月{number}日（{year}年）")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_era_begins_on_its_day_with_its_first_year() {
        for (day, words) in [
            (date!(2026 - 11 - 02), "令和8年11月2日（2026年）"),
            (date!(2019 - 05 - 01), "令和元年5月1日（2019年）"),
            (date!(2019 - 04 - 30), "平成31年4月30日（2019年）"),
            (date!(1989 - 01 - 08), "平成元年1月8日（1989年）"),
            (date!(1989 - 01 - 07), "昭和64年1月7日（1989年）"),
            (date!(1926 - 12 - 24), "大正15年12月24日（1926年）"),
            (date!(1912 - 07 - 29), "明治45年7月29日（1912年）"),
            (date!(1873 - 01 - 01), "明治6年1月1日（1873年）"),
            (date!(1872 - 12 - 31), "1872年12月31日"),
        ] {
            assert_eq!(in_japanese(day), words);
        }
    }
}
