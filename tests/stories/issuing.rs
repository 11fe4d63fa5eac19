//! Issuing, renewing and reissuing: who gets what until when, and who does not.

use jitsuin::{
    authority::{
        StoryError, Wording,
        enrol::{Facts, RequestDer},
        issue::Issuance,
    },
    kind::Kind,
    rules::{Asked, Cause, CertificateState::*},
    x509::{CertificateView, RevocationReason, UnixTime},
};

use crate::house::{House, ITAMI, Person, SUGINAMI, at, municipality, operator, refusal, relying_party, request, rule};

fn ask(house: &House, person: &Person, asked: Asked, kinds: &[Kind]) -> Result<Issuance, StoryError> {
    house.issue(&municipality(SUGINAMI), asked, &person.enrolment(kinds))
}

fn ends(issuance: &Issuance) -> Vec<(Kind, UnixTime)> {
    issuance.certificates.iter().map(|one| (one.kind, one.not_after)).collect()
}

#[test]
fn a_pair_is_issued_together_and_linked_both_ways() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    let issuance = house.pair(&person);
    let last = at("2030-02-17T14:59:59Z");
    assert_eq!(ends(&issuance), [(Kind::Auth, last), (Kind::Sign, last)]);
    let [auth, sign] = Kind::BOTH.map(|kind| house.newest(&person, kind));
    assert_eq!((auth.state, sign.state), (Live, Live));
    assert_eq!((auth.pair, sign.pair), (Some(sign.index), Some(auth.index)));
    assert_eq!((auth.predecessor, sign.predecessor), (None, None));
    assert_eq!(auth.not_before, at("2025-10-27T01:35:42Z"));
    for (der, record) in house.authority.issued(&issuance).unwrap().iter().zip([&auth, &sign]) {
        let issuer = house.authority.parts().issuers.current(record.kind);
        let view = CertificateView::from_der(der).unwrap();
        assert_eq!(view.tbs.serial, record.serial);
        view.verify(issuer.public_key()).unwrap();
    }
    house.check();
}

#[test]
fn a_pair_of_which_one_half_is_refused_is_not_issued_at_all() {
    let (house, child) = (House::new(), Person::new("TEST-1").born("2015-09-15"));
    let refused = ask(&house, &child, Asked::New, &Kind::BOTH);
    assert_eq!(rule(refused), "E-05");
    assert_eq!(house.store.dossier(&child.holder()).unwrap(), None);
    assert!(house.store.reserved().unwrap().is_empty());
    house.check();
}

#[test]
fn under_fifteen_and_wards_get_auth_alone() {
    let house = House::new();
    let child = Person::new("TEST-1").born("2015-09-15");
    let ward = Person { ward: true, ..Person::new("TEST-2") };
    for (person, expected) in [(&child, "E-05"), (&ward, "E-06")] {
        assert_eq!(rule(ask(&house, person, Asked::New, &[Kind::Sign])), expected);
        assert_eq!(ask(&house, person, Asked::New, &[Kind::Auth]).unwrap().certificates.len(), 1);
        assert_eq!(rule(ask(&house, person, Asked::New, &[Kind::Sign])), expected, "not later either");
    }
}

#[test]
fn v_08_v_10_the_day_of_issue_is_the_one_in_japan() {
    let house = House::new();
    house.set_clock("2024-12-31T15:30:00Z");
    let person = Person::new("TEST-1").born("1985-01-01").with_card("CARD-1", "2025-01-01");
    let issuance = house.pair(&person);
    assert_eq!(ends(&issuance)[0].1, at("2030-01-01T14:59:59Z"), "example 12");
}

#[test]
fn v_02_sign_is_bounded_by_the_auth_that_is_kept() {
    let house = House::new();
    house.set_clock("2020-08-01T03:00:00Z");
    let person = Person::new("TEST-1").born("1990-07-07").with_card("CARD-1", "2020-08-01");
    house.pair(&person);
    house.set_clock("2023-10-01T03:00:00Z");
    house.revoke(&person, Cause::HolderApplication, Some(&[Kind::Sign])).unwrap();
    let again = ask(&house, &person, Asked::New, &[Kind::Sign]).unwrap();
    assert_eq!(ends(&again), [(Kind::Sign, at("2025-07-07T14:59:59Z"))], "example 29");
    let [auth, sign] = Kind::BOTH.map(|kind| house.newest(&person, kind));
    assert_eq!((auth.state, sign.state), (Live, Live));
    assert_eq!((auth.pair, sign.pair), (Some(sign.index), Some(auth.index)), "the new pair is linked");
    house.check();
}

#[test]
fn a_second_live_certificate_of_a_kind_is_refused() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    for kinds in [&Kind::BOTH[..], &[Kind::Auth], &[Kind::Sign]] {
        assert_eq!(rule(ask(&house, &person, Asked::New, kinds)), "E-04", "{kinds:?}");
    }
}

#[test]
fn a_renewal_before_its_window_is_refused_with_the_opening_date() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    let issuance = house.pair(&person);
    assert_eq!(issuance.renewal_opens.to_string(), "2029-11-18");
    house.set_clock("2029-11-17T14:59:59Z");
    let early = refusal(ask(&house, &person, Asked::Renewal, &Kind::BOTH));
    assert_eq!(early.rule, "V-12");
    assert!(early.detail.contains("2029-11-18"), "{early}");
    house.set_clock("2029-11-17T15:00:00Z");
    let renewed = ask(&house, &person, Asked::Renewal, &Kind::BOTH).unwrap();
    assert_eq!(ends(&renewed)[0].1, at("2035-02-17T14:59:59Z"), "the sixth birthday from the day of renewal");
}

#[test]
fn v_13_r_28_a_renewal_supersedes_and_the_predecessor_lives_until_it_is_recorded() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    let old = Kind::BOTH.map(|kind| house.newest(&person, kind));
    house.set_clock("2029-12-01T00:00:00Z");
    // The first signature fails: nothing of the renewal may have touched what is live.
    house.fuse.store(1, std::sync::atomic::Ordering::SeqCst);
    assert!(matches!(ask(&house, &person, Asked::Renewal, &Kind::BOTH), Err(StoryError::Fault(_))));
    for one in &old {
        assert_eq!(house.dossier(&person).current(one.kind, house.now()).unwrap().serial, one.serial);
    }
    ask(&house, &person, Asked::Renewal, &Kind::BOTH).unwrap();
    let dossier = house.dossier(&person);
    for one in old {
        let superseded = dossier.certificates.iter().find(|other| other.serial == one.serial).unwrap();
        let new = dossier.current(one.kind, house.now()).unwrap();
        assert_eq!(superseded.state, Revoked);
        assert_eq!(superseded.revocation.as_ref().unwrap().reason, RevocationReason::Superseded);
        assert_eq!(superseded.revocation.as_ref().unwrap().revocation_date, house.now());
        assert_eq!((superseded.successor, new.predecessor), (Some(new.index), Some(superseded.index)));
    }
    house.check();
}

#[test]
fn a_renewal_of_auth_alone_leaves_sign_alone() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    let sign = house.newest(&person, Kind::Sign);
    house.set_clock("2029-12-01T00:00:00Z");
    ask(&house, &person, Asked::Renewal, &[Kind::Auth]).unwrap();
    assert_eq!((house.newest(&person, Kind::Sign).serial, house.state(&person, Kind::Sign)), (sign.serial, Live));
    assert_eq!(house.newest(&person, Kind::Sign).pair, Some(house.newest(&person, Kind::Auth).index));
    assert_eq!(rule(ask(&house, &person, Asked::Renewal, &[Kind::Auth])), "V-12", "a second renewal");
}

#[test]
fn what_has_expired_is_issued_again_and_not_renewed() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    let old = house.newest(&person, Kind::Auth);
    house.set_clock("2030-02-17T15:00:00Z");
    assert_eq!(rule(ask(&house, &person, Asked::Renewal, &[Kind::Auth])), "V-14");
    let again = ask(&house, &person, Asked::New, &Kind::BOTH).unwrap();
    assert_eq!(ends(&again)[0].1, at("2035-02-17T14:59:59Z"), "the fifth birthday");
    let dossier = house.dossier(&person);
    let over = dossier.certificates.iter().find(|one| one.serial == old.serial).unwrap();
    assert_eq!((over.state, over.successor), (Expired, Some(house.newest(&person, Kind::Auth).index)));
    house.check();
}

#[test]
fn e_02_only_the_municipality_of_residence_issues() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    let before = house.dossier(&person);
    for actor in [municipality(ITAMI), operator(), relying_party(), jitsuin::authority::Actor::service()] {
        assert_eq!(rule(house.issue(&actor, Asked::New, &person.enrolment(&Kind::BOTH))), "E-02", "{actor:?}");
    }
    assert_eq!(house.dossier(&person), before);
    house.check();
}

#[test]
fn only_a_municipality_that_takes_part_issues() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    let shibuya = municipality("13113");
    for (asked, kinds) in [(Asked::New, &Kind::BOTH[..]), (Asked::New, &[Kind::Auth]), (Asked::Renewal, &Kind::BOTH)] {
        assert_eq!(rule(house.issue(&shibuya, asked, &person.enrolment(kinds))), "E-02", "{asked:?} {kinds:?}");
    }
    assert_eq!(house.store.dossier(&person.holder()).unwrap(), None);
    house.takes_part("13113");
    house.issue(&shibuya, Asked::New, &person.enrolment(&Kind::BOTH)).unwrap();
    house.check();
}

#[test]
fn a_key_is_certified_once_in_its_life() {
    let (house, one, other) = (House::new(), Person::new("TEST-1"), Person::new("TEST-2"));
    let shared = request();
    let mut twice = one.enrolment(&Kind::BOTH);
    (twice.requests.auth, twice.requests.sign) = (Some(shared.clone()), Some(shared.clone()));
    assert_eq!(rule(house.issue(&municipality(SUGINAMI), Asked::New, &twice)), "T-06", "for both of a pair");

    let mut first = one.enrolment(&Kind::BOTH);
    first.requests.auth = Some(shared.clone());
    house.issue(&municipality(SUGINAMI), Asked::New, &first).unwrap();
    for kind in Kind::BOTH {
        let mut thief = other.enrolment(&Kind::BOTH);
        *if kind == Kind::Auth { &mut thief.requests.auth } else { &mut thief.requests.sign } = Some(shared.clone());
        let refused = refusal(house.issue(&municipality(SUGINAMI), Asked::New, &thief));
        assert_eq!(refused.rule, "T-06", "{kind} of another holder");
        assert!(!refused.detail.contains("TEST-1"), "{refused}");
    }
    assert_eq!(house.store.dossier(&other.holder()).unwrap(), None, "nothing of the other was stored");
    house.check();
}

#[test]
fn a_card_belongs_to_one_holder() {
    let (house, one) = (House::new(), Person::new("TEST-1"));
    house.pair(&one);
    let other = Person::new("TEST-2").with_card("CARD-TEST-1", "2025-10-27");
    assert_eq!(rule(ask(&house, &other, Asked::New, &Kind::BOTH)), "E-03");
    assert_eq!(house.store.dossier(&other.holder()).unwrap(), None);
}

#[test]
fn a_request_without_proof_facts_or_kind_is_refused() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    let suginami = municipality(SUGINAMI);
    let issue = |change: &dyn Fn(&mut jitsuin::authority::enrol::Enrolment)| {
        let mut enrolment = person.enrolment(&Kind::BOTH);
        change(&mut enrolment);
        rule(house.issue(&suginami, Asked::New, &enrolment))
    };
    let break_proof = |RequestDer(mut der): RequestDer| {
        let last = der.len() - 1;
        der[last] ^= 1;
        Some(RequestDer(der))
    };
    assert_eq!(issue(&|one| one.requests.sign = break_proof(request())), "T-04");
    assert_eq!(issue(&|one| one.requests.auth = Some(RequestDer(vec![0x30, 0]))), "T-04");
    assert_eq!(issue(&|one| (one.requests.auth, one.requests.sign, one.facts) = (None, None, None)), "T-04");
    assert_eq!(issue(&|one| one.facts = None), "N-01");
    assert_eq!(issue(&|one| one.requests.sign = None), "N-01", "facts for AUTH alone");
    let with = |flags: Option<&str>, sex: &str| {
        let (name, address) = (crate::house::NAME.into(), crate::house::ADDRESS.into());
        let facts = Facts { name, name_flags: flags.map(Into::into), address, address_flags: None, sex: sex.into() };
        Some(Wording::from(facts))
    };
    assert_eq!(issue(&|one| one.facts = with(Some("0000"), "1")), "N-05");
    assert_eq!(issue(&|one| one.facts = with(None, "4")), "N-01");
    assert_eq!(issue(&|one| one.holder.birth = crate::house::day("2025-10-28")), "E-01", "born tomorrow");
    assert_eq!(house.store.dossier(&person.holder()).unwrap(), None);
    house.check();
}

#[test]
fn another_date_of_birth_than_the_recorded_one_is_refused() {
    let (house, person) = (House::new(), Person::new("TEST-1"));
    house.pair(&person);
    house.revoke(&person, Cause::HolderApplication, Some(&[Kind::Sign])).unwrap();
    assert_eq!(rule(ask(&house, &person.born("1980-02-18"), Asked::New, &[Kind::Sign])), "R-26");
}

#[test]
fn a_pair_that_outlives_the_ca_is_never_signed() {
    let (house, person) = (House::new(), Person::new("TEST-1").with_card("CARD-1", "2054-06-01"));
    house.set_clock("2054-06-01T00:00:00Z");
    let refused = refusal(ask(&house, &person, Asked::New, &Kind::BOTH));
    assert_eq!(refused.rule, "T-14", "{refused}");
    assert_eq!(house.store.dossier(&person.holder()).unwrap(), None);
}

#[test]
fn e_03_a_card_that_is_over_or_of_tomorrow_takes_no_certificate() {
    let house = House::new();
    let over = Person { card_last_day: Some(crate::house::day("2025-10-26")), ..Person::new("TEST-1") };
    let last = Person { card_last_day: Some(crate::house::day("2025-10-27")), ..Person::new("TEST-2") };
    let tomorrow = Person::new("TEST-3").with_card("CARD-3", "2025-10-28");
    for person in [&over, &tomorrow] {
        let refused = refusal(ask(&house, person, Asked::New, &Kind::BOTH));
        assert!(refused.rule.starts_with("V-") || refused.rule.starts_with("E-"), "{refused}");
        assert_eq!(house.store.dossier(&person.holder()).unwrap(), None, "{}", person.reference);
    }
    let issued = ask(&house, &last, Asked::New, &Kind::BOTH).unwrap();
    assert_eq!(ends(&issued)[0].1, at("2025-10-27T14:59:59Z"), "its last day");
}
