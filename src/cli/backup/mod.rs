//! `jitsuin backup`.
pub mod age;
