//! Compact JWS (RFC 7515 §3.1): the one form in which this service signs JSON instead of DER.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{
    BadSignature, SignatureAlgorithm, SubjectPublicKey,
    der::{self, DerError, Reader, SEQUENCE},
};

/// The `alg` of a signature (RFC 7518 §3.1).
#[must_use]
pub const fn algorithm(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => "RS256",
        SignatureAlgorithm::EcdsaP256Sha256 => "ES256",
        SignatureAlgorithm::EcdsaP384Sha384 => "ES384",
    }
}

/// Octets of r and of s; none for RSA.
const fn coordinate(algorithm: SignatureAlgorithm) -> Option<usize> {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => None,
        SignatureAlgorithm::EcdsaP256Sha256 => Some(32),
        SignatureAlgorithm::EcdsaP384Sha384 => Some(48),
    }
}

/// Header and payload as they are signed.
///
/// # Errors
/// If one of them is no JSON.
pub fn signing_input(header: &impl Serialize, payload: &impl Serialize) -> Result<String, serde_json::Error> {
    let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    Ok(format!("{}.{}", part(serde_json::to_vec(header)?), part(serde_json::to_vec(payload)?)))
}

/// The JWS of what was signed, with the signature as certificates have it.
///
/// # Errors
/// [`DerError`] unless it is a signature of that algorithm.
pub fn complete(input: &str, algorithm: SignatureAlgorithm, signature: Vec<u8>) -> Result<String, DerError> {
    let signature = match coordinate(algorithm) {
        None => signature,
        Some(octets) => concatenated(&signature, octets)?,
    };
    Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The header, JSON, of what may be a JWS: who reads it learns whose key to ask, and nothing that is proven.
///
/// # Errors
/// [`BadSignature`] unless there are three parts, of which the first is base64url.
pub fn unproven_header(text: &str) -> Result<Vec<u8>, BadSignature> {
    let mut parts = text.split('.');
    let header = parts.next().filter(|_| parts.by_ref().count() == 2).ok_or(BadSignature)?;
    URL_SAFE_NO_PAD.decode(header).map_err(|_| BadSignature)
}

/// Header and payload, JSON, of a JWS that this key signed. Whether the header's `alg` and `typ` are what they should be is the
/// reader's to see; the algorithm is the key's own in any case.
///
/// # Errors
/// [`BadSignature`] for anything else.
pub fn open(text: &str, key: &SubjectPublicKey) -> Result<(Vec<u8>, Vec<u8>), BadSignature> {
    let (input, signature) = text.rsplit_once('.').ok_or(BadSignature)?;
    let (header, payload) = input.split_once('.').ok_or(BadSignature)?;
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| BadSignature);
    let (algorithm, signature) = (key.signature_algorithm(), part(signature)?);
    let signature = match coordinate(algorithm) {
        None => signature,
        Some(octets) => parted(&signature, octets)?,
    };
    key.verify(algorithm, input.as_bytes(), &signature)?;
    Ok((part(header)?, part(payload)?))
}

/// ECDSA-Sig-Value as r ‖ s, each with its zeros in front (RFC 7518 §3.4).
fn concatenated(signature: &[u8], octets: usize) -> Result<Vec<u8>, DerError> {
    let mut reader = Reader::new(signature);
    let (r, s) = reader.sequence(|inner| Ok::<_, DerError>((inner.integer()?, inner.integer()?)))?;
    reader.finish()?;
    let mut joined = vec![0; 2 * octets];
    for (half, number) in joined.chunks_exact_mut(octets).zip([r, s]) {
        let digits = number.strip_prefix(&[0]).unwrap_or(number);
        let from = octets.checked_sub(digits.len()).ok_or(DerError::Content("INTEGER"))?;
        half[from..].copy_from_slice(digits);
    }
    Ok(joined)
}

/// r ‖ s as ECDSA-Sig-Value.
fn parted(joined: &[u8], octets: usize) -> Result<Vec<u8>, BadSignature> {
    if joined.len() != 2 * octets {
        return Err(BadSignature);
    }
    Ok(der::build(SEQUENCE, |out| joined.chunks_exact(octets).for_each(|half| der::unsigned_integer(out, half))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_and_s_get_their_zeros_back_and_lose_those_of_der() {
        let der = b"\x30\x08\x02\x01\x05\x02\x03\x00\x80\x01";
        assert_eq!(concatenated(der, 4).unwrap(), [0, 0, 0, 5, 0, 0, 0x80, 1]);
        assert_eq!(parted(&[0, 0, 0, 5, 0, 0, 0x80, 1], 4).unwrap(), der);
    }

    #[test]
    fn what_is_no_signature_of_the_curve_is_not_passed_on() {
        let too_long = b"\x30\x08\x02\x03\x01\x02\x03\x02\x01\x05";
        assert!(concatenated(too_long, 2).is_err());
        for broken in [&b""[..], b"\x30\x03\x02\x01\x05", b"\x30\x06\x02\x01\x05\x02\x01\x05\x00", b"\x04\x01\x05"] {
            assert!(concatenated(broken, 32).is_err(), "{broken:?}");
        }
        for broken in [&[][..], &[1; 63], &[1; 65]] {
            assert_eq!(parted(broken, 32), Err(BadSignature), "{broken:?}");
        }
    }
}
