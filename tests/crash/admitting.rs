//! Who comes in: credentials that are given out and revoked, and the access CA's list.

use std::sync::Arc;

use jitsuin::{
    authority::{
        access::AccessDesk,
        credential::{CredentialEnd, CredentialRequest},
    },
    ca::ceremony::AccessCa,
    ports::Role,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{RevocationReason, Serial},
};

use crate::{
    house::{House, at, once, operator, request},
    table::{Row, words},
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
