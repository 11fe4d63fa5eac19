//! Reports that are signed with the audit key.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{
    super::{checkpoints::AUDIT, failure::Failure, files, layout::Layout},
    standing::audit_signer,
};
use crate::{ca, config::Config, x509::jws};

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'a str,
    x5c: [String; 1],
}

/// Signs a report as compact JWS (RFC 7515) of that `typ`, with the audit key of the service in `directory` and its certificate;
/// none if the service has no such key.
///
/// # Errors
/// [`Failure`].
pub fn sign_report(
    directory: &Path,
    passphrase: &str,
    typ: &str,
    report: &impl Serialize,
) -> Result<Option<String>, Failure> {
    let config = Config::load(&Layout::configuration(directory)).map_err(Failure::refused)?;
    let layout = Layout::new(directory, &config);
    let Some(signer) = audit_signer(&layout, passphrase)? else { return Ok(None) };
    let certificate = files::read_certificate(&layout.certificate(AUDIT)).map_err(Failure::refused)?;
    let header = Header { alg: jws::algorithm(signer.algorithm()), typ, x5c: [STANDARD.encode(certificate)] };
    ca::jws::sign(&header, report, &*signer).map(Some).map_err(Failure::fault)
}
