//! Capture files, fed in chunks, and the conversations in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sockpit_fuzz::pcap(bytes));
