//! What is issued for an application: the same holder, card and kinds, once, and ended if it was not handed over.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use jitsuin::{
    authority::{StoryError, enrol::Enrolment},
    kind::Kind,
    rules::{
        Asked, Cause, CertificateState,
        application::{ApplicationEvent as On, ApplicationState as At},
    },
    scope::CrlScope,
    x509::{CrlView, RevocationReason},
};
use serde_json::json;

use crate::{
    scene::*,
    town::{House, Person, SUGINAMI, municipality, once, operator, rule},
};

#[test]
fn an_application_brings_certificates_for_nothing_else() {
    let house = House::new();
    let case = bring(&house, "TEST-1", At::SentToCa);
    let before = record(&house, &case);
    let bound =
        |person: &Person, kinds: &[Kind]| Enrolment { application: Some(case.number), ..person.enrolment(kinds) };
    let other_card = Person { card: "CARD-9".into(), ..case.person.clone() };
    for (enrolment, asked) in [
        (bound(&Person::new("TEST-2"), &Kind::BOTH), Asked::New),
        (bound(&case.person.clone().born("1980-02-18"), &Kind::BOTH), Asked::New),
        (bound(&other_card, &Kind::BOTH), Asked::New),
        (bound(&case.person, &[Kind::Auth]), Asked::New),
        (bound(&case.person, &[Kind::Sign]), Asked::New),
        (bound(&case.person, &[]), Asked::New),
        (bound(&case.person, &Kind::BOTH), Asked::Renewal),
    ] {
        assert_eq!(rule(house.issue(&municipality(SUGINAMI), asked, &enrolment)), "A-01");
    }
    let nobody = Enrolment { application: Some("0".repeat(32).parse().unwrap()), ..case.enrolment.clone() };
    assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &nobody)), "T-09");
    assert_eq!(record(&house, &case), before);
    assert!(certificates(&house, &case.person).is_empty());
    // Without an application it goes as it always did.
    house.pair(&case.person);
    assert_eq!(record(&house, &case), before);
    assert_eq!(rule(issue(&house, &case, &fresh())), "E-04", "the day of issue decides");
}

#[test]
fn a_time_out_repeated_under_the_same_application_gives_the_same_certificates() {
    for (_room, house) in engines() {
        let case = bring(&house, "TEST-1", At::SentToCa);
        let first = issue(&house, &case, &once("first")).unwrap();
        let told = entries(&house).len();
        assert_eq!(issue(&house, &case, &once("first")).unwrap(), first, "under the same key");
        assert_eq!(entries(&house).len(), told);
        house.set_clock("2025-10-29T03:00:00Z");
        let house = house.reopen();
        assert_eq!(issue(&house, &case, &once("second")).unwrap(), first, "under another key");
        assert_eq!(issue(&house, &case, &once("second")).unwrap(), first);
        assert_eq!(entries(&house).len(), told + 1);
        let enrolment = Enrolment { application: Some(case.number), ..case.person.enrolment(&Kind::BOTH) };
        let other_keys = Case { enrolment, person: case.person.clone(), ..case };
        assert_eq!(rule(issue(&house, &other_keys, &fresh())), "A-01");
        assert_eq!(certificates(&house, &other_keys.person).len(), 2);
        let seen = house.authority.application(&municipality(SUGINAMI), &other_keys.number).unwrap();
        let serials: Vec<_> = first.certificates.iter().map(|one| (one.kind, one.serial)).collect();
        assert_eq!(seen.certificates.iter().map(|one| (one.kind, one.serial)).collect::<Vec<_>>(), serials);
    }
}

#[test]
fn a_key_that_does_not_sign_leaves_the_application_waiting_for_new_keys() {
    for (_room, house) in engines() {
        let case = bring(&house, "TEST-1", At::SentToCa);
        house.fuse.store(2, SeqCst);
        assert!(matches!(issue(&house, &case, &once("a")), Err(StoryError::Fault(_))));
        let waiting = record(&house, &case);
        assert_eq!((waiting.state, waiting.issuing.is_none()), (At::SentToCa, true));
        assert_eq!(rule(issue(&house, &case, &once("a"))), "R-29", "told so for ever");
        assert_eq!(rule(issue(&house, &case, &once("b"))), "T-06", "the keys are spent");
        let enrolment = Enrolment { application: Some(case.number), ..case.person.enrolment(&Kind::BOTH) };
        let again = Case { enrolment, ..case };
        issue(&house, &again, &fresh()).unwrap();
        check_bound(&house, &again);
        assert_eq!(certificates(&house, &again.person).len(), 4);
    }
}

#[test]
fn what_was_not_handed_over_is_revoked_without_a_reason_on_the_wire() {
    for (_room, house) in engines() {
        for (number, state) in [At::Issued, At::WrittenToCard].into_iter().enumerate() {
            let case = bring(&house, &format!("TEST-{number}"), state);
            let told = entries(&house).len();
            go(&house, &case, &[On::WriteFailed]);
            assert_eq!(entries(&house).len(), told + 1, "one commit");
            for one in certificates(&house, &case.person) {
                let end = one.revocation.unwrap();
                assert_eq!(one.state, CertificateState::Revoked);
                assert_eq!((end.reason, end.cause), (RevocationReason::Unspecified, Cause::DiscardedBeforeDelivery));
            }
            check_bound(&house, &case);
            // And the holder may begin again.
            let again = receive(&house, &case.person, &in_person("new-issue")).unwrap();
            let again = Case::new(case.person, &again, &Kind::BOTH);
            go(&house, &again, &[On::Verify, On::GenerateKey, On::Send, On::Issue, On::WriteToCard, On::HandOver]);
        }
        house.authority.publish(&operator()).unwrap();
        for list in house.store.newest_crls().unwrap().into_iter().filter(|list| list.scope == CrlScope::Full) {
            let view = CrlView::from_der(&list.der).unwrap();
            let entries: Vec<_> = view.entries().collect::<Result<_, _>>().unwrap();
            assert_eq!(entries.len(), 2);
            assert!(entries.iter().all(|entry| entry.reason == RevocationReason::Unspecified));
            // id-ce-cRLReasons, 2.5.29.21, stands nowhere in it.
            assert!(!list.der.windows(5).any(|octets| octets == [0x06, 0x03, 0x55, 0x1D, 0x15]));
        }
    }
}

#[test]
fn what_a_renewal_discards_does_not_bring_the_old_one_back() {
    let house = House::new();
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.set_clock("2029-12-01T03:00:00Z");
    let received = receive(&house, &person, &in_person("renewal")).unwrap();
    let case = Case { asked: Asked::Renewal, ..Case::new(person, &received, &Kind::BOTH) };
    go(&house, &case, &[On::Verify, On::GenerateKey, On::Send, On::Issue, On::WriteFailed]);
    let states: Vec<_> = certificates(&house, &case.person).iter().map(|one| one.state).collect();
    assert_eq!(states, [CertificateState::Revoked; 4]);
    // It is a reissue now, and no renewal can be applied for.
    assert_eq!(rule(receive(&house, &case.person, &in_person("renewal"))), "V-14");
    receive(&house, &case.person, &json!({"procedure": "reissue"})).unwrap();
}

#[test]
fn a_start_up_finishes_an_application_with_its_certificates() {
    for (_room, house) in engines() {
        let case = bring(&house, "TEST-1", At::SentToCa);
        issue(&house, &case, &once("a")).unwrap();
        assert_eq!(house.reopen().authority.recover(Duration::ZERO), Ok(0));
        check_bound(&house, &case);
    }
}
