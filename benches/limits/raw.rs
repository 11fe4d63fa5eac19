//! What the cryptographic libraries do with nothing around them.

use std::{fmt, hint::black_box, thread, time::Duration};

use aws_lc_rs::{rand::SystemRandom as AwsRandom, rsa::KeyPair as AwsRsa, signature as aws};
use jitsuin::{
    ports::Signer,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::SubjectPublicKey,
};
use ring::{rand::SystemRandom, signature as ring_keys};

use crate::{meter::seconds_each, report::Figure::Seconds};

/// Seconds of processor time for a signature, by each library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    ring: f64,
    aws_lc: f64,
}

impl Raw {
    /// By the faster one: the limit.
    pub(crate) fn least(self) -> f64 {
        self.ring.min(self.aws_lc)
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "raw signature: ring {}, aws-lc {}", Seconds(self.ring), Seconds(self.aws_lc))
    }
}

/// A signature over that many octets.
pub(crate) fn sign(kind: KeyKind, octets: usize) -> Raw {
    let (message, key) = (vec![7; octets], PrivateKey::generate(kind).unwrap());
    let (random, aws_random) = (SystemRandom::new(), AwsRandom::new());
    match kind {
        KeyKind::P256 => {
            let algorithm = &ring_keys::ECDSA_P256_SHA256_ASN1_SIGNING;
            let one = ring_keys::EcdsaKeyPair::from_pkcs8(algorithm, key.pkcs8(), &random).unwrap();
            let algorithm = &aws::ECDSA_P256_SHA256_ASN1_SIGNING;
            let other = aws::EcdsaKeyPair::from_pkcs8(algorithm, key.pkcs8()).unwrap();
            Raw {
                ring: seconds_each(|| _ = black_box(one.sign(&random, &message).unwrap())),
                aws_lc: seconds_each(|| _ = black_box(other.sign(&aws_random, &message).unwrap())),
            }
        }
        KeyKind::Rsa2048 => {
            let one = ring_keys::RsaKeyPair::from_pkcs8(key.pkcs8()).unwrap();
            let other = AwsRsa::from_pkcs8(key.pkcs8()).unwrap();
            let (mut by_one, mut by_other) = ([0; 256], [0; 256]);
            Raw {
                ring: seconds_each(|| {
                    one.sign(&ring_keys::RSA_PKCS1_SHA256, &random, &message, &mut by_one).unwrap();
                }),
                aws_lc: seconds_each(|| {
                    other.sign(&aws::RSA_PKCS1_SHA256, &aws_random, &message, &mut by_other).unwrap();
                }),
            }
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
    crate::meter::least(aws).0.min(crate::meter::least(ring).0)
}

/// How many cores there are.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
