//! Private keys as octets: their kinds, how they are made, and what wipes them.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
};
use pkcs8::{
    AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef,
    der::{Decode, Encode, asn1::OctetStringRef},
};
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::x509::{KeyAlgorithm, SignatureAlgorithm};

/// rsaEncryption (RFC 8017 A.1), with NULL parameters.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-ecPublicKey (RFC 5480 §2.1.1), with the curve as parameter.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// secp256r1 (RFC 5480 §2.1.1.1).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// secp384r1 (RFC 5480 §2.1.1.1).
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// id-aes128-ECB (NIST CSOR): one block at a time and nothing else, which is how the serial key is used.
const AES_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.1");

/// The kinds of key pair that this service makes and signs with (profile, "Keys and signatures").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyKind {
    /// RSA with a modulus of 2048 bits and e = 65537; signs with SHA-256.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA with a modulus of 3072 bits and e = 65537; signs with SHA-256.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA with a modulus of 4096 bits and e = 65537; signs with SHA-256.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
    /// ECDSA on secp256r1; signs with SHA-256.
    #[serde(rename = "p-256")]
    P256,
    /// ECDSA on secp384r1; signs with SHA-384.
    #[serde(rename = "p-384")]
    P384,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::P256, Self::P384];

    /// The word in the configuration and on the command line: `rsa-2048` … `p-384`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::P256 => "p-256",
            Self::P384 => "p-384",
        }
    }

    /// The kind of which a key is; none where it is of a size that is not made here.
    #[must_use]
    pub fn of(key: KeyAlgorithm) -> Option<Self> {
        match key {
            KeyAlgorithm::Rsa(2048) => Some(Self::Rsa2048),
            KeyAlgorithm::Rsa(3072) => Some(Self::Rsa3072),
            KeyAlgorithm::Rsa(4096) => Some(Self::Rsa4096),
            KeyAlgorithm::Rsa(_) => None,
            KeyAlgorithm::P256 => Some(Self::P256),
            KeyAlgorithm::P384 => Some(Self::P384),
        }
    }

    /// The one algorithm that a key of this kind signs with.
    #[must_use]
    pub const fn algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => SignatureAlgorithm::RsaSha256,
            Self::P256 => SignatureAlgorithm::EcdsaP256Sha256,
            Self::P384 => SignatureAlgorithm::EcdsaP384Sha384,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for KeyKind {
    type Err = KeyError;

    fn from_str(word: &str) -> Result<Self, KeyError> {
        Self::ALL.into_iter().find(|kind| kind.word() == word).ok_or(KeyError::UnknownKind)
    }
}

/// Why octets are no usable key, or why none was made. Never tells anything of the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The word names no kind of key.
    #[error("a key is one of rsa-2048, rsa-3072, rsa-4096, p-256, p-384")]
    UnknownKind,
    /// Not one DER PrivateKeyInfo and nothing else.
    #[error("not a PKCS#8 private key")]
    NotPkcs8,
    /// A key of an algorithm, curve, size or exponent that this service does not sign with.
    #[error("not a key that this service signs with: RSA-2048, -3072 or -4096 with e = 65537, P-256 or P-384")]
    UnsupportedKind,
    /// The right kind, but its numbers do not fit together or are weak.
    #[error("the numbers of the private key do not fit together: {0}")]
    Inconsistent(&'static str),
    /// A key, but not an AES-128 key for serial numbers.
    #[error("not an AES-128 key for serial numbers")]
    NotASerialKey,
    /// The library made no key, for want of randomness or memory.
    #[error("no key could be made")]
    NotMade,
}

/// A private key as DER PrivateKeyInfo (RFC 5958); wiped from memory when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// Makes a new key pair.
    ///
    /// Randomness is the libraries' own (both seed from the operating system): they offer no way to pass it in, and a
    /// key that a test could repeat is a key that an attacker could.
    ///
    /// # Errors
    /// [`KeyError::NotMade`]. RSA takes 0.1 s (2048) to 1.5 s (4096).
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        match kind {
            KeyKind::Rsa2048 => generate_rsa(KeySize::Rsa2048),
            KeyKind::Rsa3072 => generate_rsa(KeySize::Rsa3072),
            KeyKind::Rsa4096 => generate_rsa(KeySize::Rsa4096),
            KeyKind::P256 => generate_ec(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyKind::P384 => generate_ec(&ECDSA_P384_SHA384_ASN1_SIGNING),
        }
    }

    /// Takes the DER of a PrivateKeyInfo with any algorithm.
    ///
    /// # Errors
    /// [`KeyError::NotPkcs8`] unless it is exactly one, without trailing octets.
    pub fn from_pkcs8(der: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        PrivateKeyInfoRef::from_der(&der).map_err(|_| KeyError::NotPkcs8)?;
        Ok(Self(der))
    }

    /// The DER of the PrivateKeyInfo.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

fn generate_rsa(size: KeySize) -> Result<PrivateKey, KeyError> {
    let pair = RsaKeyPair::generate(size).map_err(|_| KeyError::NotMade)?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| KeyError::NotMade)?; // wiped when dropped
    Ok(PrivateKey(Zeroizing::new(der.as_ref().to_vec())))
}

fn generate_ec(algorithm: &'static EcdsaSigningAlgorithm) -> Result<PrivateKey, KeyError> {
    let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).map_err(|_| KeyError::NotMade)?;
    Ok(PrivateKey(Zeroizing::new(der.as_ref().to_vec())))
}

/// What a PrivateKeyInfo says it is; RSA sizes are told apart later, by the modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Rsa,
    P256,
    P384,
}

impl Family {
    /// Reads the algorithm identifier, parameters included.
    pub(super) fn of(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| KeyError::NotPkcs8)?;
        let parameters = info.algorithm.parameters.ok_or(KeyError::UnsupportedKind)?;
        let curve = || parameters.decode_as::<ObjectIdentifier>().map_err(|_| KeyError::UnsupportedKind);
        match info.algorithm.oid {
            RSA if parameters.is_null() => Ok(Self::Rsa),
            EC if curve()? == P256 => Ok(Self::P256),
            EC if curve()? == P384 => Ok(Self::P384),
            _ => Err(KeyError::UnsupportedKind),
        }
    }
}

/// The AES-128 key that permutes indexes into serial numbers (profile, "Serial numbers").
///
/// It rests in the same container as the CA keys: a PrivateKeyInfo whose algorithm is id-aes128-ECB
/// (2.16.840.1.101.3.4.1.1, no parameters) and whose privateKey is the 16 octets. One reader and one writer for all.
#[derive(Clone, PartialEq, Eq)]
pub struct SerialKey(Zeroizing<[u8; 16]>);

impl SerialKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`KeyError::NotMade`] when the operating system gives no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let mut octets = Zeroizing::new([0; 16]);
        SystemRandom::new().fill(&mut octets[..]).map_err(|_| KeyError::NotMade)?;
        Ok(Self(octets))
    }

    /// The key inside a PrivateKeyInfo.
    ///
    /// # Errors
    /// [`KeyError::NotASerialKey`] for any other kind of key.
    pub fn from_private_key(key: &PrivateKey) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::from_der(key.pkcs8()).map_err(|_| KeyError::NotPkcs8)?;
        let known = info.algorithm.oid == AES_128 && info.algorithm.parameters.is_none_or(|any| any.is_null());
        let octets = <[u8; 16]>::try_from(info.private_key.as_bytes()).map(Zeroizing::new);
        if known { octets.map(Self).map_err(|_| KeyError::NotASerialKey) } else { Err(KeyError::NotASerialKey) }
    }

    /// The PrivateKeyInfo to write to a file.
    ///
    /// # Errors
    /// [`KeyError::NotMade`] when there is no memory for it.
    pub fn to_private_key(&self) -> Result<PrivateKey, KeyError> {
        let octets = OctetStringRef::new(&self.0[..]).map_err(|_| KeyError::NotMade)?;
        let algorithm = AlgorithmIdentifierRef { oid: AES_128, parameters: None };
        let der = PrivateKeyInfoRef::new(algorithm, octets).to_der().map_err(|_| KeyError::NotMade)?;
        Ok(PrivateKey(Zeroizing::new(der)))
    }

    /// The 16 octets.
    #[must_use]
    pub fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for SerialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SerialKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_kinds_go_both_ways() {
        for kind in KeyKind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<KeyKind>(&format!("\"{kind}\"")).unwrap(), kind);
        }
    }

    #[test]
    fn other_words_are_no_kind() {
        for word in ["", "rsa", "rsa-1024", "RSA-2048", "rsa2048", "p256", "p-521", "ed25519"] {
            assert_eq!(word.parse::<KeyKind>(), Err(KeyError::UnknownKind), "{word}");
        }
    }

    #[test]
    fn a_serial_key_survives_its_container() {
        let key = SerialKey::generate().unwrap();
        let boxed = key.to_private_key().unwrap();
        assert_eq!(SerialKey::from_private_key(&boxed).unwrap(), key);
        assert_ne!(SerialKey::generate().unwrap(), key);
    }

    #[test]
    fn a_signing_key_is_no_serial_key_and_the_other_way_round() {
        let signing = PrivateKey::generate(KeyKind::P256).unwrap();
        assert_eq!(SerialKey::from_private_key(&signing), Err(KeyError::NotASerialKey));
        let serial = SerialKey::generate().unwrap().to_private_key().unwrap();
        assert_eq!(Family::of(serial.pkcs8()), Err(KeyError::UnsupportedKind));
    }

    #[test]
    fn a_serial_key_of_another_length_is_refused() {
        for length in [0, 15, 17, 32] {
            let octets = vec![7; length];
            let algorithm = AlgorithmIdentifierRef { oid: AES_128, parameters: None };
            let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&octets).unwrap());
            let key = PrivateKey::from_pkcs8(Zeroizing::new(info.to_der().unwrap())).unwrap();
            assert_eq!(SerialKey::from_private_key(&key), Err(KeyError::NotASerialKey), "{length}");
        }
    }

    #[test]
    fn truncated_and_trailing_octets_are_refused() {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let mut longer = key.pkcs8().to_vec();
        longer.push(0);
        let shorter = key.pkcs8()[..key.pkcs8().len() - 1].to_vec();
        for bad in [longer, shorter, vec![], vec![0x30, 0x80, 0, 0]] {
            assert_eq!(PrivateKey::from_pkcs8(Zeroizing::new(bad)), Err(KeyError::NotPkcs8));
        }
    }

    #[test]
    fn debug_output_shows_no_octet_of_a_key() {
        assert_eq!(format!("{:?}", PrivateKey::generate(KeyKind::P256).unwrap()), "PrivateKey(..)");
        assert_eq!(format!("{:?}", SerialKey::generate().unwrap()), "SerialKey(..)");
    }
}
