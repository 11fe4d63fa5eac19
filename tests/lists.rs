//! Lists: what is published when, the gate, deltas, what OpenSSL makes of them, and the command line about them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "stories/house.rs"]
mod house;

#[path = "support/ward.rs"]
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
mod ward;

#[path = "lists/bench.rs"]
mod bench;
#[path = "lists/beside.rs"]
mod beside;
#[path = "lists/cli.rs"]
mod cli;
#[path = "lists/deltas.rs"]
mod deltas;
#[path = "lists/faults.rs"]
mod faults;
#[path = "lists/gate.rs"]
mod gate;
#[path = "lists/hands.rs"]
mod hands;
#[path = "lists/kept.rs"]
mod kept;
#[path = "lists/liar.rs"]
mod liar;
#[path = "lists/long.rs"]
mod long;
#[path = "lists/openssl.rs"]
mod openssl;
#[path = "lists/property.rs"]
mod property;
#[path = "lists/publishing.rs"]
mod publishing;
