//! The connection that writes: opened again after it failed, and looked after.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, TransactionBehavior};

use super::{error::store_error, open::Place};
use crate::{
    ports::{StatusEvent, StoreError},
    store::sql::{Batch, Bench, Care, Committed, Halt, Health, Task, Tip, Writer, read},
};

/// The writer's connection.
pub(super) struct Desk {
    place: Place,
    health: Arc<Health>,
    /// Absent after the engine failed: the next task opens a new one.
    connection: Option<Connection>,
    /// Whether the engine has failed since the last write that it did.
    failed: bool,
}

impl Desk {
    /// Starts a writer on an opened connection.
    pub(super) fn start(place: Place, health: Arc<Health>, connection: Connection) -> Result<Writer, StoreError> {
        let followed = Tip::read(&connection)?.event;
        let measured = (place.stopwatch(), place.queue_wait());
        Writer::start(Self { place, health, connection: Some(connection), failed: false }, followed, measured)
    }

    /// Works on the connection, opening one if the last failed; after a failure it is dropped with its transaction.
    fn with_connection<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.health.check()?;
        // Who has found the door locked does not wait before it a second time, nor do those behind.
        let patience = self.place.lock_wait(self.failed);
        self.attempt(patience, work).map_err(|error| {
            self.failed = true;
            self.health.note(error)
        })
    }

    fn attempt<T>(
        &mut self,
        patience: Duration,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.take().map_or_else(|| self.place.connect_to_write(), Ok)?;
        connection.busy_timeout(patience).map_err(store_error)?;
        let value = work(&mut connection)?;
        self.connection = Some(connection);
        Ok(value)
    }
}

impl Bench for Desk {
    fn commit(&mut self, followed: u64, tasks: &[Task]) -> Result<Committed, StoreError> {
        let committed = self.with_connection(|sql| commit(sql, followed, tasks))?;
        self.failed = false;
        Ok(committed)
    }

    fn events_after(&mut self, position: u64) -> Result<Vec<StatusEvent>, StoreError> {
        self.with_connection(|sql| read::events_after(sql, position))
    }

    fn events_chunk(&mut self, after: u64) -> Result<Vec<StatusEvent>, StoreError> {
        self.with_connection(|sql| read::events_chunk(sql, after))
    }

    /// Takes the write lock; after a failure also writes and takes back, so that readiness returns by itself.
    fn check(&mut self) -> Result<(), StoreError> {
        let failed = self.failed;
        self.with_connection(|sql| {
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

/// Does a batch of changes and allocations, and commits.
///
/// # Why
/// A savepoint makes SQLite copy every page that a change touches, in case the change is taken back. Almost none is: stories
/// decide by what they read, and are refused only where another came between. So a batch is done without savepoints first, and
/// if a change is refused after it has written something, everything is taken back and done again, each change behind its own.
///
/// # Errors
/// When the engine fails; then nothing of the batch is to be taken as done.
pub(super) fn commit(sql: &mut Connection, followed: u64, tasks: &[Task]) -> Result<Committed, StoreError> {
    match attempt(sql, followed, tasks, Care::Hopeful) {
        Err(Halt::HalfDone) => {}
        Err(Halt::Engine(failed)) => return Err(failed),
        Ok(committed) => return Ok(committed),
    }
    attempt(sql, followed, tasks, Care::Savepoints).map_err(|halt| match halt {
        Halt::Engine(failed) => failed,
        Halt::HalfDone => StoreError::Unavailable("a change was not taken back".to_owned()),
    })
}

fn attempt(sql: &mut Connection, followed: u64, tasks: &[Task], care: Care) -> Result<Committed, Halt> {
    let transaction = sql.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
    let (committed, _) = Batch::begin(&*transaction, followed, care)?.take(tasks)?;
    transaction.commit().map_err(store_error)?;
    Ok(committed)
}
