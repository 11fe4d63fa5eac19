//! The virtual card from outside: scripts of APDUs, any sequence of them, and what verifies its signatures.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "card/cards.rs"]
mod cards;
#[path = "card/issuer.rs"]
mod issuer;
#[path = "card/script.rs"]
mod script;
#[path = "card/sequences.rs"]
mod sequences;
#[path = "card/signatures.rs"]
mod signatures;
