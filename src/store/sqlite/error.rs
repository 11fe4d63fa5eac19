//! SQLite's errors in the words of the store.

use rusqlite::{ErrorCode, types::Type};

use crate::{
    ports::{Duplicate, StoreError},
    store::refusal,
};

/// Why a step was not done: the caller's affair, or the engine's.
#[derive(Debug)]
pub(super) enum Trouble {
    /// This change is refused; the others of its batch go on.
    Refused(StoreError),
    /// The engine failed; nothing of the batch can be trusted to have happened.
    Engine(StoreError),
}

impl Trouble {
    pub(super) fn conflict(what: &'static str) -> Self {
        Self::Refused(StoreError::Conflict(what))
    }

    pub(super) fn duplicate(what: Duplicate) -> Self {
        Self::Refused(StoreError::Duplicate(what))
    }
}

impl From<rusqlite::Error> for Trouble {
    /// A value that a constraint or a size limit refuses is the change's own fault; all else is the engine's.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::conflict(refusal::OUTSIDE),
            Some(ErrorCode::TooBig) => Self::Refused(store_error(error)),
            _ => Self::Engine(store_error(error)),
        }
    }
}

/// What a failed call of the engine means: the stored data contradicts itself, or it may work later.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => StoreError::Corrupt(error.to_string()),
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(error.to_string()),
            Some(ErrorCode::DatabaseBusy) => {
                StoreError::Unavailable(format!("another program holds a lock on the database: {error}"))
            }
            _ => StoreError::Unavailable(error.to_string()),
        },
    }
}

/// A row that jitsuin never wrote: the value of `column` is none of those it may have.
#[derive(Debug, thiserror::Error)]
#[error("impossible value of {0}")]
struct Impossible(&'static str);

/// As an error of the engine, so that it travels like every other.
pub(super) fn impossible(column: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(Impossible(column)))
}
