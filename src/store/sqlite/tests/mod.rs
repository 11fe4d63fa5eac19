//! What SQLite makes of the shared statements: the plans of queries, and what its schema refuses whoever asks.

mod applications;
mod batch;
mod certificates;
mod register;
mod registration;
mod retention;
mod steps;
mod writer;
