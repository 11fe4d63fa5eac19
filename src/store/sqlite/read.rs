//! The reading side: a few read-only connections, and the queries.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    error::store_error,
    open::{Health, Place},
    rows,
    shelf::Shelf,
};
use crate::{
    audit::{GENESIS, Marks, Of},
    kind::Kind,
    ports::{
        AnswerRecord, CardNumber, CertificateRecord, CrlRecord, Dossier, History, HolderReference, ListedEvent,
        StatusEvent, StoreError,
        store::{Beginning, StateCount},
    },
    scope::CrlScope,
    x509::{Serial, UnixTime},
};

/// Connections that read at a time; whoever comes beyond waits for one. Reading takes well under a millisecond but for lists,
/// of which few are read at a time, so more would only take turns on the cores. Opening one costs as much as fifty readings:
/// it reads the schema and has every statement prepared anew.
const CONNECTIONS: usize = 32;
/// Events taken from the store at a time.
const CHUNK: usize = 4096;

/// The reading side.
pub(super) struct Readers {
    place: Place,
    health: Arc<Health>,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    /// Connections that somebody has.
    lent: usize,
}

/// A connection of the pool. It goes back if its reading went well, and is closed if not, with its transaction.
struct Lent<'a> {
    readers: &'a Readers,
    /// Absent until it is opened, and when it is to be closed.
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        pool.lent -= 1;
        pool.idle.extend(self.connection.take());
        self.readers.returned.notify_one();
    }
}

impl Readers {
    pub(super) fn new(place: Place, health: Arc<Health>) -> Self {
        Self { place, health, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Whether the store is fit to be written.
    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Reads at one instant of the store.
    pub(super) fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let mut lent = self.lend();
        let connection = lent.connection.take().map_or_else(|| self.place.connect_to_read(), Ok)?;
        let at_one_instant = |sql: &Connection| {
            sql.prepare_cached("BEGIN")?.execute([])?;
            let value = query(sql)?;
            sql.prepare_cached("COMMIT")?.execute([])?;
            Ok(value)
        };
        let value = at_one_instant(&connection).map_err(|error| self.health.note(store_error(error)))?;
        lent.connection = Some(connection);
        Ok(value)
    }

    fn lend(&self) -> Lent<'_> {
        let full = |pool: &mut Pool| pool.lent >= CONNECTIONS;
        let mut pool = self.returned.wait_while(self.pool(), full).unwrap_or_else(PoisonError::into_inner);
        pool.lent += 1;
        Lent { readers: self, connection: pool.idle.pop() }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All rows of a query.
pub(super) fn all<T>(
    sql: &Connection,
    query: &str,
    values: impl rusqlite::Params,
    record: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    sql.prepare_cached(query)?.query_map(values, record)?.collect()
}

/// The one row of a query, if there is one.
pub(super) fn first<T>(
    sql: &Connection,
    query: &str,
    values: impl rusqlite::Params,
    record: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    sql.prepare_cached(query)?.query_row(values, record).optional()
}

/// Everything about a holder.
pub(super) fn dossier(sql: &Connection, holder: &HolderReference) -> rusqlite::Result<Option<Dossier>> {
    let reference = [holder.as_str()];
    let Some(holder) = first(sql, "SELECT * FROM holder WHERE reference = ?1", reference, rows::holder)? else {
        return Ok(None);
    };
    Ok(Some(Dossier {
        holder,
        cards: all(sql, "SELECT * FROM card WHERE holder = ?1 ORDER BY id", reference, rows::card)?,
        certificates: all(
            sql,
            "SELECT * FROM certificate WHERE holder = ?1 ORDER BY id",
            reference,
            rows::certificate,
        )?,
    }))
}

/// Who holds a card.
pub(super) fn holder_of_card(sql: &Connection, card: &CardNumber) -> rusqlite::Result<Option<HolderReference>> {
    first(sql, "SELECT holder FROM card WHERE number = ?1", [card.as_str()], |row| rows::reference(row.get(0)?))
}

/// The first answer to a client under a key.
pub(super) fn answer(sql: &Connection, client: &str, key: &str) -> rusqlite::Result<Option<AnswerRecord>> {
    first(sql, "SELECT * FROM answer WHERE client = ?1 AND key = ?2", [client, key], rows::answer)
}

/// What a request about a card begins with.
pub(super) fn beginning(
    sql: &Connection,
    client: &str,
    (key, card): (&str, Option<&CardNumber>),
) -> rusqlite::Result<Beginning> {
    if let Some(answer) = answer(sql, client, key)? {
        return Ok(Beginning::Told(answer));
    }
    let holder = card.map_or(Ok(None), |card| holder_of_card(sql, card))?;
    Ok(Beginning::Card(holder.map_or(Ok(None), |holder| dossier(sql, &holder))?.map(Box::new)))
}

/// A certificate by its serial number.
pub(super) fn certificate(
    sql: &Connection,
    kind: Kind,
    serial: &Serial,
) -> rusqlite::Result<Option<CertificateRecord>> {
    let query = "SELECT * FROM certificate WHERE kind = ?1 AND serial = ?2 AND erased IS NULL";
    first(sql, query, params![kind.id(), serial.octets()], rows::certificate)
}

/// A certificate by its serial number, with its events.
pub(super) fn history(sql: &Connection, kind: Kind, serial: &Serial) -> rusqlite::Result<Option<History>> {
    let Some(certificate) = certificate(sql, kind, serial)? else { return Ok(None) };
    let query = "SELECT * FROM status_event WHERE kind = ?1 AND ca_index = ?2 ORDER BY position";
    let events = all(sql, query, params![kind.id(), certificate.index as i64], rows::event)?;
    Ok(Some(History { events, position: last_event(sql)?, certificate }))
}

/// The next certificates of a CA by index, with the last event of that instant.
pub(super) fn certificates(
    sql: &Connection,
    kind: Kind,
    from: u64,
    limit: usize,
) -> rusqlite::Result<(Vec<CertificateRecord>, u64)> {
    let query = "SELECT * FROM certificate WHERE kind = ?1 AND ca_index >= ?2 AND erased IS NULL
        ORDER BY ca_index LIMIT ?3";
    let [from, limit] = [i64::try_from(from), i64::try_from(limit)].map(|bound| bound.unwrap_or(i64::MAX));
    Ok((all(sql, query, params![kind.id(), from, limit], rows::certificate)?, last_event(sql)?))
}

/// Status events after a position with what lists must know of their certificates.
pub(super) fn listed_events(sql: &Connection, after: u64, limit: usize) -> rusqlite::Result<Vec<ListedEvent>> {
    let query = "SELECT e.*, c.generation, c.serial, c.municipality, c.not_after,
          CASE e.state WHEN 'live' THEN (SELECT p.revocation_date FROM status_event p
            WHERE p.kind = e.kind AND p.ca_index = e.ca_index AND p.position < e.position
            ORDER BY p.position DESC LIMIT 1) END AS released
        FROM status_event e CROSS JOIN certificate c ON c.kind = e.kind AND c.ca_index = e.ca_index
        WHERE e.position > ?1 ORDER BY e.position LIMIT ?2";
    let [after, limit] = [i64::try_from(after), i64::try_from(limit)].map(|bound| bound.unwrap_or(i64::MAX));
    all(sql, query, params![after, limit], rows::listed_event)
}

/// One published list.
pub(super) fn crl(
    (sql, shelf): (&Connection, &Shelf),
    (kind, generation): (Kind, u8),
    scope: CrlScope,
    number: u64,
) -> rusqlite::Result<Option<CrlRecord>> {
    let query = "SELECT * FROM crl WHERE kind = ?1 AND generation = ?2 AND scope = ?3 AND number = ?4";
    let Ok(number) = i64::try_from(number) else { return Ok(None) };
    first(sql, query, params![kind.id(), generation, scope.word(), number], |row| rows::crl(row, shelf))
}

/// The newest list of the scope with a lesser number.
pub(super) fn crl_before(
    (sql, shelf): (&Connection, &Shelf),
    (kind, generation): (Kind, u8),
    scope: CrlScope,
    number: u64,
) -> rusqlite::Result<Option<CrlRecord>> {
    let query = "SELECT * FROM crl WHERE kind = ?1 AND generation = ?2 AND scope = ?3 AND number < ?4
        ORDER BY number DESC LIMIT 1";
    let bound = i64::try_from(number).unwrap_or(i64::MAX);
    first(sql, query, params![kind.id(), generation, scope.word(), bound], |row| rows::crl(row, shelf))
}

/// The newest list of every kind, generation and scope.
pub(super) fn newest_crls(sql: &Connection, shelf: &Shelf) -> rusqlite::Result<Vec<CrlRecord>> {
    // CROSS JOIN: from the few newest to the many kept, never the other way round.
    let query = "SELECT crl.* FROM crl_newest CROSS JOIN crl USING (kind, generation, scope, number)";
    let mut records = all(sql, query, [], |row| rows::crl(row, shelf))?;
    records.sort_by_key(|record| (record.kind, record.generation, record.scope));
    Ok(records)
}

/// Certificates by kind and state; what does not occur is left out.
pub(super) fn counts(sql: &Connection) -> rusqlite::Result<Vec<StateCount>> {
    let mut counts = all(sql, "SELECT kind, state, count FROM state_count WHERE count > 0", [], |row| {
        Ok(StateCount { kind: rows::kind(row, "kind")?, state: rows::state(row)?, count: rows::number(row, "count")? })
    })?;
    counts.sort_by_key(|count: &StateCount| (count.kind, count.state));
    Ok(counts)
}

/// Reservations without a certificate, oldest first.
pub(super) fn reserved(sql: &Connection) -> rusqlite::Result<Vec<CertificateRecord>> {
    // Named: that index has the few that are reserved, which the planner does not know.
    let query = "SELECT * FROM certificate INDEXED BY certificate_coming WHERE state = 'reserved' ORDER BY id";
    all(sql, query, [], rows::certificate)
}

/// How far the store has come. The caller reads at one instant.
pub(super) fn marks(sql: &Connection) -> rusqlite::Result<Marks> {
    let one = |query| sql.prepare_cached(query)?.query_row([], |row| row.get(0)).and_then(rows::unsigned);
    let of = |query: &str, kind: Kind| {
        sql.prepare_cached(query)?.query_row([kind.id()], |row| row.get(0)).and_then(rows::unsigned)
    };
    let last = first(sql, "SELECT * FROM audit_entry ORDER BY position DESC LIMIT 1", [], rows::audit_entry)?;
    let (entry, seal, at) =
        last.map_or((0, GENESIS, UnixTime::EPOCH), |last| (last.position, last.seal, last.draft.at));
    let newest = "SELECT coalesce(max(number), 0) FROM crl_newest WHERE kind = ?1";
    Ok(Marks {
        fence: one("SELECT value FROM fence")?,
        at,
        entry,
        seal,
        event: last_event(sql)?,
        indexes: Of::each(|kind| of("SELECT value FROM next_index WHERE kind = ?1", kind))?,
        lists: Of::each(|kind| Ok::<_, rusqlite::Error>(of(newest, kind)?.max(number_floor(sql, kind)?)))?,
    })
}

/// The number that every coming list of a CA must exceed.
pub(super) fn number_floor(sql: &Connection, kind: Kind) -> rusqlite::Result<u64> {
    let query = "SELECT value FROM number_floor WHERE kind = ?1";
    sql.prepare_cached(query)?.query_row([kind.id()], |row| row.get(0)).and_then(rows::unsigned)
}

/// Position of the last status event.
pub(super) fn last_event(sql: &Connection) -> rusqlite::Result<u64> {
    let last: i64 =
        sql.prepare_cached("SELECT coalesce(max(position), 0) FROM status_event")?.query_row([], |row| row.get(0))?;
    rows::unsigned(last)
}

/// The next events after a position, a bounded number.
pub(super) fn next_events(sql: &Connection, after: u64) -> rusqlite::Result<Vec<StatusEvent>> {
    let query = "SELECT * FROM status_event WHERE position > ?1 ORDER BY position LIMIT ?2";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    all(sql, query, params![after, CHUNK as i64], rows::event)
}

/// The next events after a position short of the last.
///
/// # Errors
/// [`StoreError::Corrupt`] if one is missing.
pub(super) fn events_chunk(sql: &Connection, after: u64) -> Result<Vec<StatusEvent>, StoreError> {
    let events = next_events(sql, after).map_err(store_error)?;
    if reached(&events, after)? == after { Err(missing(after)) } else { Ok(events) }
}

pub(super) fn missing(after: u64) -> StoreError {
    StoreError::Corrupt(format!("events are missing after {after}"))
}

/// The position reached with `events` from `after` on.
///
/// # Errors
/// [`StoreError::Corrupt`] if one is missing.
pub(super) fn reached(events: &[StatusEvent], after: u64) -> Result<u64, StoreError> {
    let reached = after + events.len() as u64;
    let whole = events.iter().zip(after + 1..).all(|(event, position)| event.position == position);
    if whole { Ok(reached) } else { Err(missing(after)) }
}

/// Every event after a position that the store has already reached.
///
/// # Errors
/// [`StoreError::Corrupt`] if one is missing, or if the store has not reached it.
pub(super) fn events_after(sql: &Connection, after: u64) -> Result<Vec<StatusEvent>, StoreError> {
    let last = last_event(sql).map_err(store_error)?;
    if last < after {
        return Err(StoreError::Corrupt(format!("the last event is {last}, but event {after} has been told")));
    }
    let mut events = Vec::new();
    let mut at = after;
    while at < last {
        let chunk = events_chunk(sql, at)?;
        at += chunk.len() as u64;
        events.extend(chunk);
    }
    Ok(events)
}
