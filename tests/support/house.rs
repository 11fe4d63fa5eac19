//! A whole registration authority with throw-away keys: CAs, access CA, municipalities and clients.
//!
//! `House::memory()` stands in memory; `House::new(store)` on any store. `house.open()` serves the registration listener
//! on a free port with real TLS, and `open.client(role, name)` is a client with a certificate of the access CA.
#![allow(dead_code, clippy::allow_attributes, reason = "each test takes what it needs of the house")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jitsuin::{
    audit::Draft,
    authority::{Authority, DualControl, Parts, access::AccessDesk, publish::Schedule},
    ca::{
        Issuer, Issuers,
        ceremony::{self, AccessCa},
    },
    http::{
        access::{Access, AccessLists},
        client::Client,
        metrics::Metrics,
        registration::{Pace, Registration},
        server::{self, Bounds, ShutdownTrigger},
    },
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{AuthorityRecord, Change, Clock, CredentialRecord, Entropy, EntropyError, Role, Signer, Step, Store},
    profile::{Profile, Variant, access::ServerName},
    revocation::{
        answer::AnswerDesk,
        index::StatusIndex,
        lists::PublishedLists,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
        serial::SerialPermutation,
    },
    rules::{Counters, Policy, substitution::Substitutes},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::MemoryStore,
    x509::{CertificateView, Serial, SubjectPublicKey, UnixTime, oid},
};
use pkcs8::der::pem::{LineEnding, encode_string};
use ring::digest::{SHA256, digest};

/// 2026-11-02T01:00:00Z, ten in the morning in Tokyo.
pub(crate) const MORNING: i64 = 1_793_581_200;

/// Octets that are never the same twice, and need not be secret.
#[derive(Default)]
pub(crate) struct Numbers(AtomicU8);

impl Entropy for Numbers {
    fn fill(&self, octets: &mut [u8]) -> Result<(), EntropyError> {
        octets.fill(0xA5);
        octets[0] = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A clock that stands until it is moved.
pub(crate) struct StandingClock(AtomicI64, AtomicBool);

impl StandingClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// From now on nobody sees to lists that end while the clock is moved.
    pub(crate) fn stop_upkeep(&self) {
        self.1.store(true, Ordering::SeqCst);
    }

    fn is_kept(&self) -> bool {
        !self.1.load(Ordering::SeqCst)
    }

    pub(crate) fn advance_days(&self, days: i64) {
        self.0.fetch_add(days * 86_400, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> UnixTime {
        at(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn at(second: i64) -> UnixTime {
    UnixTime::from_seconds(second).unwrap()
}

/// Longer than any test looks ahead, and around the real time too, by which TLS checks.
fn always() -> (UnixTime, UnixTime) {
    (at(1_577_836_800), at(2_840_140_800))
}

/// Where the status listener would be.
const BASE: &str = "http://127.0.0.1:8080";

/// A certificate with its key, PEM.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) der: Vec<u8>,
}

/// An access CA with throw-away keys.
pub(crate) struct TestAccessCa {
    signer: Arc<SoftwareSigner>,
    pub(crate) certificate: Vec<u8>,
    next_serial: AtomicU8,
}

impl TestAccessCa {
    pub(crate) fn new() -> Self {
        let signer = Arc::new(SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap());
        let ca = AccessCa { organization: "JITSUIN-TEST", base_uri: BASE, signer: &*signer };
        let certificate = ca.certificate(&Serial::from_octets(&[1]).unwrap(), always()).unwrap();
        Self { signer, certificate, next_serial: AtomicU8::new(2) }
    }

    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// A client certificate; the store does not know it yet.
    pub(crate) fn client(&self, role: &str, name: &str, validity: (UnixTime, UnixTime)) -> Credential {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let spki = SubjectPublicKey::from_der(SoftwareSigner::new(&key).unwrap().spki()).unwrap();
        let der = self.ca().client((role, name), &spki, &self.serial(), validity).unwrap();
        let fingerprint = digest(&SHA256, &der).as_ref().try_into().unwrap();
        Credential { certificate: pem("CERTIFICATE", &der), key: pem("PRIVATE KEY", key.pkcs8()), fingerprint, der }
    }

    /// A client certificate that the access CA would not make, signed by it all the same.
    pub(crate) fn odd_client(&self, certificate: &rcgen::CertificateParams) -> Credential {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let spki = SubjectPublicKey::from_der(self.signer.spki()).unwrap();
        let ca = CaKey { signer: &self.signer, point: spki.key().to_vec() };
        let certificate_of_ca = self.certificate.as_slice().into();
        let issuer = rcgen::Issuer::from_ca_cert_der(&certificate_of_ca, ca).unwrap();
        let der = certificate.signed_by(&key, &issuer).unwrap().der().to_vec();
        let fingerprint = digest(&SHA256, &der).as_ref().try_into().unwrap();
        Credential { certificate: pem("CERTIFICATE", &der), key: key.serialize_pem(), fingerprint, der }
    }

    /// The registration listener's side of TLS, which lets in whom these lists do not revoke.
    pub(crate) fn server(&self, lists: AccessLists) -> Access {
        let (der, key) = self.server_certificate();
        Access::new(&self.certificate, (&der, &key), lists).unwrap()
    }

    /// The holders' listener's, which lets in who has a certificate of these CAs.
    fn holders(&self, generations: &[Vec<u8>]) -> Access {
        let (der, key) = self.server_certificate();
        Access::for_holders(generations, (&der, &key)).unwrap()
    }

    fn server_certificate(&self) -> (Vec<u8>, PrivateKey) {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let spki = SubjectPublicKey::from_der(SoftwareSigner::new(&key).unwrap().spki()).unwrap();
        let names = [ServerName::Ip([127, 0, 0, 1].into()), ServerName::Dns("localhost".into())];
        (self.ca().server(&names, &spki, &self.serial(), always()).unwrap(), key)
    }

    fn ca(&self) -> AccessCa<'_> {
        AccessCa { organization: "JITSUIN-TEST", base_uri: BASE, signer: &*self.signer }
    }

    fn serial(&self) -> Serial {
        Serial::from_octets(&[self.next_serial.fetch_add(1, Ordering::SeqCst)]).unwrap()
    }
}

/// The access CA's key as rcgen signs with it.
struct CaKey<'a> {
    signer: &'a SoftwareSigner,
    point: Vec<u8>,
}

impl rcgen::PublicKeyData for CaKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for CaKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.signer.sign(message).unwrap())
    }
}

/// A registration authority.
pub(crate) struct House {
    pub(crate) authority: Arc<Authority>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) access: TestAccessCa,
}

pub(crate) fn profile() -> Profile {
    Profile {
        variant: Variant::Open,
        organization: "JITSUIN-TEST".into(),
        agency: "JITSUIN-TEST Agency".into(),
        sign_name_ja: "署名用電子証明書試験認証局".into(),
        auth_name_ja: "利用者証明用電子証明書試験認証局".into(),
        sign_policy: oid_of("2.999.1.1"),
        auth_policy: oid_of("2.999.1.2"),
        cps_uri: "https://jitsuin.example/cps".into(),
        base_uri: BASE.into(),
    }
}

/// The OCSP responder of a CA, with a P-256 key.
fn delegate(profile: &Profile, issuer: &Issuer) -> Delegate {
    let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let key = SubjectPublicKey::from_der(signer.spki()).unwrap();
    let serial = Serial::from_octets(&[0x50 + issuer.kind().id()]).unwrap();
    let certificate = ceremony::ocsp_responder(profile, issuer, &key, &serial, always()).unwrap();
    Delegate::new(Arc::new(signer), certificate).unwrap()
}

impl House {
    pub(crate) fn memory() -> Self {
        Self::new(Arc::new(MemoryStore::new()))
    }

    /// With P-256 keys; Suginami (13115) and Itami (28207) take part.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self::with_counters(store, Counters::default())
    }

    /// The same, whose counters do what is said.
    pub(crate) fn with_counters(store: Arc<dyn Store>, counters: Counters) -> Self {
        Self::made(profile(), store, counters, |_| DualControl::Off)
    }

    /// The same of another organisation.
    pub(crate) fn of(organization: &str) -> Self {
        let profile = Profile { organization: organization.into(), ..profile() };
        Self::made(profile, Arc::new(MemoryStore::new()), Counters::default(), |_| DualControl::Off)
    }

    /// The same, in which acts that take two do.
    pub(crate) fn of_two(store: Arc<dyn Store>) -> Self {
        Self::made(profile(), store, Counters::default(), |access| {
            let certificate = CertificateView::from_der(&access.certificate).unwrap();
            DualControl::On(Box::new(SubjectPublicKey::from_der(certificate.tbs.spki).unwrap()))
        })
    }

    fn made(
        profile: Profile,
        store: Arc<dyn Store>,
        counters: Counters,
        control: impl Fn(&TestAccessCa) -> DualControl,
    ) -> Self {
        let access = TestAccessCa::new();
        let control = control(&access);
        let clock = Arc::new(StandingClock(AtomicI64::new(MORNING), AtomicBool::new(false)));
        let profile = Arc::new(profile);
        let mut steps: Vec<Step> = ["13115", "28207"].map(|code| Step::Municipality(code.parse().unwrap())).into();
        let (mut issuers, mut entries) = (Vec::new(), Vec::new());
        for kind in Kind::BOTH {
            let signer = Arc::new(SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap());
            let serial = Serial::from_octets(&[0x40 + kind.id()]).unwrap();
            let certificate =
                ceremony::certificate_authority(&profile, (kind, 1), &*signer, &serial, always()).unwrap();
            let record = AuthorityRecord::new(kind, 1, certificate);
            let issuer = Issuer::open(&record, signer, &profile).unwrap();
            entries.push(IssuerEntry::new(&record, delegate(&profile, &issuer)).unwrap());
            issuers.push(Arc::new(issuer));
            steps.push(Step::Authority(record));
        }
        commit(&*store, &*clock, steps);
        let index = Arc::new(StatusIndex::default());
        store.follow(0, index.clone()).unwrap();
        let serials = SerialPermutation::new(1, b"JITSUIN-TEST-KEY").unwrap();
        let authority = Authority::new(Parts {
            store: store.clone(),
            clock: clock.clone(),
            entropy: Arc::new(Numbers::default()),
            issuers: Arc::new(Issuers::new(issuers).unwrap()),
            serials: serials.clone(),
            profile,
            policy: Policy::default(),
            counters,
            substitutes: Arc::new(Substitutes::parse("# JITSUIN-TEST\n髙\t高\nU+20BB7\t吉\n").unwrap()),
            index: index.clone(),
            lists: Arc::new(PublishedLists::default()),
            schedule: Schedule::default(),
            control,
        });
        let policy = ResponsePolicy { life: Duration::from_secs(3600), never_issued: NeverIssued::Revoked };
        let responder = Responder::new(entries, serials, index, policy);
        authority.speak_through(Arc::new(AnswerDesk::new(responder)));
        authority.admit_through(
            AccessDesk::new(&access.certificate, ("JITSUIN-TEST", BASE), access.signer.clone()).unwrap(),
        );
        Self { authority: Arc::new(authority), store, clock, access }
    }

    /// A client certificate that the store knows.
    pub(crate) fn admit(&self, role: Role, name: &str) -> Credential {
        let credential = self.access.client(role.word(), name, always());
        self.record(&credential, role, name, true);
        credential
    }

    /// Admits a certificate, or shuts it out.
    pub(crate) fn record(&self, credential: &Credential, role: Role, name: &str, active: bool) {
        let municipality: Option<MunicipalityCode> = (role == Role::Municipality).then(|| {
            // A second credential of a municipality has its code and a word.
            let (code, _) = name.split_once('-').unwrap_or((name, ""));
            code.parse().unwrap()
        });
        let step = Step::Credential(CredentialRecord {
            fingerprint: credential.fingerprint,
            role,
            name: name.into(),
            municipality,
            active,
            revocation: None,
            certificate: credential.der.clone(),
        });
        commit(&*self.store, &*self.clock, vec![step]);
    }

    /// Opens the registration listener, and the holders'.
    pub(crate) fn open(self) -> Open {
        self.open_with(Pace::default(), Bounds::default())
    }

    pub(crate) fn open_with(self, pace: Pace, bounds: Bounds) -> Open {
        let [listener, pages] = [(); 2].map(|()| server::bind("127.0.0.1:0".parse().unwrap()).unwrap());
        let [url, holders] = [&listener, &pages].map(|socket| format!("https://{}", socket.local_addr().unwrap()));
        let (trigger, shutdown) = server::shutdown();
        let metrics = Arc::new(Metrics::new());
        let registration = Registration::new(self.authority.clone(), &metrics, pace);
        let (authority, clock) = (self.authority.clone(), self.clock.clone());
        authority.keep_access_list().unwrap();
        // A clock that was moved by years has had its upkeep.
        let lists = move || {
            if authority.access_list().is_err() && clock.is_kept() {
                authority.keep_access_list().unwrap();
            }
            authority.access_list()
        };
        let access = self.access.server(Arc::new(lists));
        tokio::spawn(registration.serve(listener, access, bounds, shutdown.clone()));
        let generations = self.store.authorities().unwrap().into_iter().filter(|one| one.kind == Kind::Auth);
        let access = self.access.holders(&generations.map(|one| one.certificate).collect::<Vec<_>>());
        let registration = Registration::for_holders(self.authority.clone(), &metrics, pace);
        tokio::spawn(registration.serve(pages, access, bounds, shutdown));
        Open { url, holders, metrics, house: self, _trigger: trigger }
    }
}

/// A house whose registration listener and whose holders' are open until dropped.
pub(crate) struct Open {
    pub(crate) house: House,
    pub(crate) url: String,
    pub(crate) holders: String,
    pub(crate) metrics: Arc<Metrics>,
    _trigger: ShutdownTrigger,
}

impl Open {
    /// An admitted client.
    pub(crate) fn client(&self, role: Role, name: &str) -> Client {
        self.client_of(&self.house.admit(role, name))
    }

    pub(crate) fn client_of(&self, credential: &Credential) -> Client {
        let ca = self.house.access.pem();
        Client::new(ca.as_bytes(), credential.certificate.as_bytes(), credential.key.as_bytes()).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

pub(crate) fn commit(store: &dyn Store, clock: &dyn Clock, steps: Vec<Step>) {
    let word = str::to_owned;
    let audit =
        Draft { at: clock.now(), actor: word("service"), action: word("test"), subject: word("x"), detail: word("{}") };
    store.commit(Change { steps, audit }).unwrap();
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    encode_string(label, LineEnding::LF, der).unwrap()
}

/// A certification request for a new P-256 key, in base64.
pub(crate) fn request() -> String {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    STANDARD.encode(rcgen::CertificateParams::default().serialize_request(&key).unwrap().der())
}

/// The application of person `number` for the linked pair on card `number`, with new keys.
pub(crate) fn pair(number: u32) -> serde_json::Value {
    serde_json::json!({
        "holder": { "reference": format!("TEST-{number:06}"), "birth": "1980-02-17" },
        "card": { "number": format!("CARD-{number:06}"), "issue_day": "2026-11-01" },
        "facts": { "name": "実印　太郎", "address": "東京都杉並区阿佐谷南１丁目１５番１号", "sex": "1" },
        "requests": { "auth": request(), "sign": request() },
    })
}

fn oid_of(dotted: &str) -> Vec<u8> {
    oid::parse(dotted).unwrap()
}
