//! `jitsuin doctor status`: it finds nothing where nothing is wrong, and exactly what is wrong where something is, channel by
//! channel.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "../stories/house.rs"]
mod house;

mod channels;
mod scene;
mod stream;
mod town;
