//! Where a drone is.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use sockpit_core::tello::COMMAND_PORT;
use sockpit_core::text::escape::VisibleLine;

/// Where a drone takes commands, as somebody wrote it: `HOST` or `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    name: String,
    port: u16,
}

impl Host {
    /// Its address; waits for a name to be looked up.
    ///
    /// # Errors
    ///
    /// Returns one sentence where the name has none.
    pub(super) fn resolve(&self) -> anyhow::Result<SocketAddr> {
        let found = (self.name.as_str(), self.port).to_socket_addrs();
        let mut found = match found {
            Ok(found) => found,
            Err(error) => anyhow::bail!(
                "cannot look up `{}`: {}",
                VisibleLine(&self.name),
                sockpit_engine::cause_text(&error)
            ),
        };
        // Drones speak IPv4; a simulator may be anywhere.
        let mut first = None;
        let v4 = found.find(|addr| {
            first.get_or_insert(*addr);
            addr.is_ipv4()
        });
        match v4.or(first) {
            Some(addr) => Ok(addr),
            None => anyhow::bail!("`{}` has no address", VisibleLine(&self.name)),
        }
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            format!(
                "`{}` is no address of a drone, such as `192.168.10.1` or `127.0.0.1:8889`",
                VisibleLine(text)
            )
        };
        let text = text.strip_prefix("udp://").unwrap_or(text);
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self {
                name: ip.to_string(),
                port: COMMAND_PORT,
            });
        }
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return match addr.port() {
                0 => Err(wanted()),
                port => Ok(Self {
                    name: addr.ip().to_string(),
                    port,
                }),
            };
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| wanted())?),
            None => (text, COMMAND_PORT),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if name.is_empty() || port == 0 || !name.chars().all(is_name) {
            return Err(wanted());
        }
        Ok(Self {
            name: name.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn a_host_is_an_address_or_a_name_with_or_without_a_port() {
        let host = |text: &str| text.parse::<Host>().map(|host| (host.name, host.port));
        let is = |name: &str, port| Ok((name.to_owned(), port));
        assert_eq!(host("192.168.10.1"), is("192.168.10.1", 8889));
        assert_eq!(host("127.0.0.2:9000"), is("127.0.0.2", 9000));
        assert_eq!(host("udp://127.0.0.2:9000"), is("127.0.0.2", 9000));
        assert_eq!(host("drone-1"), is("drone-1", 8889));
        assert_eq!(host("[::1]:9000"), is("::1", 9000));
        for wrong in [
            "",
            ":",
            ":9",
            "a:",
            "a:0",
            "a:99999",
            "1.2.3.4:0",
            "a b",
            "a/b",
        ] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
    }
}
