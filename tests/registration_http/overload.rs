//! When more is written than the store keeps up with: whoever comes too many is told so at once, and nothing is half done.

use std::{
    sync::{
        Arc, Condvar, LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use jitsuin::{
    audit,
    http::{client::Answer, registration::Pace, server::Bounds},
    ports::{Follower, StatusEvent, Store},
    store::{SqliteOptions, SqliteStore},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    desk::{Desk, done, refusal},
    house::{House, Open, pair},
};

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn stopwatch() -> Duration {
    BEGAN.elapsed()
}

/// Follows the store on its writer's own thread, and so stops it while the gate is shut.
#[derive(Default)]
struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
    /// How long each batch with events is made to take.
    drag: Mutex<Duration>,
}

impl Gate {
    fn shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }
}

/// Opens the gate at the end of a test, however it ends: nobody is waited for behind a shut one.
struct Opener(Arc<Gate>);

impl Drop for Opener {
    fn drop(&mut self) {
        self.0.shut(false);
    }
}

impl Follower for Gate {
    fn apply(&self, _: &[StatusEvent]) {
        std::thread::sleep(*self.drag.lock().unwrap());
        drop(self.opened.wait_while(self.shut.lock().unwrap(), |shut| *shut).unwrap());
    }
}

/// A house on a real store whose writer the gate holds up; new writes wait no longer than `queue`.
fn held_up(queue: Duration) -> (tempfile::TempDir, Arc<Gate>, Arc<SqliteStore>, Open) {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { stopwatch: Some(stopwatch), ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open_with(&directory.path().join("jitsuin.db"), options).unwrap());
    let gate = Arc::new(Gate::default());
    store.follow(0, Arc::clone(&gate) as _).unwrap();
    let house = House::new(Arc::clone(&store) as _);
    let pace = Pace { queue, wait: Duration::from_secs(20), ..Pace::default() };
    (directory, gate, store, house.open_with(pace, Bounds::default()))
}

/// What was acknowledged is there, whole; the chain is too, and nothing is left reserved.
fn is_whole(store: &dyn Store, pairs: usize) {
    assert!(store.reserved().unwrap().is_empty());
    let live: u64 = store.counts().unwrap().iter().map(|one| one.count).sum();
    assert_eq!(live, 2 * pairs as u64);
    let entries = store.audit_after(0, usize::MAX).unwrap();
    audit::follow(&entries, 0, audit::GENESIS).unwrap();
}

/// Too busy, or, where the test itself is slow, a writer that has hung for long.
fn is_turned_away(answer: &Answer<Value>) -> bool {
    matches!(refusal(answer), (429 | 503, ""))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_the_writer_hangs_writes_are_turned_away_at_once_and_reading_goes_on() {
    let bound = Duration::from_millis(100);
    let (_directory, gate, store, open) = held_up(bound);
    let _opener = Opener(Arc::clone(&gate));
    let suginami = Desk::suginami(&open);
    done(suginami.post_under("key-1", "/v1/certificates", &pair(1)).await);
    gate.shut(true);
    let (second, third, fourth) = (pair(2), pair(3), pair(4));
    let hanging = suginami.post_under("key-2", "/v1/certificates", &second);
    let turned_away = async {
        while store.queue_wait() <= bound {
            tokio::task::yield_now().await;
        }
        let before = store.audit_after(0, usize::MAX).unwrap().len();
        for (key, application) in [("key-3", &third), ("key-4", &fourth), ("key-3", &third)] {
            let busy = suginami.post_under(key, "/v1/certificates", application).await;
            assert!(is_turned_away(&busy), "{}", busy.body);
            let seconds: u32 = busy.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=30).contains(&seconds), "{seconds}");
        }
        assert!(is_turned_away(&suginami.post("/v1/holds", &json!({"card": "CARD-000001"})).await));
        // Who only looks is answered.
        done(suginami.get("/v1/whoami").await);
        done(suginami.get("/v1/cards/CARD-000001").await);
        assert_eq!(refusal(&suginami.get("/v1/cards/CARD-000003").await), (404, "T-09"));
        assert_eq!(store.audit_after(0, usize::MAX).unwrap().len(), before, "nothing was done, not even noted");
        gate.shut(false);
    };
    let (hung, ()) = tokio::join!(hanging, turned_away);
    let hung = done(hung);
    // Answers at once afterwards, under the same keys too.
    done(suginami.post_under("key-3", "/v1/certificates", &third).await);
    done(suginami.post_under("key-4", "/v1/certificates", &fourth).await);
    assert_eq!(done(suginami.post_under("key-2", "/v1/certificates", &second).await), hung);
    is_whole(&*store, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_more_than_it_can_write_each_request_is_answered_whole_or_turned_away_whole() {
    const PAIRS: u32 = 60;
    let (_directory, gate, store, open) = held_up(Duration::from_millis(5));
    let _opener = Opener(Arc::clone(&gate));
    let client = Desk::suginami(&open).client;
    *gate.drag.lock().unwrap() = Duration::from_millis(30);
    // Until somebody was turned away nothing is written, however slowly the clients come.
    gate.shut(true);
    let (answered, turned_away) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut all = JoinSet::new();
    for number in 0..PAIRS {
        let (client, url, application) = (client.clone(), open.url("/v1/certificates"), pair(number));
        let (answered, turned_away) = (Arc::clone(&answered), Arc::clone(&turned_away));
        all.spawn(async move {
            // Those who are turned away come again until they are served.
            loop {
                let answer = client.post_json(&url, &format!("key-{number}"), &application).await.unwrap();
                match answer.status.as_u16() {
                    201 => return answered.fetch_add(1, Ordering::SeqCst),
                    429 | 503 => turned_away.fetch_add(1, Ordering::SeqCst),
                    other => panic!("{other} {}", answer.body),
                };
                tokio::task::yield_now().await;
            }
        });
    }
    while turned_away.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    gate.shut(false);
    while let Some(ended) = all.join_next().await {
        ended.unwrap();
    }
    assert_eq!(answered.load(Ordering::SeqCst), PAIRS);
    is_whole(&*store, PAIRS as usize);
}
