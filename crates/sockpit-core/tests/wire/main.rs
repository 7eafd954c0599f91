//! Our packets and files against those of tshark, tcpdump, capinfos, editcap, text2pcap and
//! dumpcap. Where a tool is missing a test says so and holds nothing.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the core is pure, its oracles are programs with files and sockets"
)]

mod decode;
mod files;
mod place;
mod support;
