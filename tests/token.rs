//! Keys in a token, by SoftHSM (Debian package softhsm2, which `scripts/test` installs): nothing is skipped without it.
//!
//! SoftHSM reads where its tokens are from SOFTHSM2_CONF, once in a process. So each test runs in a process of its own, with
//! a directory of its own: it starts this binary again with the variable set, for itself alone.

#[path = "token/keys.rs"]
mod keys;
#[path = "token/loss.rs"]
mod loss;
#[path = "token/refusals.rs"]
mod refusals;
#[path = "token/room.rs"]
mod room;
