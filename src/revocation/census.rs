//! The census: what every channel says of a certificate, held against the one truth, which is the fold of the status
//! events.
//!
//! Why every comparison names a position: while revocations stream in, no two channels are read at one instant. But a row
//! of the table is read beside the position of the last event, a list is kept with the position that it takes into account, and
//! an answer lies between two positions that can be read. So nothing is asked again until it fits: what differs at its
//! position is a contradiction.
//!
//! | channel | must say what the events say |
//! |---|---|
//! | the table of certificates | up to the position that was read with the row |
//! | the status index, folded anew | up to the last event |
//! | an OCSP answer | up to some position between the index's before asking and the last event after |
//! | a complete list | up to its position, of certificates that were not over when the list before was made |
//! | a delta on its base | up to its position, of certificates that were not over when the base was made |
//!
//! Nothing here reads or asks; `cli/doctor` walks.

use std::fmt;

use serde::Serialize;

use super::index::Status;
use crate::{
    kind::Kind,
    ports::{CertificateRecord, Revocation},
    rules::{Cause, CertificateState},
    x509::{CertificateView, CrlEntry, Name, RevocationReason, Serial, UnixTime, ocsp::SingleStatus},
};

mod ledger;
mod lists;

pub use ledger::Ledger;
pub use lists::{Base, Kept, examine, examine_read};

/// What a channel says of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// No certificate was ever issued under the serial.
    NeverIssued,
    /// Issued, and neither held nor revoked.
    Good,
    /// On hold or revoked.
    Ended(End),
}

/// A hold or a revocation, as far as a channel tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Whether it is a hold.
    pub held: bool,
    /// revocationDate.
    pub date: UnixTime,
    /// reasonCode.
    pub reason: RevocationReason,
    /// invalidityDate; OCSP does not tell it.
    pub invalidity: Option<UnixTime>,
    /// What brought it about; only the store tells it.
    pub cause: Option<Cause>,
}

impl Said {
    /// What a state with its revocation says; nothing where one lacks the other.
    #[must_use]
    pub fn of(state: CertificateState, revocation: Option<&Revocation>) -> Option<Self> {
        let held = state == CertificateState::Held;
        match (state, revocation) {
            (CertificateState::Reserved, None) => Some(Self::NeverIssued),
            (CertificateState::Live, None) => Some(Self::Good),
            (CertificateState::Held | CertificateState::Revoked, Some(end)) => Some(Self::Ended(End {
                held,
                date: end.revocation_date,
                reason: end.reason,
                invalidity: end.invalidity_date,
                cause: Some(end.cause),
            })),
            _ => None,
        }
    }

    /// As much of it as a list tells.
    #[must_use]
    pub fn on_list(self) -> Self {
        match self {
            Self::Ended(end) => Self::Ended(end.on_list()),
            other => other,
        }
    }

    /// As much of it as an OCSP answer tells.
    #[must_use]
    pub fn in_answer(self) -> Self {
        match self {
            Self::Ended(end) => Self::Ended(End { invalidity: None, ..end.on_list() }),
            other => other,
        }
    }
}

impl End {
    /// As a list or an answer tells it.
    fn told(date: UnixTime, reason: RevocationReason, invalidity: Option<UnixTime>) -> Self {
        Self { held: reason == RevocationReason::CertificateHold, date, reason, invalidity, cause: None }
    }

    fn on_list(self) -> Self {
        Self { held: self.reason == RevocationReason::CertificateHold, cause: None, ..self }
    }
}

impl From<&CrlEntry> for Said {
    fn from(entry: &CrlEntry) -> Self {
        Self::Ended(End::told(entry.revocation_date, entry.reason, entry.invalidity_date))
    }
}

impl From<&SingleStatus> for Said {
    /// `unknown`, and a hold since 1970, are the two ways to say that nothing was issued (RFC 6960 §2.2).
    fn from(status: &SingleStatus) -> Self {
        match *status {
            SingleStatus::Good => Self::Good,
            SingleStatus::Unknown
            | SingleStatus::Revoked { at: UnixTime::EPOCH, reason: RevocationReason::CertificateHold } => {
                Self::NeverIssued
            }
            SingleStatus::Revoked { at, reason } => Self::Ended(End::told(at, reason, None)),
        }
    }
}

impl From<Status> for Said {
    fn from(status: Status) -> Self {
        let revoked = |end: &Revocation| {
            let held = end.reason == RevocationReason::CertificateHold;
            let state = if held { CertificateState::Held } else { CertificateState::Revoked };
            Self::of(state, Some(end)).unwrap_or(Self::NeverIssued)
        };
        match status {
            Status::NeverIssued => Self::NeverIssued,
            Status::Good => Self::Good,
            Status::Revoked(end) => revoked(&end),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self {
            Self::NeverIssued => return f.write_str("never issued"),
            Self::Good => return f.write_str("good"),
            Self::Ended(end) => end,
        };
        let word = if end.held { "held" } else { "revoked" };
        write!(f, "{word} since {} ({}", end.date, end.reason)?;
        if let Some(invalidity) = end.invalidity {
            write!(f, ", invalid since {invalidity}")?;
        }
        if let Some(cause) = end.cause {
            write!(f, ", {cause}")?;
        }
        f.write_str(")")
    }
}

/// Two channels that do not say the same, or one that says what cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// Of which CA.
    pub kind: Kind,
    /// About which certificate; none where it is about a channel as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Serial>,
    /// Who says it: `table`, `index`, `OCSP`, or a list with its number.
    pub channel: String,
    /// What it says.
    pub says: String,
    /// What the events say, and up to which position; none where no event has to do with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
}

impl Contradiction {
    /// Of a channel as a whole.
    #[must_use]
    pub fn of_channel(kind: Kind, channel: impl Into<String>, says: impl Into<String>) -> Self {
        Self { kind, serial: None, channel: channel.into(), says: says.into(), events: None }
    }

    /// Of a channel against the events about a certificate.
    #[must_use]
    pub fn of_certificate(
        (kind, serial): (Kind, Serial),
        channel: impl Into<String>,
        says: impl ToString,
        events: impl Into<String>,
    ) -> Self {
        let (channel, says, events) = (channel.into(), says.to_string(), Some(events.into()));
        Self { kind, serial: Some(serial), channel, says, events }
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if let Some(serial) = &self.serial {
            write!(f, "{serial} ")?;
        }
        write!(f, "{}: {}", self.channel, self.says)?;
        match &self.events {
            Some(events) => write!(f, "; events: {events}"),
            None => Ok(()),
        }
    }
}

/// What is wrong with a row of the table that was read at `position`.
#[must_use]
pub fn examine_row(
    ledger: &Ledger,
    row: &CertificateRecord,
    (position, now): (u64, UnixTime),
) -> Option<Contradiction> {
    let truth = ledger.at(row.kind, row.index, position);
    let says = match row.state {
        // The end of validity makes no event; it comes to what was live or held.
        CertificateState::Expired if row.not_after < now && row.revocation.is_none() => {
            let may_expire = match truth {
                Said::Good => true,
                Said::Ended(end) => end.held,
                Said::NeverIssued => false,
            };
            if may_expire {
                return None;
            }
            format!("expired since {}", row.not_after)
        }
        state => match Said::of(state, row.revocation.as_ref()) {
            Some(said) if said == truth => return None,
            Some(said) => said.to_string(),
            None => format!("{state} with a revocation that does not go with it"),
        },
    };
    Some(Contradiction::of_certificate((row.kind, row.serial), "table", says, up_to(truth, position)))
}

/// What a row says otherwise than the certificate that it holds, which nobody can change: whose it is, which one, and when
/// it is over decide what every channel says of it. The signature was looked at when it was made.
#[must_use]
pub fn examine_signed(row: &CertificateRecord, issuer: &Name) -> Option<Contradiction> {
    // What is reserved or was discarded was never signed.
    let certificate = row.certificate.as_ref()?;
    let says = match CertificateView::from_der(certificate) {
        Err(error) => format!("its certificate cannot be read: {error}"),
        Ok(CertificateView { tbs, .. }) => {
            let same = [
                ("serial number", tbs.serial == row.serial),
                ("issuer", tbs.issuer == issuer.der()),
                ("notBefore", tbs.not_before == row.not_before),
                ("notAfter", tbs.not_after == row.not_after),
                ("tbsCertificate", tbs.der == row.tbs),
            ];
            let (field, _) = same.into_iter().find(|(_, same)| !same)?;
            format!("its certificate has another {field}")
        }
    };
    let about = Contradiction::of_channel(row.kind, "table", says);
    Some(Contradiction { serial: Some(row.serial), ..about })
}

/// What is wrong with the fold of the status index about a certificate.
#[must_use]
pub fn examine_index(ledger: &Ledger, (kind, index): (Kind, u64), serial: Serial) -> Option<Contradiction> {
    let (truth, says) = (ledger.at(kind, index, ledger.position()), ledger.folded(kind, index));
    let events = up_to(truth, ledger.position());
    (says != truth).then(|| Contradiction::of_certificate((kind, serial), "index", says, events))
}

/// What is wrong with an OCSP answer that was given between two positions. Without an index, nothing was ever issued under
/// the serial.
#[must_use]
pub fn examine_answer(
    ledger: &Ledger,
    (kind, index): (Kind, Option<u64>),
    serial: Serial,
    (status, from, to): (&SingleStatus, u64, u64),
) -> Option<Contradiction> {
    let says = Said::from(status);
    let truths = match index {
        None => vec![Said::NeverIssued],
        Some(index) => ledger.between(kind, index, from, to),
    };
    if truths.iter().any(|truth| truth.in_answer() == says) {
        return None;
    }
    let told: Vec<_> = truths.iter().map(Said::to_string).collect();
    let events = format!("{} (positions {from} to {to})", told.join(", then "));
    Some(Contradiction::of_certificate((kind, serial), "OCSP", says, events))
}

fn up_to(truth: Said, position: u64) -> String {
    format!("{truth} (position {position})")
}
