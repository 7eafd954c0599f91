//! The line for `nc`.

use super::Snippet;
use super::shell::{printf_word, quote};
use crate::endpoint::{Address, Host, Transport};
use crate::frame::Framing;
use crate::plan::{Eol, Plan, Role};
use crate::text::charset::Charset;

/// In bytes: what is sensible on a command line, and what `nc` makes one datagram of.
const MOST: usize = 16 * 1024;

pub(super) fn line(snippet: &Snippet<'_>) -> Result<String, String> {
    let plan = snippet.plan;
    cannot(snippet)?;
    let mut words: Vec<String> = Vec::new();
    if let Some(wire) = snippet.wire() {
        words.push(format!("printf {} |", printf_word(wire)));
    }
    words.push("nc".to_owned());
    let is_net = plan.transport.is_net();
    let is_sent = snippet.sends.is_some();
    match (plan.role, plan.transport) {
        (Role::Client, Transport::Tcp) => words.extend(is_sent.then(|| "-N".to_owned())),
        (Role::Client, Transport::Udp) => words.push("-u".to_owned()),
        (Role::Client, Transport::Unix) => words.push(if is_sent { "-NU" } else { "-U" }.into()),
        (Role::Client, Transport::UnixDatagram) => words.push("-uU".to_owned()),
        (Role::Server, Transport::Tcp) => words.push("-l".to_owned()),
        (Role::Server, Transport::Udp) => words.push("-ul".to_owned()),
        (Role::Server, Transport::Unix) => words.push("-lU".to_owned()),
        (Role::Server, Transport::UnixDatagram) => words.push("-ulU".to_owned()),
    }
    if is_sent && plan.role == Role::Client && !plan.transport.is_stream() {
        words.push("-w 1".to_owned());
    }
    // Line ends that are typed.
    if !is_sent && plan.eol == Eol::CrLf && plan.transport.is_stream() {
        words.push("-C".to_owned());
    }
    match snippet.option("family") {
        Some("4" | "ipv4") if is_net => words.push("-4".to_owned()),
        Some(_) if is_net => words.push("-6".to_owned()),
        _ => {}
    }
    if plan.role == Role::Client && is_net {
        words.extend(plan.socket.bind.as_deref().and_then(source));
    }
    if plan.socket.broadcast {
        words.push("-b".to_owned());
    }
    match &plan.address {
        Address::Net { host, port } => {
            words.extend(host_word(host, plan.role));
            words.push(port.to_string());
        }
        Address::Path(path) => words.push(quote(path)),
        Address::Abstract(_) => {}
    }
    Ok(words.join(" "))
}

/// Where it is sent from, as flags.
fn source(bind: &str) -> Option<String> {
    let (host, port) = match bind.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, Some(port)),
        _ => (bind, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = (!host.is_empty()).then(|| format!("-s {}", quote(host)));
    let port = port
        .filter(|port| *port != "0")
        .map(|port| format!("-p {port}"));
    match (host, port) {
        (Some(host), Some(port)) => Some(format!("{host} {port}")),
        (host, port) => host.or(port),
    }
}

fn host_word(host: &Host, role: Role) -> Option<String> {
    match (host, role) {
        (Host::Any, Role::Server) => None,
        (Host::Any, Role::Client) => Some("localhost".to_owned()),
        (Host::Ip(ip), _) => Some(ip.to_string()),
        (Host::Scoped(ip, zone), _) => Some(quote(&format!("{ip}%{zone}"))),
        (Host::Name(name), _) => Some(quote(name)),
    }
}

/// What stands in the way.
fn cannot(snippet: &Snippet<'_>) -> Result<(), String> {
    let plan = snippet.plan;
    let no = |why: &str| Err(why.to_owned());
    if snippet.rules.is_some() || plan.rules.is_some() {
        return no("nc cannot answer by rules");
    }
    if matches!(plan.address, Address::Abstract(_)) {
        return no("nc cannot reach an abstract Unix socket");
    }
    if !plan.shaping.is_off() {
        return no("nc cannot cut or gather what is written");
    }
    if plan.socket.multicast.is_some() {
        return no("nc cannot take part in a multicast group");
    }
    if snippet.reconnects {
        return no("nc cannot connect again by itself");
    }
    if matches!(
        (plan.role, &plan.address),
        (Role::Server, Address::Net { port: 0, .. })
    ) {
        return no("nc cannot say which port the system has chosen");
    }
    match &snippet.sends {
        Some(sends) if sends.every.is_some() || sends.count.is_some_and(|count| count > 1) => {
            no("nc cannot send again and again")
        }
        Some(sends) if sends.composed.message.wire.len() > MOST => Err(format!(
            "nc cannot get {} bytes by way of a command line",
            sends.composed.message.wire.len()
        )),
        // The bytes are written out, and nothing is left to be done to them.
        Some(_) => Ok(()),
        None => cannot_type(plan),
    }
}

/// What `nc` cannot do to lines that are typed.
fn cannot_type(plan: &Plan) -> Result<(), String> {
    match &plan.framing {
        Framing::Raw | Framing::Lines | Framing::Gap(_) => {}
        framing => return Err(format!("nc cannot frame messages by `{framing}`")),
    }
    if plan.checksum.is_some() {
        return Err("nc cannot write checksums".to_owned());
    }
    for charset in [Some(plan.text_out), plan.text].into_iter().flatten() {
        if charset != Charset::UTF_8 {
            return Err(format!("nc cannot say or show text in {charset}"));
        }
    }
    Ok(())
}
