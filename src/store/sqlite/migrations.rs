//! The schema, carried along in the binary and brought up to date when a database is opened for writing.

use rusqlite::{Connection, TransactionBehavior};

use super::OpenError;

/// `PRAGMA application_id`: "JTSN", so that `file` and other programs know whose database it is.
const APPLICATION_ID: i64 = 0x4A54_534E;

/// Each brings the schema from its place in this list to the next; never edited once released.
const MIGRATIONS: [&str; 4] = [
    include_str!("migrations/0001_begin.sql"),
    include_str!("migrations/0002_deltas.sql"),
    include_str!("migrations/0003_relying_parties.sql"),
    include_str!("migrations/0004_consents.sql"),
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
