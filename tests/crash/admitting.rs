//! Who comes in: credentials that are given out and revoked, and the access CA's list.

use std::sync::{Arc, Mutex};

use jitsuin::{
    authority::{
        access::AccessDesk,
        credential::{CredentialEnd, CredentialRequest},
        municipality::MunicipalityRequest,
    },
    ca::ceremony::AccessCa,
    ports::{Role, Store, StoreError},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::MemoryStore,
    x509::{RevocationReason, Serial},
};

use crate::{
    house::{House, at, once, operator, request},
    table::{Row, words},
    ward::{Ward, Warded},
};

/// An access CA: every process of a house has the same.
#[derive(Clone)]
struct Access {
    signer: Arc<SoftwareSigner>,
    certificate: Vec<u8>,
}

impl Access {
    fn new() -> Self {
        let signer = Arc::new(SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap());
        let ca = AccessCa { organization: "JITSUIN-TEST", base_uri: "http://localhost", signer: &*signer };
        let validity = (at("2020-01-01T00:00:00Z"), at("2059-01-01T00:00:00Z"));
        let certificate = ca.certificate(&Serial::from_octets(&[1]).unwrap(), validity).unwrap();
        Self { signer, certificate }
    }

    /// Loads its key, if this process has not.
    fn load(&self, house: &House) {
        let names = ("JITSUIN-TEST", "http://localhost");
        house.authority.admit_through(AccessDesk::new(&self.certificate, names, self.signer.clone()).unwrap());
    }

    fn give_out(&self, house: &House, role: Role, name: &str) {
        self.load(house);
        house.authority.issue_credential(&operator(), &house.once(), &asked(role, name)).unwrap();
    }
}

fn asked(role: Role, name: &str) -> CredentialRequest {
    CredentialRequest { role, name: name.into(), municipality: None, request: request(), approvals: Vec::new() }
}

pub(crate) fn rows() -> Vec<Row> {
    let reason = Some(RevocationReason::KeyCompromise);
    vec![
        Row::new("a credential is given out", "issue_credential", |_| {
            let (access, asked) = (Access::new(), asked(Role::Auditor, "audit-office"));
            Box::new(move |house| {
                access.load(house);
                words(house.authority.issue_credential(&operator(), &once("story"), &asked))
            })
        }),
        Row::new("a municipality takes part", "admit_municipality", |_| {
            let municipality = "01101".parse().unwrap();
            let asked = MunicipalityRequest { municipality, request: request(), approvals: Vec::new() };
            let access = Access::new();
            Box::new(move |house| {
                access.load(house);
                words(house.authority.admit_municipality(&operator(), &once("story"), &asked))
            })
        }),
        Row::new("a credential is revoked", "revoke_credential", move |house| {
            let access = Access::new();
            access.give_out(house, Role::CallCentre, "lost-cards");
            house.authority.keep_access_list().unwrap();
            Box::new(move |house| {
                access.load(house);
                let end = ("lost-cards", CredentialEnd { reason });
                words(house.authority.revoke_credential(&operator(), &once("story"), end))
            })
        }),
        Row::new("the access CA's first list", "keep_access_list", |house| {
            let access = Access::new();
            access.give_out(house, Role::Operator, "operator-1");
            Box::new(move |house| {
                access.load(house);
                words(house.authority.keep_access_list())
            })
        })
        .settled(),
        Row::new("the access CA's list once half of its time has passed", "keep_access_list", |house| {
            let access = Access::new();
            access.give_out(house, Role::Operator, "operator-1");
            house.authority.keep_access_list().unwrap();
            house.set_clock("2026-04-08T03:00:00Z");
            Box::new(move |house| {
                access.load(house);
                words(house.authority.keep_access_list())
            })
        })
        .settled(),
    ]
}

/// A store behind which something happens once, right after the credentials were read.
struct Between {
    inner: Arc<MemoryStore>,
    happens: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Ward for Between {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    fn meet<T>(
        &self,
        method: &'static str,
        call: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let told = call(&self.inner);
        let happens = self.happens.lock().unwrap().take_if(|_| method == "credentials");
        if let Some(happens) = happens {
            happens();
        }
        told
    }
}

#[test]
fn of_two_operators_who_revoke_each_other_at_once_one_stays_and_the_list_tells_of_the_other() {
    let (access, store) = (Access::new(), Arc::new(MemoryStore::new()));
    let house = Arc::new(House::on(Arc::clone(&store) as Arc<_>));
    ["operator-1", "operator-2"].iter().for_each(|name| access.give_out(&house, Role::Operator, name));
    house.authority.keep_access_list().unwrap();
    let end = |name: &'static str| (name, CredentialEnd { reason: Some(RevocationReason::KeyCompromise) });
    let first = Arc::clone(&house);
    let happens = Box::new(move || {
        first.authority.revoke_credential(&operator(), &once("first"), end("operator-2")).unwrap();
    });
    let between = Between { inner: Arc::clone(&store), happens: Mutex::new(Some(happens)) };
    let other = house.beside(Arc::new(Warded(between)));
    access.load(&other);
    let told = other.authority.revoke_credential(&operator(), &once("second"), end("operator-1"));
    assert!(told.is_err(), "{told:?}");
    let left: Vec<_> = store.credentials().unwrap().into_iter().filter(|one| one.active).map(|one| one.name).collect();
    assert_eq!(left, ["operator-1"]);
    assert_eq!(store.access_list().unwrap().unwrap().entries, 1, "of whom was revoked");
}

#[test]
fn a_list_of_the_access_ca_that_is_made_while_somebody_is_revoked_tells_of_them() {
    let (access, store) = (Access::new(), Arc::new(MemoryStore::new()));
    let house = Arc::new(House::on(Arc::clone(&store) as Arc<_>));
    ["operator-1", "operator-2"].iter().for_each(|name| access.give_out(&house, Role::Operator, name));
    house.authority.keep_access_list().unwrap();
    house.set_clock("2026-04-08T03:00:00Z");
    let first = Arc::clone(&house);
    let happens = Box::new(move || {
        let end = ("operator-2", CredentialEnd { reason: Some(RevocationReason::KeyCompromise) });
        first.authority.revoke_credential(&operator(), &once("first"), end).unwrap();
    });
    let between = Between { inner: Arc::clone(&store), happens: Mutex::new(Some(happens)) };
    let other = house.beside(Arc::new(Warded(between)));
    access.load(&other);
    other.authority.keep_access_list().unwrap();
    assert_eq!(store.access_list().unwrap().unwrap().entries, 1, "of whom was revoked");
}
