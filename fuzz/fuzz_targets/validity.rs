//! Lines of `jitsuin validity`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::json::check_validity(data));
