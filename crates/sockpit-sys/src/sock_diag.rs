//! What sockets there are on this machine, whoever made them: sock_diag(7).
//!
//! It needs no privilege, and says more than the tables of `/proc`: sockets that are bound without
//! listening, how full a backlog is, who made a Unix socket and which file is its own. It does not
//! say which process has a socket open; the inode leads there.

mod inet;
mod unix;

pub use inet::{InetSocket, Protocol, Queue, State, States, TcpEnd, inet, tcp_end};
pub use unix::{UnixKind, UnixName, UnixSocket, UnixState, unix};

/// `SOCK_DIAG_BY_FAMILY`: both the question and the answer.
const BY_FAMILY: u16 = 20;

#[cfg(test)]
mod tests;
