//! The binary as an operator starts it: the demonstration looked at by OpenSSL and curl, and `kill -9` under load.

#[expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#[path = "support/weak_keys.rs"]
mod weak_keys;

#[path = "service/bulk.rs"]
mod bulk;
#[path = "service/demo.rs"]
mod demo;
#[path = "service/kill.rs"]
mod kill;
#[path = "service/process.rs"]
mod process;
#[path = "service/relying_party.rs"]
mod relying_party;
#[path = "service/site.rs"]
mod site;
