//! The story of issuing: a linked pair, or one kind of it, new or in place of what ends.
//!
//! Both certificates of a pair are issued, or neither. The order is reserve, sign, record: the linted octets are stored
//! before the CA key sees them, and a predecessor stays live until its successor is recorded in the same change.

use serde::{Deserialize, Serialize};

use super::{
    Actor, Authority, Once, StoryError, application::Bound, bulk::ForeseenCertificate, enclosed::verified_requests,
    end::StatusChange, enrol::Enrolment, once::Telling, wording::WordedFacts,
};
use crate::{
    audit::Draft,
    ca::{
        Issuer, Prepared, Reserved,
        issue::{Approved, IssueError, Issued},
    },
    kind::Kind,
    limits::CONFLICT_RETRIES,
    ports::{
        CardNumber, CardRecord, CertificateRecord, Change, Dossier, HolderReference, Revocation, SignerError, Step,
        StoreError,
    },
    rules::{Asked, Cause, CertificateState, Day, Refusal, Warning, calendar::day_text},
    x509::{RevocationReason, Serial, UnixTime, hex},
};

mod card;
mod decide;

pub(super) use card::matches_record;
use decide::Decision;
pub(super) use decide::{Mode, Resident, Terms, Wish, new_holder};

/// What was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuance {
    /// AUTH before SIGN.
    pub certificates: Vec<IssuedCertificate>,
    /// The card.
    pub card: CardNumber,
    /// Its last day.
    #[serde(with = "day_text")]
    pub card_last_day: Day,
    /// The first day on which the certificates may be renewed (rule V-11).
    #[serde(with = "day_text")]
    pub renewal_opens: Day,
    /// What the counter should tell the holder.
    pub warnings: Vec<Warning>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCertificate {
    /// Which kind.
    pub kind: Kind,
    /// Which generation of the CA signed it.
    pub generation: u8,
    /// Its serial number.
    pub serial: Serial,
    /// First instant of validity.
    pub not_before: UnixTime,
    /// Last instant of validity.
    pub not_after: UnixTime,
}

impl Authority {
    /// Issues what is asked for, or renews it.
    ///
    /// # Errors
    /// [`StoryError::Refused`] with the rule; otherwise as the error says. In every case nothing is half done.
    pub fn issue(
        &self,
        actor: &Actor,
        once: &Once,
        asked: Asked,
        enrolment: &Enrolment,
    ) -> Result<Issuance, StoryError> {
        let subject = format!("holder/{}", enrolment.holder.reference);
        self.tell(actor, once, &subject, |telling| {
            let bound = self.bound(telling, asked, enrolment)?;
            if let Some(issued) = bound.as_ref().filter(|bound| bound.is_issued()) {
                return self.repeat(telling, issued, enrolment);
            }
            let mode = bound.as_ref().map_or(Mode::As(asked), Bound::mode);
            let decision = self.decide_issue(telling, mode, enrolment);
            let mut decision = decision.or_else(|error| Err(self.unless_moved(bound.as_ref(), error)?))?;
            if bound.as_ref().is_some_and(Bound::for_face_authentication) {
                decision.on_face_authentication_card();
            }
            let prepared = self.prepare(telling, &decision)?;
            let issuance = decision.issuance(prepared.iter().map(Prepared::record));
            let mut steps = decision.steps();
            steps.push(telling.answer(&issuance)?);
            let mut audit = telling.audit("pair.reserved", &subject, detail(prepared.iter().map(Prepared::record)));
            let applied = bound.is_some();
            steps
                .extend(bound.map(|bound| bound.reserving(telling, prepared.iter().map(Prepared::record), &mut audit)));
            let then = decision.beside_sign(prepared.iter().map(Prepared::record), &mut audit)?;
            let reserved = Reserved::reserve(self.store(), prepared, Change { steps, audit }, then)?;
            let left = (!applied).then(|| decision.left());
            self.sign_and_record(telling, &reserved, left)?;
            Ok(issuance)
        })
    }

    /// What the SIGN of an issuance says, beside the register's text that it was made from, if it was.
    ///
    /// # Errors
    /// As the store says.
    pub fn issued_wording(&self, issuance: &Issuance) -> Result<Option<WordedFacts>, StoryError> {
        let Some(sign) = issuance.certificates.iter().find(|one| one.kind == Kind::Sign) else { return Ok(None) };
        let record = self.store().certificate(Kind::Sign, &sign.serial)?;
        record.map_or(Ok(None), |record| self.wording(&record))
    }

    /// What would be issued, and what would end for it.
    pub(super) fn foresee_issue(
        &self,
        telling: &Telling<'_>,
        asked: Asked,
        enrolment: &Enrolment,
    ) -> Result<(Vec<ForeseenCertificate>, Vec<StatusChange>), StoryError> {
        let bound = self.bound(telling, asked, enrolment)?;
        if bound.as_ref().is_some_and(Bound::is_issued) {
            return Ok((Vec::new(), Vec::new()));
        }
        let decision = self.decide_issue(telling, bound.as_ref().map_or(Mode::As(asked), Bound::mode), enrolment)?;
        let kinds: Vec<Kind> = decision.kinds().collect();
        let issued =
            kinds.iter().map(|kind| Ok(ForeseenCertificate { kind: *kind, not_after: decision.not_after(*kind)? }));
        let ended = kinds.iter().filter_map(|kind| decision.standing(*kind)).map(|standing| StatusChange {
            kind: standing.kind,
            serial: standing.serial,
            state: CertificateState::Revoked,
            reason: Some(RevocationReason::Superseded),
            invalidity_date: None,
        });
        Ok((issued.collect::<Result<_, StoryError>>()?, ended.collect()))
    }

    /// The certificates of an issuance, DER, in its order. What is still reserved is finished first: the key or the store was
    /// away when it was asked for, and whoever asks again should not wait for the timer.
    ///
    /// # Errors
    /// [`StoryError::Unavailable`] while that fails; `R-29` if it was discarded.
    pub fn issued(&self, issuance: &Issuance) -> Result<Vec<Vec<u8>>, StoryError> {
        let mut records = self.records_of(issuance)?;
        if records.iter().any(|record| record.state == CertificateState::Reserved) {
            self.finish_or_discard(records)?;
            records = self.records_of(issuance)?;
        }
        let certificate = |record: CertificateRecord| match (record.certificate, record.state) {
            (Some(certificate), _) => Ok(certificate),
            (None, CertificateState::Reserved) => Err(StoryError::InProgress),
            (None, _) => Err(discarded().into()),
        };
        records.into_iter().map(certificate).collect()
    }

    fn records_of(&self, issuance: &Issuance) -> Result<Vec<CertificateRecord>, StoryError> {
        let record = |one: &IssuedCertificate| {
            let record = self.store().certificate(one.kind, &one.serial)?;
            record.ok_or_else(|| StoryError::Corrupt(format!("no certificate {}", one.serial)))
        };
        issuance.certificates.iter().map(record).collect()
    }

    /// The generation that issues a certificate that ends then.
    ///
    /// # Errors
    /// `T-14` where the CA issues nothing, or ends before: only the next generation helps.
    pub(super) fn issuing(&self, kind: Kind, not_after: UnixTime) -> Result<&Issuer, Refusal> {
        let issuer = self.parts().issuers.issuing(kind).map_err(|none| {
            Refusal::new("T-14", none.to_string())
                .with_ja("発行できる認証局の鍵がありません。運用者にお問い合わせください。")
        })?;
        let (generation, end) = (issuer.generation(), issuer.validity().1);
        if not_after <= end {
            return Ok(issuer);
        }
        let detail = format!(
            "the certificate would be valid until {not_after}, and generation {generation} of the {kind} CA ends {end}; roll the CA \
             over: the next generation issues it"
        );
        Err(Refusal::new("T-14", detail).with_ja(
            "発行する認証局の鍵の有効期間を超えるため発行できません。運用者が認証局の鍵を更新した後に発行できます。",
        ))
    }

    /// Builds and lints every certificate that was decided, each with an index of its own.
    fn prepare(&self, telling: &Telling<'_>, decision: &Decision) -> Result<Vec<Prepared>, StoryError> {
        let parts = self.parts();
        let mut indexes = Vec::new();
        for kind in decision.kinds() {
            indexes.push((kind, self.indexes.next(self.store(), kind)?));
        }
        let of = |kind: Kind| indexes.iter().find(|(other, _)| *other == kind).map(|(_, index)| *index);
        let prepare = |&(kind, index): &(Kind, u64)| {
            let approved = Approved {
                request: decision.request(kind).ok_or_else(|| StoryError::Fault("a kind without request".into()))?,
                holder: decision.holder(),
                card: decision.card(),
                place: decision.place(),
                facts: decision.facts(kind),
                not_before: telling.now,
                not_after: decision.not_after(kind)?,
                index,
                serial: parts.serials.serial(kind, index),
                pair: of(kind.other()).or_else(|| decision.standing(kind.other()).map(|other| other.index)),
                predecessor: decision.predecessor(kind).map(|predecessor| predecessor.index),
            };
            let issuer = self.issuing(kind, approved.not_after)?;
            Prepared::new(&parts.profile, issuer, &approved).map_err(|error| StoryError::Fault(error.to_string()))
        };
        indexes.iter().map(prepare).collect()
    }
}

impl Authority {
    /// Signs reservations and records them in one change, with their predecessors superseded. If one cannot be signed, all
    /// are discarded and the answer is taken back; while a key is away they wait for it (see [`Authority::recover`]).
    fn sign_and_record(
        &self,
        telling: &Telling<'_>,
        reserved: &[Reserved],
        left: Option<Dossier>,
    ) -> Result<(), StoryError> {
        let subject = format!("holder/{}", holder(reserved)?);
        match self.finish(reserved, telling.audit("pair.issued", &subject, records(reserved)), left) {
            Err(fault @ (StoryError::Fault(_) | StoryError::Refused(_))) => {
                let audit = telling.audit("pair.discarded", &subject, records(reserved));
                // The keys are spent: the same request could only be told so, and a new one needs new keys.
                self.discard(reserved, audit, vec![telling.forget(), telling.refusal(&discarded())?])?;
                Err(fault)
            }
            finished => finished,
        }
    }

    /// Signs and records. Start-up comes here too, for what a crash left reserved.
    ///
    /// `left` is the dossier as the reservation left it, where that was for no application. The first change is decided by it
    /// without another reading: it is committed at the version of then, and refused if anything of the holder's has changed
    /// since; then the dossier is read.
    ///
    /// # Errors
    /// [`StoryError::Fault`] if a key does not sign; `R-29` if another event ended a reservation in between; then the caller
    /// discards. [`StoryError::Unavailable`] leaves the reservations to be finished later.
    pub(super) fn finish(
        &self,
        reserved: &[Reserved],
        audit: Draft,
        mut left: Option<Dossier>,
    ) -> Result<(), StoryError> {
        let issued = reserved.iter().map(|one| self.sign(one)).collect::<Result<Vec<_>, _>>()?;
        for _ in 0..CONFLICT_RETRIES {
            let mut audit = audit.clone();
            let mut steps = match left.take() {
                Some(dossier) => beside(dossier, reserved, audit.at),
                None => match self.as_it_stands(reserved, &mut audit)? {
                    Some(steps) => steps,
                    None => return Ok(()),
                },
            };
            steps.extend(issued.iter().map(Issued::step));
            match self.store().commit(Change { steps, audit }) {
                Err(StoreError::Conflict(_) | StoreError::Duplicate(_)) => {}
                done => return Ok(done?),
            }
        }
        Err(StoryError::Unavailable("the holder's record changed too often; the certificates follow".into()))
    }

    /// What changes when reservations are recorded now; nothing if somebody else has recorded them.
    fn as_it_stands(&self, reserved: &[Reserved], audit: &mut Draft) -> Result<Option<Vec<Step>>, StoryError> {
        let dossier = self.store().dossier(holder(reserved)?)?;
        let dossier = dossier.ok_or_else(|| StoryError::Corrupt("a reservation without a holder".into()))?;
        let stands = |one: &Reserved| {
            state(&dossier, one.record()) == Some(CertificateState::Reserved) && !is_halved(&dossier, one.record())
        };
        if !reserved.iter().all(stands) {
            let all_live = reserved.iter().all(|one| state(&dossier, one.record()) == Some(CertificateState::Live));
            return if all_live { Ok(None) } else { Err(discarded().into()) };
        }
        let mut steps = beside(dossier, reserved, audit.at);
        steps.extend(self.issued_step(first(reserved)?, audit)?);
        Ok(Some(steps))
    }

    /// Ends reservations before delivery (rule R-29).
    pub(super) fn discard(
        &self,
        reserved: &[Reserved],
        mut audit: Draft,
        mut steps: Vec<Step>,
    ) -> Result<(), StoryError> {
        let Some(dossier) = self.store().dossier(holder(reserved)?)? else { return Ok(()) };
        let left = reserved.iter().map(Reserved::record);
        let left = left.filter(|record| state(&dossier, record) == Some(CertificateState::Reserved));
        steps.extend(left.map(|record| Step::Status {
            kind: record.kind,
            index: record.index,
            from: CertificateState::Reserved,
            to: CertificateState::Revoked,
            revocation: Some(Revocation {
                revocation_date: audit.at,
                reason: RevocationReason::Unspecified,
                invalidity_date: None,
                cause: Cause::DiscardedBeforeDelivery,
            }),
        }));
        steps.extend(self.freed_step(first(reserved)?, &mut audit)?);
        Ok(self.store().commit(Change { steps, audit })?)
    }

    fn sign(&self, reserved: &Reserved) -> Result<Issued, StoryError> {
        let CertificateRecord { kind, generation, .. } = *reserved.record();
        let issuer = self.parts().issuers.generation(kind, generation);
        let issuer =
            issuer.ok_or_else(|| StoryError::Fault(format!("no key of the {kind} CA, generation {generation}")))?;
        reserved.sign(issuer).map_err(|error| match error {
            // Nobody has a signature, and the octets stay on record: they are signed when the key is back.
            IssueError::Signer(SignerError::Away(_)) => StoryError::Unavailable(error.to_string()),
            _ => StoryError::Fault(error.to_string()),
        })
    }
}

/// What the audit says of certificates: kind, generation, serial and the digest of what is signed.
pub(super) fn detail<'a>(records: impl Iterator<Item = &'a CertificateRecord>) -> String {
    let lines = records.map(|record| {
        let digest = ring::digest::digest(&ring::digest::SHA256, &record.tbs);
        serde_json::json!({
            "kind": record.kind, "generation": record.generation, "serial": record.serial, "tbs_sha256": hex(digest.as_ref()),
        })
    });
    serde_json::Value::Array(lines.collect()).to_string()
}

/// The certificate ended before it was delivered.
fn discarded() -> Refusal {
    Refusal::new(
        "R-29",
        "the certificate was discarded before delivery; ask again with new keys and a new Idempotency-Key",
    )
    .with_ja("電子証明書は交付前に破棄されました。新しい鍵で、あらためて発行してください。")
    .in_case("discarded")
}

/// What changes beside reservations that are recorded: the holder's version, predecessors and other cards.
fn beside(dossier: Dossier, reserved: &[Reserved], now: UnixTime) -> Vec<Step> {
    let mut steps: Vec<Step> = reserved.iter().filter_map(|one| supersede(&dossier, one.record(), now)).collect();
    steps.extend(other_cards(&dossier, reserved));
    steps.push(Step::Holder(dossier.holder));
    steps
}

/// A person has one card: with certificates on a new one, every other is void (番令14).
fn other_cards(dossier: &Dossier, reserved: &[Reserved]) -> impl Iterator<Item = Step> {
    let others =
        dossier.cards.iter().filter(|card| !card.void && reserved.iter().all(|one| one.record().card != card.number));
    others.map(|card| Step::Card(CardRecord { void: true, ..card.clone() }))
}

/// The step that ends a predecessor which still stands when its successor is recorded (rules V-13, R-28).
fn supersede(dossier: &Dossier, successor: &CertificateRecord, now: UnixTime) -> Option<Step> {
    let predecessor = find(dossier, successor.kind, successor.predecessor?)?;
    let standing = matches!(predecessor.state, CertificateState::Live | CertificateState::Held);
    standing.then_some(Step::Status {
        kind: predecessor.kind,
        index: predecessor.index,
        from: predecessor.state,
        to: CertificateState::Revoked,
        revocation: Some(Revocation {
            revocation_date: predecessor.effective_since(now),
            reason: RevocationReason::Superseded,
            invalidity_date: None,
            cause: Cause::Renewal,
        }),
    })
}

/// Whether the other of a pair that was reserved together has been discarded: then this one is not delivered either.
fn is_halved(dossier: &Dossier, record: &CertificateRecord) -> bool {
    let other = record.pair.and_then(|pair| find(dossier, record.kind.other(), pair));
    other.is_some_and(CertificateRecord::is_discarded)
}

fn find(dossier: &Dossier, kind: Kind, index: u64) -> Option<&CertificateRecord> {
    dossier.certificates.iter().find(|one| one.kind == kind && one.index == index)
}

fn state(dossier: &Dossier, record: &CertificateRecord) -> Option<CertificateState> {
    find(dossier, record.kind, record.index).map(|found| found.state)
}

fn first(reserved: &[Reserved]) -> Result<&CertificateRecord, StoryError> {
    let first = reserved.first().ok_or_else(|| StoryError::Fault("nothing is reserved".into()))?;
    Ok(first.record())
}

fn holder(reserved: &[Reserved]) -> Result<&HolderReference, StoryError> {
    Ok(&first(reserved)?.holder)
}

/// Kind and digest of each key that certificates are asked for, AUTH first.
pub(super) fn requested_keys(enrolment: &Enrolment) -> Result<Vec<(Kind, [u8; 32])>, Refusal> {
    let requests = verified_requests(enrolment)?;
    Ok(requests.iter().map(|(kind, request)| (*kind, request.spki().digest())).collect())
}

fn records(reserved: &[Reserved]) -> String {
    detail(reserved.iter().map(Reserved::record))
}
