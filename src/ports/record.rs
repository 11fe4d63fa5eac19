//! What the store keeps, as plain values.

use serde::{Deserialize, Serialize};
use time::Date;

use super::{CardNumber, HolderReference, ListOctets};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    rules::{Cause, CertificateState, Day, Query, Terms},
    scope::CrlScope,
    x509::{RevocationReason, Serial, UnixTime},
};

/// A person in the resident register, as far as certificates need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderRecord {
    /// The register's name for the person.
    pub reference: HolderReference,
    /// The municipality of residence; only it acts for the holder (rule E-02).
    pub municipality: MunicipalityCode,
    /// Where the holder has announced to move (転出届), until that municipality reports the arrival.
    pub moving_to: Option<MunicipalityCode>,
    /// Date of birth.
    pub birth: Date,
    /// 成年被後見人, an adult ward (rule E-06).
    pub ward: bool,
    /// Whether the register still has the person (death and deletion end it, rule R-15).
    pub registered: bool,
    /// Rises by one with every write that touches the holder; what a story read must still hold when it commits.
    pub version: u64,
}

/// A card, the medium of one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardRecord {
    /// Its number.
    pub number: CardNumber,
    /// Who holds it.
    pub holder: HolderReference,
    /// Day of issue (発行の日).
    pub issue_day: Date,
    /// Day of application, which sets the age of majority (rule V-05).
    pub application_day: Date,
    /// Last day of the card's validity.
    pub last_day: Date,
    /// Whether it is void (rules ); a void card carries no live certificate.
    pub void: bool,
    /// Whether it is a 顔認証マイナンバーカード: it takes no SIGN and has no PIN (rules §1.5).
    pub face_authentication: bool,
}

/// A certificate or the intent to sign one, from the reservation of its serial on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Which CA.
    pub kind: Kind,
    /// Which generation of that CA, from 1.
    pub generation: u8,
    /// Dense index within the CA, unique per kind.
    pub index: u64,
    /// Serial number: the index, permuted.
    pub serial: Serial,
    /// Whose certificate.
    pub holder: HolderReference,
    /// On which card.
    pub card: CardNumber,
    /// The municipality that issued: CRL partition and place in the name; never changes.
    pub municipality: MunicipalityCode,
    /// First instant of validity.
    pub not_before: UnixTime,
    /// Last instant of validity.
    pub not_after: UnixTime,
    /// State as last recorded; whether a live one has passed its notAfter is the reader's to see.
    pub state: CertificateState,
    /// When and why it ended or is held.
    pub revocation: Option<Revocation>,
    /// Index of the other certificate issued with it or already on the card then.
    pub pair: Option<u64>,
    /// Index of the one of the same kind that this one replaced.
    pub predecessor: Option<u64>,
    /// Index of the one of the same kind that replaced this one.
    pub successor: Option<u64>,
    /// SHA-256 of the SubjectPublicKeyInfo: one key, one certificate, ever.
    pub key_digest: [u8; 32],
    /// The exact octets to be signed, DER of TBSCertificate.
    pub tbs: Vec<u8>,
    /// The signed certificate, DER; absent while reserved, and for ever if discarded before signing.
    pub certificate: Option<Vec<u8>>,
}

impl CertificateRecord {
    /// The revocationDate of an end that is recorded `now`: that of the hold, if it is held. A hold that becomes a revocation
    /// must not make what was signed in between look valid (C-08, RFC 5280 §5.3.1).
    #[must_use]
    pub fn effective_since(&self, now: UnixTime) -> UnixTime {
        let held = self.revocation.as_ref().filter(|_| self.state == CertificateState::Held);
        held.map_or(now, |hold| hold.revocation_date)
    }

    /// Whether it is live or held and `at` lies within its validity: what rule E-04 counts as one of a kind.
    #[must_use]
    pub fn is_current(&self, at: UnixTime) -> bool {
        let standing =
            matches!(self.state, CertificateState::Reserved | CertificateState::Live | CertificateState::Held);
        standing && at <= self.not_after
    }

    /// Whether it ended before it was signed and recorded (rule R-29).
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        self.state == CertificateState::Revoked && self.certificate.is_none()
    }
}

/// The end, or the hold, of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// When the service recorded it, which is when it takes effect (rule R-01), or recorded the hold that it follows:
    /// revocationDate.
    pub revocation_date: UnixTime,
    /// RFC 5280 reason.
    pub reason: RevocationReason,
    /// When the event happened, where that is before the recording: invalidityDate.
    pub invalidity_date: Option<UnixTime>,
    /// What brought it about.
    pub cause: Cause,
}

/// A change of status: after it, the certificate is in `state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEvent {
    /// Place in the one order of all events, from 1, without gaps.
    pub position: u64,
    /// Which CA.
    pub kind: Kind,
    /// Which certificate of it.
    pub index: u64,
    /// The state from now on: live, held or revoked.
    pub state: CertificateState,
    /// Present when held or revoked.
    pub revocation: Option<Revocation>,
    /// Since when the service knew of it: the time of the change that caused it, or of the last audit entry before it where
    /// that is later, so that it never falls from one event to the next. An event that is recorded after an entry of this
    /// instant is recorded at this instant or later.
    pub recorded: UnixTime,
}

/// A certificate with everything that ever happened to it, read at one instant of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The certificate.
    pub certificate: CertificateRecord,
    /// Its status events, oldest first.
    pub events: Vec<StatusEvent>,
    /// The position of the last event of the whole store that was there then.
    pub position: u64,
}

impl History {
    /// Whether the certificate was ever issued: neither only reserved nor discarded before delivery.
    #[must_use]
    pub fn is_issued(&self) -> bool {
        self.certificate.certificate.is_some()
    }
}

/// A status event with what a list must know of its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEvent {
    /// The event.
    pub event: StatusEvent,
    /// The generation that issued the certificate.
    pub generation: u8,
    /// Its serial number.
    pub serial: Serial,
    /// The municipality that issued it.
    pub municipality: MunicipalityCode,
    /// Its last instant.
    pub not_after: UnixTime,
    /// Where the event ends a hold: when that hold was recorded. None when a certificate comes to life.
    pub released: Option<UnixTime>,
}

/// Everything about one holder, read at one instant of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dossier {
    /// The person.
    pub holder: HolderRecord,
    /// Every card, oldest first.
    pub cards: Vec<CardRecord>,
    /// Every certificate, oldest first.
    pub certificates: Vec<CertificateRecord>,
}

impl Dossier {
    /// The one certificate of a kind that is neither over nor revoked at `at`, if any (rule E-04).
    #[must_use]
    pub fn current(&self, kind: Kind, at: UnixTime) -> Option<&CertificateRecord> {
        self.certificates.iter().find(|certificate| certificate.kind == kind && certificate.is_current(at))
    }

    /// The newest certificate of a kind, in whatever state; one that was discarded before delivery never was one.
    #[must_use]
    pub fn newest(&self, kind: Kind) -> Option<&CertificateRecord> {
        self.certificates.iter().rev().find(|certificate| certificate.kind == kind && !certificate.is_discarded())
    }

    /// The card with that number.
    #[must_use]
    pub fn card(&self, number: &CardNumber) -> Option<&CardRecord> {
        self.cards.iter().find(|card| card.number == *number)
    }
}

/// A CA generation: one key and one self-signed certificate under the CA's one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRecord {
    /// Which CA.
    pub kind: Kind,
    /// Generation, from 1.
    pub generation: u8,
    /// The first index that this generation issues; it ends where the next begins.
    pub first_index: u64,
    /// Its self-signed certificate, DER.
    pub certificate: Vec<u8>,
    /// Its link certificates, with the generation before; the first has none, nor one that follows a key nobody may trust.
    pub links: Option<Links>,
    /// When its key was declared compromised (rule R-27): from then on it signs no certificate.
    pub compromise: Option<Compromise>,
}

/// The two link certificates between a CA generation and the one before it (RFC 4210 §4.4), DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The older key under the newer one: who trusts the newer generation comes to what the older signed.
    pub old_with_new: Vec<u8>,
    /// The newer key under the older one: who trusts the older generation comes to what the newer signs.
    pub new_with_old: Vec<u8>,
}

/// A CA key that others may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compromise {
    /// Since when the service knows of it.
    pub at: UnixTime,
    /// Whether every certificate of the generation has ended.
    pub is_settled: bool,
}

impl AuthorityRecord {
    /// A generation without links; the store sets its first index.
    #[must_use]
    pub fn new(kind: Kind, generation: u8, certificate: Vec<u8>) -> Self {
        Self { kind, generation, first_index: 0, certificate, links: None, compromise: None }
    }
}

/// A published list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlRecord {
    /// Which CA.
    pub kind: Kind,
    /// Which generation signed it.
    pub generation: u8,
    /// What it speaks for.
    pub scope: CrlScope,
    /// cRLNumber, strictly rising per kind, generation and scope. A complete list and its deltas share one sequence.
    pub number: u64,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
    /// The last status event that it takes into account.
    pub position: u64,
    /// Entries.
    pub entries: u64,
    /// The signed list, DER; a long one lies in a file.
    pub der: ListOctets,
}

/// What a client certificate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the service.
    Operator,
    /// A municipal counter; acts for its own residents.
    Municipality,
    /// Verifies signatures or authenticates users.
    RelyingParty,
    /// Sees what an operator may see, and changes nothing.
    Auditor,
    /// The telephone desk for lost cards (コールセンター, rule R-21): holds certificates of residents of any municipality, day
    /// and night; it releases nothing and looks nobody up.
    CallCentre,
    /// A citizen, by the AUTH certificate of the own card: sees what is the own, and nothing else. No credential has this role, so
    /// it is in no list of roles, and no word is read as it.
    #[serde(skip_deserializing)]
    Holder,
}

impl Role {
    /// Every role that a credential can have.
    pub const ALL: [Self; 5] =
        [Self::Operator, Self::Municipality, Self::RelyingParty, Self::Auditor, Self::CallCentre];

    /// The word in the store, in the credential's name and in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Municipality => "municipality",
            Self::RelyingParty => "relying-party",
            Self::Auditor => "auditor",
            Self::CallCentre => "call-centre",
            Self::Holder => "holder",
        }
    }

    /// The role of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// A client certificate that the access CA gave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRecord {
    /// SHA-256 of the certificate's DER.
    pub fingerprint: [u8; 32],
    /// What it may do.
    pub role: Role,
    /// Its name, unique: `operator-1`, `13115`, `e-filing`.
    pub name: String,
    /// For a municipality: which.
    pub municipality: Option<MunicipalityCode>,
    /// Whether it is admitted.
    pub active: bool,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// When and why it was revoked, if it was; then it is not admitted ever again.
    pub revocation: Option<CredentialRevocation>,
}

/// The end of a credential before its time, as the access CA's list says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRevocation {
    /// When the service recorded it: revocationDate.
    pub at: UnixTime,
    /// RFC 5280 reason.
    pub reason: RevocationReason,
}

/// A list of the access CA: which client certificates are revoked. It speaks for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessListRecord {
    /// cRLNumber, strictly rising.
    pub number: u64,
    /// thisUpdate.
    pub this_update: UnixTime,
    /// nextUpdate.
    pub next_update: UnixTime,
    /// Entries.
    pub entries: u64,
    /// The signed list, DER.
    pub der: Vec<u8>,
}

/// The first answer to an idempotent request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRecord {
    /// Who asked: the credential's name.
    pub client: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of what was asked (method, path, body).
    pub digest: [u8; 32],
    /// The story's outcome, serialised.
    pub outcome: Vec<u8>,
}

/// A relying party with which terms are agreed (rules §8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingPartyRecord {
    /// The name of its credential.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What was agreed.
    pub terms: Terms,
    /// Present while the service to it is stopped.
    pub suspended: Option<Suspension>,
    /// Rises by one with every write; an answer is recorded only under the terms by which it was decided.
    pub version: u64,
}

/// The service to a relying party is stopped (法18④, 37③).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when.
    pub since: UnixTime,
    /// Why.
    pub reason: String,
}

/// A relying party asked about a certificate, and it was looked up (rules §8.4). No more than this is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisclosureRecord {
    /// Place in the one order of all disclosures, from 1; the store gives it.
    pub number: u64,
    /// When.
    pub at: UnixTime,
    /// Who asked: the relying party's name.
    pub party: String,
    /// What.
    pub query: Query,
    /// Of which kind of certificate.
    pub kind: Kind,
    /// Which certificate and whose; none where the serial number is nobody's.
    pub of: Option<(u64, HolderReference)>,
    /// The rule by which nothing was told after all, if so.
    pub withheld: Option<String>,
}

/// How often a relying party asked in a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// The relying party's name.
    pub party: String,
    /// The day, in Japan.
    pub day: Day,
    /// What it asked.
    pub query: Query,
    /// Look-ups, whatever came of them: the quota counts these.
    pub answered: u64,
    /// Questions that were refused without looking anything up.
    pub refused: u64,
}
