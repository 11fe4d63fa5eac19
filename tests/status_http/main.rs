//! The status and operator listeners over real sockets: OpenSSL, curl and plain octets as clients.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod caching;
mod coding;
mod conditions;
mod curl;
mod http2;
mod numbered;
mod ocsp;
mod operator;
mod overload;
mod pipelining;
mod ranges;
mod running;
mod serving;
mod versions;
