//! A private key in this process.
//!
//! Why aws-lc-rs signs and ring checks: only aws-lc-rs signs digests, and it is never the slower one (P-384 five times
//! the signatures of ring; RSA the same, and twice as many on processors with AVX-512 IFMA). When a key is loaded, ring
//! verifies one signature of each form under the public key that will be certified, so that a key whose halves do not
//! belong together, or a broken library, signs nothing that matters.

use std::fmt;

use aws_lc_rs::{
    digest::{Algorithm as Hash, Digest, SHA256, SHA384, digest},
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        KeyPair as _, RSA_PKCS1_SHA256,
    },
};
use pkcs8::der::{Decode, Reader, SliceReader, asn1::UintRef};
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::key::{Family, KeyError, KeyKind, PrivateKey};
use crate::{
    ports::{Signer, SignerError},
    x509::SignatureAlgorithm,
};

/// What a key signs when it is loaded. No CertificateTBS, list or answer: those are SEQUENCEs and begin with 0x30.
const TRIAL: &[u8] = b"jitsuin: trial of a key when it is loaded";

/// A [`Signer`] whose key lies in memory, loaded once.
///
/// The library keeps the key for as long as the signer lives; the octets it was loaded from are the caller's to wipe
/// ([`PrivateKey`] does).
pub struct SoftwareSigner {
    kind: KeyKind,
    spki: Vec<u8>,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl SoftwareSigner {
    /// Loads a key made by [`PrivateKey::generate`] or read from a file.
    ///
    /// # Errors
    /// As [`SoftwareSigner::from_pkcs8`].
    pub fn new(key: &PrivateKey) -> Result<Self, KeyError> {
        Self::from_pkcs8(key.pkcs8())
    }

    /// Loads the DER of a PrivateKeyInfo and tries it.
    ///
    /// # Errors
    /// [`KeyError::NotPkcs8`], [`KeyError::UnsupportedKind`] for other algorithms, curves, modulus sizes and public
    /// exponents, [`KeyError::Inconsistent`] where the private and the public numbers do not belong together.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let (kind, pair) = match Family::of(pkcs8)? {
            Family::Rsa => rsa(pkcs8)?,
            Family::P256 => (KeyKind::P256, ec(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)?),
            Family::P384 => (KeyKind::P384, ec(&ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8)?),
        };
        let signer = Self { kind, spki: pair.spki()?, pair };
        signer.try_out()?;
        Ok(signer)
    }

    /// What kind of key it is.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    fn hash(&self) -> &'static Hash {
        match self.algorithm() {
            SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::EcdsaP256Sha256 => &SHA256,
            SignatureAlgorithm::EcdsaP384Sha384 => &SHA384,
        }
    }

    fn try_out(&self) -> Result<(), KeyError> {
        let algorithm: &dyn VerificationAlgorithm = match self.algorithm() {
            SignatureAlgorithm::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
            SignatureAlgorithm::EcdsaP256Sha256 => &ECDSA_P256_SHA256_ASN1,
            SignatureAlgorithm::EcdsaP384Sha384 => &ECDSA_P384_SHA384_ASN1,
        };
        let public = UnparsedPublicKey::new(algorithm, self.pair.public_octets());
        [self.sign(TRIAL), self.sign_digest(digest(self.hash(), TRIAL).as_ref())]
            .into_iter()
            .all(|signature| signature.is_ok_and(|octets| public.verify(TRIAL, &octets).is_ok()))
            .then_some(())
            .ok_or(KeyError::Inconsistent("its signatures do not verify"))
    }
}

impl Signer for SoftwareSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.kind.algorithm()
    }

    fn spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Pair::Ec(pair) => Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
        }
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        let wanted = self.hash().output_len();
        let digest = Digest::import_less_safe(digest, self.hash())
            .map_err(|_| SignerError::Failed(format!("the digest has {} octets, not {wanted}", digest.len())))?;
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Pair::Ec(pair) => Ok(pair.sign_digest(&digest).map_err(failed)?.as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SoftwareSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoftwareSigner").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Pair {
    /// The public half as DER SubjectPublicKeyInfo.
    fn spki(&self) -> Result<Vec<u8>, KeyError> {
        let der: Result<PublicKeyX509Der<'_>, _> = match self {
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ec(pair) => pair.public_key().as_der(),
        };
        der.map(|der| der.as_ref().to_vec()).map_err(|_| KeyError::Inconsistent("it has no public half"))
    }

    /// The octets of its subjectPublicKey.
    fn public_octets(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::Ec(pair) => pair.public_key().as_ref(),
        }
    }
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm, pkcs8: &[u8]) -> Result<Pair, KeyError> {
    EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).map(Pair::Ec).map_err(|why| KeyError::Inconsistent(why.description_()))
}

fn rsa(pkcs8: &[u8]) -> Result<(KeyKind, Pair), KeyError> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|why| match why.description_() {
        "TooSmall" | "TooLarge" => KeyError::UnsupportedKind,
        word => KeyError::Inconsistent(word),
    })?;
    Ok((rsa_kind(pair.public_key().as_ref()).ok_or(KeyError::UnsupportedKind)?, Pair::Rsa(pair)))
}

/// The kind of an RSAPublicKey (RFC 8017 A.1.1): only the sizes of the profile and e = 65537; anything else is an
/// accident, not a choice.
fn rsa_kind(public_key: &[u8]) -> Option<KeyKind> {
    let mut reader = SliceReader::new(public_key).ok()?;
    let (modulus, exponent) =
        reader.sequence(|inner| Ok::<_, pkcs8::der::Error>((UintRef::decode(inner)?, u32::decode(inner)?))).ok()?;
    let top_bit = modulus.as_bytes().first().is_some_and(|octet| *octet >= 0x80);
    match modulus.as_bytes().len() {
        _ if !top_bit || exponent != 65537 => None,
        256 => Some(KeyKind::Rsa2048),
        384 => Some(KeyKind::Rsa3072),
        512 => Some(KeyKind::Rsa4096),
        _ => None,
    }
}

/// The library says nothing of why a signature failed.
fn failed<E>(_: E) -> SignerError {
    SignerError::Failed("the library refused".into())
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    fn signer(kind: KeyKind) -> SoftwareSigner {
        SoftwareSigner::new(&PrivateKey::generate(kind).unwrap()).unwrap()
    }

    fn verifier(kind: KeyKind) -> &'static dyn VerificationAlgorithm {
        match kind.algorithm() {
            SignatureAlgorithm::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
            SignatureAlgorithm::EcdsaP256Sha256 => &ECDSA_P256_SHA256_ASN1,
            SignatureAlgorithm::EcdsaP384Sha384 => &ECDSA_P384_SHA384_ASN1,
        }
    }

    fn verifies(signer: &SoftwareSigner, message: &[u8], signature: &[u8]) -> bool {
        let (_, spki) = x509_parser::x509::SubjectPublicKeyInfo::from_der(signer.spki()).unwrap();
        let key = UnparsedPublicKey::new(verifier(signer.kind()), &spki.subject_public_key.data);
        key.verify(message, signature).is_ok()
    }

    #[test]
    fn a_message_and_its_digest_give_signatures_of_the_same_message() {
        for kind in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::P384] {
            let signer = signer(kind);
            let hash = if kind == KeyKind::P384 { &ring::digest::SHA384 } else { &ring::digest::SHA256 };
            let digest = ring::digest::digest(hash, b"tbs");
            assert_eq!(signer.kind(), kind);
            assert!(verifies(&signer, b"tbs", &signer.sign(b"tbs").unwrap()), "{kind}");
            assert!(verifies(&signer, b"tbs", &signer.sign_digest(digest.as_ref()).unwrap()), "{kind}");
            assert!(!verifies(&signer, b"other", &signer.sign(b"tbs").unwrap()), "{kind}");
        }
    }

    #[test]
    fn a_private_half_under_another_public_half_is_refused() {
        let (mine, other) =
            (PrivateKey::generate(KeyKind::P256).unwrap(), PrivateKey::generate(KeyKind::P256).unwrap());
        let mut mixed = mine.pkcs8().to_vec();
        let point = mixed.len() - 64;
        mixed[point..].copy_from_slice(&other.pkcs8()[point..]);
        assert!(matches!(SoftwareSigner::from_pkcs8(&mixed), Err(KeyError::Inconsistent(_))));
    }

    #[test]
    fn a_trial_signature_is_no_x509_object() {
        assert_ne!(TRIAL[0], 0x30);
    }

    #[test]
    fn a_digest_of_another_length_is_refused() {
        for (kind, wrong) in [(KeyKind::P256, 48), (KeyKind::P256, 31), (KeyKind::P384, 32), (KeyKind::P384, 0)] {
            let refusal = signer(kind).sign_digest(&vec![0; wrong]).unwrap_err();
            assert!(refusal.to_string().contains(&format!("has {wrong} octets")), "{refusal}");
        }
    }

    #[test]
    fn a_serial_key_does_not_sign() {
        let key = super::super::SerialKey::generate().unwrap().to_private_key().unwrap();
        assert_eq!(SoftwareSigner::new(&key).unwrap_err(), KeyError::UnsupportedKind);
    }

    #[test]
    fn a_flipped_octet_anywhere_is_refused_or_leaves_the_key_as_it_was() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let spki = SoftwareSigner::new(&key).unwrap().spki().to_vec();
        for at in 0..key.pkcs8().len() {
            let mut bent = key.pkcs8().to_vec();
            bent[at] ^= 1;
            if let Ok(other) = SoftwareSigner::from_pkcs8(&bent) {
                assert_eq!(other.spki(), spki, "octet {at}");
                assert!(verifies(&other, b"tbs", &other.sign(b"tbs").unwrap()), "octet {at}");
            }
        }
    }

    #[test]
    fn debug_output_names_the_kind_only() {
        assert_eq!(format!("{:?}", signer(KeyKind::P256)), "SoftwareSigner { kind: P256, .. }");
    }
}
