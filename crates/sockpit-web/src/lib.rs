//! What Sockpit shows in a browser: the only crate that speaks HTTP.
//!
//! Sessions, rooms and their sockets are the engine's. This crate takes a connection that began
//! with `GET `, speaks HTTP and WebSocket on it, and gives what it means to the engine.

#![forbid(unsafe_code)]

pub mod room;
