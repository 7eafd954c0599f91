//! The words for a connection that the peer reset.

/// Says that the peer reset the connection, and how far it had come by then, in bytes received.
#[must_use]
pub fn reset_text(received: u64) -> String {
    match received {
        0 => "the peer reset the connection before it had sent a byte".to_owned(),
        1 => "the peer reset the connection after 1 byte had come".to_owned(),
        _ => format!("the peer reset the connection after {received} bytes had come"),
    }
}
