//! What the store keeps of holders' consents to disclosure.

use serde::{Deserialize, Serialize};

use super::HolderReference;
use crate::{
    rules::{ConsentScope, DraftNumber},
    x509::{Serial, UnixTime},
};

/// A holder's consent (同意) to a relying party, with what the holder signed. It belongs to the holder, not to the
/// certificate that signed it: it outlives renewals, new cards and moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRecord {
    /// The number of its text.
    pub number: DraftNumber,
    /// Who consented.
    pub holder: HolderReference,
    /// The relying party's name.
    pub party: String,
    /// What it may be told, in the order of [`ConsentScope::ALL`], none twice.
    pub scopes: Vec<ConsentScope>,
    /// The certificate that signed it.
    pub serial: Serial,
    /// When the service recorded it.
    pub given: UnixTime,
    /// Its last instant, unless it is ended before.
    pub ends: UnixTime,
    /// The text and the signature.
    pub declaration: SignedDeclaration,
    /// How it was ended before its time.
    pub ended: Option<ConsentEnd>,
}

/// What a holder signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDeclaration {
    /// SHA-256 of the text, which is good for one use.
    pub digest: [u8; 32],
    /// The signed message (CMS), DER, the text within.
    pub message: Vec<u8>,
}

/// The end of a consent before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentEnd {
    /// From when on nothing is disclosed under it.
    pub at: UnixTime,
    /// What ended it.
    pub cause: ConsentEndCause,
    /// The signed withdrawal; none at the counter, and where a newer consent took its place.
    pub declaration: Option<SignedDeclaration>,
}

/// What ends a consent before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentEndCause {
    /// The holder withdrew it.
    Withdrawn,
    /// The holder gave a newer one to the same relying party.
    Replaced,
}

impl ConsentEndCause {
    /// `withdrawn` or `replaced`, as in JSON and in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::Replaced => "replaced",
        }
    }

    /// The cause of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Withdrawn, Self::Replaced].into_iter().find(|cause| cause.word() == word)
    }
}

impl ConsentRecord {
    /// Whether it is as a new one must be: not ended, not over before it began, to something, and to nothing twice.
    #[must_use]
    pub fn is_new(&self) -> bool {
        let ordered = !self.scopes.is_empty() && self.scopes.is_sorted_by(|one, next| one < next);
        self.ended.is_none() && ordered && self.given <= self.ends
    }

    /// Whether it is in force at `at`.
    #[must_use]
    pub fn stands(&self, at: UnixTime) -> bool {
        self.ended.is_none() && at <= self.ends
    }

    /// Whether that party may be told this at `at`.
    #[must_use]
    pub fn allows(&self, party: &str, scope: ConsentScope, at: UnixTime) -> bool {
        self.party == party && self.scopes.contains(&scope) && self.stands(at)
    }
}
