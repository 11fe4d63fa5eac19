//! A whole service for the rehearsal: two CAs, three towns, a clock that is set, on a database in memory.

use std::{
    cell::Cell,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jitsuin::{
    audit::Draft,
    authority::{
        Actor, Authority, DualControl, Parts,
        enrol::{Card, Enrolment, Facts, Person, RequestDer, Requests},
        publish::Schedule,
    },
    ca::Issuers,
    kind::Kind,
    ports::{CardNumber, Change, Clock, HolderReference, Signer, SignerError, Step, Store},
    profile::Variant,
    revocation::{index::StatusIndex, lists::PublishedLists, serial::SerialPermutation},
    rules::{Asked, Counters, Policy},
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    x509::{SignatureAlgorithm, UnixTime},
};

use crate::{
    days,
    house::{self, at},
    request::{Application, Moment, TAKING_PART, TOWNS, Who},
};

/// A card of somebody who lives apart from the rehearsal.
pub(crate) const KEEPERS_CARD: &str = "CARD-KEEPER";

thread_local! {
    /// Signatures until the one that fails on this thread; 0: none will.
    static FUSE: Cell<u32> = const { Cell::new(0) };
}

/// Lets the n-th signature from now on fail on this thread; 0: none.
pub(crate) fn set_fuse(nth: u32) {
    FUSE.set(nth);
}

/// A key that fails when its thread was told so.
struct FrailSigner(SoftwareSigner);

impl FrailSigner {
    fn check() -> Result<(), SignerError> {
        let left = FUSE.get();
        FUSE.set(left.saturating_sub(1));
        if left == 1 { Err(SignerError::Failed("the rehearsal said so".into())) } else { Ok(()) }
    }
}

impl Signer for FrailSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn spki(&self) -> &[u8] {
        self.0.spki()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        Self::check().and_then(|()| self.0.sign(message))
    }

    fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, SignerError> {
        Self::check().and_then(|()| self.0.sign_digest(digest))
    }
}

struct SimulatedClock(AtomicI64);

impl Clock for SimulatedClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.0.load(Ordering::SeqCst)).expect("a time that was set")
    }
}

pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) store: Arc<dyn Store>,
    clock: Arc<SimulatedClock>,
    towns: Vec<Actor>,
    operator: Actor,
    /// Requests with keys that are never certified, for applications that must be refused.
    spare: Requests,
}

/// A folder for the database: in memory where there is such a file system, so that a commit does not wait for a disk.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let in_memory = memory.is_dir().then(|| tempfile::tempdir_in(memory).ok()).flatten();
    in_memory.unwrap_or_else(|| tempfile::tempdir().expect("a folder"))
}

/// Complete lists so many days apart, and a delta of each so many.
pub(crate) fn schedule(complete_every: u32, delta_every: u32) -> Schedule {
    let day = Duration::from_secs(86_400);
    Schedule {
        period: day * complete_every,
        window: day * (complete_every + 1),
        delta_period: day * delta_every,
        delta_window: day * (delta_every + 1),
        ..Schedule::default()
    }
}

impl World {
    pub(crate) fn new(store: Arc<dyn Store>, start: Moment, schedule: Schedule) -> Self {
        let clock = Arc::new(SimulatedClock(AtomicI64::new(start.at)));
        let profile = Arc::new(house::profile(Variant::Open));
        // Longer than any order of requests takes: a CA that has ended lists nothing.
        let validity = (at("2019-01-01T00:00:00Z"), at("2999-01-01T00:00:00Z"));
        let code = |town: &str| Step::Municipality(town.parse().expect("a code"));
        let mut steps: Vec<Step> = TOWNS[..TAKING_PART].iter().map(|town| code(town)).collect();
        let mut issuers = Vec::new();
        for kind in Kind::BOTH {
            let key = PrivateKey::generate(KeyKind::P256).expect("a key");
            let signer = Arc::new(FrailSigner(SoftwareSigner::new(&key).expect("its signer")));
            let (record, issuer) = house::authority((kind, 1), signer, &profile, validity);
            issuers.push(Arc::new(issuer));
            steps.push(Step::Authority(record));
        }
        let word = str::to_owned;
        let audit = Draft {
            at: validity.0,
            actor: word("service"),
            action: word("house.opened"),
            subject: word("house"),
            detail: String::new(),
        };
        store.commit(Change { steps, audit }).expect("an empty store takes its authorities");
        let parts = Parts {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock) as Arc<_>,
            entropy: Arc::new(house::Numbers::default()),
            issuers: Arc::new(Issuers::new(issuers).expect("one of each kind")),
            serials: SerialPermutation::new(1, b"JITSUIN-TEST-KEY").expect("a serial key"),
            profile,
            policy: Policy::default(),
            counters: Counters::default(),
            substitutes: Arc::default(),
            index: follower(&*store),
            lists: Arc::new(PublishedLists::default()),
            schedule,
            control: DualControl::Off,
        };
        let world = Self {
            authority: Authority::new(parts),
            store,
            clock,
            towns: TOWNS.iter().map(|town| house::municipality(town)).collect(),
            operator: house::operator(),
            spare: Requests { auth: Some(house::request()), sign: Some(house::request()) },
        };
        world.settle_the_keeper(start);
        world
    }

    /// The service stops and starts: what was in memory is folded anew from the store.
    pub(crate) fn restart(&mut self) {
        let parts = self.authority.parts();
        let (index, store) = (follower(&*self.store), Arc::clone(&self.store));
        self.authority = Authority::new(Parts {
            store,
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            issuers: Arc::clone(&parts.issuers),
            serials: parts.serials.clone(),
            profile: Arc::clone(&parts.profile),
            policy: parts.policy,
            counters: parts.counters.clone(),
            substitutes: Arc::clone(&parts.substitutes),
            index,
            lists: Arc::default(),
            schedule: parts.schedule,
            control: parts.control.clone(),
        });
        self.authority.load_lists().expect("the lists");
        assert_eq!(self.authority.recover(Duration::ZERO), Ok(0), "nothing was left reserved");
    }

    pub(crate) fn set_clock(&self, now: Moment) {
        self.clock.0.store(now.at, Ordering::SeqCst);
    }

    pub(crate) fn actor(&self, who: Who) -> &Actor {
        match who {
            Who::Town(town) => &self.towns[town],
            Who::Operator => &self.operator,
        }
    }

    /// Somebody whose card is never theirs who ask for it.
    fn settle_the_keeper(&self, start: Moment) {
        let card = crate::request::AskedCard {
            number: KEEPERS_CARD.into(),
            issued: start.day,
            applied: None,
            last: None,
            stay: None,
        };
        let birth = days::number(1980, 2, 17);
        let (asked, kinds) = (Asked::New, &[Kind::Auth][..]);
        let application = Application { asked, of_the_day: false, kinds, birth, ward: None, card, fails: 0 };
        let once = house::once("keeper");
        let enrolment = self.enrolment("KEEPER", &application, true);
        self.authority.issue(&self.towns[0], &once, Asked::New, &enrolment).expect("the keeper's certificate");
    }

    /// The application as the counter sends it; with keys of its own if certificates are to come of it.
    pub(crate) fn enrolment(&self, reference: &str, application: &Application, with_keys: bool) -> Enrolment {
        let request = |kind: Kind| -> Option<RequestDer> {
            let asked = application.asks(kind);
            asked.then(|| if with_keys { house::request() } else { self.spare.of(kind).expect("both").clone() })
        };
        let facts = Facts {
            name: house::NAME.into(),
            name_flags: None,
            address: house::ADDRESS.into(),
            address_flags: None,
            sex: "1".into(),
        };
        Enrolment {
            holder: person(reference, application),
            card: card(application),
            facts: application.asks(Kind::Sign).then(|| facts.into()),
            requests: Requests { auth: request(Kind::Auth), sign: request(Kind::Sign) },
            application: None,
        }
    }
}

pub(crate) fn person(reference: &str, application: &Application) -> Person {
    Person { reference: holder(reference), birth: days::date(application.birth), ward: application.ward }
}

pub(crate) fn card(application: &Application) -> Card {
    let card = &application.card;
    Card {
        number: card_number(&card.number),
        issue_day: days::date(card.issued),
        application_day: card.applied.map(days::date),
        last_day: card.last.map(days::date),
        stay_last_day: card.stay.map(days::date),
    }
}

fn follower(store: &dyn Store) -> Arc<StatusIndex> {
    let index = Arc::new(StatusIndex::default());
    store.follow(0, Arc::clone(&index) as Arc<_>).expect("a follower");
    index
}

pub(crate) fn holder(reference: &str) -> HolderReference {
    HolderReference::parse(reference.to_owned()).expect("a reference")
}

pub(crate) fn card_number(number: &str) -> CardNumber {
    CardNumber::parse(number.to_owned()).expect("a card number")
}
