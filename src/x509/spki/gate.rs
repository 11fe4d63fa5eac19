//! The gate: what makes a public key too weak or too foreign.

use super::KeyAlgorithm;
use crate::x509::{
    der::{DerError, Element, NULL, OID, Reader},
    oid,
};

/// Bits of an RSA modulus: NIST SP 800-131A asks for 2048, and CA keys end at 4096.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// The largest public exponent that the verifiers in the field take.
const RSA_EXPONENT_LIMIT: u64 = 1 << 33;

/// Why a public key is refused; the text is for the one who sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakKey {
    /// The SubjectPublicKeyInfo is no strict DER.
    #[error("the public key: {0}")]
    Der(#[from] DerError),
    /// The algorithm is neither rsaEncryption nor id-ecPublicKey.
    #[error("the key algorithm {0} is not in use: RSA, P-256 and P-384 are")]
    Algorithm(String),
    /// rsaEncryption without NULL, or a curve that is not named.
    #[error("the parameters of the key algorithm are not as its RFC wants them")]
    Parameters,
    /// An elliptic curve other than P-256 and P-384.
    #[error("the curve {0} is not in use: P-256 and P-384 are")]
    Curve(String),
    /// The point is compressed, at infinity or of the wrong length.
    #[error("the key is not an uncompressed point of its curve")]
    Point,
    /// The RSA modulus is too short or too long.
    #[error("an RSA modulus of {0} bits: 2048 to 4096 are taken")]
    ModulusBits(usize),
    /// The RSA modulus has a small factor, 2 for one.
    #[error("the RSA modulus is divisible by {0}")]
    ModulusFactor(u16),
    /// The RSA exponent is even, below 65537 or beyond 33 bits.
    #[error("the RSA exponent must be odd and at least 65537, and fit 33 bits")]
    Exponent,
    /// A sound key, but none a card of this service carries.
    #[error("a holder's key is RSA-2048 with exponent 65537, P-256 or P-384; this is {0}")]
    NotForHolder(String),
    /// A sound key, but none a CA of this service uses.
    #[error("a CA key is RSA-2048, RSA-3072, RSA-4096, P-256 or P-384; this is {0}")]
    NotForCa(KeyAlgorithm),
}

/// RFC 3279 §2.3.1.
pub(super) fn rsa(parameters: Option<Element<'_>>, key: &[u8]) -> Result<(KeyAlgorithm, u64), WeakKey> {
    if !parameters.is_some_and(|element| element.tag == NULL && element.content.is_empty()) {
        return Err(WeakKey::Parameters);
    }
    let mut reader = Reader::new(key);
    let (modulus, exponent) = reader.sequence(|key| Ok::<_, DerError>((key.integer()?, key.integer()?)))?;
    reader.finish()?;
    if modulus[0] >= 0x80 {
        return Err(DerError::Content("INTEGER").into());
    }
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(WeakKey::ModulusBits(bits));
    }
    if let Some(factor) = small_factor(modulus) {
        return Err(WeakKey::ModulusFactor(factor));
    }
    let exponent = match exponent {
        octets if octets.len() <= 5 && octets[0] < 0x80 => octets.iter().fold(0, |e, octet| e << 8 | u64::from(*octet)),
        _ => return Err(WeakKey::Exponent),
    };
    if exponent < 65537 || exponent % 2 == 0 || exponent >= RSA_EXPONENT_LIMIT {
        return Err(WeakKey::Exponent);
    }
    Ok((KeyAlgorithm::Rsa(bits as u16), exponent))
}

/// RFC 5480 §2.1.1 and §2.2.
pub(super) fn curve(parameters: Option<Element<'_>>, key: &[u8]) -> Result<KeyAlgorithm, WeakKey> {
    let Some(Element { tag: OID, der, .. }) = parameters else { return Err(WeakKey::Parameters) };
    let (algorithm, octets) = match Reader::new(der).oid()? {
        oid::P256 => (KeyAlgorithm::P256, 65),
        oid::P384 => (KeyAlgorithm::P384, 97),
        other => return Err(WeakKey::Curve(oid::to_text(other))),
    };
    if key.len() != octets || key[0] != 0x04 {
        return Err(WeakKey::Point);
    }
    Ok(algorithm)
}

/// The smallest prime below 752 that divides the modulus: a sound one has none, so such a key is a mistake or a trap.
pub(super) fn small_factor(modulus: &[u8]) -> Option<u16> {
    let remainder =
        |prime: u16| modulus.iter().fold(0, |rest, octet| (rest << 8 | u32::from(*octet)) % u32::from(prime));
    SMALL_PRIMES.into_iter().find(|prime| remainder(*prime) == 0)
}

/// The 133 primes below 752.
pub(super) const SMALL_PRIMES: [u16; 133] = {
    let mut primes = [0; 133];
    let (mut found, mut candidate) = (0, 2);
    while found < primes.len() {
        let mut at = 0;
        while at < found && candidate % primes[at] != 0 {
            at += 1;
        }
        if at == found {
            primes[found] = candidate;
            found += 1;
        }
        candidate += 1;
    }
    primes
};
