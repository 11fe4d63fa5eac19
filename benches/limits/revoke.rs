//! Revoking: how soon OCSP tells of it, and how many a second.

use std::{
    fmt::{self, Display, Formatter},
    fs::File,
    io::Write,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use jitsuin::{
    authority::{bulk::RevocationLine, change::Outcome, issue::Issuance, revoke::RevocationRequest},
    http::server::shutdown,
    kind::Kind,
    limits::{BULK_LINES, BULK_REVOCATIONS_AT_ONCE},
    ports::Clock,
    revocation::lists::PublishedLists,
    rules::Cause,
    signer::KeyKind,
    x509::{
        CertificateView, SubjectPublicKey,
        ocsp::{ResponseView, SingleStatus},
    },
};
use rusqlite::{Connection as Sql, params};

use crate::{
    Scale,
    house::{House, each, enrolments, once},
    load::{self, Connection},
    meter::{own_cpu, percentile},
    report::{
        Figure::{Rate, Seconds},
        Goal, Report,
    },
    server,
};

/// Threads that issue and revoke.
const COUNTERS: usize = 64;

/// A house with so many pairs, and its status listener.
struct Scene {
    directory: tempfile::TempDir,
    house: House,
    pairs: Vec<Issuance>,
    address: SocketAddr,
    _trigger: jitsuin::http::server::ShutdownTrigger,
}

impl Scene {
    fn new(pairs: usize) -> Self {
        let directory = server::directory();
        let house = House::durable(directory.path(), KeyKind::P256);
        let pairs = house.issue(&enrolments(pairs), COUNTERS);
        let (trigger, shutdown) = shutdown();
        let address = server::status(&house, Arc::new(PublishedLists::default()), &shutdown).address();
        Self { directory, house, pairs, address, _trigger: trigger }
    }

    fn revoke(&self, pair: &Issuance) {
        let once = once("revoke", pair.card.as_str());
        self.house.authority.revoke(self.house.actor(), &once, &request(pair)).unwrap();
    }

    fn revoke_load(&self, lines: &[RevocationLine]) {
        let outcomes = self.house.authority.revoke_each(self.house.actor(), lines).unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(_))));
    }

    /// The question about the authentication certificate of a pair, as a GET.
    fn question(&self, pair: &Issuance) -> Vec<u8> {
        let auth = pair.certificates.iter().find(|one| one.kind == Kind::Auth).unwrap();
        load::get(&load::ocsp_path(&self.house.request(Kind::Auth, &auth.serial, None)))
    }
}

pub(crate) fn visible(report: &mut Report, scale: Scale) {
    let scene = Scene::new(scale.pick(200, 3000));
    let record = scene.house.authorities.iter().find(|record| record.kind == Kind::Auth).unwrap();
    let key = CertificateView::from_der(&record.certificate).unwrap().tbs.spki;
    let key = SubjectPublicKey::from_der(key).unwrap();
    let mut connection = Connection::open(scene.address, 1 << 14);
    let mut ask = |question: &[u8]| {
        connection.send(question);
        let (_, der) = connection.reply();
        ResponseView::verified(&der, &key, scene.house.clock.now()).unwrap().answers[0].status
    };
    let mut log = File::create(scene.directory.path().join("log")).unwrap();
    let (mut ours, mut fsyncs) = (Vec::new(), Vec::new());
    for pair in &scene.pairs {
        let question = scene.question(pair);
        assert_eq!(ask(&question), SingleStatus::Good);
        let began = Instant::now();
        scene.revoke(pair);
        let status = ask(&question);
        ours.push(began.elapsed().as_secs_f64());
        assert!(matches!(status, SingleStatus::Revoked { .. }), "visible when it is acknowledged");
        let began = Instant::now();
        log.write_all(&[7; 16_384]).unwrap();
        log.sync_data().unwrap();
        fsyncs.push(began.elapsed().as_secs_f64());
    }
    let [middle, last] = [0.5, 0.99].map(|share| percentile(&mut ours, share));
    let [fsync, late] = [0.5, 0.99].map(|share| percentile(&mut fsyncs, share));
    report.line("revocation-visible", (Seconds(last), Seconds(late + 0.005)), Goal::AtMost(1.0));
    report.note(format_args!(
        "p99 of {} revocations, from the request to the signed answer; p50 {}; fsync of 16 KiB p50 {}, p99 {}",
        ours.len(),
        Seconds(middle),
        Seconds(fsync),
        Seconds(late)
    ));
}

/// The stream that `jitsuin bulk revoke` is: loads of lines, some side by side. Beside it the story of one card a request.
pub(crate) fn mass(report: &mut Report, scale: Scale) {
    let scene = Scene::new(scale.pick(4096, 61_440));
    let question = scene.question(&scene.pairs[0]);
    let idle = answers_until(scene.address, &question, || thread::sleep(Duration::from_secs(1)));
    let (by_file, by_counter) = scene.pairs.split_at(scene.pairs.len() / 2);
    let loads: Vec<Vec<RevocationLine>> =
        by_file.chunks(BULK_LINES).map(|pairs| pairs.iter().map(line).collect()).collect();
    let file = Pace::of(by_file.len(), || {
        answers_until(scene.address, &question, || {
            each(loads.len(), BULK_REVOCATIONS_AT_ONCE, |load| scene.revoke_load(&loads[load]));
        })
    });
    let counters = Pace::of(by_counter.len(), || {
        answers_until(scene.address, &question, || {
            each(by_counter.len(), COUNTERS, |number| scene.revoke(&by_counter[number]));
        })
    });
    let bare = bare_rows(scene.directory.path(), scale);
    report.line("revocation-mass", (Rate(file.rate), Rate(bare)), Goal::AtLeast(0.5));
    report.note(format_args!(
        "certificates by file, {BULK_REVOCATIONS_AT_ONCE} loads of {BULK_LINES} lines at a time, wall; {file}"
    ));
    report.note(format_args!(
        "two to a request, {COUNTERS} counters: {}, ratio {:.3}; {counters}",
        Rate(counters.rate),
        counters.rate / bare
    ));
    report.note(format_args!("OCSP answers at rest: p99 {}", Seconds(idle)));
}

/// How fast certificates were revoked.
struct Pace {
    /// Certificates a second, by the wall.
    rate: f64,
    /// Processor time of one, seconds.
    cpu: f64,
    cores: f64,
    /// The p99 of OCSP answers meanwhile, seconds.
    answers: f64,
}

impl Pace {
    /// Of so many pairs; `work` tells the p99.
    fn of(pairs: usize, work: impl FnOnce() -> f64) -> Self {
        let (before, began, certificates) = (own_cpu(), Instant::now(), 2.0 * pairs as f64);
        let answers = work();
        let (wall, cpu) = (began.elapsed().as_secs_f64(), (own_cpu() - before).as_secs_f64());
        Self { rate: certificates / wall, cpu: cpu / certificates, cores: cpu / wall, answers }
    }
}

impl Display for Pace {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (cpu, answers) = (Seconds(self.cpu), Seconds(self.answers));
        write!(out, "CPU for a certificate {cpu}, {:.1} cores busy; OCSP answers meanwhile: p99 {answers}", self.cores)
    }
}

fn request(pair: &Issuance) -> RevocationRequest {
    RevocationRequest { card: pair.card.clone(), cause: Cause::CardDamaged, kinds: None, event_day: None }
}

/// A line of a file.
fn line(pair: &Issuance) -> RevocationLine {
    (once("file", pair.card.as_str()), Ok(request(pair)))
}

/// Asks every other millisecond while something goes on; the p99 of the answers.
fn answers_until(address: SocketAddr, question: &[u8], work: impl FnOnce()) -> f64 {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (mut connection, mut times) = (Connection::open(address, 1 << 14), Vec::new());
            while !over.load(SeqCst) {
                let began = Instant::now();
                connection.send(question);
                connection.skip();
                times.push(began.elapsed().as_secs_f64());
                thread::sleep(Duration::from_millis(2));
            }
            percentile(&mut times, 0.99)
        });
        work();
        over.store(true, SeqCst);
        asking.join().unwrap()
    })
}

/// Rows a second that SQLite takes durably in batches of a hundred, each with an index, as the store is set up.
fn bare_rows(directory: &Path, scale: Scale) -> f64 {
    let mut sql = Sql::open(directory.join("bare.db")).unwrap();
    sql.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    sql.execute_batch(
        "PRAGMA synchronous = FULL;
         CREATE TABLE row (position INTEGER PRIMARY KEY, kind INTEGER, ca_index INTEGER, state TEXT, date INTEGER) STRICT;
         CREATE INDEX row_of ON row (kind, ca_index);",
    )
    .unwrap();
    let (began, mut rows) = (Instant::now(), 0_i64);
    while began.elapsed() < Duration::from_secs(scale.pick(2, 10)) {
        let transaction = sql.transaction().unwrap();
        for _ in 0..100 {
            let insert = "INSERT INTO row VALUES (?1, ?2, ?3, 'revoked', 1700000000)";
            let index = rows * 7919 % 10_000_019;
            transaction.prepare_cached(insert).unwrap().execute(params![rows, rows % 2 + 1, index]).unwrap();
            rows += 1;
        }
        transaction.commit().unwrap();
    }
    rows as f64 / began.elapsed().as_secs_f64()
}
