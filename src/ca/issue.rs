//! From an approved request to a certificate: `Prepared → Reserved → Issued`.
//!
//! Each step consumes the one before, and only this module can build it. So nothing is signed that was not linted, and
//! nothing is signed whose serial and exact octets are not in the store: no signed object can exist that the store does
//! not know.

use super::{
    issuer::Issuer,
    tbs::{self, BuildError},
};
use crate::{
    kind::Kind,
    municipality::Municipality,
    ports::{CardNumber, CertificateRecord, Change, HolderReference, SignerError, Step, Store, StoreError},
    profile::{
        Content, Profile, canary,
        holder::{self, Holding, IssuerReference, LayoutError},
        lint::{self, Expectation, LintError},
    },
    rules::{CertificateState, FourFacts},
    x509::{Serial, UnixTime, VerifiedRequest, certificate},
};

/// What registration approved: who gets which certificate until when.
///
/// It takes a [`VerifiedRequest`], which proves possession of the key, and what the rules decided.
pub struct Approved<'a> {
    /// The holder's key, proven.
    pub request: &'a VerifiedRequest,
    /// Whose certificate.
    pub holder: &'a HolderReference,
    /// On which card.
    pub card: &'a CardNumber,
    /// The municipality that issues.
    pub place: &'static Municipality,
    /// The four facts, for the signing certificate only.
    pub facts: Option<&'a FourFacts>,
    /// First instant of validity: now.
    pub not_before: UnixTime,
    /// Last instant of validity, as the rules decided.
    pub not_after: UnixTime,
    /// The dense index taken from the store.
    pub index: u64,
    /// The index, permuted.
    pub serial: Serial,
    /// Index of the other certificate of the pair.
    pub pair: Option<u64>,
    /// Index of the one that this one replaces.
    pub predecessor: Option<u64>,
}

/// Linted octets that wait for their reservation.
#[derive(Debug)]
pub struct Prepared(CertificateRecord);

/// Octets whose intent is stored; they may be signed.
#[derive(Debug)]
pub struct Reserved(CertificateRecord);

/// A signed certificate that waits to be recorded.
#[derive(Debug)]
pub struct Issued {
    kind: Kind,
    index: u64,
    certificate: Vec<u8>,
}

/// Why a certificate cannot be prepared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// A configured or given value does not fit a name.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The octets could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The built octets break the profile.
    #[error("the certificate would break its profile: {0}")]
    Lint(#[from] LintError),
}

/// Why reserved octets were not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The key signed, but its signature does not verify under the CA's certificate.
    #[error("the key made a signature that does not verify")]
    Signature,
    /// Others may have the CA's key.
    #[error("the key of the {0} CA, generation {1}, is compromised")]
    Compromised(Kind, u8),
    /// The reservation belongs to another CA generation.
    #[error("the reservation belongs to the {0} CA, generation {1}")]
    Issuer(Kind, u8),
}

/// What a certificate says, and the check of it: two that belong together.
type Layout = (
    fn(&Profile, &IssuerReference, &Holding<'_>) -> Result<Content, LayoutError>,
    fn(&[u8], &Expectation<'_>) -> Result<(), LintError>,
);
const HOLDER: Layout = (holder::content, lint::holder);
const CANARY: Layout = (canary::content, lint::canary);

impl Prepared {
    /// Lays out, builds and lints what is to be signed. Nothing is stored or signed yet.
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn new(profile: &Profile, issuer: &Issuer, approved: &Approved<'_>) -> Result<Self, PrepareError> {
        Self::lay_out(profile, issuer, approved, HOLDER)
    }

    /// The same for a canary, a certificate of the service's own ([`canary`]).
    ///
    /// # Errors
    /// [`PrepareError`].
    pub fn canary(profile: &Profile, issuer: &Issuer, approved: &Approved<'_>) -> Result<Self, PrepareError> {
        Self::lay_out(profile, issuer, approved, CANARY)
    }

    fn lay_out(
        profile: &Profile,
        issuer: &Issuer,
        approved: &Approved<'_>,
        (content, lint): Layout,
    ) -> Result<Self, PrepareError> {
        let public_key = approved.request.spki();
        let holding = Holding {
            place: approved.place,
            facts: approved.facts,
            key_id: public_key.key_id(),
            not_before: approved.not_before,
            not_after: approved.not_after,
            serial: approved.serial,
            index: approved.index,
        };
        let content = content(profile, issuer.reference(), &holding)?;
        let tbs = tbs::build(&content, &approved.serial, public_key.der(), issuer.algorithm())?;
        lint(&tbs, &issuer.expectation(profile))?;
        Ok(Self(CertificateRecord {
            kind: issuer.kind(),
            generation: issuer.generation(),
            index: approved.index,
            serial: approved.serial,
            holder: approved.holder.clone(),
            card: approved.card.clone(),
            municipality: approved.place.code,
            not_before: approved.not_before,
            not_after: approved.not_after,
            state: CertificateState::Reserved,
            revocation: None,
            pair: approved.pair,
            predecessor: approved.predecessor,
            successor: None,
            key_digest: public_key.digest(),
            tbs,
            certificate: None,
        }))
    }

    /// What the store will keep.
    #[must_use]
    pub fn record(&self) -> &CertificateRecord {
        &self.0
    }
}

impl Reserved {
    /// Stores the intent to sign each of `prepared`, together with the rest of `change` and, after them, what rests on them: all
    /// or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is reserved.
    pub fn reserve(
        store: &dyn Store,
        prepared: Vec<Prepared>,
        mut change: Change,
        then: Vec<Step>,
    ) -> Result<Vec<Self>, StoreError> {
        change.steps.extend(prepared.iter().map(|one| Step::Reserve(Box::new(one.0.clone()))));
        change.steps.extend(then);
        store.commit(change)?;
        Ok(prepared.into_iter().map(|Prepared(record)| Self(record)).collect())
    }

    /// A reservation that the store holds; nothing for a record in another state.
    #[must_use]
    pub fn from_record(record: CertificateRecord) -> Option<Self> {
        (record.state == CertificateState::Reserved).then_some(Self(record))
    }

    /// What the store keeps of it.
    #[must_use]
    pub fn record(&self) -> &CertificateRecord {
        &self.0
    }

    /// Signs, and checks the signature: a faulty one can give an RSA key away.
    ///
    /// # Errors
    /// [`IssueError`]; a signature may exist outside all the same, so the caller keeps the reservation to sign these octets again
    /// ([`SignerError::Away`]), or discards it.
    pub fn sign(&self, issuer: &Issuer) -> Result<Issued, IssueError> {
        let CertificateRecord { kind, generation, index, tbs, .. } = &self.0;
        if (issuer.kind(), issuer.generation()) != (*kind, *generation) {
            return Err(IssueError::Issuer(*kind, *generation));
        }
        if issuer.is_compromised() {
            return Err(IssueError::Compromised(*kind, *generation));
        }
        let signature = issuer.signer().sign(tbs)?;
        let verified = issuer.public_key().verify(issuer.algorithm(), tbs, &signature);
        verified.map_err(|_| IssueError::Signature)?;
        let certificate = certificate::assemble(tbs, issuer.algorithm(), &signature);
        Ok(Issued { kind: *kind, index: *index, certificate })
    }
}

impl Issued {
    /// The step that records it.
    #[must_use]
    pub fn step(&self) -> Step {
        Step::Issue { kind: self.kind, index: self.index, certificate: self.certificate.clone() }
    }
}
