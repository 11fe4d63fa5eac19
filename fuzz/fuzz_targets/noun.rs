//! Serial numbers, names, keys, identifiers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::text::check_noun(data));
