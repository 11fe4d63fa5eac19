//! Signed statements of a status: compact JWS (RFC 7515) by the key of the OCSP responder.
//!
//! ```text
//! header   {"alg":"ES256","typ":"jitsuin-status+jwt","x5c":[responder, CA]}
//! payload  iss aud iat, which certificate, at, known_at or position, state, events
//! ```
//!
//! Who keeps one has proof for years: the chain goes along, and the CA's own lists say whether the responder's certificate
//! was good when it signed (`iat`). The `typ` is of its own (RFC 8725 §3.11), so that no other token passes for a statement.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{responder::Delegate, state_at::StatusAt};
use crate::{
    kind::Kind,
    ports::SignerError,
    x509::{CertificateFault, CertificateView, Serial, UnixTime, der::DerError, jws},
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
    let x5c = [STANDARD.encode(delegate.certificate()), STANDARD.encode(ca)];
    let header = Header { alg: jws::algorithm(algorithm), typ: TYPE, x5c };
    let input = jws::signing_input(&header, claims)?;
    let signature = delegate.signer().sign(input.as_bytes())?;
    Ok(jws::complete(&input, algorithm, signature)?)
}
