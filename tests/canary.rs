//! Canaries: how they are issued and revoked, who can touch them, and how soon their end is seen in every channel.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "stories/house.rs"]
mod house;

#[path = "canary/aviary.rs"]
mod aviary;
#[path = "canary/channels.rs"]
mod channels;
#[path = "canary/faults.rs"]
mod faults;
#[path = "canary/story.rs"]
mod story;
