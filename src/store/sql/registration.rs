//! The register's text beside certificates, and exceptions: the steps and the queries.

use super::{
    Engine, Read, Row, Trouble,
    engine::{all, first},
    params, rows,
    steps::{Steps, one},
};
use crate::{
    municipality::MunicipalityCode,
    ports::{ExceptionRecord, RegisterTextRecord},
    store::refusal,
    x509::UnixTime,
};

const REGISTER_TEXT: &str = "INSERT INTO register_text (ca_index, name, address, substituted, blind)
    SELECT ?1, ?2, ?3, ?4, ?5
    WHERE EXISTS (SELECT 1 FROM certificate WHERE kind = 1 AND ca_index = ?1 AND state = 'reserved')
    ON CONFLICT (ca_index) DO NOTHING";

const ASK: &str = "INSERT INTO exception (digest, municipality, holder, card, reason, asked_by, asked, version, blind)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8) ON CONFLICT (digest) DO NOTHING";

const GO_ON: &str = "UPDATE exception SET approved_by = ?3, approved = ?4, used = ?5, version = version + 1
    WHERE digest = ?1 AND version = ?2 AND used IS NULL AND (approved IS NULL OR (approved_by = ?3 AND approved = ?4))";

impl Steps<'_> {
    pub(in crate::store) fn register_text(&self, record: &RegisterTextRecord) -> Result<(), Trouble> {
        let index = rows::int(record.index)?;
        let values = params![index, record.name, record.address, record.substituted, self.blind()];
        one(self.put(REGISTER_TEXT, values, 1)?, refusal::REGISTER_TEXT)
    }

    pub(in crate::store) fn exception(&self, record: &ExceptionRecord) -> Result<(), Trouble> {
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
pub(in crate::store) fn text_of(sql: &dyn Engine, index: u64) -> Read<Option<RegisterTextRecord>> {
    let Ok(index) = i64::try_from(index) else { return Ok(None) };
    first(sql, "SELECT * FROM register_text WHERE ca_index = ?1", [index], text)
}

/// A row of `register_text`.
pub(in crate::store) fn text(row: &Row<'_>) -> Read<RegisterTextRecord> {
    Ok(RegisterTextRecord {
        index: rows::number(row, "ca_index")?,
        name: row.get("name")?,
        address: row.get("address")?,
        substituted: row.get("substituted")?,
    })
}

/// An exception by the digest of its request.
pub(in crate::store) fn exception(sql: &dyn Engine, digest: &[u8; 32]) -> Read<Option<ExceptionRecord>> {
    first(sql, "SELECT * FROM exception WHERE digest = ?1", [digest], row)
}

/// Exceptions are few, and asked for in the order of their ids: the newest that is older ends the search, backwards.
const ASKED_SINCE: &str = "SELECT * FROM exception
    WHERE id > coalesce((SELECT id FROM exception WHERE asked < ?2 ORDER BY id DESC LIMIT 1), 0)
      AND municipality = ?1 AND asked >= ?2 ORDER BY id LIMIT ?3";

/// Exceptions that a municipality asked for at a time or later.
pub(in crate::store) fn exceptions(
    sql: &dyn Engine,
    municipality: MunicipalityCode,
    since: UnixTime,
    limit: usize,
) -> Read<Vec<ExceptionRecord>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    all(sql, ASKED_SINCE, params![municipality.to_string(), since.seconds(), limit], row)
}

pub(in crate::store) fn row(row: &Row<'_>) -> Read<ExceptionRecord> {
    let approved = |by| -> Read<_> { Ok((by, rows::instant(row.get("approved")?)?)) };
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
