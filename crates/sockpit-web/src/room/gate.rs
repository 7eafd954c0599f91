//! Who may ask: the name that a browser asked for, and the page that made it ask.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, ORIGIN};

use crate::http;

/// Set by browsers; a page cannot forge it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which names are ours.
#[derive(Debug)]
pub(super) struct Gate {
    hosts: Vec<String>,
}

/// The gate as it is for somebody at one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    gate: &'a Gate,
    /// Whether the peer is on this machine or a private network, where a page of the Internet
    /// may reach us by a name of its own that it lets point here (DNS rebinding).
    is_near: bool,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refusal {
    /// There is no `Host`, or more than one, or one that is no host.
    NoHost,
    /// The `Host` is a name that is not ours.
    OtherHost,
    /// The page of another site made the browser ask.
    OtherOrigin,
}

impl Gate {
    pub(super) fn new(hosts: Vec<String>) -> Self {
        Self { hosts }
    }

    /// The gate for a peer at this address; `None` is a Unix socket, so a program or a proxy.
    pub(super) fn of(&self, peer: Option<IpAddr>) -> Place<'_> {
        Place {
            gate: self,
            is_near: peer.is_some_and(is_near),
        }
    }
}

impl Place<'_> {
    /// Looks at the `Host` of any request.
    ///
    /// # Errors
    ///
    /// Why it is turned away.
    pub(super) fn check_host(self, headers: &HeaderMap) -> Result<(), Refusal> {
        let name = http::host(headers).and_then(name).ok_or(Refusal::NoHost)?;
        if self.is_near && !is_local(name) && !self.is_allowed(name) {
            return Err(Refusal::OtherHost);
        }
        Ok(())
    }

    /// Looks at what made a browser open a WebSocket, which it lets every page do. Programs send
    /// no `Origin`.
    ///
    /// # Errors
    ///
    /// Why it is turned away.
    pub(super) fn check_origin(self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = http::host(headers).ok_or(Refusal::NoHost)?;
        let mut origins = headers.get_all(ORIGIN).iter();
        if let Some(origin) = origins.next() {
            let origin = origin.to_str().map_err(|_| Refusal::OtherOrigin)?;
            // A browser writes the port into both or, if it is the scheme's own, into neither.
            let site = ["http://", "https://"]
                .iter()
                .find_map(|scheme| origin.strip_prefix(scheme));
            if !site.is_some_and(|site| site.eq_ignore_ascii_case(host)) {
                return Err(Refusal::OtherOrigin);
            }
        }
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        if origins.next().is_some() || matches!(site, Some(b"cross-site" | b"same-site")) {
            return Err(Refusal::OtherOrigin);
        }
        Ok(())
    }

    fn is_allowed(self, name: &str) -> bool {
        let hosts = &self.gate.hosts;
        hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    }
}

/// The name in a `Host`, without its port and the brackets of an IPv6 address.
fn name(host: &str) -> Option<&str> {
    let (name, rest) = match host.strip_prefix('[') {
        Some(host) => host.split_once(']')?,
        None => host
            .find(':')
            .map_or((host, ""), |colon| host.split_at(colon)),
    };
    let port = rest.strip_prefix(':');
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    (!name.is_empty() && (rest.is_empty() || port.is_some_and(is_port))).then_some(name)
}

/// Whether no page of the Internet can have this name: an address, or a name that only the
/// machine itself or its own network resolves.
fn is_local(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || [".localhost", ".local"]
            .iter()
            .any(|end| name.ends_with(end))
}

fn is_near(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(peer) => peer.is_loopback() || peer.is_private() || peer.is_link_local(),
        IpAddr::V6(peer) => {
            peer.is_loopback() || peer.is_unique_local() || peer.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests;
