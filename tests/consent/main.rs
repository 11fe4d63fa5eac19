//! Consent, withdrawal and what a holder applies for from home, over the registration listener, the texts signed by OpenSSL with the holder's key.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod citizen;
mod cms;
#[path = "../registration_http/contract.rs"]
mod contract;
#[expect(dead_code, reason = "the registration's own tests use all of it")]
#[path = "../registration_http/desk.rs"]
mod desk;
mod faults;
mod flow;
mod home;
#[path = "../support/house.rs"]
mod house;
mod party;
mod refusals;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "../support/ward.rs"]
mod ward;
