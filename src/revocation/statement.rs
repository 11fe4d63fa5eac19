//! Signed statements of a status: compact JWS (RFC 7515) by the key of the OCSP responder.
//!
//! ```text
//! header   {"alg":"ES256","typ":"jitsuin-status+jwt","x5c":[responder, CA]}
//! payload  iss aud iat, which certificate, at, known_at or position, state, events
//! ```
//!
//! Who keeps one has proof for years: the chain goes along, and the CA's own lists say whether the responder's certificate
//! was good when it signed (`iat`). The `typ` is of its own (RFC 8725 §3.11), so that no other token passes for a statement.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Serialize;

use super::{responder::Delegate, state_at::StatusAt};
use crate::{
    kind::Kind,
    ports::SignerError,
    x509::{
        CertificateFault, CertificateView, Serial, SignatureAlgorithm, UnixTime,
        der::{DerError, Reader},
    },
};

/// The `typ` of a statement.
pub const TYPE: &str = "jitsuin-status+jwt";

/// What is stated. Times are RFC 3339 in UTC, except `iat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// Who states it: the public address of the service.
    pub iss: String,
    /// To whom: the relying party's name.
    pub aud: String,
    /// When, in seconds since 1970 (RFC 7519 §4.1.6).
    pub iat: i64,
    /// Which CA.
    pub kind: Kind,
    /// Which generation of it.
    pub generation: u8,
    /// SHA-256 of the CA's public key as CertIDs have it (RFC 6960 §4.1.1 issuerKeyHash), hex.
    pub issuer_key_sha256: String,
    /// The serial number.
    pub serial: Serial,
    /// First instant of validity.
    pub not_before: UnixTime,
    /// Last instant of validity.
    pub not_after: UnixTime,
    /// The state.
    #[serde(flatten)]
    pub status: StatusAt,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The responder's certificate is not valid now.
    #[error("the certificate of the OCSP responder is not valid now")]
    NotValid,
    /// The responder's certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The key gave no ECDSA-Sig-Value of its curve.
    #[error("the signature is none of the key's algorithm: {0}")]
    Signature(#[from] DerError),
    /// The claims are no JSON.
    #[error("the claims cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
    x5c: [String; 2],
}

/// Signs the claims at `now` with the responder that speaks for the CA whose certificate, DER, is `ca`.
///
/// # Errors
/// [`StatementError`]; then there is no statement.
pub fn sign(claims: &Claims, delegate: &Delegate, ca: &[u8], now: UnixTime) -> Result<String, StatementError> {
    let responder = CertificateView::from_der(delegate.certificate())?.tbs;
    if now < responder.not_before || responder.not_after <= now {
        return Err(StatementError::NotValid);
    }
    let algorithm = delegate.signer().algorithm();
    let header =
        Header { alg: name(algorithm), typ: TYPE, x5c: [STANDARD.encode(delegate.certificate()), STANDARD.encode(ca)] };
    let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    let input = format!("{}.{}", part(serde_json::to_vec(&header)?), part(serde_json::to_vec(claims)?));
    let signature = delegate.signer().sign(input.as_bytes())?;
    let signature = match coordinate(algorithm) {
        None => signature,
        Some(octets) => concatenated(&signature, octets)?,
    };
    Ok(format!("{input}.{}", part(signature)))
}

/// RFC 7518 §3.1.
const fn name(algorithm: SignatureAlgorithm) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_and_s_get_their_zeros_back_and_lose_those_of_der() {
        let der = b"\x30\x08\x02\x01\x05\x02\x03\x00\x80\x01";
        assert_eq!(concatenated(der, 4).unwrap(), [0, 0, 0, 5, 0, 0, 0x80, 1]);
    }

    #[test]
    fn what_is_no_signature_of_the_curve_is_not_passed_on() {
        let too_long = b"\x30\x08\x02\x03\x01\x02\x03\x02\x01\x05";
        assert!(concatenated(too_long, 2).is_err());
        for broken in [&b""[..], b"\x30\x03\x02\x01\x05", b"\x30\x06\x02\x01\x05\x02\x01\x05\x00", b"\x04\x01\x05"] {
            assert!(concatenated(broken, 32).is_err(), "{broken:?}");
        }
    }
}
