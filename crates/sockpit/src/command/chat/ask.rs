//! The questions that the tutorials' programs ask: whose address, whose port, and ours.

use std::net::IpAddr;

use anyhow::bail;
use sockpit_engine::doctor::{Protocol, free_port};

use super::Args;
use crate::console::Console;

/// The ports of the tutorials: what one program listens on, and what the other one does.
const PORTS: (u16, u16) = (7852, 7853);

/// Whether nothing was said of whom to talk to, or where to be reached.
pub(super) fn is_wanted(args: &Args) -> bool {
    args.endpoints.is_empty()
        && args.bind.is_none()
        && args.discover.is_none()
        && args.peer.is_empty()
}

/// Asks for what was not said.
///
/// # Errors
///
/// Says what can be said instead, where nobody is there to be asked.
pub(super) fn fill(args: &mut Args, console: &Console) -> anyhow::Result<()> {
    if !console.can_ask() {
        bail!(
            "nobody to talk to: give an endpoint such as `udp://192.168.1.7:7852`, or `--bind :7853` to \
             wait for somebody, or `--discover`"
        );
    }
    // The second of two programs on one machine takes the other port.
    let is_free = |port| matches!(free_port(&[Protocol::Udp], Some(port..=port)), Ok(Some(_)));
    let (theirs, ours) = match is_free(PORTS.1) {
        true => PORTS,
        false => (PORTS.1, PORTS.0),
    };
    let host = ask(console, "The other's IP address", "127.0.0.1", check_host)?;
    let port = ask(console, "The other's port", &theirs.to_string(), check_port)?;
    let own = ask(console, "Your own port", &ours.to_string(), check_port)?;
    let host = match host.parse() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        _ => host,
    };
    args.endpoints.push(format!("udp://{host}:{port}"));
    args.bind = Some(format!(":{own}"));
    Ok(())
}

fn check_host(text: &str) -> Result<(), String> {
    let is_name = |c: char| c.is_alphanumeric() || "-.:%[]".contains(c);
    match !text.is_empty() && text.chars().all(is_name) {
        true => Ok(()),
        false => Err(format!("`{text}` is no address; such as `192.168.1.7`")),
    }
}

fn check_port(text: &str) -> Result<(), String> {
    match text.parse::<u16>() {
        Ok(1..) => Ok(()),
        _ => Err(format!(
            "`{text}` is no port; a port is a number from 1 to 65535"
        )),
    }
}

/// Asks until the answer is one.
fn ask(
    console: &Console,
    question: &str,
    usual: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> anyhow::Result<String> {
    loop {
        let Some(answer) = console.ask(question, usual) else {
            bail!("stdin ended before it was said whom to talk to");
        };
        match check(&answer) {
            Ok(()) => return Ok(answer),
            Err(why) => console.say(&why),
        }
    }
}
