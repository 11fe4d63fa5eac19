//! Applications in the plain model.

use super::{
    MemoryStore,
    state::{Done, conflict},
};
use crate::{
    kind::Kind,
    ports::{ApplicationFilter, ApplicationNumber, ApplicationRecord, ApplicationStore, StoreError},
    store::refusal,
};

/// Every application, in order of place.
#[derive(Clone, Default)]
pub(super) struct Applications(pub(super) Vec<ApplicationRecord>);

impl Applications {
    pub(super) fn put(&mut self, record: ApplicationRecord) -> Done {
        if !record.is_tidy() || (record.version == 0 && !record.is_new()) {
            return conflict(refusal::NO_APPLICATION);
        }
        let reserved = record.issuing.iter().flat_map(|issuing| issuing.certificates());
        let others = |one: &ApplicationRecord| one.number != record.number;
        if reserved.into_iter().any(|of| self.0.iter().any(|one| others(one) && is_of(one, of))) {
            return conflict(refusal::OUTSIDE);
        }
        let known = self.0.iter().position(|known| known.number == record.number);
        match (known, record.version) {
            (None, 0) => {
                let place = self.count() + 1;
                self.0.push(ApplicationRecord { place, version: 1, ..record });
                Ok(())
            }
            (Some(at), version) if version == self.0[at].version && !self.0[at].state.is_final() => {
                let known = &self.0[at];
                self.0[at] = ApplicationRecord {
                    place: known.place,
                    municipality: known.municipality,
                    holder: known.holder.clone(),
                    card: known.card.clone(),
                    asked: known.asked.clone(),
                    received: known.received,
                    version: version + 1,
                    ..record
                };
                Ok(())
            }
            _ => conflict(refusal::APPLICATION),
        }
    }

    /// The place of the last.
    pub(super) fn count(&self) -> u64 {
        self.0.last().map_or(0, |last| last.place)
    }

    pub(super) fn by_number(&self, number: &ApplicationNumber) -> Option<ApplicationRecord> {
        self.0.iter().find(|one| one.number == *number).cloned()
    }

    pub(super) fn of(&self, kind: Kind, index: u64) -> Option<ApplicationRecord> {
        self.0.iter().find(|one| is_of(one, (kind, index))).cloned()
    }

    pub(super) fn admitted(&self, filter: &ApplicationFilter, after: u64, limit: usize) -> Vec<ApplicationRecord> {
        self.0.iter().filter(|one| one.place > after && filter.admits(one)).take(limit).cloned().collect()
    }
}

fn is_of(record: &ApplicationRecord, of: (Kind, u64)) -> bool {
    record.issuing.as_ref().is_some_and(|issuing| issuing.certificates().any(|one| one == of))
}

impl ApplicationStore for MemoryStore {
    fn application(&self, number: &ApplicationNumber) -> Result<Option<ApplicationRecord>, StoreError> {
        self.read(|state| state.applications.by_number(number))
    }

    fn application_of(&self, kind: Kind, index: u64) -> Result<Option<ApplicationRecord>, StoreError> {
        self.read(|state| state.applications.of(kind, index))
    }

    fn select(
        &self,
        filter: &ApplicationFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<ApplicationRecord>, StoreError> {
        self.read(|state| state.applications.admitted(filter, after, limit))
    }
}
