//! The checks of `checks/`, for the fuzz targets. `tests/regressions.rs` of the service runs the same without a fuzzer.

#[path = "../checks/mod.rs"]
pub mod checks;
