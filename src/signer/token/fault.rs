//! What goes wrong with a token.

use std::{fmt, path::PathBuf};

use cryptoki::error::{Error, RvError};

use super::pin::PinError;

/// Why a key in a token does not sign. Never shows any of a PIN.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The module cannot be loaded.
    #[error("the PKCS#11 module {} cannot be loaded: {cause}", .path.display())]
    Module {
        /// The file.
        path: PathBuf,
        /// What the system or the module said.
        cause: String,
    },
    /// No token in any slot is the one that is named.
    #[error("there is no token {wanted}; {present}")]
    Absent {
        /// What the URI says of it.
        wanted: String,
        /// What is there instead.
        present: String,
    },
    /// Several tokens are.
    #[error("there are several tokens {wanted}; name one by its serial number too (serial=)")]
    Ambiguous {
        /// What the URI says of it.
        wanted: String,
    },
    /// There is no PIN.
    #[error("the PIN of the token {token}: {cause}")]
    NoPin {
        /// Its label.
        token: String,
        /// Why.
        #[source]
        cause: PinError,
    },
    /// The token refused the PIN, or refuses every PIN.
    #[error("the token {token} refuses the PIN ({said}); it was tried once and will not be tried again")]
    PinRefused {
        /// Its label.
        token: String,
        /// What it said.
        said: String,
    },
    /// The same PIN was refused before.
    #[error("the token {token} refused this PIN before; correct its source: the same one is never tried twice")]
    PinRefusedBefore {
        /// Its label.
        token: String,
    },
    /// One more wrong PIN locks the token: a program does not make this try.
    #[error("the token {token} {state}; log in to it by hand, with its vendor's tool, before this service does")]
    LastTry {
        /// Its label.
        token: String,
        /// `is locked` or `allows one last try of its PIN`.
        state: &'static str,
    },
    /// The token has no such private key, or does not show it.
    #[error("the token has no private key {wanted}")]
    KeyAbsent {
        /// What the URI says of it.
        wanted: String,
    },
    /// It has several.
    #[error("the token has several private keys {wanted}; name one by label and identifier (object=, id=)")]
    KeyAmbiguous {
        /// What the URI says of it.
        wanted: String,
    },
    /// The private key is there, its public half is not, or not one alone.
    #[error("the token has no public key beside the private key {wanted} (with the same CKA_ID)")]
    PublicAbsent {
        /// What the URI says of it.
        wanted: String,
    },
    /// The key is of another type, or its attributes make no sense.
    #[error("the key {wanted} is not one that this service signs with: {cause}")]
    Unsupported {
        /// What the URI says of it.
        wanted: String,
        /// What it is instead.
        cause: String,
    },
    /// A signature does not verify under the public key that stands beside the private key.
    #[error("the token made a signature that does not verify under the public key beside the private key")]
    BadSignature,
    /// Every session was busy for so long that the token must be taken for stuck (`limits::TOKEN_WAIT`).
    #[error("the token is stuck: all {0} sessions were busy for too long")]
    Busy(usize),
    /// A call has been inside the module for so long that the module cannot be begun anew (`limits::TOKEN_RENEWAL_WAIT`).
    #[error("the module shows no token, and an earlier call to it has not come back")]
    Hangs,
    /// Any other answer of the module.
    #[error("{0}")]
    Answer(Answer),
}

/// What a module answered other than yes.
#[derive(Debug)]
pub struct Answer(Error);

impl fmt::Display for Answer {
    /// By the name of the code: the driver's own texts are paragraphs of the standard.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Error::Pkcs11(said, function) => write!(f, "the module answered {said:?} to C_{function:?}"),
            other => write!(f, "the module's answer makes no sense: {other}"),
        }
    }
}

impl std::error::Error for Answer {}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self::Answer(Answer(error))
    }
}

impl TokenError {
    /// Whether a new session may mend it.
    ///
    /// Why so wide: modules disagree on what they say when a session, the login or the token is gone
    /// (CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_DEVICE_ERROR, CKR_KEY_HANDLE_INVALID, codes of their own). What
    /// certainly is no such thing is what they say of the key, the mechanism and the octets.
    pub(super) fn may_mend(&self) -> bool {
        use RvError::{
            ActionProhibited, DataInvalid, DataLenRange, FunctionNotSupported, KeyFunctionNotPermitted, KeySizeRange,
            KeyTypeInconsistent, MechanismInvalid, MechanismParamInvalid,
        };
        match self {
            Self::Answer(Answer(Error::Pkcs11(said, _))) => !matches!(
                said,
                ActionProhibited
                    | DataInvalid
                    | DataLenRange
                    | FunctionNotSupported
                    | KeyFunctionNotPermitted
                    | KeySizeRange
                    | KeyTypeInconsistent
                    | MechanismInvalid
                    | MechanismParamInvalid
            ),
            _ => false,
        }
    }

    /// Whether every session of the process with the token has ended, as far as the standard says so.
    pub(super) fn is_of_all_sessions(&self) -> bool {
        use RvError::{CryptokiNotInitialized, DeviceRemoved, SessionClosed, SessionHandleInvalid, TokenNotPresent};
        let Self::Answer(Answer(Error::Pkcs11(said, _))) = self else { return false };
        matches!(said, CryptokiNotInitialized | DeviceRemoved | SessionClosed | SessionHandleInvalid | TokenNotPresent)
    }

    /// The code that the module answered, if that is what this is.
    #[cfg(test)]
    pub(super) fn answered(&self) -> Option<RvError> {
        match self {
            Self::Answer(Answer(Error::Pkcs11(said, _))) => Some(*said),
            _ => None,
        }
    }

    /// A module's answer, for tests of what follows from it.
    #[cfg(test)]
    pub(super) fn said(code: RvError) -> Self {
        Error::Pkcs11(code, cryptoki::context::Function::Sign).into()
    }
}
