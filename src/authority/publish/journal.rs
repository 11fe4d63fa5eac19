//! The status events since the lists that are served, read once for all lists of a run.
//!
//! It is the second source beside the table of certificates: positions have no gaps, so a lost event is seen here, which no
//! query over the table can promise.

use std::collections::HashMap;

use crate::{
    authority::StoryError,
    ports::{ListedEvent, Store},
    revocation::{crl::Changes, lists::ListKey},
    rules::CertificateState,
    scope::CrlScope,
    x509::{CrlEntry, RevocationReason, UnixTime},
};

/// Events read at a time.
const PAGE: usize = 4096;

/// Events of some scopes, each from a position of its own on.
#[derive(Default)]
pub(super) struct Journal {
    reached: u64,
    /// By complete list: after which position, and which of `rows` fall under it.
    families: HashMap<ListKey, (u64, Vec<usize>)>,
    rows: Vec<ListedEvent>,
}

impl Journal {
    /// A journal of these complete lists, for each of the events after a position; nothing is read yet.
    pub(super) fn new(since: impl IntoIterator<Item = (ListKey, u64)>) -> Self {
        let families: HashMap<_, _> = since.into_iter().map(|(key, after)| (key, (after, Vec::new()))).collect();
        let reached = families.values().map(|(after, _)| *after).min().unwrap_or(0);
        Self { reached, families, rows: Vec::new() }
    }

    /// Reads on to the event at `position`.
    ///
    /// # Errors
    /// As for all reading; [`StoryError::Corrupt`] where an event is missing.
    pub(super) fn read_to(&mut self, store: &dyn Store, position: u64) -> Result<(), StoryError> {
        while self.reached < position {
            if self.read_page(store)? == 0 {
                return Err(missing(self.reached));
            }
        }
        Ok(())
    }

    /// Reads on to the last event, and gives its position.
    ///
    /// # Errors
    /// As for [`Self::read_to`].
    pub(super) fn read_all(&mut self, store: &dyn Store) -> Result<u64, StoryError> {
        while self.read_page(store)? > 0 {}
        Ok(self.reached)
    }

    fn read_page(&mut self, store: &dyn Store) -> Result<usize, StoryError> {
        let page = store.listed_events(self.reached, PAGE)?;
        let count = page.len();
        for row in page {
            if row.event.position != self.reached + 1 {
                return Err(missing(self.reached));
            }
            self.reached += 1;
            self.take(row);
        }
        Ok(count)
    }

    fn take(&mut self, row: ListedEvent) {
        // That a certificate came to life is no change of any list.
        if row.event.state == CertificateState::Live && row.released.is_none() {
            return;
        }
        let at = self.rows.len();
        let mut wanted = false;
        for scope in [CrlScope::Full, CrlScope::Municipality(row.municipality)] {
            if let Some((after, rows)) = self.families.get_mut(&(row.event.kind, row.generation, scope))
                && *after < row.event.position
            {
                rows.push(at);
                wanted = true;
            }
        }
        if wanted {
            self.rows.push(row);
        }
    }

    fn of(&self, key: ListKey) -> impl Iterator<Item = &ListedEvent> {
        let rows = self.families.get(&(key.0, key.1, key.2.complete())).map_or(&[][..], |(_, rows)| rows);
        rows.iter().filter_map(|at| self.rows.get(*at))
    }

    /// What the events of a scope up to `until` made of its certificates, without those that were over before
    /// `not_over_before`.
    pub(super) fn changes(&self, key: ListKey, until: u64, not_over_before: UnixTime) -> Changes {
        let mut changes = Changes::new();
        for row in self.of(key).filter(|row| row.event.position <= until && row.not_after >= not_over_before) {
            if let Some(entry) = entry(row) {
                changes.insert(row.serial, entry);
            }
        }
        changes
    }

    /// As [`Self::changes`], after reading on to `until`.
    ///
    /// # Errors
    /// As for [`Self::read_to`].
    pub(super) fn changes_to(
        &mut self,
        store: &dyn Store,
        key: ListKey,
        (until, not_over_before): (u64, UnixTime),
    ) -> Result<Changes, StoryError> {
        self.read_to(store, until)?;
        Ok(self.changes(key, until, not_over_before))
    }

    /// Whether a certificate of the scope was revoked or held after `position`.
    pub(super) fn has_ended_after(&self, key: ListKey, position: u64) -> bool {
        self.of(key).any(|row| row.event.position > position && row.event.state != CertificateState::Live)
    }

    /// Whether an event after `position` is about the certificate.
    pub(super) fn has_moved_on(&self, key: ListKey, entry: &CrlEntry, position: u64) -> bool {
        self.of(key).any(|row| row.event.position > position && row.serial == entry.serial)
    }
}

/// What a list says of a certificate after an event. The entry that takes a hold back keeps the date of the hold: it names
/// the entry that it withdraws.
fn entry(row: &ListedEvent) -> Option<CrlEntry> {
    let serial = row.serial;
    match (&row.event.revocation, row.released) {
        (Some(end), _) => Some(CrlEntry {
            serial,
            revocation_date: end.revocation_date,
            reason: end.reason,
            invalidity_date: end.invalidity_date,
        }),
        (None, Some(held)) => Some(CrlEntry {
            serial,
            revocation_date: held,
            reason: RevocationReason::RemoveFromCrl,
            invalidity_date: None,
        }),
        (None, None) => None,
    }
}

fn missing(after: u64) -> StoryError {
    StoryError::Corrupt(format!("status events are missing after {after}"))
}
