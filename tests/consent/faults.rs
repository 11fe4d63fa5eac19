//! A store that fails at each call of each story: nothing is half done, nothing is told that is not recorded, and the same
//! request again comes to the same end.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

use jitsuin::{
    audit,
    authority::{Actor, Once, StoryError, enrol::Enrolment},
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{ConsentRecord, CredentialRecord, HolderReference, Role, Step, StoreError},
    rules::{Asked, Query},
    store::{Fault, MemoryStore},
    x509::Serial,
};
use serde_json::{Value, json};

use crate::{
    citizen::Citizen,
    house::{House, commit, pem},
    party::record,
    ward::{Ward, Warded},
};

/// What fails, and how many calls from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trap {
    Read(u64),
    Write(u64, Fault),
}

/// A house whose store fails at the call that is trapped.
struct World {
    house: House,
    trap: Arc<Mutex<Option<Trap>>>,
    citizen: Citizen,
    serial: String,
}

/// Who lets a reading fail that is trapped; the store inside does it with its writes.
struct Reading {
    inner: MemoryStore,
    trap: Arc<Mutex<Option<Trap>>>,
}

impl Ward for Reading {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    fn meet<T>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let is_read = !["commit", "allocate", "follow", "check_writable"].contains(&method);
        if is_read && sprung(&mut self.trap.lock().unwrap(), false).is_some() {
            return Err(StoreError::Unavailable("fault of reading".into()));
        }
        call(&self.inner)
    }
}

/// Counts a call down; true if it is the trapped one, which is then sprung.
fn sprung(trap: &mut Option<Trap>, write: bool) -> Option<Fault> {
    match trap {
        Some(Trap::Read(left)) if !write => {
            *left -= 1;
            if *left > 0 {
                return None;
            }
            *trap = None;
            Some(Fault::Lost)
        }
        Some(Trap::Write(left, fault)) if write => {
            *left -= 1;
            if *left > 0 {
                return None;
            }
            let fault = *fault;
            *trap = None;
            Some(fault)
        }
        _ => None,
    }
}

fn actor(role: Role, name: &str) -> Actor {
    let municipality: Option<MunicipalityCode> = (role == Role::Municipality).then(|| name.parse().unwrap());
    let fingerprint = [name.len() as u8; 32];
    Actor::client(&CredentialRecord {
        fingerprint,
        role,
        name: name.into(),
        municipality,
        active: true,
        revocation: None,
        certificate: Vec::new(),
    })
}

fn once(key: &str) -> Once {
    Once { key: key.into(), digest: [7; 32] }
}

impl World {
    fn new() -> Self {
        let trap = Arc::new(Mutex::new(None));
        let (writes, reads) = (Arc::clone(&trap), Arc::clone(&trap));
        let inner = MemoryStore::with_faults(move |_| sprung(&mut writes.lock().unwrap(), true).unwrap_or(Fault::None));
        let house = House::new(Arc::new(Warded(Reading { inner, trap: reads })));
        house.admit(Role::RelyingParty, "e-filing");
        let parts = house.authority.parts();
        let party = record("e-filing", &Query::ALL, parts.clock.now(), 0);
        commit(&*house.store, &*parts.clock, vec![Step::RelyingParty(party)]);
        let citizen = Citizen::new(1);
        let enrolment: Enrolment = serde_json::from_value(citizen.application(false)).unwrap();
        let counter = actor(Role::Municipality, "13115");
        let issuance = house.authority.issue(&counter, &once("issue"), Asked::New, &enrolment).unwrap();
        let certificates: Vec<_> = issuance
            .certificates
            .iter()
            .zip(house.authority.issued(&issuance).unwrap())
            .map(|(one, der)| {
                let pem = pem("CERTIFICATE", &der);
                json!({"kind": one.kind, "serial": one.serial, "pem": pem, "issuer_pem": pem})
            })
            .collect();
        let serial = citizen.keep(&json!({ "certificates": certificates }));
        Self { house, trap, citizen, serial }
    }

    fn draft(&self, key: &str, what: &Value) -> Result<Value, StoryError> {
        let mut request = what.clone();
        request["serial"] = self.serial.as_str().into();
        let request = serde_json::from_value(request).unwrap();
        let party = actor(Role::RelyingParty, "e-filing");
        self.house.authority.draft(&party, &once(key), &request).map(|drafted| serde_json::to_value(drafted).unwrap())
    }

    fn signed(&self, key: &str, what: &Value) -> Value {
        self.citizen.sign(self.draft(key, what).unwrap()["text"].as_str().unwrap())
    }

    fn give(&self, key: &str, signed: &Value) -> Result<Value, StoryError> {
        let request = serde_json::from_value(signed.clone()).unwrap();
        let party = actor(Role::RelyingParty, "e-filing");
        self.house.authority.consent(&party, &once(key), &request).map(|given| serde_json::to_value(given).unwrap())
    }

    fn withdraw(&self, by: &Actor, request: &Value) -> Result<Value, StoryError> {
        let request = serde_json::from_value(request.clone()).unwrap();
        let told = self.house.authority.withdraw(by, &once("story"), &request);
        told.map(|withdrawn| serde_json::to_value(withdrawn).unwrap())
    }

    fn given() -> Self {
        let world = Self::new();
        let signed = world.signed("draft-1", &json!({"scopes": ["successor", "facts"]}));
        world.give("give-1", &signed).unwrap();
        world
    }

    fn consents(&self) -> Vec<ConsentRecord> {
        self.house.store.consents(&HolderReference::parse(self.citizen.reference()).unwrap()).unwrap()
    }

    /// Scopes of each consent in force; there must never be two.
    fn in_force(&self) -> Vec<usize> {
        self.consents().iter().filter(|one| one.ended.is_none()).map(|one| one.scopes.len()).collect()
    }

    fn ledger(&self) -> usize {
        let holder = HolderReference::parse(self.citizen.reference()).unwrap();
        self.house.store.disclosures(&holder, u64::MAX, 100).unwrap().len()
    }
}

/// Tells a story again and again, with each call trapped in turn. `prepare` gives the world and the story in it.
fn every_call_fails<S>(prepare: impl Fn() -> (World, S), tell: impl Fn(&World, &S) -> Result<Value, StoryError>) {
    let (world, story) = prepare();
    let before = (world.in_force(), world.consents().len());
    tell(&world, &story).unwrap();
    let after = (world.in_force(), world.consents().len());
    let mut tried = 0;
    for kind in [|n| Trap::Read(n), |n| Trap::Write(n, Fault::Lost), |n| Trap::Write(n, Fault::Kept)] {
        for call in 1.. {
            let (world, story) = prepare();
            let trap = kind(call);
            let ledger = world.ledger();
            *world.trap.lock().unwrap() = Some(trap);
            let told = tell(&world, &story);
            if world.trap.lock().unwrap().take().is_some() {
                assert!(told.is_ok(), "no call was left to fail");
                break;
            }
            tried += 1;
            assert!(matches!(told, Err(StoryError::Unavailable(_))), "{trap:?}: {told:?}");
            let now = (world.in_force(), world.consents().len());
            let kept = matches!(trap, Trap::Write(_, Fault::Kept));
            assert_eq!(now, if kept { after.clone() } else { before.clone() }, "{trap:?}");
            assert!(kept || world.ledger() == ledger, "{trap:?}: nothing was told, so nothing stands in the ledger");
            // The same request again.
            let again = tell(&world, &story).unwrap();
            assert_eq!(tell(&world, &story).unwrap(), again, "{trap:?}");
            assert_eq!((world.in_force(), world.consents().len()), after, "{trap:?}");
            let entries = world.house.store.audit_after(0, 1000).unwrap();
            audit::follow(&entries, 0, audit::GENESIS).unwrap();
        }
    }
    assert!(tried >= 4, "{tried}");
}

#[test]
fn drafting_at_every_call_that_fails() {
    let ask = json!({"scopes": ["facts"]});
    every_call_fails(|| (World::new(), ()), |world, ()| world.draft("story", &ask));
}

#[test]
fn consenting_at_every_call_that_fails() {
    let prepare = || {
        let world = World::new();
        let signed = world.signed("draft", &json!({"scopes": ["facts"]}));
        (world, signed)
    };
    every_call_fails(prepare, |world, signed| world.give("story", signed));
}

#[test]
fn replacing_at_every_call_that_fails() {
    let prepare = || {
        let world = World::given();
        let signed = world.signed("draft", &json!({"scopes": ["facts"]}));
        (world, signed)
    };
    every_call_fails(prepare, |world, signed| world.give("story", signed));
}

#[test]
fn withdrawing_at_every_call_that_fails() {
    let prepare = || {
        let world = World::given();
        let signed = world.signed("draft", &json!({"withdraw_from": "e-filing"}));
        (world, signed)
    };
    let party = actor(Role::RelyingParty, "e-filing");
    every_call_fails(prepare, |world, signed| world.withdraw(&party, signed));
    let counter = actor(Role::Municipality, "13115");
    let request = json!({"holder": "TEST-000001", "party": "e-filing"});
    every_call_fails(|| (World::given(), ()), |world, ()| world.withdraw(&counter, &request));
}

#[test]
fn disclosing_at_every_call_that_fails() {
    let party = actor(Role::RelyingParty, "e-filing");
    let serial = |world: &World| world.serial.parse::<Serial>().unwrap();
    every_call_fails(
        || (World::given(), ()),
        |world, ()| {
            let told = world.house.authority.tell_successor(&party, (Kind::Sign, &serial(world)));
            told.map(|answer| serde_json::to_value(answer).unwrap())
        },
    );
    every_call_fails(
        || (World::given(), ()),
        |world, ()| {
            let told = world.house.authority.tell_facts(&party, &serial(world));
            told.map(|answer| serde_json::to_value(answer).unwrap())
        },
    );
}

#[test]
fn what_is_being_answered_while_the_holder_withdraws_is_not_told_afterwards() {
    let world = World::given();
    let (serial, party) = (world.serial.parse::<Serial>().unwrap(), actor(Role::RelyingParty, "e-filing"));
    let (asked, withdrawn) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut is_last = false;
                while !is_last {
                    // One more at least is asked after the withdrawal.
                    is_last = withdrawn.load(SeqCst) && asked.load(SeqCst) >= 100;
                    let told = world.house.authority.tell_facts(&party, &serial);
                    assert!(!matches!(&told, Err(error) if !matches!(error, StoryError::Refused(_))), "{told:?}");
                    asked.fetch_add(1, SeqCst);
                }
            });
        }
        while asked.load(SeqCst) < 30 {
            std::thread::yield_now();
        }
        let request = json!({"holder": "TEST-000001", "party": "e-filing"});
        world.withdraw(&actor(Role::Municipality, "13115"), &request).unwrap();
        withdrawn.store(true, SeqCst);
    });
    let entries = world.house.store.audit_after(0, usize::MAX).unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry.draft.action.as_str()).collect();
    let end = actions.iter().position(|action| *action == "consent.withdrawn").unwrap();
    assert!(actions[..end].contains(&"certificate.disclosed"));
    assert!(actions[end..].contains(&"certificate.withheld"));
    assert!(
        !actions[end..].contains(&"certificate.disclosed"),
        "the record of what is told comes before the withdrawal"
    );
}
