//! The one writer: a thread that takes waiting changes together and commits them with one fsync.
//!
//! Nothing is remembered between batches but the position that followers have reached: the ends of the audit chain and
//! of the events are read at the beginning of each transaction, under the write lock. So a commit that failed, or that
//! failed and yet happened, needs no repair; the next batch finds what is there, and followers get what they missed.
//!
//! A follower that panics ends the writer: better no more writes than an index that missed an event.

use std::{
    ops::Range,
    sync::{
        Arc,
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, TransactionBehavior};

use super::{
    batch::{self, Tip},
    error::store_error,
    open::{Health, Place},
    queue::Load,
    read,
};
use crate::{
    kind::Kind,
    limits,
    ports::{Change, Follower, StatusEvent, StoreError, written::Written},
};

/// What the writer is asked for.
pub(super) enum Task {
    /// A change, and what it will have written.
    Change(Change, Written),
    /// Changes in order, each for itself.
    Each(Vec<(Change, Written)>),
    /// The next indexes of a CA.
    Allocate(Kind, u64),
    /// Every event after a position, and those to come.
    Follow(u64, Arc<dyn Follower>),
    /// Whether it can write.
    Check,
}

/// What the writer says when a task is done.
pub(super) enum Done {
    /// It is done.
    Whole,
    /// What became of each.
    Each(Vec<Result<(), StoreError>>),
    /// The indexes.
    Range(Range<u64>),
}

type Outcome = Result<Done, StoreError>;

impl Task {
    /// How many changes it is.
    fn weight(&self) -> usize {
        match self {
            Self::Change(..) | Self::Allocate(..) => 1,
            Self::Each(changes) => changes.len().max(1),
            Self::Follow(..) | Self::Check => 0,
        }
    }
}

struct Waiting {
    task: Task,
    reply: SyncSender<Outcome>,
}

/// The way to the writer's thread; dropping it ends the thread after what already waits.
pub(super) struct Writer {
    queue: Option<SyncSender<Waiting>>,
    load: Arc<Load>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on an opened connection.
    pub(super) fn start(place: Place, health: Arc<Health>, connection: Connection) -> Result<Self, StoreError> {
        let followed = Tip::read(&connection).map_err(store_error)?.event;
        let load = Arc::new(Load::new(place.stopwatch()));
        let desk = Desk {
            place,
            health,
            load: Arc::clone(&load),
            connection: Some(connection),
            followers: Vec::new(),
            followed,
            failed: false,
        };
        let (queue, waiting) = mpsc::sync_channel(limits::COMMIT_QUEUE);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || desk.run(&waiting))
            .map_err(|error| StoreError::Unavailable(format!("the writer did not start: {error}")))?;
        Ok(Self { queue: Some(queue), load, thread: Some(thread) })
    }

    /// Hands a task over and waits for its outcome.
    pub(super) fn ask(&self, task: Task) -> Outcome {
        let stopped = || StoreError::Unavailable("the writer has stopped".to_owned());
        let (reply, outcome) = mpsc::sync_channel(1);
        let (queue, weight) = (self.queue.as_ref().ok_or_else(stopped)?, task.weight());
        self.load.comes(weight);
        match queue.try_send(Waiting { task, reply }) {
            Ok(()) => outcome.recv().map_err(|_| stopped())?,
            Err(TrySendError::Full(_)) => {
                self.load.turns_away(weight);
                Err(StoreError::Unavailable(format!("busy: {} changes are waiting", limits::COMMIT_QUEUE)))
            }
            Err(TrySendError::Disconnected(_)) => Err(stopped()),
        }
    }

    /// How long a change that came now would wait.
    pub(super) fn queue_wait(&self) -> Duration {
        self.load.wait()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // The last reference may be a follower's, dropped on the writer's own thread.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A writer that panicked has said so; there is nothing left to wait for.
            let _ended = thread.join();
        }
    }
}

/// The writer's own side.
struct Desk {
    place: Place,
    health: Arc<Health>,
    load: Arc<Load>,
    /// Absent after the engine failed: the next task opens a new one.
    connection: Option<Connection>,
    followers: Vec<Arc<dyn Follower>>,
    /// The last event that the followers have.
    followed: u64,
    /// Whether the engine has failed since the last write that it did.
    failed: bool,
}

impl Desk {
    fn run(mut self, queue: &Receiver<Waiting>) {
        while let Ok(first) = queue.recv() {
            let mut changes = first.task.weight();
            let mut waiting = vec![first];
            while changes < limits::COMMIT_BATCH && waiting.len() < limits::COMMIT_BATCH {
                let Ok(next) = queue.try_recv() else { break };
                changes += next.task.weight();
                waiting.push(next);
            }
            let (writes, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|one| one.task.weight() > 0);
            if !writes.is_empty() {
                self.load.begins(changes);
                self.write(writes);
                self.load.ends();
            }
            for Waiting { task, reply } in others {
                let outcome = match task {
                    Task::Follow(after, follower) => self.follow(after, follower),
                    _ => self.check(),
                };
                // Who no longer waits needs no answer.
                let _gone = reply.send(outcome.map(|()| Done::Whole));
            }
        }
    }

    /// Commits a batch, tells the followers, then the callers.
    fn write(&mut self, writes: Vec<Waiting>) {
        let (tasks, replies): (Vec<_>, Vec<_>) = writes.into_iter().map(|one| (one.task, one.reply)).unzip();
        let outcomes = match self.with_connection(|sql, followed| batch::commit(sql, followed, &tasks)) {
            Ok((outcomes, events)) => {
                self.failed = false;
                self.tell(&events);
                outcomes
            }
            Err(cause) => {
                tracing::error!(%cause, changes = replies.len(), "the store did not commit");
                replies.iter().map(|_| Err(cause.clone())).collect()
            }
        };
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            let _gone = reply.send(outcome);
        }
    }

    /// Works on the connection, opening one if the last failed; after a failure it is dropped with its transaction.
    fn with_connection<T>(
        &mut self,
        work: impl FnOnce(&mut Connection, u64) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.health.check()?;
        let attempt = || {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.place.connect_to_write()?,
            };
            let value = work(&mut connection, self.followed)?;
            self.connection = Some(connection);
            Ok(value)
        };
        attempt().map_err(|error| {
            self.failed = true;
            self.health.note(error)
        })
    }

    fn tell(&mut self, events: &[StatusEvent]) {
        if let Some(last) = events.last() {
            self.followers.iter().for_each(|follower| follower.apply(events));
            self.followed = last.position;
        }
    }

    /// Gives a new follower what it lacks. The writer does nothing else meanwhile, so no event falls between.
    fn follow(&mut self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError> {
        let missed = self.with_connection(|sql, followed| read::events_after(sql, followed))?;
        self.tell(&missed);
        if after > self.followed {
            let last = self.followed;
            return Err(StoreError::Corrupt(format!("a follower is at event {after}, the store at {last}")));
        }
        let mut reached = after;
        while reached < self.followed {
            let events = self.with_connection(|sql, _| read::events_chunk(sql, reached))?;
            reached += events.len() as u64;
            follower.apply(&events);
        }
        self.followers.push(follower);
        Ok(())
    }

    /// Takes the write lock; after a failure also writes and takes back, so that readiness returns by itself.
    fn check(&mut self) -> Result<(), StoreError> {
        let failed = self.failed;
        self.with_connection(|sql, _| {
            let probe = |sql: &mut Connection| {
                let transaction = sql.transaction_with_behavior(TransactionBehavior::Immediate)?;
                if failed {
                    transaction.execute("INSERT INTO probe (octets) VALUES (zeroblob(65536))", [])?;
                    transaction.execute("DELETE FROM probe", [])?;
                }
                transaction.commit()
            };
            probe(sql).map_err(store_error)
        })?;
        self.failed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        audit::Draft,
        ports::StoreError::Unavailable,
        store::{SqliteOptions, sqlite::open::Place},
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

    #[test]
    fn a_full_queue_is_busy_and_what_waits_is_still_done() {
        let dir = tempfile::TempDir::new().unwrap();
        let place = Place::new(&dir.path().join("jitsuin.db"), SqliteOptions::default());
        let connection = place.open_to_write().unwrap();
        // An event out of nowhere, so that the follower has something to dwell on.
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let event = "INSERT INTO status_event (position, kind, ca_index, state) VALUES (1, 1, 0, 'live')";
        connection.execute(event, []).unwrap();
        let writer = Writer::start(place.clone(), Arc::default(), connection).unwrap();
        let (entered, has_entered) = mpsc::sync_channel(1);
        let (release, released) = mpsc::sync_channel(1);
        let queue = writer.queue.as_ref().unwrap();
        let send = |task| {
            let (reply, outcome) = mpsc::sync_channel(1);
            queue.try_send(Waiting { task, reply }).ok().map(|()| outcome)
        };
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
        let entries =
            place.connect_to_read().unwrap().query_row("SELECT count(*) FROM audit_entry", [], |row| row.get(0));
        assert_eq!(entries, Ok(limits::COMMIT_QUEUE as i64));
    }
}
