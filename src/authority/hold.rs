//! The stories of a lost card: hold (一時停止), and release (一時停止解除) when it is found.

use serde::Deserialize;

use super::{
    Actor, Authority, Once, StoryError,
    end::{Effects, Strike},
    revoke::on_card,
};
use crate::{
    kind::Kind,
    ports::{CardNumber, Change, Role, Step},
    rules::{Cause, Refusal},
};

/// What is sent to hold or release the certificates of a card.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// The card.
    pub card: CardNumber,
}

impl Authority {
    /// Holds both certificates of a lost card (rule R-21). A municipality or an operator (the telephone desk) may.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says.
    pub fn hold(&self, actor: &Actor, once: &Once, request: &HoldRequest) -> Result<Effects, StoryError> {
        self.suspend(actor, once, request, Cause::CardLost)
    }

    /// Ends the hold of a found card (rule R-22): AUTH comes back to life by policy, SIGN is revoked (C-08). Only at the
    /// counter, never by telephone.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says.
    pub fn release(&self, actor: &Actor, once: &Once, request: &HoldRequest) -> Result<Effects, StoryError> {
        self.suspend(actor, once, request, Cause::CardFound)
    }

    fn suspend(&self, actor: &Actor, once: &Once, request: &HoldRequest, cause: Cause) -> Result<Effects, StoryError> {
        let subject = format!("card/{}", request.card);
        self.tell(actor, once, &subject, |telling| {
            let dossier = self.dossier_of_card(&request.card)?;
            if cause == Cause::CardFound || actor.role() != Some(Role::Operator) {
                actor.municipality_of(&dossier.holder)?;
            }
            let mut card = on_card(dossier.clone(), &request.card);
            if cause == Cause::CardFound {
                // What was issued or ended since the hold is not touched by its release.
                card.certificates.retain(|one| one.state == crate::rules::CertificateState::Held);
            }
            let strike = Strike { cause, kinds: &Kind::BOTH, event_day: None };
            let (mut steps, effects) = strike.decide(self, telling, &card)?;
            if effects.changes.is_empty() {
                let nothing_live =
                    || Refusal::new("R-21", "no certificate of this card is live; nothing is left to hold");
                return Err(if cause == Cause::CardLost { nothing_live() } else { nothing_held() }.into());
            }
            steps.push(Step::Holder(dossier.holder));
            steps.push(telling.answer(&effects)?);
            let action = if cause == Cause::CardLost { "certificate.held" } else { "certificate.released" };
            let detail = serde_json::to_string(&effects).map_err(|error| StoryError::Fault(error.to_string()))?;
            self.store().commit(Change { steps, audit: telling.audit(action, &subject, detail) })?;
            Ok(effects)
        })
    }
}

/// There is nothing to release.
pub(super) fn nothing_held() -> Refusal {
    Refusal::new("R-22", "no certificate of this card is held; there is nothing to release")
}
