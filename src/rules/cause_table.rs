//! Section 3.2 of the rule book, written down a second time as the table it is.

use std::collections::BTreeSet;

use super::*;

/// Rule, number of the cause under it, SIGN, AUTH (a CRL code, `H` hold, `L` release, `-` keep), named kinds only (`k`)
/// or the pair (`p`), ground (A application, R register, E record error, C CA key, X expiry).
const TABLE: &str = "
    R-10 0  5 5  k A
    R-11 0  1 1  k A
    R-12 0  5 5  p A
    R-13 0  3 -  p R
    R-14 0  - -  p R
    R-15 0  5 5  p R
    R-16 0  3 -  p R
    R-17 0  3 5  p R
    R-18 0  5 5  p A
    R-19 0  3 5  p R
    R-20 0  3 -  p R
    R-21 0  H H  p A
    R-22 0  5 L  p A
    R-23 0  1 1  p A
    R-23 1  5 5  p A
    R-24 0  5 5  p A
    R-25 0  - -  p X
    R-26 0  3 3  k E
    R-26 1  4 4  k E
    R-27 0  2 2  k C
    R-28 0  4 4  k A
    R-29 0  0 0  k A
    R-30 0  5 -  p A
";

/// Rules of the table that no caller can name; the module says why.
const NO_CAUSE: [&str; 3] = ["R-31", "R-32", "R-33"];

fn row(cause: Cause) -> String {
    let number =
        Cause::ALL.iter().filter(|other| other.rule() == cause.rule()).position(|other| *other == cause).unwrap();
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
    format!("{} {number}  {} {}  {scope} {ground}", cause.rule(), effect(Kind::Sign), effect(Kind::Auth))
}

#[test]
fn r_02_the_causes_and_their_grounds_are_the_table_of_section_3_2() {
    let expected: Vec<&str> = TABLE.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(Cause::ALL.map(row).as_slice(), expected);
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
fn r_13_r_16_r_20_a_move_ends_sign_only() {
    for cause in [Cause::RegisterEntryChanged, Cause::MoveOut, Cause::OverseasMoveWithContinuedUse] {
        assert_eq!(cause.effect(Kind::Sign), Effect::Revoke(AffiliationChanged));
        assert_eq!(cause.effect(Kind::Auth), Effect::Keep);
    }
}

#[test]
fn r_15_death_ends_both_and_looks_like_other_causes() {
    for kind in Kind::BOTH {
        let code = Cause::Death.effect(kind);
        let alike = Cause::ALL.into_iter().filter(|cause| Kind::BOTH.map(|kind| cause.effect(kind)) == [code; 2]);
        assert!(alike.count() >= 4, "{kind}");
    }
}

#[test]
fn r_10_an_application_ends_the_kind_it_names_and_a_card_event_both() {
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
