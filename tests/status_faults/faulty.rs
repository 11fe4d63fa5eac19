//! A store of which one call fails.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
};

use jitsuin::{
    audit::AuditEntry,
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AnswerRecord, ApplicationFilter, ApplicationNumber, ApplicationRecord, AuthorityRecord, CardNumber,
        CertificateRecord, Change, ConsentRecord, CredentialRecord, CrlRecord, DisclosureRecord, Dossier, Follower,
        History, HolderReference, ListedEvent, RelyingPartyRecord, Store, StoreError, UsageRecord, store::StateCount,
    },
    rules::Day,
    scope::CrlScope,
    store::MemoryStore,
    x509::{CrlEntry, Serial, UnixTime},
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fails {
    /// It does not happen: the engine cannot.
    Unavailable,
    /// It does not happen: what is stored contradicts itself.
    Corrupt,
    /// It does not happen: something changed since it was read.
    Conflict,
    /// It happens, and is reported as failed.
    Kept,
    /// It does not happen, and neither does anything after it, until the step is done again.
    Outage,
}

impl Fails {
    /// Whether a method can fail like that: only what changes something can happen and be reported as failed.
    pub(crate) fn concerns(self, method: &str) -> bool {
        self != Self::Kept || ["commit", "allocate", "follow"].contains(&method)
    }

    fn error(self) -> StoreError {
        match self {
            Self::Unavailable | Self::Kept | Self::Outage => StoreError::Unavailable(format!("the test: {self:?}")),
            Self::Corrupt => StoreError::Corrupt("the test said so".into()),
            Self::Conflict => StoreError::Conflict("the test said so"),
        }
    }
}

/// Which call fails, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Never,
    At(u64, Fails),
}

/// A call of the tale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) step: &'static str,
    pub(crate) method: &'static str,
}

#[derive(Default)]
struct Course {
    step: &'static str,
    trace: Vec<Call>,
    failed: Option<Call>,
    /// The store is gone until somebody mends it.
    gone: bool,
}

/// The store; what is inside never fails.
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    when: When,
    course: Mutex<Course>,
}

impl Faulty {
    pub(crate) fn new(inner: MemoryStore, when: When) -> Arc<Self> {
        Arc::new(Self { inner, when, course: Mutex::default() })
    }

    /// From now on calls belong to this step.
    pub(crate) fn step(&self, step: &'static str) {
        self.course.lock().unwrap().step = step;
    }

    /// The store is back.
    pub(crate) fn mend(&self) {
        self.course.lock().unwrap().gone = false;
    }

    pub(crate) fn trace(&self) -> Vec<Call> {
        self.course.lock().unwrap().trace.clone()
    }

    pub(crate) fn failed(&self) -> Option<Call> {
        self.course.lock().unwrap().failed.clone()
    }

    fn meet<T>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fails = {
            let mut course = self.course.lock().unwrap();
            let this = Call { step: course.step, method };
            course.trace.push(this.clone());
            match self.when {
                When::At(number, fails) if course.trace.len() as u64 == number => {
                    course.failed = Some(this);
                    course.gone = fails == Fails::Outage;
                    Some(fails)
                }
                When::At(_, fails) if course.gone => Some(fails),
                _ => None,
            }
        };
        match fails {
            None => call(&self.inner),
            Some(fails) => {
                if fails == Fails::Kept {
                    call(&self.inner)?;
                }
                Err(fails.error())
            }
        }
    }
}

/// Every method of the store, in the order of the trait. The compiler asks for each of them below.
pub(crate) const METHODS: [&str; 31] = [
    "commit",
    "allocate",
    "follow",
    "dossier",
    "holder_of_card",
    "certificate",
    "reserved",
    "answer",
    "revoked",
    "newest_crls",
    "crl",
    "crl_before",
    "certificates",
    "listed_events",
    "authorities",
    "municipalities",
    "credentials",
    "credential",
    "consents",
    "history",
    "relying_parties",
    "relying_party",
    "disclosures",
    "usage",
    "application",
    "application_of",
    "applications",
    "counts",
    "audit_after",
    "last_recorded",
    "check_writable",
];

impl Store for Faulty {
    fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.meet("commit", |store| store.commit(change))
    }

    fn allocate(&self, kind: Kind, count: u64) -> Result<Range<u64>, StoreError> {
        self.meet("allocate", |store| store.allocate(kind, count))
    }

    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError> {
        self.meet("follow", |store| store.follow(after, follower))
    }

    fn dossier(&self, holder: &HolderReference) -> Result<Option<Dossier>, StoreError> {
        self.meet("dossier", |store| store.dossier(holder))
    }

    fn holder_of_card(&self, card: &CardNumber) -> Result<Option<HolderReference>, StoreError> {
        self.meet("holder_of_card", |store| store.holder_of_card(card))
    }

    fn certificate(&self, kind: Kind, serial: &Serial) -> Result<Option<CertificateRecord>, StoreError> {
        self.meet("certificate", |store| store.certificate(kind, serial))
    }

    fn reserved(&self) -> Result<Vec<CertificateRecord>, StoreError> {
        self.meet("reserved", |store| store.reserved())
    }

    fn answer(&self, client: &str, key: &str) -> Result<Option<AnswerRecord>, StoreError> {
        self.meet("answer", |store| store.answer(client, key))
    }

    fn revoked(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        not_over_before: UnixTime,
    ) -> Result<(Vec<CrlEntry>, u64), StoreError> {
        self.meet("revoked", |store| store.revoked(kind, generation, scope, not_over_before))
    }

    fn newest_crls(&self) -> Result<Vec<CrlRecord>, StoreError> {
        self.meet("newest_crls", |store| store.newest_crls())
    }

    fn crl(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Result<Option<CrlRecord>, StoreError> {
        self.meet("crl", |store| store.crl(kind, generation, scope, number))
    }

    fn crl_before(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        number: u64,
    ) -> Result<Option<CrlRecord>, StoreError> {
        self.meet("crl_before", |store| store.crl_before(kind, generation, scope, number))
    }

    fn certificates(&self, kind: Kind, from: u64, limit: usize) -> Result<(Vec<CertificateRecord>, u64), StoreError> {
        self.meet("certificates", |store| store.certificates(kind, from, limit))
    }

    fn listed_events(&self, after: u64, limit: usize) -> Result<Vec<ListedEvent>, StoreError> {
        self.meet("listed_events", |store| store.listed_events(after, limit))
    }

    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        self.meet("authorities", |store| store.authorities())
    }

    fn municipalities(&self) -> Result<Vec<MunicipalityCode>, StoreError> {
        self.meet("municipalities", |store| store.municipalities())
    }

    fn credentials(&self) -> Result<Vec<CredentialRecord>, StoreError> {
        self.meet("credentials", |store| store.credentials())
    }

    fn credential(&self, fingerprint: &[u8; 32]) -> Result<Option<CredentialRecord>, StoreError> {
        self.meet("credential", |store| store.credential(fingerprint))
    }

    fn consents(&self, holder: &HolderReference) -> Result<Vec<ConsentRecord>, StoreError> {
        self.meet("consents", |store| store.consents(holder))
    }

    fn history(&self, kind: Kind, serial: &Serial) -> Result<Option<History>, StoreError> {
        self.meet("history", |store| store.history(kind, serial))
    }

    fn relying_parties(&self) -> Result<Vec<RelyingPartyRecord>, StoreError> {
        self.meet("relying_parties", |store| store.relying_parties())
    }

    fn relying_party(&self, name: &str) -> Result<Option<RelyingPartyRecord>, StoreError> {
        self.meet("relying_party", |store| store.relying_party(name))
    }

    fn disclosures(
        &self,
        holder: &HolderReference,
        before: u64,
        limit: usize,
    ) -> Result<Vec<DisclosureRecord>, StoreError> {
        self.meet("disclosures", |store| store.disclosures(holder, before, limit))
    }

    fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Result<Vec<UsageRecord>, StoreError> {
        self.meet("usage", |store| store.usage(party, first, last))
    }

    fn application(&self, number: &ApplicationNumber) -> Result<Option<ApplicationRecord>, StoreError> {
        self.meet("application", |store| store.application(number))
    }

    fn application_of(&self, kind: Kind, index: u64) -> Result<Option<ApplicationRecord>, StoreError> {
        self.meet("application_of", |store| store.application_of(kind, index))
    }

    fn applications(
        &self,
        filter: &ApplicationFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ApplicationRecord>, StoreError> {
        self.meet("applications", |store| store.applications(filter, after, limit))
    }

    fn counts(&self) -> Result<Vec<StateCount>, StoreError> {
        self.meet("counts", |store| store.counts())
    }

    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.meet("audit_after", |store| store.audit_after(position, limit))
    }

    fn last_recorded(&self) -> Result<Option<UnixTime>, StoreError> {
        self.meet("last_recorded", |store| store.last_recorded())
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.meet("check_writable", |store| store.check_writable())
    }
}
