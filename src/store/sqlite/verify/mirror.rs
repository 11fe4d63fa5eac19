//! The tables of a store on another engine, row by row as they are, so that one examiner looks at both.
//!
//! # Why
//! Whoever edited that store could take its rules away first. So rows come here without foreign keys, checks and triggers, and what
//! cannot even be put beside the others is told like any finding.

use rusqlite::Connection;

use super::{super::migrations, examine};
use crate::{
    audit::{Examination, Known},
    store::sql::{Engine, Error, NONE, Read, Shelves, all},
};

/// A database that is gone when it is closed.
pub(in crate::store) struct Mirror {
    sql: Connection,
    /// What makes the triggers, which are away while rows come.
    triggers: Vec<String>,
}

impl Mirror {
    /// An empty one.
    ///
    /// # Errors
    /// [`Error`] when there is no room for it.
    pub(in crate::store) fn new() -> Read<Self> {
        // No name: a file without one, of the size of the store, in the directory for temporary files.
        let mut sql = Connection::open("")?;
        sql.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;")?;
        migrations::migrate(&mut sql).map_err(|error| Error::Impossible(format!("the schema: {error}")))?;
        let triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
        let triggers: Vec<(String, String)> = all(&sql, triggers, NONE, |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (name, _) in &triggers {
            sql.execute_batch(&format!("DROP TRIGGER {name}"))?;
        }
        // What the migrations fill comes with the rows too.
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        for table in all::<String>(&sql, tables, NONE, |row| row.get(0))? {
            sql.execute_batch(&format!("DELETE FROM {table}"))?;
        }
        sql.execute_batch("PRAGMA ignore_check_constraints = ON; BEGIN")?;
        Ok(Self { sql, triggers: triggers.into_iter().map(|(_, text)| text).collect() })
    }

    /// Where rows are put.
    pub(in crate::store) fn engine(&self) -> &dyn Engine {
        &self.sql
    }

    /// Examines what came, as [`SqliteStore::examine`](super::SqliteStore::examine) does; long lists lie on that shelf.
    ///
    /// # Errors
    /// [`Error`].
    pub(in crate::store) fn examine(
        self,
        shelf: &dyn Shelves,
        checkpoints: &[Known],
        told: usize,
    ) -> Read<Examination> {
        self.sql.execute_batch("COMMIT")?;
        for trigger in &self.triggers {
            self.sql.execute_batch(trigger)?;
        }
        examine((&self.sql, shelf), checkpoints, told)
    }
}
