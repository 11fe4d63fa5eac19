//! Section 3.2 of the rule book, written down a second time: a test a rule.
//!
//! A row is SIGN, AUTH (a CRL code, `H` hold, `L` release, `-` keep), named kinds only (`k`) or the pair (`p`), and the
//! ground (A application, R register, E record error, C CA key, X expiry). have two causes each.

use std::collections::BTreeSet;

use super::*;

/// Rules of the table that no caller can name; the module says why.
const NO_CAUSE: [&str; 3] = ["R-31", "R-32", "R-33"];

fn row(cause: Cause) -> String {
    let effect = |kind| match cause.effect(kind) {
        Effect::Revoke(reason) => reason.code().to_string(),
        Effect::Hold => "H".to_owned(),
        Effect::Release => "L".to_owned(),
        Effect::Keep => "-".to_owned(),
    };
    let scope = if cause.applies_per_kind() { 'k' } else { 'p' };
    let ground = match cause.ground() {
        Ground::Application => 'A',
        Ground::RegisterChange => 'R',
        Ground::RecordError => 'E',
        Ground::CaKeyCompromise => 'C',
        Ground::Expiry => 'X',
    };
    format!("{} {} {scope} {ground}", effect(Kind::Sign), effect(Kind::Auth))
}

#[track_caller]
fn rows(rule: &str, expected: &[&str]) {
    let found: Vec<String> = Cause::ALL.into_iter().filter(|cause| cause.rule() == rule).map(row).collect();
    assert_eq!(found, expected, "{rule}");
}

#[test]
fn r_10_an_application_ends_the_kinds_it_names() {
    rows("R-10", &["5 5 k A"]);
}

#[test]
fn r_11_a_leaked_key_is_compromised() {
    rows("R-11", &["1 1 k A"]);
}

#[test]
fn r_12_a_damaged_card_ends_both() {
    rows("R-12", &["5 5 p A"]);
}

#[test]
fn r_13_a_changed_entry_ends_sign_and_keeps_auth() {
    rows("R-13", &["3 - p R"]);
}

#[test]
fn r_14_a_minor_correction_ends_nothing() {
    rows("R-14", &["- - p R"]);
}

#[test]
fn r_15_death_ends_both() {
    rows("R-15", &["5 5 p R"]);
}

#[test]
fn r_16_moving_out_ends_sign_and_keeps_auth() {
    rows("R-16", &["3 - p R"]);
}

#[test]
fn r_17_a_missed_notice_ends_auth_too() {
    rows("R-17", &["3 5 p R"]);
}

#[test]
fn r_18_a_card_void_by_moving_ends_both() {
    rows("R-18", &["5 5 p A"]);
}

#[test]
fn r_19_leaving_the_country_ends_both() {
    rows("R-19", &["3 5 p R"]);
}

#[test]
fn r_20_leaving_with_continued_use_ends_sign_and_keeps_auth() {
    rows("R-20", &["3 - p R"]);
}

#[test]
fn r_21_a_lost_card_is_held() {
    rows("R-21", &["H H p A"]);
}

#[test]
fn r_22_a_found_card_ends_sign_and_releases_auth() {
    rows("R-22", &["5 L p A"]);
}

#[test]
fn r_23_a_card_asked_for_anew_ends_both_by_why_it_was() {
    rows("R-23", &["1 1 p A", "5 5 p A"]);
}

#[test]
fn r_24_a_returned_card_ends_both() {
    rows("R-24", &["5 5 p A"]);
}

#[test]
fn r_25_an_expired_card_revokes_nothing() {
    rows("R-25", &["- - p X"]);
}

#[test]
fn r_26_an_error_of_record_ends_the_kind_that_has_it() {
    rows("R-26", &["3 3 k E", "4 4 k E"]);
}

#[test]
fn r_27_a_lost_ca_key_ends_all_of_that_ca() {
    rows("R-27", &["2 2 k C"]);
}

#[test]
fn r_28_a_renewal_supersedes_the_kind_renewed() {
    rows("R-28", &["4 4 k A"]);
}

#[test]
fn r_29_what_is_discarded_has_no_reason() {
    rows("R-29", &["0 0 k A"]);
}

#[test]
fn r_30_face_authentication_ends_sign_and_keeps_auth() {
    rows("R-30", &["5 - p A"]);
}

#[test]
fn r_02_every_cause_comes_under_the_ground_of_where_it_comes_from() {
    for cause in Cause::ALL {
        let allowed: &[Ground] = match cause.origin() {
            Origin::RegisterChange => &[Ground::RegisterChange],
            Origin::Application => &[Ground::Application],
            Origin::CardEvent => &[Ground::Application, Ground::Expiry],
            Origin::Agency => &[Ground::RecordError, Ground::CaKeyCompromise, Ground::Application],
        };
        assert!(allowed.contains(&cause.ground()), "{cause}");
    }
    let grounds: BTreeSet<Ground> = Cause::ALL.iter().map(|cause| cause.ground()).collect();
    assert_eq!(grounds.len(), 5);
}

#[test]
fn every_cause_of_section_3_2_is_accounted_for() {
    let known: BTreeSet<&str> = Cause::ALL.iter().map(|cause| cause.rule()).chain(NO_CAUSE).collect();
    let all: Vec<String> = (10..=33).map(|number| format!("R-{number}")).collect();
    assert!(known.iter().eq(all.iter()), "{known:?}");
    for rule in NO_CAUSE {
        assert_eq!(Cause::from_rule(rule), None, "{rule}");
    }
}

#[test]
fn rule_and_word_lead_back_to_the_cause() {
    for cause in Cause::ALL {
        assert_eq!(cause.word().parse(), Ok(cause));
        assert_eq!(serde_json::to_value(cause).unwrap(), cause.word());
        assert_eq!(Cause::from_rule(cause.rule()).map(Cause::rule), Some(cause.rule()));
    }
    assert_eq!(Cause::from_rule("R-23"), Some(Cause::CardReissuedAfterLoss));
    assert_eq!(Cause::from_rule("R-26"), Some(Cause::RecordError));
}

#[test]
fn other_words_and_ids_name_no_cause() {
    for other in ["", "R-9", "R-34", "r-13", "R-13 ", "13", "Death"] {
        assert_eq!(Cause::from_rule(other), None, "{other}");
        assert_eq!(other.parse::<Cause>(), Err(UnknownCause), "{other}");
    }
}

#[test]
fn a_move_ends_sign_only() {
    for cause in [Cause::RegisterEntryChanged, Cause::MoveOut, Cause::OverseasMoveWithContinuedUse] {
        assert_eq!(cause.effect(Kind::Sign), Effect::Revoke(AffiliationChanged));
        assert_eq!(cause.effect(Kind::Auth), Effect::Keep);
    }
}

#[test]
fn r_15_death_looks_like_other_causes() {
    for kind in Kind::BOTH {
        let code = Cause::Death.effect(kind);
        let alike = Cause::ALL.into_iter().filter(|cause| Kind::BOTH.map(|kind| cause.effect(kind)) == [code; 2]);
        assert!(alike.count() >= 4, "{kind}");
    }
}

#[test]
fn an_application_ends_the_kind_it_names_and_a_card_event_both() {
    assert!(Cause::HolderApplication.applies_per_kind());
    for cause in Cause::ALL.into_iter().filter(|cause| cause.origin() == Origin::CardEvent) {
        assert!(!cause.applies_per_kind(), "{cause}");
        assert_eq!(cause.effect(Kind::Sign), cause.effect(Kind::Auth), "{cause}");
    }
}

#[test]
fn r_03_no_cause_revokes_with_a_reason_that_is_no_end() {
    for cause in Cause::ALL {
        for kind in Kind::BOTH {
            let effect = cause.effect(kind);
            assert!(!matches!(effect, Effect::Revoke(CertificateHold | RemoveFromCrl)), "{cause}");
            assert_eq!(effect.event().is_none(), effect == Effect::Keep);
        }
    }
}

#[test]
fn r_03_the_reasons_in_use_are_those_of_the_practice_statement() {
    let effects = Cause::ALL.into_iter().flat_map(|cause| Kind::BOTH.map(|kind| cause.effect(kind)));
    let used: BTreeSet<u8> = effects
        .filter_map(|effect| if let Effect::Revoke(reason) = effect { Some(reason.code()) } else { None })
        .collect();
    assert_eq!(used, BTreeSet::from([0, 1, 2, 3, 4, 5]), "and certificateHold, by a hold");
}
