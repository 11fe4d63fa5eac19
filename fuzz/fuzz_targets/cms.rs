//! Signed messages and the declarations within.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::cms::check(data));
