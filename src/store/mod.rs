//! The store's engines: [`sqlite`] for one machine, [`postgres`] for several, [`memory`] as the plain model of the contract and for
//! fault tests.
//!
//! All keep the contract of [`crate::ports::store`]; `tests/store_contract.rs` runs one suite against each, and random
//! changes against both at once. The first two share their statements, and `memory` nothing but the words of
//! refusals, so that each is the other's oracle.
//! A database driver is named below this folder only.

mod digesting;
mod files;
pub mod memory;
pub mod postgres;
mod refusal;
mod sql;
pub mod sqlite;

pub use self::postgres::{PostgresError, PostgresOptions, PostgresStore, Taken};
pub use memory::{Fault, MemoryStore};
pub use sql::Stopwatch;
pub use sqlite::{LongList, OpenError, SqliteOptions, SqliteStore};
