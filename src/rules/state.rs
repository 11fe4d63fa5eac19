//! The states of a certificate (section 3.4).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a certificate is in its life. Time alone moves it to [`Expired`](Self::Expired); events decide the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateState {
    /// Serial number and content are stored, the signature not yet. It counts as issued: it can be revoked.
    Reserved,
    /// Issued, in effect.
    Live,
    /// 一時保留: suspended. Only AUTH may come back (C-08).
    Held,
    /// Revoked for good, also after its notAfter.
    Revoked,
    /// Reached its notAfter without being revoked (V-09).
    Expired,
}

impl CertificateState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 5] = [Self::Reserved, Self::Live, Self::Held, Self::Revoked, Self::Expired];

    /// Whether no event leads out of it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Revoked | Self::Expired)
    }

    /// The state in lower case, as in JSON and in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Live => "live",
            Self::Held => "held",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// The word names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state of a certificate is reserved, live, held, revoked or expired")]
pub struct UnknownState;

impl FromStr for CertificateState {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.word() == word).ok_or(UnknownState)
    }
}

impl fmt::Display for CertificateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_json_form() {
        for state in CertificateState::ALL {
            assert_eq!(state.word().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
        assert_eq!("Live".parse::<CertificateState>(), Err(UnknownState));
    }
}
