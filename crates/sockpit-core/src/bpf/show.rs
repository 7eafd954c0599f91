//! What is wanted, in the filter language of libpcap.
//!
//! That language has no word for the packet within an ICMP error, nor for what lies behind extension
//! headers: such packets are asked for all, as [`Wanted::matches`] decides about them.

use std::fmt;

use super::{Prefix, Protocols, Selection, Wanted};
use crate::wire::{FiveTuple, protocol};

/// Errors of ICMP and ICMPv6.
const ERRORS: &str = "(icmp and (icmp[0] = 3 or icmp[0] = 4 or icmp[0] = 5 or icmp[0] = 11 \
                      or icmp[0] = 12)) or (icmp6 and ip6[40] >= 1 and ip6[40] <= 4)";

/// IPv6 with an extension header, or with a fragment's; IPv4 that is authenticated.
const EXTENDED: &str = "(ip6 and (ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 51 \
                        or ip6[6] = 60 or ip6[6] = 135 or ip6[6] = 139 or ip6[6] = 140)) \
                        or (ip and ip[9] = 51)";

/// A later fragment of IPv4.
const LATER: &str = "(ip and ip[6:2] & 0x1fff != 0)";

/// An expression of libpcap that matches what is wanted and little more; empty where everything is.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternatives = match self {
            Self::Everything => return Ok(()),
            Self::Selection(selection) => vec![selection_text(selection)],
            Self::Conversations(tuples) => tuples.iter().map(conversation_text).collect(),
        };
        for alternative in alternatives.iter().filter(|text| !text.is_empty()) {
            write!(f, "({alternative}) or ")?;
        }
        write!(f, "{ERRORS} or {EXTENDED}")
    }
}

fn selection_text(selection: &Selection) -> String {
    let has_ports = !selection.ports.is_empty();
    let mut parts = Vec::new();
    parts.extend(match (selection.protocols, has_ports) {
        (Protocols::Tcp, _) => Some("(ip proto 6 or ip6 proto 6)".to_owned()),
        (Protocols::Udp, _) => Some("(ip proto 17 or ip6 proto 17)".to_owned()),
        (Protocols::Both, _) | (Protocols::Any, true) => {
            Some("(ip proto 6 or ip6 proto 6 or ip proto 17 or ip6 proto 17)".to_owned())
        }
        (Protocols::Any, false) => Some("(ip or ip6)".to_owned()),
    });
    if !selection.hosts.is_empty() {
        let hosts: Vec<String> = selection.hosts.iter().map(host_text).collect();
        parts.push(format!("({})", hosts.join(" or ")));
    }
    if has_ports {
        let ports: Vec<String> = selection
            .ports
            .iter()
            .map(|port| format!("port {port}"))
            .collect();
        parts.push(format!("({} or {LATER})", ports.join(" or ")));
    }
    parts.join(" and ")
}

fn host_text(prefix: &Prefix) -> String {
    // The language knows an address alone as `host`, and refuses `net` with all its bits.
    match prefix.to_string() {
        text if text.contains('/') => format!("net {text}"),
        text => format!("host {text}"),
    }
}

fn conversation_text(tuple: &FiveTuple) -> String {
    let FiveTuple {
        source,
        destination,
        ports: (one, other),
        ..
    } = tuple;
    let protocol = match tuple.protocol {
        protocol::TCP => "(ip proto 6 or ip6 proto 6)".to_owned(),
        number => format!("(ip proto {number} or ip6 proto {number})"),
    };
    format!(
        "{protocol} and host {source} and host {destination} and \
         ((port {one} and port {other}) or {LATER})"
    )
}
