//! The store's engines: [`sqlite`] for service, [`memory`] as the plain model of the contract and for fault tests.
//!
//! Both keep the contract of [`crate::ports::store`]; `tests/store_contract.rs` runs one suite against each, and random
//! changes against both at once. They share nothing but the words of their refusals, so that each is the other's oracle.
//! A database driver is named below this folder only.

mod digesting;
pub mod memory;
mod refusal;
mod sql;
pub mod sqlite;

pub use memory::{Fault, MemoryStore};
pub use sql::Stopwatch;
pub use sqlite::{LongList, OpenError, SqliteOptions, SqliteStore};
