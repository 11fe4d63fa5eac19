//! What may go wrong in an engine, in words that are nobody's, and what it means to who asked.

use crate::{
    ports::{Duplicate, StoreError},
    store::refusal,
};

/// Why a statement or a query came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::store) enum Error {
    /// The schema does not allow it: a constraint, a trigger, a value that the type of a column does not have.
    #[error("{0}")]
    Refused(String),
    /// A value beyond what the engine takes.
    #[error("{0}")]
    TooBig(String),
    /// A row that jitsuin never wrote: the value is none of those it may have.
    #[error("impossible value of {0}")]
    Impossible(String),
    /// The engine found its own files damaged.
    #[error("{0}")]
    Damaged(String),
    /// It may work later.
    #[error("{0}")]
    Unavailable(String),
}

/// What a reading comes to.
pub(in crate::store) type Read<T> = Result<T, Error>;

/// A row that jitsuin never wrote: the value of `column` is none of those it may have.
pub(in crate::store) fn impossible(column: &'static str) -> Error {
    Error::Impossible(column.to_owned())
}

impl From<Error> for StoreError {
    /// The stored data contradicts itself, or it may work later.
    fn from(error: Error) -> Self {
        match error {
            Error::Impossible(_) | Error::Damaged(_) => Self::Corrupt(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

/// Why a step was not done: the caller's affair, or the engine's.
#[derive(Debug)]
pub(in crate::store) enum Trouble {
    /// This change is refused; the others of its batch go on.
    Refused(StoreError),
    /// The engine failed; nothing of the batch can be trusted to have happened.
    Engine(StoreError),
}

impl Trouble {
    pub(in crate::store) fn conflict(what: &'static str) -> Self {
        Self::Refused(StoreError::Conflict(what))
    }

    pub(in crate::store) fn duplicate(what: Duplicate) -> Self {
        Self::Refused(StoreError::Duplicate(what))
    }
}

impl From<Error> for Trouble {
    /// A value that a constraint or a size limit refuses is the change's own fault; all else is the engine's.
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(_) => Self::conflict(refusal::OUTSIDE),
            Error::TooBig(_) => Self::Refused(error.into()),
            _ => Self::Engine(error.into()),
        }
    }
}
