//! Where NATS is.

use std::fmt;
use std::str::FromStr;

use async_nats::ServerAddr;

/// Addresses of NATS servers, as `nats://[user:password@]host[:4222]`, with commas between.
#[derive(Clone, Debug)]
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
                let addr = ServerAddr::from_str(server)
                    .map_err(|_| format!("`{}` is no address of a NATS server", open(server)))?;
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

/// What may be shown of an address: nothing of who we are there.
fn open(server: &str) -> &str {
    server.rsplit('@').next().unwrap_or(server)
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

#[cfg(test)]
mod tests;
