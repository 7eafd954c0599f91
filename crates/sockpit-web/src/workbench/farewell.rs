//! How a page is sent away: the codes that it explains to whoever looks at it.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::web_socket::closed;

/// What came first was no hello.
pub(super) fn no_hello() -> CloseFrame {
    closed(CloseCode::Library(4400), "hello comes first")
}

/// What came is no call.
pub(super) fn no_call() -> CloseFrame {
    closed(CloseCode::Library(4400), "that is no call")
}

/// The token is another one: the workbench was started again, or this is none of its pages.
pub(super) fn unknown() -> CloseFrame {
    closed(CloseCode::Library(4401), "the token is another one")
}

/// Nobody said hello in time.
pub(super) fn late() -> CloseFrame {
    closed(CloseCode::Library(4401), "nobody said hello in time")
}

/// The page does not read. It has lost nothing, and may come again.
pub(super) fn too_slow() -> CloseFrame {
    closed(CloseCode::Library(4408), "too slow; come again")
}

/// Nothing was heard of the page, and no ping answered.
pub(super) fn silent() -> CloseFrame {
    closed(CloseCode::Away, "nothing was heard for too long")
}

/// A call or a piece is longer than its limit.
pub(super) fn too_long() -> CloseFrame {
    closed(CloseCode::Size, "the message is too long")
}

/// A text that is none.
pub(super) fn no_text() -> CloseFrame {
    closed(CloseCode::Invalid, "a call is UTF-8")
}

/// Frames that no WebSocket has.
pub(super) fn no_protocol() -> CloseFrame {
    closed(CloseCode::Protocol, "")
}

/// The workbench ends.
pub(super) fn leaving() -> CloseFrame {
    closed(CloseCode::Away, "the workbench ends")
}
