//! Who may speak for a CA, and until when.

use std::{sync::Arc, time::Duration};

use der::Encode;
use jitsuin::{
    kind::Kind,
    ports::Clock,
    revocation::{
        answer::{Answer, Next},
        responder::{Delegate, IssuerEntry, NeverIssued, ResponderError},
    },
    x509::{
        CertificateView, SubjectPublicKey,
        ocsp::{ErrorStatus, ResponseView},
    },
};

use crate::{
    desk::{NOW, ask, house, read, signed_by},
    support::{AUTH_1, House, LIFE, SIGN_1, SIGN_2, TestClock, TestSigner, delegate},
};

#[test]
fn no_answer_outlives_its_responder_certificate() {
    let house = house();
    house.live(Kind::Auth, 1);
    let request = house.request(AUTH_1, 1);
    let end = house.clock.now() + Duration::from_secs(30 * 86_400);
    house.clock.advance(30 * 86_400 - 60);
    assert_eq!(ask(&house, &request).unwrap().next_update, end);
    house.clock.advance(60);
    assert_eq!(ask(&house, &request).unwrap_err(), ErrorStatus::TryLater);
    house.clock.advance(-31 * 86_400);
    assert_eq!(ask(&house, &request).unwrap_err(), ErrorStatus::TryLater, "before the certificate begins");
}

#[test]
fn a_renewed_responder_speaks_at_once_and_kept_answers_of_the_old_one_end() {
    let house = house();
    house.live(Kind::Auth, 1);
    let request = house.request(AUTH_1, 1);
    let before = ask(&house, &request).unwrap();
    let renewed = delegate(&house.issuers[AUTH_1], TestSigner::p256(), house.clock.now(), 30);
    let certificate = renewed.certificate().to_vec();
    house.desk.responder().replace_delegate((Kind::Auth, 1), renewed).unwrap();
    let after = ask(&house, &request).unwrap();
    assert!(!Arc::ptr_eq(&before, &after));
    assert_eq!(read(&after).certs.unwrap()[0].to_der().unwrap(), certificate);
    assert!(signed_by(&house, AUTH_1, &after));
}

#[test]
fn an_answer_in_flight_across_a_renewal_is_signed_by_the_old_responder_and_verifies() {
    let house = house();
    house.live(Kind::Auth, 1);
    let request = house.request(AUTH_1, 1);
    let now = house.clock.now();
    let Ok(Next::Sign(in_flight)) = house.desk.prepare(&request, now) else { panic!("nothing is kept yet") };
    let old = house.desk.responder().delegates(house.clock.now()).find(|(key, _)| *key == (Kind::Auth, 1)).unwrap().1;
    let renewed = delegate(&house.issuers[AUTH_1], TestSigner::p256(), now, 30);
    let new = renewed.certificate().to_vec();
    house.desk.responder().replace_delegate((Kind::Auth, 1), renewed).unwrap();
    let certificate = |answer: &Answer| read(answer).certs.unwrap()[0].to_der().unwrap();
    let late = house.desk.sign(in_flight).unwrap();
    assert_eq!(certificate(&late), old.certificate());
    assert!(signed_by(&house, AUTH_1, &late), "by the old key, with the old certificate beside it");
    for _ in 0..2 {
        let next = ask(&house, &request).unwrap();
        assert_eq!(certificate(&next), new, "what was signed late is not given again");
        assert!(signed_by(&house, AUTH_1, &next));
    }
}

#[test]
fn an_answer_given_before_a_renewal_verifies_to_its_end() {
    let house = house();
    house.live(Kind::Auth, 1);
    let before = ask(&house, &house.request(AUTH_1, 1)).unwrap();
    let renewed = delegate(&house.issuers[AUTH_1], TestSigner::p256(), house.clock.now(), 30);
    house.desk.responder().replace_delegate((Kind::Auth, 1), renewed).unwrap();
    house.clock.advance(LIFE.as_secs() as i64 - 1);
    let ca = CertificateView::from_der(&house.authorities[AUTH_1].certificate).unwrap();
    let key = SubjectPublicKey::from_der(ca.tbs.spki).unwrap();
    ResponseView::verified(&before.der(), &key, house.clock.now()).unwrap();
}

#[test]
fn a_foreign_or_wrong_responder_is_never_taken() {
    let house = house();
    let now = house.clock.now();
    let of_sign_2 = || delegate(&house.issuers[SIGN_2], TestSigner::p256(), now, 30);
    let responder = house.desk.responder();
    let other_issuer = ResponderError::OtherIssuer(Kind::Sign, 1);
    assert_eq!(responder.replace_delegate((Kind::Sign, 1), of_sign_2()), Err(other_issuer.clone()));
    assert_eq!(responder.replace_delegate((Kind::Auth, 9), of_sign_2()), Err(ResponderError::NoIssuer(Kind::Auth, 9)));
    assert_eq!(IssuerEntry::new(&house.authorities[SIGN_1], of_sign_2()).err(), Some(other_issuer));
    let certificate = of_sign_2().certificate().to_vec();
    let stranger = Delegate::new(Arc::new(TestSigner::p256()), certificate);
    assert_eq!(stranger.err(), Some(ResponderError::OtherKey));
    let ca_key = TestSigner::p256();
    let serial = house.serial(Kind::Sign, 0);
    let validity = (now, now + LIFE);
    let ca = jitsuin::ca::ceremony::certificate_authority(
        &crate::support::profile(),
        (Kind::Sign, 1),
        &ca_key,
        &serial,
        validity,
    );
    assert_eq!(Delegate::new(Arc::new(ca_key), ca.unwrap()).err(), Some(ResponderError::Purpose));
}

#[test]
fn a_key_that_does_not_sign_is_an_internal_error_and_no_answer() {
    let house = House::with(TestClock::at(NOW), NeverIssued::Revoked, || TestSigner::p256().broken());
    house.live(Kind::Auth, 1);
    assert_eq!(ask(&house, &house.request(AUTH_1, 1)).unwrap_err(), ErrorStatus::InternalError);
}

#[test]
fn an_rsa_responder_is_slow_and_its_answers_are_as_good() {
    let house = House::with(TestClock::at(NOW), NeverIssued::Revoked, TestSigner::rsa);
    house.live(Kind::Auth, 1);
    let request = house.request(AUTH_1, 1);
    let Ok(Next::Sign(unsigned)) = house.desk.prepare(&request, house.clock.now()) else {
        panic!("nothing is kept yet")
    };
    assert!(unsigned.is_slow());
    assert!(signed_by(&house, AUTH_1, &house.desk.sign(unsigned).unwrap()));
}
