//! Send lists of other tools.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sockpit_fuzz::import(bytes));
