//! Audit entries and the seal that chains them.
//!
//! Each entry's seal is SHA-256 over its position, its predecessor's seal, its fields and what the change wrote, so that no entry
//! can be changed, dropped, inserted or moved without breaking every later seal. Entries carry no personal data: holders appear by
//! reference, contents by digest.

pub mod approval;
mod checkpoint;
mod examination;
pub mod lines;
mod marks;

use ring::digest;

pub use self::{
    checkpoint::{AuditKey, BadCheckpoint, Checkpoint, Misfit, NotAnAuditKey, TYPE},
    examination::{Examination, Finding, Known},
    marks::{Marks, Of},
};
use crate::x509::UnixTime;

/// A SHA-256 over an entry and all before it.
pub type Seal = [u8; 32];

/// The seal before the first entry.
pub const GENESIS: Seal = [0; 32];

/// Who did what to whom, when: an entry before it has its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// When.
    pub at: UnixTime,
    /// Who: `municipality/13115`, `operator/operator-1`, `system`.
    pub actor: String,
    /// What: `pair.reserved`, `certificate.revoked`, `request.refused`, …
    pub action: String,
    /// To whom or what: `holder/TEST-1`, `crl/sign/1/13115`.
    pub subject: String,
    /// Further facts, JSON by convention; no personal data.
    pub detail: String,
}

/// A sealed entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Place in the chain, from 1, without gaps.
    pub position: u64,
    /// What it tells.
    pub draft: Draft,
    /// What its change wrote, row by row (`ports/written.rs`); none for entries of before schema 10.
    pub written: Option<Vec<u8>>,
    /// The seal over it and everything before.
    pub seal: Seal,
}

/// The chain is broken at an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// A position is missing, doubled or out of order.
    #[error("entry {expected} is missing: entry {found} stands in its place")]
    Gap {
        /// The position that was due.
        expected: u64,
        /// The position that was there.
        found: u64,
    },
    /// The entry, or one before it, is not what was sealed.
    #[error("entry {0} is not what was sealed")]
    Seal(u64),
}

impl Draft {
    /// Gives the draft its place behind the entry sealed with `previous`, with what its change wrote.
    #[must_use]
    pub fn seal(self, written: Option<Vec<u8>>, position: u64, previous: &Seal) -> AuditEntry {
        let seal = seal(position, previous, &self, written.as_deref());
        AuditEntry { position, draft: self, written, seal }
    }
}

/// SHA-256 over position ‖ previous ‖ at ‖ each field with its length before it (all numbers 8 octets, big-endian); what the
/// change wrote goes in last, if it is told, by its own SHA-256: who checks the chain elsewhere needs no more of it.
fn seal(position: u64, previous: &Seal, draft: &Draft, written: Option<&[u8]>) -> Seal {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&position.to_be_bytes());
    hash.update(previous);
    hash.update(&draft.at.seconds().to_be_bytes());
    for field in [&draft.actor, &draft.action, &draft.subject, &draft.detail] {
        hash.update(&(field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    if let Some(written) = written {
        let written = digest::digest(&digest::SHA256, written);
        hash.update(&(written.as_ref().len() as u64).to_be_bytes());
        hash.update(written.as_ref());
    }
    let mut seal = GENESIS;
    seal.copy_from_slice(hash.finish().as_ref());
    seal
}

/// Follows the chain from the entry at `position` (0: the beginning) with seal `previous`, and gives its new end.
///
/// # Errors
/// [`BrokenChain`] at the first entry that does not follow.
pub fn follow<'a>(
    entries: impl IntoIterator<Item = &'a AuditEntry>,
    position: u64,
    previous: Seal,
) -> Result<(u64, Seal), BrokenChain> {
    entries.into_iter().try_fold((position, previous), |(position, previous), entry| {
        let expected = position + 1;
        if entry.position != expected {
            return Err(BrokenChain::Gap { expected, found: entry.position });
        }
        if seal(entry.position, &previous, &entry.draft, entry.written.as_deref()) != entry.seal {
            return Err(BrokenChain::Seal(entry.position));
        }
        Ok((entry.position, entry.seal))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<AuditEntry> {
        let mut previous = GENESIS;
        (1..=4)
            .map(|position| {
                let at = UnixTime::from_seconds(1_800_000_000 + position).unwrap();
                let word = |text: &str| format!("{text}{position}");
                let draft = Draft { at, actor: word("a"), action: word("b"), subject: word("c"), detail: word("d") };
                // Before schema 10 and after it.
                let entry = draft.seal((position > 2).then(|| vec![7]), position as u64, &previous);
                previous = entry.seal;
                entry
            })
            .collect()
    }

    #[test]
    fn a_whole_chain_is_followed_to_its_end() {
        let chain = chain();
        assert_eq!(follow(&chain, 0, GENESIS), Ok((4, chain[3].seal)));
        assert_eq!(follow(&chain[2..], 2, chain[1].seal), Ok((4, chain[3].seal)));
    }

    #[test]
    fn a_dropped_or_moved_entry_is_a_gap() {
        let mut dropped = chain();
        dropped.remove(1);
        assert_eq!(follow(&dropped, 0, GENESIS), Err(BrokenChain::Gap { expected: 2, found: 3 }));
        let mut moved = chain();
        moved.swap(1, 2);
        assert_eq!(follow(&moved, 0, GENESIS), Err(BrokenChain::Gap { expected: 2, found: 3 }));
    }

    #[test]
    fn every_edit_of_an_entry_breaks_its_seal() {
        let edits: [fn(&mut AuditEntry); 9] = [
            |entry| entry.draft.at = UnixTime::EPOCH,
            |entry| entry.draft.actor.push('x'),
            |entry| entry.draft.action.clear(),
            |entry| entry.draft.subject.push('x'),
            |entry| {
                // The same letters, cut elsewhere.
                let moved = entry.draft.detail.remove(0);
                entry.draft.subject.push(moved);
            },
            |entry| entry.seal[31] ^= 1,
            |entry| entry.written = None,
            |entry| entry.written = Some(Vec::new()),
            |entry| entry.written = Some(vec![7, 7]),
        ];
        for (number, edit) in edits.into_iter().enumerate() {
            let mut chain = chain();
            edit(&mut chain[2]);
            assert_eq!(follow(&chain, 0, GENESIS), Err(BrokenChain::Seal(3)), "edit {number}");
        }
    }
}
