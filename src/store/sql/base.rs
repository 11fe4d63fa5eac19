//! The store, out of an engine's connections and its writer.

use std::{ops::Range, sync::Arc, time::Duration};

use super::{
    Done, Engine, Health, Read, Shelves, Task, Writer,
    blinding::with_written,
    consents,
    engine::{all, first, only},
    ledger,
    listed::{self, Wanted},
    params, read, registration, retention, rows,
    value::NONE,
};
use crate::{
    audit::{AuditEntry, Marks},
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{
        AccessListRecord, AnswerRecord, ApplicationStore, AuthorityRecord, CardNumber, CertificateRecord, Change,
        ConsentRecord, CredentialRecord, CrlRecord, DisclosureRecord, Dossier, ErasedCertificate, ExceptionRecord,
        Follower, History, HolderReference, ListDraft, ListedEvent, OldAnswer, RegisterStore, RegisterTextRecord,
        RelyingPartyRecord, Retained, Store, StoreError, UsageRecord,
        store::{Beginning, StateCount},
    },
    rules::Day,
    scope::CrlScope,
    x509::{Serial, UnixTime, crl::CrlEntry},
};

/// What an engine brings to be a store.
pub(in crate::store) trait Base: Send + Sync {
    /// Reads at one instant of the store.
    ///
    /// # Errors
    /// As for all reading.
    fn read<T>(&self, query: impl FnOnce(&dyn Engine) -> Read<T>) -> Result<T, StoreError>;

    /// As the contract says.
    ///
    /// # Errors
    /// As for all reading.
    fn vouch(&self) -> Result<(), StoreError> {
        self.read(|_| Ok(()))
    }

    /// As the contract says.
    ///
    /// # Errors
    /// As the contract says.
    fn check_time(&self, _now: UnixTime) -> Result<(), StoreError> {
        Ok(())
    }

    /// The writer; none where the store was opened for reading only.
    fn writer(&self) -> Option<&Writer>;

    /// Whether the store is fit to be written.
    fn health(&self) -> &Health;

    /// Where long lists lie.
    fn shelves(&self) -> &dyn Shelves;

    /// Room for a list of at most so many octets.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn draft(&self, octets: u64) -> Result<Box<dyn ListDraft>, StoreError>;

    /// Rows that are read at a time for a list.
    fn list_page(&self) -> usize;

    /// Asks the writer.
    ///
    /// # Errors
    /// What the writer says.
    fn ask(&self, task: Task) -> Result<Done, StoreError> {
        let read_only = || StoreError::Unavailable("opened for reading only".to_owned());
        self.writer().ok_or_else(read_only)?.ask(task)
    }
}

impl<B: Base> Store for B {
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
        self.writer().map_or(Duration::ZERO, Writer::queue_wait)
    }

    fn allocate(&self, kind: Kind, count: u64) -> Result<Range<u64>, StoreError> {
        match self.ask(Task::Allocate(kind, count))? {
            Done::Range(range) => Ok(range),
            _ => Err(StoreError::Unavailable("the writer gave no range".to_owned())),
        }
    }

    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError> {
        if self.writer().is_none() {
            return self.ask(Task::Check).map(|_| ());
        }
        // The long way on a reader, beside the writer; the writer adds only what has come meanwhile.
        let mut after = after;
        loop {
            let events = self.read(|sql| read::next_events(sql, after))?;
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
        self.read(|sql| read::dossier(sql, holder))
    }

    fn holder_of_card(&self, card: &CardNumber) -> Result<Option<HolderReference>, StoreError> {
        self.read(|sql| read::holder_of_card(sql, card))
    }

    fn certificate(&self, kind: Kind, serial: &Serial) -> Result<Option<CertificateRecord>, StoreError> {
        self.read(|sql| read::certificate(sql, kind, serial))
    }

    fn erased(&self, kind: Kind, serial: &Serial) -> Result<Option<ErasedCertificate>, StoreError> {
        self.read(|sql| retention::erased(sql, kind, serial))
    }

    fn retained(&self, after: Option<&HolderReference>, limit: usize) -> Result<Vec<Retained>, StoreError> {
        self.read(|sql| retention::page(sql, after.map_or("", HolderReference::as_str), limit))
    }

    fn old_answers(&self, before: UnixTime, after: u64, limit: usize) -> Result<Vec<OldAnswer>, StoreError> {
        self.read(|sql| retention::old_answers(sql, before, after, limit))
    }

    fn reserved(&self) -> Result<Vec<CertificateRecord>, StoreError> {
        self.read(read::reserved)
    }

    fn answer(&self, client: &str, key: &str) -> Result<Option<AnswerRecord>, StoreError> {
        self.read(|sql| read::answer(sql, client, key))
    }

    fn beginnings(&self, client: &str, asked: &[(&str, Option<&CardNumber>)]) -> Result<Vec<Beginning>, StoreError> {
        self.read(|sql| asked.iter().map(|asked| read::beginning(sql, client, *asked)).collect())
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
            Some(wanted) => listed::each(self, &wanted, self.list_page(), take),
            None => self.read(read::last_event),
        }
    }

    fn draft_list(&self, octets: u64) -> Result<Box<dyn ListDraft>, StoreError> {
        if self.writer().is_none() {
            return Err(StoreError::Unavailable("opened for reading only".to_owned()));
        }
        self.draft(octets)
    }

    fn newest_crls(&self) -> Result<Vec<CrlRecord>, StoreError> {
        self.read(|sql| read::newest_crls(sql, self.shelves()))
    }

    fn crl(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Result<Option<CrlRecord>, StoreError> {
        self.read(|sql| read::crl((sql, self.shelves()), (kind, generation), scope, number))
    }

    fn crl_before(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        number: u64,
    ) -> Result<Option<CrlRecord>, StoreError> {
        self.read(|sql| read::crl_before((sql, self.shelves()), (kind, generation), scope, number))
    }

    fn certificates(&self, kind: Kind, from: u64, limit: usize) -> Result<(Vec<CertificateRecord>, u64), StoreError> {
        self.read(|sql| read::certificates(sql, kind, from, limit))
    }

    fn listed_events(&self, after: u64, limit: usize) -> Result<Vec<ListedEvent>, StoreError> {
        self.read(|sql| read::listed_events(sql, after, limit))
    }

    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        let query = "SELECT * FROM authority ORDER BY kind, generation";
        self.read(|sql| all(sql, query, NONE, rows::authority))
    }

    fn municipalities(&self) -> Result<Vec<MunicipalityCode>, StoreError> {
        let query = "SELECT code FROM municipality ORDER BY code";
        self.read(|sql| all(sql, query, NONE, |row| rows::municipality(&row.get::<_, String>(0)?)))
    }

    fn credentials(&self) -> Result<Vec<CredentialRecord>, StoreError> {
        self.read(|sql| all(sql, "SELECT * FROM credential ORDER BY name", NONE, rows::credential))
    }

    fn credential(&self, fingerprint: &[u8; 32]) -> Result<Option<CredentialRecord>, StoreError> {
        let query = "SELECT * FROM credential WHERE fingerprint = ?1";
        self.read(|sql| first(sql, query, [fingerprint], rows::credential))
    }

    fn access_list(&self) -> Result<Option<AccessListRecord>, StoreError> {
        let query = "SELECT * FROM access_list ORDER BY number DESC LIMIT 1";
        self.read(|sql| first(sql, query, NONE, rows::access_list))
    }

    fn consents(&self, holder: &HolderReference) -> Result<Vec<ConsentRecord>, StoreError> {
        self.read(|sql| consents::of_holder(sql, holder))
    }

    fn register_text(&self, index: u64) -> Result<Option<RegisterTextRecord>, StoreError> {
        self.read(|sql| registration::text_of(sql, index))
    }

    fn exception(&self, digest: &[u8; 32]) -> Result<Option<ExceptionRecord>, StoreError> {
        self.read(|sql| registration::exception(sql, digest))
    }

    fn exceptions(
        &self,
        municipality: MunicipalityCode,
        since: UnixTime,
        limit: usize,
    ) -> Result<Vec<ExceptionRecord>, StoreError> {
        self.read(|sql| registration::exceptions(sql, municipality, since, limit))
    }

    fn history(&self, kind: Kind, serial: &Serial) -> Result<Option<History>, StoreError> {
        self.read(|sql| read::history(sql, kind, serial))
    }

    fn relying_parties(&self) -> Result<Vec<RelyingPartyRecord>, StoreError> {
        self.read(ledger::relying_parties)
    }

    fn relying_party(&self, name: &str) -> Result<Option<RelyingPartyRecord>, StoreError> {
        self.read(|sql| ledger::relying_party(sql, name))
    }

    fn disclosures(
        &self,
        holder: &HolderReference,
        before: u64,
        limit: usize,
    ) -> Result<Vec<DisclosureRecord>, StoreError> {
        self.read(|sql| ledger::disclosures(sql, holder, before, limit))
    }

    fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Result<Vec<UsageRecord>, StoreError> {
        // Days have four digits of year in every text, so that they compare as they follow.
        self.read(|sql| ledger::usage(sql, party, &first.to_string(), &last.to_string()))
    }

    fn counts(&self) -> Result<Vec<StateCount>, StoreError> {
        self.read(read::counts)
    }

    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let query = "SELECT * FROM audit_entry WHERE position > ?1 ORDER BY position LIMIT ?2";
        let [after, limit] = [i64::try_from(position), i64::try_from(limit)].map(|bound| bound.unwrap_or(i64::MAX));
        self.read(|sql| all(sql, query, params![after, limit], rows::audit_entry))
    }

    fn last_recorded(&self) -> Result<Option<UnixTime>, StoreError> {
        // Times of entries differ from their order by the tolerance at most, so a few of the last hold the latest.
        let query = "SELECT max(at) FROM (SELECT at FROM audit_entry ORDER BY position DESC LIMIT 64) AS newest";
        let latest = self.read(|sql| {
            let latest: Option<i64> = only(sql, query, NONE, |row| row.get(0))?;
            Ok(latest)
        })?;
        latest.map(UnixTime::from_seconds).transpose().map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    fn marks(&self) -> Result<Marks, StoreError> {
        self.read(read::marks)
    }

    fn vouch(&self) -> Result<(), StoreError> {
        Base::vouch(self)
    }

    fn check_time(&self, now: UnixTime) -> Result<(), StoreError> {
        Base::check_time(self, now)
    }

    fn number_floor(&self, kind: Kind) -> Result<u64, StoreError> {
        self.read(|sql| read::number_floor(sql, kind))
    }

    fn stop_writing(&self, cause: &str) {
        self.health().stop(cause);
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.ask(Task::Check).map(|_| ())
    }
}
