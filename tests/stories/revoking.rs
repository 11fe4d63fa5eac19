//! Revoking by application and by card event.

use jitsuin::{
    authority::{Actor, end::Effects},
    kind::Kind,
    rules::{
        Asked, Cause,
        CertificateState::{self, *},
    },
    x509::RevocationReason,
};

use crate::house::{House, ITAMI, Person, SUGINAMI, municipality, operator, refusal, relying_party, rule};

fn housed() -> (House, Person) {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    house.set_clock("2026-04-01T03:00:00Z");
    (house, person)
}

fn states(house: &House, person: &Person) -> (CertificateState, CertificateState) {
    (house.state(person, Kind::Auth), house.state(person, Kind::Sign))
}

fn reasons(effects: &Effects) -> Vec<(Kind, RevocationReason)> {
    effects.changes.iter().filter_map(|change| Some((change.kind, change.reason?))).collect()
}

#[test]
fn r_10_an_application_ends_the_kinds_it_names() {
    for (kinds, expected) in [
        (&[Kind::Sign][..], (Live, Revoked)),
        (&[Kind::Auth], (Revoked, Live)),
        (&[Kind::Sign, Kind::Auth], (Revoked, Revoked)),
        (&[Kind::Sign, Kind::Sign], (Live, Revoked)),
    ] {
        let (house, person) = housed();
        let effects = house.revoke(&person, Cause::HolderApplication, Some(kinds)).unwrap();
        assert!(reasons(&effects).iter().all(|(_, reason)| *reason == RevocationReason::CessationOfOperation));
        assert_eq!(states(&house, &person), expected, "{kinds:?}");
        house.check();
    }
}

#[test]
fn r_11_a_leaked_key_is_a_compromise() {
    let (house, person) = housed();
    let effects = house.revoke(&person, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    assert_eq!(reasons(&effects), [(Kind::Auth, RevocationReason::KeyCompromise)]);
}

#[test]
fn r_10_r_11_r_12_r_29_nothing_befell_a_certificate_or_a_card_before_there_was_one() {
    let (house, person) = (House::new(), Person::new("TEST-1").with_card("CARD-1", "2026-01-10"));
    house.set_clock("2026-02-01T03:00:00Z");
    house.pair(&person);
    house.set_clock("2026-04-01T03:00:00Z");
    let kinds = Some(&[Kind::Auth][..]);
    let rows = [
        (Cause::KeyCompromise, kinds, "2026-01-31", "2026-02-01"),
        (Cause::HolderApplication, kinds, "1990-01-01", "2026-02-01"),
        (Cause::HolderApplication, Some(&Kind::BOTH[..]), "2026-01-31", "2026-02-01"),
        (Cause::DiscardedBeforeDelivery, kinds, "1990-01-01", "2026-02-01"),
        (Cause::FaceAuthenticationOn, None, "2026-01-31", "2026-02-01"),
        (Cause::CardDamaged, None, "2026-01-31", "2026-02-01"),
        (Cause::CardReissuedAfterLoss, None, "1990-01-01", "2026-02-01"),
        (Cause::CardReissuedAfterDamage, None, "2026-01-10", "2026-02-01"),
        (Cause::CardReturned, None, "2026-01-31", "2026-02-01"),
    ];
    for (cause, kinds, early, first) in rows {
        let refused = refusal(house.revoke(&person.clone().on(early), cause, kinds));
        assert_eq!((&*refused.rule, refused.case.as_deref()), ("R-01", Some("impossible-day")), "{cause}");
        assert!(refused.detail.contains(early) && refused.detail.contains(first), "{refused}");
        assert_eq!(states(&house, &person), (Live, Live), "{cause}: nothing changed");
    }
    let error = Person { event_day: Some(crate::house::day("2026-01-31")), ..person.clone() };
    for cause in [Cause::RecordError, Cause::DuplicateIssue] {
        let request = error.revocation(cause, kinds);
        assert_eq!(rule(house.authority.revoke(&operator(), &house.once(), &request)), "R-01", "{cause}");
    }
    // On the first day it may have happened, and what the register tells has bounds of its own.
    let effects = house.revoke(&person.clone().on("2026-02-01"), Cause::KeyCompromise, kinds).unwrap();
    assert_eq!(
        effects.changes[0].invalidity_date.map(|date| date.to_string()).as_deref(),
        Some("2026-01-31T15:00:00Z")
    );
    house.revoke(&person.clone().on("2026-02-01"), Cause::CardDamaged, None).unwrap();
    // With nothing on it that stands, a card may have been returned from its own first day on.
    assert_eq!(rule(house.revoke(&person.clone().on("2026-01-09"), Cause::CardReturned, None)), "R-01");
    house.revoke(&person.clone().on("2026-01-10"), Cause::CardReturned, None).unwrap();
    house.check();
}

#[test]
fn r_24_a_returned_card_ends_both_and_takes_no_certificate_any_more() {
    let (house, person) = housed();
    house.revoke(&person, Cause::CardReturned, None).unwrap();
    assert_eq!(states(&house, &person), (Revoked, Revoked));
    let enrolment = person.enrolment(&Kind::BOTH);
    assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &enrolment)), "E-03");
    let next = person.with_card("CARD-2", "2026-04-01");
    house.issue(&municipality(SUGINAMI), Asked::New, &next.enrolment(&Kind::BOTH)).unwrap();
}

#[test]
fn kinds_are_named_where_the_cause_asks_for_them_and_only_there() {
    let (house, person) = housed();
    for cause in [Cause::HolderApplication, Cause::KeyCompromise] {
        assert_eq!(rule(house.revoke(&person, cause, None)), cause.rule());
        assert_eq!(rule(house.revoke(&person, cause, Some(&[]))), cause.rule());
    }
    for cause in [Cause::CardDamaged, Cause::CardReturned, Cause::FaceAuthenticationOn] {
        assert_eq!(rule(house.revoke(&person, cause, Some(&[Kind::Sign]))), cause.rule());
    }
    assert_eq!(states(&house, &person), (Live, Live));
}

#[test]
fn causes_that_have_a_story_of_their_own_are_refused() {
    let (house, person) = housed();
    for cause in Cause::ALL {
        let expected = match cause {
            Cause::Renewal | Cause::CaKeyCompromise | Cause::CardExpired => "R-02",
            Cause::CardLost | Cause::CardFound => "R-21",
            Cause::RegisterEntryChanged
            | Cause::MinorCorrection
            | Cause::Death
            | Cause::MoveOut
            | Cause::MoveInMissed
            | Cause::OverseasMove
            | Cause::OverseasMoveWithContinuedUse => "R-13",
            Cause::RecordError | Cause::DuplicateIssue => "T-08",
            _ => continue,
        };
        let kinds = cause.applies_per_kind().then_some(&Kind::BOTH[..]);
        assert_eq!(rule(house.revoke(&person, cause, kinds)), expected, "{cause}");
    }
    assert_eq!(states(&house, &person), (Live, Live));
    house.check();
}

#[test]
fn only_the_own_municipality_or_an_operator_revokes() {
    let (house, person) = housed();
    let request = person.revocation(Cause::CardDamaged, None);
    for stranger in [municipality(ITAMI), relying_party()] {
        assert_eq!(rule(house.authority.revoke(&stranger, &house.once(), &request)), "E-02");
    }
    let error = person.revocation(Cause::RecordError, Some(&[Kind::Sign]));
    house.authority.revoke(&operator(), &house.once(), &error).unwrap();
    assert_eq!(states(&house, &person), (Live, Revoked));
}

#[test]
fn what_is_over_is_not_revoked_again() {
    let (house, person) = housed();
    house.revoke(&person, Cause::HolderApplication, Some(&[Kind::Sign])).unwrap();
    let before = house.newest(&person, Kind::Sign);
    assert_eq!(rule(house.revoke(&person, Cause::KeyCompromise, Some(&[Kind::Sign]))), "R-01");
    assert_eq!(house.newest(&person, Kind::Sign), before, "neither reason nor date changed");
    house.set_clock("2030-02-17T15:00:00Z");
    assert_eq!(rule(house.revoke(&person, Cause::HolderApplication, Some(&[Kind::Auth]))), "R-01", "expired");
}

#[test]
fn a_cause_strikes_the_card_it_names_and_no_other_person() {
    let (house, one) = housed();
    let other = Person::new("TEST-2");
    house.pair(&other);
    house.revoke(&one, Cause::CardDamaged, None).unwrap();
    assert_eq!(states(&house, &other), (Live, Live));
}

#[test]
fn r_29_nobody_but_the_counter_discards_and_only_the_kinds_it_names() {
    let (house, person) = housed();
    let before = house.dossier(&person);
    let request = person.revocation(Cause::DiscardedBeforeDelivery, Some(&Kind::BOTH));
    for stranger in [municipality(ITAMI), operator(), relying_party(), Actor::service()] {
        assert_eq!(rule(house.authority.revoke(&stranger, &house.once(), &request)), "E-02", "{stranger:?}");
    }
    for kinds in [None, Some(&[][..])] {
        assert_eq!(rule(house.revoke(&person, Cause::DiscardedBeforeDelivery, kinds)), "R-29", "{kinds:?}");
    }
    assert_eq!(house.dossier(&person), before);
    house.check();
}

#[test]
fn the_counter_discards_what_it_could_not_deliver_and_the_card_takes_another() {
    for (kinds, expected) in
        [(&[Kind::Sign][..], (Live, Revoked)), (&[Kind::Auth], (Revoked, Live)), (&Kind::BOTH, (Revoked, Revoked))]
    {
        let (house, person) = housed();
        let effects = house.revoke(&person, Cause::DiscardedBeforeDelivery, Some(kinds)).unwrap();
        assert_eq!(effects.rule, "R-29");
        assert!(reasons(&effects).iter().all(|(_, reason)| *reason == RevocationReason::Unspecified));
        assert_eq!(states(&house, &person), expected, "{kinds:?}");
        let again = house.revoke(&person, Cause::DiscardedBeforeDelivery, Some(kinds));
        assert_eq!(rule(again), "R-01", "{kinds:?}: once");
        house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(kinds)).unwrap();
        assert_eq!(states(&house, &person), (Live, Live), "{kinds:?}");
        house.check();
    }
}

#[test]
fn a_renewal_that_could_not_be_delivered_leaves_nothing_live() {
    let (house, person) = housed();
    house.set_clock("2029-12-01T03:00:00Z");
    house.issue(&municipality(SUGINAMI), Asked::Renewal, &person.enrolment(&Kind::BOTH)).unwrap();
    house.revoke(&person, Cause::DiscardedBeforeDelivery, Some(&Kind::BOTH)).unwrap();
    let dossier = house.dossier(&person);
    assert!(dossier.certificates.iter().all(|one| one.state == Revoked), "the renewed pair does not come back");
    house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&Kind::BOTH)).unwrap();
    assert_eq!(states(&house, &person), (Live, Live));
    house.check();
}
