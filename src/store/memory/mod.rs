//! The store as a plain model in memory: correct because it is obvious, lost with the process, and able to fail on demand.
//!
//! A change is done on a copy of everything, and the copy takes the place of the original when no step was refused.
//! Tests of the stories use it for its faults ([`MemoryStore::with_faults`]); the contract's suite uses it as the oracle
//! of the SQLite engine.

mod applications;
mod consents;
mod ledger;
mod lists;
mod register;
mod registration;
mod retention;
mod state;

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::{lists::LongDraft, state::State};
use crate::{
    audit::{AuditEntry, Marks},
    kind::Kind,
    limits::LONG_LIST_OCTETS,
    municipality::MunicipalityCode,
    ports::{
        AccessListRecord, AnswerRecord, ApplicationStore, AuthorityRecord, CardNumber, CertificateRecord, Change,
        ConsentRecord, CredentialRecord, CrlRecord, DisclosureRecord, Dossier, ErasedCertificate, ExceptionRecord,
        Follower, History, HolderReference, ListDraft, ListedEvent, MemoryDraft, OldAnswer, RegisterStore,
        RegisterTextRecord, RelyingPartyRecord, Retained, Store, StoreError, UsageRecord, store::StateCount,
    },
    rules::{CertificateState, Day},
    scope::CrlScope,
    x509::{Serial, UnixTime, crl::CrlEntry},
};

/// What a write meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it happens as it should.
    None,
    /// It fails and is not there.
    Lost,
    /// It is there and yet reported as failed, as when the power goes between commit and answer.
    Kept,
}

type Faults = Box<dyn FnMut(u64) -> Fault + Send>;

struct Inner {
    state: State,
    followers: Vec<Arc<dyn Follower>>,
    writes: u64,
    /// Why nothing is written any more.
    stopped: Option<String>,
    faults: Faults,
}

/// A [`Store`] that lives as long as the process.
pub struct MemoryStore {
    inner: Mutex<Inner>,
    /// Octets from which on a list is long.
    long_list: u64,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that never fails.
    #[must_use]
    pub fn new() -> Self {
        Self::with_faults(|_| Fault::None)
    }

    /// An empty store that asks before each write (commit or allocation, counted from 1) what befalls it.
    #[must_use]
    pub fn with_faults(faults: impl FnMut(u64) -> Fault + Send + 'static) -> Self {
        let inner = Inner {
            state: State::default(),
            followers: Vec::new(),
            writes: 0,
            stopped: None,
            faults: Box::new(faults),
        };
        Self { inner: Mutex::new(inner), long_list: LONG_LIST_OCTETS }
    }

    /// As [`Self::new`], where lists of so many octets are long already, and are given back as from a file.
    #[must_use]
    pub fn with_long_lists(octets: u64) -> Self {
        Self { long_list: octets, ..Self::new() }
    }

    /// A store with the same content, which nobody follows and which never fails: many tests begin at one place.
    #[must_use]
    pub fn twin(&self) -> Self {
        let twin = Self::with_long_lists(self.long_list);
        twin.lock().state = self.lock().state.clone();
        twin
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A change is swapped in whole, so a panic elsewhere leaves no half of one.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, query: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        Ok(query(&self.lock().state))
    }

    /// Does `work` on a copy, swaps it in, and tells the followers.
    fn write<T>(&self, work: impl FnOnce(&mut State) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let inner = &mut *self.lock();
        if let Some(cause) = &inner.stopped {
            return Err(StoreError::Stopped(cause.clone()));
        }
        inner.writes += 1;
        let fault = (inner.faults)(inner.writes);
        let failed = || Err(StoreError::Unavailable(format!("fault {fault:?}")));
        if fault == Fault::Lost {
            return failed();
        }
        let mut changed = inner.state.clone();
        let value = work(&mut changed)?;
        let told = inner.state.events.len();
        inner.state = changed;
        let new = &inner.state.events[told..];
        if !new.is_empty() {
            inner.followers.iter().for_each(|follower| follower.apply(new));
        }
        if fault == Fault::Kept { failed() } else { Ok(value) }
    }
}

impl Store for MemoryStore {
    fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.write(|state| state.change(change))
    }

    fn commit_each(&self, changes: Vec<Change>) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        self.write(|state| Ok(changes.into_iter().map(|change| state.try_change(change)).collect()))
    }

    fn queue_wait(&self) -> Duration {
        Duration::ZERO
    }

    fn allocate(&self, kind: Kind, count: u64) -> Result<Range<u64>, StoreError> {
        self.write(|state| state.allocate(kind, count))
    }

    fn follow(&self, after: u64, follower: Arc<dyn Follower>) -> Result<(), StoreError> {
        let inner = &mut *self.lock();
        let missing = usize::try_from(after).ok().and_then(|after| inner.state.events.get(after..));
        let Some(events) = missing else {
            let last = inner.state.events.len();
            return Err(StoreError::Corrupt(format!("a follower is at event {after}, the store at {last}")));
        };
        if !events.is_empty() {
            follower.apply(events);
        }
        inner.followers.push(follower);
        Ok(())
    }

    fn register(&self) -> &dyn RegisterStore {
        self
    }

    fn applications(&self) -> &dyn ApplicationStore {
        self
    }

    fn dossier(&self, holder: &HolderReference) -> Result<Option<Dossier>, StoreError> {
        self.read(|state| state.dossier(holder))
    }

    fn holder_of_card(&self, card: &CardNumber) -> Result<Option<HolderReference>, StoreError> {
        self.read(|state| state.cards.iter().find(|known| known.number == *card).map(|known| known.holder.clone()))
    }

    fn certificate(&self, kind: Kind, serial: &Serial) -> Result<Option<CertificateRecord>, StoreError> {
        self.read(|state| state.known().find(|one| one.kind == kind && one.serial == *serial).cloned())
    }

    fn erased(&self, kind: Kind, serial: &Serial) -> Result<Option<ErasedCertificate>, StoreError> {
        self.read(|state| state.erased(kind, serial))
    }

    fn retained(&self, after: Option<&HolderReference>, limit: usize) -> Result<Vec<Retained>, StoreError> {
        self.read(|state| state.retained_after(after, limit))
    }

    fn old_answers(&self, before: UnixTime, after: u64, limit: usize) -> Result<Vec<OldAnswer>, StoreError> {
        self.read(|state| state.old_answers(before, after, limit))
    }

    fn reserved(&self) -> Result<Vec<CertificateRecord>, StoreError> {
        let is_reserved = |one: &&CertificateRecord| one.state == CertificateState::Reserved;
        self.read(|state| state.certificates.iter().filter(is_reserved).cloned().collect())
    }

    fn answer(&self, client: &str, key: &str) -> Result<Option<AnswerRecord>, StoreError> {
        self.read(|state| state.answer_to(client, key).cloned())
    }

    fn each_revoked(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        not_over_before: UnixTime,
        take: &mut dyn FnMut(&CrlEntry),
    ) -> Result<u64, StoreError> {
        let (entries, position) = self.read(|state| state.revoked(kind, generation, scope, not_over_before))?;
        entries.iter().for_each(take);
        Ok(position)
    }

    fn draft_list(&self, octets: u64) -> Result<Box<dyn ListDraft>, StoreError> {
        if octets < self.long_list { Ok(Box::<MemoryDraft>::default()) } else { Ok(Box::<LongDraft>::default()) }
    }

    fn newest_crls(&self) -> Result<Vec<CrlRecord>, StoreError> {
        self.read(State::newest_crls)
    }

    fn crl(&self, kind: Kind, generation: u8, scope: CrlScope, number: u64) -> Result<Option<CrlRecord>, StoreError> {
        let key = (kind, generation, scope, number);
        self.read(|state| {
            state.crls.iter().find(|one| (one.kind, one.generation, one.scope, one.number) == key).cloned()
        })
    }

    fn crl_before(
        &self,
        kind: Kind,
        generation: u8,
        scope: CrlScope,
        number: u64,
    ) -> Result<Option<CrlRecord>, StoreError> {
        let key = (kind, generation, scope);
        let before = |one: &&CrlRecord| (one.kind, one.generation, one.scope) == key && one.number < number;
        self.read(|state| state.crls.iter().filter(before).max_by_key(|one| one.number).cloned())
    }

    fn certificates(&self, kind: Kind, from: u64, limit: usize) -> Result<(Vec<CertificateRecord>, u64), StoreError> {
        self.read(|state| state.certificates(kind, from, limit))
    }

    fn listed_events(&self, after: u64, limit: usize) -> Result<Vec<ListedEvent>, StoreError> {
        self.read(|state| state.listed_events(after, limit))
    }

    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        let order = |one: &AuthorityRecord| (one.kind, one.generation);
        self.read(|state| sorted(&state.authorities, order))
    }

    fn municipalities(&self) -> Result<Vec<MunicipalityCode>, StoreError> {
        self.read(|state| state.municipalities.iter().copied().collect())
    }

    fn credentials(&self) -> Result<Vec<CredentialRecord>, StoreError> {
        self.read(|state| sorted(&state.credentials, |one| one.name.clone()))
    }

    fn credential(&self, fingerprint: &[u8; 32]) -> Result<Option<CredentialRecord>, StoreError> {
        self.read(|state| state.credentials.iter().find(|one| one.fingerprint == *fingerprint).cloned())
    }

    fn access_list(&self) -> Result<Option<AccessListRecord>, StoreError> {
        self.read(|state| state.access_list.clone())
    }

    fn consents(&self, holder: &HolderReference) -> Result<Vec<ConsentRecord>, StoreError> {
        self.read(|state| state.consents.of_holder(holder))
    }

    fn register_text(&self, index: u64) -> Result<Option<RegisterTextRecord>, StoreError> {
        self.read(|state| state.registration.text_of(index))
    }

    fn exception(&self, digest: &[u8; 32]) -> Result<Option<ExceptionRecord>, StoreError> {
        self.read(|state| state.registration.exception(digest))
    }

    fn exceptions(
        &self,
        municipality: MunicipalityCode,
        since: UnixTime,
        limit: usize,
    ) -> Result<Vec<ExceptionRecord>, StoreError> {
        self.read(|state| state.registration.exceptions(municipality, since, limit))
    }

    fn history(&self, kind: Kind, serial: &Serial) -> Result<Option<History>, StoreError> {
        self.read(|state| state.history(kind, serial))
    }

    fn relying_parties(&self) -> Result<Vec<RelyingPartyRecord>, StoreError> {
        self.read(|state| state.ledger.parties.values().cloned().collect())
    }

    fn relying_party(&self, name: &str) -> Result<Option<RelyingPartyRecord>, StoreError> {
        self.read(|state| state.ledger.parties.get(name).cloned())
    }

    fn disclosures(
        &self,
        holder: &HolderReference,
        before: u64,
        limit: usize,
    ) -> Result<Vec<DisclosureRecord>, StoreError> {
        self.read(|state| state.ledger.disclosures(holder, before, limit))
    }

    fn usage(&self, party: Option<&str>, first: Day, last: Day) -> Result<Vec<UsageRecord>, StoreError> {
        self.read(|state| state.ledger.usage(party, first, last))
    }

    fn counts(&self) -> Result<Vec<StateCount>, StoreError> {
        self.read(State::counts)
    }

    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let after = |entry: &&AuditEntry| entry.position > position;
        self.read(|state| state.audit.iter().filter(after).take(limit).cloned().collect())
    }

    fn last_recorded(&self) -> Result<Option<UnixTime>, StoreError> {
        self.read(|state| state.audit.iter().map(|entry| entry.draft.at).max())
    }

    fn marks(&self) -> Result<Marks, StoreError> {
        self.read(State::marks)
    }

    fn check_time(&self, _now: UnixTime) -> Result<(), StoreError> {
        Ok(())
    }

    fn vouch(&self) -> Result<(), StoreError> {
        self.read(|_| ())
    }

    fn number_floor(&self, kind: Kind) -> Result<u64, StoreError> {
        self.read(|state| state.number_floor(kind))
    }

    fn stop_writing(&self, cause: &str) {
        self.lock().stopped.get_or_insert_with(|| cause.to_owned());
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        self.lock().stopped.clone().map_or(Ok(()), |cause| Err(StoreError::Stopped(cause)))
    }
}

fn sorted<T: Clone, K: Ord>(records: &[T], order: impl FnMut(&T) -> K) -> Vec<T> {
    let mut records = records.to_vec();
    records.sort_by_key(order);
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{audit::Draft, ports::Step};

    fn change(code: &str) -> Change {
        let word = String::new;
        let audit = Draft { at: UnixTime::EPOCH, actor: word(), action: word(), subject: word(), detail: word() };
        Change { steps: vec![Step::Municipality(code.parse().unwrap())], audit }
    }

    #[test]
    fn a_lost_write_is_not_there_and_a_kept_one_is_though_both_are_reported_failed() {
        let store = MemoryStore::with_faults(|number| match number {
            1 => Fault::Lost,
            2 | 4 => Fault::Kept,
            _ => Fault::None,
        });
        for code in ["13115", "28207"] {
            assert!(matches!(store.commit(change(code)), Err(StoreError::Unavailable(_))));
        }
        store.commit(change("01101")).unwrap();
        assert_eq!(store.municipalities().unwrap(), ["01101", "28207"].map(|code| code.parse().unwrap()));
        assert!(store.allocate(Kind::Sign, 3).is_err());
        assert_eq!(store.allocate(Kind::Sign, 1).unwrap(), 3..4);
    }
}
