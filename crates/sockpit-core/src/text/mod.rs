//! Between bytes and what people read and write: charsets, escapes, hex, and columns on a screen.

pub mod charset;
pub mod checksum;
pub mod compose;
pub mod escape;
pub mod hex;
pub mod repair;
pub mod width;
