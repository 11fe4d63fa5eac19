use time::macros::date;

use super::*;

fn facts() -> ValidityFacts {
    ValidityFacts {
        birth: date!(1990 - 07 - 07),
        issue_day: date!(2025 - 05 - 21),
        card_issue_day: Some(date!(2020 - 08 - 01)),
        card_application_day: Some(date!(2020 - 07 - 01)),
        card_last_day: None,
        stay_last_day: None,
        auth_last_day: None,
        renewing: Renewing::NEITHER,
    }
}

fn refused(facts: ValidityFacts) -> Refusal {
    decide_validity(&facts, &Policy::default()).unwrap_err()
}

#[test]
fn the_json_forms_are_those_of_the_design() {
    let line = r#"{"birth":"1980-02-17","issue_day":"2025-10-27","card_issue_day":"2025-10-27","card_application_day":"2025-10-01","card_last_day":null,"stay_last_day":null,"auth_last_day":null,"renewing":["auth","sign"]}"#;
    let mut facts: ValidityFacts = serde_json::from_str(line).unwrap();
    assert_eq!(serde_json::to_string(&facts).unwrap(), line);
    facts.renewing = Renewing::NEITHER;
    let validity = decide_validity(&facts, &Policy::default()).unwrap();
    assert_eq!(
        serde_json::to_string(&validity).unwrap(),
        r#"{"card_last_day":"2035-02-17","auth_last_day":"2030-02-17","sign_last_day":"2030-02-17","auth_not_after":"2030-02-17T14:59:59Z","sign_not_after":"2030-02-17T14:59:59Z","renewal_opens":"2029-11-18","sign_refused":null}"#
    );
}

#[test]
fn a_child_s_line_has_no_sign_and_says_why() {
    let facts = ValidityFacts {
        birth: date!(2015 - 09 - 15),
        card_last_day: Some(date!(2028 - 09 - 15)),
        card_issue_day: None,
        card_application_day: None,
        ..facts()
    };
    let json = serde_json::to_value(decide_validity(&facts, &Policy::default()).unwrap()).unwrap();
    assert_eq!(json["auth_last_day"], "2028-09-15");
    assert_eq!(json["sign_last_day"], serde_json::Value::Null);
    assert_eq!(json["sign_not_after"], serde_json::Value::Null);
    assert_eq!(json["sign_refused"], "E-05");
}

#[test]
fn unknown_missing_and_malformed_fields_are_refused() {
    let bad = [
        r#"{"issue_day":"2025-10-27"}"#,
        r#"{"birth":"1980-02-17","issue_day":null}"#,
        r#"{"birth":"1980-02-30","issue_day":"2025-10-27"}"#,
        r#"{"birth":"1980-02-17","issue_day":"2025-10-27","card_last_day":"2025-2-17"}"#,
        r#"{"birth":"1980-02-17","issue_day":"2025-10-27","renewing":["both"]}"#,
        r#"{"birth":"1980-02-17","issue_day":"2025-10-27","name":"x"}"#,
        r#"{"birth":"1980-02-17","birth":"1980-02-17","issue_day":"2025-10-27"}"#,
    ];
    for line in bad {
        assert!(serde_json::from_str::<ValidityFacts>(line).is_err(), "{line}");
    }
}

#[test]
fn impossible_days_are_refused_by_their_rule() {
    let cases = [
        ("E-01", ValidityFacts { birth: date!(2025 - 05 - 22), ..facts() }),
        ("V-05", ValidityFacts { card_application_day: Some(date!(1990 - 07 - 06)), ..facts() }),
        ("V-05", ValidityFacts { card_application_day: Some(date!(2020 - 08 - 02)), ..facts() }),
        ("V-05", ValidityFacts { card_issue_day: Some(date!(2025 - 05 - 22)), ..facts() }),
        ("V-05", ValidityFacts { card_issue_day: None, ..facts() }),
        ("V-05", ValidityFacts { card_last_day: Some(date!(2025 - 05 - 20)), ..facts() }),
        ("E-10", ValidityFacts { stay_last_day: Some(date!(2025 - 05 - 20)), ..facts() }),
        ("V-14", ValidityFacts { auth_last_day: Some(date!(2025 - 05 - 20)), ..facts() }),
    ];
    for (rule, facts) in cases {
        assert_eq!(refused(facts).rule, rule, "{facts:?}");
    }
}

#[test]
fn v_01_v_05_v_14_what_contradicts_itself_is_refused_by_its_rule() {
    let card = ValidityFacts { card_last_day: Some(date!(2030 - 07 - 07)), ..facts() };
    let kept = |last| ValidityFacts { auth_last_day: Some(last), ..card };
    let renewing = |auth, sign| ValidityFacts { renewing: Renewing { auth, sign }, ..card };
    let stay = |last| ValidityFacts { stay_last_day: Some(last), ..card };
    let rows = [
        (renewing(true, false), Some("V-14")),
        (renewing(true, true), Some("V-14")),
        (renewing(false, true), None),
        (ValidityFacts { auth_last_day: Some(date!(2025 - 07 - 07)), ..renewing(true, true) }, None),
        (stay(date!(2030 - 07 - 06)), Some("V-05")),
        (stay(date!(2030 - 07 - 07)), None),
        (kept(date!(2030 - 07 - 08)), Some("V-01")),
        (kept(date!(2030 - 07 - 07)), None),
    ];
    for (facts, rule) in rows {
        let decided = decide_validity(&facts, &Policy::default());
        assert_eq!(decided.err().map(|refusal| refusal.rule.into_owned()).as_deref(), rule, "{facts:?}");
    }
}

#[test]
fn a_card_applied_for_after_the_issue_is_impossible_even_when_its_end_is_given() {
    let facts = ValidityFacts {
        card_issue_day: None,
        card_application_day: Some(date!(2025 - 05 - 22)),
        card_last_day: Some(date!(2030 - 07 - 07)),
        ..facts()
    };
    assert_eq!(refused(facts).rule, "V-05");
}

#[test]
fn on_their_last_day_card_stay_and_auth_still_bear_a_certificate() {
    let today = facts().issue_day;
    let facts =
        ValidityFacts { card_last_day: Some(today), stay_last_day: Some(today), auth_last_day: Some(today), ..facts() };
    let validity = decide_validity(&facts, &Policy::default()).unwrap();
    assert_eq!((validity.auth_last_day, validity.sign_last_day), (today, Some(today)));
}

#[test]
fn an_auth_that_is_renewed_must_be_in_its_window() {
    let renewing = |last| ValidityFacts { auth_last_day: Some(last), renewing: Renewing::BOTH, ..facts() };
    assert_eq!(refused(renewing(date!(2025 - 08 - 21))).rule, "V-12");
    assert!(refused(renewing(date!(2025 - 08 - 21))).detail.contains("2025-05-22"));
    assert_eq!(refused(renewing(date!(2025 - 05 - 20))).rule, "V-14");
    let validity = decide_validity(&renewing(date!(2025 - 08 - 20)), &Policy::default()).unwrap();
    assert_eq!(validity.auth_last_day, date!(2030 - 07 - 07), "the replaced certificate bounds nothing");
}

#[test]
fn an_end_beyond_the_calendar_is_refused() {
    let far = ValidityFacts {
        birth: date!(9980 - 01 - 01),
        issue_day: date!(9996 - 01 - 01),
        card_last_day: Some(Day::MAX),
        card_issue_day: None,
        card_application_day: None,
        ..facts()
    };
    assert_eq!(refused(far).rule, "V-01");
}
