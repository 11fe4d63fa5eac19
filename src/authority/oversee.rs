//! What operators and auditors look at of the service as a whole: the sealed audit, and counts.

use serde::Serialize;

use super::{Actor, Authority, StoryError};
use crate::{
    audit::AuditEntry,
    kind::Kind,
    limits::AUDIT_PAGE,
    rules::CertificateState,
    x509::{UnixTime, hex::hex},
};

/// An entry of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealedEntry {
    /// Place in the chain, from 1, without gaps.
    pub position: u64,
    /// When.
    pub at: UnixTime,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To whom or what.
    pub subject: String,
    /// Further facts, the text as it was sealed; JSON by convention.
    pub detail: String,
    /// SHA-256 over it and all before it, in hexadecimal.
    pub seal: String,
}

impl From<AuditEntry> for SealedEntry {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { position, draft, seal, .. } = entry;
        Self {
            position,
            at: draft.at,
            actor: draft.actor,
            action: draft.action,
            subject: draft.subject,
            detail: draft.detail,
            seal: hex(&seal),
        }
    }
}

/// A page of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditPage {
    /// Entries in order.
    pub entries: Vec<SealedEntry>,
    /// Where the next page begins; none at the end of the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// How many certificates of a CA are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Which CA.
    pub kind: Kind,
    /// The recorded state; whether a live one has passed its notAfter is not counted.
    pub state: CertificateState,
    /// How many.
    pub count: u64,
}

impl Authority {
    /// Entries of the audit from a position on, a page of them.
    ///
    /// # Errors
    /// `T-08` unless an operator or an auditor asks; as for all reading.
    pub fn audit_entries(&self, actor: &Actor, from: u64) -> Result<AuditPage, StoryError> {
        actor.overseer()?;
        let entries = self.store().audit_after(from.saturating_sub(1), AUDIT_PAGE)?;
        let next = entries.last().filter(|_| entries.len() == AUDIT_PAGE).map(|last| last.position + 1);
        Ok(AuditPage { entries: entries.into_iter().map(SealedEntry::from).collect(), next })
    }

    /// How many certificates there are, by CA and state.
    ///
    /// # Errors
    /// `T-08` unless an operator or an auditor asks; as for all reading.
    pub fn counts(&self, actor: &Actor) -> Result<Vec<Count>, StoryError> {
        actor.overseer()?;
        let counts = self.store().counts()?;
        Ok(counts.into_iter().map(|one| Count { kind: one.kind, state: one.state, count: one.count }).collect())
    }
}
