//! The story of a CA key that others may have: its generation issues nothing more, and everything that it signed ends.
//!
//! # Order
//! First the store takes note of the compromise: from then on it records no certificate of the generation, whoever signed it and
//! whatever was on its way, also after a restart. Then its certificates end, a page of them a commit, and last the store takes
//! note that nothing of it stands. A process that was killed in between left pages that are done and pages that are not:
//! the same command, or the next start, goes on with what still stands.
//!
//! # Notices
//! A holder is not written to: the law asks that it be published on the Internet without delay (法15③), which lists and answers do.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{
    Actor, Authority, DualControl, Once, StoryError,
    approval::{Approved, Second},
    once::Telling,
};
use crate::{
    audit::{Draft, approval::Content},
    kind::Kind,
    limits::{COMPROMISE_PAGE, COMPROMISE_PAGES},
    ports::{AuthorityRecord, CertificateRecord, Change, Revocation, Step, Store, StoreError},
    rules::{Cause, Refusal, decide_transition},
    x509::{Serial, UnixTime, hex},
};

/// What an operator sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompromiseRequest {
    /// Which CA.
    pub kind: Kind,
    /// Which generation of it.
    pub generation: u8,
    /// SHA-256 of its certificate, in hexadecimal: so that nobody ends the wrong CA by a slip.
    pub confirm: String,
    /// The approvals of the others that it takes; none where it was declared before and goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compromised {
    /// Which CA.
    pub kind: Kind,
    /// Which generation of it.
    pub generation: u8,
    /// Since when the service knows.
    pub compromised_at: UnixTime,
    /// Certificates that ended by this request.
    pub revoked: u64,
    /// Whether there may be more: ask again, with another Idempotency-Key.
    pub more: bool,
}

/// How far the pages of this process have come, by generation: indexes before these are done.
#[derive(Default)]
pub(super) struct Progress(Mutex<BTreeMap<(Kind, u8), u64>>);

/// SHA-256 of a CA certificate, as it is confirmed.
#[must_use]
pub fn fingerprint(record: &AuthorityRecord) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, &record.certificate).as_ref())
}

/// The approvals of a compromise that is declared now. One that was declared before goes on without.
///
/// # Errors
/// `T-16` where nobody else approved it; otherwise as the store says.
pub fn approved(
    store: &dyn Store,
    control: &DualControl,
    (actor, now): (&Actor, UnixTime),
    (record, approvals): (&AuthorityRecord, &[String]),
) -> Result<Vec<Approved>, StoryError> {
    if record.compromise.is_some() {
        return Ok(Vec::new());
    }
    let content = Content::ca_compromise(record.kind, record.generation, &record.certificate);
    control.judge((store, now), (actor, Second::Operator), &content, approvals)
}

impl Authority {
    /// Declares the key of a CA generation compromised, and ends as many of its certificates as one request may.
    ///
    /// # Errors
    /// [`StoryError::Refused`]: `T-08` unless an operator or the service itself asks, `T-09` for a generation that is not there,
    /// `T-01` where another certificate is confirmed, `R-01` where all of it ended before, `T-16` where it was not declared before
    /// and nobody else approved it; otherwise as the error says. What was done stays done, and asking again goes on.
    pub fn compromise(
        &self,
        actor: &Actor,
        once: &Once,
        request: &CompromiseRequest,
    ) -> Result<Compromised, StoryError> {
        let subject = format!("ca/{}/{}", request.kind, request.generation);
        self.tell(actor, once, &subject, |telling| {
            if actor.role().is_some() {
                actor.operator()?;
            }
            let record = self.generation_record((request.kind, request.generation))?;
            confirm(&record, request)?;
            if record.compromise.is_some_and(|known| known.is_settled) {
                let detail = format!(
                    "generation {} of the {} CA was declared compromised before, and nothing of it stands",
                    record.generation, record.kind
                );
                return Err(Refusal::new("R-01", detail).into());
            }
            let by = (telling.actor, telling.now);
            let approved = approved(self.store(), &self.parts().control, by, (&record, &request.approvals))?;
            let (told, settled) = self.end_generation(telling, &record, &approved, COMPROMISE_PAGES)?;
            let mut steps: Vec<Step> = settled.into_iter().collect();
            steps.push(telling.answer(&told)?);
            let action = if told.more { "generation.ending" } else { "generation.ended" };
            let detail = serde_json::json!({ "cause": Cause::CaKeyCompromise, "rule": Cause::CaKeyCompromise.rule() });
            self.store().commit(Change { steps, audit: telling.audit(action, &subject, detail.to_string()) })?;
            Ok(told)
        })
    }

    /// Goes on with what a crash left of a compromise: start-up. How many certificates ended.
    ///
    /// # Errors
    /// As the store says.
    pub fn settle_compromises(&self) -> Result<u64, StoryError> {
        let mut revoked = 0;
        for record in self.store().authorities()? {
            if record.compromise.is_none_or(|known| known.is_settled) {
                continue;
            }
            let (actor, once) = (Actor::service(), Once { key: String::new(), digest: [0; 32] });
            let telling = Telling { actor: &actor, once: &once, now: self.parts().clock.now() };
            let (told, settled) = self.end_generation(&telling, &record, &[], usize::MAX)?;
            revoked += told.revoked;
            let subject = format!("ca/{}/{}", record.kind, record.generation);
            let detail = serde_json::json!({ "cause": Cause::CaKeyCompromise, "rule": Cause::CaKeyCompromise.rule() });
            let audit = telling.audit("generation.ended", subject, detail.to_string());
            self.store().commit(Change { steps: settled.into_iter().collect(), audit })?;
        }
        Ok(revoked)
    }

    fn generation_record(&self, of: (Kind, u8)) -> Result<AuthorityRecord, StoryError> {
        let mut all = self.store().authorities()?.into_iter();
        let found = all.find(|record| (record.kind, record.generation) == of);
        let none = || Refusal::new("T-09", format!("the {} CA has no generation {}", of.0, of.1));
        Ok(found.ok_or_else(none)?)
    }

    /// Notes the compromise and ends certificates, so many pages at most; the step that settles it once none is left.
    fn end_generation(
        &self,
        telling: &Telling<'_>,
        record: &AuthorityRecord,
        approved: &[Approved],
        pages: usize,
    ) -> Result<(Compromised, Option<Step>), StoryError> {
        let (kind, generation) = (record.kind, record.generation);
        let compromised_at = self.note_compromise(telling, record, approved)?;
        if let Some(issuer) = self.parts().issuers.generation(kind, generation) {
            issuer.stop();
        }
        let until = self.store().authorities()?.into_iter();
        let mut later = until.filter(|next| next.kind == kind && next.generation > generation);
        let until = later.next().map_or(u64::MAX, |next| next.first_index);
        let mut from = self.compromises.at(kind, generation).unwrap_or(record.first_index);
        let mut told = Compromised { kind, generation, compromised_at, revoked: 0, more: true };
        for _ in 0..pages {
            let Some((next, count)) = self.end_page(telling, record, (from, until))? else {
                self.compromises.reach(kind, generation, from);
                told.more = false;
                let settled = Step::Compromise { kind, generation, at: compromised_at, settled: true };
                return Ok((told, Some(settled)));
            };
            from = next;
            told.revoked += count;
            self.compromises.reach(kind, generation, from);
        }
        Ok((told, None))
    }

    fn note_compromise(
        &self,
        telling: &Telling<'_>,
        record: &AuthorityRecord,
        approved: &[Approved],
    ) -> Result<UnixTime, StoryError> {
        if let Some(known) = record.compromise {
            return Ok(known.at);
        }
        let (kind, generation, at) = (record.kind, record.generation, telling.now);
        let mut detail = serde_json::json!({ "certificate_sha256": fingerprint(record) });
        if !approved.is_empty() {
            detail["approvals"] = serde_json::json!(approved);
        }
        let audit = telling.audit("generation.compromised", format!("ca/{kind}/{generation}"), detail.to_string());
        let steps = vec![Step::Compromise { kind, generation, at, settled: false }];
        self.store().commit(Change { steps, audit })?;
        Ok(at)
    }

    /// Ends what stands of one page; where the next begins and how many ended, nothing after the last.
    fn end_page(
        &self,
        telling: &Telling<'_>,
        record: &AuthorityRecord,
        (from, until): (u64, u64),
    ) -> Result<Option<(u64, u64)>, StoryError> {
        loop {
            let (mut page, _) = self.store().certificates(record.kind, from, COMPROMISE_PAGE)?;
            page.retain(|one| one.index < until);
            let Some(last) = page.last().map(|last| last.index) else { return Ok(None) };
            let ours = |one: &&CertificateRecord| one.generation == record.generation && one.is_current(telling.now);
            let standing: Vec<&CertificateRecord> = page.iter().filter(ours).collect();
            if standing.is_empty() {
                return Ok(Some((last + 1, 0)));
            }
            let steps = standing.iter().map(|one| self.struck(telling, one)).collect::<Result<_, _>>()?;
            match self.store().commit(Change { steps, audit: page_audit(telling, record, &standing) }) {
                // Something of the page changed meanwhile: it is read again.
                Err(StoreError::Conflict(_)) => {}
                done => return done.map(|()| Some((last + 1, standing.len() as u64))).map_err(Into::into),
            }
        }
    }

    fn struck(&self, telling: &Telling<'_>, one: &CertificateRecord) -> Result<Step, StoryError> {
        let cause = Cause::CaKeyCompromise;
        let event = cause.effect(one.kind).event().ok_or_else(|| StoryError::Fault(format!("{cause} ends nothing")))?;
        let transition = decide_transition(one.kind, one.state, event, &self.parts().policy)?;
        let revocation_date = one.effective_since(telling.now);
        let revocation =
            transition.reason().map(|reason| Revocation { revocation_date, reason, invalidity_date: None, cause });
        let (kind, index, from, to) = (one.kind, one.index, transition.from(), transition.to());
        Ok(Step::Status { kind, index, from, to, revocation })
    }
}

impl Progress {
    fn at(&self, kind: Kind, generation: u8) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(kind, generation)).copied()
    }

    fn reach(&self, kind: Kind, generation: u8, index: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, generation), index);
    }
}

/// Holds what is confirmed against the certificate of the generation.
///
/// # Errors
/// `T-01` for another certificate.
pub fn confirm(record: &AuthorityRecord, request: &CompromiseRequest) -> Result<(), Refusal> {
    if request.confirm.eq_ignore_ascii_case(&fingerprint(record)) {
        return Ok(());
    }
    let detail = format!(
        "what is confirmed is not the SHA-256 of the certificate of the {} CA, generation {}; `jitsuin generation list` shows it",
        record.kind, record.generation
    );
    Err(Refusal::new("T-01", detail))
}

fn page_audit(telling: &Telling<'_>, record: &AuthorityRecord, standing: &[&CertificateRecord]) -> Draft {
    let cause = Cause::CaKeyCompromise;
    let serial = |one: Option<&&CertificateRecord>| -> Option<Serial> { one.map(|one| one.serial) };
    let detail = serde_json::json!({
        "cause": cause, "rule": cause.rule(), "certificates": standing.len(),
        "first": serial(standing.first()), "last": serial(standing.last()),
    });
    telling.audit("generation.revoked", format!("ca/{}/{}", record.kind, record.generation), detail.to_string())
}
