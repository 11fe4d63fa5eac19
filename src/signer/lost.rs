//! A key that is gone: it says whose it was, and signs nothing.

use crate::{
    ports::{Signer, SignerError},
    x509::{CertificateFault, CertificateView, SignatureAlgorithm},
};

/// The public half of a key whose private half nobody has any more.
pub struct LostKey {
    spki: Vec<u8>,
    algorithm: SignatureAlgorithm,
}

impl LostKey {
    /// The key of a self-signed certificate, DER.
    ///
    /// # Errors
    /// [`CertificateFault`] if it cannot be read.
    pub fn of(certificate: &[u8]) -> Result<Self, CertificateFault> {
        let tbs = CertificateView::from_der(certificate)?.tbs;
        Ok(Self { spki: tbs.spki.to_vec(), algorithm: tbs.algorithm })
    }
}

impl Signer for LostKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn spki(&self) -> &[u8] {
        &self.spki
    }

    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Failed("it is lost".into()))
    }

    fn sign_digest(&self, _digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        Err(SignerError::Failed("it is lost".into()))
    }

    fn is_lost(&self) -> bool {
        true
    }
}
