//! The registration listener over real TLS on a free loopback port, with real client certificates.
//!
//! Every exchange of [`desk::Desk`] is held against `docs/openapi.json`, both ways.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod access;
mod approvals;
#[path = "../support/approver.rs"]
mod approver;
mod bad_input;
mod bulk;
mod contract;
mod credentials;
mod decisions;
mod desk;
mod exceptions;
mod faults;
#[path = "../support/house.rs"]
mod house;
mod letters;
mod overload;
mod rates;
mod register;
mod relying_party;
mod roles;
mod stories;
mod tls;
mod wording;
mod words;
