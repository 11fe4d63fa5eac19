//! A population: what years of service leave in a store, written straight into its tables.
//!
//! Issuing and revoking ten million certificates by the stories takes hours, and what the service does with them afterwards
//! does not depend on how they came there. Live pairs are copies of one that was issued, with numbers of their own. The ended
//! ones carry no certificate and belong to one holder; a list reads nothing but serial, dates and reason of them.

use std::path::Path;

use jitsuin::{kind::Kind, ports::CardNumber, revocation::serial::SerialPermutation, rules::Cause, x509::UnixTime};
use rusqlite::{Connection, OptionalExtension, params};

/// Where the ended certificates were issued: a municipality that does not take part, so that only the full list has them.
const ELSEWHERE: &str = "01100";

/// How many of what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Population {
    /// Revoked SIGN certificates.
    pub(crate) ended: u64,
    /// Cards with a live pair.
    pub(crate) pairs: u64,
}

/// Fills the database of a service that is closed and has issued at least one pair; the cards of the live pairs.
pub(crate) fn fill(
    database: &Path,
    serials: &SerialPermutation,
    (many, now): (Population, UnixTime),
) -> Vec<CardNumber> {
    let mut sql = Connection::open(database).unwrap();
    // Nothing survives a crash here, and nothing has to.
    sql.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         PRAGMA cache_size = -3000000; PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA threads = 2;",
    )
    .unwrap();
    let transaction = sql.transaction().unwrap();
    let laid_aside = lay_aside(&transaction);
    let first = [Kind::Sign, Kind::Auth].map(|kind| next_index(&transaction, kind));
    let mut position: u64 = number(&transaction, "SELECT coalesce(max(position), 0) FROM status_event");
    ended(&transaction, serials, (first[0], many.ended), (now, &mut position));
    let from = [first[0] + many.ended, first[1]];
    let cards = pairs(&transaction, serials, (from, many.pairs), (now, &mut position));
    for (kind, from) in [Kind::Sign, Kind::Auth].into_iter().zip(from) {
        let set = "UPDATE next_index SET value = ?2 WHERE kind = ?1";
        transaction.execute(set, params![kind.id(), (from + many.pairs) as i64]).unwrap();
    }
    // No list but the full one of SIGN has anything of this, and that one is made anew: the others know it all.
    transaction.execute("UPDATE crl SET position = ?1", [position as i64]).unwrap();
    laid_aside.iter().for_each(|statement| transaction.execute_batch(statement).unwrap());
    let more = "UPDATE state_count SET count = count + ?3 WHERE kind = ?1 AND state = ?2";
    for (kind, state, count) in
        [(Kind::Sign, "revoked", many.ended), (Kind::Sign, "live", many.pairs), (Kind::Auth, "live", many.pairs)]
    {
        assert_eq!(transaction.execute(more, params![kind.id(), state, count as i64]).unwrap(), 1);
    }
    transaction.commit().unwrap();
    cards
}

/// Drops what would be kept up to date row by row; the statements that bring it back.
fn lay_aside(sql: &Connection) -> Vec<String> {
    let query = "SELECT type, name, sql FROM sqlite_master
        WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name IN ('certificate', 'status_event', 'crl')";
    let mut all = sql.prepare(query).unwrap();
    let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let all: Vec<(String, String, String)> = all.collect::<Result<_, _>>().unwrap();
    for (type_, name, _) in &all {
        sql.execute_batch(&format!("DROP {type_} {name}")).unwrap();
    }
    all.into_iter().map(|(_, _, statement)| statement).collect()
}

fn number(sql: &Connection, query: &str) -> u64 {
    sql.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() as u64
}

fn next_index(sql: &Connection, kind: Kind) -> u64 {
    number(sql, &format!("SELECT value FROM next_index WHERE kind = {}", kind.id()))
}

/// A digest of a key that nobody has.
fn digest(of: u64) -> [u8; 32] {
    let mut digest = [0xEE; 32];
    digest[..8].copy_from_slice(&of.to_be_bytes());
    digest
}

/// The certificates of a kind that were issued by the story: one to copy.
fn template(sql: &Connection, kind: Kind) -> i64 {
    let query = "SELECT max(id) FROM certificate WHERE kind = ?1 AND state = 'live'";
    sql.query_row(query, [kind.id()], |row| row.get(0)).optional().unwrap().unwrap()
}

/// Revoked SIGN certificates over three years, with reasons as they come in the field; every tenth has an invalidityDate.
fn ended(
    sql: &Connection,
    serials: &SerialPermutation,
    (first, count): (u64, u64),
    (now, position): (UnixTime, &mut u64),
) {
    // CRLReason (RFC 5280 §5.3.1) and what brought it about.
    const REASONS: [(u8, Cause); 3] = [(4, Cause::Renewal), (3, Cause::OverseasMove), (5, Cause::CardReturned)];
    let of_template = "SELECT holder, card, not_before, not_after FROM certificate WHERE id = ?1";
    let columns = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let (holder, card, from, to): (String, String, i64, i64) =
        sql.query_row(of_template, [template(sql, Kind::Sign)], columns).unwrap();
    let mut row = sql
        .prepare(
            "INSERT INTO certificate (kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after,
               state, revocation_date, reason, invalidity_date, cause, key_digest, tbs)
             VALUES (1, 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, 'revoked', ?8, ?9, ?10, ?11, ?12, x'30')",
        )
        .unwrap();
    let mut event = sql.prepare(EVENT).unwrap();
    for number in 0..count {
        let (index, at) = (first + number, now.seconds() - 1 - (number * 7919 % 94_608_000) as i64);
        let (reason, cause) = REASONS[number as usize % REASONS.len()];
        let invalid = number.is_multiple_of(10).then_some(at - 86_400);
        let (serial, cause, at_index) = (serials.serial(Kind::Sign, index), cause.word(), index as i64);
        let digest = digest(index);
        row.execute(params![
            at_index,
            serial.octets(),
            holder,
            card,
            ELSEWHERE,
            from,
            to,
            at,
            reason,
            invalid,
            cause,
            digest
        ])
        .unwrap();
        *position += 1;
        let (place, kind) = (*position as i64, Kind::Sign.id());
        event.execute(params![place, kind, at_index, "revoked", at, reason, invalid, cause, now.seconds()]).unwrap();
    }
}

const EVENT: &str = "INSERT INTO status_event
    (position, kind, ca_index, state, revocation_date, reason, invalidity_date, cause, recorded)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Live pairs, a holder and a card each.
fn pairs(
    sql: &Connection,
    serials: &SerialPermutation,
    (first, count): ([u64; 2], u64),
    (now, position): (UnixTime, &mut u64),
) -> Vec<CardNumber> {
    let templates = [Kind::Sign, Kind::Auth].map(|kind| template(sql, kind));
    let of_template = "(SELECT holder FROM certificate WHERE id = ?1)";
    let mut holder = sql
        .prepare(&format!(
            "INSERT INTO holder (reference, municipality, moving_to, birth, ward, registered, version)
             SELECT ?2, municipality, moving_to, birth, ward, registered, version FROM holder WHERE reference = {of_template}"
        ))
        .unwrap();
    let mut card = sql
        .prepare(&format!(
            "INSERT INTO card (number, holder, issue_day, application_day, last_day, void)
             SELECT ?3, ?2, issue_day, application_day, last_day, void FROM card WHERE holder = {of_template}"
        ))
        .unwrap();
    let mut row = sql
        .prepare(
            "INSERT INTO certificate (kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after,
               state, pair, key_digest, tbs, certificate)
             SELECT kind, generation, ?4, ?5, ?2, ?3, municipality, not_before, not_after, 'live', ?6, ?7, tbs, certificate
             FROM certificate WHERE id = ?1",
        )
        .unwrap();
    let mut event = sql.prepare(EVENT).unwrap();
    let mut cards = Vec::new();
    for number in 0..count {
        let (of, on) = (format!("COPY-{number:08}"), format!("COPY-CARD-{number:08}"));
        holder.execute(params![templates[0], of]).unwrap();
        card.execute(params![templates[0], of, on]).unwrap();
        for (which, kind) in [Kind::Sign, Kind::Auth].into_iter().enumerate() {
            let [index, other] = [first[which] + number, first[1 - which] + number];
            let (serial, digest) = (serials.serial(kind, index), digest(1 << 60 | number << 1 | which as u64));
            let (index, other) = (index as i64, other as i64);
            row.execute(params![templates[which], of, on, index, serial.octets(), other, digest]).unwrap();
            *position += 1;
            let (place, none) = (*position as i64, None::<i64>);
            event.execute(params![place, kind.id(), index, "live", none, none, none, none, now.seconds()]).unwrap();
        }
        cards.push(CardNumber::parse(on).unwrap());
    }
    cards
}
