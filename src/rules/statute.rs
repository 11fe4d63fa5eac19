//! Validity as the ordinances say it (section 2.1), against a count by hand over many days.

use time::{Duration, macros::date};

use super::{
    Cause, CertificateState, Day, Effect, Policy, Renewing, Transition, Validity, ValidityFacts,
    calendar::{age_on, day_of, last_instant},
    card_term::{CardFacts, decide_card_last_day},
    decide_transition, decide_validity,
};
use crate::kind::Kind;

const FAR: Day = date!(2099 - 12 - 31);

fn facts(birth: Day, issue_day: Day) -> ValidityFacts {
    ValidityFacts {
        birth,
        issue_day,
        card_issue_day: None,
        card_application_day: None,
        card_last_day: Some(FAR),
        stay_last_day: None,
        auth_last_day: None,
        renewing: Renewing::NEITHER,
    }
}

fn decide(facts: ValidityFacts) -> Validity {
    decide_validity(&facts, &Policy::default()).unwrap()
}

/// The n-th day after a day on which somebody is a year older than the day before, found by walking.
fn by_walking(birth: Day, from: Day, n: u16) -> Day {
    let mut day = from;
    let mut left = n;
    while left > 0 {
        let next = day.next_day().unwrap();
        left -= age_on(birth, next).unwrap() - age_on(birth, day).unwrap();
        day = next;
    }
    day
}

/// Births around the turns of months and years, and days of issue around them.
fn cases() -> Vec<(Day, Day)> {
    let births = [date!(1980 - 02 - 17), date!(2000 - 02 - 29), date!(1985 - 01 - 01), date!(1985 - 12 - 31)];
    let days = [date!(2023 - 02 - 26), date!(2024 - 02 - 27), date!(2024 - 12 - 29), date!(2025 - 02 - 15)];
    let week = |day: Day| (0..6).map(move |plus| day + Duration::days(plus));
    births.into_iter().flat_map(|birth| days.into_iter().flat_map(week).map(move |day| (birth, day))).collect()
}

#[test]
fn v_01_auth_ends_on_the_fifth_birthday_after_its_issue_the_sixth_if_renewed_or_with_the_card() {
    for (birth, day) in cases() {
        let fifth = by_walking(birth, day, 5);
        assert_eq!(decide(facts(birth, day)).auth_last_day, fifth, "{birth} {day}");
        let renewed = ValidityFacts {
            auth_last_day: Some(day),
            renewing: Renewing { auth: true, sign: false },
            ..facts(birth, day)
        };
        assert_eq!(decide(renewed).auth_last_day, by_walking(birth, day, 6), "{birth} {day}");
        for card in [fifth.previous_day().unwrap(), fifth, fifth.next_day().unwrap()] {
            let bounded = ValidityFacts { card_last_day: Some(card), ..facts(birth, day) };
            assert_eq!(decide(bounded).auth_last_day, fifth.min(card));
        }
    }
}

#[test]
fn v_02_sign_ends_by_its_own_birthdays_with_auth_or_with_the_card_whichever_is_first() {
    for (birth, day) in cases() {
        for (renewed, birthdays) in [(false, 5), (true, 6)] {
            let own = by_walking(birth, day, birthdays);
            for auth in [day, own.previous_day().unwrap(), own, own.next_day().unwrap()] {
                // No AUTH outlasts its card (V-01).
                for card in [auth, own, FAR].into_iter().filter(|card| *card >= auth) {
                    let kept = ValidityFacts {
                        auth_last_day: Some(auth),
                        card_last_day: Some(card),
                        renewing: Renewing { auth: false, sign: renewed },
                        ..facts(birth, day)
                    };
                    assert_eq!(
                        decide(kept).sign_last_day,
                        Some(own.min(auth).min(card)),
                        "{birth} {day} {auth} {card}"
                    );
                }
            }
        }
    }
}

#[test]
fn v_03_v_04_sign_never_outlives_auth_at_its_issue_and_the_revocation_of_auth_leaves_it() {
    assert_eq!(Kind::BOTH, [Kind::Auth, Kind::Sign], "AUTH is decided and issued first");
    for (birth, day) in cases() {
        for bits in 0..4_u8 {
            let auth = bits & 1 != 0;
            let renewing = Renewing { auth, sign: bits & 2 != 0 };
            let pair = ValidityFacts { auth_last_day: auth.then_some(day), renewing, ..facts(birth, day) };
            let validity = decide(pair);
            assert!(validity.sign_not_after.unwrap() <= validity.auth_not_after, "{birth} {day} {renewing:?}");
        }
    }
    // An application for AUTH is no event for SIGN; and what ends AUTH by its calendar has ended SIGN by its own.
    let Effect::Revoke(_) = Cause::HolderApplication.effect(Kind::Auth) else { panic!("no effect") };
    assert!(Cause::HolderApplication.applies_per_kind());
    let expire = |kind| {
        let event = super::Event::Expire;
        decide_transition(kind, CertificateState::Live, event, &Policy::default()).map(Transition::to)
    };
    assert_eq!(Kind::BOTH.map(expire), [Ok(CertificateState::Expired), Ok(CertificateState::Expired)]);
}

#[test]
fn v_06_v_07_a_leap_day_child_s_certificates_end_on_28_february_and_the_day_of_issue_is_no_birthday() {
    let birth = date!(2000 - 02 - 29);
    let rows = [
        (date!(2024 - 02 - 28), date!(2028 - 02 - 29)),
        (date!(2024 - 02 - 29), date!(2029 - 02 - 28)),
        (date!(2025 - 02 - 27), date!(2029 - 02 - 28)),
        (date!(2025 - 02 - 28), date!(2030 - 02 - 28)),
        (date!(2025 - 03 - 01), date!(2030 - 02 - 28)),
    ];
    for (day, last) in rows {
        let validity = decide(facts(birth, day));
        assert_eq!((validity.auth_last_day, validity.sign_last_day), (last, Some(last)), "{day}");
    }
}

#[test]
fn v_09_v_10_not_after_is_the_last_second_of_the_last_day_in_japan() {
    for (birth, day) in cases() {
        let validity = decide(facts(birth, day));
        let next = validity.auth_not_after + std::time::Duration::from_secs(1);
        assert_eq!((day_of(validity.auth_not_after), day_of(next)), {
            let last = validity.auth_last_day;
            (last, last.next_day().unwrap())
        });
        assert!(validity.auth_not_after.to_string().ends_with("T14:59:59Z"));
        assert_eq!(validity.sign_not_after, validity.sign_last_day.map(last_instant));
    }
}

#[test]
fn c_05_the_age_at_the_issue_of_the_card_decides_and_its_application_only_which_majority() {
    let card = |birth, applied, issued| {
        let facts = CardFacts {
            birth,
            issue_day: issued,
            application_day: applied,
            stay_last_day: None,
            exchanged_last_day: None,
        };
        decide_card_last_day(&facts, &Policy::default()).unwrap().year() - issued.year()
    };
    // 北九州市: 「令和4年3月31日以前に申請したカードは「18歳」を「20歳」に読みかえてください」.
    let rows = [
        // 17 at the application, 18 at the issue: adult. The other reading would give 5.
        (date!(2006 - 04 - 02), date!(2024 - 03 - 20), date!(2024 - 04 - 10), 10),
        (date!(2006 - 04 - 02), date!(2024 - 03 - 20), date!(2024 - 04 - 01), 4),
        // 19 at both: a minor by the old majority.
        (date!(2002 - 06 - 15), date!(2022 - 03 - 31), date!(2022 - 05 - 01), 4),
        (date!(2002 - 06 - 15), date!(2022 - 04 - 01), date!(2022 - 05 - 01), 9),
        // 19 at the application under the old majority, 20 at the issue: adult.
        (date!(2002 - 04 - 15), date!(2022 - 03 - 31), date!(2022 - 05 - 01), 10),
    ];
    for (birth, applied, issued, years) in rows {
        assert_eq!(card(birth, applied, issued), years, "{birth} {applied} {issued}");
    }
}
