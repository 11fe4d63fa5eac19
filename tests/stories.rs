//! The stories told on the store in memory: a test a sentence.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "stories/house.rs"]
mod house;

#[path = "stories/card.rs"]
mod card;
#[path = "stories/engines.rs"]
mod engines;
#[path = "stories/erasing.rs"]
mod erasing;
#[path = "stories/exchanging.rs"]
mod exchanging;
#[path = "stories/generations.rs"]
mod generations;
#[path = "stories/issuing.rs"]
mod issuing;
#[path = "stories/once.rs"]
mod once;
#[path = "stories/random.rs"]
mod random;
#[path = "stories/register.rs"]
mod register;
#[path = "stories/reserved.rs"]
mod reserved;
#[path = "stories/revoking.rs"]
mod revoking;
