//! Bodies of the registration listener.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::json::check(data));
