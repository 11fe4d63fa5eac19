//! The last item of every row, found by its key.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    ports::written::{Facet, Item},
    store::sql::Read,
    x509::{UnixTime, hex},
};

/// Where the last items are kept meanwhile.
pub(super) struct Scratch(Connection);

/// The last item of a row.
pub(super) struct Last {
    pub(super) content: Vec<u8>,
    /// The entry that has it.
    pub(super) entry: u64,
    /// When that entry was recorded, in seconds since 1970: what it dates has this.
    pub(super) recorded: i64,
}

/// Beside the facets: which other certificate is the pair of one.
pub(super) const PAIR: u8 = 200;

impl Scratch {
    pub(super) fn new() -> Read<Self> {
        // No name: a file that is gone when it is closed.
        let sql = Connection::open("")?;
        sql.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;
             CREATE TABLE last (facet INTEGER, key BLOB, content BLOB, entry INTEGER, recorded INTEGER,
               PRIMARY KEY (facet, key)) WITHOUT ROWID;
             BEGIN;",
        )?;
        Ok(Self(sql))
    }

    /// The row is this from an entry on, which was recorded then.
    pub(super) fn put(&self, facet: u8, key: &[u8], content: &[u8], (entry, recorded): (u64, UnixTime)) -> Read<()> {
        let put = "INSERT INTO last (facet, key, content, entry, recorded) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (facet, key) DO UPDATE SET content = excluded.content, entry = excluded.entry, recorded = excluded.recorded";
        self.0.prepare_cached(put)?.execute(params![facet, key, content, entry as i64, recorded.seconds()])?;
        Ok(())
    }

    /// Takes the last item of a row out.
    pub(super) fn take(&self, facet: u8, key: &[u8]) -> Read<Option<Last>> {
        let take = "DELETE FROM last WHERE facet = ?1 AND key = ?2 RETURNING content, entry, recorded";
        Ok(self.0.prepare_cached(take)?.query_row(params![facet, key], last).optional()?)
    }

    /// What nobody took out, in order.
    pub(super) fn each_left(&self, mut take: impl FnMut(Facet, &[u8], Last) -> Read<()>) -> Read<()> {
        let left =
            "SELECT content, entry, recorded, facet, key FROM last WHERE length(content) > 0 ORDER BY facet, key";
        let mut left = self.0.prepare(left)?;
        let mut left = left.query([])?;
        while let Some(row) = left.next()? {
            if let Some(facet) = Facet::from_id(row.get(3)?) {
                take(facet, &row.get::<_, Vec<u8>>(4)?, last(row)?)?;
            }
        }
        Ok(())
    }
}

fn last(row: &Row<'_>) -> rusqlite::Result<Last> {
    Ok(Last { content: row.get(0)?, entry: row.get::<_, i64>(1)?.unsigned_abs(), recorded: row.get(2)? })
}

/// The key of an item, for who reads the report.
pub(super) fn show(item: &Item<'_>) -> String {
    let number =
        |octets: &[u8]| octets.try_into().map_or_else(|_| hex(octets), |octets| u64::from_be_bytes(octets).to_string());
    let kind = |id: u8| crate::kind::Kind::from_id(id).map_or_else(|| id.to_string(), |kind| kind.to_string());
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).replace('\0', " ");
    match (item.facet, item.key) {
        (Facet::Reserved | Facet::Signed | Facet::State, [id, index @ ..]) => {
            format!("{} {}", kind(*id), number(index))
        }
        (Facet::Authority | Facet::Compromise, [id, generation, ..]) => format!("{} {generation}", kind(*id)),
        (Facet::List, [id, generation, rest @ ..]) if rest.len() >= 8 => {
            format!("{} {generation} {} {}", kind(*id), text(&rest[8..]), number(&rest[..8]))
        }
        (
            Facet::Event
            | Facet::RegisterEntry
            | Facet::Notice
            | Facet::NoticeSent
            | Facet::Disclosure
            | Facet::RegisterText
            | Facet::AccessList,
            key,
        ) => number(key),
        (Facet::Application, key) if key.len() == 24 => hex(&key[..16]).to_uppercase(),
        (Facet::ApplicationState | Facet::Exception | Facet::ExceptionState, key) => hex(key).to_uppercase(),
        (Facet::Credential | Facet::Consent | Facet::ConsentEnd, key) => hex(key),
        (_, key) => text(key),
    }
}
