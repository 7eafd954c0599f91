//! Where NATS is.

use std::fmt;
use std::str::FromStr;

use async_nats::ServerAddr;

/// Addresses of NATS servers, as `nats://[user:password@]host[:4222]`, with commas between.
#[derive(Clone)]
pub struct Servers(Vec<ServerAddr>);

impl Servers {
    pub(super) fn addresses(&self) -> Vec<ServerAddr> {
        self.0.clone()
    }
}

impl FromStr for Servers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .map(|server| {
                let server = server.trim();
                let addr = ServerAddr::from_str(server).map_err(|_| mistake(text, server))?;
                match addr.scheme() {
                    "nats" | "tls" => Ok(addr),
                    other => Err(format!(
                        "a NATS server is reached by nats:// or tls://, not by {other}://"
                    )),
                }
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Says which address is none, without a word of who we are there.
fn mistake(text: &str, server: &str) -> String {
    match server.rsplit_once('@') {
        Some((_, host)) => format!("`{host}` is no address of a NATS server"),
        // A comma in a password cuts it in two: `%2C` is one there.
        None if text.contains('@') => "one of these is no address of a NATS server; \
                                       a comma in a password is written `%2C`"
            .to_owned(),
        None => format!("`{server}` is no address of a NATS server"),
    }
}

/// Without passwords.
impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, addr) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(
                f,
                "{comma}{}://{}:{}",
                addr.scheme(),
                addr.host(),
                addr.port()
            )?;
        }
        Ok(())
    }
}

/// Without passwords as well.
impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
