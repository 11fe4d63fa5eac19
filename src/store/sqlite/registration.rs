//! The register's text beside certificates, and exceptions: the steps and the queries.

use rusqlite::{Connection, Row, params};

use super::{
    error::Trouble,
    read, rows,
    steps::{Steps, one},
};
use crate::{
    municipality::MunicipalityCode,
    ports::{ExceptionRecord, RegisterTextRecord},
    store::refusal,
    x509::UnixTime,
};

const REGISTER_TEXT: &str = "INSERT INTO register_text (ca_index, name, address, substituted, blind)
    SELECT ca_index, ?2, ?3, ?4, ?5 FROM certificate WHERE kind = 1 AND ca_index = ?1 AND state = 'reserved'
    ON CONFLICT (ca_index) DO NOTHING";

const ASK: &str = "INSERT INTO exception (digest, municipality, holder, card, reason, asked_by, asked, version, blind)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8) ON CONFLICT (digest) DO NOTHING";

const GO_ON: &str = "UPDATE exception SET approved_by = ?3, approved = ?4, used = ?5, version = version + 1
    WHERE digest = ?1 AND version = ?2 AND used IS NULL AND (approved IS NULL OR (approved_by = ?3 AND approved = ?4))";

impl Steps<'_> {
    pub(super) fn register_text(&self, record: &RegisterTextRecord) -> Result<(), Trouble> {
        let values = params![rows::int(record.index)?, record.name, record.address, record.substituted, self.blind()];
        one(self.run(REGISTER_TEXT, values)?, refusal::REGISTER_TEXT)
    }

    pub(super) fn exception(&self, record: &ExceptionRecord) -> Result<(), Trouble> {
        if !record.is_sound() || (record.version == 0 && !record.is_new()) {
            return Err(Trouble::conflict(refusal::NO_EXCEPTION));
        }
        if record.version == 0 {
            let values = params![
                record.digest,
                record.municipality.to_string(),
                record.holder.as_str(),
                record.card.as_str(),
                record.reason,
                record.asked_by,
                record.asked.seconds(),
                self.blind(),
            ];
            return one(self.run(ASK, values)?, refusal::EXCEPTION);
        }
        let (by, at) = record.approved.as_ref().map(|(by, at)| (by, at.seconds())).unzip();
        let used = record.used.map(rows::int).transpose()?;
        one(self.run(GO_ON, params![record.digest, rows::int(record.version)?, by, at, used])?, refusal::EXCEPTION)
    }
}

/// The register's text of a SIGN.
pub(super) fn text_of(sql: &Connection, index: u64) -> rusqlite::Result<Option<RegisterTextRecord>> {
    let Ok(index) = i64::try_from(index) else { return Ok(None) };
    read::first(sql, "SELECT * FROM register_text WHERE ca_index = ?1", [index], text)
}

/// A row of `register_text`.
pub(super) fn text(row: &Row<'_>) -> rusqlite::Result<RegisterTextRecord> {
    Ok(RegisterTextRecord {
        index: rows::number(row, "ca_index")?,
        name: row.get("name")?,
        address: row.get("address")?,
        substituted: row.get("substituted")?,
    })
}

/// An exception by the digest of its request.
pub(super) fn exception(sql: &Connection, digest: &[u8; 32]) -> rusqlite::Result<Option<ExceptionRecord>> {
    read::first(sql, "SELECT * FROM exception WHERE digest = ?1", [digest], row)
}

/// Exceptions are few, and asked for in the order of their ids: the newest that is older ends the search, backwards.
const ASKED_SINCE: &str = "SELECT * FROM exception
    WHERE id > coalesce((SELECT id FROM exception WHERE asked < ?2 ORDER BY id DESC LIMIT 1), 0)
      AND municipality = ?1 AND asked >= ?2 ORDER BY id LIMIT ?3";

/// Exceptions that a municipality asked for at a time or later.
pub(super) fn exceptions(
    sql: &Connection,
    municipality: MunicipalityCode,
    since: UnixTime,
    limit: usize,
) -> rusqlite::Result<Vec<ExceptionRecord>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    read::all(sql, ASKED_SINCE, params![municipality.to_string(), since.seconds(), limit], row)
}

pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<ExceptionRecord> {
    let approved = |by| -> rusqlite::Result<_> { Ok((by, rows::instant(row.get("approved")?)?)) };
    Ok(ExceptionRecord {
        digest: row.get("digest")?,
        municipality: rows::municipality(&row.get::<_, String>("municipality")?)?,
        holder: rows::reference(row.get("holder")?)?,
        card: rows::card_number(row.get("card")?)?,
        reason: row.get("reason")?,
        asked_by: row.get("asked_by")?,
        asked: rows::instant(row.get("asked")?)?,
        approved: row.get::<_, Option<String>>("approved_by")?.map(approved).transpose()?,
        used: row.get::<_, Option<i64>>("used")?.map(rows::unsigned).transpose()?,
        version: rows::number(row, "version")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::migrations::migrate;

    #[test]
    fn exceptions_and_texts_cannot_be_rewritten_with_a_tool() {
        let mut sql = Connection::open_in_memory().unwrap();
        migrate(&mut sql).unwrap();
        sql.execute_batch(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO register_text (ca_index, name, address, substituted) VALUES (7, 'a', 'b', '{}');
             INSERT INTO exception (digest, municipality, holder, card, reason, asked_by, asked, version)
             VALUES (zeroblob(32), '13115', 'A', 'C', 'why', 'municipality/13115', 900, 1)",
        )
        .unwrap();
        let refused = |statement: &str| sql.execute(statement, []).unwrap_err().to_string();
        for (statement, reason) in [
            ("UPDATE register_text SET name = 'x'", "never changes"),
            ("DELETE FROM register_text", "kept with it"),
            ("UPDATE exception SET reason = 'x', version = 2", "never changes"),
            ("UPDATE exception SET approved_by = 'municipality/13115', approved = 1, version = 2", "CHECK"),
            ("UPDATE exception SET approved_by = 'operator/o', version = 2", "CHECK"),
            ("UPDATE exception SET used = 7, version = 2", "CHECK"),
            ("UPDATE exception SET approved_by = 'operator/o', approved = 1", "raises the version"),
            ("DELETE FROM exception", "kept"),
        ] {
            let told = refused(statement);
            assert!(told.contains(reason), "{statement}: {told}");
        }
        sql.execute("UPDATE exception SET approved_by = 'operator/o', approved = 1, version = 2", []).unwrap();
        assert!(refused("UPDATE exception SET approved_by = 'operator/p', version = 3").contains("approved once"));
        sql.execute("UPDATE exception SET used = 7, version = 3", []).unwrap();
        assert!(refused("UPDATE exception SET used = 8, version = 4").contains("used once"));
    }
}
