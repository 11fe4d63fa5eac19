//! The stories of a relying party's question: admit, look up, decide, record, and only then tell.
//!
//! Every question goes the same way (`ask`). What was told stands in the ledger before it leaves; the store counts it
//! against the quota in the same step, so that however many ask at once, none is told beyond it. A party that is suspended
//! while it is being answered is refused: the record is accepted only under the terms by which it was decided.
//!
//! A status is read once more after it was recorded. The record is an audit entry of now, behind which no event of the past
//! can be recorded any more; so what is stated as known at K stays true.

use std::{cell::Cell, sync::Arc};

use serde::Serialize;

use super::{Actor, Authority, StoryError, refusals};
use crate::{
    audit::Draft,
    kind::Kind,
    limits::CONFLICT_RETRIES,
    ports::{CertificateRecord, Change, DisclosureRecord, History, RelyingPartyRecord, Role, Step, StoreError},
    revocation::{
        responder::Delegate,
        state_at::StatusAt,
        statement::{self, Claims},
    },
    rules::{
        Admission, AskedTimes, Disclosure, DraftNumber, Moment, Party, Query, Refusal, Subject, decide_admission,
        decide_disclosure, decide_moment,
    },
    x509::{Serial, UnixTime, hex},
};

mod facts;
mod successor;

pub use facts::FactsAnswer;
pub use successor::SuccessorAnswer;

/// What a relying party asks, about which serial number of which CA.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) query: Query,
    pub(super) kind: Kind,
    pub(super) serial: &'a Serial,
    /// For a status; otherwise none.
    pub(super) times: AskedTimes,
}

/// The certificate that was asked about, looked up for an admitted question.
pub(super) struct Found {
    pub(super) history: History,
    pub(super) moment: Moment,
    pub(super) now: UnixTime,
    admission: Admission,
    /// The consent and the version of its holder that an answer rests on.
    rests_on: Cell<Option<(DraftNumber, u64)>>,
}

impl Found {
    /// The certificate.
    pub(super) fn certificate(&self) -> &CertificateRecord {
        &self.history.certificate
    }

    /// Says that the answer rests on a consent and on what was read of its holder at that version: it is recorded only
    /// while both still stand.
    pub(super) fn rest_on(&self, consent: DraftNumber, version: u64) {
        self.rests_on.set(Some((consent, version)));
    }

    /// Lets the rules decide; `complete` adds to the plain facts what this query needs.
    pub(super) fn decide(&self, complete: impl FnOnce(&mut Subject)) -> Result<Disclosure, Refusal> {
        let not_after = self.certificate().not_after;
        let mut subject = Subject { not_after, other_not_after: None, consent: false, newer: false };
        complete(&mut subject);
        decide_disclosure(self.admission, Some(&subject), self.now)
    }
}

/// A status with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedStatus {
    /// What is stated, to read.
    pub status: Claims,
    /// The same, signed: a compact JWS.
    pub statement: String,
}

/// The other certificate of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PairAnswer {
    /// Its kind.
    pub kind: Kind,
    /// Its serial number (対応証明書の発行の番号).
    pub serial: Serial,
}

impl Authority {
    /// States the status of a certificate, now or at a time, signed.
    ///
    /// # Errors
    /// [`StoryError::Refused`] by an `L-` rule or `T-09`; otherwise as the error says, and then nothing was signed.
    pub fn tell_status(
        &self,
        actor: &Actor,
        (kind, serial): (Kind, &Serial),
        times: AskedTimes,
    ) -> Result<SignedStatus, StoryError> {
        let query = if times == AskedTimes::default() { Query::Status } else { Query::StatusAt };
        let (moment, now) = self.ask(actor, &Question { query, kind, serial, times }, |found| {
            found.decide(|_| {})?;
            status_at(&found.history, found.moment, found.now)?;
            Ok((found.moment, found.now))
        })?;
        let history = self.store().history(kind, serial)?.filter(History::is_issued);
        let history = history.ok_or_else(|| StoryError::Corrupt("a certificate is not there any more".into()))?;
        let status = status_at(&history, moment, now)?;
        self.state(actor.name(), &history.certificate, status, now)
    }

    /// Tells the serial number of the other certificate of the pair (法18③).
    ///
    /// # Errors
    /// As for [`Self::tell_status`].
    pub fn tell_pair(&self, actor: &Actor, (kind, serial): (Kind, &Serial)) -> Result<PairAnswer, StoryError> {
        let question = Question { query: Query::Pair, kind, serial, times: AskedTimes::default() };
        self.ask(actor, &question, |found| {
            let certificate = found.certificate();
            let dossier = self.store().dossier(&certificate.holder)?;
            let dossier = dossier.ok_or_else(|| StoryError::Corrupt("a certificate without its holder".into()))?;
            let is_other = |one: &&CertificateRecord| {
                one.kind == kind.other() && Some(one.index) == certificate.pair && one.certificate.is_some()
            };
            let other = dossier.certificates.iter().find(is_other);
            found.decide(|subject| subject.other_not_after = other.map(|other| other.not_after))?;
            let serial = other.map(|other| other.serial);
            let serial = serial.ok_or_else(|| StoryError::Fault("a pair was decided without its other".into()))?;
            Ok(PairAnswer { kind: kind.other(), serial })
        })
    }

    /// Asks: `answer` decides and prepares what is told, from what was looked up; it is told when it is recorded. A refusal
    /// of `answer` is recorded as withheld, for it tells something too.
    pub(super) fn ask<T>(
        &self,
        actor: &Actor,
        question: &Question<'_>,
        answer: impl Fn(&Found) -> Result<T, StoryError>,
    ) -> Result<T, StoryError> {
        for _ in 0..CONFLICT_RETRIES {
            match self.ask_once(actor, question, &answer) {
                Err(StoryError::Conflict) => {}
                told => return told,
            }
        }
        Err(StoryError::Unavailable("the relying party's terms changed too often; ask again".into()))
    }

    fn ask_once<T>(
        &self,
        actor: &Actor,
        question: &Question<'_>,
        answer: impl Fn(&Found) -> Result<T, StoryError>,
    ) -> Result<T, StoryError> {
        if actor.role() != Some(Role::RelyingParty) {
            return Err(Refusal::new("T-08", "only a relying party may ask for this")
                .with_ja("署名検証者等だけが行えます。")
                .into());
        }
        let now = self.parts().clock.now();
        let party = self.store().relying_party(actor.name())?;
        let (party, (admission, moment)) = match (admit(party.as_ref(), question, now), &party) {
            (Ok(admitted), Some(party)) => (party, admitted),
            (Ok(_), None) => return Err(StoryError::Fault("nobody was admitted".into())),
            (Err(refusal), party) => return self.refuse_question(actor, party.is_some(), question, (now, refusal)),
        };
        let history = self.store().history(question.kind, question.serial)?.filter(History::is_issued);
        let found = history.map(|history| Found { history, moment, now, admission, rests_on: Cell::new(None) });
        let told = match &found {
            Some(found) => answer(found),
            None => decide_disclosure(admission, None, now)
                .map_err(StoryError::from)
                .and_then(|_| Err(StoryError::Fault("nothing was to be told".into()))),
        };
        let withheld = match &told {
            Ok(_) => None,
            Err(StoryError::Refused(refusal)) => Some(refusal.rule.clone().into_owned()),
            Err(_) => return told,
        };
        let of = found.as_ref().map(|found| (found.certificate().index, found.certificate().holder.clone()));
        let (query, kind, name) = (question.query, question.kind, party.name.clone());
        let record = DisclosureRecord { number: 0, at: now, party: name, query, kind, of, withheld };
        let rests_on = found.as_ref().and_then(|found| found.rests_on.get());
        let rests_on = rests_on.map(|(number, version)| Step::UnderConsent { number, version });
        match self.record(actor, question, (record, party.version), rests_on) {
            Ok(()) => told,
            Err(StoreError::OverQuota) => {
                let detail = format!("the quota of {} answers a day is used up", party.terms.daily_quota);
                self.refuse_question(
                    actor,
                    true,
                    question,
                    (
                        now,
                        Refusal::new("L-06", detail)
                            .with_ja(format!("本日の照会の上限（{}件）に達しました。", party.terms.daily_quota)),
                    ),
                )
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a look-up into the ledger, with the refusals that wait.
    fn record(
        &self,
        actor: &Actor,
        question: &Question<'_>,
        (record, version): (DisclosureRecord, u64),
        rests_on: Option<Step>,
    ) -> Result<(), StoreError> {
        let at = record.at;
        let audit = Draft {
            at,
            actor: actor.audit_name(),
            action: if record.withheld.is_none() { "certificate.disclosed" } else { "certificate.withheld" }.into(),
            subject: format!("certificate/{}/{}", question.kind, question.serial),
            detail: match &record.withheld {
                None => serde_json::json!({ "query": question.query }),
                Some(rule) => serde_json::json!({ "query": question.query, "rule": rule }),
            }
            .to_string(),
        };
        let waiting = self.refusals.take(actor.name());
        let mut steps = refusals::steps(actor.name(), at, &waiting);
        steps.push(Step::Disclosure { record, version });
        steps.extend(rests_on);
        let done = self.store().commit(Change { steps, audit });
        if done.is_err() {
            self.refusals.put_back(actor.name(), waiting);
        }
        done
    }

    /// Counts a question that is refused without having told anything, and refuses it.
    fn refuse_question<T>(
        &self,
        actor: &Actor,
        registered: bool,
        question: &Question<'_>,
        (now, refusal): (UnixTime, Refusal),
    ) -> Result<T, StoryError> {
        let name = actor.name();
        if self.refusals.add(name, question.query, now) {
            let audit = Draft {
                at: now,
                actor: actor.audit_name(),
                action: "request.refused".into(),
                subject: format!("query/{}/{}", question.query, question.kind),
                detail: serde_json::json!({ "rule": refusal.rule }).to_string(),
            };
            let waiting = self.refusals.take(name);
            // Who has no terms has no usage either.
            let steps = if registered { refusals::steps(name, now, &waiting) } else { Vec::new() };
            if let Err(error) = self.store().commit(Change { steps, audit }) {
                self.refusals.put_back(name, waiting);
                return Err(error.into());
            }
        }
        Err(refusal.into())
    }

    /// States and signs a status.
    fn state(
        &self,
        party: &str,
        certificate: &CertificateRecord,
        status: StatusAt,
        now: UnixTime,
    ) -> Result<SignedStatus, StoryError> {
        let CertificateRecord { kind, generation, .. } = *certificate;
        let issuer = self.parts().issuers.generation(kind, generation);
        let issuer = issuer.ok_or_else(|| StoryError::Fault(format!("no {kind} CA of generation {generation}")))?;
        let key_hash = issuer.public_key().key_sha256();
        let claims = Claims {
            iss: self.parts().profile.base_uri.clone(),
            aud: party.to_owned(),
            iat: now.seconds(),
            kind,
            generation,
            issuer_key_sha256: hex(&key_hash),
            serial: certificate.serial,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            status,
        };
        let delegate = self.delegate(kind, generation)?;
        let statement = statement::sign(&claims, &delegate, issuer.certificate(), now);
        let statement = statement.map_err(|error| match error {
            statement::StatementError::NotValid => StoryError::Unavailable(error.to_string()),
            other => StoryError::Fault(other.to_string()),
        })?;
        Ok(SignedStatus { status: claims, statement })
    }

    /// The responder that speaks for a CA generation.
    fn delegate(&self, kind: Kind, generation: u8) -> Result<Arc<Delegate>, StoryError> {
        let desk = self.desk.get().ok_or_else(|| StoryError::Unavailable("no OCSP responder is there yet".into()))?;
        let found =
            desk.responder().delegates(self.parts().clock.now()).find(|(issuer, _)| *issuer == (kind, generation));
        let none = || StoryError::Fault(format!("no OCSP responder of the {kind} CA, generation {generation}"));
        found.map(|(_, delegate)| delegate).ok_or_else(none)
    }
}

/// Admits a question before anything is looked up.
fn admit(
    party: Option<&RelyingPartyRecord>,
    question: &Question<'_>,
    now: UnixTime,
) -> Result<(Admission, Moment), Refusal> {
    let standing = party.map(|party| Party { terms: &party.terms, suspended: party.suspended.is_some() });
    let admission = decide_admission(standing, question.query, question.kind, now)?;
    Ok((admission, decide_moment(question.times, now)?))
}

fn status_at(history: &History, moment: Moment, now: UnixTime) -> Result<StatusAt, Refusal> {
    StatusAt::of(history, moment, now)
        .map_err(|error| Refusal::new("L-10", error.to_string()).with_ja("指定された時点の情報は提供できません。"))
}
