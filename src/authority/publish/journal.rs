//! The status events since the lists that are served, read once for as many lists of a run as they fit for.
//!
//! It is the second source beside the table of certificates: positions have no gaps, so a lost event is seen here, which no
//! query over the table can promise.
//!
//! # Room
//! At most [`JOURNAL_ROWS`] events are kept. Where more happened since the lists of a run, the journal speaks for the first of
//! its scopes, as many as fit, and the run goes on with another journal for the rest. One scope with more events than that alone
//! is spoken for by nobody: its events are read again as they come, for its complete list, and it has no delta: whoever must take
//! in so much fetches the list.

use std::collections::HashMap;

use crate::{
    authority::StoryError,
    limits::JOURNAL_ROWS,
    ports::{ListedEvent, Store},
    revocation::{crl::Changes, lists::ListKey},
    rules::CertificateState,
    scope::CrlScope,
    x509::{CrlEntry, RevocationReason, Serial, UnixTime},
};

/// Events read at a time.
const PAGE: usize = 4096;

/// Events of some scopes, each from a position of its own on.
#[derive(Default)]
pub(super) struct Journal {
    reached: u64,
    /// By complete list.
    families: HashMap<ListKey, Span>,
    /// The scopes that it speaks for, in the order of their tasks.
    order: Vec<ListKey>,
    rows: Vec<Row>,
}

/// After which position, and which of the rows fall under it.
struct Span {
    after: u64,
    rows: Vec<u32>,
}

/// What lists must know of an event that changes them.
struct Row {
    position: u64,
    not_after: UnixTime,
    entry: CrlEntry,
}

impl Row {
    /// None for an event that changes no list: that a certificate came to life.
    fn of(event: &ListedEvent) -> Option<Self> {
        Some(Self { position: event.event.position, not_after: event.not_after, entry: entry(event)? })
    }
}

impl Journal {
    /// Reads every event of these complete lists, for each those after a position; how many of the lists, from the first on, it
    /// speaks for. It is at least one.
    ///
    /// # Errors
    /// As for all reading; [`StoryError::Corrupt`] where an event is missing.
    pub(super) fn read(
        store: &dyn Store,
        since: impl IntoIterator<Item = (ListKey, u64)>,
    ) -> Result<(Self, usize), StoryError> {
        Self::read_within(store, since, JOURNAL_ROWS)
    }

    fn read_within(
        store: &dyn Store,
        since: impl IntoIterator<Item = (ListKey, u64)>,
        most: usize,
    ) -> Result<(Self, usize), StoryError> {
        let mut journal = Self::default();
        for (key, after) in since {
            journal.order.push(key);
            journal.families.insert(key, Span { after, rows: Vec::new() });
        }
        journal.reached = journal.families.values().map(|span| span.after).min().unwrap_or(0);
        while journal.read_page(store, PAGE)? > 0 {
            while journal.rows.len() > most {
                journal.shed();
                if journal.order.is_empty() {
                    return Ok((journal, 1));
                }
            }
        }
        let count = journal.order.len();
        Ok((journal, count))
    }

    /// Speaks for half as many scopes; for one alone not any more.
    fn shed(&mut self) {
        self.order.truncate(self.order.len() / 2);
        self.families.retain(|key, _| self.order.contains(key));
        let mut places = vec![None; self.rows.len()];
        for at in self.families.values().flat_map(|span| &span.rows) {
            places[*at as usize] = Some(0);
        }
        for (next, place) in (0..).zip(places.iter_mut().flatten()) {
            *place = next;
        }
        let mut at = 0;
        self.rows.retain(|_| {
            at += 1;
            places[at - 1].is_some()
        });
        for at in self.families.values_mut().flat_map(|span| &mut span.rows) {
            *at = places[*at as usize].unwrap_or(0);
        }
    }

    /// Whether it speaks for a scope.
    pub(super) fn speaks_for(&self, key: ListKey) -> bool {
        self.families.contains_key(&complete(key))
    }

    /// Reads on to the event at `position`.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub(super) fn read_to(&mut self, store: &dyn Store, position: u64) -> Result<(), StoryError> {
        while self.reached < position {
            if self.read_page(store, PAGE)? == 0 {
                return Err(missing(self.reached));
            }
        }
        Ok(())
    }

    /// Reads on to the last event, and gives its position.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub(super) fn read_all(&mut self, store: &dyn Store) -> Result<u64, StoryError> {
        while self.read_page(store, PAGE)? > 0 {}
        Ok(self.reached)
    }

    fn read_page(&mut self, store: &dyn Store, limit: usize) -> Result<usize, StoryError> {
        let page = page(store, self.reached, limit)?;
        self.reached += page.len() as u64;
        page.iter().for_each(|event| self.take(event));
        Ok(page.len())
    }

    fn take(&mut self, event: &ListedEvent) {
        let Some(row) = Row::of(event) else { return };
        let at = self.rows.len() as u32;
        let mut wanted = false;
        for key in families(event) {
            if let Some(span) = self.families.get_mut(&key).filter(|span| span.after < row.position) {
                span.rows.push(at);
                wanted = true;
            }
        }
        if wanted {
            self.rows.push(row);
        }
    }

    fn of(&self, key: ListKey) -> impl Iterator<Item = &Row> {
        let rows = self.families.get(&complete(key)).map_or(&[][..], |span| &span.rows);
        rows.iter().filter_map(|at| self.rows.get(*at as usize))
    }

    /// What the events of a scope up to `until` made of its certificates, one after the other, without those that were over
    /// before `not_over_before`.
    pub(super) fn entries(
        &self,
        key: ListKey,
        (until, not_over_before): (u64, UnixTime),
    ) -> impl Iterator<Item = &CrlEntry> {
        let counts = move |row: &&Row| row.position <= until && row.not_after >= not_over_before;
        self.of(key).filter(counts).map(|row| &row.entry)
    }

    /// Whether an event after `position` is about the certificate.
    pub(super) fn has_moved_on(&self, key: ListKey, serial: &Serial, position: u64) -> bool {
        self.of(key).any(|row| row.position > position && row.entry.serial == *serial)
    }
}

/// What the events after one position and up to another made of the certificates of a scope, one after the other as they come,
/// without those that were over before `not_over_before`. Nothing is kept.
///
/// # Errors
/// As for [`Journal::read`].
pub(super) fn each_entry(
    store: &dyn Store,
    key: ListKey,
    (after, until, not_over_before): (u64, u64, UnixTime),
    take: &mut dyn FnMut(&CrlEntry),
) -> Result<(), StoryError> {
    let mut reached = after;
    while reached < until {
        let page = page(store, reached, PAGE)?;
        if page.is_empty() {
            return Err(missing(reached));
        }
        reached += page.len() as u64;
        let ours =
            page.iter().filter(|event| event.event.position <= until && families(event).contains(&complete(key)));
        ours.filter(|event| event.not_after >= not_over_before).filter_map(entry).for_each(|entry| take(&entry));
    }
    Ok(())
}

/// As [`each_entry`], all together: the last that each certificate came to.
///
/// # Errors
/// As for [`Journal::read`].
pub(super) fn changes(store: &dyn Store, key: ListKey, span: (u64, u64, UnixTime)) -> Result<Changes, StoryError> {
    let mut changes = Changes::new();
    each_entry(store, key, span, &mut |entry| changes.insert(*entry))?;
    Ok(changes)
}

/// By complete list, the last event that ended or suspended a certificate.
///
/// # Errors
/// As for [`Journal::read`].
pub(super) fn last_ends(store: &dyn Store, after: u64) -> Result<HashMap<ListKey, u64>, StoryError> {
    let (mut ends, mut reached) = (HashMap::new(), after);
    loop {
        let page = page(store, reached, PAGE)?;
        if page.is_empty() {
            return Ok(ends);
        }
        reached += page.len() as u64;
        for event in page.iter().filter(|event| event.event.state != CertificateState::Live) {
            ends.extend(families(event).map(|key| (key, event.event.position)));
        }
    }
}

/// The next events; none missing.
fn page(store: &dyn Store, after: u64, limit: usize) -> Result<Vec<ListedEvent>, StoryError> {
    let page = store.listed_events(after, limit)?;
    let gap = (after + 1..).zip(&page).find(|(position, event)| event.event.position != *position);
    gap.map_or(Ok(()), |(position, _)| Err(missing(position - 1)))?;
    Ok(page)
}

/// The complete lists that an event is about.
fn families(event: &ListedEvent) -> [ListKey; 2] {
    [CrlScope::Full, CrlScope::Municipality(event.municipality)]
        .map(|scope| (event.event.kind, event.generation, scope))
}

fn complete((kind, generation, scope): ListKey) -> ListKey {
    (kind, generation, scope.complete())
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

#[cfg(test)]
mod tests;
