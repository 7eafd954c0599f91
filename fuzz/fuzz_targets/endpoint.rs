//! Endpoints, as they are typed.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sockpit_fuzz::endpoint(bytes));
