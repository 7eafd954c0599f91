//! Between bytes and what people read and write: charsets, escapes, hex, and columns on a screen.

pub mod charset;
pub mod escape;
pub mod hex;
pub mod width;
