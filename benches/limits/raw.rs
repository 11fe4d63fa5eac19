//! What the cryptographic libraries do with nothing around them.

use std::{hint::black_box, thread, time::Duration};

use aws_lc_rs::{rand::SystemRandom as AwsRandom, rsa::KeyPair as AwsRsa, signature as aws};
use jitsuin::{
    ports::Signer,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::SubjectPublicKey,
};
use ring::{rand::SystemRandom, signature as ring_keys};

use crate::meter::seconds_each;

/// Seconds of processor time for a signature over that many octets, by the faster of both libraries.
pub(crate) fn sign(kind: KeyKind, octets: usize) -> f64 {
    let (message, key) = (vec![7; octets], PrivateKey::generate(kind).unwrap());
    let (random, aws_random) = (SystemRandom::new(), AwsRandom::new());
    match kind {
        KeyKind::P256 => {
            let algorithm = &ring_keys::ECDSA_P256_SHA256_ASN1_SIGNING;
            let one = ring_keys::EcdsaKeyPair::from_pkcs8(algorithm, key.pkcs8(), &random).unwrap();
            let algorithm = &aws::ECDSA_P256_SHA256_ASN1_SIGNING;
            let other = aws::EcdsaKeyPair::from_pkcs8(algorithm, key.pkcs8()).unwrap();
            let one = seconds_each(|| _ = black_box(one.sign(&random, &message).unwrap()));
            one.min(seconds_each(|| _ = black_box(other.sign(&aws_random, &message).unwrap())))
        }
        KeyKind::Rsa2048 => {
            let one = ring_keys::RsaKeyPair::from_pkcs8(key.pkcs8()).unwrap();
            let other = AwsRsa::from_pkcs8(key.pkcs8()).unwrap();
            let mut signature = vec![0; 256];
            let mut ring_signs = || one.sign(&ring_keys::RSA_PKCS1_SHA256, &random, &message, &mut signature).unwrap();
            let ring_seconds = seconds_each(&mut ring_signs);
            let mut signs = || other.sign(&aws::RSA_PKCS1_SHA256, &aws_random, &message, &mut signature).unwrap();
            ring_seconds.min(seconds_each(&mut signs))
        }
        other => panic!("{other} is not measured"),
    }
}

/// Seconds of processor time to verify a signature over that many octets.
pub(crate) fn verify(kind: KeyKind, octets: usize) -> f64 {
    let (message, signer) = (vec![7; octets], signer(kind));
    let (key, signature) = (SubjectPublicKey::from_der(signer.spki()).unwrap(), signer.sign(&message).unwrap());
    let algorithm: &dyn ring_keys::VerificationAlgorithm = match kind {
        KeyKind::P256 => &ring_keys::ECDSA_P256_SHA256_ASN1,
        _ => &ring_keys::RSA_PKCS1_2048_8192_SHA256,
    };
    let key = ring_keys::UnparsedPublicKey::new(algorithm, key.key());
    seconds_each(|| key.verify(&message, &signature).unwrap())
}

/// A throw-away key.
pub(crate) fn signer(kind: KeyKind) -> SoftwareSigner {
    SoftwareSigner::new(&PrivateKey::generate(kind).unwrap()).unwrap()
}

/// SHA-256 over octets, by the faster of both libraries.
pub(crate) fn sha256(octets: &[u8]) -> Duration {
    let aws = || aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
    let ring = || ring::digest::digest(&ring::digest::SHA256, octets);
    crate::meter::least(3, aws).0.min(crate::meter::least(3, ring).0)
}

/// How many cores there are.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
