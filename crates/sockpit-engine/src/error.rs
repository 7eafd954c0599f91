//! What failed, on what, and why the system said so.

use std::fmt;
use std::io;

/// A failure of the system while a session was opened or run.
///
/// Its text says what was tried; the cause is its [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {target}")]
pub struct Error {
    operation: Operation,
    target: String,
    source: io::Error,
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Turn a name into addresses.
    Resolve,
    /// Reach a server.
    Connect,
    /// Take a local address to serve on.
    Listen,
    /// Take a local address to send from.
    Bind,
    /// Set an option of a socket.
    Configure,
    /// Take part in a multicast group.
    Join,
    /// Write a recording.
    Record,
    /// Start a program.
    Run,
    /// Measure a server.
    Load,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect to",
            Self::Listen => "listen on",
            Self::Bind => "bind to",
            Self::Configure => "set",
            Self::Join => "join",
            Self::Record => "record to",
            Self::Run => "run",
            Self::Load => "load",
        })
    }
}

impl Error {
    pub(crate) fn new(
        operation: Operation,
        target: impl fmt::Display,
        source: impl Into<io::Error>,
    ) -> Self {
        Self {
            operation,
            target: target.to_string(),
            source: source.into(),
        }
    }

    /// The workbench ended while a session was being opened.
    pub(crate) fn gone() -> Self {
        Self::new(
            Operation::Connect,
            "the workbench",
            io::ErrorKind::NotConnected,
        )
    }

    /// What was tried.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// On what it was tried.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What the system answered.
    #[must_use]
    pub fn cause(&self) -> &io::Error {
        &self.source
    }

    /// Whether the same may succeed another time, when the peer or the network is there.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self.operation, Operation::Resolve | Operation::Connect)
    }

    /// Whether somebody else has the local address.
    #[must_use]
    pub fn is_address_in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

/// What the system said, in the words of our messages and without its number.
#[must_use]
pub fn cause_text(error: &io::Error) -> String {
    // Our own words say more than the kind does.
    if let Some(said) = error.get_ref() {
        return said_text(&said.to_string());
    }
    let words = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset => "connection reset by the peer",
        io::ErrorKind::TimedOut => "no answer in time",
        io::ErrorKind::HostUnreachable => "no route to the host",
        io::ErrorKind::NetworkUnreachable => "no route to the network",
        io::ErrorKind::AddrInUse => "address already in use",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::StorageFull => "no space left on the device",
        io::ErrorKind::NotFound if error.raw_os_error().is_some() => "no such file",
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            return text.to_lowercase();
        }
    };
    words.to_owned()
}

/// What an error with a text of its own says; the look-up of a name has one from the system.
fn said_text(text: &str) -> String {
    match text.strip_prefix("failed to lookup address information: ") {
        Some("Name or service not known") => "no such name".to_owned(),
        Some("No address associated with hostname") => "the name has no address".to_owned(),
        Some("Temporary failure in name resolution") => "no name server answered".to_owned(),
        Some(why) => why.to_lowercase(),
        None => text.to_owned(),
    }
}
