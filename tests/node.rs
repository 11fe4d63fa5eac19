//! A status node beside the house that writes: it sees what the house does, goes on without the store, starts without it, and says
//! nothing older than it said before. As a process it holds no key that certifies.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "support/ward.rs"]
mod ward;

#[path = "support/weak_keys.rs"]
mod weak_keys;

#[path = "node/away.rs"]
mod away;
#[path = "node/following.rs"]
mod following;
#[path = "node/process.rs"]
mod process;
#[path = "node/world.rs"]
mod world;
