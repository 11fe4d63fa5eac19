//! The validity decision against an oracle that knows nothing but how to step from a day to the next.
//!
//! No code is shared: the oracle has its own leap years and its own dates as (year, month, day), counts birthdays by
//! passing them one by one, and finds windows by walking back. Both are asked in the form of `jitsuin validity
//! --jsonl`; [`million`] asks the program itself, as many cases as one likes.

#[path = "validity_oracle/million.rs"]
mod million;

use proptest::prelude::*;
use serde_json::{Value, json};

type Date = (i32, u32, u32);

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn next((year, month, day): Date) -> Date {
    match (month, day) {
        (12, 31) => (year + 1, 1, 1),
        _ if day == month_length(year, month) => (year, month + 1, 1),
        _ => (year, month, day + 1),
    }
}

fn previous((year, month, day): Date) -> Date {
    match (month, day) {
        (1, 1) => (year - 1, 12, 31),
        (_, 1) => (year, month - 1, month_length(year, month - 1)),
        _ => (year, month, day - 1),
    }
}

fn steps(mut from: Date, days: i32) -> Date {
    for _ in 0..days.abs() {
        from = if days < 0 { previous(from) } else { next(from) };
    }
    from
}

fn is_birthday(birth: Date, (year, month, day): Date) -> bool {
    let deemed = birth.1 == 2 && birth.2 == 29 && !is_leap(year) && (month, day) == (2, 28);
    (month, day) == (birth.1, birth.2) || deemed
}

/// The birthday of a year, found among its days by the rule above.
fn birthday_in(birth: Date, year: i32) -> Date {
    let around = (birth.1, birth.2.min(month_length(year, birth.1)));
    let day = (year, around.0, around.1);
    assert!(is_birthday(birth, day), "{birth:?} {year}");
    day
}

/// Birthdays passed from the day after birth to `until`, inclusive.
fn age(birth: Date, until: Date) -> u32 {
    (birth.0 + 1..=until.0).filter(|year| birthday_in(birth, *year) <= until).count() as u32
}

fn nth_birthday_after(birth: Date, from: Date, n: u32) -> Date {
    let mut later = (from.0..).map(|year| birthday_in(birth, year)).filter(|day| *day > from);
    later.nth(n as usize - 1).expect("years go on")
}

/// [`age`], day by day.
fn walked_age(birth: Date, until: Date) -> u32 {
    let mut day = birth;
    let mut passed = 0;
    while day < until {
        day = next(day);
        passed += u32::from(is_birthday(birth, day));
    }
    passed
}

/// [`nth_birthday_after`], day by day.
fn walked_nth(birth: Date, from: Date, n: u32) -> Date {
    let mut day = from;
    let mut passed = 0;
    while passed < n {
        day = next(day);
        passed += u32::from(is_birthday(birth, day));
    }
    day
}

/// Walks back from the last day until the calendar shows three months less and a day of the month that is not later.
fn window_opens(last: Date) -> Date {
    let months = |day: Date| day.0 * 12 + day.1 as i32;
    let mut day = last;
    while !(months(day) == months(last) - 3 && day.2 <= last.2) {
        day = previous(day);
    }
    next(day)
}

/// A case as the strategies make it; `auth_last` is the live AUTH, kept or renewed.
#[derive(Clone, Debug)]
struct Case {
    birth: Date,
    issue: Date,
    card_issue: Option<Date>,
    card_application: Option<Date>,
    card_last: Option<Date>,
    stay_last: Option<Date>,
    auth_last: Option<Date>,
    renew_auth: bool,
    renew_sign: bool,
}

fn text((year, month, day): Date) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}

impl Case {
    fn line(&self) -> String {
        let kinds = [("auth", self.renew_auth), ("sign", self.renew_sign)];
        let renewing: Vec<&str> = kinds.iter().filter(|(_, renewed)| *renewed).map(|(kind, _)| *kind).collect();
        let day = |day: Option<Date>| day.map(text);
        json!({
            "birth": text(self.birth), "issue_day": text(self.issue), "card_issue_day": day(self.card_issue),
            "card_application_day": day(self.card_application), "card_last_day": day(self.card_last),
            "stay_last_day": day(self.stay_last), "auth_last_day": day(self.auth_last), "renewing": renewing,
        })
        .to_string()
    }

    fn derived_card_last(&self, issued: Date) -> Date {
        let majority = if self.card_application.unwrap_or(issued) < (2022, 4, 1) { 20 } else { 18 };
        let birthdays = if age(self.birth, issued) >= majority { 10 } else { 5 };
        let ordinary = nth_birthday_after(self.birth, issued, birthdays);
        self.stay_last.map_or(ordinary, |stay| stay.min(ordinary))
    }

    /// The rule that refuses, or the answer.
    fn answer(&self) -> Result<Value, &'static str> {
        if self.birth > self.issue {
            return Err("E-01");
        }
        let issued = self.card_issue.or(self.card_application);
        if let Some(issued) = issued {
            let applied = self.card_application.unwrap_or(issued);
            if applied < self.birth || issued < applied || self.issue < issued {
                return Err("V-05");
            }
        }
        if self.stay_last.is_some_and(|stay| stay < self.issue) {
            return Err("E-10");
        }
        let card = match (self.card_last, self.card_issue) {
            (Some(last), _) => last,
            (None, Some(issued)) => self.derived_card_last(issued),
            (None, None) => return Err("V-05"),
        };
        if card < self.issue {
            return Err("V-05");
        }
        let kept = self.auth_last.filter(|_| !self.renew_auth);
        if let Some(last) = self.auth_last {
            if self.renew_auth && self.issue < window_opens(last) {
                return Err("V-12");
            }
            if last < self.issue {
                return Err("V-14");
            }
        }
        // Last of all, what one person on one day cannot have.
        if self.stay_last.is_some_and(|stay| card > stay) {
            return Err("V-05");
        }
        if self.renew_auth && self.auth_last.is_none() {
            return Err("V-14");
        }
        if kept.is_some_and(|kept| kept > card) {
            return Err("V-01");
        }
        let birthdays = |renewed| nth_birthday_after(self.birth, self.issue, if renewed { 6 } else { 5 });
        let auth = kept.unwrap_or_else(|| birthdays(self.renew_auth).min(card));
        let sign = (age(self.birth, self.issue) >= 15).then(|| birthdays(self.renew_sign).min(auth).min(card));
        let not_after = |day: Date| format!("{}T14:59:59Z", text(day));
        Ok(json!({
            "card_last_day": text(card), "auth_last_day": text(auth), "sign_last_day": sign.map(text),
            "auth_not_after": not_after(auth), "sign_not_after": sign.map(not_after),
            "renewal_opens": text(window_opens(auth)), "sign_refused": if sign.is_none() { Some("E-05") } else { None },
        }))
    }
}

/// Half of the births lie where rules bend: leap days, ends of months, the turn of the year.
fn birth() -> impl Strategy<Value = Date> {
    let any = (0..=36_500).prop_map(|days| steps((1925, 1, 1), days));
    let edges = vec![(2, 28), (2, 29), (3, 1), (12, 31), (1, 1), (5, 31), (4, 1), (4, 2)];
    let edge = (1925..2025, proptest::sample::select(edges))
        .prop_map(|(year, (month, day))| (year, month, day.min(month_length(year, month))));
    prop_oneof![any, edge]
}

/// A number of days, often near a boundary that matters.
fn near(boundaries: Vec<i32>, reach: i32) -> impl Strategy<Value = i32> {
    prop_oneof![0..=reach, (proptest::sample::select(boundaries), -2..=2).prop_map(|(at, off)| at + off)]
}

fn case() -> impl Strategy<Value = Case> {
    let days = (
        near(vec![0, 5_479, 6_575, 7_305], 30_000),
        near(vec![0], 3_700),
        near(vec![0], 200),
        near(vec![0, 1_826], 4_000),
        near(vec![0, 60], 3_000),
        near(vec![0, 90, 92], 400),
    );
    let given = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (birth(), days, given, any::<bool>(), any::<bool>()).prop_map(|(birth, days, given, renew_auth, renew_sign)| {
        let (age, card_age, waited, card_left, stay_left, auth_left) = days;
        let issue = steps(birth, age);
        let card_issue = steps(issue, -card_age);
        Case {
            birth,
            issue,
            card_issue: given.0.then_some(card_issue),
            card_application: given.1.then(|| steps(card_issue, -waited)),
            card_last: given.2.then(|| steps(issue, card_left)),
            stay_last: given.3.then(|| steps(issue, stay_left)),
            auth_last: given.4.then(|| steps(issue, auth_left)),
            renew_auth,
            renew_sign,
        }
    })
}

/// Cases around the day on which majority fell from 20 to 18.
fn majority_case() -> impl Strategy<Value = Case> {
    (-4..=4, 0..=40, -800..=800).prop_map(|(applied, waited, born): (i32, i32, i32)| {
        let card_application = steps((2022, 4, 1), applied);
        let card_issue = steps(card_application, waited);
        Case {
            birth: steps((2003, 4, 1), born),
            issue: steps(card_issue, waited),
            card_issue: Some(card_issue),
            card_application: Some(card_application),
            card_last: None,
            stay_last: None,
            auth_last: None,
            renew_auth: false,
            renew_sign: false,
        }
    })
}

fn ask(cases: &[Case]) -> Vec<Value> {
    let input: String = cases.iter().map(|case| case.line() + "\n").collect();
    let mut output = Vec::new();
    jitsuin::cli::validity::run(input.as_bytes(), &mut output).expect("memory takes every answer");
    let output = String::from_utf8(output).expect("answers are UTF-8");
    output.lines().map(|line| serde_json::from_str(line).expect("answers are JSON")).collect()
}

fn agree(cases: &[Case]) -> Result<(), TestCaseError> {
    let answers = ask(cases);
    prop_assert_eq!(answers.len(), cases.len());
    for (case, answer) in cases.iter().zip(answers) {
        match case.answer() {
            Ok(expected) => prop_assert_eq!(answer, expected, "{}", case.line()),
            Err(rule) => prop_assert_eq!(&answer["error"]["rule"], rule, "{} {}", case.line(), answer),
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn birthdays_of_years_are_those_that_walking_passes(birth in birth(), days in 0..40_000i32, n in 1..12u32) {
        let day = steps(birth, days);
        prop_assert_eq!(age(birth, day), walked_age(birth, day));
        prop_assert_eq!(nth_birthday_after(birth, day, n), walked_nth(birth, day, n));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_case_is_answered_as_by_walking_the_calendar(case in case()) {
        agree(&[case])?;
    }

    #[test]
    fn majority_is_decided_by_the_day_of_application(case in majority_case()) {
        agree(&[case])?;
    }
}

#[test]
fn every_day_of_thirty_years_has_the_window_that_walking_finds() {
    let mut last = (2000, 1, 1);
    let mut cases = Vec::new();
    while last < (2030, 1, 1) {
        // A card that ends on the day bounds the certificates to it.
        cases.push(Case {
            birth: (1970, 1, 1),
            issue: last,
            card_issue: None,
            card_application: None,
            card_last: Some(last),
            stay_last: None,
            auth_last: None,
            renew_auth: false,
            renew_sign: false,
        });
        last = next(last);
    }
    for (case, answer) in cases.iter().zip(ask(&cases)) {
        assert_eq!(answer["renewal_opens"], text(window_opens(case.issue)), "{}", case.line());
    }
}

#[test]
fn the_oracle_itself_gives_the_published_days() {
    // The test card of the service, 練馬区's and 茨木市's windows: not ours to decide.
    assert_eq!(nth_birthday_after((1980, 2, 17), (2025, 10, 27), 5), (2030, 2, 17));
    assert_eq!(window_opens((2023, 7, 7)), (2023, 4, 8));
    assert_eq!(window_opens((2023, 5, 28)), (2023, 3, 1));
    assert_eq!(window_opens((2023, 11, 20)), (2023, 8, 21));
    assert_eq!(age((2008, 2, 29), (2023, 2, 27)), 14);
    assert_eq!(age((2008, 2, 29), (2023, 2, 28)), 15);
}
