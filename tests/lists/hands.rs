//! Lists made by several hands: what is stored, in which order, under which numbers, and what is told of failures, is what one
//! hand alone would have left.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use jitsuin::{
    audit::{AuditEntry, Draft},
    authority::{
        Authority, Parts, StoryError,
        publish::{Failure, Publication},
    },
    ca::{Issuer, Issuers},
    cli::world::Threads,
    kind::Kind,
    ports::{CrlRecord, ListOctets, Signer, SignerError, Store},
    profile::Variant,
    revocation::lists::ListKey,
    rules::{Asked, Cause, Policy},
    scope::CrlScope,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::{Fault, MemoryStore, SqliteOptions, SqliteStore},
    x509::SignatureAlgorithm,
};
use proptest::prelude::*;

use crate::{
    bench::place,
    house::{House, Person, Plan, at, municipality, operator},
    liar::Liar,
    ward::Warded,
};

/// Municipalities beside the two of every house.
const TOWNS: [&str; 7] = ["13101", "13102", "13103", "13104", "13105", "13106", "13107"];

/// RSA keys, whose signatures of one list are the same every time.
struct Keys([PrivateKey; 2]);

impl Keys {
    fn new() -> Self {
        Self([(), ()].map(|()| PrivateKey::generate(KeyKind::Rsa2048).unwrap()))
    }

    fn house(&self, store: Arc<dyn Store>) -> House {
        let key = |kind| SoftwareSigner::new(&self.0[usize::from(kind == Kind::Sign)]).unwrap();
        let validity = (at("2019-01-01T00:00:00Z"), at("2059-01-01T00:00:00Z"));
        let plan = Plan { variant: Variant::Open, validity, key: &key };
        let house = House::build(store, Policy::default(), &plan);
        TOWNS.iter().for_each(|town| house.takes_part(town));
        house
    }
}

/// One person in each of some towns; of some a certificate is revoked, of some it is held.
fn populate(house: &House, ends: &[(usize, bool)]) {
    for (number, town) in TOWNS.iter().enumerate() {
        let person = Person::new(&format!("TEST-{number}"));
        house.issue(&municipality(town), Asked::New, &person.enrolment(&Kind::BOTH)).unwrap();
    }
    end(house, ends);
}

fn end(house: &House, ends: &[(usize, bool)]) {
    for (number, is_hold) in ends {
        let (town, person) = (municipality(TOWNS[*number]), Person::new(&format!("TEST-{number}")));
        let hold = jitsuin::authority::hold::HoldRequest { card: person.card() };
        // What the rules refuse the second time is refused to both houses.
        let _ = match is_hold {
            true => house.authority.hold(&town, &house.once(), &hold).map(drop),
            false => {
                let end = person.revocation(Cause::KeyCompromise, Some(&[Kind::Sign]));
                house.authority.revoke(&town, &house.once(), &end).map(drop)
            }
        };
    }
}

type Served = (ListKey, u64, u64, Vec<u8>);

/// Everything that a house recorded, serves, and says of itself.
#[derive(Debug, PartialEq)]
struct Left {
    told: Vec<Result<Vec<Publication>, StoryError>>,
    audit: Vec<Draft>,
    stored: Vec<CrlRecord>,
    served: Vec<Served>,
    failures: Vec<(ListKey, Failure)>,
}

/// What an entry of the log says. The keys of people are others every time; of lists every word counts.
fn draft(entry: AuditEntry) -> Draft {
    let Draft { detail, .. } = &entry.draft;
    let detail = if entry.draft.action.starts_with("crl.") { detail.clone() } else { String::new() };
    Draft { detail, ..entry.draft }
}

fn left(house: &House, told: Vec<Result<Vec<Publication>, StoryError>>) -> Left {
    house.check();
    let served = house.authority.parts().lists.all().into_iter();
    Left {
        told,
        audit: house.store.audit_after(0, usize::MAX).unwrap().into_iter().map(draft).collect(),
        stored: house.store.newest_crls().unwrap(),
        served: served
            .map(|(key, list)| (key, list.number, list.position, list.der.whole().unwrap().into_owned()))
            .collect(),
        failures: house.authority.publication_failures(),
    }
}

/// Three days of lists and deltas.
fn days(house: &House, ends: &[(usize, bool)]) -> Left {
    house.authority.watch_changes().unwrap();
    populate(house, &ends[..ends.len() / 2]);
    let mut told = vec![house.authority.publish_due()];
    for now in ["2026-04-01T03:00:00Z", "2026-04-01T03:20:00Z", "2026-04-02T03:00:00Z"] {
        house.set_clock(now);
        end(house, &ends[ends.len() / 2..]);
        told.extend([house.authority.publish_changed(), house.authority.publish_due()]);
    }
    told.push(house.authority.publish(&operator()));
    left(house, told)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn several_hands_leave_what_one_leaves_octet_by_octet(
        ends in proptest::collection::vec((0..TOWNS.len(), any::<bool>()), 0..12),
        hands in 1..6_usize,
    ) {
        let keys = Keys::new();
        let alone = days(&keys.house(Arc::new(MemoryStore::new())), &ends);
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions { long_list: 400, ..SqliteOptions::default() };
        let sqlite = SqliteStore::open_with(&directory.path().join("jitsuin.sqlite"), options).unwrap();
        for store in [Arc::new(MemoryStore::new()) as Arc<dyn Store>, Arc::new(sqlite)] {
            let house = keys.house(store);
            house.authority.publish_with(Arc::new(Threads::of(hands)));
            let many = days(&house, &ends);
            prop_assert_eq!(&many.told, &alone.told);
            prop_assert_eq!(&many.audit, &alone.audit);
            prop_assert_eq!(&many.served, &alone.served);
            let same = |(one, other): (&CrlRecord, &CrlRecord)| one.der.is_same(&other.der) && one.number == other.number;
            prop_assert!(many.stored.iter().zip(&alone.stored).all(same) && many.stored.len() == alone.stored.len());
            prop_assert_eq!(&many.failures, &[]);
        }
    }
}

/// Its first signature is made only after some others.
struct Late {
    key: SoftwareSigner,
    others: u64,
    made: Mutex<(bool, u64)>,
    signed: Condvar,
}

impl Signer for Late {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn spki(&self) -> &[u8] {
        self.key.spki()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.key.sign(message)
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        let mut made = self.made.lock().unwrap();
        if !std::mem::replace(&mut made.0, true) {
            // Nothing waits so long where it goes well.
            let waited = self.signed.wait_timeout_while(made, Duration::from_secs(120), |made| made.1 < self.others);
            if waited.unwrap().1.timed_out() {
                return Err(SignerError::Failed("nobody else signed meanwhile".into()));
            }
        } else {
            made.1 += 1;
            self.signed.notify_all();
        }
        self.key.sign_digest(digest)
    }
}

#[test]
fn lists_are_signed_side_by_side_and_stored_in_order() {
    let keys = Keys::new();
    let house = keys.house(Arc::new(MemoryStore::new()));
    let late = |kind: Kind| {
        let key = SoftwareSigner::new(&keys.0[usize::from(kind == Kind::Sign)]).unwrap();
        Late { key, others: 9, made: Mutex::default(), signed: Condvar::new() }
    };
    let parts = house.authority.parts();
    let issuer = |record| Arc::new(Issuer::open(record, Arc::new(late(record.kind)), &parts.profile).unwrap());
    let authority = Authority::new(Parts {
        store: Arc::clone(&house.store),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
        issuers: Arc::new(Issuers::new(house.store.authorities().unwrap().iter().map(issuer).collect()).unwrap()),
        serials: parts.serials.clone(),
        profile: Arc::clone(&parts.profile),
        policy: parts.policy,
        counters: parts.counters.clone(),
        substitutes: Arc::clone(&parts.substitutes),
        index: Arc::clone(&parts.index),
        lists: Arc::default(),
        schedule: parts.schedule,
        control: parts.control.clone(),
    });
    authority.publish_with(Arc::new(Threads::of(2)));
    let published = authority.publish_due().unwrap();
    let alone = keys.house(Arc::new(MemoryStore::new())).authority.publish_due().unwrap();
    assert_eq!(published, alone);
    assert_eq!(published.len(), 2 * (2 + 2 + TOWNS.len()));
}

#[test]
fn a_list_that_fails_at_the_gate_leaves_what_it_leaves_one_hand_alone() {
    let keys = Keys::new();
    let told = [false, true].map(|by_many| {
        let store: Arc<Warded<Liar>> = Liar::new();
        let house = keys.house(Arc::clone(&store) as Arc<_>);
        if by_many {
            house.authority.publish_with(Arc::new(Threads::of(3)));
        }
        populate(&house, &[(0, false), (3, false), (5, false)]);
        house.authority.publish_due().unwrap();
        house.set_clock("2026-04-02T03:00:00Z");
        let lies: BTreeSet<_> = [CrlScope::Full, place(TOWNS[3])].into();
        store.lie(move |scope, entries| entries.retain(|_| !lies.contains(&scope)));
        let mut told = vec![house.authority.publish_due()];
        assert!(told[0].is_err() && house.authority.publication_failures().len() == 2);
        let between = left(&house, told.clone());
        store.repent();
        told.push(house.authority.publish_due());
        (between, left(&house, told))
    });
    assert_eq!(told[0], told[1]);
    assert_eq!(told[1].1.failures, []);
}

/// Scope and number of each list that the log tells of, in order, from an entry on.
fn logged(house: &House, from: u64) -> Vec<(String, String)> {
    let entries = house.store.audit_after(from, usize::MAX).unwrap();
    let published = entries.into_iter().filter(|entry| entry.draft.action == "crl.published");
    published.map(|entry| (entry.draft.subject, entry.draft.detail)).collect()
}

#[test]
fn a_store_that_fails_at_any_write_has_the_first_of_the_lists_in_their_order_and_no_other() {
    let keys = Keys::new();
    let alone = {
        let house = keys.house(Arc::new(MemoryStore::new()));
        populate(&house, &[(1, false), (2, true)]);
        house.authority.publish_due().unwrap();
        house.set_clock("2026-04-01T03:00:00Z");
        let from = house.store.audit_after(0, usize::MAX).unwrap().len() as u64;
        house.authority.publish(&operator()).unwrap();
        logged(&house, from)
    };
    let (mut met, mut stopped) = (0, BTreeSet::new());
    for (fault, at) in
        [Fault::Lost, Fault::Kept].into_iter().flat_map(|fault| [1, 2, 3, 4, 6, 9, 13, 20].map(|at| (fault, at)))
    {
        let countdown = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&countdown);
        let store = MemoryStore::with_faults(move |_| {
            let due = counter.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) == Ok(1);
            if due { fault } else { Fault::None }
        });
        let house = keys.house(Arc::new(store));
        house.authority.publish_with(Arc::new(Threads::of(3)));
        populate(&house, &[(1, false), (2, true)]);
        house.authority.publish_due().unwrap();
        house.set_clock("2026-04-01T03:00:00Z");
        let from = house.store.audit_after(0, usize::MAX).unwrap().len() as u64;
        countdown.store(at, SeqCst);
        let outcome = house.authority.publish(&operator());
        let fails = countdown.swap(0, SeqCst) == 0 && fault == Fault::Lost;
        met += u64::from(fails);
        let told = logged(&house, from);
        assert_eq!(told, alone[..told.len()], "{fault:?} at {at}");
        assert_eq!((outcome.is_err(), told.len() < alone.len()), (fails, fails), "{fault:?} at {at}: {outcome:?}");
        stopped.insert(told.len());
        // The first that is not there failed, and of no other anything was said.
        let failed = house.authority.publication_failures();
        assert_eq!(failed.len(), usize::from(fails));
        if let Some(((kind, generation, scope), _)) = failed.first() {
            assert_eq!(alone[told.len()].0, format!("crl/{kind}/{generation}/{}", scope.word()));
        }
        let newest = |house: &House| house.store.newest_crls().unwrap().into_iter().map(|list| list.der);
        let served = |house: &House| house.authority.parts().lists.all().into_iter().map(|(_, list)| list.der.clone());
        assert!(newest(&house).eq(served(&house)), "what is stored is served, and nothing else");
        house.set_clock("2026-04-02T03:00:00Z");
        house.authority.publish_due().unwrap();
        assert_eq!(house.authority.publication_failures(), []);
        assert!(newest(&house).eq(served(&house)));
        house.check();
    }
    assert!(met > 4 && stopped.len() > 4, "the fault hardly met a list: {met}, {stopped:?}");
}

#[test]
fn a_key_that_fails_once_costs_one_list_and_the_others_are_published() {
    let keys = Keys::new();
    for at in [1, 2, 7, 20] {
        let house = keys.house(Arc::new(MemoryStore::new()));
        house.authority.publish_with(Arc::new(Threads::of(3)));
        house.authority.publish_due().unwrap();
        let before = house.authority.parts().lists.all().len();
        house.set_clock("2026-04-01T03:00:00Z");
        house.fuse.store(at, SeqCst);
        let outcome = house.authority.publish(&operator());
        assert!(matches!(&outcome, Err(StoryError::Fault(detail)) if detail.contains("the test said so")));
        let failures = house.authority.publication_failures();
        let [((kind, generation, scope), _)] = failures[..] else { panic!("{failures:?}") };
        let lists = house.authority.parts().lists.all();
        for ((of, number, about), list) in &lists {
            let is_it = (*of, *number, *about) == (kind, generation, scope);
            assert_eq!(list.number, if is_it { 1 } else { 2 }, "{about:?}");
        }
        let deltas = lists.len() - before + usize::from(scope.is_delta() || scope.delta().is_some());
        assert_eq!(deltas, 2 * (1 + 2 + TOWNS.len()), "every other delta is there");
        house.set_clock("2026-04-01T03:20:00Z");
        house.authority.publish_due().unwrap();
        assert_eq!(house.authority.publication_failures(), []);
    }
}

#[test]
fn what_was_made_and_not_stored_leaves_no_file() {
    let (keys, directory) = (Keys::new(), tempfile::tempdir().unwrap());
    let options = SqliteOptions { long_list: 1, ..SqliteOptions::default() };
    let path = directory.path().join("jitsuin.sqlite");
    let house = keys.house(Arc::new(SqliteStore::open_with(&path, options).unwrap()));
    house.authority.publish_with(Arc::new(Threads::of(3)));
    house.authority.publish_due().unwrap();
    house.set_clock("2026-04-01T03:00:00Z");
    house.fuse.store(6, SeqCst);
    house.authority.publish(&operator()).unwrap_err();
    let files = std::fs::read_dir(directory.path().join("jitsuin.sqlite.crl")).unwrap();
    let files: BTreeSet<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let mut kept = BTreeSet::new();
    for (key, served) in house.authority.parts().lists.all() {
        for number in 1..=served.number {
            let Some(list) = house.store.crl(key.0, key.1, key.2, number).unwrap() else { continue };
            let ListOctets::File(file) = list.der else { panic!("in memory") };
            kept.insert(format!("{}.crl", jitsuin::x509::hex(&file.digest)));
        }
    }
    assert_eq!(files, kept);
}
