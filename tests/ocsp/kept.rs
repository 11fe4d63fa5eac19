//! Answers that are given again, and when not.

use std::sync::Arc;

use der::Encode;
use jitsuin::{kind::Kind, ports::Clock, revocation::answer::Next, x509::RevocationReason};

use crate::{
    desk::{ask, house, single, status},
    support::{AUTH_1, Hash, LIFE, ocsp_request},
};

#[test]
fn an_answer_is_kept_for_half_its_life() {
    let house = house();
    house.live(Kind::Auth, 1);
    let request = house.request(AUTH_1, 1);
    let first = ask(&house, &request).unwrap();
    house.clock.advance(LIFE.as_secs() as i64 / 2 - 1);
    assert!(Arc::ptr_eq(&first, &ask(&house, &request).unwrap()));
    house.clock.advance(1);
    let second = ask(&house, &request).unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    house.clock.advance(-1);
    assert!(!Arc::ptr_eq(&second, &ask(&house, &request).unwrap()), "no answer from the future");
}

#[test]
fn a_kept_answer_dies_the_moment_the_state_changes() {
    let house = house();
    house.live(Kind::Auth, 1);
    let request = house.request(AUTH_1, 1);
    let word = || status(&single(&house, &request).0).0;
    assert_eq!(word(), "good");
    house.hold(Kind::Auth, 1);
    assert_eq!(word(), "revoked");
    house.live(Kind::Auth, 1);
    assert_eq!(word(), "good");
    house.revoke(Kind::Auth, 1, RevocationReason::KeyCompromise);
    assert_eq!(status(&single(&house, &request).0).1, Some(1));
}

#[test]
fn an_answer_signed_after_the_state_changed_is_not_given_again() {
    let house = house();
    house.live(Kind::Auth, 1);
    let request = house.request(AUTH_1, 1);
    let Ok(Next::Sign(slow)) = house.desk.prepare(&request, house.clock.now()) else { panic!("nothing is kept yet") };
    house.revoke(Kind::Auth, 1, RevocationReason::KeyCompromise);
    house.desk.sign(slow).unwrap();
    assert_eq!(status(&single(&house, &request).0).0, "revoked");
}

#[test]
fn answers_with_nonce_several_certificates_or_nothing_issued_are_never_kept() {
    let house = house();
    house.live(Kind::Auth, 1);
    let id = |index| house.cert_id(AUTH_1, Hash::Sha1, house.serial(Kind::Auth, index).octets());
    let nonce = ocsp_request(&[id(1)], Some(&[1; 16]));
    let several = ocsp_request(&[id(1), id(1)], None);
    let never = ocsp_request(&[id(2)], None);
    for request in [nonce, several, never] {
        let (first, second) = (ask(&house, &request).unwrap(), ask(&house, &request).unwrap());
        assert!(!Arc::ptr_eq(&first, &second));
        assert_eq!(first.etag, None);
    }
}

#[test]
fn the_two_writings_of_a_hash_are_kept_apart() {
    let house = house();
    house.live(Kind::Auth, 1);
    for hash in [Hash::Sha1, Hash::Sha1WithoutNull, Hash::Sha256, Hash::Sha1] {
        let id = house.cert_id(AUTH_1, hash, house.serial(Kind::Auth, 1).octets());
        let (single, _) = single(&house, &ocsp_request(std::slice::from_ref(&id), None));
        assert_eq!(single.cert_id.to_der().unwrap(), id);
    }
}
