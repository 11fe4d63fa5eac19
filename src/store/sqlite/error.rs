//! SQLite's errors in the words of the store.

use rusqlite::ErrorCode;

use crate::{ports::StoreError, store::sql::Error};

impl From<rusqlite::Error> for Error {
    fn from(failed: rusqlite::Error) -> Self {
        error(failed)
    }
}

/// What a failed call of the engine means.
pub(super) fn error(error: rusqlite::Error) -> Error {
    let said = error.to_string();
    match &error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => Error::Damaged(said),
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Error::Refused(said),
            Some(ErrorCode::TooBig) => Error::TooBig(said),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged(said),
            Some(ErrorCode::DatabaseBusy) => {
                Error::Unavailable(format!("another program holds a lock on the database: {said}"))
            }
            _ => Error::Unavailable(said),
        },
    }
}

/// What a failed call of the engine means to the store: the stored data contradicts itself, or it may work later.
pub(super) fn store_error(failed: rusqlite::Error) -> StoreError {
    error(failed).into()
}
