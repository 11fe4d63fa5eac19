//! Nobody's name, address or day of birth in the log, in the audit, or in what other clients are told.
//!
//! The log is taken whole: every crate of the process, service and clients, at the finest level. One test a process, for the log
//! is the process's.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "../consent/citizen.rs"]
#[expect(dead_code, reason = "the tests of consents use all of it")]
mod citizen;
#[path = "../registration_http/contract.rs"]
mod contract;
#[expect(dead_code, reason = "the registration's own tests use all of it")]
#[path = "../registration_http/desk.rs"]
mod desk;
mod faults;
#[path = "../support/house.rs"]
mod house;
mod life;
mod log;
mod marks;
#[path = "../consent/party.rs"]
mod party;
