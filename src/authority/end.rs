//! What a cause does to a holder's certificates: the part that revoking, holding, releasing and register changes share.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Authority, StoryError, once::Telling};
use crate::{
    kind::Kind,
    ports::{CardNumber, CardRecord, CertificateRecord, Dossier, Revocation, Step},
    rules::{
        Cause, CertificateState, Day, Event, Refusal, Transition,
        calendar::{day_of, day_text, last_instant},
        decide_transition,
        era::in_japanese,
    },
    x509::{RevocationReason, Serial, UnixTime},
};

/// What became of the certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// The cause.
    pub cause: Cause,
    /// The rule that names it.
    pub rule: String,
    /// When the service recorded it, which is when it takes effect (rule R-01); an end that follows a hold, since the hold.
    pub recorded_at: UnixTime,
    /// What changed; empty where the cause keeps everything, or nothing stood.
    pub changes: Vec<StatusChange>,
    /// After a move: what the holder has to do, and by when.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub awaited: Option<Awaited>,
    /// Present where an event of the register is recorded and waits for another that has to come before it: by which rule,
    /// and for what.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waits: Option<Refusal>,
    /// Present where the holder has moved, or left the country, and the card does not go on: why, and what would make it go on
    /// before the day in `awaited`, if there is one (M-01, R-20).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_continued: Option<Refusal>,
    /// Of a hold: what the caller is told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub receipt: Option<HoldReceipt>,
}

/// What the caller is told whose card was held: a number to name it by, and what it did to each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldReceipt {
    /// To be read out, and asked for at the counter: `H-4831-0927`. The audit has it.
    pub number: String,
    /// The card that was held; not in receipts of before it was written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<CardNumber>,
    /// What became of each kind of the card.
    pub kinds: Vec<HoldEffect>,
}

/// What a hold did to one kind of certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldEffect {
    /// Which kind.
    pub kind: Kind,
    /// What became of it.
    pub effect: Held,
}

/// What became of a certificate whose card is reported lost, and what its release will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// Held now; its release at the counter brings it back to life.
    Releasable,
    /// Held now; its release revokes it, and a new one is applied for at the counter (C-08).
    Final,
    /// It was held before; nothing changed.
    HeldBefore,
    /// The card has none that stands.
    Nothing,
}

impl Effects {
    /// What is recorded now by that cause: nothing has changed yet.
    pub(super) fn none(cause: Cause, recorded_at: UnixTime) -> Self {
        let rule = cause.rule().to_owned();
        Self {
            cause,
            rule,
            recorded_at,
            changes: Vec::new(),
            awaited: None,
            waits: None,
            not_continued: None,
            receipt: None,
        }
    }
}

/// What is awaited of a holder after a move (M-01, M-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// What.
    pub step: AwaitedStep,
    /// The day to tell people: counted with the first day (届出日から起算して), so a day earlier than the law's (C-09).
    #[serde(with = "day_text")]
    pub by: Day,
    /// The last day by the law, after which the timer ends what depends on it.
    #[serde(with = "day_text")]
    pub last_day: Day,
}

/// A step that is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwaitedStep {
    /// 転入届, in the new municipality.
    MoveInNotice,
    /// The card is presented for 継続利用 (M-02, R-18).
    CardPresented,
}

/// A certificate that changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// Which kind.
    pub kind: Kind,
    /// Its serial number.
    pub serial: Serial,
    /// Its state from now on.
    pub state: CertificateState,
    /// The reason on lists and in answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<RevocationReason>,
    /// When the event happened, where that was on an earlier day.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invalidity_date: Option<UnixTime>,
}

/// What is to happen: a cause, the kinds it names, and the day it happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strike<'a> {
    pub(super) cause: Cause,
    pub(super) kinds: &'a [Kind],
    pub(super) event_day: Option<Day>,
}

impl Strike<'_> {
    /// The steps that carry it out and what they amount to. Certificates that are over, or that the event no longer
    /// changes (a second hold), are passed over.
    pub(super) fn decide(
        &self,
        authority: &Authority,
        telling: &Telling<'_>,
        dossier: &Dossier,
    ) -> Result<(Vec<Step>, Effects), StoryError> {
        if let Some(day) = self.event_day.filter(|day| *day < dossier.holder.birth) {
            return Err(impossible(
                format!("the event is of {day}, before the holder was born"),
                format!("事由の発生日（{}）が生年月日より前です。", in_japanese(day)),
            )
            .into());
        }
        let invalidity_date = invalidity_date(self.event_day, telling.now)?;
        let (mut steps, mut changes) = (Vec::new(), Vec::new());
        for kind in Kind::BOTH.into_iter().filter(|kind| self.kinds.contains(kind)) {
            let Some(event) = self.cause.effect(kind).event() else { continue };
            for certificate in standing(dossier, kind, telling.now) {
                match (event, certificate.state) {
                    (Event::Hold, CertificateState::Held) => continue,
                    // It will be live or discarded in a moment; then the hold finds it in a state of its own.
                    (Event::Hold, CertificateState::Reserved) => return Err(StoryError::InProgress),
                    _ => {}
                }
                // What is dated by its hold was over before a later event, which then dates nothing.
                let invalidity_date = invalidity_date.filter(|event| *event < certificate.effective_since(telling.now));
                let transition = decide_transition(kind, certificate.state, event, &authority.parts().policy)?;
                let change = StatusChange {
                    kind,
                    serial: certificate.serial,
                    state: transition.to(),
                    reason: transition.reason(),
                    invalidity_date: transition.reason().and(invalidity_date),
                };
                steps.push(self.step(certificate, transition, telling.now, invalidity_date));
                changes.push(change);
            }
        }
        Ok((steps, Effects { changes, ..Effects::none(self.cause, telling.now) }))
    }

    fn step(
        &self,
        certificate: &CertificateRecord,
        transition: Transition,
        now: UnixTime,
        invalidity_date: Option<UnixTime>,
    ) -> Step {
        let revocation = |reason| {
            let revocation_date = certificate.effective_since(now);
            Revocation { revocation_date, reason, invalidity_date, cause: self.cause }
        };
        Step::Status {
            kind: certificate.kind,
            index: certificate.index,
            from: transition.from(),
            to: transition.to(),
            revocation: transition.reason().map(revocation),
        }
    }
}

fn standing(dossier: &Dossier, kind: Kind, now: UnixTime) -> impl Iterator<Item = &CertificateRecord> {
    dossier.certificates.iter().filter(move |certificate| certificate.kind == kind && certificate.is_current(now))
}

/// The refusal of a day on which the event cannot have been.
fn impossible(detail: impl Into<String>, ja: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new("R-01", detail).with_ja(ja).in_case("impossible-day")
}

/// Refuses a day on which what befell a certificate, a key or a card cannot have been: nobody applied for the end of a certificate,
/// found it wrong or discarded it before its first day, and no card was lost before it was issued, or returned before what is on it was
/// . A change of the register may be of any day since birth.
pub(super) fn check_event_day(
    strike: &Strike<'_>,
    dossier: &Dossier,
    card: &CardRecord,
    now: UnixTime,
) -> Result<(), Refusal> {
    use Cause::*;
    let Some(day) = strike.event_day else { return Ok(()) };
    let certified = || {
        let ends = |kind| strike.kinds.contains(&kind) && strike.cause.effect(kind).event().is_some();
        let struck = |one: &&CertificateRecord| ends(one.kind) && one.is_current(now);
        let here = dossier.certificates.iter().filter(|one| one.card == card.number).filter(struck);
        here.map(|one| day_of(one.not_before)).max()
    };
    let (first, thing, thing_ja) = match strike.cause {
        KeyCompromise => (certified(), "the key was certified", "鍵の証明日"),
        HolderApplication | RecordError | DuplicateIssue | DiscardedBeforeDelivery => {
            (certified(), "the certificate was issued", "電子証明書の発行日")
        }
        CardDamaged
        | CardLost
        | CardFound
        | CardReissuedAfterLoss
        | CardReissuedAfterDamage
        | CardReturned
        | FaceAuthenticationOn => match certified() {
            Some(day) if day > card.issue_day => (Some(day), "the certificate was issued", "電子証明書の発行日"),
            _ => (Some(card.issue_day), "the card was issued", "カードの発行日"),
        },
        _ => return Ok(()),
    };
    match first.filter(|first| day < *first) {
        Some(first) => Err(impossible(
            format!("the event is of {day}, before {thing} on {first}"),
            format!("事由の発生日（{}）が{thing_ja}（{}）より前です。", in_japanese(day), in_japanese(first)),
        )),
        None => Ok(()),
    }
}

/// The first instant of the day of the event, where that is before today: revocationDate says when it was recorded.
pub(super) fn invalidity_date(event_day: Option<Day>, now: UnixTime) -> Result<Option<UnixTime>, Refusal> {
    let Some(day) = event_day else { return Ok(None) };
    let today = day_of(now);
    if day > today {
        let detail = format!("the event is of {day}, which is to come; report it when it has happened");
        let ja = format!("事由の発生日（{}）が未来の日付です。発生してから届け出てください。", in_japanese(day));
        return Err(impossible(detail, ja));
    }
    let eve = day
        .previous_day()
        .ok_or_else(|| impossible("the day of the event is before the calendar", "事由の発生日が暦の範囲外です。"))?;
    let first = last_instant(eve) + std::time::Duration::from_secs(1);
    Ok(Some(first).filter(|_| day < today))
}
