//! A copy of the database, as of one instant, beside whoever writes it.
//!
//! # Why `VACUUM INTO`
//! It reads at one instant, as every reader, and the writer goes on; nothing begins anew when something is written, as the steps
//! of SQLite's backup interface do. It reads row by row and so leaves out what was deleted and still lies in the file: a backup is
//! no way around erasure. Meanwhile the log is not cut back: it grows by what is written during the copy.

use std::path::{Path, PathBuf};

use rusqlite::OptionalExtension;

use super::{
    SqliteStore,
    error::{error, store_error},
};
use crate::{
    ports::StoreError,
    store::sql::{NONE, all, rows},
};

/// A list in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongList {
    /// Where it lies.
    pub path: PathBuf,
    /// Its SHA-256.
    pub digest: [u8; 32],
    /// How long it is.
    pub octets: u64,
}

impl SqliteStore {
    /// Copies the database, as of one instant, to a file that does not exist. Its long lists are left where they are. The copy is
    /// not forced to the disk.
    ///
    /// # Errors
    /// [`StoreError`]; then the file may be there in part.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let text = path.to_str().ok_or_else(|| StoreError::Unavailable("the path is no text".into()))?;
        // On a connection of its own: it takes as long as it takes, and cannot be within a transaction.
        let connection = self.place.connect_to_read()?;
        connection.execute("VACUUM INTO ?1", [text]).map(drop).map_err(store_error)
    }

    /// Octets of the database, without its log.
    ///
    /// # Errors
    /// As for all reading.
    pub fn octets(&self) -> Result<u64, StoreError> {
        self.readers.read_here(|sql| {
            let pragma =
                |name: &str| sql.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).map_err(error);
            rows::unsigned(pragma("page_count")?.saturating_mul(pragma("page_size")?))
        })
    }

    /// Every list that lies in a file of its own, oldest first.
    ///
    /// # Errors
    /// As for all reading.
    pub fn long_lists(&self) -> Result<Vec<LongList>, StoreError> {
        let query = "SELECT digest, octets FROM crl WHERE digest IS NOT NULL ORDER BY id";
        self.readers.read(|sql| {
            all(sql, query, NONE, |row| {
                let digest = row.get(0)?;
                Ok(LongList { path: self.shelf.path(&digest), digest, octets: rows::unsigned(row.get(1)?)? })
            })
        })
    }

    /// Reads every page, index and row, and holds them against the schema.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what does not fit; as for all reading.
    pub fn check_whole(&self) -> Result<(), StoreError> {
        let connection = self.place.connect_to_read()?;
        let said: String =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(store_error)?;
        if said != "ok" {
            return Err(StoreError::Corrupt(said));
        }
        let orphan: Option<String> =
            connection.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).optional().map_err(store_error)?;
        orphan.map_or(Ok(()), |table| Err(StoreError::Corrupt(format!("a row of {table} refers to none"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{self, Draft, GENESIS},
        ports::{Change, Step, Store},
        x509::UnixTime,
    };

    fn write(store: &SqliteStore, number: i64) {
        let at = UnixTime::from_seconds(1_800_000_000 + number).unwrap();
        let word = String::new;
        let audit = Draft { at, actor: word(), action: word(), subject: word(), detail: "x".repeat(500) };
        let steps = vec![Step::Municipality("13115".parse().unwrap())];
        store.commit(Change { steps, audit }).unwrap();
    }

    #[test]
    fn a_copy_beside_a_writer_is_of_one_instant_and_misses_nothing_that_was_acknowledged() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("jitsuin.db");
        let store = SqliteStore::open(&path).unwrap();
        (0..300).for_each(|number| write(&store, number));
        let reading = SqliteStore::open_read_only(&path).unwrap();
        let copy = dir.path().join("copy.db");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (300..600).for_each(|number| write(&store, number)));
            reading.copy_to(&copy).unwrap();
            writer.join().unwrap();
        });
        let copied = SqliteStore::open_read_only(&copy).unwrap();
        copied.check_whole().unwrap();
        let entries = copied.audit_after(0, 1000).unwrap();
        let (last, _) = audit::follow(&entries, 0, GENESIS).unwrap();
        assert!((300..=600).contains(&last), "{last}");
        assert_eq!(copied.octets().unwrap(), std::fs::metadata(&copy).unwrap().len());
    }

    #[test]
    fn what_was_deleted_is_not_in_the_copy() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("jitsuin.db");
        let store = SqliteStore::open(&path).unwrap();
        let forget = "an address that was erased";
        let sql = rusqlite::Connection::open(&path).unwrap();
        sql.pragma_update(None, "secure_delete", false).unwrap();
        sql.execute("INSERT INTO probe (octets) VALUES (?1)", [forget.as_bytes()]).unwrap();
        sql.execute("DELETE FROM probe", []).unwrap();
        sql.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let holds =
            |path: &Path| std::fs::read(path).unwrap().windows(forget.len()).any(|part| part == forget.as_bytes());
        assert!(holds(&path), "the test shows nothing");
        let copy = dir.path().join("copy.db");
        store.copy_to(&copy).unwrap();
        assert!(!holds(&copy));
    }

    #[test]
    fn nothing_is_copied_over_what_is_there() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(&dir.path().join("jitsuin.db")).unwrap();
        let copy = dir.path().join("copy.db");
        std::fs::write(&copy, b"something else").unwrap();
        assert!(store.copy_to(&copy).is_err());
        assert_eq!(std::fs::read(&copy).unwrap(), b"something else");
    }

    #[test]
    fn a_page_that_was_changed_is_found() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("jitsuin.db");
        let store = SqliteStore::open(&path).unwrap();
        (0..50).for_each(|number| write(&store, number));
        let copy = dir.path().join("copy.db");
        store.copy_to(&copy).unwrap();
        let sql = rusqlite::Connection::open(&copy).unwrap();
        sql.pragma_update(None, "foreign_keys", false).unwrap();
        sql.execute("INSERT INTO card (number, holder, issue_day, application_day, last_day, void, face_authentication) VALUES ('C', 'nobody', '2026-01-15', '2026-01-15', '2036-02-17', 0, 0)", []).unwrap();
        drop(sql);
        let copied = SqliteStore::open_read_only(&copy).unwrap();
        assert!(matches!(copied.check_whole(), Err(StoreError::Corrupt(told)) if told.contains("card")));
    }
}
