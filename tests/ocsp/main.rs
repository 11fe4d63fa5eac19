//! What the OCSP responder says, read by x509-ocsp.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod desk;
mod kept;
mod renewal;
mod requests;
mod states;
