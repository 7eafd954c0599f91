//! Who may ask: the name that a browser asked for, and the page that made it ask (rule F3).

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HeaderName, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Uri};

use crate::http;

/// Set by browsers; a page cannot forge them.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The names that every workbench has.
const OWN: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The port that browsers leave out.
const HTTP: u16 = 80;

/// Which names are ours.
#[derive(Debug)]
pub(super) struct Gate {
    /// Lower-case, with their ports.
    hosts: Vec<String>,
    /// Whether the port is whatever somebody forwards to us: at a Unix socket.
    is_any_port: bool,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no `Host`, or more than one, or one that is no text.
    NoHost,
    /// The `Host` is a name that is not ours, as when a page lets its own name lead here.
    OtherHost,
    /// The page of another site made the browser ask.
    OtherOrigin,
}

impl Gate {
    /// The gate of a workbench that listens at `local`, or at a Unix socket where that is nothing,
    /// with further names.
    pub(super) fn new(local: &[SocketAddr], further: &[String]) -> Self {
        let port = local.first().map(SocketAddr::port);
        let mut gate = Self {
            hosts: Vec::new(),
            is_any_port: port.is_none(),
        };
        let own = OWN.iter().map(|name| (*name).to_owned());
        let bound = local.iter().map(SocketAddr::ip);
        let bound = bound.filter(|ip| !ip.is_unspecified()).map(|ip| match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
        for name in own.chain(bound) {
            gate.allow(&name, port);
        }
        for name in further {
            match has_port(name) {
                true => gate.hosts.push(name.to_ascii_lowercase()),
                false => gate.allow(name, port),
            }
        }
        gate
    }

    fn allow(&mut self, name: &str, port: Option<u16>) {
        let name = name.to_ascii_lowercase();
        match port {
            Some(HTTP) | None => self.hosts.push(name),
            Some(port) => self.hosts.push(format!("{name}:{port}")),
        }
    }

    /// Looks at a request before anything else does.
    ///
    /// `is_entrance` says that it is a `GET` of `/`, which a link on any page may lead to.
    ///
    /// # Errors
    ///
    /// Why it is turned away.
    pub(super) fn check(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        is_entrance: bool,
    ) -> Result<(), Refusal> {
        let host = http::host(headers).ok_or(Refusal::NoHost)?;
        if !self.is_ours(host) {
            return Err(Refusal::OtherHost);
        }
        // A whole URL in place of a path has a host of its own.
        if uri
            .authority()
            .is_some_and(|other| !other.as_str().eq_ignore_ascii_case(host))
        {
            return Err(Refusal::OtherHost);
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        if let Some(origin) = origins.next()
            && (origins.next().is_some() || !is_of(origin, host))
        {
            return Err(Refusal::OtherOrigin);
        }
        match (value(headers, &SEC_FETCH_SITE), is_entrance) {
            (None | Some(b"same-origin" | b"none"), _) => Ok(()),
            (Some(_), true) if is_navigation(headers) => Ok(()),
            (Some(_), _) => Err(Refusal::OtherOrigin),
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if self.hosts.contains(&host) {
            return true;
        }
        let name = host.rsplit_once(':').filter(|(_, port)| is_port(port));
        self.is_any_port && name.is_some_and(|(name, _)| OWN.contains(&name))
    }
}

/// Whether a page that came from `host` says where it came from. A proxy may have made it https.
fn is_of(origin: &HeaderValue, host: &str) -> bool {
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    ["http://", "https://"].iter().any(|scheme| {
        let site = origin.strip_prefix(scheme);
        site.is_some_and(|site| site.eq_ignore_ascii_case(host))
    })
}

/// Whether somebody follows a link, so that the page becomes a tab and nobody's part.
fn is_navigation(headers: &HeaderMap) -> bool {
    matches!(value(headers, &SEC_FETCH_MODE), None | Some(b"navigate"))
        && matches!(value(headers, &SEC_FETCH_DEST), None | Some(b"document"))
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    headers.get(name).map(HeaderValue::as_bytes)
}

fn has_port(name: &str) -> bool {
    let port = name
        .rsplit_once(':')
        .filter(|(name, _)| !name.contains(':') || name.ends_with(']'));
    port.is_some_and(|(_, port)| is_port(port))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests;
