//! Applications on their way: the table, weeks with restarts, counters at once, faults at every call, random sequences, and
//! the routes.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod continued;
#[path = "../registration_http/contract.rs"]
mod contract;
mod counters;
#[expect(dead_code, reason = "the registration's own tests use all of it")]
#[path = "../registration_http/desk.rs"]
mod desk;
mod exceptions;
mod face;
mod faults;
#[path = "../support/house.rs"]
mod house;
mod issuing;
mod open;
mod random;
mod reported;
mod routes;
mod scene;
mod table;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "../stories/house.rs"]
mod town;
#[path = "../support/trap.rs"]
mod trap;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "../support/ward.rs"]
mod ward;
mod weeks;
