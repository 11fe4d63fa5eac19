//! The worked examples of section 2.5 of the rule book, one test each. C, A, S: last day of the card, of AUTH, of SIGN.

use super::{
    Asked::{self, New, Renewal},
    Day, Holding, LiveCertificate, PairAsked, Policy, Renewing, Replacement, Validity, ValidityFacts,
    calendar::{day_of, last_instant, parse_day},
    card_term::{CardFacts, decide_card_last_day, special_period_last_day, transitional_last_day},
    decide_pair_replacement, decide_replacement, decide_validity, renewal_window,
};

const ADULT: &str = "1990-07-07";

fn day(text: &str) -> Day {
    parse_day(text).unwrap()
}

/// Certificates issued along with a card that was applied for on the same day.
fn first(birth: &str, issue_day: &str) -> ValidityFacts {
    ValidityFacts {
        birth: day(birth),
        issue_day: day(issue_day),
        card_issue_day: Some(day(issue_day)),
        card_application_day: None,
        card_last_day: None,
        stay_last_day: None,
        auth_last_day: None,
        renewing: Renewing::NEITHER,
    }
}

/// Certificates issued on a card that ends on a known day.
fn on_card(birth: &str, issue_day: &str, card_last_day: &str) -> ValidityFacts {
    ValidityFacts { card_issue_day: None, card_last_day: Some(day(card_last_day)), ..first(birth, issue_day) }
}

fn renewed(facts: ValidityFacts) -> ValidityFacts {
    // A certificate that ends today is in its window whatever the example.
    ValidityFacts { renewing: Renewing::BOTH, auth_last_day: Some(facts.issue_day), ..facts }
}

fn decided(facts: ValidityFacts) -> Validity {
    decide_validity(&facts, &Policy::default()).unwrap()
}

#[track_caller]
fn expect(facts: ValidityFacts, card: &str, auth: &str, sign: &str) {
    let validity = decided(facts);
    let days = [Some(validity.card_last_day), Some(validity.auth_last_day), validity.sign_last_day];
    assert_eq!(days, [card, auth, sign].map(parse_day), "C, A, S");
}

#[track_caller]
fn expect_pair(facts: ValidityFacts, pair: &str) {
    let validity = decided(facts);
    assert_eq!((validity.auth_last_day, validity.sign_last_day), (day(pair), Some(day(pair))), "A, S");
}

fn replacement(last_day: &str, held: bool, asked: Asked, today: &str) -> Result<Replacement, super::Refusal> {
    let certificate = LiveCertificate { last_day: day(last_day), held };
    decide_replacement(Some(certificate), asked, day(today), &Policy::default())
}

fn opening(last_day: &str) -> Day {
    *renewal_window(day(last_day), &Policy::default()).start()
}

/// Tests of a pair that is issued: name, facts, C, A, S (`-`: refused).
macro_rules! issued {
    ($($name:ident: $facts:expr => $card:literal, $auth:literal, $sign:literal;)*) => {
        $(#[test] fn $name() { expect($facts, $card, $auth, $sign); })*
    };
}

issued! {
    example_01_first_issue_of_an_adult_is_the_test_card:
        first("1980-02-17", "2025-10-27") => "2035-02-17", "2030-02-17", "2030-02-17";
    example_02_first_issue_at_thirty:
        first(ADULT, "2020-08-01") => "2030-07-07", "2025-07-07", "2025-07-07";
    example_03_birthday_on_the_day_of_issue_does_not_count:
        first("1990-05-10", "2024-05-10") => "2034-05-10", "2029-05-10", "2029-05-10";
    example_04_birthday_tomorrow_counts:
        first("1990-05-11", "2024-05-10") => "2033-05-11", "2028-05-11", "2028-05-11";
    example_05_birthday_yesterday_does_not_count:
        first("1990-05-09", "2024-05-10") => "2034-05-09", "2029-05-09", "2029-05-09";
    example_06_leap_day_child_the_day_after_the_deemed_birthday:
        first("2000-02-29", "2023-03-01") => "2033-02-28", "2028-02-29", "2028-02-29";
    example_07_leap_day_child_on_the_birthday:
        first("2000-02-29", "2024-02-29") => "2034-02-28", "2029-02-28", "2029-02-28";
    example_08_leap_day_child_on_the_deemed_birthday:
        first("2000-02-29", "2023-02-28") => "2033-02-28", "2028-02-29", "2028-02-29";
    example_09_leap_day_child_the_day_before_the_birthday:
        first("2000-02-29", "2024-02-28") => "2033-02-28", "2028-02-29", "2028-02-29";
    example_10_leap_day_child_the_day_after_the_birthday:
        first("2000-02-29", "2024-03-01") => "2034-02-28", "2029-02-28", "2029-02-28";
    example_11_new_year_s_child_on_new_year_s_eve:
        first("1985-01-01", "2024-12-31") => "2034-01-01", "2029-01-01", "2029-01-01";
    example_13_new_year_s_eve_child_on_new_year_s_day:
        first("1985-12-31", "2025-01-01") => "2034-12-31", "2029-12-31", "2029-12-31";
    example_14_reissue_is_bounded_by_the_card:
        ValidityFacts { card_issue_day: Some(day("2018-06-20")), ..first("1975-03-03", "2024-09-01") }
            => "2028-03-03", "2028-03-03", "2028-03-03";
    example_15_child_of_eight_gets_auth_only:
        first("2015-09-15", "2024-04-01") => "2028-09-15", "2028-09-15", "-";
    example_16_child_s_reissue_is_bounded_by_the_card:
        ValidityFacts { card_issue_day: Some(day("2024-04-01")), ..first("2015-09-15", "2026-01-10") }
            => "2028-09-15", "2028-09-15", "-";
    example_17_nineteen_is_minor_on_a_card_applied_for_before_april_2022:
        ValidityFacts { card_application_day: Some(day("2022-03-31")), ..first("2003-02-01", "2022-05-01") }
            => "2027-02-01", "2027-02-01", "2027-02-01";
    example_18_nineteen_is_adult_on_a_card_applied_for_in_april_2022:
        ValidityFacts { card_application_day: Some(day("2022-04-01")), ..first("2003-02-01", "2022-05-01") }
            => "2032-02-01", "2027-02-01", "2027-02-01";
    example_19_seventeen_on_the_day_before_majority:
        first("2006-04-02", "2024-04-01") => "2028-04-02", "2028-04-02", "2028-04-02";
    example_20_eighteen_today:
        first("2006-04-02", "2024-04-02") => "2034-04-02", "2029-04-02", "2029-04-02";
    example_21_infant:
        first("2024-12-10", "2025-02-03") => "2029-12-10", "2029-12-10", "-";
    example_22_renewal_on_the_first_day_of_the_window:
        renewed(on_card(ADULT, "2025-04-08", "2030-07-07")) => "2030-07-07", "2030-07-07", "2030-07-07";
    example_24_renewal_on_the_day_before_the_last:
        renewed(on_card(ADULT, "2025-07-06", "2034-07-07")) => "2034-07-07", "2030-07-07", "2030-07-07";
    example_25_renewal_on_the_birthday_gives_six_full_years:
        renewed(on_card(ADULT, "2025-07-07", "2034-07-07")) => "2034-07-07", "2031-07-07", "2031-07-07";
    example_26_renewal_on_the_birthday_is_bounded_by_the_card:
        renewed(on_card(ADULT, "2025-07-07", "2030-07-07")) => "2030-07-07", "2030-07-07", "2030-07-07";
    example_29_sign_reissued_after_a_move_ends_with_the_kept_auth:
        ValidityFacts { auth_last_day: Some(day("2025-07-07")), ..on_card(ADULT, "2023-10-01", "2030-07-07") }
            => "2030-07-07", "2025-07-07", "2025-07-07";
    example_30_sign_new_beside_a_renewed_auth_ends_a_year_earlier:
        ValidityFacts {
            auth_last_day: Some(day("2025-07-07")),
            renewing: Renewing { auth: true, sign: false },
            ..on_card(ADULT, "2025-05-21", "2030-07-07")
        } => "2030-07-07", "2030-07-07", "2029-07-07";
    example_31_sign_new_beside_an_old_auth_has_forty_seven_days:
        ValidityFacts { auth_last_day: Some(day("2025-07-07")), ..on_card(ADULT, "2025-05-21", "2030-07-07") }
            => "2030-07-07", "2025-07-07", "2025-07-07";
    example_35_permanent_resident_as_a_national:
        first("1995-06-30", "2024-04-10") => "2033-06-30", "2028-06-30", "2028-06-30";
    example_36_renewal_after_the_card_was_extended:
        renewed(on_card("1995-06-30", "2026-02-01", "2029-03-15")) => "2029-03-15", "2029-03-15", "2029-03-15";
}

#[test]
fn example_12_the_day_of_issue_is_the_day_in_tokyo() {
    let issue_day = day_of("2024-12-31T15:30:00Z".parse().unwrap());
    assert_eq!(issue_day, day("2025-01-01"));
    expect_pair(first("1985-01-01", &issue_day.to_string()), "2030-01-01");
}

#[test]
fn example_23_renewal_with_exactly_three_months_left_is_refused() {
    let refusal = replacement("2025-07-07", false, Renewal, "2025-04-07").unwrap_err();
    assert_eq!(refusal.rule, "V-12");
    assert!(refusal.detail.contains("2025-04-08"), "{refusal}");
    assert_eq!(replacement("2025-07-07", false, Renewal, "2025-04-08"), Ok(Replacement::Renewal));
    // What "new" would have cost.
    expect_pair(on_card(ADULT, "2025-04-07", "2030-07-07"), "2029-07-07");
}

#[test]
fn example_27_the_day_after_expiry_is_a_reissue() {
    assert_eq!(replacement("2025-07-07", false, Renewal, "2025-07-08").unwrap_err().rule, "V-14");
    assert_eq!(replacement("2025-07-07", false, New, "2025-07-08"), Ok(Replacement::Reissue));
    expect_pair(on_card(ADULT, "2025-07-08", "2034-07-07"), "2030-07-07");
}

#[test]
fn example_28_expired_between_two_visits_is_a_reissue() {
    assert_eq!(replacement("2025-07-07", false, Renewal, "2025-07-01"), Ok(Replacement::Renewal));
    assert_eq!(replacement("2025-07-07", false, Renewal, "2025-07-10").unwrap_err().rule, "V-14");
    assert_eq!(replacement("2025-07-07", false, New, "2025-07-10"), Ok(Replacement::Reissue));
    expect_pair(on_card(ADULT, "2025-07-10", "2034-07-07"), "2030-07-07");
}

#[test]
fn example_32_sign_renewed_alone_is_refused_and_auth_proposed() {
    let one = Some(LiveCertificate { last_day: day("2025-07-07"), held: false });
    let holding = Holding { auth: one, sign: one };
    let asked = PairAsked { auth: None, sign: Some(Renewal) };
    let refusal = decide_pair_replacement(holding, asked, day("2025-05-01"), &Policy::default()).unwrap_err();
    assert_eq!(refusal.rule, "V-15");
    assert!(refusal.detail.contains("renew AUTH"), "{refusal}");
    let alone = ValidityFacts {
        auth_last_day: Some(day("2025-07-07")),
        renewing: Renewing { auth: false, sign: true },
        ..on_card(ADULT, "2025-05-01", "2030-07-07")
    };
    assert_eq!(decided(alone).sign_last_day, Some(day("2025-07-07")));
}

#[test]
fn example_33_card_exchanged_in_its_last_three_months() {
    let card = CardFacts {
        birth: day(ADULT),
        issue_day: day("2030-05-01"),
        application_day: day("2030-05-01"),
        stay_last_day: None,
        exchanged_last_day: Some(day("2030-07-07")),
    };
    let card_last_day = decide_card_last_day(&card, &Policy::default()).unwrap();
    assert_eq!(card_last_day, day("2040-07-07"));
    expect_pair(renewed(on_card(ADULT, "2030-05-01", "2040-07-07")), "2035-07-07");
}

#[test]
fn example_34_period_of_stay_bounds_all_three() {
    let facts = ValidityFacts { stay_last_day: Some(day("2026-03-15")), ..first("1995-06-30", "2024-04-10") };
    expect(facts, "2026-03-15", "2026-03-15", "2026-03-15");
    assert_eq!(decided(facts).renewal_opens, day("2025-12-16"));
}

#[test]
fn example_37_special_period_adds_two_months() {
    let stay = special_period_last_day(day("2026-03-15"));
    let card_issue_day = Some(day("2024-04-10"));
    let facts = ValidityFacts { stay_last_day: stay, card_issue_day, ..first("1995-06-30", "2026-03-10") };
    expect(renewed(facts), "2026-05-15", "2026-05-15", "2026-05-15");
}

#[test]
fn example_38_special_period_is_clamped_to_the_month() {
    assert_eq!(special_period_last_day(day("2025-12-31")), Some(day("2026-02-28")));
    assert_eq!(special_period_last_day(day("2026-05-31")), Some(day("2026-07-31")));
}

#[test]
fn example_39_transitional_stay_ends_on_the_sixtieth_day() {
    let stay = transitional_last_day(day("2025-01-10"));
    let facts = ValidityFacts { stay_last_day: stay, ..first("2025-01-10", "2025-02-10") };
    expect(facts, "2025-03-11", "2025-03-11", "-");
    assert_eq!(transitional_last_day(day("2024-01-10")), Some(day("2024-03-10")));
}

#[test]
fn example_40_windows_from_the_end_of_february() {
    for last in ["2023-05-28", "2023-05-29", "2023-05-30", "2023-05-31"] {
        assert_eq!(opening(last), day("2023-03-01"), "{last}");
    }
}

#[test]
fn example_41_windows_from_the_end_of_a_leap_february() {
    for last in ["2024-05-29", "2024-05-30", "2024-05-31"] {
        assert_eq!(opening(last), day("2024-03-01"), "{last}");
    }
}

#[test]
fn example_42_windows_across_months_and_years() {
    let windows = [
        ("2026-01-31", "2025-11-01"),
        ("2025-11-30", "2025-08-31"),
        ("2026-02-28", "2025-11-29"),
        ("2028-02-29", "2027-11-30"),
    ];
    for (last, opens) in windows {
        assert_eq!(opening(last), day(opens), "{last}");
    }
}

#[test]
fn example_43_a_certificate_is_good_to_the_last_second_of_its_last_day() {
    let good: crate::x509::UnixTime = "2030-02-17T14:59:59Z".parse().unwrap();
    assert_eq!(last_instant(day("2030-02-17")), good);
    let expired = good + std::time::Duration::from_secs(1);
    assert_eq!(expired, "2030-02-17T15:00:00Z".parse().unwrap());
    assert_eq!((day_of(good), day_of(expired)), (day("2030-02-17"), day("2030-02-18")));
}

#[test]
fn example_44_sign_is_refused_at_fourteen_and_issued_at_fifteen() {
    expect_sign_from("2009-10-01", "2024-09-30", "2024-10-01");
}

#[test]
fn example_45_a_leap_day_child_is_fifteen_on_the_deemed_birthday() {
    expect_sign_from("2008-02-29", "2023-02-27", "2023-02-28");
}

#[track_caller]
fn expect_sign_from(birth: &str, refused: &str, allowed: &str) {
    let before = decided(first(birth, refused));
    assert_eq!((before.sign_refused, before.sign_last_day, before.sign_not_after), (Some("E-05"), None, None));
    let after = decided(first(birth, allowed));
    assert_eq!((after.sign_refused, after.sign_last_day), (None, Some(after.auth_last_day)));
}

#[test]
fn example_46_a_held_certificate_is_reissued_not_renewed() {
    assert_eq!(replacement("2025-07-07", true, Renewal, "2025-05-21").unwrap_err().rule, "V-14");
    assert_eq!(replacement("2025-07-07", true, New, "2025-05-21"), Ok(Replacement::Reissue));
    expect_pair(on_card(ADULT, "2025-05-21", "2034-07-07"), "2029-07-07");
}
