//! Consents: the steps and the query.

use super::{
    Engine, Read, Row, Trouble,
    engine::all,
    error::impossible,
    params, rows,
    steps::{Steps, one},
};
use crate::{
    ports::{ConsentEnd, ConsentEndCause, ConsentRecord, Duplicate, HolderReference, SignedDeclaration},
    rules::{ConsentScope, DraftNumber},
    store::refusal,
};

impl Steps<'_> {
    pub(in crate::store) fn consent(&self, record: &ConsentRecord) -> Result<(), Trouble> {
        if !self.finds("SELECT 1 FROM holder WHERE reference = ?1", [record.holder.as_str()])? {
            return Err(Trouble::conflict(refusal::NO_HOLDER));
        }
        if !record.is_new() {
            return Err(Trouble::conflict(refusal::NEW_CONSENT));
        }
        let used = "SELECT 1 FROM consent WHERE digest = ?1 OR withdrawal_digest = ?1 OR number = ?2";
        if self.finds(used, params![record.declaration.digest, record.number.0])? {
            return Err(Trouble::duplicate(Duplicate::Declaration));
        }
        let standing = "SELECT 1 FROM consent WHERE holder = ?1 AND party = ?2 AND ended IS NULL";
        if self.finds(standing, params![record.holder.as_str(), record.party])? {
            return Err(Trouble::conflict(refusal::CONSENT));
        }
        let [successor, facts] = ConsentScope::ALL.map(|scope| record.scopes.contains(&scope));
        self.run(
            "INSERT INTO consent (number, holder, party, successor, facts, serial, given, ends, digest, message, blind)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                record.number.0,
                record.holder.as_str(),
                record.party,
                successor,
                facts,
                record.serial.octets(),
                record.given.seconds(),
                record.ends.seconds(),
                record.declaration.digest,
                record.declaration.message,
                self.blind()
            ],
        )?;
        Ok(())
    }

    pub(in crate::store) fn end_consent(&self, number: DraftNumber, end: &ConsentEnd) -> Result<(), Trouble> {
        let signed = end.declaration.as_ref();
        let used = "SELECT 1 FROM consent WHERE digest = ?1 OR withdrawal_digest = ?1";
        if let Some(signed) = signed
            && self.finds(used, [signed.digest])?
        {
            return Err(Trouble::duplicate(Duplicate::Declaration));
        }
        let touched = self.run(
            "UPDATE consent SET ended = ?2, cause = ?3, withdrawal_digest = ?4, withdrawal = ?5
             WHERE number = ?1 AND ended IS NULL",
            params![
                number.0,
                end.at.seconds(),
                end.cause.word(),
                signed.map(|signed| signed.digest),
                signed.map(|signed| &signed.message)
            ],
        )?;
        one(touched, refusal::CONSENT)
    }

    pub(in crate::store) fn under_consent(&self, number: DraftNumber, version: u64) -> Result<(), Trouble> {
        let query = "SELECT 1 FROM consent c JOIN holder h ON h.reference = c.holder
            WHERE c.number = ?1 AND c.ended IS NULL AND h.version = ?2";
        let stands = self.finds(query, params![number.0, rows::int(version)?])?;
        one(usize::from(stands), refusal::CONSENT)
    }
}

/// Every consent of a holder, oldest first.
pub(in crate::store) fn of_holder(sql: &dyn Engine, holder: &HolderReference) -> Read<Vec<ConsentRecord>> {
    all(sql, "SELECT * FROM consent WHERE holder = ?1 ORDER BY id", [holder.as_str()], row)
}

pub(in crate::store) fn row(row: &Row<'_>) -> Read<ConsentRecord> {
    let mut scopes = Vec::new();
    for scope in ConsentScope::ALL {
        if row.get(scope.word())? {
            scopes.push(scope);
        }
    }
    let ended: Option<i64> = row.get("ended")?;
    Ok(ConsentRecord {
        number: DraftNumber(row.get("number")?),
        holder: rows::reference(row.get("holder")?)?,
        party: row.get("party")?,
        scopes,
        serial: rows::serial(row)?,
        given: rows::instant(row.get("given")?)?,
        ends: rows::instant(row.get("ends")?)?,
        declaration: SignedDeclaration { digest: row.get("digest")?, message: row.get("message")? },
        ended: ended.map(|at| end(row, at)).transpose()?,
    })
}

fn end(row: &Row<'_>, at: i64) -> Read<ConsentEnd> {
    let cause: String = row.get("cause")?;
    let digest: Option<[u8; 32]> = row.get("withdrawal_digest")?;
    let declaration = |digest| -> Read<_> { Ok(SignedDeclaration { digest, message: row.get("withdrawal")? }) };
    Ok(ConsentEnd {
        at: rows::instant(at)?,
        cause: ConsentEndCause::from_word(&cause).ok_or_else(|| impossible("cause"))?,
        declaration: digest.map(declaration).transpose()?,
    })
}
