//! The store on PostgreSQL: several nodes write one database, each with one writer that commits waiting changes together.
//!
//! | file | what lives there |
//! |---|---|
//! | `server`, `hosts`, `mark` | where the servers are and how a connection is set up; which one is the primary; which one was left behind |
//! | `wire`, `session` | a connection that is given up when it is silent; one as the engine of `store::sql` |
//! | `dialect`, `error` | what PostgreSQL says otherwise; its errors in the words of the store |
//! | `migrations` and `migrations/*.sql` | the schema; an auditor begins here |
//! | `desk` | the connection that writes, and what became of a commit without an answer |
//! | `readers` | connections that read |
//! | `following` | the events of other nodes |
//! | `shelf` | long lists, in pieces |
//! | `transfer` | a SQLite store taken over |
//! | `examination` | the tables held against the audit |
//!
//! # Why
//! Nodes line up before one row, so changes are serial across them as SQLite's file lock makes them on one machine, and the chain
//! of entries is one. A node that stands still holds that row no longer than the server waits for a statement of it; a server
//! that is no primary any more takes no writes, and one that was left behind by a promotion is not used (`mark`). The fence goes on telling restored copies apart; it keeps no node out.

mod bound;
mod desk;
mod dialect;
mod error;
mod examination;
mod following;
mod hosts;
mod mark;
mod migrations;
mod readers;
mod server;
mod session;
mod shelf;
mod transfer;
mod wire;

use std::sync::{Arc, atomic::AtomicI32};

use ring::rand::{SecureRandom, SystemRandom};

use self::{
    desk::Desk,
    readers::Readers,
    server::{Server, WRITER},
    shelf::{Draft, Shelf},
};
pub use self::{error::PostgresError, server::PostgresOptions, transfer::Taken};
use super::{
    SqliteStore, files,
    sql::{Base, Engine, Health, NONE, Read, Shelves, Writer, all, first},
};
use crate::{
    ports::{ListDraft, MemoryDraft, StoreError},
    x509::{UnixTime, hex},
};

/// A [`Store`](crate::ports::Store) in a PostgreSQL database, which other nodes may use beside this one.
pub struct PostgresStore {
    readers: Arc<Readers>,
    shelf: Shelf,
    /// Where lists are drafted.
    drafts: files::Shelf,
    long_list: u64,
    list_page: usize,
    writer: Option<Writer>,
}

impl PostgresStore {
    /// Opens the database of a connection string for reading and writing.
    ///
    /// # Errors
    /// [`PostgresError`]; the database is then as it was.
    pub fn open(connection: &str, options: PostgresOptions) -> Result<Self, PostgresError> {
        let server = Server::new(connection, options)?;
        let session = server.connect()?;
        server.check(&session)?;
        migrations::check(&session)?;
        let (health, own) = (Arc::<Health>::default(), Arc::<AtomicI32>::default());
        let writer = Desk::start(server.clone(), (Arc::clone(&health), Arc::clone(&own)), session)?;
        following::start(server.clone(), own, writer.nudge())?;
        Ok(Self::assemble(server, health, Some(writer)))
    }

    /// Opens the database for reading only. Writing and following are [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// [`PostgresError`].
    pub fn open_read_only(connection: &str, options: PostgresOptions) -> Result<Self, PostgresError> {
        let server = Server::new(connection, options.reading())?;
        let session = server.connect()?;
        server.check(&session)?;
        migrations::check(&session)?;
        Ok(Self::assemble(server, Arc::default(), None))
    }

    /// Where others that may write are connected from. None: no node runs that can certify, as far as the server can tell; it may take
    /// a node that lost its way for one that is there, until it gives that connection up.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub fn others(connection: &str, options: PostgresOptions) -> Result<Vec<String>, PostgresError> {
        let session = Server::new(connection, options.reading())?.connect()?;
        let others = "SELECT DISTINCT coalesce(host(client_addr), 'the server''s own machine') FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = ?1 ORDER BY 1";
        Ok(all(&session, others, [WRITER], |row| row.get(0)).map_err(StoreError::from)?)
    }

    /// Gives the room of rows that were deleted back to their tables, or writes every table anew, for which nobody may read it.
    ///
    /// # Errors
    /// [`PostgresError`]; what was deleted stays deleted.
    pub fn vacuum(connection: &str, options: PostgresOptions, anew: bool) -> Result<(), PostgresError> {
        let session = Server::new(connection, options)?.unhurried().connect()?;
        let command = if anew { "VACUUM FULL" } else { "VACUUM" };
        Ok(transfer::tables()
            .try_for_each(|table| session.command(&format!("{command} {table}")))
            .map_err(StoreError::from)?)
    }

    /// Makes the schema in an empty database, or brings an older one up to date; whether there was anything to do.
    ///
    /// # Errors
    /// [`PostgresError`]; the database is then as it was.
    pub fn migrate(connection: &str, options: PostgresOptions) -> Result<bool, PostgresError> {
        migrations::migrate(&Server::new(connection, options)?.unhurried())
    }

    /// Takes a SQLite store over into an empty database that has the schema: all of it, at one instant, held against what was read.
    ///
    /// # Errors
    /// [`PostgresError`]; the database is then as it was.
    pub fn take_over(
        connection: &str,
        options: PostgresOptions,
        from: &SqliteStore,
    ) -> Result<Vec<Taken>, PostgresError> {
        let server = Server::new(connection, options)?.unhurried();
        let session = server.connect()?;
        server.check(&session)?;
        migrations::check(&session)?;
        let run = |command: &str| session.command(command).map_err(StoreError::from);
        run("BEGIN")?;
        run("SELECT value FROM fence WHERE id = 1 FOR UPDATE")?;
        let entry = first(&session, "SELECT 1 FROM audit_entry LIMIT 1", NONE, |_| Ok(())).map_err(StoreError::from)?;
        if entry.is_some() {
            return Err(PostgresError::InUse);
        }
        let taken = Base::read(from, |sql| transfer::transfer(sql, (&session, from.shelves())))?;
        run("COMMIT")?;
        Ok(taken)
    }

    /// Whether a connection string can be one, and that it has no password in it.
    ///
    /// # Errors
    /// [`PostgresError::Setting`].
    pub fn check_connection(connection: &str) -> Result<(), PostgresError> {
        server::check_connection(connection)
    }

    fn assemble(server: Server, health: Arc<Health>, writer: Option<Writer>) -> Self {
        let options = server.options.clone();
        // A name of its own: several stores may have one spool.
        let mut name = [0; 8];
        let _same_name_is_refused_when_it_is_written = SystemRandom::new().fill(&mut name);
        let drafts = files::Shelf::beside(&options.spool.join(format!("jitsuin-{}", hex(&name))));
        let readers = Arc::new(Readers::new(server, health));
        let shelf = Shelf(Arc::clone(&readers));
        Self { readers, shelf, drafts, long_list: options.long_list, list_page: options.list_page, writer }
    }
}

impl Base for PostgresStore {
    fn read<T>(&self, query: impl FnOnce(&dyn Engine) -> Read<T>) -> Result<T, StoreError> {
        self.readers.read(query)
    }

    fn vouch(&self) -> Result<(), StoreError> {
        self.readers.vouch()
    }

    fn check_time(&self, now: UnixTime) -> Result<(), StoreError> {
        self.readers.check_time(now)
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
        if octets < self.long_list {
            return Ok(Box::<MemoryDraft>::default());
        }
        Ok(Box::new(Draft { file: self.drafts.draft()?, shelf: self.shelf.clone() }))
    }

    fn list_page(&self) -> usize {
        self.list_page
    }
}
