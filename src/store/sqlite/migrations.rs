//! The schema, carried along in the binary and brought up to date when a database is opened for writing.

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;

/// `PRAGMA application_id`: "JTSN", so that `file` and other programs know whose database it is.
const APPLICATION_ID: i64 = 0x4A54_534E;

/// Each brings the schema from its place in this list to the next; never edited once released.
const MIGRATIONS: [&str; 12] = [
    include_str!("migrations/0001_begin.sql"),
    include_str!("migrations/0002_deltas.sql"),
    include_str!("migrations/0003_relying_parties.sql"),
    include_str!("migrations/0004_consents.sql"),
    include_str!("migrations/0005_register.sql"),
    include_str!("migrations/0006_applications.sql"),
    include_str!("migrations/0007_registration.sql"),
    include_str!("migrations/0008_long_lists.sql"),
    include_str!("migrations/0009_lean.sql"),
    include_str!("migrations/0010_fence.sql"),
    include_str!("migrations/0011_generations.sql"),
    include_str!("migrations/0014_erasure.sql"),
];

/// The version that this program writes.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// The version of an opened database, 0 for an empty one; reads only.
///
/// # Errors
/// [`OpenError::Foreign`] for another program's database, [`OpenError::Newer`] for one of a later jitsuin.
pub(super) fn version(sql: &Connection) -> Result<i64, OpenError> {
    let application: i64 = sql.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = sql.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = sql.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = application == 0 && version == 0 && tables == 0;
    if !empty && application != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    if version > NEWEST {
        return Err(OpenError::Newer { found: version, known: NEWEST });
    }
    Ok(version)
}

/// Brings the schema up to date, all in one transaction.
///
/// # Errors
/// As for [`version`], and when the engine fails; then the database is as it was.
pub(super) fn migrate(sql: &mut Connection) -> Result<(), OpenError> {
    let transaction = sql.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    if found < NEWEST {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", NEWEST)?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins as schema 2 left it.
    fn schema_2() -> Connection {
        let sql = Connection::open_in_memory().unwrap();
        MIGRATIONS[..2].iter().for_each(|migration| sql.execute_batch(migration).unwrap());
        sql.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        sql.pragma_update(None, "user_version", 2).unwrap();
        sql
    }

    #[test]
    fn events_of_earlier_schemas_are_known_since_the_latest_date_up_to_them() {
        let mut sql = schema_2();
        sql.execute_batch(
            "INSERT INTO holder VALUES ('A', '13115', NULL, '1980-02-17', 0, 1, 1);
             INSERT INTO card VALUES (1, 'C', 'A', '2026-01-15', '2026-01-15', '2036-02-17', 0);
             INSERT INTO certificate (kind, generation, ca_index, serial, holder, card, municipality, not_before,
               not_after, state, revocation_date, reason, cause, key_digest, tbs, certificate)
             VALUES (1, 1, 0, x'01', 'A', 'C', '13115', 100, 900, 'revoked', 300, 5, 'card-found', zeroblob(32), x'', x''),
               (2, 1, 0, x'02', 'A', 'C', '13115', 120, 900, 'live', NULL, NULL, NULL, randomblob(32), x'', x'');
             INSERT INTO status_event (position, kind, ca_index, state, revocation_date, reason, cause)
             VALUES (1, 2, 0, 'live', NULL, NULL, NULL), (2, 1, 0, 'live', NULL, NULL, NULL),
               (3, 1, 0, 'held', 300, 6, 'card-lost'), (4, 2, 0, 'held', 350, 6, 'card-lost'),
               (5, 2, 0, 'live', NULL, NULL, NULL), (6, 1, 0, 'revoked', 300, 5, 'card-found');",
        )
        .unwrap();
        migrate(&mut sql).unwrap();
        assert_eq!(version(&sql).unwrap(), NEWEST);
        let mut query = sql.prepare("SELECT recorded FROM status_event ORDER BY position").unwrap();
        let recorded: Vec<i64> = query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(recorded, [120, 120, 300, 350, 350, 350]);
        let ending = "SELECT municipality, not_after, kind, ca_index, holder FROM ending";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
        let ending: (String, i64, u8, i64, String) = sql.query_row(ending, [], row).unwrap();
        assert_eq!(ending, ("13115".into(), 900, 2, 0, "A".into()), "the live one alone");
        let changed = sql.execute("UPDATE status_event SET recorded = 0", []).unwrap_err().to_string();
        assert!(changed.contains("append-only"), "{changed}");
    }

    #[test]
    fn answers_of_earlier_schemas_count_as_given_last_and_certificates_may_be_of_nobody() {
        let mut sql = schema_2();
        sql.execute_batch(
            "INSERT INTO answer (client, key, digest, outcome) VALUES ('13115', 'k', zeroblob(32), x'00');
             INSERT INTO audit_entry VALUES (1, 777, 'a', 'b', 'c', '{}', zeroblob(32)), (2, 770, 'a', 'b', 'c', '{}', zeroblob(32));",
        )
        .unwrap();
        migrate(&mut sql).unwrap();
        let answer = sql.query_row("SELECT at, blind FROM answer", [], |row| Ok((row.get(0)?, row.get(1)?)));
        assert_eq!(answer.unwrap(), (777, None::<Vec<u8>>));
        let may_be_null = "SELECT count(*) FROM pragma_table_info('certificate') WHERE name IN ('holder', 'card') AND \"notnull\" = 0";
        assert_eq!(sql.query_row(may_be_null, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
        let text = "SELECT sql FROM sqlite_schema WHERE name = ?1";
        let text = |name: &str| sql.query_row(text, [name], |row| row.get::<_, String>(0)).unwrap();
        assert!(text("certificate").contains("OR certificate IS NOT NULL OR erased IS NOT NULL)"));
        assert!(text("disclosure").contains("CHECK (ca_index IS NOT NULL OR holder IS NULL)"));
        let whole: String = sql.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok");
    }
}
