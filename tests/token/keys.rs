//! Signatures, as others read them.

use std::{collections::BTreeSet, thread};

use cryptoki::{mechanism::Mechanism, object::Attribute};
use jitsuin::{
    ports::{Signer, SignerError},
    signer::KeyKind,
    x509::{SignatureAlgorithm, SubjectPublicKey},
};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::room::{Room, alone, openssl_verifies};

fn ring_verifies(signer: &dyn Signer, message: &[u8], signature: &[u8]) -> bool {
    let algorithm: &dyn VerificationAlgorithm = match signer.algorithm() {
        SignatureAlgorithm::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::EcdsaP256Sha256 => &ECDSA_P256_SHA256_ASN1,
        SignatureAlgorithm::EcdsaP384Sha384 => &ECDSA_P384_SHA384_ASN1,
    };
    let key = SubjectPublicKey::from_der(signer.spki()).expect("a key");
    UnparsedPublicKey::new(algorithm, key.key()).verify(message, signature).is_ok()
}

fn everybody_reads(room: &Room, signer: &dyn Signer) {
    let message = b"to be signed";
    let digest = ring::digest::digest(signer.algorithm().digest(), message);
    let hash = if signer.algorithm() == SignatureAlgorithm::EcdsaP384Sha384 { "-sha384" } else { "-sha256" };
    for signature in [signer.sign(message), signer.sign_digest(digest.as_ref())] {
        let signature = signature.expect("a signature");
        assert!(ring_verifies(signer, message, &signature));
        assert!(openssl_verifies(room, signer.spki(), hash, (message, &signature)));
        assert!(!openssl_verifies(room, signer.spki(), hash, (b"another", &signature)));
    }
}

#[test]
fn openssl_and_ring_read_the_signatures_of_every_kind_of_key_that_was_brought_in() {
    alone("keys::openssl_and_ring_read_the_signatures_of_every_kind_of_key_that_was_brought_in", |room| {
        room.token("jitsuin");
        for (number, kind) in KeyKind::ALL.into_iter().enumerate() {
            let (label, id) = (format!("key-{number}"), format!("0{number}"));
            let spki = room.import("jitsuin", (&label, &id), kind);
            let signer = room.open(&format!("token=jitsuin;object={label}")).expect("the key");
            assert_eq!((signer.spki(), signer.algorithm()), (&spki[..], kind.algorithm()), "{kind}");
            assert!(signer.is_slow(), "{kind}: a token is asked off the threads that serve");
            everybody_reads(room, &signer);
        }
    });
}

#[test]
fn openssl_and_ring_read_the_signatures_of_keys_that_were_made_inside() {
    alone("keys::openssl_and_ring_read_the_signatures_of_keys_that_were_made_inside", |room| {
        room.token("jitsuin");
        let driver = room.driver();
        let bits = [Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1])];
        driver.generate("jitsuin", ("rsa", 1), &Mechanism::RsaPkcsKeyPairGen, &bits);
        let curve = [Attribute::EcParams(b"\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07".to_vec())];
        driver.generate("jitsuin", ("p-256", 2), &Mechanism::EccKeyPairGen, &curve);
        for key in ["object=rsa", "id=%01", "object=p-256", "id=%02;object=p-256;type=private"] {
            everybody_reads(room, &room.open(&format!("token=jitsuin;{key}")).expect(key));
        }
    });
}

#[test]
fn many_threads_sign_at_once_on_a_few_sessions() {
    alone("keys::many_threads_sign_at_once_on_a_few_sessions", |room| {
        room.token("jitsuin");
        room.import("jitsuin", ("rsa", "01"), KeyKind::Rsa2048);
        room.import("jitsuin", ("ec", "02"), KeyKind::P256);
        let signers = ["rsa", "ec"].map(|key| room.open_on(&format!("token=jitsuin;object={key}"), 3).expect(key));
        let made = thread::scope(|scope| {
            let work = |thread: u8| {
                let signers = &signers;
                scope.spawn(move || {
                    let each = |number: u8| {
                        let (signer, message) = (&signers[usize::from(number % 2)], [thread, number]);
                        let signature = signer.sign(&message).expect("a signature");
                        assert!(ring_verifies(signer, &message, &signature));
                        signature
                    };
                    (0..16).map(each).collect::<Vec<_>>()
                })
            };
            let threads: Vec<_> = (0..12).map(work).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect::<BTreeSet<_>>()
        });
        assert_eq!(made.len(), 12 * 16);
    });
}

#[test]
fn a_digest_of_another_length_is_refused_before_the_token_sees_it() {
    alone("keys::a_digest_of_another_length_is_refused_before_the_token_sees_it", |room| {
        room.token("jitsuin");
        room.import("jitsuin", ("key", "01"), KeyKind::P384);
        let signer = room.open("token=jitsuin;object=key").expect("the key");
        for length in [0, 32, 47, 49] {
            assert_eq!(
                signer.sign_digest(&vec![7; length]),
                Err(SignerError::Failed(format!("the digest has {length} octets, not 48")))
            );
        }
        assert!(signer.sign_digest(&[7; 48]).is_ok());
    });
}

#[test]
fn debug_output_names_the_key_and_nothing_else() {
    alone("keys::debug_output_names_the_key_and_nothing_else", |room| {
        room.token("jitsuin");
        room.import("jitsuin", ("key", "01"), KeyKind::P256);
        let signer = room.open("token=jitsuin;object=key").expect("the key");
        let told = format!("{signer:?}");
        assert!(told.starts_with("TokenSigner { uri: \"pkcs11:token=jitsuin;object=key?"), "{told}");
        assert!(!told.contains(super::room::PIN));
    });
}
