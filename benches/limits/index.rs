//! The status of every certificate in memory: how much of it, how soon after a start, and whether it is right.

use std::{
    fs::{self, File},
    io::BufReader,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jitsuin::{
    cli::status_file::StatusFile,
    kind::Kind,
    ports::{AuthorityRecord, Follower, Revocation, StatusEvent, Store},
    revocation::{
        index::StatusIndex,
        snapshot::{self, Lineage},
    },
    rules::{Cause, CertificateState},
    store::SqliteStore,
    x509::{RevocationReason, UnixTime},
};
use rusqlite::{Connection, params};

use crate::{
    Scale, house, inquiry,
    meter::{numbers, once, resident, seconds_each},
    report::{
        Figure::{Octets, Rate, Seconds},
        Goal, Report,
    },
    server,
};

/// One certificate in twenty is held or revoked.
const REVOKED: u64 = 20;
/// Without the pages of the program itself, which a small index would be lost in.
const OWN: &str = "RssAnon";
/// The goal of 0.25 GB for 200 million certificates.
const OCTETS_EACH: f64 = 1.25;
/// Serials that are asked for.
const ASKED: u64 = 1_000_000;

pub(crate) fn index(report: &mut Report, scale: Scale) {
    let certificates: u64 = scale.pick(10_000_000, 200_000_000);
    let figures = measure(certificates, ASKED);
    let Figures { folded, apply, look, replayed, replay, .. } = figures;
    let Figures { stays, cpu, wall, bare, octets, answers, asking, .. } = figures;
    let limit = certificates as f64 * OCTETS_EACH;
    report.line("index-memory", (Octets(stays.max(folded)), Octets(limit)), Goal::AtMost(1.0));
    report.note(format_args!(
        "{certificates} certificates, one in {REVOKED} revoked: {:.2} octets each; {} after a start from the snapshot, {} \
         after folding all events at {}; {} a look-up",
        stays.max(folded) / certificates as f64,
        Octets(stays),
        Octets(folded),
        Rate((certificates + certificates / REVOKED) as f64 / apply),
        Seconds(look),
    ));
    report.line("index-ready", (Seconds(cpu), Seconds(bare)), Goal::AtMost(2.0));
    report.note(format_args!(
        "by CPU, the snapshot of {} in the page cache; the first time, by the wall, {}; without a snapshot {} of CPU an event \
         ({replayed:.0} replayed from SQLite)",
        Octets(octets),
        Seconds(wall),
        Seconds(replay / replayed)
    ));
    let [good, revoked, unknown, wrong, signed] = answers;
    report.verdict(
        "index-answers",
        wrong == 0.0,
        format_args!(
            "{ASKED} asked, {good:.0} good, {revoked:.0} revoked, {unknown:.0} unknown, {wrong:.0} wrong; goal=0 wrong"
        ),
    );
    report.note(format_args!(
        "of {certificates} certificates in that index, started from its snapshot in a new process; random serials, issued, never \
         issued, of the other CA, of nobody's key, of wrong lengths, each against the formula that made it; {signed:.0} of \
         them as signed answers; {} each",
        Seconds(asking / ASKED as f64)
    ));
}

/// What is known of an index of some size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Octets resident when all events have been folded in.
    pub(crate) folded: f64,
    /// Seconds to fold them.
    pub(crate) apply: f64,
    /// Seconds a look-up.
    pub(crate) look: f64,
    /// Events that were replayed from SQLite, and the processor seconds of that.
    pub(crate) replayed: f64,
    pub(crate) replay: f64,
    /// Octets of the snapshot.
    pub(crate) octets: f64,
    /// Octets resident after a start from it.
    pub(crate) stays: f64,
    /// Seconds of that start: of the processor, by the wall.
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
    /// Processor seconds to read the file.
    pub(crate) bare: f64,
    /// Good, revoked, unknown, wrong; and how many of them were signed.
    pub(crate) answers: [f64; 5],
    /// Seconds for all questions.
    pub(crate) asking: f64,
}

/// Makes the index of so many certificates in a process, writes its snapshot, and starts from that in another, which is then
/// asked so many questions.
pub(crate) fn measure(certificates: u64, asked: u64) -> Figures {
    let directory = server::directory();
    let child = server::spawn("index", &certificates.to_string(), directory.path());
    let [folded, apply, look, replayed, replay, octets]: [f64; 6] = numbers(child).try_into().unwrap();
    let child = server::spawn("start", &format!("{certificates}:{asked}"), directory.path());
    let figures: [f64; 10] = numbers(child).try_into().unwrap();
    let [stays, cpu, wall, bare, good, revoked, unknown, wrong, signed, asking] = figures;
    let answers = [good, revoked, unknown, wrong, signed];
    Figures { folded, apply, look, replayed, replay, octets, stays, cpu, wall, bare, answers, asking }
}

/// The events of so many certificates, both CAs in turn: all are issued, then some revoked.
fn events(certificates: u64) -> impl Iterator<Item = StatusEvent> {
    let event = |position, number, state, revocation| StatusEvent {
        position,
        kind: Kind::BOTH[(number % 2) as usize],
        index: number / 2,
        state,
        revocation,
        recorded: UnixTime::EPOCH,
    };
    let live = (0..certificates).map(move |number| event(number + 1, number, CertificateState::Live, None));
    let over = (0..certificates / REVOKED).map(move |count| {
        let (number, position) = (count * REVOKED + count % REVOKED, certificates + count + 1);
        let revocation = revocation(number);
        let held = revocation.reason == RevocationReason::CertificateHold;
        let state = if held { CertificateState::Held } else { CertificateState::Revoked };
        event(position, number, state, Some(revocation))
    });
    live.chain(over)
}

/// How the certificate of that number ended, if it did.
fn revocation(number: u64) -> Revocation {
    Revocation {
        revocation_date: UnixTime::from_seconds(1_700_000_000 + (number % 90_000_000) as i64).unwrap(),
        reason: RevocationReason::ALL[number as usize / REVOKED as usize % 6],
        invalidity_date: None,
        cause: Cause::Renewal,
    }
}

/// What is true of an index of a CA, by arithmetic: the other way round than [`events`] counts.
pub(crate) fn truth(certificates: u64, kind: Kind, index: u64) -> inquiry::Truth {
    let number = 2 * index + u64::from(kind == Kind::BOTH[1]);
    let (block, within) = (number / REVOKED, number % REVOKED);
    if number >= certificates {
        inquiry::Truth::Unknown
    } else if block < certificates / REVOKED && within == block % REVOKED {
        let Revocation { revocation_date, reason, .. } = revocation(number);
        inquiry::Truth::Revoked(revocation_date, reason)
    } else {
        inquiry::Truth::Good
    }
}

fn lineage() -> Lineage {
    let record = |kind| AuthorityRecord::new(kind, 1, vec![1]);
    Lineage::new(&Kind::BOTH.map(record), &house::serials())
}

/// Prints: octets held, seconds to take all events in, seconds a look-up, how many events were replayed from SQLite and in
/// how many seconds, octets of the snapshot that it leaves.
pub(crate) fn child(certificates: u64, directory: &Path) {
    let (index, before) = (StatusIndex::default(), resident(OWN));
    let mut chunk = Vec::with_capacity(1000);
    let (apply, _) = once(|| {
        let mut all = events(certificates);
        loop {
            chunk.extend(all.by_ref().take(1000));
            if chunk.is_empty() {
                return;
            }
            index.apply(&chunk);
            chunk.clear();
        }
    });
    let held = resident(OWN) - before;
    let mut number = 0_u64;
    let look = seconds_each(|| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::hint::black_box(index.status(Kind::Auth, (number >> 20) % (certificates / 2)));
    });
    let file = StatusFile::new(directory.join("snapshot"), lineage());
    let octets = file.keep(&index).unwrap().unwrap().octets;
    drop(index);
    let replayed = (certificates / 20).clamp(10_000, 1_000_000);
    let replay = replay(replayed, &directory.join("jitsuin.db"));
    println!("{held} {} {look} {replayed} {} {octets}", apply.as_secs_f64(), replay.as_secs_f64());
}

/// Starts from the snapshot in that directory and answers questions. Prints: octets held, seconds of the processor and of the
/// wall, processor seconds to read the file, what the answers were, and seconds for all of them.
pub(crate) fn start(what: &str, directory: &Path) {
    let (certificates, asked) = what.split_once(':').unwrap();
    let (certificates, asked): (u64, u64) = (certificates.parse().unwrap(), asked.parse().unwrap());
    let path = directory.join("snapshot");
    // From the page cache, as where a service starts again.
    drop(fs::read(&path).unwrap());
    let before = resident(OWN);
    let (began, index) = (Instant::now(), load(&path));
    let wall = began.elapsed();
    let stays = resident(OWN) - before;
    assert_eq!(index.position(), certificates + certificates / REVOKED, "the snapshot is of the last event");
    let began = Instant::now();
    let tally = inquiry::ask(index, (certificates, asked));
    let asking = began.elapsed().as_secs_f64();
    // Each into memory of its own, as where a service starts: what was freed has its pages already.
    let (mut indexes, mut copies) = (Vec::new(), Vec::new());
    let least_of = |run: &mut dyn FnMut()| (0..5).map(|_| once(&mut *run).0).min().unwrap();
    let cpu = least_of(&mut || indexes.push(load(&path)));
    let bare = least_of(&mut || copies.push(fs::read(&path).unwrap()));
    let inquiry::Tally { good, revoked, unknown, wrong, signed } = tally;
    println!(
        "{stays} {} {} {} {good} {revoked} {unknown} {wrong} {signed} {asking}",
        cpu.as_secs_f64(),
        wall.as_secs_f64(),
        bare.as_secs_f64()
    );
}

/// The index as a start makes it, from a store that has nothing newer.
fn load(path: &Path) -> Arc<StatusIndex> {
    let mut file = BufReader::with_capacity(4 * 1024, File::open(path).unwrap());
    let snapshot = snapshot::read(&mut file, &lineage()).unwrap();
    let events = snapshot.last_events().to_vec();
    let index = snapshot.follow(|_, follower| {
        follower.apply(&events);
        Ok(())
    });
    index.unwrap()
}

/// The processor time in which an index follows a store with so many events.
fn replay(count: u64, path: &Path) -> Duration {
    drop(SqliteStore::open(path).unwrap());
    let mut sql = Connection::open(path).unwrap();
    // Straight into the table: what a store reads does not depend on how it came there.
    sql.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; DROP INDEX status_event_of_certificate;")
        .unwrap();
    let transaction = sql.transaction().unwrap();
    let insert = "INSERT INTO status_event (position, kind, ca_index, state, revocation_date, reason, cause, recorded)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)";
    {
        let mut insert = transaction.prepare(insert).unwrap();
        for event in events(count * REVOKED / (REVOKED + 1)).take(count as usize) {
            let date = event.revocation.as_ref().map(|revocation| revocation.revocation_date.seconds());
            let (reason, cause) = (date.map(|_| 4), date.map(|_| Cause::Renewal.word()));
            let (kind, at, state) = (event.kind.id(), event.index as i64, event.state.word());
            insert.execute(params![event.position as i64, kind, at, state, date, reason, cause]).unwrap();
        }
    }
    transaction.commit().unwrap();
    drop(sql);
    let store = SqliteStore::open(path).unwrap();
    once(|| store.follow(0, Arc::new(StatusIndex::default())).unwrap()).0
}
