//! The story of an exception (E-07): SIGN for a person under 15 or an adult ward, never by one officer alone.
//!
//! One officer hands in the exact request for certificates with the reason, the agent standing there. Its digest is the name of
//! the exception. Another credential, of the same municipality or an operator's, approves that digest; then that very request,
//! and no other, is issued once, on the same day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Actor, Authority, Once, StoryError, enclosed::verified_requests, enrol::Enrolment, once::Telling};
use crate::{
    audit::Draft,
    kind::Kind,
    limits::EXCEPTION_PAGE,
    municipality::MunicipalityCode,
    ports::{CardNumber, Change, ExceptionRecord, HolderRecord, HolderReference, RequestDigest, Step},
    rules::{
        Asked, Day, Refusal,
        calendar::{day_of, day_text, last_instant},
        decide_eligibility,
        exception::{Exception, ExceptionForm, check_asked},
    },
    x509::{UnixTime, hex},
};

/// What the first officer hands in.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionRequest {
    /// Why, in words that an auditor can follow.
    pub reason: String,
    /// Whether the statutory agent stands at the counter.
    pub agent_present: bool,
    /// Whether the request goes to `/v1/renewals`.
    #[serde(default)]
    pub renewal: bool,
    /// The request for certificates, as it will be sent.
    pub request: Enrolment,
}

/// How far an exception is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionState {
    /// It waits for the second officer.
    Asked,
    /// The request may be issued.
    Approved,
    /// It was issued.
    Used,
    /// The day is over, and it was not used.
    Over,
}

/// An exception as both officers see it. The reason may speak of a person, and does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionStatus {
    /// The digest of the request.
    pub exception: RequestDigest,
    /// How far it is.
    pub state: ExceptionState,
    /// The municipality that asked.
    pub municipality: MunicipalityCode,
    /// For whom.
    pub holder: HolderReference,
    /// On which card.
    pub card: CardNumber,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub asked_by: String,
    /// The day for which it holds.
    #[serde(with = "day_text")]
    pub day: Day,
    /// Who approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<UnixTime>,
}

impl std::fmt::Debug for ExceptionStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExceptionStatus({}, {:?})", self.exception, self.state)
    }
}

/// An exception that allows a request, and its record.
pub(super) struct Excepted {
    pub(super) exception: Exception,
    record: ExceptionRecord,
}

impl Authority {
    /// Takes an exception that is asked for. It allows nothing yet.
    ///
    /// # Errors
    /// `E-07` for a reason that is none, an absent agent, a town that knows no exception, a request that needs none, and one that
    /// was asked for before; `E-02`, `T-04`, `T-05` and those of the facts as for issuing.
    pub fn ask_exception(
        &self,
        actor: &Actor,
        once: &Once,
        asked: &ExceptionRequest,
    ) -> Result<ExceptionStatus, StoryError> {
        let enrolment = &asked.request;
        let subject = format!("holder/{}", enrolment.holder.reference);
        self.tell(actor, once, &subject, |telling| {
            check_asked(&asked.reason, asked.agent_present)?;
            let own = actor.municipality()?;
            self.knows_exceptions(own)?;
            let resident = self.resident(telling, &enrolment.holder)?;
            self.check_made(enrolment)?;
            verified_requests(enrolment)?;
            needs_one(enrolment, &resident.holder, day_of(telling.now))?;
            let record = ExceptionRecord {
                digest: enrolment.digest(if asked.renewal { Asked::Renewal } else { Asked::New })?,
                municipality: own,
                holder: enrolment.holder.reference.clone(),
                card: enrolment.card.number.clone(),
                reason: asked.reason.clone(),
                asked_by: actor.audit_name(),
                asked: telling.now,
                approved: None,
                used: None,
                version: 0,
            };
            if self.store().exception(&record.digest)?.is_some() {
                return refused(
                    "an exception was asked for this request before; ask for another with new keys",
                    "この要求の例外はすでに申請されています。新しい鍵で申請してください。",
                );
            }
            self.put(telling, "exception.asked", record)
        })
    }

    /// An exception, for its municipality, operators and auditors.
    ///
    /// # Errors
    /// `T-09` if there is none that the actor may see.
    pub fn exception(&self, actor: &Actor, digest: &RequestDigest) -> Result<ExceptionStatus, StoryError> {
        Ok(self.seen_exception(&self.visible(actor, digest)?))
    }

    /// The municipality's own exceptions of today that wait for the second officer, oldest first.
    ///
    /// # Errors
    /// `E-02` for who is no municipality.
    pub fn waiting_exceptions(&self, actor: &Actor) -> Result<Vec<ExceptionStatus>, StoryError> {
        self.waiting_in(actor.municipality()?)
    }

    pub(super) fn waiting_in(&self, own: MunicipalityCode) -> Result<Vec<ExceptionStatus>, StoryError> {
        let yesterday = day_of(self.parts().clock.now()).previous_day();
        let today = yesterday.map_or(UnixTime::EPOCH, |day| last_instant(day) + Duration::from_secs(1));
        let asked = self.store().exceptions(own, today, EXCEPTION_PAGE)?;
        let seen = asked.iter().map(|record| self.seen_exception(record));
        Ok(seen.filter(|status| status.state == ExceptionState::Asked).collect())
    }

    /// The second officer approves the exact request.
    ///
    /// # Errors
    /// `T-09` if there is none that the actor may see; `E-07` for who asked for it, for one that is approved already, and when the
    /// day is over on which the agent was there.
    pub fn approve_exception(
        &self,
        actor: &Actor,
        once: &Once,
        digest: &RequestDigest,
    ) -> Result<ExceptionStatus, StoryError> {
        self.tell(actor, once, &format!("exception/{digest}"), |telling| {
            let record = self.visible(actor, digest)?;
            if actor.municipality().is_err() {
                actor.operator()?;
            }
            self.knows_exceptions(record.municipality)?;
            if record.approved.is_some() {
                return refused("the exception is approved already", "この例外はすでに承認されています。");
            }
            of_the_day(&record, day_of(telling.now))?;
            let approved = Some((actor.audit_name(), telling.now));
            let record = ExceptionRecord { approved, ..record };
            made(&record)?;
            self.put(telling, "exception.approved", record)
        })
    }

    /// The exception that allows this very request, if it needs one and one was asked for.
    ///
    /// # Errors
    /// `E-07` for one that nobody approved yet, that was used, or whose day is over.
    pub(super) fn excepted(
        &self,
        telling: &Telling<'_>,
        asked: Asked,
        enrolment: &Enrolment,
        holder: &HolderRecord,
    ) -> Result<Option<Excepted>, StoryError> {
        let today = day_of(telling.now);
        if needs_one(enrolment, holder, today).is_err() {
            return Ok(None);
        }
        let own = telling.actor.municipality()?;
        let found = self.store().exception(&enrolment.digest(asked)?)?;
        let Some(record) = found.filter(|record| record.municipality == own) else { return Ok(None) };
        self.knows_exceptions(own)?;
        of_the_day(&record, today)?;
        if record.used.is_some() {
            return refused(
                "the exception was used; another request needs another",
                "この例外は使用済みです。別の要求には別の例外が必要です。",
            );
        }
        Ok(Some(Excepted { exception: made(&record)?, record }))
    }

    fn put(&self, telling: &Telling<'_>, action: &str, record: ExceptionRecord) -> Result<ExceptionStatus, StoryError> {
        let status = self.seen_exception(&record);
        let subject = format!("holder/{}", record.holder);
        let audit = telling.audit(action, subject, said(&record).to_string());
        let steps = vec![Step::Exception(Box::new(record)), telling.answer(&status)?];
        self.store().commit(Change { steps, audit })?;
        Ok(status)
    }

    fn visible(&self, actor: &Actor, digest: &RequestDigest) -> Result<ExceptionRecord, StoryError> {
        let sees = |record: &ExceptionRecord| actor.oversees() || actor.municipality() == Ok(record.municipality);
        let found = self.store().exception(&digest.0)?.filter(sees);
        Ok(found.ok_or_else(|| Refusal::new("T-09", "there is no such exception").with_ja("その例外はありません。"))?)
    }

    fn knows_exceptions(&self, town: MunicipalityCode) -> Result<(), StoryError> {
        if self.counter(town).exception_path {
            return Ok(());
        }
        refused(
            "this municipality issues no signing certificate by exception (C-13)",
            "この市区町村では、例外による署名用電子証明書の発行は行いません（C-13）。",
        )
    }

    fn seen_exception(&self, record: &ExceptionRecord) -> ExceptionStatus {
        let day = day_of(record.asked);
        let state = match (&record.approved, record.used) {
            (_, Some(_)) => ExceptionState::Used,
            _ if day_of(self.parts().clock.now()) > day => ExceptionState::Over,
            (Some(_), None) => ExceptionState::Approved,
            (None, None) => ExceptionState::Asked,
        };
        let (approved_by, approved) = record.approved.clone().unzip();
        ExceptionStatus {
            exception: RequestDigest(record.digest),
            state,
            municipality: record.municipality,
            holder: record.holder.clone(),
            card: record.card.clone(),
            reason: record.reason.clone(),
            asked_by: record.asked_by.clone(),
            day,
            approved_by,
            approved,
        }
    }
}

impl Excepted {
    /// The step that uses it up, in the change that reserves the SIGN; the audit entry tells of it.
    pub(super) fn using(&self, sign: u64, audit: &mut Draft) -> Step {
        let record = ExceptionRecord { used: Some(sign), ..self.record.clone() };
        let told: serde_json::Value = serde_json::from_str(&audit.detail).unwrap_or_default();
        let mut told = if told.is_array() { serde_json::json!({ "certificates": told }) } else { told };
        told["exception"] = said(&record);
        audit.detail = told.to_string();
        Step::Exception(Box::new(record))
    }
}

/// What the audit says of it: who and by which reason, the reason itself as a digest, for it may speak of a person.
fn said(record: &ExceptionRecord) -> serde_json::Value {
    let reason = ring::digest::digest(&ring::digest::SHA256, record.reason.as_bytes());
    serde_json::json!({
        "rule": "E-07",
        "request": RequestDigest(record.digest),
        "reason_sha256": hex(reason.as_ref()),
        "asked_by": record.asked_by,
        "approved_by": record.approved.as_ref().map(|(by, _)| by),
    })
}

/// The exception that two officers made.
fn made(record: &ExceptionRecord) -> Result<Exception, StoryError> {
    let Some((approved_by, _)) = &record.approved else {
        return refused("the exception waits for the approval of a second officer", "別の職員の承認を待っています。");
    };
    Ok(Exception::parse(&ExceptionForm {
        reason: record.reason.clone(),
        decided_by: record.asked_by.clone(),
        approved_by: approved_by.clone(),
        // An exception is not taken without, and holds for that day only.
        agent_present: true,
    })?)
}

fn of_the_day(record: &ExceptionRecord, today: Day) -> Result<(), StoryError> {
    if day_of(record.asked) == today {
        return Ok(());
    }
    refused(
        "the exception held for the day on which the agent was there; ask anew",
        "例外は法定代理人が来庁した日に限り有効です。あらためて申請してください。",
    )
}

/// Refuses what can be issued without an exception, and what no exception helps.
fn needs_one(enrolment: &Enrolment, holder: &HolderRecord, today: Day) -> Result<(), Refusal> {
    let none = |detail: &str, ja: &'static str| Err(Refusal::new("E-07", detail).with_ja(ja));
    if enrolment.requests.of(Kind::Sign).is_none() {
        return none(
            "an exception is for a signing certificate; this request has none",
            "例外は署名用電子証明書のためのものです。この要求には含まれていません。",
        );
    }
    match decide_eligibility(Kind::Sign, holder.birth, holder.ward, today) {
        Ok(_) => none(
            "the person may have a signing certificate; no exception is needed",
            "署名用電子証明書を発行できる方です。例外は必要ありません。",
        ),
        Err(refusal) if matches!(&*refusal.rule, "E-05" | "E-06") => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

fn refused<T>(detail: &str, ja: &'static str) -> Result<T, StoryError> {
    Err(Refusal::new("E-07", detail).with_ja(ja).into())
}
