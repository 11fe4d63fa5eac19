//! Blinds: why nobody who has the audit learns from it what a row said that is no longer there.
//!
//! A digest of few possibilities is as good as what it was made from: a day of birth is found by trying forty thousand days. So the
//! content of an item that is about a person is a commitment: the SHA-256 of sixteen random octets and of the digest of the
//! record. The octets, the blind, lie in the row and nowhere else. As long as the row is there, whoever has the table can hold it
//! against the chain; when the row goes, its blind goes with it, and what the audit keeps is as good as random.
//!
//! Every write of such a row has a new blind. Rows that were written before schema 14 have none until they are written again:
//! their items stay what was sealed.
//!
//! What is about no person has no blind, nor has a certificate: its digest is over a public key and a signature, which nobody
//! guesses; who has them has the certificate.

use super::{super::Step, Digest};

/// Random octets that hide what an item is the digest of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Blind([u8; Self::OCTETS]);

impl Blind {
    /// How many octets.
    pub const OCTETS: usize = 16;

    /// These octets, which must be random and used for nothing else.
    #[must_use]
    pub const fn new(octets: [u8; Self::OCTETS]) -> Self {
        Self(octets)
    }

    /// So many blinds out of random octets.
    #[must_use]
    pub fn cut(octets: &[u8]) -> Vec<Self> {
        octets.as_chunks().0.iter().copied().map(Self).collect()
    }

    /// For the row.
    #[must_use]
    pub const fn octets(&self) -> &[u8; Self::OCTETS] {
        &self.0
    }
}

impl std::fmt::Debug for Blind {
    /// Shows nothing of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Blind")
    }
}

/// Whether what a step writes is about a person, so that its row has a blind.
#[must_use]
pub const fn is_blinded(step: &Step) -> bool {
    match step {
        Step::Holder(_)
        | Step::Card(_)
        | Step::Answer(_)
        | Step::Consent(_)
        | Step::Disclosure { .. }
        | Step::Register(_)
        | Step::Deadline { day: Some(_), .. }
        | Step::Notice(_)
        | Step::Application(_)
        | Step::RegisterText(_) => true,
        Step::Exception(record) => record.version == 0,
        _ => false,
    }
}

impl Digest {
    /// What an item says of a record with this digest, in a row with this blind; in a row without one the digest itself.
    #[must_use]
    pub fn under(self, blind: Option<Blind>) -> Self {
        blind.map_or(self, |blind| Self::octets(&[&blind.0[..], self.as_ref()].concat()))
    }
}
