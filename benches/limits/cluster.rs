//! Several nodes on one PostgreSQL server of this machine, with a synchronous standby where it says so.
//!
//! The nodes are threads of this process, each with a store, a writer and an index of its own; server and nodes share the cores.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use jitsuin::{
    authority::{Authority, Parts, enrol::Enrolment, publish::Schedule, revoke::RevocationRequest},
    cli::world::stopwatch,
    revocation::{index::StatusIndex, lists::PublishedLists},
    rules::{Asked, Cause},
    signer::KeyKind,
    store::{PostgresOptions, PostgresStore},
};

use crate::{
    Scale,
    house::{self, House, actor_of_the_place, each, enrolments, once},
    meter::own_cpu,
    pg::Server,
    report::{
        Figure::{Rate, Seconds},
        Goal, Report,
    },
    schedule::Quantiles,
    server,
};

/// Counters at each node.
const COUNTERS: usize = 32;
/// Pairs that the bare server writes in a transaction.
const BATCH: usize = 64;
/// The database.
const SERVICE: &str = "service";
/// How long the bare server writes.
const BARE: Duration = Duration::from_secs(3);

/// Nodes on one database.
struct Nodes {
    server: Server,
    _directory: tempfile::TempDir,
    first: House,
    others: Vec<Authority>,
}

fn store(server: &Server, directory: &tempfile::TempDir) -> Arc<PostgresStore> {
    let options = PostgresOptions {
        spool: directory.path().to_owned(),
        stopwatch: Some(stopwatch),
        ..PostgresOptions::default()
    };
    Arc::new(PostgresStore::open(&server.connection(SERVICE), options).unwrap())
}

impl Nodes {
    /// So many, on a server that writes to the disk.
    fn start(count: usize) -> Self {
        let server = Server::start(&["fsync=on", "shared_buffers=256MB", "max_wal_size=4GB"]);
        server.database(SERVICE);
        let directory = server::directory();
        let first = House::shared(store(&server, &directory), KeyKind::P256);
        let others = (1..count).map(|_| beside(&first.authority, store(&server, &directory))).collect();
        Self { server, _directory: directory, first, others }
    }

    fn authorities(&self) -> Vec<&Authority> {
        std::iter::once(&self.first.authority).chain(&self.others).collect()
    }

    /// Has the nodes issue these pairs, each its share; pairs a second.
    fn issue(&self, enrolments: &[Enrolment]) -> f64 {
        let (nodes, next, began) = (self.authorities(), AtomicUsize::new(0), Instant::now());
        each(nodes.len() * COUNTERS, nodes.len() * COUNTERS, |counter| {
            let (node, actor) = (nodes[counter % nodes.len()], actor_of_the_place());
            while let Some(one) = enrolments.get(next.fetch_add(1, SeqCst)) {
                node.issue(&actor, &once("issue", one.card.number.as_str()), Asked::New, one).unwrap();
            }
        });
        enrolments.len() as f64 / began.elapsed().as_secs_f64()
    }

    /// Rows that were written so far, and octets of the database.
    fn written(&self) -> (f64, f64) {
        // The server counts when a session has been at rest for a while.
        thread::sleep(Duration::from_millis(1500));
        let mut client = self.server.client(SERVICE);
        let rows = "SELECT CAST(sum(n_tup_ins + n_tup_upd) AS BIGINT) FROM pg_stat_user_tables";
        let rows: i64 = client.query_one(rows, &[]).unwrap().get(0);
        let octets: i64 = client.query_one("SELECT pg_database_size(current_database())", &[]).unwrap().get(0);
        (rows as f64, octets as f64)
    }

    /// What the server does with nothing around it: pairs a second of so many rows and octets each, in transactions of
    /// [`BATCH`] pairs by one statement.
    fn bare(&self, rows: f64, octets: f64) -> f64 {
        let mut client = self.server.client(SERVICE);
        client.batch_execute("CREATE TABLE bare (id bigint PRIMARY KEY, what bytea NOT NULL)").unwrap();
        let insert = "INSERT INTO bare SELECT id, $3 FROM generate_series($1::bigint, $2::bigint) AS id";
        let insert = client.prepare(insert).unwrap();
        let what = vec![7_u8; (octets / rows) as usize];
        let (mut next, mut pairs, began) = (0_i64, 0, Instant::now());
        let count = (rows * BATCH as f64).round() as i64;
        while began.elapsed() < BARE {
            client.execute(&insert, &[&next, &(next + count - 1), &what]).unwrap();
            (next, pairs) = (next + count, pairs + BATCH);
        }
        let rate = pairs as f64 / began.elapsed().as_secs_f64();
        client.batch_execute("DROP TABLE bare").unwrap();
        rate
    }
}

/// A second node: the same keys, and a store and an index of its own.
fn beside(one: &Authority, store: Arc<PostgresStore>) -> Authority {
    let (of, index) = (one.parts(), Arc::<StatusIndex>::default());
    let node = Authority::new(Parts {
        store: Arc::clone(&store) as _,
        clock: Arc::clone(&of.clock),
        entropy: Arc::clone(&of.entropy),
        issuers: Arc::clone(&of.issuers),
        serials: of.serials.clone(),
        profile: Arc::clone(&of.profile),
        policy: of.policy,
        counters: of.counters.clone(),
        substitutes: Arc::clone(&of.substitutes),
        index: Arc::clone(&index),
        lists: Arc::new(PublishedLists::default()),
        schedule: Schedule::default(),
        control: jitsuin::authority::DualControl::Off,
    });
    jitsuin::ports::Store::follow(&*store, 0, index as _).unwrap();
    node
}

/// Pairs through one node and through two, against what the server writes by itself.
pub(crate) fn throughput(report: &mut Report, scale: Scale) {
    let count = scale.pick(2_000, 20_000);
    let enrolments = enrolments(count + count / 10);
    let (warm, measured) = enrolments.split_at(count / 10);
    let mut single = 0.0;
    for (name, nodes) in [("cluster-one-node", 1), ("cluster-two-nodes", 2)] {
        let nodes = Nodes::start(nodes);
        nodes.issue(warm);
        let (before, cpu) = (nodes.written(), own_cpu());
        let rate = nodes.issue(measured);
        let cpu = (own_cpu() - cpu).as_secs_f64() / measured.len() as f64;
        let after = nodes.written();
        let each = |after: f64, before: f64| (after - before) / measured.len() as f64;
        let (rows, octets) = (each(after.0, before.0), each(after.1, before.1));
        let bare = nodes.bare(rows, octets);
        report.line(name, (Rate(rate), Rate(bare)), Goal::AtLeast(0.1));
        report.note(format_args!(
            "pairs, {COUNTERS} counters a node, wall, fsync; the bare server: {rows:.1} rows and {octets:.0} octets a pair, {BATCH} \
             pairs a transaction; CPU of the nodes for a pair {}",
            Seconds(cpu)
        ));
        if single > 0.0 {
            report.note(format_args!("{:.2} times one node", rate / single));
        }
        single = rate;
    }
}

/// How long it takes until a revocation at one node is known at the other, while both issue.
pub(crate) fn visible(report: &mut Report, scale: Scale) {
    let (revoked, load) = (scale.pick(300, 1_000), scale.pick(20_000, 60_000));
    let nodes = Nodes::start(2);
    let enrolments = enrolments(revoked + load);
    let (those, others) = enrolments.split_at(revoked);
    nodes.issue(those);
    let (first, second) = (&nodes.first.authority, &nodes.others[0]);
    let (is_over, issued) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (took, load) = thread::scope(|scope| {
        let at_work = scope.spawn(|| {
            let (both, began) = (nodes.authorities(), Instant::now());
            each(2 * COUNTERS / 4, 2 * COUNTERS / 4, |counter| {
                let (node, actor) = (both[counter % 2], actor_of_the_place());
                while !is_over.load(SeqCst) {
                    let Some(one) = others.get(issued.fetch_add(1, SeqCst)) else { break };
                    node.issue(&actor, &once("issue", one.card.number.as_str()), Asked::New, one).unwrap();
                }
            });
            issued.load(SeqCst).min(others.len()) as f64 / began.elapsed().as_secs_f64()
        });
        let took = revoke(first, second, those);
        is_over.store(true, SeqCst);
        (took, at_work.join().unwrap())
    });
    let took = Quantiles::of(took);
    report.line("cluster-visible", (Seconds(took.at(0.99)), Seconds(1.0)), Goal::AtMost(1.0));
    report.note(format_args!(
        "p99 of {revoked} revocations, from the acknowledgement at one node until the other tells it, beside {load:.0} pairs a second; \
         p50 {}, worst {}",
        Seconds(took.at(0.5)),
        Seconds(took.worst())
    ));
}

/// Revokes one pair after the other; seconds until the other node knows each.
fn revoke(at: &Authority, other: &Authority, those: &[Enrolment]) -> Vec<f64> {
    let actor = actor_of_the_place();
    let one = |enrolment: &Enrolment| {
        let card = enrolment.card.number.clone();
        let once = house::once("revoke", card.as_str());
        let request = RevocationRequest { card, cause: Cause::CardDamaged, kinds: None, event_day: None };
        at.revoke(&actor, &once, &request).unwrap();
        let (acknowledged, last) = (Instant::now(), at.parts().index.position());
        while other.parts().index.position() < last {
            assert!(acknowledged.elapsed() < Duration::from_secs(60), "the other node does not follow");
            thread::sleep(Duration::from_micros(200));
        }
        acknowledged.elapsed().as_secs_f64()
    };
    those.iter().map(one).collect()
}
