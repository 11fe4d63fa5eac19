//! The SQLite store when its process ends or its disk fills up, in child processes: what was acknowledged is there.

#![expect(clippy::unwrap_used, reason = "a test's helper fails as the test does")]
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use jitsuin::{
    kind::Kind::{Auth, Sign},
    ports::{Step, Store, StoreError},
    rules::CertificateState::{Live, Reserved},
    store::SqliteStore,
};
use tempfile::TempDir;

#[path = "store_contract/fixture.rs"]
#[expect(dead_code, reason = "the contract's suite uses all of it")]
mod fixture;

use fixture::*;

/// Where a child process finds its database; its presence makes a test of this file the child.
const CHILD: &str = "JITSUIN_TEST_STORE";

fn place() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("jitsuin.db");
    (dir, path)
}

/// This test binary again, as a child that runs one test with `CHILD` set.
fn child(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, path).stdout(Stdio::piped());
    command
}

/// Enrols holders one after the other on several threads, and prints each that was acknowledged, until the world ends
/// or the store fails.
fn enrol_and_tell(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let first = store.audit_after(0, usize::MAX).unwrap().len() as u64 * 1000;
    let tell = |word: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{word}").and_then(|()| out.flush()).unwrap();
    };
    thread::scope(|scope| {
        for number in 0..4 {
            let (store, tell) = (&store, &tell);
            scope.spawn(move || {
                for of in (first + number..).step_by(4) {
                    let index = store.allocate(Sign, 1);
                    let Ok(index) = index.map(|range| range.start) else { return tell("failed".into()) };
                    let person = vec![Step::Holder(holder(of)), Step::Card(card(of, of))];
                    let mut pair = [reservation(Auth, index, of), reservation(Sign, index, of)];
                    pair[0].pair = Some(index);
                    let steps = [person, pair.into_iter().map(reserve).collect(), vec![issue(Auth, index)]].concat();
                    match commit(store, steps) {
                        Ok(()) => tell(format!("done {of}")),
                        Err(error) => {
                            assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
                            return tell("failed".into());
                        }
                    }
                }
            });
        }
    });
}

/// Every holder of `told` is whole, no holder is half, and the chain is.
fn assert_whole(store: &dyn Store, told: &[u64]) {
    for of in told {
        let dossier = store.dossier(&reference(*of)).unwrap().expect("acknowledged and lost");
        assert_eq!(dossier.cards.len(), 1);
        let states: Vec<_> = dossier.certificates.iter().map(|one| (one.kind, one.state, one.pair)).collect();
        let index = Some(dossier.certificates[0].index);
        assert_eq!(states, [(Auth, Live, index), (Sign, Reserved, index)]);
    }
    let entries = store.audit_after(0, usize::MAX).unwrap();
    jitsuin::audit::follow(&entries, 0, jitsuin::audit::GENESIS).unwrap();
    let entries = entries.len();
    let counts: Vec<_> = store.counts().unwrap().iter().map(|one| one.count as usize).collect();
    assert_eq!(counts, [entries, entries], "as many entries as pairs");
    assert_eq!(Log::following(store, 0).positions().len(), entries);
    assert!(entries >= told.len());
}

/// The holder in a line of [`enrol_and_tell`].
fn told(line: &str) -> Option<u64> {
    // The test harness writes its own words before the first.
    line.split_once("done ")?.1.parse().ok()
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    if let Some(path) = std::env::var_os(CHILD) {
        return enrol_and_tell(Path::new(&path));
    }
    let (_dir, path) = place();
    let mut all = Vec::new();
    for round in 0..20 {
        let mut child = child("what_was_acknowledged_survives_kill_9", &path).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // A few acknowledgements in, at a moment that differs each round; then whatever was still in the pipe.
        let few = 3 + round * 2;
        let before = all.len();
        all.extend(lines.by_ref().filter_map(|line| told(&line)).take(few));
        assert_eq!(all.len(), before + few, "the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        all.extend(lines.filter_map(|line| told(&line)));
        assert_whole(&SqliteStore::open(&path).unwrap(), &all);
    }
}

/// A disk that is full in earnest: the system refuses to let files grow beyond a limit, also within a COMMIT.
#[test]
fn what_was_acknowledged_survives_a_disk_that_fills_up() {
    if let Some(path) = std::env::var_os(CHILD) {
        return enrol_and_tell(Path::new(&path));
    }
    for kilobytes in [450, 700, 1100] {
        let (_dir, path) = place();
        drop(SqliteStore::open(&path).unwrap());
        let this = std::env::current_exe().unwrap();
        // The signal that says «file too large» is ignored, so that writing fails instead. Blocks have 512 octets.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2);
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(this)
            .args(["--exact", "what_was_acknowledged_survives_a_disk_that_fills_up", "--nocapture"])
            .env(CHILD, &path)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("failed"),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let all: Vec<u64> = text.lines().filter_map(told).collect();
        assert!(!all.is_empty());
        let store = SqliteStore::open(&path).unwrap();
        assert_whole(&store, &all);
        enrol(&store, 999_999);
    }
}
