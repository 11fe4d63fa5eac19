//! The reading side: connections that each read at one instant.

use std::sync::Arc;

use super::{error::PostgresError, server::Server, session::Session};
use crate::{
    ports::StoreError,
    store::sql::{Engine, Error, Health, NONE, Pool, Read, finds, only},
    x509::UnixTime,
};

/// What a reading begins with: every statement of it sees one instant.
const AT_ONE_INSTANT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Whether a standby is needed for every write and none is there.
const ALONE: &str = "SELECT 1 FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting <> ''
    AND NOT EXISTS (SELECT 1 FROM pg_stat_replication)";

/// The reading side.
pub(super) struct Readers {
    server: Server,
    health: Arc<Health>,
    pool: Pool<Session>,
}

impl Readers {
    pub(super) fn new(server: Server, health: Arc<Health>) -> Self {
        Self { pool: Pool::new(server.options.connections), server, health }
    }

    /// Whether the store is fit to be written.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Reads at one instant of the store.
    pub(super) fn read<T>(&self, query: impl FnOnce(&dyn Engine) -> Read<T>) -> Result<T, StoreError> {
        let mut lent = self.pool.lend();
        let session = self.begun(lent.connection.take())?;
        let value = query(&session).and_then(|value| session.command("COMMIT").map(|()| value));
        let value = value.map_err(|failed: Error| self.health.note(failed.into()))?;
        lent.connection = Some(session);
        Ok(value)
    }

    /// The same of work whose statements take as long as they do.
    pub(super) fn read_unhurried<T>(&self, query: impl FnOnce(&dyn Engine) -> Read<T>) -> Result<T, StoreError> {
        let session = self.server.unhurried().connect()?;
        session.begin(AT_ONE_INSTANT, false)?;
        query(&session).map_err(|failed: Error| self.health.note(failed.into()))
    }

    /// Whether a time is near the server's.
    pub(super) fn check_time(&self, at: UnixTime) -> Result<(), StoreError> {
        let there = "SELECT CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)";
        let there: i64 = self.read(|sql| only(sql, there, NONE, |row| row.get(0)))?;
        self.server.check_time(at, there)
    }

    /// Refuses a primary that its standbys have left.
    pub(super) fn vouch(&self) -> Result<(), StoreError> {
        let mut lent = self.pool.lend();
        let session = self.begun(lent.connection.take())?;
        // An engine without timelines has no standbys either.
        let is_left = match session.lineage() {
            Some(_) => finds(&session, ALONE, NONE).map_err(|failed: Error| self.health.note(failed.into()))?,
            None => false,
        };
        session.command("COMMIT")?;
        lent.connection = Some(session);
        let cause =
            "the primary waits for a standby and has none: it may have been left behind, and nothing is written there";
        if is_left { Err(StoreError::Unavailable(cause.to_owned())) } else { Ok(()) }
    }

    /// Writes what no row speaks of yet, beside the writer.
    pub(super) fn write(&self, work: impl FnOnce(&dyn Engine) -> Read<()>) -> Result<(), StoreError> {
        let mut lent = self.pool.lend();
        let session = self.current(lent.connection.take()).map_or_else(|| self.server.connect(), Ok)?;
        session.begin("BEGIN", false)?;
        work(&session)?;
        session.command("COMMIT")?;
        lent.connection = Some(session);
        Ok(())
    }

    /// A connection within a reading. One that nobody used for a while may be of a server that is gone: then there is another.
    fn begun(&self, idle: Option<Session>) -> Result<Session, PostgresError> {
        if let Some(session) = self.current(idle) {
            if session.begin(AT_ONE_INSTANT, false).is_ok() {
                return Ok(session);
            }
            self.pool.clear();
        }
        let session = self.server.connect()?;
        session.begin(AT_ONE_INSTANT, false).map_err(StoreError::from)?;
        Ok(session)
    }

    /// A connection, if no later primary was seen since it was made.
    fn current(&self, idle: Option<Session>) -> Option<Session> {
        idle.filter(|session| self.server.mark().is_current(session))
    }
}
