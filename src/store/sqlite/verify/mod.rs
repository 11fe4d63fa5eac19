//! Holding the tables against the audit: every edit that did not go through the writer is named.
//!
//! | file | what it looks at |
//! |---|---|
//! | `schema` | the tables, indexes and triggers are those of the migrations; SQLite's own check |
//! | `chain` | the entries follow each other, and the checkpoints; takes the last item of every row |
//! | `mirror` | a store of another engine, brought here to be looked at |
//! | `tables` | every row is what its last item says, and none is missing |
//! | `derived` | what follows from other rows does: counts, links, newest numbers |
//!
//! All of it is of one instant, row by row, in memory that does not grow with the store: the last items lie in a database of their
//! own, which SQLite keeps in a file without a name. A row that cannot be read is a finding like any other.

mod chain;
mod derived;
mod mirror;
mod schema;
mod scratch;
mod tables;

use rusqlite::Connection;

pub(in crate::store) use self::mirror::Mirror;
use self::scratch::Scratch;
use super::SqliteStore;
use crate::{
    audit::{Examination, Known, Of},
    ports::StoreError,
    store::sql::{Read, Shelves},
};

/// An examination under way.
struct Examiner<'a> {
    sql: &'a Connection,
    shelf: &'a dyn Shelves,
    scratch: Scratch,
    found: Examination,
    /// Whether every entry tells what it wrote: then a row that none did is one too many.
    is_covered: bool,
    /// Restores, in order.
    leaps: Vec<Leap>,
    /// The last entry that wrote a row of the table before this one.
    newest: u64,
}

/// What an entry says that a restore set.
struct Leap {
    entry: u64,
    fence: u64,
    indexes: Of,
    floors: Of,
}

impl SqliteStore {
    /// Holds the store against its audit, and the audit against checkpoints, which are in order of entry. At most `told` findings
    /// are told one by one. Whoever writes meanwhile is not disturbed, but the write-ahead log grows as long as it takes.
    ///
    /// # Errors
    /// [`StoreError`] when the engine cannot read; what is read and wrong is a finding.
    pub fn examine(&self, checkpoints: &[Known], told: usize) -> Result<Examination, StoreError> {
        self.readers.read_here(|sql| examine((sql, &self.shelf), checkpoints, told))
    }
}

/// Examines the tables of a connection, whose long lists lie on that shelf.
fn examine((sql, shelf): (&Connection, &dyn Shelves), checkpoints: &[Known], told: usize) -> Read<Examination> {
    let mut examiner = Examiner {
        sql,
        shelf,
        scratch: Scratch::new()?,
        found: Examination::telling(told),
        is_covered: true,
        leaps: Vec::new(),
        newest: 0,
    };
    examiner.schema()?;
    examiner.chain(checkpoints)?;
    examiner.tables()?;
    examiner.derived()?;
    Ok(examiner.found)
}
