//! A store whose answers can be wrong.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use jitsuin::{
    audit::AuditEntry,
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AnswerRecord, AuthorityRecord, CardNumber, CertificateRecord, Change, ConsentRecord, CredentialRecord,
        CrlRecord, DisclosureRecord, Dossier, Follower, History, HolderReference, ListedEvent, RelyingPartyRecord,
        Store, StoreError, UsageRecord, store::StateCount,
    },
    rules::{Asked, Cause, Day},
    scope::CrlScope,
    store::MemoryStore,
    x509::{CrlEntry, Serial, UnixTime},
};

use crate::house::{House, ITAMI, Person, SUGINAMI, municipality};

/// Changes what a question about entries is answered with.
type Lie = Box<dyn Fn(CrlScope, &mut Vec<CrlEntry>) + Send>;

/// Changes a list that is kept.
type Damage = Box<dyn Fn(&mut CrlRecord) + Send>;

/// A store whose answers can be wrong.
pub(crate) struct Liar {
    inner: MemoryStore,
    revoked: Mutex<Option<Lie>>,
    /// The lists that are said to be the newest.
    pub(crate) newest: Mutex<Option<Vec<CrlRecord>>>,
    /// What became of the lists that it keeps.
    damage: Mutex<Option<Damage>>,
    /// Whether it has no lists after those either.
    pub(crate) is_old_copy: AtomicBool,
    /// An event that is not told.
    pub(crate) lost_event: AtomicU64,
}

impl Liar {
    pub(crate) fn new() -> Arc<Self> {
        let (inner, lost_event) = (MemoryStore::new(), AtomicU64::new(0));
        Arc::new(Self {
            inner,
            revoked: Mutex::default(),
            newest: Mutex::default(),
            damage: Mutex::default(),
            is_old_copy: AtomicBool::new(false),
            lost_event,
        })
    }

    pub(crate) fn lie(&self, lie: impl Fn(CrlScope, &mut Vec<CrlEntry>) + Send + 'static) {
        *self.revoked.lock().unwrap() = Some(Box::new(lie));
    }

    /// From now on gives lists back otherwise than they were put there.
    pub(crate) fn damage(&self, damage: impl Fn(&mut CrlRecord) + Send + 'static) {
        *self.damage.lock().unwrap() = Some(Box::new(damage));
    }

    fn as_kept(&self, records: impl IntoIterator<Item = CrlRecord>) -> Vec<CrlRecord> {
        let damage = self.damage.lock().unwrap();
        let given = |mut record| {
            damage.iter().for_each(|damage| damage(&mut record));
            record
        };
        records.into_iter().map(given).collect()
    }

    pub(crate) fn repent(&self) {
        *self.revoked.lock().unwrap() = None;
        *self.newest.lock().unwrap() = None;
        *self.damage.lock().unwrap() = None;
        self.lost_event.store(0, SeqCst);
    }
}

impl Store for Liar {
    fn register(&self) -> &dyn jitsuin::ports::RegisterStore {
        self.inner.register()
    }

    fn revoked(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        not_over_before: UnixTime,
    ) -> Result<(Vec<CrlEntry>, u64), StoreError> {
        let (mut entries, position) = self.inner.revoked(kind, generation, scope, not_over_before)?;
        if let Some(lie) = self.revoked.lock().unwrap().as_ref() {
            lie(scope, &mut entries);
        }
        Ok((entries, position))
    }

    fn newest_crls(&self) -> Result<Vec<CrlRecord>, StoreError> {
        let newest = self.newest.lock().unwrap().clone().map_or_else(|| self.inner.newest_crls(), Ok)?;
        Ok(self.as_kept(newest))
    }

    fn certificates(&self, kind: Kind, from: u64, limit: usize) -> Result<(Vec<CertificateRecord>, u64), StoreError> {
        self.inner.certificates(kind, from, limit)
    }

    fn listed_events(&self, after: u64, limit: usize) -> Result<Vec<ListedEvent>, StoreError> {
        let mut events = self.inner.listed_events(after, limit)?;
        events.retain(|event| event.event.position != self.lost_event.load(SeqCst));
        Ok(events)
    }

    fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.inner.commit(change)
    }
    fn allocate(&self, kind: Kind, count: u64) -> Result<Range<u64>, StoreError> {
        self.inner.allocate(kind, count)
    }
    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError> {
        self.inner.follow(after, follower)
    }
    fn dossier(&self, holder: &HolderReference) -> Result<Option<Dossier>, StoreError> {
        self.inner.dossier(holder)
    }
    fn holder_of_card(&self, card: &CardNumber) -> Result<Option<HolderReference>, StoreError> {
        self.inner.holder_of_card(card)
    }
    fn certificate(&self, kind: Kind, serial: &Serial) -> Result<Option<CertificateRecord>, StoreError> {
        self.inner.certificate(kind, serial)
    }
    fn reserved(&self) -> Result<Vec<CertificateRecord>, StoreError> {
        self.inner.reserved()
    }
    fn answer(&self, client: &str, key: &str) -> Result<Option<AnswerRecord>, StoreError> {
        self.inner.answer(client, key)
    }
    fn crl(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Result<Option<CrlRecord>, StoreError> {
        let found = self.inner.crl(kind, generation, scope, number)?;
        Ok(self.as_kept(found).pop())
    }
    fn crl_before(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        number: u64,
    ) -> Result<Option<CrlRecord>, StoreError> {
        // An old copy of the database knows nothing of what came after it.
        let same = |one: &&CrlRecord| (one.kind, one.generation, one.scope) == (kind, generation, scope);
        let end =
            self.newest.lock().unwrap().as_ref().map(|newest| newest.iter().find(same).map_or(0, |one| one.number));
        let bound = end.filter(|_| self.is_old_copy.load(SeqCst)).map_or(number, |end| number.min(end + 1));
        self.inner.crl_before(kind, generation, scope, bound)
    }
    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        self.inner.authorities()
    }
    fn municipalities(&self) -> Result<Vec<MunicipalityCode>, StoreError> {
        self.inner.municipalities()
    }
    fn credentials(&self) -> Result<Vec<CredentialRecord>, StoreError> {
        self.inner.credentials()
    }
    fn credential(&self, fingerprint: &[u8; 32]) -> Result<Option<CredentialRecord>, StoreError> {
        self.inner.credential(fingerprint)
    }
    fn consents(&self, holder: &HolderReference) -> Result<Vec<ConsentRecord>, StoreError> {
        self.inner.consents(holder)
    }

    fn history(&self, kind: Kind, serial: &Serial) -> Result<Option<History>, StoreError> {
        self.inner.history(kind, serial)
    }
    fn relying_parties(&self) -> Result<Vec<RelyingPartyRecord>, StoreError> {
        self.inner.relying_parties()
    }
    fn relying_party(&self, name: &str) -> Result<Option<RelyingPartyRecord>, StoreError> {
        self.inner.relying_party(name)
    }
    fn disclosures(
        &self,
        holder: &HolderReference,
        before: u64,
        limit: usize,
    ) -> Result<Vec<DisclosureRecord>, StoreError> {
        self.inner.disclosures(holder, before, limit)
    }
    fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Result<Vec<UsageRecord>, StoreError> {
        self.inner.usage(party, first, last)
    }
    fn counts(&self) -> Result<Vec<StateCount>, StoreError> {
        self.inner.counts()
    }
    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.inner.audit_after(position, limit)
    }
    fn last_recorded(&self) -> Result<Option<UnixTime>, StoreError> {
        self.inner.last_recorded()
    }
    fn check_writable(&self) -> Result<(), StoreError> {
        self.inner.check_writable()
    }
}

/// Two revoked in Suginami and one in Itami, on lists that were published; a day later.
pub(crate) fn published() -> (Arc<Liar>, House, [Serial; 3]) {
    let store = Liar::new();
    let house = House::on(Arc::clone(&store) as Arc<_>);
    let people = ["1", "2", "3"].map(|number| Person::new(&format!("TEST-{number}")));
    let serials = people.each_ref().map(|person| {
        let town = municipality(if person.reference == "TEST-3" { ITAMI } else { SUGINAMI });
        house.issue(&town, Asked::New, &person.enrolment(&Kind::BOTH)).unwrap();
        let end = person.revocation(Cause::KeyCompromise, Some(&[Kind::Sign]));
        house.authority.revoke(&town, &house.once(), &end).unwrap();
        house.newest(person, Kind::Sign).serial
    });
    for now in ["2026-04-01T03:00:00Z", "2026-04-02T03:00:00Z", "2026-04-03T03:00:00Z"] {
        house.set_clock(now);
        house.authority.publish_due().unwrap();
    }
    house.set_clock("2026-04-04T03:00:00Z");
    (store, house, serials)
}
