//! The story of a register change: what the resident register reports, the cause table decides.

use serde::Deserialize;

use super::{
    Actor, Authority, Once, StoryError,
    end::{Effects, Strike},
    once::Telling,
};
use crate::{
    kind::Kind,
    municipality::{self, MunicipalityCode},
    ports::{CardRecord, Change, Dossier, HolderRecord, HolderReference, Step},
    rules::{
        Cause, Day, Refusal,
        calendar::{day_of, day_text},
    },
};

/// A change of the resident register.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterChange {
    /// The person.
    pub holder: HolderReference,
    /// What changed.
    pub change: RegisterEvent,
    /// For moving out: where to.
    #[serde(default)]
    pub to: Option<MunicipalityCode>,
    /// For a corrected date of birth: the right one.
    #[serde(default, with = "day_text::option")]
    pub birth: Option<Day>,
    /// The day it happened; none: today.
    #[serde(default, with = "day_text::option")]
    pub event_day: Option<Day>,
}

/// What can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterEvent {
    /// 転居: a move within the municipality.
    Move,
    /// 転出: a move to another municipality is announced.
    MoveOut,
    /// 転入: the holder has arrived; reported by the new municipality.
    MoveIn,
    /// No 転入 within thirty days.
    MoveInMissed,
    /// 転出 cancelled: the holder stays. What has ended does not come back.
    MoveOutCancelled,
    /// Recorded again: 国外からの転入, or the removal was an error; reported by the municipality that records. What has ended
    /// does not come back.
    Registration,
    /// Name (旧氏 and 通称 too) changed.
    NameChange,
    /// Address, date of birth or sex corrected.
    Correction,
    /// 軽微な修正.
    MinorCorrection,
    /// Death, 失踪宣告 or deletion ex officio.
    Death,
    /// 国外転出 without continued use of the card.
    OverseasMove,
    /// 国外転出 with continued use of the card.
    OverseasMoveWithContinuedUse,
}

impl RegisterEvent {
    /// The cause it is to the certificates.
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::Move | Self::MoveIn | Self::Registration | Self::NameChange | Self::Correction => {
                Cause::RegisterEntryChanged
            }
            Self::MoveOutCancelled => Cause::MinorCorrection,
            Self::MoveOut => Cause::MoveOut,
            Self::MoveInMissed => Cause::MoveInMissed,
            Self::MinorCorrection => Cause::MinorCorrection,
            Self::Death => Cause::Death,
            Self::OverseasMove => Cause::OverseasMove,
            Self::OverseasMoveWithContinuedUse => Cause::OverseasMoveWithContinuedUse,
        }
    }
}

impl Authority {
    /// Takes a register change: revokes what the cause table says, and keeps residence up to date.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says.
    pub fn change(&self, actor: &Actor, once: &Once, change: &RegisterChange) -> Result<Effects, StoryError> {
        let subject = format!("holder/{}", change.holder);
        self.tell(actor, once, &subject, |telling| {
            let dossier = self.store().dossier(&change.holder)?;
            let dossier = dossier.ok_or_else(|| Refusal::new("T-09", "there is no such holder"))?;
            if change.change == RegisterEvent::Registration {
                self.taking_part(actor.municipality()?)?;
            }
            let holder = changed_holder(telling, change, &dossier.holder)?;
            let strike = Strike { cause: change.change.cause(), kinds: &Kind::BOTH, event_day: change.event_day };
            let (mut steps, effects) = strike.decide(self, telling, &dossier)?;
            steps.push(Step::Holder(holder));
            steps.extend(void_cards(&dossier, effects.cause));
            steps.push(telling.answer(&effects)?);
            let detail = serde_json::to_string(&effects).map_err(|error| StoryError::Fault(error.to_string()))?;
            self.store().commit(Change { steps, audit: telling.audit("register.changed", &subject, detail) })?;
            Ok(effects)
        })
    }
}

/// The holder as the register has them from now on; refuses who may not report this, and what cannot be.
fn changed_holder(
    telling: &Telling<'_>,
    change: &RegisterChange,
    known: &HolderRecord,
) -> Result<HolderRecord, Refusal> {
    let mut holder = known.clone();
    let own = match change.change {
        RegisterEvent::MoveIn => arriving_at(telling, known)?,
        // Who is not recorded lives in no municipality: the one that records reports it.
        RegisterEvent::Registration => telling.actor.municipality()?,
        _ => telling.actor.municipality_of(known)?,
    };
    match (change.change, known.registered) {
        (RegisterEvent::Registration, true) => {
            return Err(Refusal::new("E-01", "the holder is recorded in the resident register already"));
        }
        (RegisterEvent::Registration, false) => holder.registered = true,
        (_, true) => {}
        (_, false) => return Err(Refusal::new("E-01", "the holder is not recorded in the resident register")),
    }
    if matches!(change.change, RegisterEvent::MoveIn | RegisterEvent::Registration) {
        (holder.municipality, holder.moving_to) = (own, None);
    }
    match (change.change, change.to) {
        (RegisterEvent::MoveOut, Some(to)) if to != own => {
            municipality::issuing_place(to).map_err(|error| Refusal::new("E-02", error.to_string()))?;
            holder.moving_to = Some(to);
        }
        (RegisterEvent::MoveOut, _) => return Err(Refusal::new("R-16", "say to which other municipality")),
        (_, Some(_)) => return Err(Refusal::new("R-16", "only moving out has a destination")),
        (RegisterEvent::MoveInMissed | RegisterEvent::MoveOutCancelled, None) if known.moving_to.is_none() => {
            let rule = if change.change == RegisterEvent::MoveInMissed { "R-17" } else { "R-16" };
            return Err(Refusal::new(rule, "no move to another municipality was announced (転出届)"));
        }
        // A late arrival can still be reported by the municipality that was announced.
        (RegisterEvent::MoveInMissed, None) => {}
        (RegisterEvent::MoveOutCancelled, None) => holder.moving_to = None,
        (RegisterEvent::Death | RegisterEvent::OverseasMove, None) => holder.registered = false,
        (_, None) => {}
    }
    match (change.change, change.birth) {
        (RegisterEvent::Correction, Some(birth)) if birth > day_of(telling.now) => {
            return Err(Refusal::new("E-01", format!("the date of birth {birth} is to come")));
        }
        (RegisterEvent::Correction, Some(birth)) => holder.birth = birth,
        (_, Some(_)) => return Err(Refusal::new("R-13", "only a correction gives a date of birth")),
        (_, None) => {}
    }
    Ok(holder)
}

/// The municipality that reports an arrival, if the move there was announced.
fn arriving_at(telling: &Telling<'_>, known: &HolderRecord) -> Result<MunicipalityCode, Refusal> {
    let own = telling.actor.municipality()?;
    if known.moving_to == Some(own) {
        Ok(own)
    } else {
        Err(Refusal::new("E-02", "the municipality of residence has not announced this move (転出届)"))
    }
}

fn void_cards(dossier: &Dossier, cause: Cause) -> impl Iterator<Item = Step> {
    let cards = dossier.cards.iter().filter(move |card| cause.voids_card() && !card.void);
    cards.map(|card| Step::Card(CardRecord { void: true, ..card.clone() }))
}
