//! The connection that writes: one transaction a batch, under the lock of one row that every node takes first.
//!
//! # Why
//! The chain of entries has one end, so whoever seals must be alone. `SELECT … FOR UPDATE` on the row of the fence is a lock
//! that ends with its transaction, whatever becomes of its node, that the standby which takes over does not know of, and that
//! every engine of PostgreSQL's kind documents; an advisory lock is not. The transaction reads what is committed, statement by
//! statement, so what it reads behind the lock is what the node before it wrote.
//!
//! A commit without an answer may have happened. The chain says so: the entry that the batch ended with is there, with its seal,
//! or it is not; and who holds the row's lock knows that the other transaction is over. So a batch is never told to be
//! refused that was written, nor done twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    thread,
    time::Duration,
};

use super::{error::PostgresError, server::Server, session::Session};
use crate::{
    ports::{StatusEvent, StoreError},
    store::sql::{
        Batch, Bench, Care, Committed, Halt, Health, NONE, Task, Tip, Writer, finds, first, only, params, read,
    },
};

/// Where nodes line up; and what the time is there.
const HEAD: &str =
    "SELECT value, CAST(extract(epoch FROM clock_timestamp()) AS BIGINT) AS now FROM fence WHERE id = 1 FOR UPDATE";
/// Wakes the followers of other nodes; and from here on nothing cuts the wait for a standby off, as a time-out would: that
/// would be told as a commit.
const TELL: &str = "SELECT set_config('statement_timeout', '0', true), CAST(pg_notify('jitsuin_status', '') AS TEXT)";
/// The same where there is nothing to tell.
const TELL_NOTHING: &str = "SELECT set_config('statement_timeout', '0', true)";
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// How often a transaction is done again when another came between or the server went away.
const ATTEMPTS: usize = 5;
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// The writer's connection.
pub(super) struct Desk {
    server: Server,
    health: Arc<Health>,
    /// Absent after it failed: the next task opens a new one.
    session: Option<Session>,
    /// The process that serves it, so that its own notifications wake nobody here.
    process: Arc<AtomicI32>,
}

/// Why a batch did not come to be.
enum Failed {
    /// Nothing of it happened, and another attempt may do better.
    Passing(StoreError),
    /// It is as the error says.
    Told(StoreError),
}

impl Desk {
    /// Starts a writer on an opened connection.
    pub(super) fn start(
        server: Server,
        (health, process): (Arc<Health>, Arc<AtomicI32>),
        session: Session,
    ) -> Result<Writer, StoreError> {
        let followed = Tip::read(&session)?.event;
        let measured = (server.options.stopwatch, server.options.queue_wait);
        let mut desk = Self { server, health, session: None, process };
        desk.know(&session)?;
        desk.session = Some(session);
        Writer::start(desk, followed, measured)
    }

    /// Notes which process serves it; what writes is answered soon or not at all.
    fn know(&self, session: &Session) -> Result<(), StoreError> {
        let patience = self.server.options.patience;
        session.wire().be_patient(Some(patience));
        // Who is cut off between two statements does not hold the others up for longer than it takes to find that out.
        session.command(&format!("SET idle_in_transaction_session_timeout = {}", (patience / 3).as_millis()))?;
        let process: i64 = only(session, "SELECT CAST(pg_backend_pid() AS BIGINT)", NONE, |row| row.get(0))?;
        self.process.store(i32::try_from(process).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }

    /// The connection, or a new one; looks for a server for a bounded time.
    fn session(&mut self) -> Result<Session, StoreError> {
        if let Some(session) = self.standing() {
            return Ok(session);
        }
        let watch = self.server.options.stopwatch.unwrap_or(|| Duration::ZERO);
        let (began, tries) = (watch(), self.server.options.reconnect.as_millis() / PAUSE.as_millis());
        for _ in 0..tries {
            match self.connected() {
                Ok(session) => return Ok(session),
                // A standby that is being promoted, a server that is starting, a former primary that is there before the new one.
                Err(PostgresError::Unreachable(_) | PostgresError::ReadOnly | PostgresError::LeftBehind(_))
                    if watch().saturating_sub(began) < self.server.options.reconnect =>
                {
                    thread::sleep(PAUSE);
                }
                Err(failed) => return Err(failed.into()),
            }
        }
        self.connected().map_err(StoreError::from)
    }

    /// The connection, if no later primary was seen since it was made.
    fn standing(&mut self) -> Option<Session> {
        self.session.take().filter(|session| self.server.mark().is_current(session))
    }

    fn connected(&self) -> Result<Session, PostgresError> {
        let session = self.server.connect()?;
        self.know(&session)?;
        Ok(session)
    }

    fn attempt(&mut self, followed: u64, tasks: &[Task]) -> Result<Committed, Failed> {
        let session = self.session().map_err(Failed::Told)?;
        let done = match transact((&self.server, &session), followed, tasks, Care::Hopeful) {
            Err(Halt::HalfDone) => {
                session.command("ROLLBACK").map_err(|failed| Failed::Passing(failed.into()))?;
                transact((&self.server, &session), followed, tasks, Care::Savepoints)
            }
            other => other,
        };
        let passing = |error: StoreError| {
            let passes = session.may_pass() && matches!(error, StoreError::Unavailable(_));
            if passes { Failed::Passing(error) } else { Failed::Told(error) }
        };
        let (committed, (before, tip)) = match done {
            Ok(done) => done,
            Err(Halt::HalfDone) => return Err(Failed::Told(unavailable("a change was not taken back"))),
            Err(Halt::Engine(error)) => return Err(passing(error)),
        };
        match session.commit() {
            Ok(()) => {
                self.acknowledge(before, &tip);
                self.session = Some(session);
                Ok(committed)
            }
            Err(Some(failed)) => Err(passing(failed.into())),
            Err(None) => {
                // Closed first: what it began is then over sooner.
                drop(session);
                match self.has_happened(before, &tip) {
                    Ok(true) => {
                        self.acknowledge(before, &tip);
                        Ok(committed)
                    }
                    Ok(false) => Err(Failed::Passing(unavailable("the connection was lost before the commit"))),
                    Err(error) => Err(Failed::Told(error)),
                }
            }
        }
    }

    /// From now on a server without what was written is one that was left behind. What others wrote is theirs to know.
    fn acknowledge(&self, before: u64, tip: &Tip) {
        if tip.entry != before {
            self.server.mark().note_entry(tip.entry, tip.seal);
        }
    }

    /// Whether the transaction that ended with that entry was committed.
    fn has_happened(&mut self, before: u64, tip: &Tip) -> Result<bool, StoreError> {
        if tip.entry == before {
            // Only indexes were given, and nobody has seen them: as if they were lost.
            return Err(unavailable("the connection was lost at the commit"));
        }
        let unknown = |error: StoreError| {
            let what =
                format!("the connection was lost at the commit, and whether it happened is not known yet: {error}");
            tracing::error!(entry = tip.entry, cause = what, "PostgreSQL");
            unavailable(what)
        };
        let session = self.session().map_err(unknown)?;
        let look = || {
            session.begin(BEGIN, false)?;
            first(&session, HEAD, NONE, |_| Ok(()))?;
            let query = "SELECT 1 FROM audit_entry WHERE position = ?1 AND seal = ?2";
            let position = i64::try_from(tip.entry).unwrap_or(i64::MAX);
            let found = finds(&session, query, params![position, tip.seal])?;
            session.command("ROLLBACK")?;
            Ok::<_, crate::store::sql::Error>(found)
        };
        let found = look().map_err(|error| unknown(error.into()))?;
        self.session = Some(session);
        Ok(found)
    }

    /// Reads on the writer's connection, at one instant.
    fn read<T>(&mut self, work: impl FnOnce(&Session) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // Who only looks asks a server that is away once; who writes, for a while.
        let session = match self.standing() {
            Some(session) => session,
            None => self.connected()?,
        };
        session.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", false)?;
        let value = work(&session)?;
        session.command("COMMIT")?;
        self.session = Some(session);
        Ok(value)
    }
}

/// What a transaction came to, before its commit: what became of each task, and the last entry before and after.
type Done = (Committed, (u64, Tip));

fn transact((server, session): (&Server, &Session), followed: u64, tasks: &[Task], care: Care) -> Result<Done, Halt> {
    let engine = |failed: crate::store::sql::Error| Halt::Engine(failed.into());
    session.begin_ahead(BEGIN, care == Care::Savepoints);
    let now: i64 = only(session, HEAD, NONE, |row| row.get(1)).map_err(engine)?;
    for change in tasks.iter().flat_map(Task::changes) {
        server.check_time(change.audit.at, now).map_err(Halt::Engine)?;
    }
    let batch = Batch::begin(session, followed, care)?;
    let before = batch.tip();
    let (committed, tip) = batch.take(tasks)?;
    let tell = if tip.event == before.event { TELL_NOTHING } else { TELL };
    first(session, tell, NONE, |_| Ok(())).map_err(|failed| Halt::of(session, care, failed.into()))?;
    Ok((committed, (before.entry, tip)))
}

fn unavailable(what: impl Into<String>) -> StoreError {
    StoreError::Unavailable(what.into())
}

impl Bench for Desk {
    fn commit(&mut self, followed: u64, tasks: &[Task]) -> Result<Committed, StoreError> {
        self.health.check()?;
        let mut attempts = 1;
        loop {
            match self.attempt(followed, tasks) {
                Ok(committed) => return Ok(committed),
                Err(Failed::Passing(cause)) if attempts < ATTEMPTS => {
                    tracing::warn!(%cause, attempts, "the transaction is done again");
                    attempts += 1;
                }
                Err(Failed::Passing(error) | Failed::Told(error)) => return Err(self.health.note(error)),
            }
        }
    }

    fn events_after(&mut self, position: u64) -> Result<Vec<StatusEvent>, StoreError> {
        let found = self.read(|sql| read::events_after(sql, position));
        found.map_err(|error| self.health.note(error))
    }

    fn events_chunk(&mut self, after: u64) -> Result<Vec<StatusEvent>, StoreError> {
        let found = self.read(|sql| read::events_chunk(sql, after));
        found.map_err(|error| self.health.note(error))
    }

    /// Takes the lock that every write takes, which a server that does not write refuses.
    fn check(&mut self) -> Result<(), StoreError> {
        self.health.check()?;
        let session = self.session()?;
        session.begin(BEGIN, false)?;
        first(&session, HEAD, NONE, |_| Ok(()))?;
        session.command("COMMIT")?;
        self.session = Some(session);
        Ok(())
    }
}
