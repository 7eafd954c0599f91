//! Packets of every link type, taken apart.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sockpit_fuzz::wire(bytes));
