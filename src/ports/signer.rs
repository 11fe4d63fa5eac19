//! A private key that signs, wherever it lives.

use crate::x509::SignatureAlgorithm;

/// One private key.
///
/// The key never leaves the implementation. Signing is synchronous and may take milliseconds (RSA) or a round trip
/// (a token): callers keep it off the threads that accept connections. Calls may come from many threads at once.
pub trait Signer: Send + Sync {
    /// The one algorithm that this key signs with.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The public half: a DER SubjectPublicKeyInfo.
    fn spki(&self) -> &[u8];

    /// Signs `message`; the signature has the form that X.509 puts into its BIT STRING (PKCS#1 v1.5 octets, or the DER
    /// of an ECDSA-Sig-Value).
    ///
    /// # Errors
    /// [`SignerError`]; no signature was given out.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;

    /// Signs a message of which only the digest is at hand: SHA-256, or SHA-384 where the algorithm says so.
    ///
    /// # Errors
    /// As for [`Signer::sign`], and for a digest of another length.
    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError>;

    /// Whether the private half is gone, so that every signature fails: only of a CA generation that is declared compromised.
    fn is_lost(&self) -> bool {
        false
    }

    /// Asks where the key is whether it is there; signs only if the last signature failed, to know whether the next one would.
    ///
    /// # Errors
    /// [`SignerError`] while it is not.
    fn look(&self) -> Result<(), SignerError> {
        Ok(())
    }

    /// Whether the last signature failed.
    fn is_failing(&self) -> bool {
        false
    }

    /// Whether a signature takes so long that a thread which serves connections must not make it: more than P-256 takes in
    /// this process, about 20 µs.
    fn is_slow(&self) -> bool {
        self.algorithm() != SignatureAlgorithm::EcdsaP256Sha256
    }
}

/// The key did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The key is out of reach: no signature came from where it is, and the same octets may be signed later.
    #[error("the key did not sign: {0}")]
    Away(String),
    /// The key is there and signs not, or wrongly: trying again promises nothing.
    #[error("the key did not sign: {0}")]
    Failed(String),
}
