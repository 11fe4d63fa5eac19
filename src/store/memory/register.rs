//! The register's events, deadlines, notices and ends in the plain model.

use std::collections::BTreeMap;

use super::{
    MemoryStore,
    state::{Done, State, conflict, unless},
};
use crate::{
    municipality::MunicipalityCode,
    ports::{
        EndingCount, EndingPlace, EndingRecord, EventNumber, HolderReference, NoticeRecord, RegisterEntry,
        RegisterStore, StoreError,
    },
    rules::{Cause, CertificateState, Day},
    store::refusal,
    x509::UnixTime,
};

/// Lists are in order of recording.
#[derive(Clone, Default)]
pub(super) struct Feed {
    pub(super) entries: Vec<RegisterEntry>,
    pub(super) deadlines: BTreeMap<HolderReference, Day>,
    pub(super) notices: Vec<NoticeRecord>,
}

impl Feed {
    pub(super) fn take(&mut self, entry: RegisterEntry) -> Done {
        let same = |known: &RegisterEntry| known.municipality == entry.municipality && known.number == entry.number;
        unless(entry.number.is_none() || !self.entries.iter().any(same), || conflict(refusal::REGISTER_ENTRY))?;
        let id = self.counts()[0] + 1;
        self.entries.push(RegisterEntry { id, ..entry });
        Ok(())
    }

    /// The numbers of the last entry and the last notice.
    pub(super) fn counts(&self) -> [u64; 2] {
        [self.entries.last().map_or(0, |last| last.id), self.notices.last().map_or(0, |last| last.number)]
    }

    pub(super) fn deadline(&mut self, holder: HolderReference, day: Option<Day>) -> Done {
        match day {
            Some(day) => self.deadlines.insert(holder, day),
            None => self.deadlines.remove(&holder),
        };
        Ok(())
    }

    pub(super) fn notice(&mut self, record: NoticeRecord) -> Done {
        let new = record.sent.is_none() && record.cause != Cause::Death;
        unless(new && (record.sign.is_some() || record.auth.is_some()), || conflict(refusal::NEW_NOTICE))?;
        let number = self.counts()[1] + 1;
        self.notices.push(NoticeRecord { number, ..record });
        Ok(())
    }

    pub(super) fn sent(&mut self, number: u64, at: UnixTime) -> Done {
        let found = self.notices.iter_mut().find(|one| one.number == number && one.sent.is_none());
        let Some(found) = found else { return conflict(refusal::NOTICE) };
        found.sent = Some(at);
        Ok(())
    }
}

impl State {
    fn endings(&self, municipality: MunicipalityCode, (first, last): (UnixTime, UnixTime)) -> Vec<EndingRecord> {
        let live = self.certificates.iter().filter(|one| one.state == CertificateState::Live);
        let mut found: Vec<_> = live
            .filter(|one| (first..=last).contains(&one.not_after))
            .filter_map(|one| {
                let holder = self.holders.get(&one.holder).filter(|holder| holder.municipality == municipality)?;
                let card = self.cards.iter().find(|card| card.number == one.card)?;
                Some(EndingRecord {
                    kind: one.kind,
                    index: one.index,
                    serial: one.serial,
                    holder: one.holder.clone(),
                    birth: holder.birth,
                    card: one.card.clone(),
                    card_last_day: card.last_day,
                    not_after: one.not_after,
                })
            })
            .collect();
        found.sort_by_key(place);
        found
    }
}

/// In the order of the other engine, which knows kinds by their number.
fn place(one: &EndingRecord) -> (UnixTime, u8, u64) {
    (one.not_after, one.kind.id(), one.index)
}

impl RegisterStore for MemoryStore {
    fn register_entries(&self, holder: &HolderReference) -> Result<Vec<RegisterEntry>, StoreError> {
        self.read(|state| state.feed.entries.iter().filter(|entry| entry.holder == *holder).cloned().collect())
    }

    fn register_entry(
        &self,
        municipality: MunicipalityCode,
        number: &EventNumber,
    ) -> Result<Option<RegisterEntry>, StoreError> {
        let is = |entry: &&RegisterEntry| entry.municipality == municipality && entry.number.as_ref() == Some(number);
        self.read(|state| state.feed.entries.iter().find(is).cloned())
    }

    fn deadlines(&self, day: Day, limit: usize) -> Result<Vec<HolderReference>, StoreError> {
        self.read(|state| {
            let mut due: Vec<_> = state.feed.deadlines.iter().filter(|(_, on)| **on <= day).collect();
            due.sort_by_key(|(holder, on)| (**on, *holder));
            due.into_iter().take(limit).map(|(holder, _)| holder.clone()).collect()
        })
    }

    fn deadline(&self, holder: &HolderReference) -> Result<Option<Day>, StoreError> {
        self.read(|state| state.feed.deadlines.get(holder).copied())
    }

    fn notices(
        &self,
        municipality: MunicipalityCode,
        after: u64,
        limit: usize,
    ) -> Result<Vec<NoticeRecord>, StoreError> {
        let waits = |one: &&NoticeRecord| one.municipality == municipality && one.sent.is_none() && one.number > after;
        self.read(|state| state.feed.notices.iter().filter(waits).take(limit).cloned().collect())
    }

    fn notice(&self, number: u64) -> Result<Option<NoticeRecord>, StoreError> {
        self.read(|state| state.feed.notices.iter().find(|one| one.number == number).cloned())
    }

    fn endings(
        &self,
        municipality: MunicipalityCode,
        between: (UnixTime, UnixTime),
        after: Option<EndingPlace>,
        limit: usize,
    ) -> Result<Vec<EndingRecord>, StoreError> {
        let after = after.map(|(end, kind, index)| (end, kind.id(), index));
        let later = |one: &EndingRecord| after.is_none_or(|after| place(one) > after);
        self.read(|state| state.endings(municipality, between).into_iter().filter(later).take(limit).collect())
    }

    fn ending_counts(
        &self,
        municipality: MunicipalityCode,
        between: (UnixTime, UnixTime),
    ) -> Result<Vec<EndingCount>, StoreError> {
        self.read(|state| {
            let mut counts: Vec<EndingCount> = Vec::new();
            for one in state.endings(municipality, between) {
                match counts.last_mut() {
                    Some(last) if (last.not_after, last.kind) == (one.not_after, one.kind) => last.count += 1,
                    _ => counts.push(EndingCount { not_after: one.not_after, kind: one.kind, count: 1 }),
                }
            }
            counts
        })
    }
}
