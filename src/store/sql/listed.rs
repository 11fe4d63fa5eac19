//! What a complete list has to carry, as it was at one event, without a reading that lasts.
//!
//! For as long as somebody reads, SQLite's write-ahead log cannot be taken back: beside the reading of ten million rows it takes
//! in every change of minutes, and whoever writes next pays for them. So the rows are read in pages, each at an instant of its own, and then
//! the events since the first: what the last event says of a certificate counts, whatever a page told of it, and of one
//! without an event since, every page tells the same.
//!
//! Pages come in the order of an index, lists in that of serial numbers. Ours are spread evenly, for they are permuted: entries
//! are dealt to heaps by their first octets, packed, and one heap after the other is put in order.

use std::collections::{BTreeMap, HashMap};

use super::{Base, Engine, Read, params, read, rows};
use crate::{
    kind::Kind,
    municipality::MunicipalityCode,
    ports::{ListedEvent, StoreError},
    scope::CrlScope,
    x509::{CrlSnapshot, Serial, UnixTime, crl::CrlEntry},
};

/// Events that are read at a time.
const EVENTS: usize = 4096;

/// A complete list of certificates.
pub(in crate::store) struct Wanted {
    kind: Kind,
    generation: u8,
    /// Whose certificates; none: everybody's.
    place: Option<MunicipalityCode>,
    not_over_before: UnixTime,
}

impl Wanted {
    /// The list of that scope, without what was over before; none for a scope that is not about certificates of holders.
    pub(in crate::store) fn new(
        (kind, generation): (Kind, u8),
        scope: CrlScope,
        not_over_before: UnixTime,
    ) -> Option<Self> {
        match scope.complete() {
            // No state is kept of the CA's own certificates yet; the day one is, its revoked generations come here.
            CrlScope::Authorities => None,
            complete => Some(Self { kind, generation, place: complete.municipality(), not_over_before }),
        }
    }

    /// What an event makes of its certificate on this list: none if that is on another list.
    fn outcome(&self, event: &ListedEvent) -> Option<(Serial, Option<CrlEntry>)> {
        let ours = (event.event.kind, event.generation) == (self.kind, self.generation)
            && self.place.is_none_or(|place| place == event.municipality)
            && event.not_after >= self.not_over_before;
        let entry = event.event.revocation.as_ref().map(|end| CrlEntry {
            serial: event.serial,
            revocation_date: end.revocation_date,
            reason: end.reason,
            invalidity_date: end.invalidity_date,
        });
        ours.then_some((event.serial, entry))
    }
}

/// Tells the entries in order of serial number; the last event that they take into account.
pub(in crate::store) fn each(
    base: &impl Base,
    wanted: &Wanted,
    page: usize,
    take: &mut dyn FnMut(&CrlEntry),
) -> Result<u64, StoreError> {
    let (mut pages, mut heaps) = (Pages::new(wanted, page), Heaps::default());
    let (begun, is_whole) = base.read(|sql| {
        let begun = read::last_event(sql)?;
        let is_whole = !pages.next(sql, &mut heaps)?;
        // Most lists are a page, and of one instant.
        is_whole.then(|| overtaken(sql, wanted, &mut heaps)).transpose()?;
        Ok((begun, is_whole))
    })?;
    if is_whole {
        heaps.tell(&HashMap::new(), take);
        return Ok(begun);
    }
    while base.read(|sql| pages.next(sql, &mut heaps))? {}
    let until = base.read(|sql| {
        overtaken(sql, wanted, &mut heaps)?;
        read::last_event(sql)
    })?;
    let outcomes = outcomes(base, wanted, (begun, until))?;
    outcomes.values().flatten().for_each(|entry| heaps.take(entry));
    heaps.tell(&outcomes, take);
    Ok(until)
}

/// What the events after one position and up to another made of the certificates of a list.
fn outcomes(
    base: &impl Base,
    wanted: &Wanted,
    (after, until): (u64, u64),
) -> Result<HashMap<Serial, Option<CrlEntry>>, StoreError> {
    let (mut outcomes, mut reached) = (HashMap::new(), after);
    while reached < until {
        let events = base.read(|sql| read::listed_events(sql, reached, EVENTS))?;
        if events.is_empty() {
            return Err(read::missing(reached));
        }
        for event in events.iter().take_while(|event| event.event.position <= until) {
            if event.event.position != reached + 1 {
                return Err(read::missing(reached));
            }
            reached += 1;
            outcomes.extend(wanted.outcome(event));
        }
    }
    Ok(outcomes)
}

/// A way through the rows of a list by an index that has only what is held or revoked.
struct Pages<'a> {
    wanted: &'a Wanted,
    size: usize,
    /// The last row that was told: municipality, notAfter in seconds, id.
    last: (String, i64, i64),
}

impl<'a> Pages<'a> {
    fn new(wanted: &'a Wanted, size: usize) -> Self {
        let place = wanted.place.map(|place| place.to_string()).unwrap_or_default();
        // After every row that ends too early, and before every other.
        Self { wanted, size, last: (place, wanted.not_over_before.seconds().saturating_sub(1), i64::MAX) }
    }

    /// Reads the next page; whether there may be more.
    fn next(&mut self, sql: &dyn Engine, heaps: &mut Heaps) -> Read<bool> {
        // What is the last row's in the index but for the row itself, and what comes after that: for both together (a comparison of
        // three columns) SQLite would go through all of the former again.
        const SAME: &str = "municipality = ?3 AND not_after = ?4 AND id > ?5 ORDER BY id";
        const EVERYBODYS: &str =
            "(municipality, not_after) > (?3, ?4) AND not_after >= ?5 ORDER BY municipality, not_after, id";
        const OF_A_PLACE: &str =
            "municipality = ?3 AND not_after > ?4 AND CAST(?5 AS BIGINT) IS NOT NULL ORDER BY not_after, id";
        let beyond = if self.wanted.place.is_some() { OF_A_PLACE } else { EVERYBODYS };
        let bound = self.wanted.not_over_before.seconds();
        let same = self.read(sql, (SAME, self.last.2), self.size, heaps)?;
        let count = same + self.read(sql, (beyond, bound), self.size - same, heaps)?;
        Ok(count == self.size)
    }

    /// Reads so many of the rows that a condition names, in its order; how many there were.
    fn read(
        &mut self,
        sql: &dyn Engine,
        (condition, value): (&str, i64),
        limit: usize,
        heaps: &mut Heaps,
    ) -> Read<usize> {
        // The condition on the state stands as in the index.
        let query = format!(
            "SELECT serial, revocation_date, reason, invalidity_date, municipality, not_after, id FROM certificate
             WHERE state IN ('held', 'revoked') AND kind = ?1 AND generation = ?2 AND {condition} LIMIT ?6"
        );
        let (municipality, not_after, id) = &mut self.last;
        let (kind, generation) = (self.wanted.kind.id(), self.wanted.generation);
        let (place, end) = (municipality.clone(), *not_after);
        let (values, mut count) = (params![kind, generation, place, end, value, limit as i64], 0);
        sql.each(&query, values, &mut |row| {
            heaps.take(&rows::entry(row)?);
            count += 1;
            if count == limit {
                *municipality = row.get(4)?;
                (*not_after, *id) = (row.get(5)?, row.get(6)?);
            }
            Ok(true)
        })?;
        Ok(count)
    }
}

/// Holds that the end of validity overtook: the last event alone tells of them.
fn overtaken(sql: &dyn Engine, wanted: &Wanted, heaps: &mut Heaps) -> Read<()> {
    const OVERTAKEN: &str = "SELECT c.serial, e.revocation_date, e.reason, e.invalidity_date
        FROM certificate c CROSS JOIN status_event e
          ON e.position = (SELECT max(position) FROM status_event WHERE kind = c.kind AND ca_index = c.ca_index)
        WHERE c.state = 'expired' AND c.kind = ?1 AND c.generation = ?2 AND c.not_after >= ?3
          AND (CAST(?4 AS TEXT) IS NULL OR c.municipality = ?4) AND e.state = 'held'";
    let Wanted { kind, generation, place, not_over_before } = wanted;
    let place = place.map(|place| place.to_string());
    sql.each(OVERTAKEN, params![kind.id(), generation, not_over_before.seconds(), place], &mut |row| {
        heaps.take(&rows::entry(row)?);
        Ok(true)
    })
}

/// Entries in no order, packed: what a list of ten million takes in memory, 240 MB, is about what these take.
#[derive(Default)]
struct Heaps(BTreeMap<[u8; 3], CrlSnapshot>);

impl Heaps {
    fn take(&mut self, entry: &CrlEntry) {
        let octets = entry.serial.octets();
        // As numbers rise: by length first.
        let first = [octets.len() as u8, octets[0], octets.get(1).copied().unwrap_or_default()];
        self.0.entry(first).or_default().push(entry);
    }

    /// Tells every entry once, in order, but those that came to something else.
    fn tell(self, outcomes: &HashMap<Serial, Option<CrlEntry>>, take: &mut dyn FnMut(&CrlEntry)) {
        let stands = |entry: &CrlEntry| outcomes.get(&entry.serial).is_none_or(|outcome| *outcome == Some(*entry));
        for heap in self.0.into_values() {
            let mut entries: Vec<_> = heap.iter().filter(stands).collect();
            drop(heap);
            entries.sort_unstable_by_key(|entry| entry.serial);
            // One that an event tells of was told by its page too.
            entries.dedup();
            entries.iter().for_each(&mut *take);
        }
    }
}
