//! What may be asked, and how.

use std::sync::Arc;

use der::Encode;
use jitsuin::{
    kind::Kind,
    limits::OCSP_CERT_IDS,
    x509::{CertificateView, SubjectPublicKey, ocsp::ErrorStatus},
};

use crate::{
    desk::{NONCE, ask, extensions, house, read, single, status},
    support::{AUTH_1, Hash, SIGN_1, SIGN_2, UnusualRequest, cert_id, ocsp_request},
};

#[test]
fn what_is_not_ours_is_unauthorized() {
    let house = house();
    house.live(Kind::Sign, 1);
    let serial = house.serial(Kind::Sign, 1);
    let sha384 = house.cert_id(SIGN_1, Hash::Sha384, serial.octets());
    let tbs = CertificateView::from_der(&house.authorities[SIGN_1].certificate).unwrap().tbs;
    let key = SubjectPublicKey::from_der(tbs.spki).unwrap();
    let other_name = cert_id(Hash::Sha1, b"another name", key.key(), serial.octets());
    let other_key = cert_id(Hash::Sha1, tbs.subject, b"another key", serial.octets());
    for id in [sha384, other_name, other_key] {
        assert_eq!(ask(&house, &ocsp_request(&[id], None)).unwrap_err(), ErrorStatus::Unauthorized);
    }
}

#[test]
fn a_request_that_mixes_cas_or_generations_is_unauthorized() {
    let house = house();
    let id = |issuer, kind, index| house.cert_id(issuer, Hash::Sha1, house.serial(kind, index).octets());
    let (sign, next, auth) = (id(SIGN_1, Kind::Sign, 1), id(SIGN_2, Kind::Sign, 1000), id(AUTH_1, Kind::Auth, 1));
    for mixed in [vec![sign.clone(), auth.clone()], vec![sign.clone(), next], vec![sign.clone(), sign, auth]] {
        assert_eq!(ask(&house, &ocsp_request(&mixed, None)).unwrap_err(), ErrorStatus::Unauthorized);
    }
}

#[test]
fn a_hundred_cert_ids_of_one_issuer_in_both_hashes_are_answered_in_order() {
    let house = house();
    (0..100).filter(|index| index % 3 == 0).for_each(|index| house.live(Kind::Auth, index));
    let hash = |index| if index % 2 == 0 { Hash::Sha1 } else { Hash::Sha256 };
    let id = |index| house.cert_id(AUTH_1, hash(index), house.serial(Kind::Auth, index).octets());
    let basic = read(&ask(&house, &ocsp_request(&(0..100).map(id).collect::<Vec<_>>(), None)).unwrap());
    for (index, single) in basic.tbs_response_data.responses.iter().enumerate() {
        assert_eq!(status(single).0, if index % 3 == 0 { "good" } else { "revoked" }, "{index}");
        assert_eq!(single.cert_id.to_der().unwrap(), id(index as u64));
    }
    assert_eq!(basic.tbs_response_data.responses.len(), 100);
}

#[test]
fn as_many_cert_ids_as_are_allowed_are_answered_and_one_more_is_malformed() {
    let house = house();
    let id = house.cert_id(AUTH_1, Hash::Sha256, house.serial(Kind::Auth, 0).octets());
    let ask = |count| ask(&house, &ocsp_request(&vec![id.clone(); count], Some(&[9; 128])));
    assert_eq!(read(&ask(OCSP_CERT_IDS).unwrap()).tbs_response_data.responses.len(), OCSP_CERT_IDS);
    assert_eq!(ask(OCSP_CERT_IDS + 1).unwrap_err(), ErrorStatus::MalformedRequest);
    assert_eq!(ask(0).unwrap_err(), ErrorStatus::MalformedRequest);
}

#[test]
fn a_signed_request_gets_the_answer_of_an_unsigned_one() {
    let house = house();
    house.live(Kind::Auth, 3);
    let id = house.cert_id(AUTH_1, Hash::Sha1, house.serial(Kind::Auth, 3).octets());
    let signed = UnusualRequest { list: vec![(id.clone(), vec![])], signed: true, ..Default::default() };
    let plain = ask(&house, &ocsp_request(&[id], None)).unwrap();
    assert!(Arc::ptr_eq(&ask(&house, &signed.der()).unwrap(), &plain), "its signature is not looked at");
}

#[test]
fn an_unknown_extension_that_is_critical_is_refused_wherever_it_stands_and_ignored_otherwise() {
    let house = house();
    house.live(Kind::Auth, 3);
    let id = house.cert_id(AUTH_1, Hash::Sha1, house.serial(Kind::Auth, 3).octets());
    for critical in [true, false] {
        let unknown = vec![("2.999.1", critical, &[5, 0][..])];
        let of_one = UnusualRequest { list: vec![(id.clone(), unknown.clone())], ..Default::default() };
        let of_all =
            UnusualRequest { list: vec![(id.clone(), vec![])], extensions: unknown.clone(), ..Default::default() };
        let of_the_last =
            UnusualRequest { list: vec![(id.clone(), vec![]), (id.clone(), unknown)], ..Default::default() };
        for request in [of_one, of_all, of_the_last] {
            let answer = ask(&house, &request.der());
            if critical {
                assert_eq!(answer.unwrap_err(), ErrorStatus::MalformedRequest);
            } else {
                assert_eq!(status(&read(&answer.unwrap()).tbs_response_data.responses[0]).0, "good");
            }
        }
    }
}

#[test]
fn a_service_locator_is_taken_and_changes_nothing() {
    let house = house();
    house.live(Kind::Auth, 3);
    let id = house.cert_id(AUTH_1, Hash::Sha1, house.serial(Kind::Auth, 3).octets());
    // ServiceLocator ::= SEQUENCE { issuer Name, locator AuthorityInfoAccessSyntax OPTIONAL }
    let locator = ("1.3.6.1.5.5.7.48.1.7", false, &[0x30, 2, 0x30, 0][..]);
    let request = UnusualRequest { list: vec![(id.clone(), vec![locator])], ..Default::default() };
    let (single, _) = single(&house, &request.der());
    assert_eq!((status(&single).0, single.single_extensions.unwrap().len()), ("good", 1), "the archive cutoff alone");
}

#[test]
fn a_nonce_of_1_to_128_octets_is_echoed_and_others_are_malformed() {
    let house = house();
    house.live(Kind::Auth, 3);
    let id = house.cert_id(AUTH_1, Hash::Sha1, house.serial(Kind::Auth, 3).octets());
    let ask = |octets: usize| ask(&house, &ocsp_request(std::slice::from_ref(&id), Some(&vec![9; octets])));
    for octets in [1, 32, 128] {
        let answer = ask(octets).unwrap();
        let basic = read(&answer);
        assert_eq!(extensions(&basic), [NONCE]);
        assert_eq!(basic.nonce().unwrap().0.as_bytes(), vec![9; octets]);
        assert_eq!(answer.etag, None);
    }
    for octets in [0, 129] {
        assert_eq!(ask(octets).unwrap_err(), ErrorStatus::MalformedRequest);
    }
}

#[test]
fn garbage_is_malformed() {
    let house = house();
    let good = house.request(AUTH_1, 1);
    let trailing = [&good[..], &[0]].concat();
    let cut = &good[..good.len() - 1];
    for garbage in [&[][..], b"garbage", &[0x30, 0], &[0x30, 0x80, 0, 0], &trailing, cut, &vec![0x30; 40_000]] {
        assert_eq!(ask(&house, garbage).unwrap_err(), ErrorStatus::MalformedRequest);
    }
}
