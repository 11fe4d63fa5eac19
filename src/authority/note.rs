//! Noting that an authenticated client was turned away before any story began.

use super::{Actor, Authority, StoryError};
use crate::{audit::Draft, ports::Change};

/// Why a request never became a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// It could not be read.
    Malformed,
    /// It could be read, but not by this client or not under this key.
    Refused,
}

impl TurnedAway {
    /// The action of the audit entry.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Malformed => "request.malformed",
            Self::Refused => "request.refused",
        }
    }
}

impl Authority {
    /// Seals an audit entry that `actor` was turned away at `route` (`POST /v1/certificates`) by `rule`. Nothing of what was
    /// sent is in it. The caller bounds how often this happens: each is a commit.
    ///
    /// # Errors
    /// [`StoryError::Unavailable`] when the store cannot write now.
    pub fn note(&self, actor: &Actor, why: TurnedAway, route: &str, rule: &str) -> Result<(), StoryError> {
        let audit = Draft {
            at: self.parts().clock.now(),
            actor: actor.audit_name(),
            action: why.action().into(),
            subject: format!("route/{route}"),
            detail: serde_json::json!({ "rule": rule }).to_string(),
        };
        Ok(self.store().commit(Change { steps: Vec::new(), audit })?)
    }
}
