//! Signing compact JWS (RFC 7515): the one place that asks a [`Signer`] for one, but for the statements of responders.

use serde::Serialize;

use crate::{
    ports::{Signer, SignerError},
    x509::{der::DerError, jws},
};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum JwsError {
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The key gave no signature of its curve.
    #[error("the signature is none of the key's algorithm: {0}")]
    Signature(#[from] DerError),
    /// What was to be signed is no JSON.
    #[error("what is to be signed cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// The JWS of this header and payload, by that key. The header's `alg` is the caller's to set.
///
/// # Errors
/// [`JwsError`]; then there is none.
pub fn sign(header: &impl Serialize, payload: &impl Serialize, signer: &dyn Signer) -> Result<String, JwsError> {
    complete(&jws::signing_input(header, payload)?, signer)
}

/// The JWS of what [`jws::signing_input`] made.
///
/// # Errors
/// As for [`sign`].
pub fn complete(input: &str, signer: &dyn Signer) -> Result<String, JwsError> {
    Ok(jws::complete(input, signer.algorithm(), signer.sign(input.as_bytes())?)?)
}
