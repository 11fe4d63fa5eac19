//! The doors: three listeners on one way of serving (`server`).
//!
//! | listener | file | for |
//! |---|---|---|
//! | status | [`status`] | OCSP, lists and CA certificates, for anyone |
//! | registration | [`registration`], behind [`access`] | stories, for municipalities and operators over mutual TLS |
//! | operator | [`operator`] | health, readiness and metrics |
//!
//! [`freshness`] knocks at the status door from outside, and [`client`] is how.

pub mod access;
pub mod client;
pub mod freshness;
pub mod metrics;
pub mod ocsp_path;
pub mod operator;
pub mod problem;
pub mod registration;
pub mod representation;
pub mod server;
pub mod status;
