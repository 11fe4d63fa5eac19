//! PostgreSQL's errors in the words of the store, and why a database was not opened.

use std::{error::Error as _, path::PathBuf};

use tokio_postgres::error::{DbError, SqlState};

use super::wire::Broken;
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
    /// There is a store in it.
    #[error("the database is in use already: a store is taken over into an empty one")]
    InUse,
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
    /// A server that takes writes is a former primary, or an older copy.
    #[error("the PostgreSQL server is a former primary or an older copy, and is not used: {0}")]
    LeftBehind(String),
    /// What was seen of the servers cannot be read.
    #[error("{0}, which keeps the latest timeline of PostgreSQL that was seen: {1}")]
    Mark(PathBuf, String),
    /// The engine said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Broken {
    /// What the server said, if it was the server.
    pub(super) fn said(&self) -> Option<&DbError> {
        match self {
            Self::Said(failed) => failed.as_db_error(),
            Self::Silent(_) | Self::Local(_) => None,
        }
    }

    fn code(&self) -> &str {
        self.said().map(|said| said.code().code()).unwrap_or_default()
    }
}

/// What happened, in one line, without what was sent.
pub(super) fn words(failed: &tokio_postgres::Error) -> String {
    match failed.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => {
            let cause = failed.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            format!("{failed}{cause}")
        }
    }
}

fn told(failed: &Broken) -> String {
    match failed {
        Broken::Said(failed) => words(failed),
        Broken::Silent(wait) => format!("the server was silent for {} s", wait.as_secs_f32()),
        Broken::Local(failed) => failed.to_string(),
    }
}

/// What a failed call of the engine means.
pub(super) fn error(failed: &Broken) -> Error {
    let said = told(failed);
    let code = failed.code();
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
pub(super) fn may_pass(failed: &Broken) -> bool {
    match (failed, failed.said().map(DbError::code)) {
        (_, Some(code)) => {
            [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code) || is_going(code)
        }
        (Broken::Said(failed), None) => {
            failed.is_closed() || failed.source().is_some_and(|cause| cause.is::<std::io::Error>())
        }
        // Before its commit nothing of a transaction happened, and another server may be there by now.
        (Broken::Silent(_) | Broken::Local(_), None) => true,
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
pub(super) fn connecting(failed: &Broken) -> PostgresError {
    let said = told(failed);
    match failed.code().get(..2) {
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
