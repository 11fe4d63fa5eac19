//! A private key in a token (PKCS#11): a hardware security module, or SoftHSM in its stead.
//!
//! The token gets digests, never messages: a list of 500 MB is hashed here. Every signature is verified under the public
//! key before it is given out: what a failing token makes is worse than nothing, for it may tell of the key. The token
//! does not wait for that: its session is free by then.
//!
//! | what happens | what follows |
//! |---|---|
//! | a session, the login or the token is lost | one new session, then the signature; else [`SignerError`], and the next call begins anew |
//! | the token refuses the PIN | nobody in the process tries the same PIN on it again |
//! | the token allows one last try of its PIN | it is left to a person |
//! | no session is free for [`TOKEN_WAIT`] | [`SignerError`]: a token that is stuck piles up no threads |
//! | the module shows no token any more | it is ended and begun anew, once nobody is inside: some modules find a device that was away only so |
//! | a signature does not verify | [`SignerError`]; the next call looks for the key anew |

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::{
    digest::{Digest, SHA256, SHA384},
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        VerificationAlgorithm,
    },
};

use crate::{
    limits::TOKEN_WAIT,
    ports::{Signer, SignerError},
    x509::{SignatureAlgorithm, SubjectPublicKey},
};

mod fault;
mod library;
mod life;
pub mod making;
pub mod pin;
mod public;
mod sessions;
pub mod uri;

pub use fault::{Answer, TokenError};
pub use pin::{Pin, PinError, PinSource};
pub use uri::{TokenUri, UriError};

use library::{Connection, Place};
use sessions::Sessions;

/// What a key signs when it is found. No CertificateTBS, list or answer: those are SEQUENCEs and begin with 0x30.
const TRIAL: &[u8] = b"jitsuin: trial of a key when it is found";

/// A [`Signer`] whose key lies in a token.
pub struct TokenSigner {
    uri: TokenUri,
    public: SubjectPublicKey,
    check: ParsedPublicKey,
    sessions: Sessions<Connection>,
    /// Signatures that failed since the last one that was made.
    failed: AtomicU64,
}

impl TokenSigner {
    /// Finds the key and tries it. It signs on at most `most` sessions at once, or fewer if the token has no more.
    ///
    /// # Errors
    /// [`TokenError`]: the module, the token, the PIN or the key is not as it should be.
    pub fn open(uri: TokenUri, pins: Arc<dyn PinSource>, most: usize) -> Result<Self, TokenError> {
        let place = Place::new(uri.clone(), pins)?;
        let keyed = place.enter()?;
        let inside = place.with(&keyed)?;
        let public = public::read(&keyed, &uri);
        let closed = keyed.session.close();
        drop(inside);
        let public = public?;
        closed?;
        let algorithm = public.signature_algorithm();
        let check =
            ParsedPublicKey::new(verification(algorithm), public.key()).map_err(|_| TokenError::BadSignature)?;
        let most = place.sessions()?.map_or(most, |own| own.min(most));
        let connection = Connection { place, algorithm };
        let sessions = Sessions::new(connection, most, TOKEN_WAIT);
        let signer = Self { uri, public, check, sessions, failed: AtomicU64::new(0) };
        signer.signed(ring::digest::digest(algorithm.digest(), TRIAL).as_ref())?;
        Ok(signer)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &SubjectPublicKey {
        &self.public
    }

    /// A signature over a digest of the right length, verified.
    fn signed(&self, digest: &[u8]) -> Result<Vec<u8>, TokenError> {
        let algorithm = self.algorithm();
        let signature = public::output(algorithm, self.sessions.sign(&public::input(algorithm, digest))?);
        let hash = if algorithm == SignatureAlgorithm::EcdsaP384Sha384 { &SHA384 } else { &SHA256 };
        let verified =
            Digest::import_less_safe(digest, hash).and_then(|digest| self.check.verify_digest_sig(&digest, &signature));
        verified.map(|()| signature).map_err(|_| {
            // A module that lost its device and found it again may have given the number of our key to another.
            self.sessions.distrust();
            TokenError::BadSignature
        })
    }

    /// Says what failed, and when it is over, without a line for each: a token that is away fails every request.
    fn tell(&self, signed: &Result<Vec<u8>, TokenError>) {
        match signed {
            Ok(_) if self.failed.load(Ordering::Relaxed) == 0 => {}
            Ok(_) => {
                let failures = self.failed.swap(0, Ordering::Relaxed);
                if failures > 0 {
                    tracing::info!(key = %self.uri, failures, "a key in a token signs again");
                }
            }
            Err(error) => {
                let failures = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
                if failures.is_power_of_two() {
                    tracing::error!(cause = %error, key = %self.uri, failures, "a key in a token did not sign");
                }
            }
        }
    }
}

fn verification(algorithm: SignatureAlgorithm) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        SignatureAlgorithm::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::EcdsaP256Sha256 => &ECDSA_P256_SHA256_ASN1,
        SignatureAlgorithm::EcdsaP384Sha384 => &ECDSA_P384_SHA384_ASN1,
    }
}

impl Signer for TokenSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.public.signature_algorithm()
    }

    fn spki(&self) -> &[u8] {
        self.public.der()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.sign_digest(ring::digest::digest(self.algorithm().digest(), message).as_ref())
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        let wanted = self.algorithm().digest().output_len();
        if digest.len() != wanted {
            return Err(SignerError::Failed(format!("the digest has {} octets, not {wanted}", digest.len())));
        }
        let signed = self.signed(digest);
        self.tell(&signed);
        signed.map_err(|error| match error {
            TokenError::BadSignature => SignerError::Failed(error.to_string()),
            // Whatever else it is, no signature came out, and a token that is mended makes it.
            _ => SignerError::Away(error.to_string()),
        })
    }

    fn look(&self) -> Result<(), SignerError> {
        if self.is_failing() {
            return self.sign(TRIAL).map(drop);
        }
        self.sessions.device().place.sees().map_err(|error| SignerError::Away(error.to_string()))
    }

    fn is_failing(&self) -> bool {
        self.failed.load(Ordering::Relaxed) > 0
    }

    /// A round trip to a token is long even where the arithmetic is short.
    fn is_slow(&self) -> bool {
        true
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSigner").field("uri", &self.uri.to_string()).finish_non_exhaustive()
    }
}
