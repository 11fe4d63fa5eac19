//! The OCSP responder's decisions: which issuer is asked, which certificate, and what is true of it now (RFC 6960).
//!
//! Nothing is signed here. A decision names the delegate that may speak for the issuer; `answer` signs it.
//!
//! | asked | answer |
//! |---|---|
//! | no strict DER, or beyond the limits | malformedRequest |
//! | an issuer that is not ours, or a CertID with another hash than SHA-1 and SHA-256 | unauthorized |
//! | a generation whose own certificate has ended | unauthorized: nothing of it can be relied on |
//! | two issuers or two generations in one request | unauthorized |
//! | a serial that the generation never issued | `revoked`, on hold since 1970, with extended-revoke; or `unknown`, by policy |
//! | a certificate of the CA itself or of its responder | `unknown`: the authority list speaks for them |
//! | anything while no delegate is valid | tryLater |
//! | anything while the index was not held against its store for a life of an answer | tryLater |
//!
//! Why mixed requests are refused: an answer has one signature, made with a key whose certificate was issued directly by the
//! CA that the request names, and a client takes it for a certificate only if the responder's certificate and that one were
//! signed by the same key (RFC 6960 §4.2.2.2). Each generation is a CA key with a delegate of its own, so no answer for two of
//! them could be trusted in whole. To answer for one and leave the other out is no way either: a response has an answer for
//! each of the certificates in the request (§2.2). unauthorized is what §2.3 has for a server that cannot respond
//! authoritatively. Who has certificates of both CAs sends two requests. The same issuer named with SHA-1 and with SHA-256
//! is one issuer.
//!
//! A request may be signed. The signature is not looked at, as everybody gets the same answer: §2.3 has sigRequired for
//! responders that ask for one, and this is none. An extension that is not known is ignored, and refused where it is
//! critical, be it about the whole request or about one certificate (§4.4).
//!
//! A delegate is renewed before it ends. What was decided under the old one is signed by the old one and carries its
//! certificate, so answers in flight and answers in caches verify until they end; from the next decision on the new one
//! speaks, and no answer of the old one is given again.

mod issuer_entry;

use std::{sync::Arc, time::Duration};

use arc_swap::Guard;

pub use self::issuer_entry::{Delegate, IssuerEntry, ResponderError};
use super::{
    confirmed::Confirmed,
    index::{Status, StatusIndex},
    serial::SerialPermutation,
};
use crate::{
    kind::Kind,
    limits::CLOCK_TOLERANCE,
    x509::{
        RevocationReason, UnixTime,
        ocsp::{CertId, Draft, ErrorStatus, OcspRequest, OneOrMore, ResponseData, SingleResponse, SingleStatus},
    },
};

/// What is answered for a serial that was never issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NeverIssued {
    /// `revoked`, reason certificateHold, since 1970-01-01, with the extended-revoke extension (RFC 6960 §2.2, §4.4.8).
    #[default]
    Revoked,
    /// `unknown`.
    Unknown,
}

/// How long answers live, and what is said of what never was.
#[derive(Clone, Copy, Debug)]
pub struct ResponsePolicy {
    /// nextUpdate − thisUpdate.
    pub life: Duration,
    /// For serials that were never issued.
    pub never_issued: NeverIssued,
}

/// What is true of one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Issued, neither held nor revoked.
    Good,
    /// Held (reason certificateHold) or revoked.
    Revoked {
        /// revocationTime.
        at: UnixTime,
        /// revocationReason.
        reason: RevocationReason,
    },
    /// No certificate of this generation bears the serial.
    NeverIssued(NeverIssued),
    /// A certificate of the CA itself or of its responder.
    Own,
}

impl Verdict {
    /// What the metrics call each of them.
    pub const WORDS: [&'static str; 5] = ["good", "revoked", "held", "never-issued", "own"];

    /// Its place among [`WORDS`](Self::WORDS).
    #[must_use]
    pub const fn place(self) -> usize {
        match self {
            Self::Good => 0,
            Self::Revoked { reason: RevocationReason::CertificateHold, .. } => 2,
            Self::Revoked { .. } => 1,
            Self::NeverIssued(_) => 3,
            Self::Own => 4,
        }
    }

    /// certStatus.
    #[must_use]
    pub const fn status(self) -> SingleStatus {
        match self {
            Self::Good => SingleStatus::Good,
            Self::Revoked { at, reason } => SingleStatus::Revoked { at, reason },
            Self::NeverIssued(NeverIssued::Revoked) => {
                SingleStatus::Revoked { at: UnixTime::EPOCH, reason: RevocationReason::CertificateHold }
            }
            Self::NeverIssued(NeverIssued::Unknown) | Self::Own => SingleStatus::Unknown,
        }
    }
}

/// The decision about one CertID.
#[derive(Clone, Copy, Debug)]
pub struct Single<'a> {
    /// What was asked.
    pub cert_id: CertId<'a>,
    /// The index of the serial, if the issuer could bear it.
    pub index: Option<u64>,
    /// What is true of it.
    pub verdict: Verdict,
}

/// A decision about a whole request, ready to be signed.
pub struct Decided<'a> {
    /// The CA generation that was asked.
    pub issuer: (Kind, u8),
    /// Who may sign for it; borrowed, so that nobody counts who only looks whether a kept answer is theirs.
    pub delegate: Guard<Arc<Delegate>>,
    /// In the order of the request.
    pub singles: OneOrMore<Single<'a>>,
    /// The nonce to be echoed.
    pub nonce: Option<&'a [u8]>,
    /// When all of this is known to have been true: now, or when the index was last held against its store.
    pub this_update: UnixTime,
    /// Until when it may be relied on; never past the delegate's end.
    pub next_update: UnixTime,
    archive_cutoff: UnixTime,
    produced_at: UnixTime,
}

impl Decided<'_> {
    /// The answer that is to be signed.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let singles = self.singles.map(|single| self.response(single));
        let extended_revoke = self.singles.iter().any(|one| one.verdict == Verdict::NeverIssued(NeverIssued::Revoked));
        let (produced_at, nonce) = (self.produced_at, self.nonce);
        let data = ResponseData { produced_at, singles: &singles, nonce, extended_revoke };
        self.delegate.template().draft(&data)
    }

    fn response<'a>(&self, single: &Single<'a>) -> SingleResponse<'a> {
        let mut response =
            SingleResponse::new(&single.cert_id, single.verdict.status(), self.this_update, self.next_update);
        response.archive_cutoff = Some(self.archive_cutoff);
        response
    }
}

/// The responder for all generations of both CAs.
pub struct Responder {
    issuers: Vec<IssuerEntry>,
    permutation: SerialPermutation,
    index: Arc<StatusIndex>,
    policy: ResponsePolicy,
    /// For an index that may be behind its store; none where every event is in it before it is acknowledged.
    confirmed: Option<Arc<Confirmed>>,
}

impl Responder {
    /// Answers for these issuers from this index.
    #[must_use]
    pub fn new(
        issuers: Vec<IssuerEntry>,
        permutation: SerialPermutation,
        index: Arc<StatusIndex>,
        policy: ResponsePolicy,
    ) -> Self {
        Self { issuers, permutation, index, policy, confirmed: None }
    }

    /// The same, from an index that may be behind its store: answers speak of the instant at which it last was not.
    #[must_use]
    pub fn as_confirmed(self, confirmed: Arc<Confirmed>) -> Self {
        Self { confirmed: Some(confirmed), ..self }
    }

    /// Of when an answer can speak that is given at `now`; nothing if an answer of that instant would have ended.
    fn known(&self, now: UnixTime) -> Option<UnixTime> {
        let Some(confirmed) = &self.confirmed else { return Some(now) };
        // One that lies ahead is of a clock that went back since: how old it is nobody knows.
        let at = confirmed.at().filter(|at| *at <= now + CLOCK_TOLERANCE)?.min(now);
        (now < at + self.policy.life).then_some(at)
    }

    /// Puts a renewed responder in the place of the old one; answers already decided keep the old.
    ///
    /// # Errors
    /// [`ResponderError`] if the generation does not exist or did not issue the certificate; then the old one stays.
    pub fn replace_delegate(&self, (kind, generation): (Kind, u8), delegate: Delegate) -> Result<(), ResponderError> {
        let entry = self.issuers.iter().find(|entry| (entry.kind, entry.generation) == (kind, generation));
        let entry = entry.ok_or(ResponderError::NoIssuer(kind, generation))?;
        entry.admit(&delegate)?;
        entry.delegate.store(Arc::new(delegate));
        Ok(())
    }

    /// Every generation that has not ended by `now`, with its responder of the moment.
    pub fn delegates(&self, now: UnixTime) -> impl Iterator<Item = ((Kind, u8), Arc<Delegate>)> {
        let answering = self.issuers.iter().filter(move |entry| now <= entry.not_after);
        answering.map(|entry| ((entry.kind, entry.generation), entry.delegate.load_full()))
    }

    /// Decides a request as it came, DER, at the instant `now`.
    ///
    /// # Errors
    /// The status to answer with instead, unsigned; see the table above.
    pub fn decide<'a>(&self, request: &'a [u8], now: UnixTime) -> Result<Decided<'a>, ErrorStatus> {
        let request = OcspRequest::from_der(request).map_err(|_| ErrorStatus::MalformedRequest)?;
        let issuer = self.issuer(&request, now)?;
        let delegate = issuer.delegate.load();
        let (not_before, not_after) = delegate.validity;
        if now < not_before || not_after <= now {
            return Err(ErrorStatus::TryLater);
        }
        let this_update = self.known(now).ok_or(ErrorStatus::TryLater)?;
        let single = |id: &CertId<'a>| {
            let (index, verdict) = self.verdict(issuer, &delegate, id);
            Single { cert_id: *id, index, verdict }
        };
        Ok(Decided {
            issuer: (issuer.kind, issuer.generation),
            singles: request.cert_ids.map(single),
            nonce: request.nonce,
            this_update,
            next_update: not_after.min(this_update + self.policy.life),
            produced_at: now,
            archive_cutoff: issuer.archive_cutoff,
            delegate,
        })
    }

    /// The one issuer that all CertIDs name.
    fn issuer(&self, request: &OcspRequest<'_>, now: UnixTime) -> Result<&IssuerEntry, ErrorStatus> {
        let first = request.cert_ids.first();
        let issuer = self.issuers.iter().find(|entry| entry.is_named_by(first)).filter(|entry| now <= entry.not_after);
        let issuer = issuer.ok_or(ErrorStatus::Unauthorized)?;
        let all = request.cert_ids[1..].iter().all(|id| issuer.is_named_by(id));
        if all { Ok(issuer) } else { Err(ErrorStatus::Unauthorized) }
    }

    fn verdict(&self, issuer: &IssuerEntry, delegate: &Delegate, id: &CertId<'_>) -> (Option<u64>, Verdict) {
        if [&issuer.serial, delegate.serial()].iter().any(|own| own.octets() == id.serial_octets) {
            return (None, Verdict::Own);
        }
        let index = self.permutation.index(issuer.kind, id.serial_octets);
        let Some(index) = index.filter(|index| self.issued_by(*index, issuer)) else {
            return (None, Verdict::NeverIssued(self.policy.never_issued));
        };
        (Some(index), self.verdict_of(issuer, index))
    }

    fn verdict_of(&self, issuer: &IssuerEntry, index: u64) -> Verdict {
        match self.index.status(issuer.kind, index) {
            Status::Good => Verdict::Good,
            Status::Revoked(found) => Verdict::Revoked { at: found.revocation_date, reason: found.reason },
            Status::NeverIssued => Verdict::NeverIssued(self.policy.never_issued),
        }
    }

    /// What would be decided now about the certificate of an index, of which a decision was made before, and who would sign it;
    /// nothing while nobody can be answered.
    #[must_use]
    pub fn decide_again(
        &self,
        issuer: (Kind, u8),
        index: u64,
        now: UnixTime,
    ) -> Option<(Guard<Arc<Delegate>>, Verdict)> {
        let issuer = self.issuers.iter().find(|entry| (entry.kind, entry.generation) == issuer)?;
        let delegate = issuer.delegate.load();
        let (not_before, not_after) = delegate.validity;
        (not_before <= now && now < not_after && self.known(now).is_some())
            .then(|| (delegate, self.verdict_of(issuer, index)))
    }

    /// Whether an index lies from the generation's first to the next generation's first.
    fn issued_by(&self, index: u64, issuer: &IssuerEntry) -> bool {
        let mut later =
            self.issuers.iter().filter(|entry| entry.kind == issuer.kind && entry.generation > issuer.generation);
        issuer.first_index <= index && later.all(|entry| index < entry.first_index)
    }
}
