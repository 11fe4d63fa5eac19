//! Sequences of commands to the virtual card.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jitsuin_fuzz::checks::apdu::check(data));
