//! The binary as an operator starts it: the demonstration looked at by OpenSSL and curl, `kill -9` under load, and orderly
//! restarts.

#[expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#[path = "support/weak_keys.rs"]
mod weak_keys;

#[path = "service/audit.rs"]
mod audit;
#[path = "service/bulk.rs"]
mod bulk;
#[path = "service/demo.rs"]
mod demo;
#[path = "service/generation.rs"]
mod generation;
#[path = "service/kill.rs"]
mod kill;
#[path = "service/process.rs"]
mod process;
#[path = "service/relying_party.rs"]
mod relying_party;
#[path = "service/restart.rs"]
mod restart;
#[path = "service/site.rs"]
mod site;
#[path = "service/token.rs"]
mod token;
