//! Signatures held against those who verify them.

use jitsuin::{
    card::{KeyFault, RSA_OCTETS, RsaPrivate, plain_ecdsa},
    kind::Kind,
    signer::{KeyKind, PrivateKey},
    x509::{CertificateView, KeyAlgorithm, SubjectPublicKey},
};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
};

use crate::cards::{Zeros, certificate, personal};

#[test]
fn pss_verifies_for_a_digest_and_for_a_message() {
    let message = b"JITSUIN-TEST message";
    let hash = ring::digest::digest(&ring::digest::SHA256, message);
    let der = certificate(Kind::Auth);
    let key = SubjectPublicKey::from_der(CertificateView::from_der(&der).unwrap().tbs.spki).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.key());
    let mut card = personal();
    for apdu in [&b"\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01"[..], b"\x00\x20\x00\x98\x041234"] {
        assert_eq!(card.exchange(apdu, &Zeros).status().value(), 0x9000);
    }
    for (p1, data) in [(4, hash.as_ref()), (5, message)] {
        let apdu = [&[0x80, 0x2A, p1, 0x97, data.len() as u8], data, &[0]].concat();
        let signature = card.exchange(&apdu, &Zeros).data().to_vec();
        assert!(public.verify(message, &signature).is_ok(), "P1 {p1}");
        assert!(public.verify(b"another", &signature).is_err());
    }
}

/// The padding is written out here, so that what is compared is the bare operation.
#[test]
fn the_bare_operation_gives_what_ring_gives() {
    for _ in 0..2 {
        let made = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
        let (ours, theirs) =
            (RsaPrivate::from_pkcs8(made.pkcs8()).unwrap(), RsaKeyPair::from_pkcs8(made.pkcs8()).unwrap());
        let mut signature = vec![0; RSA_OCTETS];
        theirs.sign(&RSA_PKCS1_SHA256, &ring::rand::SystemRandom::new(), b"text", &mut signature).unwrap();
        let info = [0x30, 0x31, 0x30, 0x0D, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
        let hash = ring::digest::digest(&ring::digest::SHA256, b"text");
        let padded = [&[0, 1][..], &[0xFF; 202], &[0], &info, hash.as_ref()].concat();
        assert_eq!(ours.apply(&padded), Ok(signature.clone()));
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, theirs.public().as_ref());
        assert!(public.verify(b"text", &signature).is_ok());
        // Not smaller than the modulus, or longer.
        assert_eq!(ours.apply(&[0xFF; RSA_OCTETS]), Err(KeyFault));
        assert_eq!(ours.apply(&[0; RSA_OCTETS + 1]), Err(KeyFault));
    }
}

#[test]
fn other_keys_are_no_rsa_2048() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let other = PrivateKey::generate(kind).unwrap();
        assert_eq!(RsaPrivate::from_pkcs8(other.pkcs8()).err(), Some(KeyFault), "{kind}");
    }
    let good = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    let good = good.pkcs8();
    for bad in [&[][..], &good[1..], &good[..good.len() - 1], &[good, &[0]].concat()] {
        assert_eq!(RsaPrivate::from_pkcs8(bad).err(), Some(KeyFault));
    }
}

/// A fault in the private exponent or the modulus shows before anything is signed: the trial fails.
#[test]
fn numbers_that_do_not_belong_together_are_refused() {
    let good = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    // Modulus, public and private exponent are the first 600 octets of the key.
    for at in [60, 150, 280, 320, 400, 540] {
        let mut bent = good.pkcs8().to_vec();
        bent[at] ^= 2;
        assert_eq!(RsaPrivate::from_pkcs8(&bent).err(), Some(KeyFault), "octet {at}");
    }
}

#[test]
fn ecdsa_is_written_plainly_and_padded_on_the_left() {
    let plain = |der: &[u8]| plain_ecdsa(der, KeyAlgorithm::P256);
    let short = plain(&[0x30, 6, 2, 1, 1, 2, 1, 0x7F]).unwrap();
    assert_eq!((short.len(), short[31], short[63]), (64, 1, 0x7F));
    assert_eq!(short.iter().filter(|octet| **octet != 0).count(), 2);
    let long = [&[0x30, 38, 2, 33, 0][..], &[0xFF; 32], &[2, 1, 1]].concat();
    assert_eq!(plain(&long).unwrap()[..32], [0xFF; 32]);
    for bad in [
        &[][..],
        &[0x30, 0],
        &[0x30, 3, 2, 1, 1],
        &[0x30, 6, 2, 1, 1, 2, 1, 1, 0],
        &[0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1],
        &[&[0x30, 38, 2, 33, 1][..], &[0xFF; 32], &[2, 1, 1]].concat(),
    ] {
        assert_eq!(plain(bad), Err(KeyFault), "{bad:02X?}");
    }
}
