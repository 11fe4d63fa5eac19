//! The binary as an operator starts it: the demonstration looked at by OpenSSL and curl, `kill -9` under load, orderly restarts,
//! commands that are broken off, and faults of disks, clocks and clients.

#[expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#[path = "support/weak_keys.rs"]
mod weak_keys;

#[path = "service/approvals.rs"]
mod approvals;
#[path = "service/audit.rs"]
mod audit;
#[expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#[path = "service/backup.rs"]
mod backup;
#[path = "service/bulk.rs"]
mod bulk;
#[path = "service/cards.rs"]
mod cards;
#[path = "service/ceremony.rs"]
mod ceremony;
#[path = "service/commands.rs"]
mod commands;
#[path = "service/credentials.rs"]
mod credentials;
#[path = "service/demo.rs"]
mod demo;
#[path = "service/erase.rs"]
mod erase;
#[path = "service/faults.rs"]
mod faults;
#[path = "service/generation.rs"]
mod generation;
#[path = "service/keys.rs"]
mod keys;
#[path = "service/kill.rs"]
mod kill;
#[path = "service/on_postgres.rs"]
mod on_postgres;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, clippy::unwrap_used, reason = "each test crate uses its part; helpers of tests fail like tests")]
#[path = "support/postgres.rs"]
mod pg;
#[path = "service/process.rs"]
mod process;
#[path = "service/relying_party.rs"]
mod relying_party;
#[path = "service/restart.rs"]
mod restart;
#[expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#[path = "service/restore.rs"]
mod restore;
#[path = "service/shim.rs"]
mod shim;
#[path = "service/site.rs"]
mod site;
#[path = "service/storms.rs"]
mod storms;
#[path = "service/token.rs"]
mod token;
#[path = "service/token_loss.rs"]
mod token_loss;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, clippy::unwrap_used, reason = "each test crate uses its part; helpers of tests fail like tests")]
#[path = "support/wall.rs"]
mod wall;
#[path = "service/writable.rs"]
mod writable;
