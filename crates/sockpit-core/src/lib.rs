//! The pure part of Sockpit: bytes and time come in, events and bytes come out.
//!
//! Nothing here opens a socket, reads a file, asks for the time or waits. That makes every
//! conversation a value which a test can drive through a thousand cuts of the same bytes, and which
//! a recording can drive again.
//!
//! ```text
//!  bytes ──▶ frame ──▶ text ──▶ rule ──┐
//!                session (a Machine)   │ replies
//!  bytes ◀── frame ◀── text ◀──────────┘
//!                  └──▶ event ──▶ record
//! ```

#![forbid(unsafe_code)]

pub mod bpf;
pub mod chat;
pub mod composer;
pub mod dissect;
pub mod endpoint;
pub mod event;
pub mod filter;
pub mod flow;
pub mod frame;
pub mod graph;
pub mod history;
pub mod import;
pub mod kernel;
pub mod ladder;
pub mod lens;
pub mod load;
pub mod machine;
pub mod pcap;
pub mod plan;
pub mod record;
pub mod replay;
pub mod rule;
pub mod scenario;
pub mod session;
pub mod sighting;
pub mod sim;
pub mod size;
pub mod snippet;
pub mod strings;
pub mod svg;
pub mod tello;
pub mod text;
pub mod time;
pub mod transcript;
pub mod wire;
