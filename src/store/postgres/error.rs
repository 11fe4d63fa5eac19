//! PostgreSQL's errors in the words of the store, and why a database was not opened.

use std::{error::Error as _, path::PathBuf};

use postgres::error::SqlState;

use crate::{ports::StoreError, store::sql::Error};

/// Why a database was not opened. It is as it was before. No message has a password in it.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// What was configured cannot be read or contradicts itself.
    #[error("the connection to PostgreSQL: {0}")]
    Setting(String),
    /// The server does not know who asks, or not so.
    #[error("PostgreSQL refuses the user, the password or the database: {0}")]
    Credentials(String),
    /// No server is there.
    #[error("PostgreSQL cannot be reached: {0}")]
    Unreachable(String),
    /// The server is older than what the statements need.
    #[error("the server is PostgreSQL {found}; jitsuin needs 15 or later")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// No host of the connection string takes writes.
    #[error("no PostgreSQL server of the connection string takes writes: it is a standby, or set to read only")]
    ReadOnly,
    /// Texts of the database are not Unicode.
    #[error("the database keeps texts in {0}; make it with ENCODING 'UTF8'")]
    Encoding(String),
    /// The database has no tables yet.
    #[error("the database is empty: run `jitsuin migrate` once")]
    Empty,
    /// Another program keeps its tables there.
    #[error("the database has tables of another program; give jitsuin one of its own")]
    Foreign,
    /// A later version of this program has written it.
    #[error("the database has schema {found}, this program knows schemas up to {known}: use the newer program")]
    Newer {
        /// The schema of the database.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// An earlier version of this program has written it.
    #[error(
        "the database has schema {found}, this program needs schema {known}: stop every node and run `jitsuin migrate`"
    )]
    Older {
        /// The schema of the database.
        found: i64,
        /// The schema that this program needs.
        known: i64,
    },
    /// The certificate of the CA that the server's is held against cannot be read.
    #[error("{0} is not a certificate in PEM: {1}")]
    Root(PathBuf, String),
    /// The engine said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What happened, in one line, without what was sent.
pub(super) fn words(failed: &postgres::Error) -> String {
    match failed.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => {
            let cause = failed.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{failed}{cause}")
        }
    }
}

/// What a failed call of the engine means.
pub(super) fn error(failed: postgres::Error) -> Error {
    let said = words(&failed);
    let code = failed.code().map(SqlState::code).unwrap_or_default();
    match (code.get(..2), code) {
        // Integrity constraints, which our triggers raise too, and values that a type does not have.
        (Some("23" | "22"), _) => Error::Refused(said),
        (Some("54"), _) => Error::TooBig(said),
        // The server found its own files damaged.
        (Some("XX"), "XX001" | "XX002") => Error::Damaged(said),
        _ => Error::Unavailable(said),
    }
}

/// Whether doing the whole transaction again may help: another came between, or the server went away before it was committed.
pub(super) fn may_pass(failed: &postgres::Error) -> bool {
    match failed.code() {
        Some(code) => {
            [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code) || is_going(code)
        }
        None => failed.is_closed() || failed.source().is_some_and(|cause| cause.is::<std::io::Error>()),
    }
}

/// Whether the server ends, or is no primary any more.
fn is_going(code: &SqlState) -> bool {
    let going = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::CONNECTION_FAILURE,
    ];
    going.contains(code)
}

/// Why no connection came about.
pub(super) fn connecting(failed: &postgres::Error) -> PostgresError {
    let said = words(failed);
    let code = failed.code().map(SqlState::code).unwrap_or_default();
    match code.get(..2) {
        Some("28") => PostgresError::Credentials(said),
        Some("3D") => PostgresError::Credentials(said),
        _ if said.contains("does not allow writes") => PostgresError::ReadOnly,
        _ if said.contains("password") => PostgresError::Credentials(said),
        _ => PostgresError::Unreachable(said),
    }
}

impl From<PostgresError> for StoreError {
    fn from(error: PostgresError) -> Self {
        match error {
            PostgresError::Store(error) => error,
            other => Self::Unavailable(other.to_string()),
        }
    }
}
