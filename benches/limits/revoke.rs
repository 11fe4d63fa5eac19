//! Revoking: how soon OCSP tells of it, and how many a second.

use std::{
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
    authority::{issue::Issuance, revoke::RevocationRequest},
    http::server::shutdown,
    kind::Kind,
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
        let card = pair.card.clone();
        let once = once("revoke", card.as_str());
        let request = RevocationRequest { card, cause: Cause::CardDamaged, kinds: None, event_day: None };
        self.house.authority.revoke(self.house.actor(), &once, &request).unwrap();
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

pub(crate) fn mass(report: &mut Report, scale: Scale) {
    let scene = Scene::new(scale.pick(2000, 30_000));
    let question = scene.question(&scene.pairs[0]);
    let idle = answers_until(scene.address, &question, || thread::sleep(Duration::from_secs(1)));
    let (before, began) = (own_cpu(), Instant::now());
    let busy = answers_until(scene.address, &question, || {
        each(scene.pairs.len(), COUNTERS, |number| scene.revoke(&scene.pairs[number]));
    });
    let (wall, cpu) = (began.elapsed().as_secs_f64(), (own_cpu() - before).as_secs_f64());
    let certificates = 2.0 * scene.pairs.len() as f64;
    let bare = bare_rows(scene.directory.path(), scale);
    report.line("revocation-mass", (Rate(certificates / wall), Rate(bare)), Goal::AtLeast(0.5));
    report.note(format_args!(
        "certificates, two to a request, {COUNTERS} counters, wall; CPU for a certificate {}, {:.1} cores busy",
        Seconds(cpu / certificates),
        cpu / wall
    ));
    report.note(format_args!("OCSP answers meanwhile: p99 {} (at rest {})", Seconds(busy), Seconds(idle)));
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
