//! A fault anywhere in the story, and there is no statement; what is stated was looked up.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use jitsuin::{
    authority::StoryError,
    kind::Kind,
    ports::{History, RelyingPartyRecord, Revocation, Step, Store, StoreError, Suspension},
    revocation::state_at::StateAt,
    rules::{AskedTimes, Cause, CertificateState, Query},
    store::{Fault, MemoryStore},
    x509::{RevocationReason, Serial},
};

use crate::{
    bench::{Responders, commit, furnish},
    house::{House, Person, at, day, relying_party, rule},
    ward::{Ward, Warded},
};

type Between = Box<dyn FnOnce(&MemoryStore) + Send>;

/// Who lets one call fail, counted from when it is armed; and who can lie about a history.
struct Failing {
    inner: MemoryStore,
    /// Calls until the one that fails; 0: none does.
    fuse: AtomicUsize,
    calls: AtomicUsize,
    /// Whether a history is only there the first time it is asked for.
    forgetful: AtomicBool,
    asked: AtomicUsize,
    /// What happens in between, once, when a history has been read.
    between: Mutex<Option<Between>>,
}

impl Failing {
    fn new(inner: MemoryStore) -> Arc<Warded<Self>> {
        let [fuse, calls, asked] = [(); 3].map(|()| AtomicUsize::new(0));
        let (forgetful, between) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Warded(Self { inner, fuse, calls, forgetful, asked, between }))
    }

    fn arm(&self, call: usize) {
        self.calls.store(0, SeqCst);
        self.fuse.store(call, SeqCst);
    }
}

impl Ward for Failing {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    fn meet<T>(
        &self,
        _method: &'static str,
        call: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let this = self.calls.fetch_add(1, SeqCst) + 1;
        if this == self.fuse.load(SeqCst) {
            return Err(StoreError::Unavailable(format!("call {this}")));
        }
        call(&self.inner)
    }

    fn history(&self, history: Option<History>) -> Option<History> {
        let again = self.asked.fetch_add(1, SeqCst) > 0;
        if let Some(happens) = self.between.lock().unwrap().take() {
            happens(&self.inner);
        }
        history.filter(|_| !(again && self.forgetful.load(SeqCst)))
    }
}

/// A house on the store with a person whose signing certificate was revoked.
fn scene(store: Arc<dyn Store>, responders: &Responders) -> (House, Arc<AtomicUsize>, Serial) {
    let house = House::on(store);
    let signatures = furnish(&house, responders);
    let person = Person::new("TEST-1");
    house.pair(&person);
    house.set_clock("2025-11-01T00:00:00Z");
    house.revoke(&person, Cause::KeyCompromise, Some(&[Kind::Sign])).unwrap();
    house.set_clock("2025-11-02T00:00:00Z");
    let serial = house.newest(&person, Kind::Sign).serial;
    (house, signatures, serial)
}

fn answered(house: &House) -> u64 {
    let usage = house.store.usage(Some("e-filing"), day("2025-11-02"), day("2025-11-02")).unwrap();
    usage.iter().map(|line| line.answered).sum()
}

#[test]
fn whichever_call_of_the_store_fails_nothing_is_stated() {
    let store = Failing::new(MemoryStore::new());
    let (house, signatures, serial) = scene(Arc::clone(&store) as _, &Responders::default());
    let times = [
        AskedTimes::default(),
        AskedTimes { at: Some(at("2025-10-30T00:00:00Z")), known_at: Some(at("2025-10-31T00:00:00Z")) },
    ];
    for asked in times {
        let mut failed = 0;
        let told = loop {
            let before = signatures.load(SeqCst);
            store.arm(failed + 1);
            let told = house.authority.tell_status(&relying_party(), (Kind::Sign, &serial), asked);
            store.arm(0);
            match told {
                Ok(told) => break told,
                Err(StoryError::Unavailable(_)) => failed += 1,
                Err(other) => panic!("call {}: {other}", failed + 1),
            }
            assert_eq!(signatures.load(SeqCst), before, "signed though call {failed} failed");
        };
        // The party, the history, the record, and the history again.
        assert_eq!(failed, 4);
        assert_eq!(told.status.status.state, if asked.at.is_none() { StateAt::Revoked } else { StateAt::Live });
    }
    assert_eq!(signatures.load(SeqCst), 2);
    assert_eq!(answered(&house), 4, "twice told, and twice recorded but failed afterwards");
}

#[test]
fn a_record_that_is_kept_and_reported_as_failed_tells_nothing_and_stays() {
    for fault in [Fault::Kept, Fault::Lost] {
        let armed = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&armed);
        let store = MemoryStore::with_faults(move |_| if seen.load(SeqCst) { fault } else { Fault::None });
        let (house, signatures, serial) = scene(Arc::new(store), &Responders::default());
        armed.store(true, SeqCst);
        let told = house.authority.tell_status(&relying_party(), (Kind::Sign, &serial), AskedTimes::default());
        assert!(matches!(told, Err(StoryError::Unavailable(_))), "{told:?}");
        let pair = house.authority.tell_pair(&relying_party(), (Kind::Sign, &serial));
        assert!(matches!(pair, Err(StoryError::Unavailable(_))), "{pair:?}");
        assert_eq!(signatures.load(SeqCst), 0);
        assert_eq!(answered(&house), if fault == Fault::Kept { 2 } else { 0 });
    }
}

#[test]
fn a_certificate_that_is_gone_when_it_is_looked_at_again_is_not_stated() {
    let store = Failing::new(MemoryStore::new());
    let (house, signatures, serial) = scene(Arc::clone(&store) as _, &Responders::default());
    store.forgetful.store(true, SeqCst);
    store.asked.store(0, SeqCst);
    let told = house.authority.tell_status(&relying_party(), (Kind::Sign, &serial), AskedTimes::default());
    assert!(matches!(told, Err(StoryError::Corrupt(_))), "{told:?}");
    assert_eq!(signatures.load(SeqCst), 0);
}

#[test]
fn who_is_suspended_while_being_answered_is_refused() {
    let store = Failing::new(MemoryStore::new());
    let (house, signatures, serial) = scene(Arc::clone(&store) as _, &Responders::default());
    let now = house.now();
    *store.between.lock().unwrap() = Some(Box::new(move |inner| {
        let party = inner.relying_party("e-filing").unwrap().unwrap();
        let suspended = Some(Suspension { since: now, reason: "x".into() });
        commit(inner, now, vec![Step::RelyingParty(RelyingPartyRecord { suspended, ..party })]);
    }));
    let told = house.authority.tell_status(&relying_party(), (Kind::Sign, &serial), AskedTimes::default());
    assert_eq!(rule(told), "L-03");
    assert_eq!((signatures.load(SeqCst), answered(&house)), (0, 0));
}

#[test]
fn what_is_revoked_while_being_answered_is_stated_revoked() {
    let store = Failing::new(MemoryStore::new());
    let (house, _, _) = scene(Arc::clone(&store) as _, &Responders::default());
    let person = Person::new("TEST-2");
    house.pair(&person);
    let record = house.newest(&person, Kind::Auth);
    let (now, index) = (house.now(), record.index);
    *store.between.lock().unwrap() = Some(Box::new(move |inner| {
        let (from, to) = (CertificateState::Live, CertificateState::Revoked);
        let reason = RevocationReason::KeyCompromise;
        let cause = Cause::KeyCompromise;
        let revocation = Some(Revocation { revocation_date: now, reason, invalidity_date: None, cause });
        commit(inner, now, vec![Step::Status { kind: Kind::Auth, index, from, to, revocation }]);
    }));
    let subject = (Kind::Auth, &record.serial);
    let told = house.authority.tell_status(&relying_party(), subject, AskedTimes::default()).unwrap();
    assert_eq!(told.status.status.state, StateAt::Revoked);
}

#[test]
fn a_responder_that_does_not_sign_or_has_ended_states_nothing() {
    let broken = Responders { broken: true, ..Responders::default() };
    let (house, _, serial) = scene(Arc::new(MemoryStore::new()), &broken);
    let told = house.authority.tell_status(&relying_party(), (Kind::Sign, &serial), AskedTimes::default());
    assert!(matches!(told, Err(StoryError::Fault(_))), "{told:?}");

    let ended = Responders { until: at("2025-11-02T00:00:00Z"), ..Responders::default() };
    let (house, signatures, serial) = scene(Arc::new(MemoryStore::new()), &ended);
    let told = house.authority.tell_status(&relying_party(), (Kind::Sign, &serial), AskedTimes::default());
    assert!(matches!(told, Err(StoryError::Unavailable(_))), "{told:?}");
    assert_eq!(signatures.load(SeqCst), 0);
}

#[test]
fn what_was_only_reserved_or_was_discarded_was_never_issued() {
    let house = House::on(Arc::new(MemoryStore::new()));
    let signatures = furnish(&house, &Responders::default());
    let person = Person::new("TEST-1");
    // The key of the CA fails: the reservation is discarded.
    house.fuse.store(1, SeqCst);
    let failed = house.issue(
        &crate::house::municipality(crate::house::SUGINAMI),
        jitsuin::rules::Asked::New,
        &person.enrolment(&Kind::BOTH),
    );
    assert!(matches!(failed, Err(StoryError::Fault(_))));
    let dossier = house.dossier(&person);
    assert_eq!(dossier.certificates.len(), 2);
    for certificate in &dossier.certificates {
        let subject = (certificate.kind, &certificate.serial);
        assert_eq!(rule(house.authority.tell_status(&relying_party(), subject, AskedTimes::default())), "T-09");
        assert_eq!(rule(house.authority.tell_pair(&relying_party(), subject)), "T-09");
    }
    assert_eq!(signatures.load(SeqCst), 0);
    let usage = house.store.usage(None, day("2025-10-27"), day("2025-10-27")).unwrap();
    let count = |query| usage.iter().filter(|line| line.query == query).map(|line| line.answered).sum::<u64>();
    assert_eq!((count(Query::Status), count(Query::Pair)), (2, 2));
    assert!(house.store.disclosures(&person.holder(), u64::MAX, 9).unwrap().is_empty(), "nobody's certificate");
}
