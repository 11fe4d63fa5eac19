//! The writer that is full, that hangs and that moves.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::Duration,
};

use crate::{
    audit::Draft,
    limits,
    ports::{Change, Follower, StatusEvent, StoreError::Unavailable, written::Written},
    store::{
        SqliteOptions,
        sql::Task,
        sqlite::{desk::Desk, open::Place},
    },
    x509::UnixTime,
};

/// Does not come back from its first events until the other side hangs up.
struct Slow(SyncSender<()>, Mutex<Receiver<()>>);

impl Follower for Slow {
    fn apply(&self, _: &[StatusEvent]) {
        self.0.send(()).unwrap();
        let _hung_up = self.1.lock().unwrap().recv();
    }
}

fn empty_change() -> Task {
    let word = String::new;
    let audit = Draft { at: UnixTime::EPOCH, actor: word(), action: word(), subject: word(), detail: word() };
    Task::Change(Change { steps: Vec::new(), audit }, Written::default())
}

/// Years go by between two readings.
fn hasty() -> Duration {
    static HANDS: Mutex<Duration> = Mutex::new(Duration::ZERO);
    let mut hands = HANDS.lock().unwrap();
    *hands += Duration::from_secs(1 << 30);
    *hands
}

#[test]
fn who_waits_behind_a_transaction_that_hangs_goes_away_and_nothing_of_it_is_ever_done() {
    let dir = tempfile::TempDir::new().unwrap();
    let options =
        SqliteOptions { queue_wait: Duration::from_millis(5), stopwatch: Some(hasty), ..SqliteOptions::default() };
    let place = Place::new(&dir.path().join("jitsuin.db"), options);
    let connection = place.open_to_write().unwrap();
    let writer = Desk::start(place.clone(), Arc::default(), connection).unwrap();
    let (entered, has_entered) = mpsc::sync_channel(1);
    let (release, released) = mpsc::sync_channel(1);
    writer.ask(Task::Follow(0, Arc::new(Slow(entered, Mutex::new(released))))).unwrap();
    // A transaction that tells of an event, out of nowhere; the follower dwells on it.
    let foreign = place.connect_to_write().unwrap();
    foreign.pragma_update(None, "foreign_keys", false).unwrap();
    let event = "INSERT INTO status_event (position, kind, ca_index, state) VALUES (1, 1, 0, 'live')";
    foreign.execute(event, []).unwrap();
    thread::scope(|scope| {
        let begun = scope.spawn(|| writer.ask(empty_change()).is_ok());
        has_entered.recv().unwrap();
        for _ in 0..3 {
            let Err(Unavailable(cause)) = writer.ask(empty_change()) else { panic!("not turned away") };
            assert!(cause.starts_with("busy"), "{cause}");
        }
        let Err(Unavailable(cause)) = writer.ask(Task::Check) else { panic!("it cannot be ready") };
        assert!(cause.contains("has not answered") && cause.contains("its disk or its server hangs"), "{cause}");
        assert!(!begun.is_finished(), "what was begun is waited for until it is known");
        drop(release);
        assert!(begun.join().unwrap());
    });
    assert!(writer.ask(Task::Check).is_ok());
    assert!(writer.ask(empty_change()).is_ok(), "it answers again at once");
    drop(writer);
    let entries = foreign.query_row("SELECT count(*) FROM audit_entry", [], |row| row.get::<_, i64>(0));
    assert_eq!(entries, Ok(2));
}

#[test]
fn a_queue_that_is_long_but_moves_keeps_whom_it_has() {
    let dir = tempfile::TempDir::new().unwrap();
    // No transaction is ever seen to take any time.
    let options = SqliteOptions {
        queue_wait: Duration::from_nanos(1),
        stopwatch: Some(|| Duration::ZERO),
        ..SqliteOptions::default()
    };
    let place = Place::new(&dir.path().join("jitsuin.db"), options);
    let connection = place.open_to_write().unwrap();
    let writer = Desk::start(place, Arc::default(), connection).unwrap();
    assert!((0..20).all(|_| writer.ask(empty_change()).is_ok()));
}

#[test]
fn a_full_queue_is_busy_and_what_waits_is_still_done() {
    let dir = tempfile::TempDir::new().unwrap();
    let place = Place::new(&dir.path().join("jitsuin.db"), SqliteOptions::default());
    let connection = place.open_to_write().unwrap();
    // An event out of nowhere, so that the follower has something to dwell on.
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    let event = "INSERT INTO status_event (position, kind, ca_index, state) VALUES (1, 1, 0, 'live')";
    connection.execute(event, []).unwrap();
    let writer = Desk::start(place.clone(), Arc::default(), connection).unwrap();
    let (entered, has_entered) = mpsc::sync_channel(1);
    let (release, released) = mpsc::sync_channel(1);
    let send = |task| writer.send(task);
    let follower = Arc::new(Slow(entered, Mutex::new(released)));
    let following = send(Task::Follow(0, follower)).unwrap();
    has_entered.recv().unwrap();

    let waiting: Vec<_> = std::iter::from_fn(|| send(empty_change())).collect();
    assert_eq!(waiting.len(), limits::COMMIT_QUEUE);
    let Err(Unavailable(cause)) = writer.ask(empty_change()) else { panic!("not busy") };
    assert!(cause.starts_with("busy"), "{cause}");

    drop(release);
    assert!(following.recv().unwrap().is_ok());
    assert!(waiting.into_iter().all(|outcome| outcome.recv().unwrap().is_ok()));
    assert!(writer.ask(Task::Check).is_ok());
    drop(writer);
    let entries = place.connect_to_read().unwrap().query_row("SELECT count(*) FROM audit_entry", [], |row| row.get(0));
    assert_eq!(entries, Ok(limits::COMMIT_QUEUE as i64));
}
