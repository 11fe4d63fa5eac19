//! What the engines that speak SQL share: every step and every query, the batch, and the writer with its queue.
//!
//! | file | what lives there |
//! |---|---|
//! | `engine`, `value`, `error` | what is asked of an engine, in types of our own |
//! | `writer`, `queue`, `batch` | the writer's thread; its queue, measured; what one of its transactions does |
//! | `steps`, `certificates`, `ledger`, `consents`, `register`, `applications`, `registration` | each step of a change |
//! | `blinding` | the random octets that hide from the audit what rows say |
//! | `retention` | what is kept of one person, and its erasure |
//! | `counts`, `numbering` | how many certificates are in each state; which number a list bears |
//! | `read`, `rows`, `listed` | the queries; rows to records; what a list carries |
//! | `base` | the store, out of all that |
//! | `pool`, `health`, `shelves` | connections that read; whether it may be written; where long lists lie |
//!
//! Statements are written in the SQL that SQLite and PostgreSQL have in common. What PostgreSQL says otherwise (`$1`, and what
//! only helps SQLite's planner) its engine translates once a statement.

pub(in crate::store) mod applications;
mod base;
mod batch;
pub(in crate::store) mod blinding;
mod certificates;
pub(in crate::store) mod consents;
pub(in crate::store) mod counts;
mod engine;
mod error;
mod health;
pub(in crate::store) mod ledger;
mod listed;
mod numbering;
mod pool;
mod queue;
pub(in crate::store) mod read;
pub(in crate::store) mod register;
pub(in crate::store) mod registration;
pub(in crate::store) mod retention;
pub(in crate::store) mod rows;
mod shelves;
pub(in crate::store) mod steps;
mod value;
mod writer;

pub use self::queue::Stopwatch;
pub(in crate::store) use self::{
    base::Base,
    batch::{Batch, Care, Committed, Halt, Tip},
    engine::{Columns, Engine, Row, all, finds, first, only, run},
    error::{Error, Read, Trouble},
    health::Health,
    pool::Pool,
    shelves::Shelves,
    value::{NONE, ToValue, Value, params},
    writer::{Bench, Done, Nudge, Task, Writer},
};
