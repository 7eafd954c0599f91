//! Streams, cut by every framing.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sockpit_fuzz::frame(bytes));
