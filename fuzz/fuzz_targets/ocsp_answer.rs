//! From an OCSP request to its signed answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::answer::check(data));
