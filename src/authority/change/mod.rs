//! The story of a register change: what the resident register reports, the cause table decides.
//!
//! An event that bears the register's number is one of a feed: it may come late, twice and out of order. It is recorded, and
//! what the holder's record is follows from all recorded events in the register's own order (`history`). One that does not
//! fit yet waits for the event before it. A report without a number is a counter's, and has to fit at once.
//!
//! What has ended stays ended. An event ends what stood when the register recorded it (where it does not say when, what
//! stands); where it comes late, it ends that now, and the day on which it happened becomes the invalidityDate. What a deadline ends, the timer ends
//! ([`deadline`](super::deadline)), never an event: of a backlog, the event that keeps a certificate alive may come last.

use serde::{Deserialize, Serialize};

use super::{Actor, Authority, Once, StoryError, end::Effects, once::Telling};
use crate::{
    municipality::{self, MunicipalityCode},
    ports::{CardNumber, Change, Dossier, EventNumber, HolderRecord, HolderReference, Step},
    rules::{
        Cause, Day, Refusal,
        calendar::{day_of, day_text},
        procedure::CounterPolicy,
    },
    x509::UnixTime,
};

mod again;
mod arrived;
mod card;
mod check;
mod fold;
pub(super) mod history;
mod presented;
mod register;
pub(super) mod settle;

use check::Days;
use history::{Entry, History, Said};
use settle::Settlement;

/// A change of the resident register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterChange {
    /// The person.
    pub holder: HolderReference,
    /// What changed.
    pub change: RegisterEvent,
    /// The register's own number for the event; none: a report by hand, which has to fit at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<EventNumber>,
    /// The place among the holder's events of one day, where there are several; none: 0. Events of one place follow by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<u32>,
    /// For moving out: where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<MunicipalityCode>,
    /// For moving out: 転出予定日, the day on which the holder means to move. A numbered event must have it.
    #[serde(default, with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub planned: Option<Day>,
    /// For moving in: the day on which the holder moved in; none: the day of the event.
    #[serde(default, with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub moved_in: Option<Day>,
    /// For 継続利用: the card as the counter saw it (M-01). With moving in, it was presented in the same visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presented: Option<Presented>,
    /// For a corrected date of birth: the right one.
    #[serde(default, with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub birth: Option<Day>,
    /// The day it happened; none: today.
    #[serde(default, with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub event_day: Option<Day>,
    /// 届出日, the day on which the register recorded it (転出届, 転入届); none: the day of the event, or today for a report
    /// without a number. That of leaving the country (国外転出届) may be before the day of the event. Where it is given,
    /// certificates that were issued later stay, for the register knew of it by then; otherwise whatever stands is ended.
    #[serde(default, with = "day_text::option", skip_serializing_if = "Option::is_none")]
    pub notified: Option<Day>,
}

/// A card that is presented for 継続利用 (M-01).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presented {
    /// The card.
    pub card: CardNumber,
    /// Whether 住基用PIN was entered; a face-authentication card has none and needs none.
    pub register_pin: bool,
    /// Whether it is a face-authentication card, as the counter sees it; none: as the service has recorded it. What contradicts
    /// the record is refused (M-01).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub face_authentication: Option<bool>,
    /// Whether 追記欄 has room.
    pub addendum_has_room: bool,
}

/// What can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// 継続利用: the card was presented after a move; it goes on (M-01). 券面更新: it was presented after a change within the
    /// municipality, and written on.
    ContinuedUse,
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
            Self::MoveOut => Cause::MoveOut,
            Self::MoveInMissed => Cause::MoveInMissed,
            Self::MinorCorrection | Self::MoveOutCancelled | Self::ContinuedUse => Cause::MinorCorrection,
            Self::Death => Cause::Death,
            Self::OverseasMove => Cause::OverseasMove,
            Self::OverseasMoveWithContinuedUse => Cause::OverseasMoveWithContinuedUse,
        }
    }
}

impl RegisterChange {
    /// A change of that holder, and nothing else said.
    #[must_use]
    pub const fn new(holder: HolderReference, change: RegisterEvent) -> Self {
        Self {
            holder,
            change,
            number: None,
            order: None,
            to: None,
            planned: None,
            moved_in: None,
            presented: None,
            birth: None,
            event_day: None,
            notified: None,
        }
    }

    /// Whether it says today what an event said that happened on that day: what is left out means the same as its default.
    fn says(&self, (first, day): (&Self, Day), today: Day) -> bool {
        let unsaid = if first.event_day.is_none() { day } else { today };
        self.spelled_out(self.event_day.unwrap_or(unsaid)) == first.spelled_out(day)
    }

    /// With every default in its place.
    fn spelled_out(&self, event_day: Day) -> Self {
        let order = Some(self.order.unwrap_or_default());
        let moved_in = self.moved_in.or((self.change == RegisterEvent::MoveIn).then_some(event_day));
        let presented = self.presented.clone().map(|presented| Presented {
            face_authentication: Some(presented.face_authentication.unwrap_or_default()),
            ..presented
        });
        Self { order, moved_in, presented, event_day: Some(event_day), ..self.clone() }
    }
}

/// What became of one event of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was taken.
    Done(Box<Effects>),
    /// It was refused; nothing changed.
    Refused(Refusal),
}

impl Authority {
    /// Takes a register change: revokes what the cause table says, and keeps residence up to date.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says.
    pub fn change(&self, actor: &Actor, once: &Once, change: &RegisterChange) -> Result<Effects, StoryError> {
        let subject = format!("holder/{}", change.holder);
        self.tell(actor, once, &subject, |telling| self.take_change(telling, change, &subject))
    }

    /// Takes several events in the order given, each for itself: one that is refused, or that could not even be read, does
    /// not keep the others from being taken. Each must bear its number. The same request again goes on where it broke off.
    ///
    /// # Errors
    /// The first that is not a refusal; what was taken before stays taken.
    pub fn change_each(
        &self,
        actor: &Actor,
        once: &Once,
        changes: &[Result<RegisterChange, Refusal>],
    ) -> Result<Vec<Outcome>, StoryError> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for (place, change) in changes.iter().enumerate() {
            // No key from outside has a space.
            let once = Once { key: format!("{} {place}", once.key), digest: once.digest };
            let told = match change {
                Ok(change) if change.number.is_some() => self.change(actor, &once, change),
                Ok(_) => self.turn_away(
                    actor,
                    &once,
                    &Refusal::new("T-01", "an event among several bears its number")
                        .with_ja("まとめて届け出る異動には、それぞれ異動番号が必要です。"),
                ),
                Err(refusal) => self.turn_away(actor, &once, refusal),
            };
            outcomes.push(match told {
                Ok(effects) => Outcome::Done(Box::new(effects)),
                Err(StoryError::Refused(refusal)) => Outcome::Refused(refusal),
                Err(other) => return Err(other),
            });
        }
        Ok(outcomes)
    }

    fn turn_away(&self, actor: &Actor, once: &Once, refusal: &Refusal) -> Result<Effects, StoryError> {
        self.tell(actor, once, "register", |_| Err(refusal.clone().into()))
    }

    fn take_change(
        &self,
        telling: &Telling<'_>,
        change: &RegisterChange,
        subject: &str,
    ) -> Result<Effects, StoryError> {
        if let Some(effects) = self.known_event(telling, change)? {
            let steps = vec![telling.answer(&effects)?];
            self.store().commit(Change { steps, audit: telling.audit("register.repeated", subject, "") })?;
            return Ok(effects);
        }
        let reporter = telling.actor.municipality()?;
        let dossier = self.reported(reporter, &change.holder, day_of(telling.now))?;
        if change.change == RegisterEvent::Registration {
            self.taking_part(reporter)?;
        }
        let days = check::change(change, reporter, day_of(telling.now))?;
        let history = self.history(&dossier.holder)?;
        let card = check::card((change, &days), (&dossier, &history), day_of(telling.now)).err();
        let entry = new_entry(change, (reporter, self.counter(reporter)), (&days, card.clone()), telling.now);
        let before = history.fold();
        let after = history.fold_with(&entry);
        if after.refusal().is_none() || before.is_tied_to(reporter) {
            check::of_holder((change, &days), &dossier, card.as_ref())?;
        }
        let left = card::left_behind(change, days.event, after.left_behind(), &dossier);
        let waits = match after.refusal() {
            None if change.number.is_none() => check::by_hand(change, left.as_ref()).map(|()| None)?,
            None => None,
            Some(refusal) => Some(may_wait(&entry, card::said_of(change, refusal, left), &after)?),
        };
        let outlook = card::Outlook::of((change, days.event), (card, after.too_late().cloned(), left), &dossier);
        let settled = Settlement::new(self, telling, dossier, &after)?.strike(&after.blows_since(&before, &history))?;
        let effects = Effects {
            changes: settled.changes().to_vec(),
            awaited: outlook.awaited(change.change, &after.register).filter(|_| waits.is_none()),
            not_continued: outlook.not_continued.filter(|_| waits.is_none()),
            waits,
            ..Effects::none(change.change.cause(), telling.now)
        };
        self.record_change(telling, (&history, &entry, &effects), settled, subject)?;
        Ok(effects)
    }

    /// Of whom something is reported: a holder, or who has applied to that municipality to become one.
    fn reported(
        &self,
        reporter: MunicipalityCode,
        holder: &HolderReference,
        today: Day,
    ) -> Result<Dossier, StoryError> {
        let known = self.store().dossier(holder)?;
        let known = known.map_or_else(|| self.first_applicant(reporter, holder, today), |known| Ok(Some(known)))?;
        Ok(known.ok_or_else(|| {
            Refusal::new("T-09", "there is no such holder").with_ja("その識別番号の利用者はいません。")
        })?)
    }

    /// Everything that the register reported of a holder.
    pub(super) fn history(&self, holder: &HolderRecord) -> Result<History, StoryError> {
        let entries = self.store().register().register_entries(&holder.reference)?;
        History::read(entries, holder, &self.parts().counters)
    }

    fn record_change(
        &self,
        telling: &Telling<'_>,
        (history, entry, effects): (&History, &Entry, &Effects),
        settled: Settlement<'_>,
        subject: &str,
    ) -> Result<(), StoryError> {
        let mut steps = recorded((history, entry, effects), settled)?;
        steps.push(telling.answer(effects)?);
        let detail = serde_json::to_string(effects).map_err(|error| StoryError::Fault(error.to_string()))?;
        let action = if effects.waits.is_some() { "register.waiting" } else { "register.changed" };
        Ok(self.store().commit(Change { steps, audit: telling.audit(action, subject, detail) })?)
    }
}

/// The steps of an entry with what became of it.
fn recorded(
    (history, entry, effects): (&History, &Entry, &Effects),
    settled: Settlement<'_>,
) -> Result<Vec<Step>, StoryError> {
    let holder = settled.holder().reference.clone();
    let mut steps = settled.into_steps();
    steps.extend(history.first_step(&holder)?);
    let mut entry = entry.clone();
    if let Said::Reported { effects: told, .. } = &mut entry.said {
        **told = effects.clone();
    }
    steps.push(Step::Register(Box::new(entry.record(&holder)?)));
    Ok(steps)
}

fn new_entry(
    change: &RegisterChange,
    (municipality, policy): (MunicipalityCode, CounterPolicy),
    (days, card): (&Days, Option<Refusal>),
    now: UnixTime,
) -> Entry {
    let effects = Effects::none(change.change.cause(), now);
    let said = Said::Reported {
        change: Box::new(change.clone()),
        event_day: days.event,
        effects: Box::new(effects),
        card: card.map(Box::new),
    };
    Entry { id: u64::MAX, municipality, number: change.number.clone(), day: days.recorded, said, policy }
}

/// Whether an event of the feed that does not fit waits for the one before it. It may come from a municipality that the holder
/// has nothing to do with yet; that one is told no more than this, and what it sent has an effect only if other municipalities
/// report that the holder lived there on the day of the event.
fn may_wait(entry: &Entry, refusal: Refusal, fold: &fold::Fold) -> Result<Refusal, Refusal> {
    let waits = entry.number.is_some() && fold.has_room_for(entry.municipality);
    if waits { Ok(refusal) } else { Err(refusal) }
}

/// A destination that exists.
fn issuing_place(to: MunicipalityCode) -> Result<(), Refusal> {
    municipality::issuing_place(to).map(drop).map_err(|error| {
        Refusal::new("E-02", error.to_string())
            .with_ja("その市区町村コードの市区町村はありません。")
            .in_case("no-municipality")
    })
}
