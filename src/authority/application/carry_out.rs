//! What is carried out at the counter without certificates being issued: a card becomes a 顔認証マイナンバーカード, or an ordinary
//! one again (rules §1.5).

use super::{ApplicationRequest, Filed};
use crate::{
    authority::{Authority, StoryError, end::Strike, issue::Resident, once::Telling, revoke::on_card},
    kind::Kind,
    ports::{ApplicationRecord, CardRecord, Dossier, Step},
    rules::{
        Cause, CertificateState, Refusal,
        face_authentication::{CardSituation, FaceStep, decide_face_authentication_off, decide_face_authentication_on},
        procedure::Procedure,
    },
    x509::UnixTime,
};

/// What is to be done at the counter and in the store.
#[derive(Default)]
pub(super) struct CarriedOut {
    pub(super) steps: Vec<Step>,
    pub(super) card_steps: Vec<FaceStep>,
    pub(super) told: serde_json::Value,
}

impl Authority {
    /// Carries out what an application asks for; of other procedures the counter tells the service by their own requests.
    ///
    /// # Errors
    /// `E-09` for a card that cannot be switched, and where AUTH has to be issued first; `T-09` and `E-03` for the card.
    pub(super) fn carry_out(
        &self,
        telling: &Telling<'_>,
        record: &ApplicationRecord,
        filed: &Filed,
    ) -> Result<CarriedOut, StoryError> {
        let switches =
            matches!(filed.request.procedure, Procedure::FaceAuthenticationOn | Procedure::FaceAuthenticationOff);
        if !switches {
            return Ok(CarriedOut::default());
        }
        let Resident { dossier, .. } = self.resident(telling, &filed.request.holder)?;
        let dossier = dossier.ok_or_else(|| Refusal::new("T-09", "there is no such card of this holder"))?;
        let card = dossier.card(&record.card).cloned();
        let card = card.ok_or_else(|| Refusal::new("T-09", "there is no such card of this holder"))?;
        let card_steps = switching(&filed.request, (&dossier, &card), telling.now)?;
        if card_steps.first() == Some(&FaceStep::IssueAuth) {
            let detail = "the card has no live authentication certificate; issue it first, then switch the card";
            return Err(Refusal::new("E-09", detail).into());
        }
        let on = filed.request.procedure == Procedure::FaceAuthenticationOn;
        let mut steps = Vec::new();
        let mut told = serde_json::json!({ "rule": if on { "R-30" } else { "E-09" }, "face_authentication": on });
        if on {
            let strike = Strike { cause: Cause::FaceAuthenticationOn, kinds: &Kind::BOTH, event_day: None };
            let (ends, effects) = strike.decide(self, telling, &on_card(dossier.clone(), &card.number))?;
            steps.extend(ends);
            let changes = serde_json::to_value(&effects.changes);
            told["changes"] = changes.map_err(|error| StoryError::Fault(error.to_string()))?;
        }
        steps.push(Step::Holder(dossier.holder));
        steps.push(Step::Card(CardRecord { face_authentication: on, ..card }));
        Ok(CarriedOut { steps, card_steps, told })
    }
}

/// What has to be done to switch the card, in order; nothing for other procedures.
///
/// # Errors
/// `E-09` if it is what it is to become, or has no room for the words.
pub(super) fn switching(
    request: &ApplicationRequest,
    (dossier, card): (&Dossier, &CardRecord),
    now: UnixTime,
) -> Result<Vec<FaceStep>, Refusal> {
    let here = |kind| dossier.current(kind, now).filter(|one| one.card == card.number);
    let situation = CardSituation {
        face_authentication: card.face_authentication,
        auth_live: here(Kind::Auth).is_some_and(|one| one.state == CertificateState::Live),
        sign_standing: here(Kind::Sign).is_some(),
        addendum_has_room: !request.presence.addendum_full,
    };
    match request.procedure {
        Procedure::FaceAuthenticationOn => decide_face_authentication_on(&situation),
        Procedure::FaceAuthenticationOff => decide_face_authentication_off(&situation),
        _ => Ok(Vec::new()),
    }
}
