//! The story of revoking: an application or a card event ends certificates of one card.

use serde::Deserialize;

use super::{
    Actor, Authority, Once, StoryError,
    change::{Outcome, history::Issued},
    end::{Effects, Strike, check_event_day},
    once::Telling,
};
use crate::{
    kind::Kind,
    ports::{CardNumber, CardRecord, Change, Dossier, HolderRecord, Role, Step},
    rules::{
        Cause, Day, Origin, Refusal,
        application::ApplicationState,
        calendar::{day_of, day_text},
    },
};

/// What a counter or an operator sends to revoke.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationRequest {
    /// The card.
    pub card: CardNumber,
    /// Why.
    pub cause: Cause,
    /// Which kinds, where the cause strikes the kinds it names; otherwise left out.
    #[serde(default)]
    pub kinds: Option<Vec<Kind>>,
    /// The day it happened; none: today.
    #[serde(default, with = "day_text::option")]
    pub event_day: Option<Day>,
}

impl RevocationRequest {
    /// What the audit says it is about.
    pub(super) fn subject(&self) -> String {
        format!("card/{}", self.card)
    }
}

impl Authority {
    /// Revokes.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says.
    pub fn revoke(&self, actor: &Actor, once: &Once, request: &RevocationRequest) -> Result<Effects, StoryError> {
        // One line of a file: it is read, decided and committed in the same way.
        match self.revoke_each(actor, &[(once.clone(), Ok(request.clone()))])?.pop() {
            Some(Outcome::Done(effects)) => Ok(*effects),
            Some(Outcome::Refused(refusal)) => Err(refusal.into()),
            None => Err(StoryError::Fault("a line without an outcome".into())),
        }
    }

    /// Refuses to discard what was handed over by an application; of what was issued without one only the counter knows.
    fn not_handed_over(&self, card: &Dossier) -> Result<(), StoryError> {
        for one in &card.certificates {
            let application = self.store().applications().application_of(one.kind, one.index)?;
            if application.is_some_and(|application| application.state == ApplicationState::Delivered) {
                let detail = format!("{} was handed over: revoke it by its cause", one.kind.word().to_uppercase());
                return Err(Refusal::new("R-29", detail)
                    .with_ja(format!(
                        "{}電子証明書は交付済みです。該当する理由で失効してください。",
                        one.kind.word_ja()
                    ))
                    .into());
            }
        }
        Ok(())
    }

    /// The change that a revocation is by what is read now, and what it amounts to.
    pub(super) fn revocation(
        &self,
        telling: &Telling<'_>,
        request: &RevocationRequest,
    ) -> Result<(Change, Effects), StoryError> {
        let dossier = self.dossier_of_card(&request.card)?;
        self.revocation_of(telling, request, Some(dossier))
    }

    /// The change that a revocation is, and what it amounts to, where the card's holder has this dossier.
    pub(super) fn revocation_of(
        &self,
        telling: &Telling<'_>,
        request: &RevocationRequest,
        dossier: Option<Dossier>,
    ) -> Result<(Change, Effects), StoryError> {
        let dossier = dossier.ok_or_else(unknown_card)?;
        let card = dossier.card(&request.card).cloned().ok_or_else(unknown_card)?;
        may_report(telling.actor, request.cause, &dossier.holder)?;
        let kinds = named_kinds(request)?;
        if request.cause == Cause::CardVoidAfterMove {
            let issued = Issued::of(&card, &dossier.certificates);
            let fold = self.history(&dossier.holder)?.fold();
            if !fold.is_void_after_move(issued, day_of(telling.now)) {
                return Err(no_move().into());
            }
        }
        if request.cause == Cause::DiscardedBeforeDelivery {
            let mut card = on_card(dossier.clone(), &request.card);
            card.certificates.retain(|one| kinds.contains(&one.kind) && one.is_current(telling.now));
            self.not_handed_over(&card)?;
        }
        let strike = Strike { cause: request.cause, kinds: &kinds, event_day: request.event_day };
        check_event_day(&strike, &dossier, &card, telling.now)?;
        let holder = dossier.holder.clone();
        let (mut steps, effects) = strike.decide(self, telling, &on_card(dossier, &request.card))?;
        check_ends(request.cause, effects.changes.len())?;
        steps.push(Step::Holder(holder));
        if request.cause.voids_card() {
            steps.push(Step::Card(CardRecord { void: true, ..card }));
        } else if request.cause == Cause::FaceAuthenticationOn {
            steps.push(Step::Card(CardRecord { face_authentication: true, ..card }));
        }
        steps.push(telling.answer(&effects)?);
        let detail = serde_json::to_string(&effects).map_err(|error| StoryError::Fault(error.to_string()))?;
        let audit = telling.audit("certificate.revoked", request.subject(), detail);
        Ok((Change { steps, audit }, effects))
    }

    /// Everything about the holder of a card.
    pub(super) fn dossier_of_card(&self, card: &CardNumber) -> Result<Dossier, StoryError> {
        let holder = self.store().holder_of_card(card)?.ok_or_else(unknown_card)?;
        Ok(self.store().dossier(&holder)?.ok_or_else(unknown_card)?)
    }
}

fn unknown_card() -> Refusal {
    Refusal::new("T-09", "there is no such card").with_ja("そのカードは見つかりません。")
}

/// The register has no move after which the card was not presented in time (M-02).
fn no_move() -> Refusal {
    let detail = "the register has no move after which this card had to be presented by now; at the end of its time the service \
                  ends it by itself";
    Refusal::new("M-02", detail)
        .with_ja("期限までにカードの提示がなかった転入は記録されていません。期限を過ぎると自動的に失効します。")
        .in_case("no-move")
}

/// Whether a cause may be reported that ends so many certificates: what is about certificates ends one at least, while a card can
/// be void of which none stands any more.
///
/// # Errors
/// `R-01`: there is nothing to revoke.
pub fn check_ends(cause: Cause, certificates: usize) -> Result<(), Refusal> {
    if certificates == 0 && !cause.voids_card() { Err(nothing_stands()) } else { Ok(()) }
}

/// There is nothing to revoke.
pub(super) fn nothing_stands() -> Refusal {
    Refusal::new("R-01", "no such certificate of this card stands; nothing is left to revoke")
        .with_ja("このカードには、失効できる電子証明書がありません。")
        .in_case("nothing-left")
}

/// The dossier with the certificates of one card only.
pub(super) fn on_card(mut dossier: Dossier, card: &CardNumber) -> Dossier {
    dossier.certificates.retain(|certificate| certificate.card == *card);
    dossier
}

/// A municipality for its residents; an operator for anybody, and alone for what the agency itself finds.
fn may_report(actor: &Actor, cause: Cause, holder: &HolderRecord) -> Result<(), Refusal> {
    match cause {
        Cause::Renewal | Cause::CaKeyCompromise | Cause::CardExpired => {
            let detail = format!("{cause} ({}) is not reported; the service sees to it", cause.rule());
            Err(Refusal::new("R-02", detail)
                .with_ja("この理由による失効はサービスが自動的に行います。")
                .in_case("by-itself"))
        }
        Cause::CardLost | Cause::CardFound => {
            let detail = "a lost card is held, and a found one released: see holds and releases";
            Err(Refusal::new("R-21", detail)
                .with_ja("紛失したカードは一時停止、見つかったカードは解除の画面で手続してください。")
                .in_case("by-telephone"))
        }
        _ if cause.origin() == Origin::RegisterChange => {
            Err(Refusal::new("R-13", format!("{cause} is a change of the register: see register changes"))
                .with_ja("住民票の異動による失効は、異動の届出の画面で行ってください。")
                .in_case("register"))
        }
        // Only the counter knows that writing to the card failed, or that the holder left (rule R-29).
        Cause::DiscardedBeforeDelivery => actor.municipality_of(holder).map(drop),
        _ if cause.origin() == Origin::Agency => actor.operator().map(drop),
        _ if actor.role() == Some(Role::Operator) => Ok(()),
        _ => actor.municipality_of(holder).map(drop),
    }
}

/// The kinds that a request strikes: those it names where the cause asks for it, else the pair.
fn named_kinds(request: &RevocationRequest) -> Result<Vec<Kind>, Refusal> {
    let rule = request.cause.rule();
    match (&request.kinds, request.cause.applies_per_kind()) {
        (Some(kinds), true) if !kinds.is_empty() => Ok(kinds.clone()),
        (_, true) => Err(Refusal::new(
            rule,
            format!("{} strikes the kinds it names; name `sign`, `auth` or both", request.cause),
        )
        .with_ja("失効する電子証明書の種類を選んでください。")
        .in_case("kinds")),
        (None, false) => Ok(Kind::BOTH.to_vec()),
        (Some(_), false) => Err(Refusal::new(rule, format!("{} strikes the pair; name no kinds", request.cause))
            .with_ja("この理由では両方が失効します。種類は選ばないでください。")),
    }
}
