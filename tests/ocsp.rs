//! What the OCSP responder says, read by x509-ocsp.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{sync::Arc, time::Duration};

use der::{Decode, Encode};
use jitsuin::{
    kind::Kind,
    limits::OCSP_CERT_IDS,
    ports::Clock,
    revocation::{
        answer::{Answer, Next},
        responder::{Delegate, IssuerEntry, NeverIssued, ResponderError, Verdict},
    },
    x509::{
        CertificateView, RevocationReason, SubjectPublicKey, UnixTime,
        ocsp::{ErrorStatus, ResponseView},
    },
};
use support::{
    AUTH_1, Hash, House, LIFE, SIGN_1, SIGN_2, TestClock, TestSigner, UnusualRequest, delegate, ocsp_request,
};
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus, SingleResponse};

const NOW: &str = "2026-04-01T00:00:00Z";
const EXTENDED_REVOKE: &str = "1.3.6.1.5.5.7.48.1.9";
const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";
const ARCHIVE_CUTOFF: &str = "1.3.6.1.5.5.7.48.1.6";

fn house() -> House {
    House::new(TestClock::at(NOW))
}

fn ask(house: &House, request: &[u8]) -> Result<Arc<Answer>, ErrorStatus> {
    house.desk.answer(request, house.clock.now())
}

fn read(answer: &Answer) -> BasicOcspResponse {
    let response = OcspResponse::from_der(&answer.der).unwrap();
    assert_eq!(response.response_status, OcspResponseStatus::Successful);
    BasicOcspResponse::from_der(response.response_bytes.unwrap().response.as_bytes()).unwrap()
}

/// The one answer to a request about one certificate, and whether extended-revoke was there.
fn single(house: &House, request: &[u8]) -> (SingleResponse, bool) {
    let basic = read(&ask(house, request).unwrap());
    let extended = extensions(&basic).iter().any(|oid| oid == EXTENDED_REVOKE);
    assert_eq!(basic.tbs_response_data.responses.len(), 1);
    (basic.tbs_response_data.responses[0].clone(), extended)
}

fn extensions(basic: &BasicOcspResponse) -> Vec<String> {
    let extensions = basic.tbs_response_data.response_extensions.iter().flatten();
    extensions.map(|extension| extension.extn_id.to_string()).collect()
}

/// State, reason code and time as plain values.
fn status(single: &SingleResponse) -> (&'static str, Option<u8>, u64) {
    match &single.cert_status {
        CertStatus::Good(_) => ("good", None, 0),
        CertStatus::Unknown(_) => ("unknown", None, 0),
        CertStatus::Revoked(info) => (
            "revoked",
            info.revocation_reason.map(|reason| reason as u8),
            info.revocation_time.0.to_unix_duration().as_secs(),
        ),
    }
}

fn seconds(at: UnixTime) -> u64 {
    at.seconds() as u64
}

#[test]
fn every_state_has_its_answer() {
    let house = house();
    for index in 1..=4 {
        house.live(Kind::Auth, index);
    }
    house.hold(Kind::Auth, 2);
    house.revoke(Kind::Auth, 3, RevocationReason::AffiliationChanged);
    house.revoke(Kind::Auth, 4, RevocationReason::Unspecified);
    let now = seconds(house.clock.now());
    for (index, expected) in [
        (1, ("good", None, 0)),
        (2, ("revoked", Some(6), now)),
        (3, ("revoked", Some(3), now)),
        (4, ("revoked", None, now)),
    ] {
        let (single, extended) = single(&house, &house.request(AUTH_1, index));
        assert_eq!((status(&single), extended), (expected, false), "index {index}");
    }
}

#[test]
fn a_released_hold_is_good_again() {
    let house = house();
    house.live(Kind::Sign, 7);
    house.hold(Kind::Sign, 7);
    house.live(Kind::Sign, 7);
    assert_eq!(status(&single(&house, &house.request(SIGN_1, 7)).0).0, "good");
}

#[test]
fn never_issued_is_held_since_1970_and_says_why_or_unknown_but_never_good() {
    for (policy, expected, extends) in
        [(NeverIssued::Revoked, ("revoked", Some(6), 0), true), (NeverIssued::Unknown, ("unknown", None, 0), false)]
    {
        let house = House::with(TestClock::at(NOW), policy, TestSigner::p256);
        house.live(Kind::Sign, 5);
        let ours = |index| house.serial(Kind::Sign, index).octets().to_vec();
        let of_the_other_ca = house.serial(Kind::Auth, 5).octets().to_vec();
        let mut flipped = ours(5);
        flipped[9] ^= 1;
        for serial in [ours(6), of_the_other_ca, flipped, vec![1], vec![0x7F; 20]] {
            let request = ocsp_request(&[house.cert_id(SIGN_1, Hash::Sha256, &serial)], None);
            let (single, extended) = single(&house, &request);
            assert_eq!((status(&single), extended), (expected, extends), "{serial:02X?}");
        }
    }
}

#[test]
fn serials_that_no_certificate_can_bear_are_never_issued_and_echoed() {
    let house = house();
    for serial in [vec![0], vec![0x80], vec![0xFF, 0x00], vec![0x7F; 40], vec![0x01; 2000]] {
        let id = house.cert_id(SIGN_1, Hash::Sha256, &serial);
        let answer = ask(&house, &ocsp_request(std::slice::from_ref(&id), None)).unwrap();
        // x509-ocsp reads no such serial.
        assert_eq!(answer.first.1, Verdict::NeverIssued(NeverIssued::Revoked), "{serial:02X?}");
        assert!(answer.der.windows(id.len()).any(|window| window == id));
    }
}

#[test]
fn one_never_issued_among_several_sets_extended_revoke() {
    let house = house();
    house.live(Kind::Sign, 1);
    let ids: Vec<_> =
        [1, 2].map(|index| house.cert_id(SIGN_1, Hash::Sha1, house.serial(Kind::Sign, index).octets())).into();
    let basic = read(&ask(&house, &ocsp_request(&ids, None)).unwrap());
    let words: Vec<_> = basic.tbs_response_data.responses.iter().map(|single| status(single).0).collect();
    assert_eq!(words, ["good", "revoked"]);
    assert_eq!(extensions(&basic), [EXTENDED_REVOKE]);
}

#[test]
fn generations_of_one_name_are_told_apart_by_key_and_answer_only_for_their_own() {
    let house = house();
    house.live(Kind::Sign, 999);
    house.live(Kind::Sign, 1000);
    for (issuer, index, expected) in
        [(SIGN_1, 999, "good"), (SIGN_1, 1000, "revoked"), (SIGN_2, 999, "revoked"), (SIGN_2, 1000, "good")]
    {
        let answer = ask(&house, &house.request(issuer, index)).unwrap();
        assert_eq!(status(&read(&answer).tbs_response_data.responses[0]).0, expected, "{issuer} {index}");
        assert!(signed_by(&house, issuer, &answer));
        assert!(!signed_by(&house, SIGN_2 - issuer, &answer));
    }
}

/// Whether the answer's own certificate was signed by that issuer, and the answer by the certificate's key.
fn signed_by(house: &House, issuer: usize, answer: &Answer) -> bool {
    let basic = read(answer);
    let certificate = basic.certs.as_ref().unwrap()[0].to_der().unwrap();
    let view = CertificateView::from_der(&certificate).unwrap();
    let ca = CertificateView::from_der(&house.authorities[issuer].certificate).unwrap();
    let key = SubjectPublicKey::from_der(view.tbs.spki).unwrap();
    let signed = basic.tbs_response_data.to_der().unwrap();
    view.verify(&SubjectPublicKey::from_der(ca.tbs.spki).unwrap()).is_ok()
        && key.verify(key.signature_algorithm(), &signed, basic.signature.raw_bytes()).is_ok()
}

#[test]
fn cert_ids_with_sha_1_and_sha_256_are_echoed_to_the_octet() {
    let house = house();
    house.live(Kind::Auth, 3);
    for hash in [Hash::Sha1, Hash::Sha1WithoutNull, Hash::Sha256] {
        let id = house.cert_id(AUTH_1, hash, house.serial(Kind::Auth, 3).octets());
        let (single, _) = single(&house, &ocsp_request(std::slice::from_ref(&id), None));
        assert_eq!(single.cert_id.to_der().unwrap(), id, "{hash:?}");
        assert_eq!(status(&single).0, "good");
    }
}

#[test]
fn what_is_not_ours_is_unauthorized() {
    let house = house();
    house.live(Kind::Sign, 1);
    let serial = house.serial(Kind::Sign, 1);
    let sha384 = house.cert_id(SIGN_1, Hash::Sha384, serial.octets());
    let tbs = CertificateView::from_der(&house.authorities[SIGN_1].certificate).unwrap().tbs;
    let key = SubjectPublicKey::from_der(tbs.spki).unwrap();
    let other_name = support::cert_id(Hash::Sha1, b"another name", key.key(), serial.octets());
    let other_key = support::cert_id(Hash::Sha1, tbs.subject, b"another key", serial.octets());
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

#[test]
fn times_and_archive_cutoff_are_always_there() {
    let house = house();
    let request = house.request(AUTH_1, 9);
    house.clock.advance(86_400);
    let answer = ask(&house, &request).unwrap();
    let basic = read(&answer);
    let single = &basic.tbs_response_data.responses[0];
    let now = Duration::from_secs(seconds(house.clock.now()));
    assert_eq!(basic.tbs_response_data.produced_at.0.to_unix_duration(), now);
    assert_eq!(single.this_update.0.to_unix_duration(), now);
    assert_eq!(single.next_update.unwrap().0.to_unix_duration(), now + LIFE);
    let cutoff = &single.single_extensions.as_ref().unwrap()[0];
    assert_eq!(cutoff.extn_id.to_string(), ARCHIVE_CUTOFF);
    assert_eq!(&cutoff.extn_value.as_bytes()[2..], b"20260401000000Z");
}

#[test]
fn the_ca_s_and_the_responder_s_own_certificates_are_unknown() {
    let house = house();
    let (ca, delegate) = (house.issuers[SIGN_1].reference().serial, [0x50, Kind::Sign.id(), 1]);
    for serial in [ca.octets(), &delegate] {
        let request = ocsp_request(&[house.cert_id(SIGN_1, Hash::Sha1, serial)], None);
        let (single, extended) = single(&house, &request);
        assert_eq!((status(&single).0, extended), ("unknown", false));
    }
}

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
    let old = house.desk.responder().delegates().find(|(key, _)| *key == (Kind::Auth, 1)).unwrap().1;
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
    ResponseView::verified(&before.der, &key, house.clock.now()).unwrap();
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
    let ca =
        jitsuin::ca::ceremony::certificate_authority(&support::profile(), (Kind::Sign, 1), &ca_key, &serial, validity);
    assert_eq!(Delegate::new(Arc::new(ca_key), ca.unwrap()).err(), Some(ResponderError::Purpose));
}

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
