//! Signing approvals with the key of a person's own credential.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::jws::{self, JwsError};
use crate::{
    audit::approval::{Header, Statement},
    ports::Signer,
    x509::{CertificateFault, CertificateView, KeyAlgorithm, SubjectPublicKey, WeakKey},
};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// The credential's certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// Its key cannot.
    #[error(transparent)]
    Key(#[from] WeakKey),
    /// Its key is of another kind.
    #[error("an approval is signed by a key on P-256, and this is {0}")]
    Algorithm(KeyAlgorithm),
    /// The certificate is another key's.
    #[error("the key and the certificate of the credential do not belong together")]
    OtherKey,
    /// The key did not sign.
    #[error(transparent)]
    Jws(#[from] JwsError),
}

/// Signs a statement with the key of the credential whose certificate, DER, this is: one line, without its end.
///
/// # Errors
/// [`ApprovalError`]; then there is none.
pub fn sign(statement: &Statement, certificate: &[u8], signer: &dyn Signer) -> Result<String, ApprovalError> {
    let key = SubjectPublicKey::from_der(CertificateView::from_der(certificate)?.tbs.spki)?;
    if key.algorithm() != KeyAlgorithm::P256 {
        return Err(ApprovalError::Algorithm(key.algorithm()));
    }
    if key.der() != signer.spki() {
        return Err(ApprovalError::OtherKey);
    }
    Ok(jws::sign(&Header::new(STANDARD.encode(certificate)), statement, signer)?)
}
