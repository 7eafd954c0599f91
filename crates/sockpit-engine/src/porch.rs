//! Where browsers of this machine come in: a listener that no other machine reaches unless somebody
//! says so.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role};
use tokio::net::TcpStream;

use crate::error::{Error, Operation};
use crate::room::ByteStream;
use crate::transport::{Accepted, StreamListeners, listen_stream, listen_stream_at};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// At 127.0.0.1 and ::1, on one port number; 0 lets the system choose it.
    Loopback(u16),
    /// At an address, whoever can reach it.
    At(SocketAddr),
    /// At a Unix socket of this path, for its owner alone: mode 0600. A path that a dead program
    /// left behind is taken over.
    Path(String),
}

/// A listener for browsers.
pub struct Porch {
    listeners: StreamListeners,
}

impl Porch {
    /// Begins to listen. A machine without IPv6 does without it; one where somebody else has the port
    /// at one of both addresses is refused, as `localhost` might lead there.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] where the address cannot be taken.
    ///
    /// # Panics
    ///
    /// Panics outside a runtime.
    pub async fn open(site: &Site) -> Result<Self, Error> {
        let listeners = match site {
            Site::Loopback(port) => {
                let v4 = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), *port);
                let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), *port);
                listen_stream_at(&plan_of(&format!("tcp://{v4}"))?, &[v4, v6])?
            }
            Site::At(addr) => listen_stream_at(&plan_of(&format!("tcp://{addr}"))?, &[*addr])?,
            Site::Path(path) => listen_stream(&plan_of(&format!("unix:{path}"))?).await?,
        };
        Ok(Self { listeners })
    }

    /// What was taken, as endpoints such as `tcp://127.0.0.1:7625`.
    #[must_use]
    pub fn local(&self) -> Vec<String> {
        self.listeners.local()
    }

    /// The next connection, with the address of whoever made it. Cancel-safe.
    ///
    /// # Errors
    ///
    /// Returns what the system says, such as that there are no more descriptors; it may pass.
    pub async fn accept(&mut self) -> io::Result<(Box<dyn ByteStream>, String)> {
        let (accepted, addr) = poll_fn(|cx| self.listeners.poll_accept(cx)).await?;
        let stream: Box<dyn ByteStream> = match accepted {
            Accepted::Tcp(stream) => {
                let stream = TcpStream::from_std(stream)?;
                // What is small has to be there at once; where that cannot be set, it comes later.
                let _ = stream.set_nodelay(true);
                Box::new(stream)
            }
            Accepted::Unix(stream) => Box::new(stream),
        };
        Ok((stream, addr))
    }
}

fn plan_of(endpoint: &str) -> Result<Plan, Error> {
    let fail = |error: String| Error::new(Operation::Listen, endpoint, io::Error::other(error));
    let parsed: Endpoint = endpoint.parse().map_err(|error| fail(format!("{error}")))?;
    Plan::resolve(Role::Server, &parsed, Options::default())
        .map_err(|error| fail(error.to_string()))
}

/// Whether only this machine reaches an address.
#[must_use]
pub fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Lets the calling thread, and every thread and program that it starts, capture no packets any more
/// (rule G7). The threads that capture are others.
///
/// # Errors
///
/// Returns what the system says where it does not let go of the privilege.
pub fn give_up_capturing() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    sets.effective.remove(CapabilitySet::NET_RAW);
    sets.permitted.remove(CapabilitySet::NET_RAW);
    sets.inheritable.remove(CapabilitySet::NET_RAW);
    Ok(set_capabilities(None, sets)?)
}

#[cfg(test)]
mod tests;
