//! A whole house for tests: two CAs with throw-away keys, two municipalities, an operator, and a clock that is set.
//!
//! It stands on any [`Store`]; [`House::new`] takes one in memory. Whoever asks is an [`Actor`]; what they ask for is
//! built by [`Person`]. Nothing waits and nothing is random but the keys.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use jitsuin::{
    audit::{self, Draft, GENESIS},
    authority::{
        Actor, Authority, DualControl, Once, Parts, StoryError,
        change::{RegisterChange, RegisterEvent},
        end::Effects,
        enrol::{Card, Enrolment, Facts, Person as Applicant, RequestDer, Requests},
        hold::HoldRequest,
        issue::Issuance,
        publish::Schedule,
        revoke::RevocationRequest,
    },
    ca::{Issuer, Issuers, ceremony},
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AuthorityRecord, CardNumber, CertificateRecord, Change, Clock, CredentialRecord, Dossier, Entropy,
        EntropyError, HolderReference, Role, Signer, SignerError, Step, Store,
    },
    profile::{Profile, Variant},
    revocation::{index::StatusIndex, lists::PublishedLists, serial::SerialPermutation},
    rules::{Asked, Cause, CertificateState, Counters, Day, Policy, Refusal},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::MemoryStore,
    x509::{Serial, SignatureAlgorithm, UnixTime, oid},
};
use time::{format_description::well_known::Iso8601, macros::date};

pub(crate) const SUGINAMI: &str = "13115";
pub(crate) const ITAMI: &str = "28207";

pub(crate) fn at(text: &str) -> UnixTime {
    text.parse().expect("a time")
}

pub(crate) fn day(text: &str) -> Day {
    Day::parse(text, &Iso8601::DATE).expect("a day")
}

/// Octets that are never the same twice, and need not be secret.
#[derive(Default)]
pub(crate) struct Numbers(AtomicU64);

impl Entropy for Numbers {
    fn fill(&self, octets: &mut [u8]) -> Result<(), EntropyError> {
        octets.fill(0xA5);
        octets[..8].copy_from_slice(&self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        Ok(())
    }
}

/// A clock that stands still until it is set.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn new(at: UnixTime) -> Self {
        Self(AtomicI64::new(at.seconds()))
    }

    pub(crate) fn set(&self, at: UnixTime) {
        self.0.store(at.seconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.load(Ordering::SeqCst)).expect("a time that was set")
    }
}

thread_local! {
    static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Does something before the next signature of this thread: between a reservation and its record.
pub(crate) fn meanwhile(work: impl FnOnce() + 'static) {
    MEANWHILE.replace(Some(Box::new(work)));
}

/// Signs like the key behind it, and fails at one signature when told to.
pub(crate) struct FrailSigner {
    key: SoftwareSigner,
    /// Signatures until the one that fails; 0: none will. With [`AWAY`] added, the key is away from that one on.
    fuse: Arc<AtomicU64>,
}

/// Added to a fuse: the key is away from that signature on, until the fuse is 0 again.
pub(crate) const AWAY: u64 = 1 << 32;

impl FrailSigner {
    fn holds(&self) -> Result<(), SignerError> {
        let burn = |left: u64| if left == AWAY + 1 { None } else { left.checked_sub(1) };
        match self.fuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, burn) {
            Ok(1) => Err(SignerError::Failed("the test said so".into())),
            Err(left) if left == AWAY + 1 => Err(SignerError::Away("the test took the token".into())),
            _ => Ok(()),
        }
    }
}

impl Signer for FrailSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn spki(&self) -> &[u8] {
        self.key.spki()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        if let Some(work) = MEANWHILE.take() {
            work();
        }
        self.holds()?;
        self.key.sign(message)
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.holds()?;
        self.key.sign_digest(digest)
    }
}

pub(crate) fn profile(variant: Variant) -> Profile {
    Profile {
        variant,
        organization: "JITSUIN-TEST".into(),
        agency: "JITSUIN-TEST Agency".into(),
        sign_name_ja: "ジツイン試験署名用認証局".into(),
        auth_name_ja: "ジツイン試験利用者証明用認証局".into(),
        sign_policy: oid::POLICY_SIGN_TEST.to_vec(),
        auth_policy: oid::POLICY_AUTH.to_vec(),
        cps_uri: "http://127.0.0.1:8080/cps.html".into(),
        base_uri: "http://127.0.0.1:8080".into(),
    }
}

/// What differs from house to house.
pub(crate) struct Plan<'a> {
    pub(crate) variant: Variant,
    /// Of the CA certificates.
    pub(crate) validity: (UnixTime, UnixTime),
    /// The key of each CA.
    pub(crate) key: &'a dyn Fn(Kind) -> SoftwareSigner,
}

pub(crate) struct House {
    pub(crate) authority: Arc<Authority>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<TestClock>,
    /// Set to n: the n-th signature from now on fails.
    pub(crate) fuse: Arc<AtomicU64>,
    asked: AtomicU64,
}

impl House {
    /// On a store in memory that never fails.
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new()))
    }

    /// On an empty store, open for work at 2025-10-27 10:35:42 JST.
    pub(crate) fn on(store: Arc<dyn Store>) -> Self {
        Self::with_policy(store, Policy::default())
    }

    pub(crate) fn with_policy(store: Arc<dyn Store>, policy: Policy) -> Self {
        let key = |_| SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).expect("a key")).expect("its signer");
        let plan = Plan {
            variant: Variant::Open,
            validity: (at("2019-01-01T00:00:00Z"), at("2059-01-01T00:00:00Z")),
            key: &key,
        };
        Self::build(store, policy, &plan)
    }

    pub(crate) fn build(store: Arc<dyn Store>, policy: Policy, plan: &Plan<'_>) -> Self {
        let clock = Arc::new(TestClock::new(at("2025-10-27T01:35:42Z")));
        let fuse = Arc::new(AtomicU64::new(0));
        let profile = Arc::new(profile(plan.variant));
        let mut issuers = Vec::new();
        let mut steps: Vec<Step> =
            [SUGINAMI, ITAMI].map(|code| Step::Municipality(code.parse().expect("a code"))).into();
        for kind in Kind::BOTH {
            let signer = Arc::new(FrailSigner { key: (plan.key)(kind), fuse: Arc::clone(&fuse) });
            let (record, issuer) = authority((kind, 1), signer, &profile, plan.validity);
            issuers.push(Arc::new(issuer));
            steps.push(Step::Authority(record));
        }
        let audit = Draft {
            at: plan.validity.0,
            actor: "service".into(),
            action: "house.opened".into(),
            subject: "house".into(),
            detail: String::new(),
        };
        store.commit(Change { steps, audit }).expect("an empty store takes its authorities");
        let index = Arc::new(StatusIndex::default());
        store.follow(0, Arc::clone(&index) as Arc<_>).expect("a follower");
        let parts = Parts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock) as Arc<_>,
            entropy: Arc::new(Numbers::default()),
            issuers: Arc::new(Issuers::new(issuers).expect("one of each kind")),
            serials: SerialPermutation::new(1, b"JITSUIN-TEST-KEY").expect("a serial key"),
            profile,
            policy,
            counters: Counters::default(),
            substitutes: Arc::default(),
            index,
            lists: Arc::new(PublishedLists::default()),
            schedule: Schedule::default(),
            control: DualControl::Off,
        };
        Self { authority: Arc::new(Authority::new(parts)), store, clock, fuse, asked: AtomicU64::new(0) }
    }

    /// The same house with another schedule of lists.
    pub(crate) fn reschedule(&mut self, schedule: Schedule) {
        let parts = self.parts_with(&self.authority.parts().profile, schedule);
        self.authority = Arc::new(Authority::new(parts));
    }

    /// The same house after a restart: what was in memory is gone.
    pub(crate) fn reopen(&self) -> Self {
        self.reopen_with(&self.authority.parts().profile)
    }

    /// The same house after a restart with other contents of certificates and lists.
    pub(crate) fn reopen_with(&self, profile: &Arc<Profile>) -> Self {
        let parts = self.parts_with(profile, self.authority.parts().schedule);
        let asked = AtomicU64::new(1_000_000);
        let (store, clock, fuse) = (Arc::clone(&self.store), Arc::clone(&self.clock), Arc::clone(&self.fuse));
        Self { authority: Arc::new(Authority::new(parts)), store, clock, fuse, asked }
    }

    /// The same house after a restart on a store that is opened again: the old one is closed before.
    pub(crate) fn move_to(self, open: impl FnOnce() -> Arc<dyn Store>) -> Self {
        let Self { authority, store, clock, fuse, asked } = self;
        let parts = authority.parts();
        let (entropy, issuers) = (Arc::clone(&parts.entropy), Arc::clone(&parts.issuers));
        let (serials, profile) = (parts.serials.clone(), Arc::clone(&parts.profile));
        let (policy, counters, schedule) = (parts.policy, parts.counters.clone(), parts.schedule);
        let (substitutes, control) = (Arc::clone(&parts.substitutes), parts.control.clone());
        drop((authority, store));
        let (store, index) = (open(), Arc::new(StatusIndex::default()));
        store.follow(0, Arc::clone(&index) as Arc<_>).expect("a follower");
        let authority = Authority::new(Parts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock) as Arc<_>,
            entropy,
            issuers,
            serials,
            profile,
            policy,
            counters,
            substitutes,
            index,
            lists: Arc::default(),
            schedule,
            control,
        });
        let asked = AtomicU64::new(asked.into_inner() + 1_000_000);
        Self { authority: Arc::new(authority), store, clock, fuse, asked }
    }

    /// The same house as a process of its own on another store, which has what this one's has.
    pub(crate) fn beside(&self, store: Arc<dyn Store>) -> Self {
        let (parts, index) = (self.authority.parts(), Arc::new(StatusIndex::default()));
        store.follow(0, Arc::clone(&index) as Arc<_>).expect("a follower");
        let parts = Parts { store: Arc::clone(&store), index, ..self.parts_with(&parts.profile, parts.schedule) };
        let (clock, fuse) = (Arc::clone(&self.clock), Arc::clone(&self.fuse));
        let asked = AtomicU64::new(1_000_000);
        Self { authority: Arc::new(Authority::new(parts)), store, clock, fuse, asked }
    }

    /// The same house after a restart with other switches of its counters.
    pub(crate) fn reopen_under(&self, counters: Counters) -> Self {
        let parts = self.authority.parts();
        let parts = Parts { counters, ..self.parts_with(&parts.profile, parts.schedule) };
        let asked = AtomicU64::new(1_000_000);
        let (store, clock, fuse) = (Arc::clone(&self.store), Arc::clone(&self.clock), Arc::clone(&self.fuse));
        Self { authority: Arc::new(Authority::new(parts)), store, clock, fuse, asked }
    }

    fn parts_with(&self, profile: &Arc<Profile>, schedule: Schedule) -> Parts {
        let parts = self.authority.parts();
        let index = Arc::new(StatusIndex::default());
        self.store.follow(0, Arc::clone(&index) as Arc<_>).expect("a follower");
        Parts {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock) as Arc<_>,
            entropy: Arc::clone(&parts.entropy),
            issuers: Arc::clone(&parts.issuers),
            serials: parts.serials.clone(),
            profile: Arc::clone(profile),
            policy: parts.policy,
            counters: parts.counters.clone(),
            substitutes: Arc::clone(&parts.substitutes),
            index,
            lists: Arc::default(),
            schedule,
            control: parts.control.clone(),
        }
    }

    /// The house after a restart with a new generation of both CAs beside the old one.
    pub(crate) fn next_generation(self) -> Self {
        self.another_generation(false)
    }

    /// As [`Self::next_generation`], linked with the one before.
    pub(crate) fn linked_generation(self) -> Self {
        self.another_generation(true)
    }

    fn another_generation(self, linked: bool) -> Self {
        let parts = self.authority.parts();
        let validity = (self.now(), at("2059-01-01T00:00:00Z"));
        let mut issuers: Vec<_> = parts.issuers.iter().cloned().collect();
        for kind in Kind::BOTH {
            let generation = parts.issuers.current(kind).generation() + 1;
            let key = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).expect("a key")).expect("its signer");
            let signer = Arc::new(FrailSigner { key, fuse: Arc::clone(&self.fuse) });
            let (record, issuer) = authority((kind, generation), signer, &parts.profile, validity);
            let links = ceremony::links(&parts.profile, parts.issuers.current(kind), &issuer).expect("links");
            let record = AuthorityRecord { links: linked.then_some(links), ..record };
            issuers.push(Arc::new(issuer));
            let audit = Draft {
                at: self.now(),
                actor: "service".into(),
                action: "generation.opened".into(),
                subject: format!("ca/{kind}/{generation}"),
                detail: String::new(),
            };
            self.store.commit(Change { steps: vec![Step::Authority(record)], audit }).expect("the next generation");
        }
        let authority = Arc::new(Authority::new(Parts {
            store: Arc::clone(&parts.store),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            issuers: Arc::new(Issuers::new(issuers).expect("one of each kind")),
            serials: parts.serials.clone(),
            profile: Arc::clone(&parts.profile),
            policy: parts.policy,
            counters: parts.counters.clone(),
            substitutes: Arc::clone(&parts.substitutes),
            index: Arc::clone(&parts.index),
            lists: Arc::new(PublishedLists::default()),
            schedule: parts.schedule,
            control: parts.control.clone(),
        }));
        authority.load_lists().expect("the lists");
        Self { authority, ..self }
    }

    pub(crate) fn set_clock(&self, text: &str) {
        self.clock.set(at(text));
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// An Idempotency-Key that nobody used.
    pub(crate) fn once(&self) -> Once {
        once(&format!("request-{}", self.asked.fetch_add(1, Ordering::SeqCst)))
    }

    pub(crate) fn issue(&self, actor: &Actor, asked: Asked, enrolment: &Enrolment) -> Result<Issuance, StoryError> {
        self.authority.issue(actor, &self.once(), asked, enrolment)
    }

    /// The linked pair of a person in Suginami, which must be issued.
    pub(crate) fn pair(&self, person: &Person) -> Issuance {
        self.issue(&municipality(SUGINAMI), Asked::New, &person.enrolment(&Kind::BOTH)).expect("a pair")
    }

    pub(crate) fn revoke(&self, person: &Person, cause: Cause, kinds: Option<&[Kind]>) -> Result<Effects, StoryError> {
        self.authority.revoke(&municipality(SUGINAMI), &self.once(), &person.revocation(cause, kinds))
    }

    pub(crate) fn hold(&self, person: &Person) -> Result<Effects, StoryError> {
        self.authority.hold(&municipality(SUGINAMI), &self.once(), &HoldRequest { card: person.card() })
    }

    pub(crate) fn release(&self, person: &Person) -> Result<Effects, StoryError> {
        self.authority.release(&municipality(SUGINAMI), &self.once(), &HoldRequest { card: person.card() })
    }

    pub(crate) fn change(&self, person: &Person, event: RegisterEvent) -> Result<Effects, StoryError> {
        self.authority.change(&municipality(SUGINAMI), &self.once(), &person.change(event))
    }

    /// A municipality more.
    pub(crate) fn takes_part(&self, code: &str) {
        let audit = Draft {
            at: self.now(),
            actor: "service".into(),
            action: "municipality.added".into(),
            subject: format!("municipality/{code}"),
            detail: String::new(),
        };
        let steps = vec![Step::Municipality(code.parse().expect("a code"))];
        self.store.commit(Change { steps, audit }).expect("a municipality");
    }

    pub(crate) fn dossier(&self, person: &Person) -> Dossier {
        self.store.dossier(&person.holder()).expect("the store reads").expect("a known holder")
    }

    /// The newest certificate of a kind.
    pub(crate) fn newest(&self, person: &Person, kind: Kind) -> CertificateRecord {
        self.dossier(person).newest(kind).expect("a certificate").clone()
    }

    pub(crate) fn state(&self, person: &Person, kind: Kind) -> CertificateState {
        self.newest(person, kind).state
    }

    /// Everything about a person that depends neither on the engine nor on its faults: links are places in the list, not
    /// index numbers.
    pub(crate) fn shape(&self, person: &Person) -> String {
        let Some(mut dossier) = self.store.dossier(&person.holder()).expect("the store reads") else {
            return "nobody".into();
        };
        dossier.holder.version = 0;
        let place = |kind: Kind, index: Option<u64>| {
            index.map(|index| {
                dossier.certificates.iter().position(|one| (one.kind, one.index) == (kind, index)).expect("a link")
            })
        };
        let certificates: Vec<_> = dossier
            .certificates
            .iter()
            .map(|one| {
                let pair = place(one.kind.other(), one.pair);
                let line = (place(one.kind, one.predecessor), place(one.kind, one.successor));
                (one.kind, one.state, &one.revocation, &one.card, one.not_after, one.certificate.is_some(), pair, line)
            })
            .collect();
        let entries = self.store.audit_after(0, usize::MAX).expect("the store reads");
        let acts: Vec<_> = entries.iter().map(|entry| (&entry.draft.action, &entry.draft.subject)).collect();
        format!("{:#?}\n{:#?}\n{certificates:#?}\n{acts:#?}", dossier.holder, dossier.cards)
    }

    /// Fails unless the audit chain is whole.
    pub(crate) fn check(&self) {
        let entries = self.store.audit_after(0, usize::MAX).expect("the store reads");
        audit::follow(&entries, 0, GENESIS).expect("the chain is whole");
    }
}

/// A CA generation as the store keeps it and as it works.
pub(crate) fn authority(
    (kind, generation): (Kind, u8),
    signer: Arc<dyn Signer>,
    profile: &Profile,
    validity: (UnixTime, UnixTime),
) -> (AuthorityRecord, Issuer) {
    // A name for a number: nobody's serial under the permutation.
    let number = if generation == 1 { String::new() } else { generation.to_string() };
    let serial = Serial::from_octets(format!("JITSUIN-TEST {kind}{number}").as_bytes()).expect("a serial");
    let certificate = ceremony::certificate_authority(profile, (kind, generation), &*signer, &serial, validity);
    let record = AuthorityRecord::new(kind, generation, certificate.expect("a CA certificate"));
    let issuer = Issuer::open(&record, signer, profile).expect("an issuer");
    (record, issuer)
}

/// The refusing rule; fails for any other outcome.
pub(crate) fn rule<T>(outcome: Result<T, StoryError>) -> String {
    refusal(outcome).rule.into_owned()
}

/// The refusal; fails for any other outcome.
pub(crate) fn refusal<T>(outcome: Result<T, StoryError>) -> Refusal {
    match outcome {
        Err(StoryError::Refused(refusal)) => refusal,
        Err(other) => panic!("not a refusal: {other}"),
        Ok(_) => panic!("not a refusal: done"),
    }
}

pub(crate) fn once(key: &str) -> Once {
    Once { key: key.into(), digest: [1; 32] }
}

pub(crate) fn municipality(code: &str) -> Actor {
    Actor::client(&credential(Role::Municipality, code, Some(code.parse().expect("a code"))))
}

pub(crate) fn operator() -> Actor {
    Actor::client(&credential(Role::Operator, "operator-1", None))
}

pub(crate) fn relying_party() -> Actor {
    Actor::client(&credential(Role::RelyingParty, "e-filing", None))
}

fn credential(role: Role, name: &str, municipality: Option<MunicipalityCode>) -> CredentialRecord {
    CredentialRecord {
        fingerprint: [0; 32],
        role,
        name: name.into(),
        municipality,
        active: true,
        revocation: None,
        certificate: Vec::new(),
    }
}

/// A PKCS#10 request of a new P-256 key.
pub(crate) fn request() -> RequestDer {
    let key = rcgen::KeyPair::generate().expect("a key");
    let request = rcgen::CertificateParams::default().serialize_request(&key).expect("a request");
    RequestDer(request.der().to_vec())
}

pub(crate) const NAME: &str = "公的　太郎";
pub(crate) const ADDRESS: &str = "東京都杉並区阿佐谷南１丁目１５番１号";

/// A resident with a card, as the counter knows them. Change a field to change the application.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) reference: String,
    pub(crate) card: String,
    pub(crate) birth: Day,
    pub(crate) ward: bool,
    pub(crate) card_issue_day: Day,
    pub(crate) card_last_day: Option<Day>,
    pub(crate) event_day: Option<Day>,
}

impl Person {
    /// Born 1980-02-17, with a card of 2025-10-27.
    pub(crate) fn new(reference: &str) -> Self {
        Self {
            reference: reference.into(),
            card: format!("CARD-{reference}"),
            birth: date!(1980 - 02 - 17),
            ward: false,
            card_issue_day: date!(2025 - 10 - 27),
            card_last_day: None,
            event_day: None,
        }
    }

    pub(crate) fn born(self, birth: &str) -> Self {
        Self { birth: day(birth), ..self }
    }

    pub(crate) fn with_card(self, number: &str, issued: &str) -> Self {
        Self { card: number.into(), card_issue_day: day(issued), ..self }
    }

    pub(crate) fn on(self, event_day: &str) -> Self {
        Self { event_day: Some(day(event_day)), ..self }
    }

    pub(crate) fn holder(&self) -> HolderReference {
        HolderReference::parse(self.reference.clone()).expect("a reference")
    }

    pub(crate) fn card(&self) -> CardNumber {
        CardNumber::parse(self.card.clone()).expect("a card number")
    }

    /// An application for these kinds, with a new key for each.
    pub(crate) fn enrolment(&self, kinds: &[Kind]) -> Enrolment {
        let of = |kind| kinds.contains(&kind).then(request);
        Enrolment {
            holder: Applicant { reference: self.holder(), birth: self.birth, ward: Some(self.ward) },
            card: Card {
                number: self.card(),
                issue_day: self.card_issue_day,
                application_day: None,
                last_day: self.card_last_day,
                stay_last_day: None,
            },
            facts: kinds.contains(&Kind::Sign).then(|| {
                let (name, address, sex) = (NAME.into(), ADDRESS.into(), "1".into());
                Facts { name, name_flags: None, address, address_flags: None, sex }.into()
            }),
            requests: Requests { auth: of(Kind::Auth), sign: of(Kind::Sign) },
            application: None,
        }
    }

    pub(crate) fn revocation(&self, cause: Cause, kinds: Option<&[Kind]>) -> RevocationRequest {
        RevocationRequest { card: self.card(), cause, kinds: kinds.map(<[Kind]>::to_vec), event_day: self.event_day }
    }

    pub(crate) fn change(&self, event: RegisterEvent) -> RegisterChange {
        RegisterChange { event_day: self.event_day, ..RegisterChange::new(self.holder(), event) }
    }
}
