//! The stories of a lost card: hold (一時停止), and release (一時停止解除) when it is found.

use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::{
    Actor, Authority, Once, StoryError,
    end::{Effects, Held, HoldEffect, HoldReceipt, Strike},
    revoke::on_card,
};
use crate::{
    kind::Kind,
    ports::{CardNumber, Change, Dossier, Role, Step},
    rules::{Cause, CertificateState, Event, Refusal, decide_transition},
};

/// What is sent to hold or release the certificates of a card.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// The card.
    pub card: CardNumber,
}

impl Authority {
    /// Holds both certificates of a lost card (rule R-21). A municipality may for its residents; the call centre, which does
    /// nothing else, and an operator for anybody.
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

    /// What a hold did to one kind of the card, and what its release will do by the rules.
    fn held(&self, kind: Kind, effects: &Effects, card: &Dossier) -> HoldEffect {
        let is_released = || {
            let release = decide_transition(kind, CertificateState::Held, Event::Release, &self.parts().policy);
            release.is_ok_and(|release| release.to() == CertificateState::Live)
        };
        let was_held = |now| {
            let of_kind = |one: &&crate::ports::CertificateRecord| one.kind == kind && one.is_current(now);
            card.certificates.iter().filter(of_kind).any(|one| one.state == CertificateState::Held)
        };
        let effect = match effects.changes.iter().any(|change| change.kind == kind) {
            true if is_released() => Held::Releasable,
            true => Held::Final,
            false if was_held(effects.recorded_at) => Held::HeldBefore,
            false => Held::Nothing,
        };
        HoldEffect { kind, effect }
    }

    fn suspend(&self, actor: &Actor, once: &Once, request: &HoldRequest, cause: Cause) -> Result<Effects, StoryError> {
        let subject = format!("card/{}", request.card);
        self.tell(actor, once, &subject, |telling| {
            let dossier = self.dossier_of_card(&request.card)?;
            let by_telephone = matches!(actor.role(), Some(Role::Operator | Role::CallCentre));
            if cause == Cause::CardFound || !by_telephone {
                actor.municipality_of(&dossier.holder)?;
            }
            let mut card = on_card(dossier.clone(), &request.card);
            if cause == Cause::CardFound {
                // What was issued or ended since the hold is not touched by its release.
                card.certificates.retain(|one| one.state == CertificateState::Held);
            }
            let strike = Strike { cause, kinds: &Kind::BOTH, event_day: None };
            let (mut steps, mut effects) = strike.decide(self, telling, &card)?;
            if effects.changes.is_empty() {
                let nothing_live = || {
                    Refusal::new("R-21", "no certificate of this card is live; nothing is left to hold")
                        .with_ja("このカードには、一時停止できる有効な電子証明書がありません。")
                };
                return Err(if cause == Cause::CardLost { nothing_live() } else { nothing_held() }.into());
            }
            if cause == Cause::CardLost {
                let kinds = Kind::BOTH.map(|kind| self.held(kind, &effects, &card)).to_vec();
                effects.receipt =
                    Some(HoldReceipt { number: receipt_number(actor, once), card: Some(request.card.clone()), kinds });
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

/// The number of a receipt: eight digits for the telephone, of who asked and the request's own key, so that the request has
/// the same whenever it is told. It names a hold beside the card and the day, and is nobody's secret.
fn receipt_number(actor: &Actor, once: &Once) -> String {
    let said = digest(&SHA256, &[actor.name().as_bytes(), once.key.as_bytes()].join(&0));
    let number =
        said.as_ref().iter().take(6).fold(0_u64, |number, octet| number << 8 | u64::from(*octet)) % 100_000_000;
    format!("H-{:04}-{:04}", number / 10_000, number % 10_000)
}

/// There is nothing to release.
pub(super) fn nothing_held() -> Refusal {
    Refusal::new("R-22", "no certificate of this card is held; there is nothing to release")
        .with_ja("このカードには、一時停止中の電子証明書がありません。")
}
