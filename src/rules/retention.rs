//! How long what is recorded is kept, and from which day on it may go (保存期間; rules §8.3).
//!
//! | record | kept | statute |
//! |---|---|---|
//! | 発行記録: the certificate and whose it is | ten years from the day after the day on which its validity should end as issued, whatever ended it | 法8, 27; 令2, 18 |
//! | applications and what was shown with them | fifteen years from the day of receipt | 規80一 |
//! | other papers (その他の帳簿及び書類): consents, notices, reports, the ledger | ten years from the day after | 規80七 |
//! | first answers to repeated requests | a year: the statutes do not know them | — |
//!
//! A term in years that begins with a day is over when the day before the same day of the last year is; where that year has no such
//! day, when the last day of the month is (民法143). «From the day of receipt» counts that day; a term that follows an event does
//! not count the day of the event (民法140).

use super::{
    Day,
    calendar::{plus_days, plus_months},
};

/// Which term a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// 発行記録, by the last day of validity as issued.
    Issuance,
    /// Applications, by the day of receipt; and exceptions, which are part of one, by the day they were asked for.
    Application,
    /// Other papers, by the day of what they tell of, or of its end.
    Paper,
    /// First answers, by the day they were given.
    Answer,
}

impl Term {
    /// Years.
    #[must_use]
    pub const fn years(self) -> u16 {
        match self {
            Self::Issuance | Self::Paper => 10,
            Self::Application => 15,
            Self::Answer => 1,
        }
    }

    /// The last day on which a record of that day must be kept; none where the calendar ends before.
    #[must_use]
    pub fn last_day(self, of: Day) -> Option<Day> {
        let first = if self == Self::Application { of } else { plus_days(of, 1)? };
        let same = plus_months(first, self.years() * 12)?;
        if same.day() == first.day() { same.previous_day() } else { Some(same) }
    }

    /// Whether it may go on `today`.
    #[must_use]
    pub fn is_over(self, of: Day, today: Day) -> bool {
        self.last_day(of).is_some_and(|last| last < today)
    }
}

/// The last day on which all of these records must be kept; none without a record, or where the calendar ends before.
#[must_use]
pub fn kept_until(records: impl IntoIterator<Item = (Term, Day)>) -> Option<Day> {
    let last = records.into_iter().map(|(term, of)| term.last_day(of));
    last.max_by_key(|last| last.unwrap_or(Day::MAX)).flatten()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::{rules::calendar::day_of, x509::UnixTime};

    #[test]
    fn each_term_ends_with_the_day_that_the_statute_says() {
        let table = [
            // The rule book's own examples.
            (Term::Issuance, date!(2030 - 02 - 17), date!(2040 - 02 - 17)),
            (Term::Application, date!(2025 - 10 - 27), date!(2040 - 10 - 26)),
            // Around the 29th of February: the term begins on it, ends before it, or on the last day of a month without one.
            (Term::Issuance, date!(2028 - 02 - 27), date!(2038 - 02 - 27)),
            (Term::Issuance, date!(2028 - 02 - 28), date!(2038 - 02 - 28)),
            (Term::Issuance, date!(2028 - 02 - 29), date!(2038 - 02 - 28)),
            (Term::Issuance, date!(2026 - 02 - 28), date!(2036 - 02 - 29)),
            (Term::Application, date!(2028 - 02 - 28), date!(2043 - 02 - 27)),
            (Term::Application, date!(2028 - 02 - 29), date!(2043 - 02 - 28)),
            (Term::Application, date!(2029 - 03 - 01), date!(2044 - 02 - 29)),
            (Term::Application, date!(2026 - 01 - 01), date!(2040 - 12 - 31)),
            (Term::Paper, date!(2026 - 12 - 31), date!(2036 - 12 - 31)),
            (Term::Paper, date!(2026 - 01 - 30), date!(2036 - 01 - 30)),
            (Term::Answer, date!(2027 - 02 - 28), date!(2028 - 02 - 29)),
            (Term::Answer, date!(2028 - 02 - 29), date!(2029 - 02 - 28)),
        ];
        for (term, of, last) in table {
            assert_eq!(term.last_day(of), Some(last), "{term:?} of {of}");
            let day = |days: i64| last.saturating_add(time::Duration::days(days));
            let over = [-1, 0, 1].map(|days| term.is_over(of, day(days)));
            assert_eq!(over, [false, false, true], "{term:?} of {of}: the day before, the last, the day after");
        }
    }

    #[test]
    fn the_day_is_that_of_japan_on_both_sides_of_its_midnight() {
        // Validity should end at 2030-02-17T14:59:59Z, the last second of the 17th in Japan.
        let end = UnixTime::from_seconds(1_897_570_799).unwrap();
        assert_eq!(day_of(end), date!(2030 - 02 - 17));
        let next = UnixTime::from_seconds(end.seconds() + 1).unwrap();
        assert_eq!(Term::Issuance.last_day(day_of(next)), Some(date!(2040 - 02 - 18)));
        // 2040-02-17T14:59:59Z and the second after.
        let last = UnixTime::from_seconds(2_213_103_599).unwrap();
        let over = [0, 1].map(|second| {
            let now = UnixTime::from_seconds(last.seconds() + second).unwrap();
            Term::Issuance.is_over(day_of(end), day_of(now))
        });
        assert_eq!(over, [false, true]);
    }

    #[test]
    fn what_is_kept_longest_keeps_the_rest_and_the_end_of_the_calendar_keeps_for_ever() {
        let records = [(Term::Issuance, date!(2031 - 02 - 17)), (Term::Application, date!(2026 - 02 - 01))];
        assert_eq!(kept_until(records), Some(date!(2041 - 02 - 17)));
        assert_eq!(kept_until([]), None);
        assert_eq!(kept_until([(Term::Paper, Day::MAX), (Term::Paper, date!(2026 - 02 - 01))]), None);
        assert!(!Term::Paper.is_over(Day::MAX, Day::MAX));
    }
}
