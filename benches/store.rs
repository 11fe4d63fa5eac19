//! How many durable commits a second the SQLite store does: `cargo bench --bench store`.

#![expect(clippy::unwrap_used, reason = "a measurement that fails has no figure")]

use std::{
    thread,
    time::{Duration, Instant},
};

use jitsuin::{
    kind::Kind::{Auth, Sign},
    ports::Store,
    store::SqliteStore,
};
use tempfile::TempDir;

#[path = "../tests/store_contract/fixture.rs"]
#[expect(dead_code, reason = "the contract's suite uses all of it")]
mod fixture;

use fixture::*;

/// Commits a second, where each commit is an enrolment, a reservation of a pair or its issue.
fn rate(threads: u64) -> f64 {
    let dir = TempDir::new().unwrap();
    let store = &SqliteStore::open(&dir.path().join("jitsuin.db")).unwrap();
    let start = Instant::now();
    let pairs: u64 = thread::scope(|scope| {
        let work = |number: u64| {
            move || {
                let mut done = 0;
                while start.elapsed() < Duration::from_secs(3) {
                    let of = number * 1_000_000 + done;
                    enrol(store, of);
                    let reserved = [Auth, Sign].map(|kind| {
                        let mut record = reservation(kind, of, of);
                        record.pair = Some(of);
                        record.tbs = vec![0x30; 1200];
                        reserve(record)
                    });
                    commit(store, reserved.to_vec()).unwrap();
                    commit(store, vec![issue(Auth, of), issue(Sign, of)]).unwrap();
                    done += 1;
                }
                done
            }
        };
        let threads: Vec<_> = (0..threads).map(|number| scope.spawn(work(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(store.audit_after(0, usize::MAX).unwrap().len() as u64, pairs * 3);
    (pairs * 3) as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    for threads in [1, 4, 16, 64] {
        println!("{threads} threads: {:.0} commits/s", rate(threads));
    }
}
