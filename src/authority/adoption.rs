//! The policy of the configuration that is in force, and how another comes into force: by the approval of two operators.
//!
//! It stands in the store among the answers, sealed by the audit like everything there, under a name that no client can have: whoever
//! forgets answers in time must leave it, or the next start would be a first one. The first start adopts what it finds.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{
    Actor, DualControl, StoryError,
    approval::{Approved, Second},
    once::unreadable,
};
use crate::{
    audit::{Draft, approval::Content},
    ports::{AnswerRecord, Change, OWN_CLIENT, Step, Store},
    x509::UnixTime,
};

/// The name and key under which the store has it.
const PLACE: (&str, &str) = (OWN_CLIENT, "configuration");

/// A policy in force: `section.key` to value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// How many policies this service has had with it.
    pub number: u64,
    /// Since when it is in force.
    pub at: UnixTime,
    /// What it says.
    pub policy: BTreeMap<String, String>,
}

/// A policy that is to come into force.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// The one in force; none before the first start.
    pub adopted: Option<&'a Adopted>,
    /// What is to be in force.
    pub policy: &'a BTreeMap<String, String>,
    /// What is different, a line a key.
    pub changes: &'a [String],
}

/// The policy in force; none before the first start.
///
/// # Errors
/// As the store says.
pub fn adopted(store: &dyn Store) -> Result<Option<Adopted>, StoryError> {
    let Some(record) = store.answer(PLACE.0, PLACE.1)? else { return Ok(None) };
    let read = serde_json::from_slice(&record.outcome);
    read.map(Some).map_err(|error| unreadable("the policy in force", &error))
}

impl Proposal<'_> {
    /// Whether there is nothing to adopt.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.adopted.is_some() && self.changes.is_empty()
    }

    /// What is to be approved.
    #[must_use]
    pub fn content(&self) -> Content {
        Content::configuration(self.number(), self.changes)
    }

    /// Its number: an approval is of the change at that number, so that none is good twice.
    fn number(&self) -> u64 {
        self.adopted.map_or(1, |adopted| adopted.number.saturating_add(1))
    }

    /// Whether it may come into force at `now` with these approvals. `control` is that of the policy in force.
    ///
    /// # Errors
    /// `T-16`; otherwise as the store says.
    pub fn allowed(
        &self,
        (store, now): (&dyn Store, UnixTime),
        control: &DualControl,
        approvals: &[String],
    ) -> Result<Vec<Approved>, StoryError> {
        if self.adopted.is_none() || self.changes.is_empty() {
            return Ok(Vec::new());
        }
        control.judge((store, now), (&Actor::service(), Second::Operator), &self.content(), approvals)
    }

    /// Brings it into force.
    ///
    /// # Errors
    /// As the store says.
    pub fn adopt(&self, (store, now): (&dyn Store, UnixTime), approved: &[Approved]) -> Result<(), StoryError> {
        let fault = |error: serde_json::Error| StoryError::Fault(error.to_string());
        let adopted = Adopted { number: self.number(), at: now, policy: self.policy.clone() };
        let outcome = serde_json::to_vec(&adopted).map_err(fault)?;
        let content = self.content();
        let (client, key) = (PLACE.0.to_owned(), PLACE.1.to_owned());
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, &outcome).as_ref());
        let mut detail = serde_json::json!({
            "adoption": adopted.number, "changes": self.changes, "digest": content.digest(),
        });
        if self.adopted.is_none() {
            detail["policy"] = serde_json::json!(self.policy);
        }
        if !approved.is_empty() {
            detail["approvals"] = serde_json::json!(approved);
        }
        let audit = Draft {
            at: now,
            actor: Actor::service().audit_name(),
            action: "configuration.adopted".into(),
            subject: "configuration".into(),
            detail: detail.to_string(),
        };
        let mut steps = Vec::new();
        if self.adopted.is_some() {
            steps.push(Step::Forget { client: client.clone(), key: key.clone() });
        }
        steps.push(Step::Answer(AnswerRecord { client, key, digest: sha256, outcome }));
        Ok(store.commit(Change { steps, audit })?)
    }
}
