//! The configuration.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::text::check_config(data));
