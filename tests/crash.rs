//! The table of crashes: every story of the authority, at each of its writes, with the write lost, or kept and yet reported as
//! failed; on the store in memory; on SQLite, whose files are taken as they lie at that instant and opened again; and on PostgreSQL.
//!
//! Afterwards the service recovers and the request is repeated under its key, in either order. The house must then be as if
//! nothing had happened: the same certificates in the same states with the same links, the same acts in the audit. A story, a
//! step or an act that has no row fails `complete`.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "crash/admitting.rs"]
mod admitting;
#[path = "crash/applying.rs"]
mod applying;
#[path = "crash/asking.rs"]
mod asking;
#[path = "crash/complete.rs"]
mod complete;
#[path = "crash/consenting.rs"]
mod consenting;
#[path = "crash/ending.rs"]
mod ending;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "the register's own tests use all of it")]
#[path = "register/feed.rs"]
mod feed;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "the statements' own tests use all of it")]
#[path = "statements/bench.rs"]
mod furnished;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "stories/house.rs"]
mod house;
#[path = "crash/invariants.rs"]
mod invariants;
#[path = "crash/keeping.rs"]
mod keeping;
#[path = "crash/pairs.rs"]
mod pairs;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "support/postgres.rs"]
mod pg;
#[path = "crash/reporting.rs"]
mod reporting;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "the applications' own tests use all of it")]
#[path = "applications/scene.rs"]
mod scene;
#[path = "crash/table.rs"]
mod table;
/// What the scene of an application calls the house.
mod town {
    pub(crate) use crate::house::*;
}
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "support/ward.rs"]
mod ward;
#[path = "crash/weather.rs"]
mod weather;
