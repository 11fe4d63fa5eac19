//! A whole service in a process of its own, as `jitsuin init` makes it and `jitsuin serve` runs it, with years of
//! revocations in its store: all doors are open and every timer runs.
//!
//! It is told what to do by lines on standard input, and answers with a line of figures each: see [`child`].

use std::{
    fmt,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use jitsuin::{
    audit::Draft,
    authority::{Actor, Authority, revoke::RevocationRequest},
    cli::{credential::Protection, doors::Doors, house::House, init, listeners::Listeners, world::SystemClock},
    config::Config,
    kind::Kind,
    ports::{CardNumber, Change, Clock, CrlRecord, Step},
    revocation::crl::{self, ListOrder},
    rules::{Asked, Cause},
    scope::CrlScope,
    signer::KeyKind,
    x509::{CertificateView, CrlSnapshot, SubjectPublicKey},
};
use zeroize::Zeroizing;

use crate::{
    crl_limit, house, load, meter,
    population::{self, Population},
    schedule::{Quantiles, Schedule},
    server,
};

/// Counters that revoke at a time.
const COUNTERS: usize = 64;
/// Certificates that are asked for.
const ASKED: u64 = 1000;

/// What a service did while it worked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worked {
    /// From the order to publish until the full list of SIGN was served.
    pub(crate) full_seconds: f64,
    /// The same until the last list was.
    pub(crate) list_seconds: f64,
    /// Entries of the full list.
    pub(crate) entries: f64,
    /// Octets of the full list.
    pub(crate) octets: f64,
    /// Certificates that were revoked meanwhile.
    pub(crate) revoked: f64,
    /// Seconds over which they were.
    pub(crate) revoking_seconds: f64,
    /// p99 of a revocation, from when it was due.
    pub(crate) revocation_p99: f64,
}

impl Worked {
    fn figures(self) -> [f64; 7] {
        let Self { full_seconds, list_seconds, entries, octets, revoked, revoking_seconds, revocation_p99 } = self;
        [full_seconds, list_seconds, entries, octets, revoked, revoking_seconds, revocation_p99]
    }
}

/// A service in a child.
pub(crate) struct Service {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    /// Where answers and lists are.
    pub(crate) address: SocketAddr,
    /// Whole HTTP requests for the status of live certificates.
    pub(crate) requests: Vec<Vec<u8>>,
    _directory: tempfile::TempDir,
}

impl Service {
    /// Starts one with that many revoked certificates, and live pairs to revoke.
    pub(crate) fn start(many: Population) -> Self {
        let directory = server::directory();
        let mut child = server::spawn("service", &format!("{}:{}", many.ended, many.pairs), directory.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let address = line(&mut lines).parse().unwrap();
        let requests = server::requests(directory.path());
        Self { child, lines, address, requests, _directory: directory }
    }

    /// Processor seconds that it has used.
    pub(crate) fn cpu(&self) -> f64 {
        meter::cpu_of(self.child.id()).as_secs_f64()
    }

    /// Publishes every list anew and revokes so many certificates a second until the lists are out.
    pub(crate) fn work(&mut self, revocations: f64) -> Worked {
        let figures = self.tell(format_args!("work {revocations}"));
        let [full_seconds, list_seconds, entries, octets, revoked, revoking_seconds, revocation_p99] =
            figures.try_into().unwrap();
        Worked { full_seconds, list_seconds, entries, octets, revoked, revoking_seconds, revocation_p99 }
    }

    /// Issues so many pairs, many counters at a time; processor seconds for each.
    pub(crate) fn issue(&mut self, pairs: u64) -> f64 {
        self.tell(format_args!("issue {pairs}"))[0]
    }

    fn tell(&mut self, order: fmt::Arguments<'_>) -> Vec<f64> {
        writeln!(self.child.stdin.as_ref().unwrap(), "{order}").unwrap();
        line(&mut self.lines).split(' ').map(|number| number.parse().unwrap()).collect()
    }
}

fn line(lines: &mut impl BufRead) -> String {
    let mut line = String::new();
    assert!(lines.read_line(&mut line).unwrap() > 0, "the service ended");
    line.trim_end().to_owned()
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The service. Prints its address; then it is told `work RATE`, revocations a second, which is answered by the figures of
/// [`Worked`], or `issue PAIRS`.
pub(crate) fn child(what: &str, directory: &Path) {
    let (ended, pairs) = what.split_once(':').unwrap();
    let many = Population { ended: ended.parse().unwrap(), pairs: pairs.parse().unwrap() };
    let directory = directory.join("service");
    let passphrase = Zeroizing::new(String::from("JITSUIN-TEST passphrase"));
    let clock = Arc::new(SystemClock::default());
    let sockets = found(&directory, &passphrase, &clock);
    let open = || House::open(&directory, &passphrase, Arc::clone(&clock) as _).unwrap();
    let house = open();
    let one = &house::enrolments(1)[0];
    house.authority.issue(&counter(), &house::once("issue", one.card.number.as_str()), Asked::New, one).unwrap();
    let (database, serials) = (house.config.store.path.clone(), house.authority.parts().serials.clone());
    drop(house);
    let cards = population::fill(&database, &serials, (many, clock.now()));
    let house = Arc::new(open());
    yesterdays_list(&house.authority);
    let address = sockets.addresses().unwrap().status;
    server::keep_requests(directory.parent().unwrap(), &questions(&house.authority, many));
    let doors = Doors::open(&house, sockets).unwrap();
    println!("{address}");
    let cards = Cards { all: cards, next: AtomicUsize::new(0) };
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let figures = match line.split_once(' ') {
            Some(("work", rate)) => work((&doors, &house.authority), &cards, rate.parse().unwrap()).figures().to_vec(),
            Some(("issue", pairs)) => vec![issue(&house.authority, pairs.parse().unwrap())],
            _ => panic!("no such order: {line}"),
        };
        println!("{}", figures.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    }
    doors.close().unwrap();
}

/// A new service on free ports.
pub(crate) fn found(directory: &Path, passphrase: &Zeroizing<String>, clock: &Arc<SystemClock>) -> Listeners {
    let mut config = Config::default();
    for address in [&mut config.listen.status, &mut config.listen.registration, &mut config.listen.operator] {
        address.set_port(0);
    }
    let sockets = Listeners::bind(&config.listen).unwrap();
    config.urls.base = format!("http://{}", sockets.addresses().unwrap().status).parse().unwrap();
    (config.keys.sign_ca, config.keys.auth_ca, config.keys.responder) =
        (KeyKind::Rsa2048, KeyKind::Rsa2048, KeyKind::P256);
    let (municipalities, protection) = (vec![house::PLACE.parse().unwrap()], Protection::ThrowAway);
    let plan = init::Plan { config, municipalities, passphrase, protection, clock: Arc::clone(clock) };
    init::run(directory, &plan).unwrap();
    sockets
}

fn counter() -> Actor {
    house::actor_of_the_place()
}

/// The full list of SIGN certificates as it was published before: the next one is held against it.
fn yesterdays_list(authority: &Authority) {
    let parts = authority.parts();
    let (issuer, key) = (parts.issuers.current(Kind::Sign), (Kind::Sign, 1, CrlScope::Full));
    let before = parts.lists.find(&key).unwrap();
    let (mut entries, now) = (CrlSnapshot::default(), parts.clock.now());
    let mut take = |entry: &_| entries.push(entry);
    let position = parts.store.each_revoked(key.0, key.1, key.2, before.this_update, &mut take).unwrap();
    let order = ListOrder {
        issuer: issuer.name(),
        public_key: issuer.public_key(),
        number: before.number + 1,
        this_update: now,
        next_update: now + parts.schedule.window,
        scope: None,
        delta_base: None,
        freshest: None,
    };
    let mut draft = crl::print(&order, &entries, issuer.signer(), |octets| parts.store.draft_list(octets)).unwrap();
    let digest = crl_limit::sha256(&draft.read_back().unwrap());
    let record = CrlRecord {
        kind: key.0,
        generation: key.1,
        scope: key.2,
        number: order.number,
        this_update: now,
        next_update: order.next_update,
        position,
        entries: entries.totals().entries(),
        der: draft.keep(digest).unwrap(),
    };
    let word = str::to_owned;
    let (actor, subject) = (word("bench"), word("crl/sign/1/full"));
    let audit = Draft { at: now, actor, action: word("crl.published"), subject, detail: word("{}") };
    parts.store.commit(Change { steps: vec![Step::Crl(record.clone())], audit }).unwrap();
    parts.lists.put(record);
    // What the service would do in a moment by itself is not to fall into what is measured.
    parts.lists.compress();
}

/// GETs for the status of live AUTH certificates.
fn questions(authority: &Authority, many: Population) -> Vec<Vec<u8>> {
    let parts = authority.parts();
    let certificate = parts.issuers.current(Kind::Auth).certificate();
    let tbs = CertificateView::from_der(certificate).unwrap().tbs;
    let key = SubjectPublicKey::from_der(tbs.spki).unwrap();
    let question = |number: u64| {
        // The pairs at the end are the last that are revoked.
        let index = parts.store.certificates(Kind::Auth, 0, 1).unwrap().0[0].index + many.pairs - 1 - number;
        let serial = parts.serials.serial(Kind::Auth, index);
        load::get(&load::ocsp_path(&house::ocsp_request((tbs.subject, key.key()), &serial, None)))
    };
    (0..ASKED.min(many.pairs)).map(question).collect()
}

/// Issues so many pairs; processor seconds for each.
fn issue(authority: &Authority, pairs: usize) -> f64 {
    // The first was issued to be copied.
    let enrolments = &house::enrolments(pairs + 1)[1..];
    let (actor, before) = (counter(), meter::own_cpu());
    house::each(pairs, COUNTERS, |number| {
        let one = &enrolments[number];
        authority.issue(&actor, &house::once("issue", one.card.number.as_str()), Asked::New, one).unwrap()
    });
    (meter::own_cpu() - before).as_secs_f64() / pairs as f64
}

/// Cards with a live pair, and which is revoked next.
struct Cards {
    all: Vec<CardNumber>,
    next: AtomicUsize,
}

/// Publishes all lists while counters revoke.
fn work((doors, authority): (&Doors, &Arc<Authority>), cards: &Cards, rate: f64) -> Worked {
    let full = (Kind::Sign, 1, CrlScope::Full);
    let number = || authority.parts().lists.find(&full).unwrap().number;
    let before = number();
    let (began, over, first) = (Instant::now(), AtomicBool::new(false), cards.next.load(SeqCst));
    let (full_seconds, list_seconds, latencies) = thread::scope(|scope| {
        let watching = scope.spawn(|| {
            while number() == before && !over.load(SeqCst) {
                thread::sleep(Duration::from_millis(5));
            }
            began.elapsed().as_secs_f64()
        });
        let revoking = scope.spawn(|| revoke(authority, cards, rate, (began, &over)));
        let publisher = Arc::clone(authority);
        doors.upkeep().run(move || publisher.publish(&Actor::service()).map(drop)).unwrap();
        let list_seconds = began.elapsed().as_secs_f64();
        over.store(true, SeqCst);
        (watching.join().unwrap(), list_seconds, revoking.join().unwrap())
    });
    let revoking_seconds = latencies.iter().map(|(at, _)| *at).fold(0.0, f64::max);
    let list = authority.parts().lists.find(&full).unwrap();
    assert!(list.number > before, "no list was made");
    let took: Vec<_> = latencies.into_iter().map(|(_, took)| took).collect();
    Worked {
        full_seconds,
        list_seconds,
        entries: list.entries as f64,
        octets: list.der.length() as f64,
        // Two certificates to a request.
        revoked: 2.0 * (cards.next.load(SeqCst).min(cards.all.len()) - first) as f64,
        revoking_seconds,
        revocation_p99: if took.is_empty() { 0.0 } else { Quantiles::of(took).at(0.99) },
    }
}

/// Revokes pairs at a fixed rate of certificates a second until it is over or no card is left: of each when it was done, since
/// the beginning, and how long it took since it was due.
fn revoke(authority: &Authority, cards: &Cards, rate: f64, (began, over): (Instant, &AtomicBool)) -> Vec<(f64, f64)> {
    if rate == 0.0 {
        return Vec::new();
    }
    let (schedule, actor) = (Schedule { rate: rate / 2.0, lines: COUNTERS }, counter());
    let run = |number: usize| {
        let (mut line, mut done) = (schedule.line(number), Vec::new());
        while !over.load(SeqCst) {
            thread::sleep(line.due().saturating_sub(began.elapsed()));
            let Some(card) = cards.all.get(cards.next.fetch_add(1, SeqCst)).cloned() else { break };
            let once = house::once("revoke", card.as_str());
            let request = RevocationRequest { card, cause: Cause::CardDamaged, kinds: None, event_day: None };
            let effects = authority.revoke(&actor, &once, &request).unwrap();
            assert_eq!(effects.changes.len(), 2, "a live pair");
            let at = began.elapsed();
            line.answered(at);
            done.push(at.as_secs_f64());
        }
        done.into_iter().zip(line.latencies()).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = (0..COUNTERS).map(|number| scope.spawn(move || run(number))).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}
