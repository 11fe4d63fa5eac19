//! The reading side: a few read-only connections.

use std::sync::Arc;

use rusqlite::Connection;

use super::{error::error, open::Place};
use crate::{
    ports::StoreError,
    store::sql::{Engine, Health, Pool, Read},
};

/// Connections that read at a time. Reading takes well under a millisecond but for lists, of which few are read at a time, so
/// more would only take turns on the cores. Opening one costs as much as fifty readings: it reads the schema and has every
/// statement prepared anew.
const CONNECTIONS: usize = 32;

/// The reading side.
pub(super) struct Readers {
    place: Place,
    health: Arc<Health>,
    pool: Pool<Connection>,
}

impl Readers {
    pub(super) fn new(place: Place, health: Arc<Health>) -> Self {
        Self { place, health, pool: Pool::new(CONNECTIONS) }
    }

    /// Whether the store is fit to be written.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Reads at one instant of the store.
    pub(super) fn read<T>(&self, query: impl FnOnce(&dyn Engine) -> Read<T>) -> Result<T, StoreError> {
        self.read_here(|sql| query(sql))
    }

    /// The same, with what only SQLite has.
    pub(super) fn read_here<T>(&self, query: impl FnOnce(&Connection) -> Read<T>) -> Result<T, StoreError> {
        let mut lent = self.pool.lend();
        let connection = lent.connection.take().map_or_else(|| self.place.connect_to_read(), Ok)?;
        let run = |sql: &Connection, command| sql.prepare_cached(command)?.execute([]);
        let at_one_instant = |sql: &Connection| {
            run(sql, "BEGIN").map_err(error)?;
            let value = query(sql)?;
            run(sql, "COMMIT").map_err(error)?;
            Ok(value)
        };
        let value =
            at_one_instant(&connection).map_err(|failed: crate::store::sql::Error| self.health.note(failed.into()))?;
        lent.connection = Some(connection);
        Ok(value)
    }
}
