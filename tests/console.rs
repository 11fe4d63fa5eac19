//! The console over real mutual TLS: every page and every task, and what bad input gets.
//!
//! `console/browser.rs` is a browser without eyes: it keeps cookies, fills in forms as they stand in the page and follows where it is
//! sent. What a real one makes of the pages `console/play.rs` sees to.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "console/bad_input.rs"]
mod bad_input;
#[path = "console/browser.rs"]
mod browser;
#[path = "console/dates.rs"]
mod dates;
#[path = "console/exceptions.rs"]
mod exceptions;
#[path = "console/forms.rs"]
mod forms;
#[path = "console/holder.rs"]
mod holder;
#[path = "support/house.rs"]
mod house;
#[path = "console/panels.rs"]
mod panels;
#[path = "console/roles.rs"]
mod roles;
#[path = "console/samples.rs"]
mod samples;
#[path = "console/sheets.rs"]
mod sheets;
#[path = "console/tasks.rs"]
mod tasks;
#[path = "console/telephone.rs"]
mod telephone;
#[path = "console/training.rs"]
mod training;
#[path = "console/weeks.rs"]
mod weeks;
