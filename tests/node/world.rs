//! A service whose store may be away, and the status nodes beside it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use jitsuin::{
    authority::{
        Actor, Once,
        enrol::{Card, Enrolment, Facts, Person, RequestDer, Requests},
        revoke::RevocationRequest,
    },
    cli::{
        credential::Protection,
        house::House,
        init,
        layout::Layout,
        node::{Node, Reach, export},
    },
    config::Config,
    kind::Kind,
    ports::{CardNumber, Change, Clock, CredentialRecord, HolderReference, Role, Signer, Step, Store, StoreError},
    rules::{Asked, Cause, calendar::day_of},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::{MemoryStore, SqliteStore},
    x509::{
        Attribute, CertificateView, Name, Serial, SubjectPublicKey, UnixTime, assemble,
        csr::request_info,
        ocsp::{ErrorStatus, ResponseView, SingleStatus, cert_id, request},
    },
};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{
    ward::{Ward, Warded},
    weak_keys::weaken,
};

pub(crate) const PASSPHRASE: &str = "JITSUIN-TEST throw-away passphrase";
const PLACE: &str = "13115";

/// A clock that stands until it is moved.
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.load(SeqCst)).unwrap()
    }
}

/// The line to a store, which somebody may cut.
pub(crate) struct Cable {
    store: MemoryStore,
    is_cut: AtomicBool,
}

impl Ward for Cable {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.store
    }

    fn meet<T>(
        &self,
        _method: &'static str,
        call: impl FnOnce(&MemoryStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.is_cut.load(SeqCst) {
            true => Err(StoreError::Unavailable("the test cut the line".into())),
            false => call(&self.store),
        }
    }
}

pub(crate) struct World {
    directory: TempDir,
    pub(crate) clock: Arc<Hands>,
    pub(crate) line: Arc<Warded<Cable>>,
    pub(crate) house: House,
}

impl World {
    /// A house with a published list of each scope, and nobody in it.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = directory.path().join("service");
        let passphrase = Zeroizing::new(PASSPHRASE.to_owned());
        let mut config = Config::default();
        (config.keys.sign_ca, config.keys.auth_ca) = (KeyKind::P256, KeyKind::P256);
        let plan = init::Plan {
            config,
            municipalities: vec![PLACE.parse().unwrap()],
            passphrase: &passphrase,
            protection: Protection::ThrowAway,
            clock: Arc::default(),
        };
        init::run(&service, &plan).unwrap();
        // They tell of the database that was made, and the house stands on another.
        fs::remove_file(service.join("checkpoints")).unwrap();
        weaken(&service.join("keys"), PASSPHRASE);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let clock = Arc::new(Hands(AtomicI64::new(now + 60)));
        let line = Arc::new(Warded(Cable { store: like(&service), is_cut: AtomicBool::new(false) }));
        let house = open(line.clone(), &service, &clock);
        house.authority.publish_due().unwrap();
        Self { directory, clock, line, house }
    }

    pub(crate) fn service(&self) -> PathBuf {
        self.directory.path().join("service")
    }

    /// A second house of the same keys on the same store.
    pub(crate) fn another_house(&self) -> House {
        open(self.line.clone(), &self.service(), &self.clock)
    }

    /// A house of the same keys on another store.
    pub(crate) fn house_on(&self, store: Arc<dyn Store>) -> House {
        open(store, &self.service(), &self.clock)
    }

    /// The directory of a new node, with its keys cheap to open.
    pub(crate) fn exported(&self, name: &str) -> PathBuf {
        let to = self.directory.path().join(name);
        export::export(&self.service(), &to).unwrap();
        to
    }

    /// Nobody reaches the store any more, or everybody again.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.line.is_cut.store(is_cut, SeqCst);
    }

    /// Starts a node on the world's store.
    pub(crate) fn node(&self, directory: &Path) -> Node {
        self.node_on(directory, self.line.clone())
    }

    pub(crate) fn node_on(&self, directory: &Path, store: Arc<dyn Store>) -> Node {
        let config = Config::load(&Layout::configuration(directory)).unwrap();
        let connect = move || Ok(Arc::clone(&store));
        let reach = Reach { connect: Arc::new(connect), afresh: false };
        Node::open((directory, config), &Zeroizing::new(PASSPHRASE.into()), self.clock.clone(), reach).unwrap()
    }

    /// What the store has now, as another store.
    pub(crate) fn twin(&self) -> MemoryStore {
        self.line.store.twin()
    }

    /// Issues a pair; the serial of its AUTH.
    pub(crate) fn issue(&self, resident: u32) -> Serial {
        self.issue_in(&self.house, resident)
    }

    pub(crate) fn issue_in(&self, house: &House, resident: u32) -> Serial {
        let enrolment = enrolment(resident, self.clock.now());
        house.authority.issue(&municipality(), &once(&format!("issue-{resident}")), Asked::New, &enrolment).unwrap();
        let holder = house.store.dossier(&reference(resident)).unwrap().unwrap();
        holder.certificates.iter().find(|one| one.kind == Kind::Auth).unwrap().serial
    }

    pub(crate) fn revoke(&self, resident: u32) {
        let revocation =
            RevocationRequest { card: card(resident), cause: Cause::CardDamaged, kinds: None, event_day: None };
        self.house.authority.revoke(&municipality(), &once(&format!("revoke-{resident}")), &revocation).unwrap();
    }

    /// Asks a node about an AUTH: verified under the responder's certificate in the answer and the CA; of when it speaks, and what it says.
    pub(crate) fn ask(&self, node: &Node, serial: &Serial) -> Result<Told, ErrorStatus> {
        let record = self.house.store.authorities();
        let record = record.unwrap_or_else(|_| self.line.store.authorities().unwrap());
        let record = record.into_iter().find(|one| one.kind == Kind::Auth).unwrap();
        let tbs = CertificateView::from_der(&record.certificate).unwrap().tbs;
        let key = SubjectPublicKey::from_der(tbs.spki).unwrap();
        let question = request(&[cert_id(tbs.subject, &key.key_id(), serial)], None);
        let now = self.clock.now();
        let der = node.desk.answer(&question, now)?.der();
        let view = ResponseView::verified(&der, &key, now).unwrap();
        let answer = &view.answers[0];
        Ok(Told {
            status: answer.status,
            at: answer.this_update,
            until: answer.next_update,
            produced: view.produced_at,
        })
    }
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: SingleStatus,
    pub(crate) at: UnixTime,
    pub(crate) until: UnixTime,
    pub(crate) produced: UnixTime,
}

impl Told {
    pub(crate) fn is_revoked(&self) -> bool {
        matches!(self.status, SingleStatus::Revoked { .. })
    }
}

fn open(store: Arc<dyn Store>, directory: &Path, clock: &Arc<Hands>) -> House {
    let config = Config::load(&Layout::configuration(directory)).unwrap();
    House::open_on(store, (directory, config), &Zeroizing::new(PASSPHRASE.into()), clock.clone()).unwrap()
}

/// A store in memory with the authorities and municipalities of the service in a directory.
fn like(service: &Path) -> MemoryStore {
    let (made, store) = (SqliteStore::open_read_only(&service.join("jitsuin.sqlite")).unwrap(), MemoryStore::new());
    let mut steps: Vec<_> = made.municipalities().unwrap().into_iter().map(Step::Municipality).collect();
    steps.extend(made.authorities().unwrap().into_iter().map(Step::Authority));
    let audit = made.audit_after(0, 1).unwrap().remove(0).draft;
    store.commit(Change { steps, audit }).unwrap();
    // The responders' certificates have taken some.
    for kind in Kind::BOTH {
        store.allocate(kind, 16).unwrap();
    }
    store
}

fn reference(resident: u32) -> HolderReference {
    HolderReference::parse(format!("TEST-{resident:06}")).unwrap()
}

fn card(resident: u32) -> CardNumber {
    CardNumber::parse(format!("CARD-{resident:06}")).unwrap()
}

fn once(key: &str) -> Once {
    Once { key: key.into(), digest: [1; 32] }
}

fn municipality() -> Actor {
    Actor::client(&CredentialRecord {
        fingerprint: [0; 32],
        role: Role::Municipality,
        name: PLACE.into(),
        municipality: PLACE.parse().ok(),
        active: true,
        revocation: None,
        certificate: Vec::new(),
    })
}

fn enrolment(resident: u32, now: UnixTime) -> Enrolment {
    let facts = Facts {
        name: "試験　花子".into(),
        name_flags: None,
        address: "東京都杉並区試験町１丁目".into(),
        address_flags: None,
        sex: "2".into(),
    };
    Enrolment {
        holder: Person {
            reference: reference(resident),
            birth: time::macros::date!(1980 - 02 - 17),
            ward: Some(false),
        },
        card: Card {
            number: card(resident),
            issue_day: day_of(now),
            application_day: None,
            last_day: None,
            stay_last_day: None,
        },
        facts: Some(facts.into()),
        requests: Requests { auth: Some(certification_request()), sign: Some(certification_request()) },
        application: None,
    }
}

fn certification_request() -> RequestDer {
    let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let info = request_info(&Name::new(vec![Attribute::common_name("card")]).unwrap(), signer.spki());
    RequestDer(assemble(&info, signer.algorithm(), &signer.sign(&info).unwrap()))
}
