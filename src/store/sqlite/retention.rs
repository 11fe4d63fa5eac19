//! What is kept of one person, read at one instant; its erasure; and old answers.

use ring::digest::{SHA256, digest};
use rusqlite::{Connection, Row, params};

use super::{
    error::Trouble,
    ledger::query,
    read::{all, first},
    rows,
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

type Read<T> = rusqlite::Result<T>;

/// The references under which something is kept, in order, from behind one on.
const REFERENCES: &str = "SELECT reference FROM holder WHERE reference > ?1
    UNION SELECT holder FROM application WHERE holder > ?1
    UNION SELECT holder FROM exception WHERE holder > ?1
    ORDER BY 1 LIMIT ?2";

const OLD_ANSWERS: &str = "SELECT id, client, key, at FROM answer a WHERE id > ?1 AND at < ?2 AND client <> ?4
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
    pub(super) fn erase(&self, expected: &Retained) -> Result<(), Trouble> {
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
fn kept(error: rusqlite::Error) -> Trouble {
    match Trouble::from(error) {
        Trouble::Refused(_) => Trouble::conflict(refusal::KEPT),
        failed => failed,
    }
}

/// What is kept under the next references after one.
pub(super) fn page(sql: &Connection, after: &str, limit: usize) -> Read<Vec<Retained>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let references = all(sql, REFERENCES, params![after, limit], |row| rows::reference(row.get(0)?))?;
    references.iter().map(|holder| retained_of(sql, holder)).collect()
}

/// Everything that is kept under a reference.
fn retained_of(sql: &Connection, holder: &HolderReference) -> Read<Retained> {
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
            "SELECT number, min(ends, coalesce(ended, ends)) AS over FROM consent WHERE holder = ?1 ORDER BY id",
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
pub(super) fn stub(row: &Row<'_>) -> Read<CertificateStub> {
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
pub(super) fn disclosure(row: &Row<'_>) -> Read<DisclosureStub> {
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
pub(super) fn erased(sql: &Connection, kind: Kind, serial: &Serial) -> Read<Option<ErasedCertificate>> {
    let query = "SELECT * FROM certificate WHERE kind = ?1 AND serial = ?2 AND erased IS NOT NULL";
    first(sql, query, params![kind.id(), serial.octets()], |row| {
        Ok(ErasedCertificate { stub: stub(row)?, erased: rows::instant_at(row, "erased")? })
    })
}

/// Answers of before a time that no application rests on.
pub(super) fn old_answers(sql: &Connection, before: UnixTime, after: u64, limit: usize) -> Read<Vec<OldAnswer>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::migrations::migrate;

    const ERASE: &str = "UPDATE certificate SET holder = NULL, card = NULL, tbs = x'', certificate = NULL, digest = zeroblob(32), erased = 9
        WHERE ca_index = 0";

    /// The last instant of 2041-02-17 in Japan.
    const LAST: i64 = 2_244_725_999;

    /// A revoked SIGN that should have ended on 2031-02-17, with its text, a live one of another, and what was told of the first.
    fn opened() -> Connection {
        let mut sql = Connection::open_in_memory().unwrap();
        migrate(&mut sql).unwrap();
        sql.execute_batch(
            "INSERT INTO holder VALUES ('A', '13115', NULL, '1980-02-17', 0, 1, 1, NULL), ('B', '13115', NULL, '1980-02-17', 0, 1, 1, NULL);
             INSERT INTO card (number, holder, issue_day, application_day, last_day, void)
             VALUES ('C', 'A', '2026-01-15', '2026-01-15', '2036-02-17', 0), ('D', 'B', '2026-01-15', '2026-01-15', '2036-02-17', 0);
             INSERT INTO certificate (kind, generation, ca_index, serial, holder, card, municipality, not_before,
               not_after, state, revocation_date, reason, cause, key_digest, tbs, certificate)
             VALUES (1, 1, 0, x'01', 'A', 'C', '13115', 100, 1929106799, 'revoked', 300, 5, 'card-found', zeroblob(32), x'', x'3000'),
               (1, 1, 1, x'02', 'B', 'D', '13115', 100, 1929106799, 'live', NULL, NULL, NULL, randomblob(32), x'', x'3000');
             INSERT INTO register_text (ca_index, name, address, substituted) VALUES (0, 'a', 'b', '{}');
             INSERT INTO credential (fingerprint, role, name, active, certificate)
             VALUES (zeroblob(32), 'relying-party', 'e', 1, x'01');
             INSERT INTO relying_party VALUES ('e', 't', '', '', 9, '2030-01-01', NULL, NULL, 1);
             INSERT INTO disclosure (number, at, party, query, kind, ca_index, holder, blind)
             VALUES (1, 1929106799, 'e', 'status', 1, 0, 'A', zeroblob(16));",
        )
        .unwrap();
        enter(&sql, 1, LAST);
        sql
    }

    fn enter(sql: &Connection, position: i64, at: i64) {
        let entry = "INSERT INTO audit_entry (position, at, actor, action, subject, detail, seal)
            VALUES (?1, ?2, 'service', 'test', 'x', '{}', zeroblob(32))";
        sql.execute(entry, [position, at]).unwrap();
    }

    #[track_caller]
    fn refused(sql: &Connection, statement: &str, because: &str) {
        let told = sql.execute(statement, []).unwrap_err().to_string();
        assert!(told.contains(because), "{statement}: {told}");
    }

    #[test]
    fn a_tool_too_is_held_to_the_term_and_to_the_whole_of_an_erasure() {
        let sql = opened();
        let forget = "UPDATE disclosure SET holder = NULL, blind = NULL";
        refused(&sql, ERASE, "ten years");
        refused(&sql, forget, "append-only");
        refused(&sql, "DELETE FROM register_text", "kept with it");
        enter(&sql, 2, LAST + 1);
        for (statement, because) in [
            ("UPDATE certificate SET holder = NULL, card = NULL WHERE ca_index = 0", "never changes"),
            ("UPDATE certificate SET certificate = NULL WHERE ca_index = 0", "never changes"),
            ("UPDATE certificate SET digest = zeroblob(32) WHERE ca_index = 0", "never changes"),
            ("UPDATE certificate SET erased = 9 WHERE ca_index = 0", "CHECK"),
            ("UPDATE certificate SET erased = 9, holder = NULL, card = NULL WHERE ca_index = 0", "CHECK"),
            ("UPDATE certificate SET erased = 9, holder = NULL, certificate = NULL WHERE ca_index = 0", "CHECK"),
            (
                "UPDATE certificate SET erased = 9, holder = NULL, card = NULL, certificate = NULL WHERE ca_index = 1",
                "ten years",
            ),
            (
                "UPDATE certificate SET erased = 9, holder = NULL, card = NULL, certificate = NULL, serial = x'03'",
                "never changes",
            ),
            ("DELETE FROM certificate WHERE ca_index = 0", "never forgotten"),
            ("DELETE FROM register_text", "kept with it"),
            ("UPDATE disclosure SET holder = NULL", "append-only"),
            ("UPDATE disclosure SET holder = 'B', blind = NULL", "append-only"),
            ("UPDATE disclosure SET holder = NULL, blind = NULL, ca_index = NULL", "append-only"),
            ("DELETE FROM disclosure", "append-only"),
        ] {
            refused(&sql, statement, because);
        }
        sql.execute(ERASE, []).unwrap();
        sql.execute("DELETE FROM register_text", []).unwrap();
        sql.execute(forget, []).unwrap();
        for (statement, because) in [
            (ERASE, "never changes"),
            ("UPDATE certificate SET digest = randomblob(32) WHERE ca_index = 0", "never changes"),
            ("UPDATE certificate SET certificate = x'3000' WHERE ca_index = 0", "never changes"),
            ("UPDATE certificate SET tbs = x'3000' WHERE ca_index = 0", "never changes"),
            (
                "UPDATE certificate SET holder = 'A', card = 'C', digest = NULL, erased = NULL, certificate = x'3000' WHERE ca_index = 0",
                "never changes",
            ),
            ("UPDATE disclosure SET holder = 'A'", "append-only"),
            ("INSERT INTO certificate SELECT 9, kind, generation, ca_index, serial, holder, card, municipality, not_before, not_after,
               state, revocation_date, reason, invalidity_date, cause, pair, predecessor, successor, randomblob(32), tbs,
               certificate, digest, erased FROM certificate WHERE ca_index = 0", "UNIQUE"),
        ] {
            refused(&sql, statement, because);
        }
        sql.execute("DELETE FROM card WHERE number = 'C'", []).unwrap();
        sql.execute("DELETE FROM holder WHERE reference = 'A'", []).unwrap();
        refused(&sql, "DELETE FROM card WHERE number = 'D'", "FOREIGN KEY");
        let whole: String = sql.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok");
    }

    #[test]
    fn what_is_kept_of_a_person_and_old_answers_are_found_by_indexes() {
        let sql = opened();
        let own = ["holder", "application", "exception"];
        let queries = own.map(|table| {
            let column = if table == "holder" { "reference" } else { "holder" };
            format!("SELECT * FROM {table} WHERE {column} = ?1")
        });
        let rests = "SELECT 1 FROM application WHERE answer_client = ?1 AND answer_key = ?1".to_owned();
        for query in queries.iter().chain([&rests]).map(String::as_str).chain([REFERENCES, OLD_ANSWERS]) {
            let mut plan = sql.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
            let values = rusqlite::params_from_iter(vec![0; plan.parameter_count()]);
            let steps: Vec<String> = plan.query_map(values, |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert!(steps.iter().all(|step| !step.starts_with("SCAN") && !step.contains("TEMP")), "{query}: {steps:?}");
        }
    }
}
