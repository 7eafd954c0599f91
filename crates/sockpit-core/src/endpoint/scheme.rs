//! What stands before an endpoint's first colon: our schemes, and socat's words for the same.

use super::Transport;
use super::mistake::Mistake;
use super::parse::bare_ipv6;

/// What stands after a scheme.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Net,
    Path,
    Abstract,
}

/// A scheme as typed, of ours or socat's.
pub(super) struct Scheme {
    pub(super) transport: Transport,
    pub(super) form: Form,
    /// `4` or `6`, from socat's `tcp4:` and the like.
    pub(super) family: Option<char>,
    /// Whether only socat calls it so; then a comma begins socat's options.
    is_socat: bool,
}

impl Scheme {
    /// Cuts a location into its scheme and what follows the colon; `None` for an address alone.
    pub(super) fn split(location: &str) -> Result<Option<(Self, &str)>, Mistake> {
        let Some((head, rest)) = location.split_once(':') else {
            return Ok(None);
        };
        let name = head.to_ascii_lowercase();
        if let Some(scheme) = Self::find(&name) {
            return Ok(Some((scheme, rest)));
        }
        // `db:5432` is a host and its port; what a host and a port cannot look like had a scheme.
        let is_word = head.starts_with(|c: char| c.is_ascii_alphabetic())
            && head
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '_'));
        let is_scheme =
            rest.starts_with("//") || rest.contains(':') && bare_ipv6(location).is_none();
        if !is_word || !is_scheme {
            return Ok(None);
        }
        if UNAVAILABLE.contains(&name.as_str()) {
            return Err(Mistake::UnavailableScheme { scheme: name });
        }
        Err(Mistake::UnknownScheme {
            scheme: head.to_owned(),
        })
    }

    /// Finds a lower-case scheme: ours, or socat's with the family that its digit asks for.
    fn find(name: &str) -> Option<Self> {
        if let Some(transport) = Transport::ALL.into_iter().find(|t| t.scheme() == name) {
            let form = if transport.is_net() {
                Form::Net
            } else {
                Form::Path
            };
            return Some(Self {
                transport,
                form,
                family: None,
                is_socat: false,
            });
        }
        let (kind, role) = match name.split_once('-') {
            Some((kind, role)) => (kind, Some(role)),
            None => (name, None),
        };
        let (kind, family) = match kind {
            "tcp4" => ("tcp", Some('4')),
            "tcp6" => ("tcp", Some('6')),
            "udp4" => ("udp", Some('4')),
            "udp6" => ("udp", Some('6')),
            _ => (kind, None),
        };
        let is_stream = matches!(role, Some("connect" | "client" | "listen" | "l"));
        let is_datagram = matches!(role, Some("sendto" | "recvfrom" | "recv" | "datagram"));
        let (transport, form) = match kind {
            "tcp" if is_stream || role.is_none() => (Transport::Tcp, Form::Net),
            "udp" if is_stream || is_datagram || role.is_none() => (Transport::Udp, Form::Net),
            "unix" if is_stream => (Transport::Unix, Form::Path),
            "unix" if is_datagram => (Transport::UnixDatagram, Form::Path),
            "abstract" if is_stream => (Transport::Unix, Form::Abstract),
            "abstract" if is_datagram => (Transport::UnixDatagram, Form::Abstract),
            _ => return None,
        };
        Some(Self {
            transport,
            form,
            family,
            is_socat: true,
        })
    }

    /// Refuses the comma that begins socat's options; in a path of ours a comma is a comma.
    pub(super) fn without_comma<'a>(&self, rest: &'a str) -> Result<&'a str, Mistake> {
        match rest.split_once(',') {
            Some((_, options)) if self.is_socat => Err(Mistake::SocatOptions {
                options: options.to_owned(),
            }),
            _ => Ok(rest),
        }
    }
}

/// Schemes that the grammar knows and this build does not speak.
const UNAVAILABLE: [&str; 3] = ["tls", "ws", "wss"];
