//! The resident register's events as a feed: late, twice, out of order; what passes by itself; and who is told.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part of the house")]
#[path = "../stories/house.rs"]
mod house;
#[expect(clippy::allow_attributes, reason = "whether something is unused differs between the test crates")]
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "../support/ward.rs"]
mod ward;

mod abroad;
mod again;
mod bad_input;
mod causes;
mod closed;
mod continued;
mod departures;
mod faults;
mod feed;
mod foretold;
mod issuing;
mod notices;
mod onward;
mod order;
mod spelled;
mod strangers;
mod timers;
#[path = "../support/trap.rs"]
mod trap;
