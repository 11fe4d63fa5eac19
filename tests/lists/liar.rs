//! A store whose answers can be wrong.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use jitsuin::{
    kind::Kind,
    ports::{CrlRecord, ListedEvent, Store},
    rules::{Asked, Cause},
    scope::CrlScope,
    store::MemoryStore,
    x509::{CrlEntry, Serial},
};

use crate::{
    house::{House, ITAMI, Person, SUGINAMI, municipality},
    ward::{Ward, Warded},
};

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
    pub(crate) fn new() -> Arc<Warded<Self>> {
        let (inner, lost_event) = (MemoryStore::new(), AtomicU64::new(0));
        Arc::new(Warded(Self {
            inner,
            revoked: Mutex::default(),
            newest: Mutex::default(),
            damage: Mutex::default(),
            is_old_copy: AtomicBool::new(false),
            lost_event,
        }))
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

impl Ward for Liar {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    fn revoked(&self, scope: CrlScope, mut entries: Vec<CrlEntry>) -> Vec<CrlEntry> {
        if let Some(lie) = self.revoked.lock().unwrap().as_ref() {
            lie(scope, &mut entries);
        }
        entries
    }

    fn newest_crls(&self, lists: Vec<CrlRecord>) -> Vec<CrlRecord> {
        let newest = self.newest.lock().unwrap().clone();
        self.as_kept(newest.unwrap_or(lists))
    }

    fn crl(&self, found: Option<CrlRecord>) -> Option<CrlRecord> {
        self.as_kept(found).pop()
    }

    fn crl_before(&self, found: Option<CrlRecord>) -> Option<CrlRecord> {
        let found = found?;
        let newest = self.newest.lock().unwrap();
        let Some(newest) = newest.as_ref().filter(|_| self.is_old_copy.load(SeqCst)) else { return Some(found) };
        // An old copy of the database knows nothing of what came after it.
        let (kind, generation, scope) = (found.kind, found.generation, found.scope);
        let same = |one: &&CrlRecord| (one.kind, one.generation, one.scope) == (kind, generation, scope);
        let end = newest.iter().find(same).map_or(0, |one| one.number);
        if found.number <= end { Some(found) } else { self.inner.crl_before(kind, generation, scope, end + 1).unwrap() }
    }

    fn listed_events(&self, mut events: Vec<ListedEvent>) -> Vec<ListedEvent> {
        events.retain(|event| event.event.position != self.lost_event.load(SeqCst));
        events
    }
}

/// Two revoked in Suginami and one in Itami, on lists that were published; a day later.
pub(crate) fn published() -> (Arc<Warded<Liar>>, House, [Serial; 3]) {
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
