//! A new card in place of the old one: the old card is void when, and only when, the new one bears certificates.

use jitsuin::{
    authority::{StoryError, issue::Issuance},
    kind::Kind,
    rules::{Asked, Cause, CertificateState::*},
    x509::UnixTime,
};

use crate::house::{House, Person, SUGINAMI, at, municipality, refusal, rule};

fn ask(house: &House, person: &Person, asked: Asked, kinds: &[Kind]) -> Result<Issuance, StoryError> {
    house.issue(&municipality(SUGINAMI), asked, &person.enrolment(kinds))
}

fn ends(issuance: &Issuance) -> Vec<(Kind, UnixTime)> {
    issuance.certificates.iter().map(|one| (one.kind, one.not_after)).collect()
}

/// A pair on a card of 2020, and the card for which it is exchanged in the last months of the old one.
fn to_exchange() -> (House, Person, Person) {
    let house = House::new();
    house.set_clock("2025-08-01T03:00:00Z");
    let old = Person::new("TEST-1").born("1990-07-07").with_card("CARD-1", "2020-08-01");
    house.pair(&old);
    house.set_clock("2030-05-01T03:00:00Z");
    let new = old.clone().with_card("CARD-2", "2030-05-01");
    (house, old, new)
}

fn fail_to_exchange(house: &House, new: &Person, nth: u64) {
    house.fuse.store(nth, std::sync::atomic::Ordering::SeqCst);
    let failed = ask(house, new, Asked::Renewal, &Kind::BOTH);
    assert!(matches!(failed, Err(StoryError::Fault(_))), "signature {nth}: {failed:?}");
}

#[test]
fn an_exchanged_card_brings_a_new_pair_to_the_eleventh_and_sixth_birthday() {
    let (house, old, new) = to_exchange();
    assert_eq!(house.dossier(&old).card(&old.card()).unwrap().last_day.to_string(), "2030-07-07");
    let alone = refusal(ask(&house, &new, Asked::Renewal, &[Kind::Auth]));
    assert_eq!(alone.rule, "E-03", "a pair shares one card");
    let exchanged = ask(&house, &new, Asked::Renewal, &Kind::BOTH).unwrap();
    assert_eq!(exchanged.card_last_day.to_string(), "2040-07-07", "example 33");
    assert_eq!(ends(&exchanged), [(Kind::Auth, at("2035-07-07T14:59:59Z")), (Kind::Sign, at("2035-07-07T14:59:59Z"))]);
    let dossier = house.dossier(&new);
    assert!(dossier.card(&old.card()).unwrap().void && !dossier.card(&new.card()).unwrap().void);
    let on_old: Vec<_> =
        dossier.certificates.iter().filter(|one| one.card == old.card()).map(|one| one.state).collect();
    assert_eq!(on_old, [Revoked, Revoked]);
    let end = new.revocation(Cause::HolderApplication, Some(&Kind::BOTH));
    house.authority.revoke(&municipality(SUGINAMI), &house.once(), &end).unwrap();
    assert_eq!(rule(ask(&house, &old, Asked::New, &Kind::BOTH)), "E-03", "the old card is void");
    house.check();
}

#[test]
fn an_exchange_whose_signature_fails_leaves_the_old_card_valid_and_its_pair_renewable() {
    for nth in [1, 2] {
        let (house, old, new) = to_exchange();
        let stood = Kind::BOTH.map(|kind| house.newest(&old, kind));
        fail_to_exchange(&house, &new, nth);
        let dossier = house.dossier(&old);
        assert!(!dossier.card(&old.card()).unwrap().void, "signature {nth}");
        assert_eq!(Kind::BOTH.map(|kind| dossier.current(kind, house.now()).unwrap().clone()), stood);
        house.hold(&old).unwrap();
        house.release(&old).unwrap();
        ask(&house, &old, Asked::New, &[Kind::Sign]).unwrap();
        ask(&house, &old, Asked::Renewal, &Kind::BOTH).unwrap();
        let dossier = house.dossier(&old);
        assert!(dossier.certificates.iter().all(|one| one.state != Live || one.card == old.card()));
        assert!(!dossier.card(&old.card()).unwrap().void);
        assert!(dossier.card(&new.card()).unwrap().void, "a person has one card, and it is the old one");
        house.check();
    }
}

#[test]
fn an_exchange_that_failed_can_be_asked_for_again_and_then_voids_the_old_card() {
    for nth in [1, 2] {
        let (house, old, new) = to_exchange();
        fail_to_exchange(&house, &new, nth);
        let exchanged = ask(&house, &new, Asked::Renewal, &Kind::BOTH).unwrap();
        assert_eq!(exchanged.card_last_day.to_string(), "2040-07-07", "as if nothing had failed");
        let dossier = house.dossier(&old);
        assert!(dossier.card(&old.card()).unwrap().void && !dossier.card(&new.card()).unwrap().void);
        house.check();
    }
}

#[test]
fn a_card_that_never_took_a_certificate_is_not_the_one_that_is_exchanged() {
    let (house, old, new) = to_exchange();
    fail_to_exchange(&house, &new, 1);
    let third = old.with_card("CARD-3", "2030-05-01");
    let exchanged = ask(&house, &third, Asked::Renewal, &Kind::BOTH).unwrap();
    assert_eq!(exchanged.card_last_day.to_string(), "2040-07-07", "the eleventh birthday, as by CARD-2");
    let dossier = house.dossier(&third);
    let valid: Vec<_> = dossier.cards.iter().filter(|card| !card.void).map(|card| &card.number).collect();
    assert_eq!(valid, [&third.card()]);
}
