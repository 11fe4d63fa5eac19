//! Where every telling begins: a service's directory, and a store with certificates in every state and published lists.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use jitsuin::{
    audit::Draft,
    authority::{
        Actor, Once,
        enrol::{Card, Enrolment, Facts, Person, RequestDer, Requests},
        hold::HoldRequest,
        revoke::RevocationRequest,
    },
    cli::{credential::Protection, house::House, init, layout::Layout},
    config::Config,
    kind::Kind,
    ports::{
        CardNumber, CertificateRecord, Change, Clock, CredentialRecord, HolderReference, Role, Signer, Step, Store,
    },
    rules::{Asked, Cause, CertificateState, calendar::day_of},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::{MemoryStore, SqliteStore},
    x509::{Attribute, Name, UnixTime, assemble, csr::request_info},
};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::weak_keys::weaken;

pub(crate) const PLACE: &str = "13115";
const PASSPHRASE: &str = "JITSUIN-TEST throw-away passphrase";

/// The residents, by what becomes of their certificates.
pub(crate) const LIVE: u32 = 1;
/// Revoked before the tale.
const REVOKED: u32 = 2;
/// Held before the tale, and for ever.
const HELD: u32 = 3;
/// Held before the tale, released in it.
pub(crate) const FOUND: u32 = 4;
/// Revoked in the tale.
pub(crate) const STOLEN: u32 = 5;
/// Held in the tale.
pub(crate) const LOST: u32 = 6;
/// Revoked in the tale, by a line of a file.
pub(crate) const RETURNED: u32 = 8;
/// Has a reservation that nobody finished.
pub(crate) const LEFT: u32 = 7;

/// A clock that stands until it is moved.
pub(crate) struct Hands(AtomicI64);

impl Hands {
    pub(crate) fn at(second: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(second)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.load(SeqCst)).unwrap()
    }
}

pub(crate) struct World {
    directory: TempDir,
    store: MemoryStore,
    /// When the tale begins.
    pub(crate) begins: i64,
}

impl World {
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
        // They tell of the database that was made, and the houses stand on others.
        fs::remove_file(service.join("checkpoints")).unwrap();
        weaken(&service.join("keys"), PASSPHRASE);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let world = Self { store: like(&service), directory, begins: now + 7200 };
        let clock = Hands::at(now + 60);
        // The house writes into a twin; its content is what all tellings begin with.
        let store = Arc::new(world.store.twin());
        let copy = world.copy();
        let house = open(store.clone(), copy.path(), clock.clone());
        prepare(&house, &clock);
        drop(house);
        Self { store: store.twin(), ..world }
    }

    /// The store that a telling begins with.
    pub(crate) fn store(&self) -> MemoryStore {
        self.store.twin()
    }

    /// A copy of the service's directory, for a telling to write in.
    pub(crate) fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_all(&self.service(), copy.path());
        copy
    }

    fn service(&self) -> PathBuf {
        self.directory.path().join("service")
    }

    pub(crate) fn ca(&self, kind: Kind) -> PathBuf {
        self.service().join(format!("certificates/{kind}-1.pem"))
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (entry, name) = (entry.as_ref().unwrap().path(), entry.as_ref().unwrap().file_name());
        if entry.is_dir() {
            fs::create_dir(to.join(&name)).unwrap();
            copy_all(&entry, &to.join(name));
        } else {
            fs::copy(&entry, to.join(name)).unwrap();
        }
    }
}

/// Opens a house as `serve` does, on any store.
pub(crate) fn try_open(store: Arc<dyn Store>, directory: &Path, clock: Arc<Hands>) -> Result<House, String> {
    let config = Config::load(&Layout::configuration(directory)).unwrap();
    let passphrase = Zeroizing::new(PASSPHRASE.to_owned());
    House::open_on(store, (directory, config), &passphrase, clock).map_err(|failure| failure.to_string())
}

fn open(store: Arc<dyn Store>, directory: &Path, clock: Arc<Hands>) -> House {
    try_open(store, directory, clock).unwrap()
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

fn prepare(house: &House, clock: &Hands) {
    for resident in [LIVE, REVOKED, HELD, FOUND, STOLEN, LOST, LEFT, RETURNED] {
        let enrolment = enrolment(resident, clock.now());
        house.authority.issue(&municipality(), &once(&format!("issue-{resident}")), Asked::New, &enrolment).unwrap();
    }
    let revocation = revocation(LEFT);
    house.authority.revoke(&municipality(), &once("revoke-left"), &revocation).unwrap();
    reserve(house, clock.now());
    house.authority.publish_due().unwrap();
    clock.advance(600);
    house.authority.revoke(&municipality(), &once("revoke"), &self::revocation(REVOKED)).unwrap();
    for resident in [HELD, FOUND] {
        house.authority.hold(&municipality(), &once(&format!("hold-{resident}")), &hold(resident)).unwrap();
    }
    clock.advance(600);
    house.authority.publish(&Actor::service()).unwrap();
}

/// A reservation whose octets were never signed.
fn reserve(house: &House, now: UnixTime) {
    let holder = house.store.dossier(&reference(LEFT)).unwrap().unwrap();
    let like = holder.certificates.iter().find(|one| one.kind == Kind::Auth).unwrap().clone();
    let index = house.store.allocate(Kind::Auth, 1).unwrap().start;
    let serial = house.authority.parts().serials.serial(Kind::Auth, index);
    let reservation = CertificateRecord {
        index,
        serial,
        state: CertificateState::Reserved,
        revocation: None,
        pair: None,
        key_digest: [9; 32],
        certificate: None,
        ..like
    };
    let word = str::to_owned;
    let audit = Draft { at: now, actor: word("service"), action: word("test"), subject: word("x"), detail: word("{}") };
    house.store.commit(Change { steps: vec![Step::Reserve(Box::new(reservation))], audit }).unwrap();
}

fn reference(resident: u32) -> HolderReference {
    HolderReference::parse(format!("TEST-{resident:06}")).unwrap()
}

fn card(resident: u32) -> CardNumber {
    CardNumber::parse(format!("CARD-{resident:06}")).unwrap()
}

pub(crate) fn once(key: &str) -> Once {
    Once { key: key.into(), digest: [1; 32] }
}

pub(crate) fn hold(resident: u32) -> HoldRequest {
    HoldRequest { card: card(resident) }
}

pub(crate) fn revocation(resident: u32) -> RevocationRequest {
    RevocationRequest { card: card(resident), cause: Cause::CardDamaged, kinds: None, event_day: None }
}

pub(crate) fn municipality() -> Actor {
    actor(Role::Municipality, PLACE)
}

pub(crate) fn operator() -> Actor {
    actor(Role::Operator, "operator-1")
}

fn actor(role: Role, name: &str) -> Actor {
    Actor::client(&CredentialRecord {
        fingerprint: [0; 32],
        role,
        name: name.into(),
        municipality: name.parse().ok(),
        active: true,
        revocation: None,
        certificate: Vec::new(),
    })
}

fn enrolment(resident: u32, now: UnixTime) -> Enrolment {
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
        facts: Some(
            Facts {
                name: "試験　花子".into(),
                name_flags: None,
                address: "東京都杉並区試験町１丁目".into(),
                address_flags: None,
                sex: "2".into(),
            }
            .into(),
        ),
        requests: Requests { auth: Some(request()), sign: Some(request()) },
        application: None,
    }
}

fn request() -> RequestDer {
    let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let info = request_info(&Name::new(vec![Attribute::common_name("card")]).unwrap(), signer.spki());
    RequestDer(assemble(&info, signer.algorithm(), &signer.sign(&info).unwrap()))
}
