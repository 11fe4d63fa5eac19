//! Each request once; and what the audit keeps of all of them.

use jitsuin::{
    authority::{Once, StoryError, change::RegisterEvent, hold::HoldRequest},
    kind::Kind,
    rules::{Asked, Cause, CertificateState::*},
};

use crate::house::{ADDRESS, House, ITAMI, NAME, Person, SUGINAMI, municipality, once, operator, rule};

#[test]
fn the_same_request_gets_the_same_answer_and_issues_once() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    let (suginami, enrolment) = (municipality(SUGINAMI), person.enrolment(&Kind::BOTH));
    let first = house.authority.issue(&suginami, &once("a"), Asked::New, &enrolment).unwrap();
    let entries = house.store.audit_after(0, usize::MAX).unwrap().len();
    house.set_clock("2026-10-27T00:00:00Z");
    let again = house.authority.issue(&suginami, &once("a"), Asked::New, &enrolment).unwrap();
    assert_eq!(again, first);
    assert_eq!(house.dossier(&person).certificates.len(), 2);
    assert_eq!(house.store.audit_after(0, usize::MAX).unwrap().len(), entries);
    assert_eq!(house.authority.issued(&again).unwrap().len(), 2);
}

#[test]
fn every_writing_story_is_told_once() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    let suginami = municipality(SUGINAMI);
    let hold = HoldRequest { card: person.card() };
    let held = house.authority.hold(&suginami, &once("hold"), &hold).unwrap();
    let released = house.authority.release(&suginami, &once("release"), &hold).unwrap();
    assert_eq!(house.authority.hold(&suginami, &once("hold"), &hold).unwrap(), held);
    assert_eq!(house.state(&person, Kind::Auth), Live, "the repeated hold did not hold again");
    assert_eq!(house.authority.release(&suginami, &once("release"), &hold).unwrap(), released);

    let change = person.change(RegisterEvent::Move);
    let moved = house.authority.change(&suginami, &once("move"), &change).unwrap();
    assert_eq!(house.authority.change(&suginami, &once("move"), &change).unwrap(), moved);
    let end = person.revocation(Cause::HolderApplication, Some(&[Kind::Auth]));
    let ended = house.authority.revoke(&suginami, &once("end"), &end).unwrap();
    assert_eq!(house.authority.revoke(&suginami, &once("end"), &end).unwrap(), ended);
}

#[test]
fn a_key_used_for_another_body_is_refused() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    let (suginami, enrolment) = (municipality(SUGINAMI), person.enrolment(&Kind::BOTH));
    house.authority.issue(&suginami, &once("a"), Asked::New, &enrolment).unwrap();
    let other = Once { digest: [2; 32], ..once("a") };
    assert_eq!(rule(house.authority.issue(&suginami, &other, Asked::New, &enrolment)), "T-07");
    let hold = HoldRequest { card: person.card() };
    assert_eq!(rule(house.authority.hold(&suginami, &other, &hold)), "T-07");
    assert_eq!(house.state(&person, Kind::Auth), Live);
}

#[test]
fn a_refusal_is_the_answer_for_good_and_a_new_key_asks_anew() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    let suginami = municipality(SUGINAMI);
    let hold = HoldRequest { card: person.card() };
    let first = house.authority.hold(&suginami, &once("a"), &hold);
    house.pair(&person);
    let again = house.authority.hold(&suginami, &once("a"), &hold);
    assert_eq!(first, again);
    assert_eq!(rule(again), "T-09");
    house.authority.hold(&suginami, &once("b"), &hold).unwrap();
}

#[test]
fn keys_are_each_client_s_own() {
    let (house, one, other) = (House::new(), Person::new("TEST-1"), Person::new("TEST-2"));
    let issue = |from: &str, person: &Person| {
        house.authority.issue(&municipality(from), &once("a"), Asked::New, &person.enrolment(&Kind::BOTH))
    };
    let suginami = issue(SUGINAMI, &one).unwrap();
    let itami = issue(ITAMI, &other).unwrap();
    assert_ne!(suginami, itami);
}

#[test]
fn a_signature_that_fails_discards_the_pair_and_the_request_is_told_to_come_with_new_keys() {
    for nth in [1, 2] {
        let (house, person) = (House::new(), Person::new("TEST-1"));
        let suginami = municipality(SUGINAMI);
        let enrolment = person.enrolment(&Kind::BOTH);
        house.fuse.store(nth, std::sync::atomic::Ordering::SeqCst);
        let failed = house.authority.issue(&suginami, &once("a"), Asked::New, &enrolment);
        assert!(matches!(failed, Err(StoryError::Fault(_))), "signature {nth}: {failed:?}");
        let dossier = house.dossier(&person);
        assert_eq!(dossier.certificates.iter().map(|one| one.state).collect::<Vec<_>>(), [Revoked, Revoked]);
        assert!(dossier.certificates.iter().all(|one| one.certificate.is_none()));
        assert_eq!(rule(house.authority.issue(&suginami, &once("a"), Asked::New, &enrolment)), "R-29");

        // A card makes new keys for the next try: those of the first are spent.
        assert_eq!(rule(house.authority.issue(&suginami, &once("b"), Asked::New, &enrolment)), "T-06");
        let again = house.authority.issue(&suginami, &once("c"), Asked::New, &person.enrolment(&Kind::BOTH));
        assert_eq!(house.authority.issued(&again.unwrap()).unwrap().len(), 2);
        assert_eq!((house.state(&person, Kind::Auth), house.state(&person, Kind::Sign)), (Live, Live));
        house.check();
    }
}

#[test]
fn a_renewal_whose_signature_failed_can_be_asked_for_again() {
    for nth in [1, 2] {
        let (house, person) = (House::new(), Person::new("TEST-1"));
        house.pair(&person);
        let old = house.newest(&person, Kind::Auth);
        house.set_clock("2029-12-01T00:00:00Z");
        house.fuse.store(nth, std::sync::atomic::Ordering::SeqCst);
        let renew = || house.issue(&municipality(SUGINAMI), Asked::Renewal, &person.enrolment(&Kind::BOTH));
        assert!(matches!(renew(), Err(StoryError::Fault(_))));
        assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&Kind::BOTH))), "E-04");
        renew().unwrap();
        assert_eq!(house.newest(&person, Kind::Auth).predecessor, Some(old.index), "not the discarded one");
        assert_eq!((house.state(&person, Kind::Auth), house.state(&person, Kind::Sign)), (Live, Live));
    }
}

#[test]
fn every_act_is_in_one_whole_chain_that_names_nobody() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    house.hold(&person).unwrap();
    house.release(&person).unwrap();
    house.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&[Kind::Sign])).unwrap();
    house.change(&person.clone().on("2025-10-01"), RegisterEvent::Move).unwrap();
    assert_eq!(rule(house.issue(&municipality(ITAMI), Asked::New, &person.enrolment(&[Kind::Sign]))), "E-02");
    house.revoke(&person, Cause::KeyCompromise, Some(&[Kind::Auth])).unwrap();
    house.authority.publish(&operator()).unwrap();
    house.change(&person, RegisterEvent::Death).unwrap();
    house.check();

    let entries = house.store.audit_after(0, usize::MAX).unwrap();
    let actions: Vec<&str> = entries
        .iter()
        .map(|entry| entry.draft.action.as_str())
        .filter(|action| *action != "crl.published" && *action != "house.opened")
        .collect();
    assert_eq!(
        actions,
        [
            "pair.reserved",
            "pair.issued",
            "certificate.held",
            "certificate.released",
            "pair.reserved",
            "pair.issued",
            "register.changed",
            "request.refused",
            "certificate.revoked",
            "register.changed",
        ]
    );
    for entry in &entries {
        let text = format!("{:?}", entry.draft);
        for personal in NAME.split('　').chain([ADDRESS, "阿佐谷", "1980-02-17", "19800217"]) {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
    }
}
