//! Statements of a status: signed so that others can check them, true to the whole history, and none that a fault could make
//! untrue.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "stories/house.rs"]
mod house;

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "support/ward.rs"]
mod ward;

#[path = "statements/bench.rs"]
mod bench;
#[path = "statements/faults.rs"]
mod faults;
#[path = "statements/history.rs"]
mod history;
#[path = "statements/signature.rs"]
mod signature;
