//! The issuer channel, and the image that it works on.

use jitsuin::{
    card::{BadPin, Card, IssuerRefusal, KeyFault, NotACard, Presented, StatusWord},
    kind::Kind,
    x509::{CertificationRequest, KeyAlgorithm},
};

use crate::cards::{
    AUTH_PIN, SIGN_PIN, TestKey, Zeros, ca_certificate, certificate, file, load, name, personal, throw_away,
};

fn send(card: &mut Card<TestKey>, apdu: &[u8]) -> StatusWord {
    card.exchange(apdu, &Zeros).status()
}

const SELECT: &[u8] = b"\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01";
const VERIFY_AUTH: &[u8] = b"\x00\x20\x00\x98\x041234";
const SIGN_WITH_AUTH: &[u8] = &[0x80, 0x2A, 0x00, 0x97, 1, 0x55, 0];

#[test]
fn a_request_is_signed_by_the_key_that_was_made() {
    let mut card = Card::blank(*b"0000000000000001");
    let request = card.make_key(Kind::Auth, &name(), || Ok(throw_away(Kind::Auth))).unwrap();
    let verified = CertificationRequest::from_der(&request).unwrap().verify().unwrap();
    assert_eq!(verified.spki().algorithm(), KeyAlgorithm::Rsa(2048));
    let summary = card.summary();
    assert!(summary.auth.key_waits && summary.auth.key.is_none() && summary.auth.certificate.is_none());
    card.forget_waiting_key(Kind::Auth);
    assert_eq!(card.image(), Card::<TestKey>::blank(*b"0000000000000001").image());
}

#[test]
fn a_key_that_is_not_made_leaves_the_card_as_it_was() {
    let mut card = personal();
    let image = card.image();
    assert_eq!(card.make_key(Kind::Auth, &name(), || Err(KeyFault)), Err(IssuerRefusal::Key(KeyFault)));
    assert_eq!(card.image(), image);
}

/// What breaks off between the request and the certificate takes nothing from the holder.
#[test]
fn the_old_key_signs_until_the_certificate_of_the_new_one_is_written() {
    let mut card = personal();
    card.make_key(Kind::Auth, &name(), || Ok(throw_away(Kind::Sign))).unwrap();
    let mut card = Card::of_image(&card.image(), load).unwrap();
    assert!(card.summary().auth.key_waits);
    assert_eq!(card.summary().auth.certificate, Some(certificate(Kind::Auth).as_slice()));
    send(&mut card, SELECT);
    send(&mut card, VERIFY_AUTH);
    let signature = card.exchange(SIGN_WITH_AUTH, &Zeros);
    assert_eq!(signature.status(), StatusWord::DONE);
    let mut as_before = personal();
    send(&mut as_before, SELECT);
    send(&mut as_before, VERIFY_AUTH);
    assert_eq!(signature, as_before.exchange(SIGN_WITH_AUTH, &Zeros));
    // Its certificate: the other throw-away key's, which is a SIGN certificate; the card does not read what it says.
    card.write_certificates(Kind::Auth, &certificate(Kind::Sign), &ca_certificate(Kind::Sign)).unwrap();
    assert!(!card.summary().auth.key_waits);
    send(&mut card, SELECT);
    // With the PIN that there was.
    assert_eq!(send(&mut card, VERIFY_AUTH), StatusWord::DONE);
    let renewed = card.exchange(SIGN_WITH_AUTH, &Zeros);
    assert_eq!(renewed.status(), StatusWord::DONE);
    assert_ne!(signature, renewed);
}

#[test]
fn a_certificate_for_another_key_or_of_another_ca_is_refused() {
    let mut card = personal();
    let image = card.image();
    let (auth, sign) = (certificate(Kind::Auth), certificate(Kind::Sign));
    let (auth_ca, sign_ca) = (ca_certificate(Kind::Auth), ca_certificate(Kind::Sign));
    let mut write = |certificate: &[u8], ca: &[u8]| card.write_certificates(Kind::Auth, certificate, ca).unwrap_err();
    assert_eq!(write(&sign, &sign_ca), IssuerRefusal::OtherKey);
    assert_eq!(write(&auth, &sign_ca), IssuerRefusal::OtherCa);
    let not = IssuerRefusal::NotACertificate;
    for bad in [
        &[][..],
        &auth[1..],
        &auth[..auth.len() - 1],
        &[&auth[..], &[0]].concat(),
        &file("golden/open/crl-sign-full.der"),
    ] {
        assert_eq!(write(bad, &auth_ca), not("certificate"));
        assert_eq!(write(&auth, bad), not("CA certificate"));
    }
    assert_eq!(card.image(), image);
}

#[test]
fn a_pin_is_set_anew_with_all_its_tries() {
    let mut card = personal();
    send(&mut card, SELECT);
    for _ in 0..4 {
        send(&mut card, b"\x00\x20\x00\x98\x040000");
    }
    assert_eq!(card.summary().auth.tries_left, Some(0));
    card.set_pin(Kind::Auth, b"5678").unwrap();
    assert_eq!(card.summary().auth.tries_left, Some(3));
    // Who set it has not verified it, and selected nothing.
    assert_eq!(send(&mut card, SIGN_WITH_AUTH), StatusWord::NOT_SELECTED);
    send(&mut card, SELECT);
    assert_eq!(send(&mut card, SIGN_WITH_AUTH), StatusWord::SECURITY_STATUS);
    assert_eq!(send(&mut card, b"\x00\x20\x00\x98\x045678"), StatusWord::DONE);
    for (kind, bad, why) in [
        (Kind::Auth, &b"123"[..], BadPin::Length),
        (Kind::Auth, b"12A4", BadPin::Characters),
        (Kind::Sign, b"ABC12", BadPin::Length),
        (Kind::Sign, b"abc123", BadPin::Characters),
    ] {
        assert_eq!(card.set_pin(kind, bad), Err(IssuerRefusal::Pin(why)));
    }
}

#[test]
fn e_09_p_10_a_face_authentication_card_has_no_pin_and_no_sign() {
    let mut card = personal();
    assert_eq!(card.face_authentication_off(AUTH_PIN), Err(IssuerRefusal::NoFaceAuthentication));
    card.face_authentication_on().unwrap();
    assert_eq!(card.face_authentication_on(), Err(IssuerRefusal::FaceAuthenticationAlready));
    let summary = card.summary();
    assert!(summary.face_authentication && summary.auth.certificate.is_some() && summary.auth.key.is_some());
    assert_eq!((summary.auth.tries_left, summary.sign.tries_left), (None, None));
    assert!(summary.sign.key.is_none() && summary.sign.certificate.is_none() && summary.sign.ca_certificate.is_none());
    assert_eq!(card.set_pin(Kind::Auth, AUTH_PIN), Err(IssuerRefusal::NoPinOnFaceAuthentication));
    assert_eq!(card.set_pin(Kind::Sign, SIGN_PIN), Err(IssuerRefusal::NoPinOnFaceAuthentication));
    let made = card.make_key(Kind::Sign, &name(), || panic!("no key is made"));
    assert_eq!(made, Err(IssuerRefusal::NoSignOnFaceAuthentication));
    let written = card.write_certificates(Kind::Sign, &certificate(Kind::Sign), &ca_certificate(Kind::Sign));
    assert_eq!(written, Err(IssuerRefusal::NoSignOnFaceAuthentication));
    // Renewal of AUTH goes on as ever (rules §1.5).
    card.make_key(Kind::Auth, &name(), || Ok(throw_away(Kind::Auth))).unwrap();
    let mut card = Card::of_image(&card.image(), load).unwrap();
    assert_eq!(card.face_authentication_off(b"12"), Err(IssuerRefusal::Pin(BadPin::Length)));
    assert!(card.summary().face_authentication);
    card.face_authentication_off(b"5678").unwrap();
    card.set_pin(Kind::Sign, SIGN_PIN).unwrap();
}

#[test]
fn face_authentication_needs_an_auth_certificate() {
    let mut card: Card<TestKey> = Card::blank(*b"0000000000000001");
    assert_eq!(card.face_authentication_on(), Err(IssuerRefusal::NoAuthCertificate));
}

#[test]
fn a_suspended_card_comes_back_as_it_was() {
    let mut card = personal();
    let image = card.image();
    card.suspend(true);
    let mut card = Card::of_image(&card.image(), load).unwrap();
    assert!(card.summary().suspended);
    card.suspend(false);
    assert_eq!(card.image(), image);
}

#[test]
fn r_22_a_pin_that_is_entered_at_the_terminal_is_counted_as_ever_and_verifies_nothing() {
    let mut card = personal();
    card.suspend(true);
    let mut present = |pin: &[u8]| (card.present_pin(Kind::Auth, pin), card.summary().auth.tries_left);
    assert_eq!(present(b"0000"), (Presented::Missed { left: 2 }, Some(2)));
    assert_eq!(present(AUTH_PIN), (Presented::Hit, Some(3)));
    assert_eq!(present(b""), (Presented::Missed { left: 2 }, Some(2)));
    assert_eq!(present(b"00000"), (Presented::Missed { left: 1 }, Some(1)));
    assert_eq!(present(SIGN_PIN), (Presented::Missed { left: 0 }, Some(0)));
    assert_eq!(present(AUTH_PIN), (Presented::Unusable, Some(0)));
    assert_eq!(card.summary().sign.tries_left, Some(5));
    assert_eq!(card.present_pin(Kind::Sign, SIGN_PIN), Presented::Hit);
    card.suspend(false);
    assert_eq!(send(&mut card, SELECT), StatusWord::DONE);
    assert_eq!(card.present_pin(Kind::Sign, SIGN_PIN), Presented::Hit);
    assert_eq!(send(&mut card, SIGN_WITH_AUTH), StatusWord::NOT_SELECTED);
    assert_eq!(send(&mut card, SELECT), StatusWord::DONE);
    assert_eq!(send(&mut card, &[0x80, 0x2A, 0x00, 0x9A, 1, 0x55, 0]), StatusWord::SECURITY_STATUS);
    let mut blank: Card<TestKey> = Card::blank(*b"0000000000000001");
    assert_eq!(blank.present_pin(Kind::Auth, AUTH_PIN), Presented::Unusable);
}

#[test]
fn a_memory_that_fails_tells_nothing_and_gives_no_try_back() {
    let mut card = personal();
    send(&mut card, SELECT);
    let hit = card.exchange(VERIFY_AUTH, &Zeros);
    assert!(!hit.changed(), "all tries were left");
    let miss = card.exchange(b"\x00\x20\x00\x98\x040000", &Zeros);
    assert!(miss.changed());
    assert_eq!(card.memory_failed().octets(), [0x65, 0x81]);
    assert_eq!(card.summary().auth.tries_left, Some(2));
    assert_eq!(send(&mut card, SIGN_WITH_AUTH), StatusWord::NOT_SELECTED);
}

/// The image is sealed where it lies; whoever reads it trusts that, and is still strict.
#[test]
fn an_image_that_was_changed_is_another_card_or_none() {
    let mut card = Card::blank(*b"0000000000000001");
    card.make_key(Kind::Auth, &name(), || Ok(TestKey::Hollow(KeyAlgorithm::P256))).unwrap();
    card.set_pin(Kind::Auth, AUTH_PIN).unwrap();
    card.set_pin(Kind::Sign, SIGN_PIN).unwrap();
    let image = card.image();
    for at in 0..image.len() {
        for change in [0x01, 0x80] {
            let mut bent = image.to_vec();
            bent[at] ^= change;
            if let Ok(card) = Card::of_image(&bent, load) {
                assert_eq!(card.image()[..], bent[..], "octet {at}");
            }
        }
        assert!(Card::of_image(&image[..at], load).is_err(), "cut to {at}");
    }
    assert!(Card::of_image(&[&image[..], &[0]].concat(), load).is_err());
    let other = [&[0x30, 3, 2, 1], &[2][..]].concat();
    assert_eq!(Card::of_image(&other, load).unwrap_err(), NotACard::Version);
}

#[test]
fn an_image_of_a_face_authentication_card_with_a_pin_is_none() {
    let image = personal().image();
    let flags = [1, 1, 0, 1, 1, 0];
    let at = image.windows(flags.len()).position(|window| window == flags).unwrap();
    let mut bent = image.to_vec();
    bent[at + 2] = 0xFF;
    assert_eq!(Card::of_image(&bent, load).unwrap_err(), NotACard::Content("face authentication"));
}
