//! The queries about holders, certificates, lists, events and marks.

use super::{
    Engine, Error, Read,
    engine::{all, first, only},
    params, rows,
    shelves::Shelves,
    value::NONE,
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

/// Events taken from the store at a time.
const CHUNK: usize = 4096;

/// Everything about a holder.
pub(in crate::store) fn dossier(sql: &dyn Engine, holder: &HolderReference) -> Read<Option<Dossier>> {
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
pub(in crate::store) fn holder_of_card(sql: &dyn Engine, card: &CardNumber) -> Read<Option<HolderReference>> {
    first(sql, "SELECT holder FROM card WHERE number = ?1", [card.as_str()], |row| rows::reference(row.get(0)?))
}

/// The first answer to a client under a key.
pub(in crate::store) fn answer(sql: &dyn Engine, client: &str, key: &str) -> Read<Option<AnswerRecord>> {
    first(sql, "SELECT * FROM answer WHERE client = ?1 AND key = ?2", [client, key], rows::answer)
}

/// What a request about a card begins with.
pub(in crate::store) fn beginning(
    sql: &dyn Engine,
    client: &str,
    (key, card): (&str, Option<&CardNumber>),
) -> Read<Beginning> {
    if let Some(answer) = answer(sql, client, key)? {
        return Ok(Beginning::Told(answer));
    }
    let holder = card.map_or(Ok(None), |card| holder_of_card(sql, card))?;
    Ok(Beginning::Card(holder.map_or(Ok(None), |holder| dossier(sql, &holder))?.map(Box::new)))
}

/// A certificate by its serial number.
pub(in crate::store) fn certificate(sql: &dyn Engine, kind: Kind, serial: &Serial) -> Read<Option<CertificateRecord>> {
    let query = "SELECT * FROM certificate WHERE kind = ?1 AND serial = ?2 AND erased IS NULL";
    first(sql, query, params![kind.id(), serial.octets()], rows::certificate)
}

/// A certificate by its serial number, with its events.
pub(in crate::store) fn history(sql: &dyn Engine, kind: Kind, serial: &Serial) -> Read<Option<History>> {
    let Some(certificate) = certificate(sql, kind, serial)? else { return Ok(None) };
    let query = "SELECT * FROM status_event WHERE kind = ?1 AND ca_index = ?2 ORDER BY position";
    let events = all(sql, query, params![kind.id(), certificate.index as i64], rows::event)?;
    Ok(Some(History { events, position: last_event(sql)?, certificate }))
}

/// The next certificates of a CA by index, with the last event of that instant.
pub(in crate::store) fn certificates(
    sql: &dyn Engine,
    kind: Kind,
    from: u64,
    limit: usize,
) -> Read<(Vec<CertificateRecord>, u64)> {
    let query = "SELECT * FROM certificate WHERE kind = ?1 AND ca_index >= ?2 AND erased IS NULL
        ORDER BY ca_index LIMIT ?3";
    let [from, limit] = [i64::try_from(from), i64::try_from(limit)].map(|bound| bound.unwrap_or(i64::MAX));
    Ok((all(sql, query, params![kind.id(), from, limit], rows::certificate)?, last_event(sql)?))
}

/// Status events after a position with what lists must know of their certificates.
pub(in crate::store) fn listed_events(sql: &dyn Engine, after: u64, limit: usize) -> Read<Vec<ListedEvent>> {
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
pub(in crate::store) fn crl(
    (sql, shelf): (&dyn Engine, &dyn Shelves),
    (kind, generation): (Kind, u8),
    scope: CrlScope,
    number: u64,
) -> Read<Option<CrlRecord>> {
    let query = "SELECT * FROM crl WHERE kind = ?1 AND generation = ?2 AND scope = ?3 AND number = ?4";
    let Ok(number) = i64::try_from(number) else { return Ok(None) };
    first(sql, query, params![kind.id(), generation, scope.word(), number], |row| rows::crl(row, shelf))
}

/// The newest list of the scope with a lesser number.
pub(in crate::store) fn crl_before(
    (sql, shelf): (&dyn Engine, &dyn Shelves),
    (kind, generation): (Kind, u8),
    scope: CrlScope,
    number: u64,
) -> Read<Option<CrlRecord>> {
    let query = "SELECT * FROM crl WHERE kind = ?1 AND generation = ?2 AND scope = ?3 AND number < ?4
        ORDER BY number DESC LIMIT 1";
    let bound = i64::try_from(number).unwrap_or(i64::MAX);
    first(sql, query, params![kind.id(), generation, scope.word(), bound], |row| rows::crl(row, shelf))
}

/// The newest list of every kind, generation and scope.
pub(in crate::store) fn newest_crls(sql: &dyn Engine, shelf: &dyn Shelves) -> Read<Vec<CrlRecord>> {
    // CROSS JOIN: from the few newest to the many kept, never the other way round.
    let query = "SELECT crl.* FROM crl_newest CROSS JOIN crl USING (kind, generation, scope, number)";
    let mut records = all(sql, query, NONE, |row| rows::crl(row, shelf))?;
    records.sort_by_key(|record| (record.kind, record.generation, record.scope));
    Ok(records)
}

/// Certificates by kind and state; what does not occur is left out.
pub(in crate::store) fn counts(sql: &dyn Engine) -> Read<Vec<StateCount>> {
    let mut counts = all(sql, "SELECT kind, state, count FROM state_count WHERE count > 0", NONE, |row| {
        Ok(StateCount { kind: rows::kind(row, "kind")?, state: rows::state(row)?, count: rows::number(row, "count")? })
    })?;
    counts.sort_by_key(|count: &StateCount| (count.kind, count.state));
    Ok(counts)
}

/// Reservations without a certificate, oldest first.
pub(in crate::store) fn reserved(sql: &dyn Engine) -> Read<Vec<CertificateRecord>> {
    // Named: that index has the few that are reserved, which the planner does not know.
    let query = "SELECT * FROM certificate INDEXED BY certificate_coming WHERE state = 'reserved' ORDER BY id";
    all(sql, query, NONE, rows::certificate)
}

/// How far the store has come. The caller reads at one instant.
pub(in crate::store) fn marks(sql: &dyn Engine) -> Read<Marks> {
    let one = |query| only(sql, query, NONE, |row| row.get(0)).and_then(rows::unsigned);
    let of = |query: &str, kind: Kind| only(sql, query, [kind.id()], |row| row.get(0)).and_then(rows::unsigned);
    let last = first(sql, "SELECT * FROM audit_entry ORDER BY position DESC LIMIT 1", NONE, rows::audit_entry)?;
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
        lists: Of::each(|kind| Ok::<_, Error>(of(newest, kind)?.max(number_floor(sql, kind)?)))?,
    })
}

/// The number that every coming list of a CA must exceed.
pub(in crate::store) fn number_floor(sql: &dyn Engine, kind: Kind) -> Read<u64> {
    let query = "SELECT value FROM number_floor WHERE kind = ?1";
    only(sql, query, [kind.id()], |row| row.get(0)).and_then(rows::unsigned)
}

/// Position of the last status event.
pub(in crate::store) fn last_event(sql: &dyn Engine) -> Read<u64> {
    let last: i64 = only(sql, "SELECT coalesce(max(position), 0) FROM status_event", NONE, |row| row.get(0))?;
    rows::unsigned(last)
}

/// The next events after a position, a bounded number.
pub(in crate::store) fn next_events(sql: &dyn Engine, after: u64) -> Read<Vec<StatusEvent>> {
    let query = "SELECT * FROM status_event WHERE position > ?1 ORDER BY position LIMIT ?2";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    all(sql, query, params![after, CHUNK as i64], rows::event)
}

/// The next events after a position short of the last.
///
/// # Errors
/// [`StoreError::Corrupt`] if one is missing.
pub(in crate::store) fn events_chunk(sql: &dyn Engine, after: u64) -> Result<Vec<StatusEvent>, StoreError> {
    let events = next_events(sql, after)?;
    if reached(&events, after)? == after { Err(missing(after)) } else { Ok(events) }
}

pub(in crate::store) fn missing(after: u64) -> StoreError {
    StoreError::Corrupt(format!("events are missing after {after}"))
}

/// The position reached with `events` from `after` on.
///
/// # Errors
/// [`StoreError::Corrupt`] if one is missing.
pub(in crate::store) fn reached(events: &[StatusEvent], after: u64) -> Result<u64, StoreError> {
    let reached = after + events.len() as u64;
    let whole = events.iter().zip(after + 1..).all(|(event, position)| event.position == position);
    if whole { Ok(reached) } else { Err(missing(after)) }
}

/// Every event after a position that the store has already reached.
///
/// # Errors
/// [`StoreError::Corrupt`] if one is missing, or if the store has not reached it.
pub(in crate::store) fn events_after(sql: &dyn Engine, after: u64) -> Result<Vec<StatusEvent>, StoreError> {
    events_up_to(sql, after, last_event(sql)?)
}

/// The same, where the last event is known.
///
/// # Errors
/// As for [`events_after`].
pub(in crate::store) fn events_up_to(sql: &dyn Engine, after: u64, last: u64) -> Result<Vec<StatusEvent>, StoreError> {
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
