//! What the store keeps of one person, and what is left of it after an erasure (rules §8.3).

use ring::digest::{SHA256, digest};

use super::{ApplicationNumber, CardNumber, HolderReference, Revocation};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    rules::{CertificateState, Day, DraftNumber, Query, calendar::day_of, retention::Term},
    x509::{Serial, UnixTime},
};

/// Everything that the store keeps under one reference of the register, with the days on which it depends when it may go. Each list
/// is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retained {
    /// The register's name for the person.
    pub holder: HolderReference,
    /// Whether there is a record of the person, and then whether the register still has them; an application may be all there is.
    pub registered: Option<bool>,
    /// The cards: number and last day, none for a void one.
    pub cards: Vec<(CardNumber, Option<Day>)>,
    /// The certificates, as what would be left of them.
    pub certificates: Vec<CertificateStub>,
    /// Indexes of the signing certificates with the register's text.
    pub texts: Vec<u64>,
    /// The applications.
    pub applications: Vec<RetainedApplication>,
    /// The exceptions: digest, and when they were asked for.
    pub exceptions: Vec<([u8; 32], UnixTime)>,
    /// The consents: number, and when they ended or will.
    pub consents: Vec<(DraftNumber, UnixTime)>,
    /// What the register reported: id and day.
    pub entries: Vec<(u64, Day)>,
    /// The day on which something ends by itself.
    pub deadline: Option<Day>,
    /// The notices: number, and when what they tell of happened.
    pub notices: Vec<(u64, UnixTime)>,
    /// What relying parties were told, as what would be left of it.
    pub disclosures: Vec<DisclosureStub>,
}

/// An application, as far as its term goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetainedApplication {
    /// Its number.
    pub number: ApplicationNumber,
    /// Its place.
    pub place: u64,
    /// When it was received.
    pub received: UnixTime,
    /// Whether it has ended.
    pub has_ended: bool,
}

/// What is left of an erased certificate: enough that neither its number nor its key is ever given again, that its status is told, and
/// that its octets are known when somebody shows them. It names nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStub {
    /// Which CA.
    pub kind: Kind,
    /// Which generation of that CA.
    pub generation: u8,
    /// Dense index within the CA.
    pub index: u64,
    /// Serial number.
    pub serial: Serial,
    /// The municipality that issued.
    pub municipality: MunicipalityCode,
    /// First instant of validity.
    pub not_before: UnixTime,
    /// Last instant of validity.
    pub not_after: UnixTime,
    /// State as last recorded.
    pub state: CertificateState,
    /// Index of the other certificate issued with it or already on the card then.
    pub pair: Option<u64>,
    /// Index of the one of the same kind that this one replaced.
    pub predecessor: Option<u64>,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub key_digest: [u8; 32],
    /// SHA-256 of the certificate's octets; none if it was discarded before it was signed.
    pub digest: Option<[u8; 32]>,
}

impl CertificateStub {
    /// Of a certificate that is known by what others say of it: nobody here has its octets or its key, and its validity is within that of
    /// its CA, which is put in its place.
    #[must_use]
    pub fn of_lost(
        (kind, generation, index): (Kind, u8, u64),
        serial: Serial,
        municipality: MunicipalityCode,
        (not_before, not_after): (UnixTime, UnixTime),
        state: CertificateState,
    ) -> Self {
        let key_digest = no_key(kind, &serial);
        let (pair, predecessor, digest) = (None, None, None);
        Self {
            kind,
            generation,
            index,
            serial,
            municipality,
            not_before,
            not_after,
            state,
            pair,
            predecessor,
            key_digest,
            digest,
        }
    }

    /// Whether it is such a one, and not what is left of an erased certificate.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.key_digest == no_key(self.kind, &self.serial)
    }
}

/// Stands where the digest of a key stands, and is that of none.
fn no_key(kind: Kind, serial: &Serial) -> [u8; 32] {
    let mut value = [0; 32];
    let text = [&b"jitsuin lost certificate"[..], &[kind.id()], serial.octets()].concat();
    value.copy_from_slice(digest(&SHA256, &text).as_ref());
    value
}

/// What is left of an entry of the ledger about an erased person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisclosureStub {
    /// Its number.
    pub number: u64,
    /// When.
    pub at: UnixTime,
    /// Who asked.
    pub party: String,
    /// What.
    pub query: Query,
    /// Of which kind of certificate.
    pub kind: Kind,
    /// Which certificate.
    pub index: u64,
    /// The rule by which nothing was told after all, if so.
    pub withheld: Option<String>,
}

/// A certificate that was erased, and when; or one that a restore lost, and when that was learnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasedCertificate {
    /// What is left of it.
    pub stub: CertificateStub,
    /// When the rest was erased.
    pub erased: UnixTime,
    /// When and why it ended, if it did before its time.
    pub revocation: Option<Revocation>,
}

/// The client under whose name the service keeps what is its own: the policy in force, and who carries out an approved file. Names of
/// clients have no space. It is no answer to anybody, and has no term.
pub const OWN_CLIENT: &str = "the service";

/// A first answer that is old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldAnswer {
    /// Place in the order of answers.
    pub place: u64,
    /// Who asked.
    pub client: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// When it was given.
    pub at: UnixTime,
}

impl Retained {
    /// Every record with its term and the day from which that is counted.
    pub fn records(&self) -> impl Iterator<Item = (Term, Day)> {
        let certificates = self.certificates.iter().map(|one| (Term::Issuance, day_of(one.not_after)));
        let applications = self.applications.iter().map(|one| (Term::Application, day_of(one.received)));
        let exceptions = self.exceptions.iter().map(|(_, asked)| (Term::Application, day_of(*asked)));
        let entries = self.entries.iter().map(|(_, day)| (Term::Paper, *day));
        let consents = self.consents.iter().map(|(_, over)| (Term::Paper, day_of(*over)));
        let notices = self.notices.iter().map(|(_, at)| (Term::Paper, day_of(*at)));
        let told = self.disclosures.iter().map(|one| (Term::Paper, day_of(one.at)));
        certificates.chain(applications).chain(exceptions).chain(entries).chain(consents).chain(notices).chain(told)
    }

    /// Whether every certificate is revoked or has ended in the record, and every application has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let over = |one: &CertificateStub| matches!(one.state, CertificateState::Revoked | CertificateState::Expired);
        self.certificates.iter().all(over) && self.applications.iter().all(|one| one.has_ended)
    }

    /// How many rows of which tables there are, by the table's name; none that has none.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        let counts = [
            ("holder", usize::from(self.registered.is_some())),
            ("card", self.cards.len()),
            ("certificate", self.certificates.len()),
            ("register_text", self.texts.len()),
            ("application", self.applications.len()),
            ("exception", self.exceptions.len()),
            ("consent", self.consents.len()),
            ("register_entry", self.entries.len()),
            ("deadline", usize::from(self.deadline.is_some())),
            ("notice", self.notices.len()),
            ("disclosure", self.disclosures.len()),
        ];
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(table, count)| (table, count as u64)).collect()
    }
}
