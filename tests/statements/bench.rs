//! A house with OCSP responders that count their signatures, and a relying party.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use jitsuin::{
    audit::Draft,
    authority::relying_party::{PartyChange, Registration},
    ca::ceremony,
    kind::Kind,
    ports::{AuthorityRecord, Change, CredentialRecord, Role, Signer, SignerError, Step, Store},
    revocation::{
        answer::AnswerDesk,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
    },
    rules::{Purpose, Query},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{Serial, SignatureAlgorithm, SubjectPublicKey, UnixTime},
};

use crate::house::{House, at, day, operator};

/// A key that counts what it signs.
pub(crate) struct CountingSigner {
    key: SoftwareSigner,
    count: Arc<AtomicUsize>,
    broken: bool,
}

impl Signer for CountingSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn spki(&self) -> &[u8] {
        self.key.spki()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        if self.broken {
            return Err(SignerError::Failed("the test said so".into()));
        }
        self.count.fetch_add(1, SeqCst);
        self.key.sign(message)
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.key.sign_digest(digest)
    }
}

/// How the responders are made.
pub(crate) struct Responders {
    pub(crate) key: KeyKind,
    pub(crate) broken: bool,
    pub(crate) until: UnixTime,
}

impl Default for Responders {
    fn default() -> Self {
        Self { key: KeyKind::P256, broken: false, until: at("2058-01-01T00:00:00Z") }
    }
}

/// Gives the house responders, and the relying party `e-filing` terms; counts what the responders sign.
pub(crate) fn furnish(house: &House, responders: &Responders) -> Arc<AtomicUsize> {
    let count = speak(house, responders);
    agree(house);
    count
}

/// Gives the house responders.
pub(crate) fn speak(house: &House, responders: &Responders) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let parts = house.authority.parts();
    let entries = Kind::BOTH.map(|kind| {
        let issuer = parts.issuers.current(kind);
        let key = SoftwareSigner::new(&PrivateKey::generate(responders.key).unwrap()).unwrap();
        let signer = CountingSigner { key, count: Arc::clone(&count), broken: responders.broken };
        let spki = SubjectPublicKey::from_der(signer.spki()).unwrap();
        let serial = Serial::from_octets(&[0x50 + kind.id()]).unwrap();
        let validity = (at("2019-01-02T00:00:00Z"), responders.until);
        let certificate = ceremony::ocsp_responder(&parts.profile, issuer, &spki, &serial, validity).unwrap();
        let certificate_of_ca = issuer.certificate().to_vec();
        let record = AuthorityRecord::new(kind, 1, certificate_of_ca);
        IssuerEntry::new(&record, Delegate::new(Arc::new(signer), certificate).unwrap()).unwrap()
    });
    let policy = ResponsePolicy { life: std::time::Duration::from_secs(3600), never_issued: NeverIssued::Revoked };
    let responder = Responder::new(entries.into(), parts.serials.clone(), Arc::clone(&parts.index), policy);
    house.authority.speak_through(Arc::new(AnswerDesk::new(responder)));
    count
}

fn agree(house: &House) {
    let credential = CredentialRecord {
        fingerprint: [7; 32],
        role: Role::RelyingParty,
        name: "e-filing".into(),
        municipality: None,
        active: true,
        revocation: None,
        certificate: Vec::new(),
    };
    commit(&*house.store, house.now(), vec![Step::Credential(credential)]);
    let registration = Registration {
        name: "e-filing".into(),
        title: "e-filing".into(),
        purposes: Purpose::ALL.into(),
        queries: Query::ALL.into(),
        daily_quota: 1000,
        recognised_until: day("2026-10-27"),
        certificate: None,
    };
    let change = PartyChange::Register(registration);
    house.authority.change_relying_party(&operator(), &house.once(), &change).unwrap();
}

pub(crate) fn commit(store: &dyn Store, at: UnixTime, steps: Vec<Step>) {
    let word = str::to_owned;
    let audit = Draft { at, actor: word("service"), action: word("test"), subject: word("x"), detail: word("{}") };
    store.commit(Change { steps, audit }).unwrap();
}
