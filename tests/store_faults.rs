//! The SQLite store when the world fails it: full disk, locks, foreign and damaged files.

#![expect(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use jitsuin::{
    kind::Kind::{Auth, Sign},
    limits,
    ports::{ConsentEnd, ConsentEndCause, Follower, StatusEvent, Step, Store, StoreError},
    rules::{
        CertificateState::{Live, Revoked},
        DraftNumber,
    },
    scope::CrlScope,
    store::{OpenError, SqliteOptions, SqliteStore},
};
use rusqlite::Connection;
use tempfile::TempDir;

#[path = "store_contract/fixture.rs"]
#[expect(dead_code, reason = "the contract's suite uses all of it")]
mod fixture;

use fixture::*;

fn place() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("jitsuin.db");
    (dir, path)
}

/// A store that does not wait for foreign locks.
fn impatient(path: &Path) -> SqliteStore {
    SqliteStore::open_with(path, SqliteOptions { busy_timeout: Duration::from_millis(20), ..Default::default() })
        .unwrap()
}

fn is_unavailable<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(_)))
}

fn assert_chain(store: &dyn Store) {
    let entries = store.audit_after(0, usize::MAX).unwrap();
    jitsuin::audit::follow(&entries, 0, jitsuin::audit::GENESIS).unwrap();
}

#[test]
fn a_full_disk_is_unavailable_and_leaves_nothing_half_done() {
    let (_dir, path) = place();
    let store = impatient(&path);
    enrol(&store, 1);
    drop(store);
    // What fills the disk and is taken away later.
    let filler = Connection::open(&path).unwrap();
    filler.execute_batch("CREATE TABLE filler (octets BLOB); INSERT INTO filler VALUES (zeroblob(400000));").unwrap();
    let pages: u32 = filler.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let options = SqliteOptions { max_pages: Some(pages), ..SqliteOptions::default() };
    let store = SqliteStore::open_with(&path, options).unwrap();
    let log = Log::following(&store, 0);
    let before = everything(&store);

    let mut large = reservation(Sign, 0, 1);
    large.tbs = vec![0x30; 100_000];
    let steps = || vec![reserve(large.clone()), issue(Sign, 0)];
    for _ in 0..3 {
        assert!(is_unavailable(&commit(&store, steps())));
        assert!(is_unavailable(&store.check_writable()), "readiness says so too");
        assert_eq!(everything(&store), before, "reading goes on");
    }
    assert!(log.events().is_empty());

    filler.execute_batch("DROP TABLE filler").unwrap();
    assert_eq!(store.check_writable(), Ok(()));
    commit(&store, steps()).unwrap();
    assert_eq!(log.positions(), [1]);
    assert_chain(&store);
}

#[test]
fn a_full_disk_fails_every_change_that_was_committed_together() {
    let (_dir, path) = place();
    let store = impatient(&path);
    enrol(&store, 1);
    drop(store);
    let pages = Connection::open(&path).unwrap().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let options = SqliteOptions { max_pages: Some(pages), ..SqliteOptions::default() };
    let store = SqliteStore::open_with(&path, options).unwrap();
    let acknowledged: usize = thread::scope(|scope| {
        let store = &store;
        let threads: Vec<_> = (0..8_u8)
            .map(|number| {
                scope.spawn(move || {
                    let large = |step: u8| {
                        let mut record = credential(number * 16 + step, &format!("name-{number}-{step}"));
                        record.certificate = vec![step; if step.is_multiple_of(2) { 50_000 } else { 10 }];
                        commit(store, vec![Step::Credential(record)])
                    };
                    (0..16).map(large).filter(Result::is_ok).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(acknowledged < 128, "the disk was not full");
    assert_eq!(store.credentials().unwrap().len(), acknowledged);
    assert_eq!(store.audit_after(0, usize::MAX).unwrap().len(), 1 + acknowledged);
    assert_chain(&store);
}

#[test]
fn a_lock_held_by_another_program_is_unavailable_until_released() {
    let (_dir, path) = place();
    let store = impatient(&path);
    enrol(&store, 1);
    let log = Log::following(&store, 0);
    let before = everything(&store);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for _ in 0..2 {
        assert!(is_unavailable(&commit(&store, vec![reserve(reservation(Sign, 0, 1)), issue(Sign, 0)])));
        assert!(is_unavailable(&store.allocate(Sign, 1)));
        assert!(is_unavailable(&store.check_writable()));
    }
    assert_eq!(everything(&store), before, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.check_writable(), Ok(()));
    commit(&store, vec![reserve(reservation(Sign, 0, 1)), issue(Sign, 0)]).unwrap();
    assert_eq!(store.allocate(Sign, 1).unwrap(), 0..1);
    assert_eq!(log.positions(), [1]);
    assert_chain(&store);
}

#[test]
fn the_first_waits_for_a_foreign_lock_and_those_behind_find_it_locked_at_once() {
    let (_dir, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    enrol(&store, 1);
    let before = everything(&store);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let write = |number: u8| commit(&store, vec![Step::Credential(credential(number, &format!("name-{number}")))]);
    let (first, began) = (write(0), Instant::now());
    let Err(StoreError::Unavailable(cause)) = first else { panic!("{first:?}") };
    assert!(cause.contains("another program holds a lock"), "{cause}");
    assert!((1..=20).all(|number| is_unavailable(&write(number))));
    assert!(is_unavailable(&store.check_writable()));
    assert!(began.elapsed() < 10 * limits::LOCK_WAIT, "each waits anew: {:?}", began.elapsed());
    assert_eq!(everything(&store), before, "reading goes on, and nothing was done");
    other.execute_batch("ROLLBACK").unwrap();
    write(21).unwrap();
    assert_eq!(store.credentials().unwrap().len(), 1);
    assert_chain(&store);
}

#[test]
fn a_change_that_happened_although_it_was_reported_failed_still_reaches_the_followers() {
    let (_dir, path) = place();
    let store = impatient(&path);
    enrol(&store, 1);
    live(&store, Auth, 0, 1);
    let log = Log::following(&store, 0);
    // The event of a commit that nobody was told of.
    let other = Connection::open(&path).unwrap();
    let event = "INSERT INTO status_event (position, kind, ca_index, state) VALUES (2, 2, 0, 'live')";
    other.execute(event, []).unwrap();
    commit(&store, vec![reserve(reservation(Sign, 0, 1)), issue(Sign, 0)]).unwrap();
    assert_eq!(log.positions(), [1, 2, 3]);
}

struct Panics;

impl Follower for Panics {
    fn apply(&self, _: &[StatusEvent]) {
        panic!("a follower that fails");
    }
}

#[test]
fn a_follower_that_panics_stops_writing_so_that_no_index_misses_an_event() {
    let (_dir, path) = place();
    let store = impatient(&path);
    enrol(&store, 1);
    store.follow(0, Arc::new(Panics)).unwrap();
    let steps = vec![reserve(reservation(Sign, 0, 1)), issue(Sign, 0)];
    assert!(is_unavailable(&commit(&store, steps)), "not acknowledged, since not followed");
    assert!(is_unavailable(&commit(&store, vec![])));
    assert!(is_unavailable(&store.check_writable()));
    assert_eq!(state_of(&store, Sign, 0, 1), Live, "and yet it happened, and reading goes on");
    drop(store);
    assert_eq!(Log::following(&impatient(&path), 0).positions(), [1]);
}

#[test]
fn a_second_store_is_refused_while_the_first_lives() {
    let (_dir, path) = place();
    let first = impatient(&path);
    enrol(&first, 1);
    let Err(refused) = SqliteStore::open(&path) else { panic!("two writers") };
    assert!(refused.to_string().starts_with("another jitsuin holds this database"), "{refused}");
    enrol(&first, 2);
    drop(first);
    assert_eq!(SqliteStore::open(&path).unwrap().audit_after(0, 9).unwrap().len(), 2);
}

#[test]
fn reading_only_is_possible_beside_the_writer_and_writes_nothing() {
    let (_dir, path) = place();
    assert!(SqliteStore::open_read_only(&path).is_err(), "nothing is made");
    assert!(!path.exists());
    let store = impatient(&path);
    enrol(&store, 1);
    let reader = SqliteStore::open_read_only(&path).unwrap();
    enrol(&store, 2);
    assert_eq!(reader.audit_after(0, 9).unwrap(), store.audit_after(0, 9).unwrap());
    assert_eq!(reader.dossier(&reference(2)).unwrap(), store.dossier(&reference(2)).unwrap());
    assert!(is_unavailable(&commit(&reader, vec![])));
    assert!(is_unavailable(&reader.allocate(Sign, 1)));
    assert!(is_unavailable(&reader.follow(0, Arc::new(Log::default()))));
    assert!(is_unavailable(&reader.check_writable()));
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let (_dir, path) = place();
    drop(impatient(&path));
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 999").unwrap();
    let before = fs::read(&path).unwrap();
    for opened in [SqliteStore::open(&path), SqliteStore::open_read_only(&path)] {
        assert!(matches!(opened.err(), Some(OpenError::Newer { found: 999, .. })));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let (_dir, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(SqliteStore::open(&path).err(), Some(OpenError::Foreign)));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_no_database_is_corrupt() {
    let (_dir, path) = place();
    fs::write(&path, [0x5A; 8192]).unwrap();
    let opened = SqliteStore::open(&path).err();
    assert!(matches!(opened, Some(OpenError::Store(StoreError::Corrupt(_)))), "{opened:?}");
}

/// A database with some content, closed; its path.
fn filled(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("jitsuin.db");
    let store = impatient(&path);
    for of in 0..20 {
        enrol(&store, of);
        live(&store, Sign, of, of);
    }
    path
}

#[test]
fn damaged_pages_are_corrupt_and_stop_writing_but_never_panic() {
    let dir = TempDir::new().unwrap();
    let path = filled(&dir);
    let whole = fs::read(&path).unwrap();
    let mut stopped = 0;
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0xA5);
        fs::write(&path, damaged).unwrap();
        for companion in ["-wal", "-shm"] {
            let _not_there = fs::remove_file(dir.path().join(format!("jitsuin.db{companion}")));
        }
        let store = match SqliteStore::open(&path) {
            Ok(store) => store,
            Err(OpenError::Store(StoreError::Corrupt(_))) => continue,
            Err(other) => panic!("page {page}: {other}"),
        };
        let reads = [
            store.dossier(&reference(1)).map(drop),
            store.audit_after(0, 99).map(drop),
            store.counts().map(drop),
            store.reserved().map(drop),
        ];
        if reads.iter().any(|read| matches!(read, Err(StoreError::Corrupt(_)))) {
            assert!(matches!(commit(&store, vec![]), Err(StoreError::Corrupt(_))), "page {page}");
            assert!(matches!(store.check_writable(), Err(StoreError::Corrupt(_))), "page {page}");
            stopped += 1;
        }
    }
    assert!(stopped > 3, "{stopped}");
}

#[test]
fn an_impossible_row_is_corrupt_and_stops_writing_but_not_reading() {
    let dir = TempDir::new().unwrap();
    let path = filled(&dir);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA ignore_check_constraints = ON; UPDATE holder SET municipality = 'x' WHERE reference = 'TEST-000001'").unwrap();
    let store = impatient(&path);
    assert!(store.dossier(&reference(2)).unwrap().is_some());
    enrol(&store, 30);
    assert!(matches!(store.dossier(&reference(1)), Err(StoreError::Corrupt(_))));
    assert!(matches!(commit(&store, vec![Step::Holder(holder(31))]), Err(StoreError::Corrupt(_))));
    assert!(matches!(store.allocate(Sign, 1), Err(StoreError::Corrupt(_))));
    assert!(store.dossier(&reference(2)).unwrap().is_some());
    assert!(store.dossier(&reference(31)).unwrap().is_none());
}

#[test]
fn lost_events_are_corrupt() {
    let dir = TempDir::new().unwrap();
    let path = filled(&dir);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("DROP TRIGGER status_event_stays; DELETE FROM status_event WHERE position = 7").unwrap();
    let store = impatient(&path);
    assert!(matches!(store.follow(0, Arc::new(Log::default())), Err(StoreError::Corrupt(_))));
}

#[test]
fn history_cannot_be_rewritten_with_a_tool() {
    let dir = TempDir::new().unwrap();
    let path = filled(&dir);
    let store = impatient(&path);
    commit(&store, vec![status(Sign, 3, Live, Revoked)]).unwrap();
    commit(&store, vec![Step::Crl(crl(CrlScope::Full, 1))]).unwrap();
    commit(&store, vec![Step::Answer(answer("client", "key-1", b"x"))]).unwrap();
    commit(&store, vec![given(1, "a"), given(2, "b"), ended(2)]).unwrap();
    let before = everything(&store);
    let other = Connection::open(&path).unwrap();
    for edit in [
        "UPDATE audit_entry SET actor = 'nobody' WHERE position = 1",
        "DELETE FROM audit_entry WHERE position = 1",
        "UPDATE status_event SET state = 'live' WHERE position = 1",
        "DELETE FROM status_event",
        "DELETE FROM certificate WHERE ca_index = 1",
        "UPDATE certificate SET tbs = x'00' WHERE ca_index = 1",
        "UPDATE certificate SET certificate = x'00' WHERE ca_index = 1",
        "UPDATE certificate SET not_after = not_after + 1 WHERE ca_index = 1",
        "UPDATE certificate SET state = 'live', revocation_date = NULL, reason = NULL, invalidity_date = NULL,
           cause = NULL WHERE ca_index = 3",
        "UPDATE certificate SET state = 'held' WHERE ca_index = 1",
        "UPDATE certificate SET holder = 'TEST-000002' WHERE ca_index = 1",
        "UPDATE card SET holder = 'TEST-000002' WHERE number = 'CARD-000001'",
        "UPDATE next_index SET value = -1",
        "DELETE FROM next_index",
        "UPDATE crl SET der = x'00'",
        "DELETE FROM crl",
        "UPDATE crl_newest SET number = 0",
        "UPDATE answer SET outcome = x'00'",
        "DELETE FROM consent",
        "UPDATE consent SET ends = ends + 1",
        "UPDATE consent SET facts = 0",
        "UPDATE consent SET message = x'00'",
        "UPDATE consent SET party = 'c' WHERE party = 'a'",
        "UPDATE consent SET ended = NULL, cause = NULL WHERE party = 'b'",
        "UPDATE consent SET ended = 1 WHERE party = 'a'",
    ] {
        let refused = other.execute_batch(edit).expect_err(edit);
        assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation), "{edit}: {refused}");
    }
    assert_eq!(everything(&store), before);
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, path) = place();
    let store = impatient(&path);
    enrol(&store, 1);
    for file in fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
    }
}

#[test]
fn a_database_of_schema_1_keeps_its_lists_and_takes_deltas_from_then_on() {
    let (_dir, path) = place();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../src/store/sqlite/migrations/0001_begin.sql")).unwrap();
    old.execute_batch(
        "PRAGMA application_id = 0x4A54534E; PRAGMA user_version = 1;
         INSERT INTO crl (kind, generation, scope, number, this_update, next_update, position, entries, der)
           SELECT 1, 1, scope.value, number.value, 1800000000, 1800086400, 0, 0, CAST('list ' || number.value AS BLOB)
           FROM json_each('[\"full\", \"13115\"]') AS scope, json_each('[1, 2]') AS number;
         INSERT INTO crl_newest SELECT kind, generation, scope, max(number) FROM crl GROUP BY scope;",
    )
    .unwrap();
    drop(old);
    let store = SqliteStore::open(&path).unwrap();
    let newest = store.newest_crls().unwrap();
    assert_eq!(
        newest.iter().map(|one| (one.scope, one.number)).collect::<Vec<_>>(),
        [(CrlScope::Full, 2), (CrlScope::Municipality(suginami()), 2)]
    );
    assert_eq!(store.crl(Sign, 1, CrlScope::Full, 1).unwrap().unwrap().der, b"list 1".to_vec().into());
    for scope in [CrlScope::FullDelta, CrlScope::MunicipalityDelta(suginami())] {
        commit(&store, vec![Step::Crl(crl(scope, 3))]).unwrap();
        assert!(store.crl(Sign, 1, scope, 3).unwrap().is_some());
    }
}

/// A consent of holder 1.
fn given(number: u8, party: &str) -> Step {
    Step::Consent(Box::new(consent(number, 1, party)))
}

fn ended(number: u8) -> Step {
    let end = ConsentEnd { at: at(20), cause: ConsentEndCause::Withdrawn, declaration: None };
    Step::EndConsent { number: DraftNumber([number; 16]), end }
}

#[test]
fn a_consent_is_kept_for_ten_years_after_it_ended_and_can_go_after_that() {
    let (_dir, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    enrol(&store, 1);
    let mut long = consent(1, 1, "a");
    long.ends = at(5 * 366 * 86_400);
    commit(&store, vec![Step::Consent(Box::new(long)), given(2, "b"), ended(2)]).unwrap();
    let sql = Connection::open(&path).unwrap();
    let forget = |party: &str| sql.execute("DELETE FROM consent WHERE party = ?1", [party]);
    let years = |years: i64| store.commit(change_at(years * 366 * 86_400, Vec::new())).unwrap();
    for (passed, withdrawn, run_out) in [(0, false, false), (9, false, false), (11, true, false), (16, true, true)] {
        years(passed);
        assert_eq!(forget("a").is_ok(), run_out, "{passed}");
        assert_eq!(forget("b").is_ok(), withdrawn, "{passed}");
    }
    assert!(store.consents(&reference(1)).unwrap().is_empty());
}

#[test]
fn a_list_is_kept_for_ten_years_and_can_go_after_that() {
    let (_dir, path) = place();
    let store = SqliteStore::open(&path).unwrap();
    commit(&store, vec![Step::Crl(crl(CrlScope::Full, 1)), Step::Crl(crl(CrlScope::Full, 2))]).unwrap();
    let sql = Connection::open(&path).unwrap();
    let forget = || sql.execute("DELETE FROM crl WHERE number = 1", []);
    let years = |years: i64| store.commit(change_at(years * 366 * 86_400, Vec::new())).unwrap();
    assert!(forget().is_err());
    years(9);
    assert!(forget().is_err());
    years(11);
    assert_eq!(forget(), Ok(1));
    assert_eq!(store.crl(Sign, 1, CrlScope::Full, 1), Ok(None));
    assert!(store.newest_crls().unwrap().len() == 1);
}
