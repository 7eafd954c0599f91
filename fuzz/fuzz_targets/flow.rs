//! Segments of TCP in any order, analysed and put together again.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sockpit_fuzz::flow(bytes));
