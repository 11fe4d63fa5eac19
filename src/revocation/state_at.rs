//! The state of a certificate at a time, as known at a time, from its whole history.
//!
//! Each event takes legal effect at one instant and is known from another on (R-01, C-08):
//!
//! | event | takes effect | is known from |
//! |---|---|---|
//! | issued | notBefore | its recording |
//! | held, revoked | revocationDate: its recording, or that of the hold it follows | its recording |
//! | released | its recording | its recording |
//!
//! The state at T as known at K is that of the last event recorded by K among those in effect by T: an event overrides what
//! came before it from its effect on. So a hold that became a revocation reads «held» as known before, and «revoked» as
//! known after. An invalidityDate changes no state: the state stays what it was in law, and the answer says from when it is
//! in doubt.

use serde::Serialize;

use crate::{
    ports::{History, StatusEvent},
    rules::{CertificateState, Moment},
    x509::{RevocationReason, UnixTime},
};

/// What a relying party is told of a certificate that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateAt {
    /// Before notBefore.
    NotYetValid,
    /// In effect.
    Live,
    /// 一時保留: suspended.
    Held,
    /// Revoked for good, also after notAfter.
    Revoked,
    /// After notAfter, and not revoked.
    Expired,
}

/// One event as a relying party is told of it: the reason, never the cause behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownEvent {
    /// The state from its effect on: live, held or revoked.
    pub state: CertificateState,
    /// When it took legal effect.
    pub effective: UnixTime,
    /// When it was recorded, which is since when it is known.
    pub recorded: UnixTime,
    /// RFC 5280 §5.3.1; absent when live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<RevocationReason>,
    /// When what led to it happened, where that was before (RFC 5280 §5.3.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalidity_date: Option<UnixTime>,
}

/// The state at a time, and the events that make it so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusAt {
    /// The time of the state.
    pub at: UnixTime,
    /// As known when; absent: with everything recorded up to `position`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_at: Option<UnixTime>,
    /// The last status event that the service had seen; absent where `known_at` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The state.
    pub state: StateAt,
    /// Since when the certificate may have been worthless at that time, though in law it was in effect: the invalidityDate
    /// of a revocation that took effect after `at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubtful_from: Option<UnixTime>,
    /// Everything known of it, oldest first.
    pub events: Vec<KnownEvent>,
}

/// Nothing was recorded of the certificate by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing was known of the certificate before {0}")]
pub struct NotKnownYet(pub UnixTime);

impl StatusAt {
    /// Finds the state in a history that was read at `now`.
    ///
    /// Asked of now, nothing that is recorded is left out, even if its effect lies a little ahead of this clock.
    ///
    /// # Errors
    /// [`NotKnownYet`] if the certificate was recorded after K.
    pub fn of(history: &History, moment: Moment, now: UnixTime) -> Result<Self, NotKnownYet> {
        let known: Vec<KnownEvent> = known_events(history, moment.known_at());
        let Some(last) = known.last() else {
            return Err(NotKnownYet(history.events.first().map_or(now, |first| first.recorded)));
        };
        let latest = known.iter().map(|event| event.effective).max().unwrap_or(now);
        let at = moment.at().unwrap_or(now.max(latest));
        let doubtful_from = last.invalidity_date.filter(|from| (*from..last.effective).contains(&at));
        Ok(Self {
            at,
            known_at: moment.known_at(),
            position: moment.known_at().is_none().then_some(history.position),
            state: state(history, &known, at),
            doubtful_from,
            events: known,
        })
    }
}

fn known_events(history: &History, known_at: Option<UnixTime>) -> Vec<KnownEvent> {
    let known = history.events.iter().filter(|event| known_at.is_none_or(|known_at| event.recorded <= known_at));
    known.enumerate().map(|(number, event)| known_event(history, number, event)).collect()
}

fn known_event(history: &History, number: usize, event: &StatusEvent) -> KnownEvent {
    let issued = || if number == 0 { history.certificate.not_before } else { event.recorded };
    let end = event.revocation.as_ref();
    KnownEvent {
        state: event.state,
        effective: end.map_or_else(issued, |end| end.revocation_date),
        recorded: event.recorded,
        reason: end.map(|end| end.reason),
        invalidity_date: end.and_then(|end| end.invalidity_date),
    }
}

fn state(history: &History, known: &[KnownEvent], at: UnixTime) -> StateAt {
    let certificate = &history.certificate;
    if at < certificate.not_before {
        return StateAt::NotYetValid;
    }
    let in_effect = known.iter().rev().find(|event| event.effective <= at);
    match in_effect.map(|event| event.state) {
        Some(CertificateState::Revoked) => StateAt::Revoked,
        _ if at > certificate.not_after => StateAt::Expired,
        Some(CertificateState::Held) => StateAt::Held,
        _ => StateAt::Live,
    }
}
