//! A house whose status listener answers on a free port, and who watches its canaries. Its clock moves only when told.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    },
    time::Duration,
};

use jitsuin::{
    authority::canary::{Canary, NoCanary},
    ca::{Issuer, ceremony},
    cli::canary::throw_away_key,
    http::{
        client::Client,
        freshness::{Bounds, Channel, Freshness, Plan},
        metrics::Metrics,
        operator::Check,
        server::{self, ShutdownTrigger, Workers},
        status::{StatusService, StatusSources},
    },
    kind::Kind,
    ports::{Clock, Follower, Signer, StatusEvent},
    revocation::{
        answer::AnswerDesk,
        index::StatusIndex,
        responder::{Delegate, IssuerEntry, NeverIssued, Responder, ResponsePolicy},
    },
    rules::CertificateState,
    scope::CrlScope,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
    store::{Fault, MemoryStore},
    x509::{Serial, SubjectPublicKey},
};

use socket2::{Domain, Socket, Type};

use crate::house::House;

/// How often canaries come here.
pub(crate) const PERIOD: i64 = 3600;

pub(crate) const BOUNDS: Bounds = Bounds {
    ocsp: Duration::from_secs(5),
    cached: Duration::from_secs(65),
    delta: Duration::from_secs(1125),
    list: Duration::from_secs(30 * 3600),
    unmeasured: Duration::from_secs(2 * 3600 + 5),
};

pub(crate) struct Aviary {
    pub(crate) house: House,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) check: Check,
    /// While it is set the store loses every write.
    pub(crate) full: Arc<AtomicBool>,
    /// Writes until the one that fails: lost, or, counted below zero, kept and yet reported as failed.
    one: Arc<AtomicI64>,
    /// Microseconds that the stopwatch is ahead of the clock.
    pub(crate) ahead: Arc<AtomicI64>,
    listener: Option<Workers>,
    trigger: ShutdownTrigger,
    address: SocketAddr,
    /// Keeps the port while nobody listens on it.
    _place: Socket,
    runtime: tokio::runtime::Runtime,
}

impl Drop for Aviary {
    fn drop(&mut self) {
        self.silence();
    }
}

impl Aviary {
    /// With first lists published, ten minutes ago.
    pub(crate) fn new() -> Self {
        let full = Arc::new(AtomicBool::new(false));
        let (fails, one) = (Arc::clone(&full), Arc::new(AtomicI64::new(0)));
        let countdown = Arc::clone(&one);
        let faults = move |_| match countdown.load(SeqCst) {
            _ if fails.load(SeqCst) => Fault::Lost,
            0 => Fault::None,
            left => {
                countdown.store(left - left.signum(), SeqCst);
                [Fault::None, Fault::Lost, Fault::Kept][if left.abs() > 1 {
                    0
                } else if left > 0 {
                    1
                } else {
                    2
                }]
            }
        };
        let house = House::on(Arc::new(MemoryStore::with_faults(faults)));
        house.authority.watch_changes().unwrap();
        house.authority.publish_due().unwrap();
        Self::around(house, (full, one)).later(600)
    }

    fn around(house: House, (full, one): (Arc<AtomicBool>, Arc<AtomicI64>)) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let metrics = Arc::new(Metrics::new());
        let place = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        place.set_reuse_address(true).unwrap();
        place.set_reuse_port(true).unwrap();
        place.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let address = place.local_addr().unwrap().as_socket().unwrap();
        let (listener, trigger) = listen(&house, Arc::clone(&house.authority.parts().index), address);
        let ahead = Arc::new(AtomicI64::new(0));
        let (clock, more) = (Arc::clone(&house.clock), Arc::clone(&ahead));
        let plan = Plan {
            period: Duration::from_secs(PERIOD as u64),
            most_a_day: 30,
            bounds: BOUNDS,
            throw_away_key: Box::new(|| throw_away_key().map_err(|failure| failure.to_string())),
            stopwatch: Box::new(move || clock.now().seconds() * 1_000_000 + more.load(SeqCst)),
        };
        let freshness = Freshness::new(Arc::clone(&house.authority), address, plan, &metrics).unwrap();
        let check = freshness.check();
        Self {
            house,
            metrics,
            freshness,
            check,
            full,
            one,
            ahead,
            listener: Some(listener),
            trigger,
            address,
            _place: place,
            runtime,
        }
    }

    /// The same after a restart: another process on the same store.
    pub(crate) fn restarted(&self) -> Self {
        let house = self.house.reopen();
        house.authority.load_lists().unwrap();
        house.authority.watch_changes().unwrap();
        Self::around(house, (Arc::clone(&self.full), Arc::clone(&self.one)))
    }

    /// Seconds pass, and nothing else happens.
    pub(crate) fn later(self, seconds: i64) -> Self {
        self.pass(seconds);
        self
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.house.clock.set(jitsuin::x509::UnixTime::from_seconds(self.house.now().seconds() + seconds).unwrap());
    }

    /// The n-th write from now on fails; if `kept`, it is there all the same.
    pub(crate) fn full_at(&self, write: i64, kept: bool) {
        self.one.store(if kept { -write } else { write }, SeqCst);
    }

    /// One turn of the watch.
    pub(crate) fn turn(&self) {
        self.runtime.block_on(self.freshness.turn());
    }

    /// What readiness says.
    pub(crate) fn ready(&self) -> Result<(), String> {
        self.check.look()
    }

    pub(crate) fn faults(&self) -> String {
        self.ready().unwrap_err()
    }

    /// The listener falls silent; who connects is refused.
    pub(crate) fn silence(&mut self) {
        self.trigger.stop();
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
    }

    /// And answers again, where it was.
    pub(crate) fn speak(&mut self) {
        self.speak_of(Arc::clone(&self.house.authority.parts().index));
    }

    /// It goes on with responders that hear of issues and of nothing else.
    pub(crate) fn turn_deaf(&mut self) {
        self.silence();
        let index = Arc::new(StatusIndex::default());
        self.house.store.follow(0, Arc::new(Deaf(Arc::clone(&index)))).unwrap();
        self.speak_of(index);
    }

    fn speak_of(&mut self, index: Arc<StatusIndex>) {
        let (listener, trigger) = listen(&self.house, index, self.address);
        (self.listener, self.trigger) = (Some(listener), trigger);
    }

    /// GETs from a listener and gives status and body.
    pub(crate) fn get(&self, url: &str) -> (u16, String) {
        let client = Client::anonymous(None).unwrap();
        let answer = self.runtime.block_on(client.get(url)).unwrap();
        (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// The value of a metric with labels, as written.
    pub(crate) fn metric(&self, line: &str) -> Option<f64> {
        let text = self.metrics.render();
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ').map(str::to_owned));
        found.map(|value| value.parse().unwrap())
    }

    pub(crate) fn lane(&self, name: &str, kind: Kind, channel: Channel) -> Option<f64> {
        self.metric(&format!("{name}{{ca=\"{kind}\",channel=\"{}\"}}", channel.word()))
    }

    /// What the last sight took, of both CAs.
    pub(crate) fn took(&self, channel: Channel) -> [Option<f64>; 2] {
        [Kind::Sign, Kind::Auth].map(|kind| self.lane("jitsuin_freshness_last_seconds", kind, channel))
    }

    /// The age of the oldest revocation that is not seen.
    pub(crate) fn unseen(&self, channel: Channel) -> [f64; 2] {
        [Kind::Sign, Kind::Auth].map(|kind| self.lane("jitsuin_freshness_unseen_seconds", kind, channel).unwrap())
    }

    pub(crate) fn rounds(&self, result: &str) -> [f64; 2] {
        [Kind::Sign, Kind::Auth].map(|kind| {
            self.metric(&format!("jitsuin_canary_rounds_total{{ca=\"{kind}\",result=\"{result}\"}}")).unwrap()
        })
    }
}

/// Takes every end for a new beginning.
struct Deaf(Arc<StatusIndex>);

impl Follower for Deaf {
    fn apply(&self, events: &[StatusEvent]) {
        let live = |event: &StatusEvent| StatusEvent { state: CertificateState::Live, revocation: None, ..*event };
        self.0.apply(&events.iter().map(live).collect::<Vec<_>>());
    }
}

/// A status listener of the house, with responders of the occasion.
fn listen(house: &House, index: Arc<StatusIndex>, address: SocketAddr) -> (Workers, ShutdownTrigger) {
    let parts = house.authority.parts();
    let authorities = house.store.authorities().unwrap();
    let entries = authorities.iter().map(|record| {
        let issuer = parts.issuers.generation(record.kind, record.generation).unwrap();
        IssuerEntry::new(record, delegate(house, issuer)).unwrap()
    });
    let policy = ResponsePolicy { life: Duration::from_secs(3600), never_issued: NeverIssued::Revoked };
    let responder = Responder::new(entries.collect(), parts.serials.clone(), index, policy);
    let (desk, clock) = (Arc::new(AnswerDesk::new(responder)), Arc::clone(&house.clock) as Arc<dyn Clock>);
    let sources = StatusSources {
        answer_max_age: Duration::from_secs(60),
        ..StatusSources::new(desk, Arc::clone(&parts.lists), authorities, clock)
    };
    let service = StatusService::new(sources, &Metrics::new()).unwrap();
    let (trigger, shutdown) = server::shutdown();
    let workers = Workers::start(address, 1, move |()| service.clone(), Default::default(), &shutdown).unwrap();
    (workers, trigger)
}

fn delegate(house: &House, issuer: &Issuer) -> Delegate {
    let signer = SoftwareSigner::new(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let key = SubjectPublicKey::from_der(signer.spki()).unwrap();
    let serial = Serial::from_octets(&[0x50, issuer.kind().id()]).unwrap();
    // It stands for one that is renewed in time.
    let validity = (house.now(), house.now() + Duration::from_secs(300 * 86_400));
    let certificate =
        ceremony::ocsp_responder(&house.authority.parts().profile, issuer, &key, &serial, validity).unwrap();
    Delegate::new(Arc::new(signer), certificate).unwrap()
}

/// A canary of that kind, as a turn issues it.
pub(crate) fn canary(house: &House, kind: Kind) -> Result<Canary, NoCanary> {
    house.authority.canary(kind, 30, &throw_away_key().unwrap())
}

/// The serial numbers on a list that is served.
pub(crate) fn listed(house: &House, kind: Kind, scope: CrlScope) -> Vec<Serial> {
    let list = house.authority.parts().lists.find(&(kind, 1, scope)).unwrap();
    let view = jitsuin::x509::CrlView::from_der(&list.der).unwrap();
    view.entries().map(|entry| entry.unwrap().serial).collect()
}
