//! What Sockpit shows in a browser: the only crate that speaks HTTP.
//!
//! Sessions, rooms and their sockets are the engine's. This crate takes connections of browsers,
//! speaks HTTP and WebSocket on them, and gives what they mean to the engine: `room` lets browsers
//! into a room, `workbench` is all that Sockpit does, for people who look rather than type.

#![forbid(unsafe_code)]

mod http;
pub mod room;
mod web_socket;
pub mod workbench;
