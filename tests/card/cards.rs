//! The cards of the scripts: keys and certificates are those of `tests/golden.rs`.

use std::{fs, path::PathBuf};

use jitsuin::{
    card::{Card, CardKey, KeyFault, NoRandomness, Randomness, RsaPrivate},
    kind::Kind,
    x509::{CertificateView, KeyAlgorithm},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use zeroize::Zeroizing;

pub(crate) const AUTH_PIN: &[u8] = b"1234";
pub(crate) const SIGN_PIN: &[u8] = b"ABC123";

/// A key of a card.
pub(crate) enum TestKey {
    /// One of the throw-away keys.
    Rsa { key: RsaPrivate, pkcs8: Vec<u8>, spki: Vec<u8> },
    /// One that signs nothing: the right number of octets, and the operand in them.
    Hollow(KeyAlgorithm),
}

impl CardKey for TestKey {
    fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Rsa { .. } => KeyAlgorithm::Rsa(2048),
            Self::Hollow(algorithm) => *algorithm,
        }
    }

    fn spki(&self) -> &[u8] {
        match self {
            Self::Rsa { spki, .. } => spki,
            Self::Hollow(_) => b"hollow",
        }
    }

    fn apply(&self, operand: &[u8]) -> Result<Vec<u8>, KeyFault> {
        let octets = match self {
            Self::Rsa { key, .. } => return key.apply(operand),
            Self::Hollow(KeyAlgorithm::Rsa(_)) => 256,
            Self::Hollow(KeyAlgorithm::P256) => 64,
            Self::Hollow(KeyAlgorithm::P384) => 96,
        };
        let mut signature = operand.to_vec();
        signature.resize(octets, 0);
        Ok(signature)
    }

    fn secret(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Rsa { pkcs8, .. } => pkcs8.clone(),
            Self::Hollow(KeyAlgorithm::Rsa(_)) => vec![1],
            Self::Hollow(KeyAlgorithm::P256) => vec![2],
            Self::Hollow(KeyAlgorithm::P384) => vec![3],
        })
    }
}

/// The key of [`TestKey::secret`].
pub(crate) fn load(secret: &[u8]) -> Result<TestKey, KeyFault> {
    match secret {
        [1] => Ok(TestKey::Hollow(KeyAlgorithm::Rsa(2048))),
        [2] => Ok(TestKey::Hollow(KeyAlgorithm::P256)),
        [3] => Ok(TestKey::Hollow(KeyAlgorithm::P384)),
        _ => Kind::BOTH.into_iter().map(throw_away).find(|key| key.secret()[..] == *secret).ok_or(KeyFault),
    }
}

/// No randomness at all: salts are zeros.
pub(crate) struct Zeros;

impl Randomness for Zeros {
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoRandomness> {
        octets.fill(0);
        Ok(())
    }
}

pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    fs::read(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

pub(crate) fn certificate(kind: Kind) -> Vec<u8> {
    file(&format!("golden/open/holder-{kind}.der"))
}

pub(crate) fn ca_certificate(kind: Kind) -> Vec<u8> {
    file(&format!("golden/open/ca-{kind}.der"))
}

pub(crate) fn throw_away(kind: Kind) -> TestKey {
    let pem = file(&format!("data/keys/throw-away-holder-{kind}.pem"));
    let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(&pem).unwrap().secret_pkcs8_der().to_vec();
    let spki = CertificateView::from_der(&certificate(kind)).unwrap().tbs.spki.to_vec();
    TestKey::Rsa { key: RsaPrivate::from_pkcs8(&pkcs8).unwrap(), pkcs8, spki }
}

pub(crate) fn name() -> jitsuin::x509::Name {
    jitsuin::x509::Name::new(vec![jitsuin::x509::Attribute::common_name("JITSUIN-TEST")]).unwrap()
}

/// A card with the golden certificates and both PINs.
pub(crate) fn personal() -> Card<TestKey> {
    let mut card = Card::blank(*b"0000000000000001");
    for kind in Kind::BOTH {
        card.make_key(kind, &name(), || Ok(throw_away(kind))).unwrap();
        card.write_certificates(kind, &certificate(kind), &ca_certificate(kind)).unwrap();
    }
    card.set_pin(Kind::Auth, AUTH_PIN).unwrap();
    card.set_pin(Kind::Sign, SIGN_PIN).unwrap();
    card
}

/// A card whose keys sign nothing, but fast. Its keys came with its image: no certificate is for them.
pub(crate) fn hollow(algorithm: KeyAlgorithm) -> Card<TestKey> {
    let image = personal().image().to_vec();
    Card::of_image(&image, |_| Ok(TestKey::Hollow(algorithm))).unwrap()
}

/// The card that a script names.
pub(crate) fn named(name: &str) -> Card<TestKey> {
    let mut card = match name {
        "blank" => Card::blank(*b"0000000000000001"),
        "p-256" => hollow(KeyAlgorithm::P256),
        "p-384" => hollow(KeyAlgorithm::P384),
        _ => personal(),
    };
    match name {
        "face" => card.face_authentication_on().unwrap(),
        "suspended" => card.suspend(true),
        "personal" | "blank" | "p-256" | "p-384" => {}
        other => panic!("no card is called {other}"),
    }
    card
}
