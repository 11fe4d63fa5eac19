//! What a client trusts of an OCSP answer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::response::check(data));
