//! What is true of a certificate, and how it is said.

use std::time::Duration;

use der::Encode;
use jitsuin::{
    kind::Kind,
    ports::Clock,
    revocation::responder::{NeverIssued, Verdict},
    x509::RevocationReason,
};

use crate::{
    desk::{ARCHIVE_CUTOFF, EXTENDED_REVOKE, NOW, ask, extensions, house, read, seconds, signed_by, single, status},
    support::{AUTH_1, Hash, House, LIFE, SIGN_1, SIGN_2, TestClock, TestSigner, ocsp_request},
};

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
        assert!(answer.der().windows(id.len()).any(|window| window == id));
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
