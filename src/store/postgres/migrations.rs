//! The schema, carried along in the binary. It is brought up to date by `jitsuin migrate` alone: several nodes use it.

use super::{error::PostgresError, server::Server, session::Session};
use crate::{
    ports::StoreError,
    store::sql::{NONE, Read, first, only},
};

/// Each brings the schema from its place in this list to the next; never edited once released.
const MIGRATIONS: [&str; 2] = [include_str!("migrations/0001_begin.sql"), include_str!("migrations/0002_indexes.sql")];

/// The version that this program writes.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// The version of a database, 0 for an empty one; reads only.
///
/// # Errors
/// [`PostgresError::Foreign`] for another program's database, [`PostgresError::Newer`] for one of a later jitsuin.
fn version(sql: &Session) -> Result<i64, PostgresError> {
    let read = || -> Read<(bool, i64)> {
        let tables = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema()";
        let ours = "SELECT 1 FROM pg_catalog.pg_tables
            WHERE schemaname = current_schema() AND tablename = 'jitsuin_schema'";
        let is_ours = first(sql, ours, NONE, |_| Ok(()))?.is_some();
        Ok((is_ours, only(sql, tables, NONE, |row| row.get(0))?))
    };
    match read().map_err(StoreError::from)? {
        (false, 0) => return Ok(0),
        (false, _) => return Err(PostgresError::Foreign),
        (true, _) => {}
    }
    let query = "SELECT version FROM jitsuin_schema WHERE id = 1";
    let found = only(sql, query, NONE, |row| row.get(0)).map_err(StoreError::from)?;
    if found > NEWEST { Err(PostgresError::Newer { found, known: NEWEST }) } else { Ok(found) }
}

/// Whether the schema is the one that this program knows.
///
/// # Errors
/// As for [`version`], and [`PostgresError::Empty`], [`PostgresError::Older`].
pub(super) fn check(sql: &Session) -> Result<(), PostgresError> {
    match version(sql)? {
        0 => Err(PostgresError::Empty),
        NEWEST => Ok(()),
        found => Err(PostgresError::Older { found, known: NEWEST }),
    }
}

/// Brings the schema up to date, all in one transaction; whether there was anything to do.
///
/// # Errors
/// As for [`version`], and when the engine fails; then the database is as it was.
pub(super) fn migrate(server: &Server) -> Result<bool, PostgresError> {
    let sql = server.connect()?;
    server.check(&sql)?;
    let found = version(&sql)?;
    if found == NEWEST {
        return Ok(false);
    }
    let run = |command: &str| sql.command(command).map_err(StoreError::from);
    run("BEGIN")?;
    if found > 0 {
        run("LOCK TABLE jitsuin_schema IN ACCESS EXCLUSIVE MODE")?;
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        run(migration)?;
    }
    run(&format!("UPDATE jitsuin_schema SET version = {NEWEST} WHERE id = 1"))?;
    run("COMMIT")?;
    Ok(true)
}
