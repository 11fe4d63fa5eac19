//! SubjectPublicKeyInfo behind one gate: which public keys this service certifies or signs with (profile, "Keys and signatures").

use std::fmt;

use ring::{
    digest,
    signature::{self, UnparsedPublicKey, VerificationAlgorithm},
};

use super::{
    SignatureAlgorithm,
    der::{DerError, Reader},
    oid,
};

mod digested;
mod gate;

pub use gate::WeakKey;

/// Kind and strength of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// rsaEncryption with a modulus of this many bits.
    Rsa(u16),
    /// id-ecPublicKey on P-256.
    P256,
    /// id-ecPublicKey on P-384.
    P384,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA-{bits}"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
        }
    }
}

/// The signature is wrong, or its algorithm is not the one of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify under this key")]
pub struct BadSignature;

/// A public key of a kind and strength in use, with its SubjectPublicKeyInfo.
///
/// Whether a point is on its curve shows when a signature is verified; a holder's key always comes with one
/// ([`CertificationRequest::verify`](super::csr::CertificationRequest::verify)).
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectPublicKey {
    algorithm: KeyAlgorithm,
    exponent: u64,
    der: Vec<u8>,
    /// Octets of the BIT STRING, which end the DER.
    key_octets: usize,
}

impl SubjectPublicKey {
    /// Reads a whole SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`WeakKey`] unless it is RSA of 2048 to 4096 bits, odd and without a factor below 752, its exponent odd and at least
    /// 65537; or an uncompressed point of P-256 or P-384.
    pub fn from_der(der: &[u8]) -> Result<Self, WeakKey> {
        let mut reader = Reader::new(der);
        let (oid, parameters, key) = reader.sequence(|info| {
            let (oid, parameters) = info.sequence(|algorithm| {
                let oid = algorithm.oid()?;
                let parameters = if algorithm.is_empty() { None } else { Some(algorithm.any()?) };
                Ok::<_, DerError>((oid, parameters))
            })?;
            Ok::<_, DerError>((oid, parameters, info.bit_octets()?))
        })?;
        reader.finish()?;
        let (algorithm, exponent) = match oid {
            oid::RSA_ENCRYPTION => gate::rsa(parameters, key)?,
            oid::EC_PUBLIC_KEY => (gate::curve(parameters, key)?, 0),
            other => return Err(WeakKey::Algorithm(oid::to_text(other))),
        };
        Ok(Self { algorithm, exponent, der: der.to_vec(), key_octets: key.len() })
    }

    /// Lets a holder's key pass: RSA-2048 with exponent 65537, P-256 or P-384.
    ///
    /// # Errors
    /// [`WeakKey::NotForHolder`] for other RSA keys.
    pub fn holder_key(self) -> Result<Self, WeakKey> {
        match (self.algorithm, self.exponent) {
            (KeyAlgorithm::P256 | KeyAlgorithm::P384, _) | (KeyAlgorithm::Rsa(2048), 65537) => Ok(self),
            (algorithm, 65537) => Err(WeakKey::NotForHolder(algorithm.to_string())),
            (algorithm, exponent) => Err(WeakKey::NotForHolder(format!("{algorithm} with exponent {exponent}"))),
        }
    }

    /// Lets a CA key pass: RSA-2048, RSA-3072, RSA-4096, P-256 or P-384.
    ///
    /// # Errors
    /// [`WeakKey::NotForCa`] for other RSA lengths.
    pub fn ca_key(self) -> Result<Self, WeakKey> {
        match self.algorithm {
            KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::Rsa(2048 | 3072 | 4096) => Ok(self),
            other => Err(WeakKey::NotForCa(other)),
        }
    }

    /// Kind and strength.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The algorithm this key signs certificates, lists and answers with.
    #[must_use]
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        match self.algorithm {
            KeyAlgorithm::Rsa(_) => SignatureAlgorithm::RsaSha256,
            KeyAlgorithm::P256 => SignatureAlgorithm::EcdsaP256Sha256,
            KeyAlgorithm::P384 => SignatureAlgorithm::EcdsaP384Sha384,
        }
    }

    /// The whole SubjectPublicKeyInfo.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The octets of the BIT STRING: a PKCS#1 RSAPublicKey or an uncompressed point.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.der[self.der.len() - self.key_octets..]
    }

    /// SHA-1 of the BIT STRING's octets: the key identifier (RFC 5280 §4.2.1.2 method 1) and OCSP's issuerKeyHash.
    #[must_use]
    pub fn key_id(&self) -> [u8; 20] {
        fixed(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.key()).as_ref())
    }

    /// SHA-256 of the BIT STRING's octets: the issuerKeyHash of a CertID with SHA-256.
    #[must_use]
    pub fn key_sha256(&self) -> [u8; 32] {
        fixed(digest::digest(&digest::SHA256, self.key()).as_ref())
    }

    /// SHA-256 of the SubjectPublicKeyInfo: tells keys apart.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        fixed(digest::digest(&digest::SHA256, &self.der).as_ref())
    }

    /// Verifies a signature over a message, made with [`signature_algorithm`](Self::signature_algorithm).
    ///
    /// # Errors
    /// [`BadSignature`] if it is wrong, or `algorithm` is not the key's.
    pub fn verify(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        if algorithm != self.signature_algorithm() {
            return Err(BadSignature);
        }
        self.verify_with_digest_of(algorithm, message, signature)
    }

    /// Verifies a signature over a message of which only the digest is at hand, by [`SignatureAlgorithm::digest`].
    ///
    /// Why by the other library: ring verifies whole messages alone, and one of 500 MB is never whole in memory.
    ///
    /// # Errors
    /// [`BadSignature`] if it is wrong, `algorithm` is not the key's, or the digest has another length.
    pub fn verify_digest(
        &self,
        algorithm: SignatureAlgorithm,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        if algorithm != self.signature_algorithm() {
            return Err(BadSignature);
        }
        digested::verify(algorithm, self.key(), digest, signature)
    }

    /// Like [`verify`](Self::verify), but an EC key may use the digest of the other curve, as requests do:
    /// `openssl req` signs with SHA-256 under a P-384 key unless told otherwise.
    pub(super) fn verify_with_digest_of(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let verification: &dyn VerificationAlgorithm = match (self.algorithm, algorithm) {
            (KeyAlgorithm::Rsa(_), SignatureAlgorithm::RsaSha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (KeyAlgorithm::P256, SignatureAlgorithm::EcdsaP256Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
            (KeyAlgorithm::P256, SignatureAlgorithm::EcdsaP384Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
            (KeyAlgorithm::P384, SignatureAlgorithm::EcdsaP256Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
            (KeyAlgorithm::P384, SignatureAlgorithm::EcdsaP384Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
            _ => return Err(BadSignature),
        };
        UnparsedPublicKey::new(verification, self.key()).verify(message, signature).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for SubjectPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectPublicKey({}, ", self.algorithm)?;
        self.key_id().iter().try_for_each(|octet| write!(f, "{octet:02X}"))?;
        f.write_str(")")
    }
}

/// Copies a digest whose length the algorithm fixes.
fn fixed<const LENGTH: usize>(digest: &[u8]) -> [u8; LENGTH] {
    let mut out = [0; LENGTH];
    out.copy_from_slice(digest);
    out
}

#[cfg(test)]
mod tests {
    use super::{
        gate::{SMALL_PRIMES, small_factor},
        *,
    };
    use crate::x509::der::{self, BIT_STRING, OID, SEQUENCE, bit_string, build, null, tlv, unsigned_integer};

    /// Odd, without small factors (its residues are checked by the test that it passes), 8 * `octets` bits.
    fn modulus(octets: usize) -> Vec<u8> {
        let mut modulus = vec![0xC5; octets];
        let last = octets - 1;
        while small_factor(&modulus).is_some() {
            let (low, carry) = modulus[last].overflowing_add(1);
            modulus[last] = low;
            modulus[last - 1] = modulus[last - 1].wrapping_add(u8::from(carry));
        }
        modulus
    }

    fn rsa_info(modulus: &[u8], exponent: &[u8], with_null: bool) -> Vec<u8> {
        let key = build(SEQUENCE, |out| {
            unsigned_integer(out, modulus);
            unsigned_integer(out, exponent);
        });
        build(SEQUENCE, |out| {
            der::nested(out, SEQUENCE, |out| {
                tlv(out, OID, oid::RSA_ENCRYPTION);
                if with_null {
                    null(out);
                }
            });
            bit_string(out, &key);
        })
    }

    fn ec_info(curve: &[u8], point: &[u8]) -> Vec<u8> {
        build(SEQUENCE, |out| {
            der::nested(out, SEQUENCE, |out| {
                tlv(out, OID, oid::EC_PUBLIC_KEY);
                tlv(out, OID, curve);
            });
            bit_string(out, point);
        })
    }

    const F4: &[u8] = &[1, 0, 1];

    #[test]
    fn the_last_small_prime_is_751() {
        assert_eq!((SMALL_PRIMES[0], SMALL_PRIMES[131], SMALL_PRIMES[132]), (2, 743, 751));
    }

    #[test]
    fn a_card_key_passes_both_gates_and_longer_ones_only_the_ca_s() {
        let card = SubjectPublicKey::from_der(&rsa_info(&modulus(256), F4, true)).unwrap();
        assert_eq!(card.algorithm(), KeyAlgorithm::Rsa(2048));
        assert!(card.clone().holder_key().is_ok() && card.ca_key().is_ok());
        let long = SubjectPublicKey::from_der(&rsa_info(&modulus(384), F4, true)).unwrap();
        assert_eq!(long.clone().holder_key(), Err(WeakKey::NotForHolder("RSA-3072".to_owned())));
        assert!(long.ca_key().is_ok());
        let odd_length = SubjectPublicKey::from_der(&rsa_info(&modulus(320), F4, true)).unwrap();
        assert_eq!(odd_length.ca_key(), Err(WeakKey::NotForCa(KeyAlgorithm::Rsa(2560))));
        let odd_exponent = SubjectPublicKey::from_der(&rsa_info(&modulus(256), &[1, 0, 3], true)).unwrap();
        assert_eq!(odd_exponent.holder_key(), Err(WeakKey::NotForHolder("RSA-2048 with exponent 65539".to_owned())));
    }

    #[test]
    fn every_weakness_of_an_rsa_key_has_its_name() {
        let good = modulus(256);
        let mut even = good.clone();
        even[255] &= 0xFE;
        let mut short = good.clone();
        short[0] = 0x7F;
        for (info, fault) in [
            (rsa_info(&modulus(128), F4, true), WeakKey::ModulusBits(1024)),
            (rsa_info(&short, F4, true), WeakKey::ModulusBits(2047)),
            (rsa_info(&modulus(513), F4, true), WeakKey::ModulusBits(4104)),
            (rsa_info(&[], F4, true), WeakKey::ModulusBits(0)),
            (rsa_info(&even, F4, true), WeakKey::ModulusFactor(2)),
            (rsa_info(&good, &[3], true), WeakKey::Exponent),
            (rsa_info(&good, &[1, 0, 0], true), WeakKey::Exponent),
            (rsa_info(&good, &[1], true), WeakKey::Exponent),
            (rsa_info(&good, &[], true), WeakKey::Exponent),
            (rsa_info(&good, &[2, 0, 0, 0, 1], true), WeakKey::Exponent),
            (rsa_info(&good, &[1; 16], true), WeakKey::Exponent),
            (rsa_info(&good, F4, false), WeakKey::Parameters),
        ] {
            assert_eq!(SubjectPublicKey::from_der(&info), Err(fault));
        }
    }

    #[test]
    fn only_two_curves_and_uncompressed_points_are_taken() {
        let point = [&[4][..], &[7; 64]].concat();
        assert_eq!(SubjectPublicKey::from_der(&ec_info(oid::P256, &point)).unwrap().algorithm(), KeyAlgorithm::P256);
        for (info, fault) in [
            (ec_info(oid::P384, &point), WeakKey::Point),
            (ec_info(oid::P256, &[&[2][..], &[7; 32]].concat()), WeakKey::Point),
            (ec_info(oid::P256, &[&[6][..], &[7; 64]].concat()), WeakKey::Point),
            (ec_info(oid::P256, &[0]), WeakKey::Point),
            (ec_info(oid::P256, &[]), WeakKey::Point),
            (ec_info(&[0x2B, 0x81, 4, 0, 10], &point), WeakKey::Curve("1.3.132.0.10".to_owned())),
        ] {
            assert_eq!(SubjectPublicKey::from_der(&info), Err(fault));
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let good = rsa_info(&modulus(256), F4, true);
        assert_eq!(SubjectPublicKey::from_der(&[&good[..], &[0]].concat()), Err(WeakKey::Der(DerError::Trailing)));
        assert_eq!(SubjectPublicKey::from_der(&good[..good.len() - 1]), Err(WeakKey::Der(DerError::Truncated)));
        let ed25519 = build(SEQUENCE, |out| {
            der::nested(out, SEQUENCE, |out| tlv(out, OID, &[0x2B, 0x65, 0x70]));
            bit_string(out, &[7; 32]);
        });
        assert_eq!(SubjectPublicKey::from_der(&ed25519), Err(WeakKey::Algorithm("1.3.101.112".to_owned())));
        let unused_bits = build(SEQUENCE, |out| {
            der::nested(out, SEQUENCE, |out| tlv(out, OID, oid::EC_PUBLIC_KEY));
            tlv(out, BIT_STRING, &[1, 4]);
        });
        assert!(matches!(SubjectPublicKey::from_der(&unused_bits), Err(WeakKey::Der(_))));
    }
}
