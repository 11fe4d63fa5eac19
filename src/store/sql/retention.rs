//! What is kept of one person, read at one instant; its erasure; and old answers.

use ring::digest::{SHA256, digest};

use super::{
    Engine, Error, Read, Row, Trouble,
    engine::{all, first},
    ledger::query,
    params, rows,
    steps::{Steps, one},
};
use crate::{
    kind::Kind,
    ports::{
        ApplicationNumber, CertificateStub, DisclosureStub, ErasedCertificate, HolderReference, OWN_CLIENT, OldAnswer,
        Retained, RetainedApplication,
    },
    rules::DraftNumber,
    store::refusal,
    x509::{Serial, UnixTime},
};

/// The references under which something is kept, in order, from behind one on.
pub(in crate::store) const REFERENCES: &str = "SELECT reference FROM holder WHERE reference > ?1
    UNION SELECT holder FROM application WHERE holder > ?1
    UNION SELECT holder FROM exception WHERE holder > ?1
    ORDER BY 1 LIMIT ?2";

pub(in crate::store) const OLD_ANSWERS: &str =
    "SELECT id, client, key, at FROM answer a WHERE id > ?1 AND at < ?2 AND client <> ?4
      AND NOT EXISTS (SELECT 1 FROM application p WHERE p.answer_client = a.client AND p.answer_key = a.key)
    ORDER BY id LIMIT ?3";

/// What names the holder and goes; certificates and the ledger keep what is left of them.
const DELETIONS: [&str; 7] = [
    "DELETE FROM application WHERE holder = ?1",
    "DELETE FROM exception WHERE holder = ?1",
    "DELETE FROM consent WHERE holder = ?1",
    "DELETE FROM notice WHERE holder = ?1",
    "DELETE FROM register_entry WHERE holder = ?1",
    "DELETE FROM deadline WHERE holder = ?1",
    "DELETE FROM card WHERE holder = ?1",
];

impl Steps<'_> {
    /// Erases a holder whole, if what is kept is exactly what was decided about.
    pub(in crate::store) fn erase(&self, expected: &Retained) -> Result<(), Trouble> {
        let holder = expected.holder.as_str();
        if retained_of(self.sql, &expected.holder)? != *expected {
            return Err(Trouble::conflict(refusal::RETAINED));
        }
        for stub in &expected.certificates {
            let touched = self.run(
                "UPDATE certificate SET holder = NULL, card = NULL, tbs = x'', certificate = NULL, digest = ?3, erased = ?4
                 WHERE kind = ?1 AND ca_index = ?2",
                params![stub.kind.id(), rows::int(stub.index)?, stub.digest, self.recorded.seconds()],
            );
            one(touched.map_err(kept)?, refusal::RETAINED)?;
        }
        for index in &expected.texts {
            self.run("DELETE FROM register_text WHERE ca_index = ?1", [rows::int(*index)?]).map_err(kept)?;
        }
        self.run("UPDATE disclosure SET holder = NULL, blind = NULL WHERE holder = ?1", [holder]).map_err(kept)?;
        for statement in DELETIONS {
            self.run(statement, [holder]).map_err(kept)?;
        }
        let touched = self.run("DELETE FROM holder WHERE reference = ?1", [holder]).map_err(kept)?;
        one(touched + usize::from(expected.registered.is_none()), refusal::RETAINED)
    }
}

/// A trigger or a reference that holds a row says that its term is not over.
fn kept(error: Error) -> Trouble {
    match Trouble::from(error) {
        Trouble::Refused(_) => Trouble::conflict(refusal::KEPT),
        failed => failed,
    }
}

/// What is kept under the next references after one.
pub(in crate::store) fn page(sql: &dyn Engine, after: &str, limit: usize) -> Read<Vec<Retained>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let references = all(sql, REFERENCES, params![after, limit], |row| rows::reference(row.get(0)?))?;
    references.iter().map(|holder| retained_of(sql, holder)).collect()
}

/// Everything that is kept under a reference.
fn retained_of(sql: &dyn Engine, holder: &HolderReference) -> Read<Retained> {
    let own = [holder.as_str()];
    let numbered = |query, record: fn(&Row<'_>) -> Read<(u64, UnixTime)>| all(sql, query, own, record);
    Ok(Retained {
        holder: holder.clone(),
        registered: first(sql, "SELECT registered FROM holder WHERE reference = ?1", own, |row| row.get(0))?,
        cards: all(sql, "SELECT number, last_day, void FROM card WHERE holder = ?1 ORDER BY number", own, |row| {
            let day = rows::day(row, "last_day")?;
            Ok((
                rows::card_number(row.get("number")?)?,
                Some(day).filter(|_| row.get("void").is_ok_and(|void: bool| !void)),
            ))
        })?,
        certificates: all(sql, "SELECT * FROM certificate WHERE holder = ?1 ORDER BY kind, ca_index", own, living)?,
        texts: all(
            sql,
            "SELECT ca_index FROM certificate JOIN register_text USING (kind, ca_index) WHERE holder = ?1 ORDER BY ca_index",
            own,
            |row| rows::number(row, "ca_index"),
        )?,
        applications: all(sql, "SELECT * FROM application WHERE holder = ?1 ORDER BY id", own, application)?,
        exceptions: all(sql, "SELECT digest, asked FROM exception WHERE holder = ?1 ORDER BY id", own, |row| {
            Ok((row.get(0)?, rows::instant_at(row, "asked")?))
        })?,
        consents: all(
            sql,
            "SELECT number, CASE WHEN ended < ends THEN ended ELSE ends END AS over FROM consent WHERE holder = ?1 ORDER BY id",
            own,
            |row| Ok((DraftNumber(row.get(0)?), rows::instant_at(row, "over")?)),
        )?,
        entries: all(sql, "SELECT id, day FROM register_entry WHERE holder = ?1 ORDER BY id", own, |row| {
            Ok((rows::number(row, "id")?, rows::day(row, "day")?))
        })?,
        deadline: first(sql, "SELECT day FROM deadline WHERE holder = ?1", own, |row| rows::day(row, "day"))?,
        notices: numbered("SELECT number, at FROM notice WHERE holder = ?1 ORDER BY number", |row| {
            Ok((rows::number(row, "number")?, rows::instant_at(row, "at")?))
        })?,
        disclosures: all(sql, "SELECT * FROM disclosure WHERE holder = ?1 ORDER BY number", own, disclosure)?,
    })
}

fn application(row: &Row<'_>) -> Read<RetainedApplication> {
    Ok(RetainedApplication {
        number: ApplicationNumber(row.get("number")?),
        place: rows::number(row, "id")?,
        received: rows::instant_at(row, "received")?,
        has_ended: row.get("ended")?,
    })
}

fn living(row: &Row<'_>) -> Read<CertificateStub> {
    let certificate: Option<Vec<u8>> = row.get("certificate")?;
    let sha256 = |octets: Vec<u8>| {
        let mut value = [0; 32];
        value.copy_from_slice(digest(&SHA256, &octets).as_ref());
        value
    };
    Ok(CertificateStub { digest: certificate.map(sha256), ..stub(row)? })
}

/// What is left in a row of an erased certificate.
pub(in crate::store) fn stub(row: &Row<'_>) -> Read<CertificateStub> {
    Ok(CertificateStub {
        kind: rows::kind(row, "kind")?,
        generation: row.get("generation")?,
        index: rows::number(row, "ca_index")?,
        serial: rows::serial(row)?,
        municipality: rows::municipality_at(row, "municipality")?,
        not_before: rows::instant_at(row, "not_before")?,
        not_after: rows::instant_at(row, "not_after")?,
        state: rows::state(row)?,
        pair: rows::optional_number(row, "pair")?,
        predecessor: rows::optional_number(row, "predecessor")?,
        key_digest: row.get("key_digest")?,
        digest: row.get("digest")?,
    })
}

/// What is left, or would be, in a row of the ledger that is about somebody.
pub(in crate::store) fn disclosure(row: &Row<'_>) -> Read<DisclosureStub> {
    Ok(DisclosureStub {
        number: rows::number(row, "number")?,
        at: rows::instant_at(row, "at")?,
        party: row.get("party")?,
        query: query(row)?,
        kind: rows::kind(row, "kind")?,
        index: rows::number(row, "ca_index")?,
        withheld: row.get("withheld")?,
    })
}

/// An erased certificate by its serial number.
pub(in crate::store) fn erased(sql: &dyn Engine, kind: Kind, serial: &Serial) -> Read<Option<ErasedCertificate>> {
    let query = "SELECT * FROM certificate WHERE kind = ?1 AND serial = ?2 AND erased IS NOT NULL";
    first(sql, query, params![kind.id(), serial.octets()], |row| {
        Ok(ErasedCertificate {
            stub: stub(row)?,
            erased: rows::instant_at(row, "erased")?,
            revocation: rows::revocation(row)?,
        })
    })
}

/// Answers of before a time that no application rests on.
pub(in crate::store) fn old_answers(
    sql: &dyn Engine,
    before: UnixTime,
    after: u64,
    limit: usize,
) -> Read<Vec<OldAnswer>> {
    let [after, limit] = [i64::try_from(after), i64::try_from(limit)].map(|bound| bound.unwrap_or(i64::MAX));
    all(sql, OLD_ANSWERS, params![after, before.seconds(), limit, OWN_CLIENT], |row| {
        Ok(OldAnswer {
            place: rows::number(row, "id")?,
            client: row.get("client")?,
            key: row.get("key")?,
            at: rows::instant_at(row, "at")?,
        })
    })
}
