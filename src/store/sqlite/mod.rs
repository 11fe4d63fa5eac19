//! The store on SQLite: write-ahead log, one writer that commits waiting changes together, readers beside it.
//!
//! | file | what lives there |
//! |---|---|
//! | `open` | where the database is, the lock of the one writer, how connections are set up |
//! | `migrations` and `migrations/*.sql` | the schema; an auditor begins here |
//! | `writer`, `queue`, `batch` | the writer's thread; its queue, measured; one of its transactions |
//! | `steps`, `certificates`, `ledger`, `consents`, `register`, `applications`, `registration` | each step of a change |
//! | `blinding` | the random octets that hide from the audit what rows say |
//! | `retention` | what is kept of one person, and its erasure |
//! | `counts` | how many certificates are in each state |
//! | `read`, `rows` | the queries; rows to records |
//! | `shelf` | long lists, in files beside the database |
//! | `copy` | a copy of it, for a backup |
//! | `verify` | the tables, held against the audit |
//!
//! # Why
//! One fsync costs as much as a thousand rows, so changes that wait share it. One writer makes «serial» true by
//! construction, and an exclusive lock beside the file makes it true across processes. Readers see a snapshot each and
//! never wait for the writer.

mod applications;
mod batch;
mod blinding;
mod certificates;
mod consents;
mod copy;
mod counts;
mod error;
mod ledger;
mod listed;
mod migrations;
mod numbering;
mod open;
mod queue;
mod read;
mod register;
mod registration;
mod retention;
mod rows;
mod shelf;
mod steps;
mod verify;
mod writer;

use std::{fs::File, ops::Range, path::Path, sync::Arc, time::Duration};

use rusqlite::params;

use self::{
    blinding::with_written,
    listed::Wanted,
    open::{Health, Place},
    read::{Readers, all, first},
    shelf::Shelf,
    writer::{Done, Task, Writer},
};
pub use self::{
    copy::LongList,
    open::{OpenError, SqliteOptions},
    queue::Stopwatch,
};
use crate::{
    audit::{AuditEntry, Marks},
    kind::Kind,
    limits::LIST_PAGE,
    municipality::MunicipalityCode,
    ports::{
        AnswerRecord, ApplicationStore, AuthorityRecord, CardNumber, CertificateRecord, Change, ConsentRecord,
        CredentialRecord, CrlRecord, DisclosureRecord, Dossier, ErasedCertificate, ExceptionRecord, Follower, History,
        HolderReference, ListDraft, ListedEvent, MemoryDraft, OldAnswer, RegisterStore, RegisterTextRecord,
        RelyingPartyRecord, Retained, Store, StoreError, UsageRecord,
        store::{Beginning, StateCount},
    },
    rules::Day,
    scope::CrlScope,
    x509::{Serial, UnixTime, crl::CrlEntry},
};

/// A [`Store`] in one SQLite file, with `…-wal`, `…-shm` and `….lock` beside it, and long lists in `….crl/`.
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
        let writer = Writer::start(place.clone(), Arc::clone(&health), connection)?;
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
    /// whole database is written anew, which also takes out what was deleted before schema 14.
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

    fn ask(&self, task: Task) -> Result<Done, StoreError> {
        let writer = self.writer.as_ref();
        writer.ok_or_else(|| StoreError::Unavailable("opened for reading only".to_owned()))?.ask(task)
    }
}

impl Store for SqliteStore {
    fn commit(&self, change: Change) -> Result<(), StoreError> {
        for (change, written) in with_written(vec![change])? {
            self.ask(Task::Change(change, written))?;
        }
        Ok(())
    }

    fn commit_each(&self, changes: Vec<Change>) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        match self.ask(Task::Each(with_written(changes)?))? {
            Done::Each(outcomes) => Ok(outcomes),
            _ => Err(StoreError::Unavailable("the writer told of no changes".to_owned())),
        }
    }

    fn queue_wait(&self) -> Duration {
        self.writer.as_ref().map_or(Duration::ZERO, Writer::queue_wait)
    }

    fn allocate(&self, kind: Kind, count: u64) -> Result<Range<u64>, StoreError> {
        match self.ask(Task::Allocate(kind, count))? {
            Done::Range(range) => Ok(range),
            _ => Err(StoreError::Unavailable("the writer gave no range".to_owned())),
        }
    }

    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError> {
        if self.writer.is_none() {
            return self.ask(Task::Check).map(|_| ());
        }
        // The long way on a reader, beside the writer; the writer adds only what has come meanwhile.
        let mut after = after;
        loop {
            let events = self.readers.read(|sql| read::next_events(sql, after))?;
            if events.is_empty() {
                return self.ask(Task::Follow(after, follower)).map(|_| ());
            }
            after = read::reached(&events, after)?;
            follower.apply(&events);
        }
    }

    fn register(&self) -> &dyn RegisterStore {
        self
    }

    fn applications(&self) -> &dyn ApplicationStore {
        self
    }

    fn dossier(&self, holder: &HolderReference) -> Result<Option<Dossier>, StoreError> {
        self.readers.read(|sql| read::dossier(sql, holder))
    }

    fn holder_of_card(&self, card: &CardNumber) -> Result<Option<HolderReference>, StoreError> {
        self.readers.read(|sql| read::holder_of_card(sql, card))
    }

    fn certificate(&self, kind: Kind, serial: &Serial) -> Result<Option<CertificateRecord>, StoreError> {
        self.readers.read(|sql| read::certificate(sql, kind, serial))
    }

    fn erased(&self, kind: Kind, serial: &Serial) -> Result<Option<ErasedCertificate>, StoreError> {
        self.readers.read(|sql| retention::erased(sql, kind, serial))
    }

    fn retained(&self, after: Option<&HolderReference>, limit: usize) -> Result<Vec<Retained>, StoreError> {
        self.readers.read(|sql| retention::page(sql, after.map_or("", HolderReference::as_str), limit))
    }

    fn old_answers(&self, before: UnixTime, after: u64, limit: usize) -> Result<Vec<OldAnswer>, StoreError> {
        self.readers.read(|sql| retention::old_answers(sql, before, after, limit))
    }

    fn reserved(&self) -> Result<Vec<CertificateRecord>, StoreError> {
        self.readers.read(read::reserved)
    }

    fn answer(&self, client: &str, key: &str) -> Result<Option<AnswerRecord>, StoreError> {
        self.readers.read(|sql| read::answer(sql, client, key))
    }

    fn beginnings(&self, client: &str, asked: &[(&str, Option<&CardNumber>)]) -> Result<Vec<Beginning>, StoreError> {
        self.readers.read(|sql| asked.iter().map(|asked| read::beginning(sql, client, *asked)).collect())
    }

    fn each_revoked(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        not_over_before: UnixTime,
        take: &mut dyn FnMut(&CrlEntry),
    ) -> Result<u64, StoreError> {
        match Wanted::new((kind, generation), scope, not_over_before) {
            Some(wanted) => listed::each(&self.readers, &wanted, self.list_page, take),
            None => self.readers.read(read::last_event),
        }
    }

    fn draft_list(&self, octets: u64) -> Result<Box<dyn ListDraft>, StoreError> {
        if self.writer.is_none() {
            return Err(StoreError::Unavailable("opened for reading only".to_owned()));
        }
        if octets < self.long_list { Ok(Box::<MemoryDraft>::default()) } else { self.shelf.draft() }
    }

    fn newest_crls(&self) -> Result<Vec<CrlRecord>, StoreError> {
        self.readers.read(|sql| read::newest_crls(sql, &self.shelf))
    }

    fn crl(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Result<Option<CrlRecord>, StoreError> {
        self.readers.read(|sql| read::crl((sql, &self.shelf), (kind, generation), scope, number))
    }

    fn crl_before(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        number: u64,
    ) -> Result<Option<CrlRecord>, StoreError> {
        self.readers.read(|sql| read::crl_before((sql, &self.shelf), (kind, generation), scope, number))
    }

    fn certificates(&self, kind: Kind, from: u64, limit: usize) -> Result<(Vec<CertificateRecord>, u64), StoreError> {
        self.readers.read(|sql| read::certificates(sql, kind, from, limit))
    }

    fn listed_events(&self, after: u64, limit: usize) -> Result<Vec<ListedEvent>, StoreError> {
        self.readers.read(|sql| read::listed_events(sql, after, limit))
    }

    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        let query = "SELECT * FROM authority ORDER BY kind, generation";
        self.readers.read(|sql| all(sql, query, [], rows::authority))
    }

    fn municipalities(&self) -> Result<Vec<MunicipalityCode>, StoreError> {
        let query = "SELECT code FROM municipality ORDER BY code";
        self.readers.read(|sql| all(sql, query, [], |row| rows::municipality(&row.get::<_, String>(0)?)))
    }

    fn credentials(&self) -> Result<Vec<CredentialRecord>, StoreError> {
        self.readers.read(|sql| all(sql, "SELECT * FROM credential ORDER BY name", [], rows::credential))
    }

    fn credential(&self, fingerprint: &[u8; 32]) -> Result<Option<CredentialRecord>, StoreError> {
        let query = "SELECT * FROM credential WHERE fingerprint = ?1";
        self.readers.read(|sql| first(sql, query, [fingerprint], rows::credential))
    }

    fn consents(&self, holder: &HolderReference) -> Result<Vec<ConsentRecord>, StoreError> {
        self.readers.read(|sql| consents::of_holder(sql, holder))
    }

    fn register_text(&self, index: u64) -> Result<Option<RegisterTextRecord>, StoreError> {
        self.readers.read(|sql| registration::text_of(sql, index))
    }

    fn exception(&self, digest: &[u8; 32]) -> Result<Option<ExceptionRecord>, StoreError> {
        self.readers.read(|sql| registration::exception(sql, digest))
    }

    fn exceptions(
        &self,
        municipality: MunicipalityCode,
        since: UnixTime,
        limit: usize,
    ) -> Result<Vec<ExceptionRecord>, StoreError> {
        self.readers.read(|sql| registration::exceptions(sql, municipality, since, limit))
    }

    fn history(&self, kind: Kind, serial: &Serial) -> Result<Option<History>, StoreError> {
        self.readers.read(|sql| read::history(sql, kind, serial))
    }

    fn relying_parties(&self) -> Result<Vec<RelyingPartyRecord>, StoreError> {
        self.readers.read(ledger::relying_parties)
    }

    fn relying_party(&self, name: &str) -> Result<Option<RelyingPartyRecord>, StoreError> {
        self.readers.read(|sql| ledger::relying_party(sql, name))
    }

    fn disclosures(
        &self,
        holder: &HolderReference,
        before: u64,
        limit: usize,
    ) -> Result<Vec<DisclosureRecord>, StoreError> {
        self.readers.read(|sql| ledger::disclosures(sql, holder, before, limit))
    }

    fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Result<Vec<UsageRecord>, StoreError> {
        // Days have four digits of year in every text, so that they compare as they follow.
        self.readers.read(|sql| ledger::usage(sql, party, &first.to_string(), &last.to_string()))
    }

    fn counts(&self) -> Result<Vec<StateCount>, StoreError> {
        self.readers.read(read::counts)
    }

    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let query = "SELECT * FROM audit_entry WHERE position > ?1 ORDER BY position LIMIT ?2";
        let [after, limit] = [i64::try_from(position), i64::try_from(limit)].map(|bound| bound.unwrap_or(i64::MAX));
        self.readers.read(|sql| all(sql, query, params![after, limit], rows::audit_entry))
    }

    fn last_recorded(&self) -> Result<Option<UnixTime>, StoreError> {
        // Times of entries differ from their order by the tolerance at most, so a few of the last hold the latest.
        let query = "SELECT max(at) FROM (SELECT at FROM audit_entry ORDER BY position DESC LIMIT 64)";
        let latest = self.readers.read(|sql| {
            let latest: Option<i64> = sql.prepare_cached(query)?.query_row([], |row| row.get(0))?;
            Ok(latest)
        })?;
        latest.map(UnixTime::from_seconds).transpose().map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    fn marks(&self) -> Result<Marks, StoreError> {
        self.readers.read(read::marks)
    }

    fn number_floor(&self, kind: Kind) -> Result<u64, StoreError> {
        self.readers.read(|sql| read::number_floor(sql, kind))
    }

    fn stop_writing(&self, cause: &str) {
        self.readers.health().stop(cause);
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.ask(Task::Check).map(|_| ())
    }
}
