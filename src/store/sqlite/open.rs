//! Where the database is, who may write it, and how a connection is set up.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{
    error::store_error,
    migrations::{self, NEWEST},
};
use crate::{
    limits::{LIST_PAGE, LOCK_GLANCE, LOCK_WAIT, LONG_LIST_OCTETS, QUEUE_WAIT},
    ports::StoreError,
    store::{files::Shelf, sql::Stopwatch},
};

/// The lock is asked for this often, this far apart, before it counts as held: a predecessor may just be ending, or a
/// process that it started may not yet have become another program.
const LOCK_ATTEMPTS: usize = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// How a database is opened.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// How long to wait for a lock that another program holds; the writer no more than [`LOCK_GLANCE`]
    /// once it has failed, until it has written again.
    pub busy_timeout: Duration,
    /// How long a change waits behind a transaction that takes as long, before it is taken back: nothing of it was begun.
    pub queue_wait: Duration,
    /// Pages of 4096 octets beyond which the database does not grow; none: as far as the disk reaches.
    pub max_pages: Option<u32>,
    /// Octets from which on a list lies in a file of its own.
    pub long_list: u64,
    /// Rows that are read at one instant for a list.
    pub list_page: usize,
    /// A watch to measure the writer's queue by; none: nobody is said to wait.
    pub stopwatch: Option<Stopwatch>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: LOCK_WAIT,
            queue_wait: QUEUE_WAIT,
            max_pages: None,
            long_list: LONG_LIST_OCTETS,
            list_page: LIST_PAGE,
            stopwatch: None,
        }
    }
}

/// Why a database was not opened. It is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, writes it.
    #[error("another jitsuin holds this database ({0} is locked)")]
    Held(PathBuf),
    /// A later version of this program has written it.
    #[error("the database has schema {found}, this program knows schemas up to {known}: use the newer program")]
    Newer {
        /// The schema of the database.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// Opened for reading only, and its schema is older than this program's: open it for writing once.
    #[error(
        "the database has schema {found}, this program reads schema {known}: start the service once, which brings it up to date"
    )]
    Older {
        /// The schema of the database.
        found: i64,
        /// The schema that this program reads.
        known: i64,
    },
    /// The file is the database of another program.
    #[error("the file is not a database of jitsuin")]
    Foreign,
    /// The files cannot be made or read.
    #[error("the database files cannot be used: {0}")]
    Files(#[from] std::io::Error),
    /// The engine said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(store_error(error))
    }
}

/// A database file and how to open it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
    options: SqliteOptions,
}

impl Place {
    pub(super) fn new(path: &Path, options: SqliteOptions) -> Self {
        Self { path: path.to_owned(), options }
    }

    /// Where its long lists are.
    pub(super) fn shelf(&self) -> Shelf {
        Shelf::beside(&self.path)
    }

    /// The watch to measure the writer's queue by.
    pub(super) fn stopwatch(&self) -> Option<Stopwatch> {
        self.options.stopwatch
    }

    /// How long a change waits behind a transaction that hangs.
    pub(super) fn queue_wait(&self) -> Duration {
        self.options.queue_wait
    }

    /// How long the writer waits for a lock, by whether it has failed since it last wrote.
    pub(super) fn lock_wait(&self, failed: bool) -> Duration {
        if failed { self.options.busy_timeout.min(LOCK_GLANCE) } else { self.options.busy_timeout }
    }

    /// Takes the advisory lock of the one writer, `…​.lock` beside the database, for as long as the file is open.
    pub(super) fn lock(&self) -> Result<File, OpenError> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file = private(&path)?;
        for _ in 0..LOCK_ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(OpenError::Files(error)),
            }
        }
        Err(OpenError::Held(path))
    }

    /// Opens for writing, makes the database where there is none, and brings its schema up to date.
    pub(super) fn open_to_write(&self) -> Result<Connection, OpenError> {
        // SQLite gives its companion files the mode of the database.
        drop(private(&self.path)?);
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrations::version(&connection)?;
        self.configure_to_write(&connection)?;
        migrations::migrate(&mut connection)?;
        Ok(connection)
    }

    /// Opens for writing again.
    pub(super) fn connect_to_write(&self) -> Result<Connection, StoreError> {
        let connect = || {
            let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            self.configure_to_write(&connection)?;
            Ok(connection)
        };
        connect().map_err(store_error)
    }

    /// Opens for reading and checks that the schema is the one this program reads.
    pub(super) fn open_to_read(&self) -> Result<Connection, OpenError> {
        let connection = self.connect_to_read()?;
        match migrations::version(&connection)? {
            NEWEST => Ok(connection),
            found => Err(OpenError::Older { found, known: NEWEST }),
        }
    }

    /// Opens for reading.
    pub(super) fn connect_to_read(&self) -> Result<Connection, StoreError> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(store_error)
    }

    fn connect(&self, mode: OpenFlags) -> rusqlite::Result<Connection> {
        // NO_MUTEX: a connection is with one thread at a time, which the types see to.
        let connection = Connection::open_with_flags(&self.path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(self.options.busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
        Ok(connection)
    }

    fn configure_to_write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
                Some("the file system does not allow a write-ahead log".to_owned()),
            ));
        }
        // FULL: a commit returns when the log is on the disk. The log is cut back to 64 MiB after a checkpoint, which comes with
        // 16 MiB: pages that many changes share are copied once for four times as many, and a start reads such a log in a
        // moment. Secure: what is deleted is overwritten, in free pages too. 64 MiB of pages: indexes by key and serial are hit at random.
        connection.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON;
             PRAGMA secure_delete = ON;
             PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size = -65536;",
        )?;
        if let Some(pages) = self.options.max_pages {
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// Opens or makes a file that only its owner reads: it tells who holds what.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
