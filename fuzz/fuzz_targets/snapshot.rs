//! The snapshot of the status index.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::snapshot::check(data));
