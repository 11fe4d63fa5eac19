//! The store on SQLite: write-ahead log, one writer that commits waiting changes together, readers beside it.
//!
//! | file | what lives there |
//! |---|---|
//! | `open` | where the database is, the lock of the one writer, how connections are set up |
//! | `migrations` and `migrations/*.sql` | the schema; an auditor begins here |
//! | `engine`, `error` | SQLite as the engine of the shared statements (`store::sql`) |
//! | `desk`, `readers` | the connection that writes; those that read |
//! | `shelf` | long lists, in files beside the database |
//! | `copy` | a copy of it, for a backup |
//! | `verify` | the tables, held against the audit |
//!
//! # Why
//! One fsync costs as much as a thousand rows, so changes that wait share it. One writer makes «serial» true by
//! construction, and an exclusive lock beside the file makes it true across processes. Readers see a snapshot each and
//! never wait for the writer.

mod copy;
mod desk;
mod engine;
mod error;
mod migrations;
mod open;
mod readers;

mod verify;

#[cfg(test)]
mod tests;

use std::{fs::File, path::Path, sync::Arc};

pub(super) use self::verify::Mirror;
pub use self::{
    copy::LongList,
    open::{OpenError, SqliteOptions},
};
use self::{desk::Desk, open::Place, readers::Readers};
use super::{
    files::Shelf,
    sql::{Base, Engine, Health, Read, Shelves, Writer},
};
use crate::{
    limits::LIST_PAGE,
    ports::{ListDraft, MemoryDraft, StoreError},
};

/// A [`Store`](crate::ports::Store) in one SQLite file, with `…-wal`, `…-shm` and `….lock` beside it, and long lists in `….crl/`.
pub struct SqliteStore {
    place: Place,
    readers: Readers,
    shelf: Shelf,
    /// Octets from which on a list goes there.
    long_list: u64,
    /// Rows that are read at a time for a list.
    list_page: usize,
    /// Absent when opened for reading only. Declared before the lock: it ends first.
    writer: Option<Writer>,
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the database at `path` for reading and writing, makes it where there is none, brings an older one up to
    /// date, and holds the lock of the one writer until dropped.
    ///
    /// # Errors
    /// [`OpenError`]; the database is then as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(path, SqliteOptions::default())
    }

    /// As [`Self::open`], with bounds other than the usual ones.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let place = Place::new(path, options);
        let lock = place.lock()?;
        let connection = place.open_to_write()?;
        let shelf = place.shelf();
        shelf.sweep()?;
        let health = Arc::new(Health::default());
        let writer = Desk::start(place.clone(), Arc::clone(&health), connection)?;
        Ok(Self {
            readers: Readers::new(place.clone(), health),
            place,
            shelf,
            long_list: options.long_list,
            list_page: options.list_page,
            writer: Some(writer),
            _lock: Some(lock),
        })
    }

    /// Opens the database at `path` for reading only, whoever writes it meanwhile. Writing and following are
    /// [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// [`OpenError`], also when there is no database.
    pub fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        let place = Place::new(path, SqliteOptions::default());
        drop(place.open_to_read()?);
        let shelf = place.shelf();
        let readers = Readers::new(place.clone(), Arc::default());
        Ok(Self { place, readers, shelf, long_list: 0, list_page: LIST_PAGE, writer: None, _lock: None })
    }

    /// Takes what was deleted out of the journal too: everything in it goes into the database, and it is empty. With `compact` the
    /// whole database is written anew, which also takes out what was deleted before schema 13.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where somebody reads meanwhile, or there is no room.
    pub fn empty_journal(&self, compact: bool) -> Result<(), StoreError> {
        let sql = self.place.connect_to_write()?;
        let work = || {
            if compact {
                sql.execute_batch("VACUUM")?;
            }
            sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))
        };
        match work().map_err(error::store_error)? {
            false => Ok(()),
            true => Err(StoreError::Unavailable("somebody reads the database: its journal was not emptied".to_owned())),
        }
    }
}

impl Base for SqliteStore {
    fn read<T>(&self, query: impl FnOnce(&dyn Engine) -> Read<T>) -> Result<T, StoreError> {
        self.readers.read(query)
    }

    fn writer(&self) -> Option<&Writer> {
        self.writer.as_ref()
    }

    fn health(&self) -> &Health {
        self.readers.health()
    }

    fn shelves(&self) -> &dyn Shelves {
        &self.shelf
    }

    fn draft(&self, octets: u64) -> Result<Box<dyn ListDraft>, StoreError> {
        if octets < self.long_list { Ok(Box::<MemoryDraft>::default()) } else { self.shelf.draft() }
    }

    fn list_page(&self) -> usize {
        self.list_page
    }
}
