//! The status of every certificate in memory: how much of it, and how soon after a start.

use std::{fs, path::Path, sync::Arc, time::Duration};

use jitsuin::{
    kind::Kind,
    ports::{Follower, Revocation, StatusEvent, Store},
    revocation::index::StatusIndex,
    rules::{Cause, CertificateState},
    store::SqliteStore,
    x509::{RevocationReason, UnixTime},
};
use rusqlite::{Connection, params};

use crate::{
    Scale,
    meter::{least, numbers, once, resident, seconds_each},
    report::{
        Figure::{Octets, Rate, Seconds},
        Goal, Report,
    },
    server,
};

/// One certificate in twenty is held or revoked.
const REVOKED: u64 = 20;
/// The goal of 0.25 GB for 200 million certificates.
const OCTETS_EACH: f64 = 1.25;
/// What a snapshot needs: two bits a certificate and 20 octets a revocation, which is the same.
const FILE_OCTETS_EACH: f64 = 0.25 + 20.0 / REVOKED as f64;

pub(crate) fn index(report: &mut Report, scale: Scale) {
    let certificates: u64 = scale.pick(10_000_000, 200_000_000);
    let directory = server::directory();
    let child = server::spawn("index", &certificates.to_string(), directory.path());
    let [held, apply, look, ready, replayed, read]: [f64; 6] = numbers(child).try_into().unwrap();
    let limit = certificates as f64 * OCTETS_EACH;
    report.line("index-memory", (Octets(held), Octets(limit)), Goal::AtMost(1.0));
    report.note(format_args!(
        "{certificates} certificates, one in {REVOKED} revoked: {:.2} octets each; {} a look-up, events at {}",
        held / certificates as f64,
        Seconds(look),
        Rate((certificates + certificates / REVOKED) as f64 / apply),
    ));
    let events = (certificates + certificates / REVOKED) as f64;
    report.line("index-ready", (Seconds(ready * events / replayed), Seconds(read)), Goal::AtMost(2.0));
    report.note(format_args!(
        "no snapshot file yet: {replayed:.0} events replayed from SQLite in {} of CPU, ours counted up from that; \
         the limit reads {} from the page cache",
        Seconds(ready),
        Octets(certificates as f64 * FILE_OCTETS_EACH)
    ));
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
    let revocation = |number: u64| Revocation {
        revocation_date: UnixTime::from_seconds(1_700_000_000 + number as i64 % 90_000_000).unwrap(),
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        cause: Cause::Renewal,
    };
    let live = (0..certificates).map(move |number| event(number + 1, number, CertificateState::Live, None));
    let over = (0..certificates / REVOKED).map(move |count| {
        let number = count * REVOKED + count % REVOKED;
        event(certificates + count + 1, number, CertificateState::Revoked, Some(revocation(number)))
    });
    live.chain(over)
}

/// Prints: octets held, seconds to take all events in, seconds a look-up, seconds from SQLite and how many events those
/// were, seconds to read the file.
pub(crate) fn child(certificates: u64, directory: &Path) {
    let (index, before) = (StatusIndex::default(), resident("VmRSS"));
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
    let held = resident("VmRSS") - before;
    let mut number = 0_u64;
    let look = seconds_each(|| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::hint::black_box(index.status(Kind::Auth, (number >> 20) % (certificates / 2)));
    });
    drop(index);
    let replayed = (certificates / 20).clamp(500_000, 5_000_000);
    let ready = replay(replayed, &directory.join("jitsuin.db"));
    let path = directory.join("snapshot");
    fs::write(&path, vec![7; (certificates as f64 * FILE_OCTETS_EACH) as usize]).unwrap();
    let read = least(|| fs::read(&path).unwrap()).0;
    println!("{held} {} {look} {} {replayed} {}", apply.as_secs_f64(), ready.as_secs_f64(), read.as_secs_f64());
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
            let (reason, cause) = (date.map(|_| 4), date.map(|_| "renewal"));
            let (kind, at, state) = (event.kind.id(), event.index as i64, event.state.word());
            insert.execute(params![event.position as i64, kind, at, state, date, reason, cause]).unwrap();
        }
    }
    transaction.commit().unwrap();
    drop(sql);
    let store = SqliteStore::open(path).unwrap();
    once(|| store.follow(0, Arc::new(StatusIndex::default())).unwrap()).0
}
