//! Capture files, and everything that is drawn of their packets.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sockpit_fuzz::draw(bytes));
