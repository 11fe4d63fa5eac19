//! The OCSP request in the path of a GET.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::path::check(data));
