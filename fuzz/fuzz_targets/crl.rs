//! Lists and their entries.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::crl::check(data));
