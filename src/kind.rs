//! The two kinds of certificate on a card, which are also the two certificate authorities.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// 署名用 (signing) or 利用者証明用 (user authentication).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// 署名用電子証明書: digital signature and non-repudiation, carries the four facts.
    Sign,
    /// 利用者証明用電子証明書: authentication, carries none of them.
    Auth,
}

impl Kind {
    /// Both kinds, AUTH first: it bounds SIGN (rule V-03), so it is decided and issued first.
    pub const BOTH: [Self; 2] = [Self::Auth, Self::Sign];

    /// The number of the CA in serial numbers, in the store and on the wire (1 octet).
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Sign => 1,
            Self::Auth => 2,
        }
    }

    /// The kind with that number.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Sign),
            2 => Some(Self::Auth),
            _ => None,
        }
    }

    /// `sign` or `auth`, as in URLs, file names and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Auth => "auth",
        }
    }

    /// `署名用` or `利用者証明用`.
    #[must_use]
    pub const fn word_ja(self) -> &'static str {
        match self {
            Self::Sign => "署名用",
            Self::Auth => "利用者証明用",
        }
    }

    /// The other certificate of the pair.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Sign => Self::Auth,
            Self::Auth => Self::Sign,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        match word {
            "sign" => Ok(Self::Sign),
            "auth" => Ok(Self::Auth),
            _ => Err(UnknownKind),
        }
    }
}

/// The word is neither `sign` nor `auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kind of certificate is `sign` or `auth`")]
pub struct UnknownKind;
