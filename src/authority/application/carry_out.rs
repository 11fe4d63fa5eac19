//! What is carried out at the counter without certificates being issued: certificates end with an application or with their
//! card, a hold ends, a card becomes a 顔認証マイナンバーカード or an ordinary one again (rules §1.2, §1.5).

use super::{ApplicationRequest, Filed, today::check_card};
use crate::{
    authority::{Authority, StoryError, change::Presented, end::Strike, hold, once::Telling, revoke},
    kind::Kind,
    ports::{CardRecord, CertificateRecord, Dossier, Step},
    rules::{
        Cause, CertificateState, Refusal,
        admission::suspended_card,
        calendar::day_of,
        deadline::{self, CardPresented},
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
    /// Carries out what an application asks for. A PIN is set on the card alone.
    ///
    /// # Errors
    /// `M-01`, `M-02` where the card does not go on; `E-09` for a card that cannot be switched, and where AUTH has to be issued first; `R-01` and `R-22` where nothing is left
    /// to end or to release; `T-09` and `E-03` for the card.
    pub(super) fn carry_out(&self, telling: &Telling<'_>, filed: &Filed) -> Result<CarriedOut, StoryError> {
        let (request, procedure) = (&filed.request, filed.request.procedure);
        let resident = self.resident(telling, &request.holder)?;
        let (dossier, card) = check_card(request, &resident)?;
        check(request, (dossier, &card), telling.now)?;
        let (dossier, card) = (dossier.clone(), card.into_owned());
        if let Some(cause) = ends(procedure) {
            return self.end_for(telling, (cause, &request.struck()), (dossier, card));
        }
        if procedure == Procedure::ContinuedUse {
            let (steps, effects) = self.continue_card(telling, dossier, presented(request))?;
            let told = serde_json::to_value(effects).map_err(|error| StoryError::Fault(error.to_string()))?;
            return Ok(CarriedOut { steps, told, ..CarriedOut::default() });
        }
        if !matches!(procedure, Procedure::FaceAuthenticationOn | Procedure::FaceAuthenticationOff) {
            return Ok(CarriedOut::default());
        }
        let card_steps = with_auth(request, (&dossier, &card), telling.now)?;
        let on = procedure == Procedure::FaceAuthenticationOn;
        let mut steps = Vec::new();
        let mut told = serde_json::json!({ "rule": if on { "R-30" } else { "E-09" }, "face_authentication": on });
        if on {
            let strike = Strike { cause: Cause::FaceAuthenticationOn, kinds: &Kind::BOTH, event_day: None };
            let (ends, effects) = strike.decide(self, telling, &revoke::on_card(dossier.clone(), &card.number))?;
            steps.extend(ends);
            let changes = serde_json::to_value(&effects.changes);
            told["changes"] = changes.map_err(|error| StoryError::Fault(error.to_string()))?;
        }
        steps.push(Step::Holder(dossier.holder));
        steps.push(Step::Card(CardRecord { face_authentication: on, ..card }));
        Ok(CarriedOut { steps, card_steps, told })
    }

    /// Ends or releases the certificates of the card, and the card where it ends with them.
    fn end_for(
        &self,
        telling: &Telling<'_>,
        (cause, kinds): (Cause, &[Kind]),
        (dossier, card): (Dossier, CardRecord),
    ) -> Result<CarriedOut, StoryError> {
        let mut touched = revoke::on_card(dossier.clone(), &card.number);
        if cause == Cause::CardFound {
            // What was issued or ended since the hold is not touched by its release.
            touched.certificates.retain(|one| one.state == CertificateState::Held);
        }
        let (mut steps, effects) = Strike { cause, kinds, event_day: None }.decide(self, telling, &touched)?;
        if effects.changes.is_empty() && !cause.voids_card() {
            return Err(if cause == Cause::CardFound { hold::nothing_held() } else { revoke::nothing_stands() }.into());
        }
        steps.push(Step::Holder(dossier.holder));
        if cause.voids_card() {
            steps.push(Step::Card(CardRecord { void: true, ..card }));
        }
        let changes = serde_json::to_value(&effects.changes).map_err(|error| StoryError::Fault(error.to_string()))?;
        let told = serde_json::json!({ "rule": effects.rule, "changes": changes });
        Ok(CarriedOut { steps, card_steps: Vec::new(), told })
    }
}

/// The card as it lies on the counter (M-01). That the register PIN was entered, where it has one, is part of carrying out.
fn presented(request: &ApplicationRequest) -> Presented {
    Presented {
        card: request.card.number.clone(),
        register_pin: true,
        // As it is recorded, where it is.
        face_authentication: None,
        addendum_has_room: !request.presence.addendum_full,
    }
}

/// The cause by which a procedure ends or releases certificates.
const fn ends(procedure: Procedure) -> Option<Cause> {
    match procedure {
        Procedure::Revocation => Some(Cause::HolderApplication),
        Procedure::CardReturn => Some(Cause::CardReturned),
        Procedure::Release => Some(Cause::CardFound),
        _ => None,
    }
}

impl ApplicationRequest {
    /// The kinds that a revocation ends: those that it names, else both.
    pub(super) fn struck(&self) -> Vec<Kind> {
        if self.kinds.is_empty() { Kind::BOTH.to_vec() } else { self.kinds.clone() }
    }
}

/// Refuses what would change nothing, and what a suspended card does not let happen.
///
/// # Errors
/// `R-22` where nothing is held, `R-01` where nothing stands, `E-03` for a suspended card, `E-09` as in [`switching`], `M-01` for a
/// card that cannot go on.
pub(super) fn check(
    request: &ApplicationRequest,
    (dossier, card): (&Dossier, &CardRecord),
    now: UnixTime,
) -> Result<(), Refusal> {
    let kinds = request.struck();
    let stands = |one: &&CertificateRecord| one.card == card.number && one.is_current(now) && kinds.contains(&one.kind);
    let standing: Vec<_> = dossier.certificates.iter().filter(stands).collect();
    let held = standing.iter().any(|one| one.state == CertificateState::Held);
    match request.procedure {
        Procedure::Release if !held => Err(hold::nothing_held()),
        Procedure::Revocation if standing.is_empty() => Err(revoke::nothing_stands()),
        Procedure::ContinuedUse => deadline::check_card(
            &CardPresented {
                card_last_day: card.last_day,
                void: card.void,
                suspended: held,
                register_pin: true,
                face_authentication: card.face_authentication,
                addendum_has_room: !request.presence.addendum_full,
            },
            day_of(now),
        ),
        Procedure::FaceAuthenticationOn | Procedure::FaceAuthenticationOff | Procedure::PinReset if held => {
            Err(suspended_card())
        }
        _ => switching(request, (dossier, card), now).map(drop),
    }
}

/// The same as [`switching`], where the AUTH that a face-authentication card has is there.
///
/// # Errors
/// `E-09`.
pub(super) fn with_auth(
    request: &ApplicationRequest,
    of: (&Dossier, &CardRecord),
    now: UnixTime,
) -> Result<Vec<FaceStep>, Refusal> {
    let steps = switching(request, of, now)?;
    if steps.first() == Some(&FaceStep::IssueAuth) {
        let detail = "the card has no live authentication certificate; issue it first, then switch the card";
        return Err(Refusal::new("E-09", detail)
            .with_ja("カードに有効な利用者証明用電子証明書がありません。先に発行してから設定してください。")
            .in_case("needs-auth"));
    }
    Ok(steps)
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
