//! The program in Python.

use std::fmt::Write as _;

use super::Snippet;
use crate::endpoint::{Address, Host, Transport};
use crate::frame::{Framing, LengthField, LengthPrefix};
use crate::plan::{Plan, Role};

pub(super) fn program(snippet: &Snippet<'_>) -> String {
    let plan = snippet.plan;
    let mut out = String::from("import socket\n");
    let is_server = plan.role == Role::Server;
    let is_stream = plan.transport.is_stream();
    if is_server && is_stream {
        out.push_str("import threading\n");
    }
    if snippet
        .sends
        .as_ref()
        .is_some_and(|sends| sends.every.is_some())
    {
        out.push_str("import time\n");
    }
    let mut push = |text: &str| out.push_str(text);
    push("\n");
    push(&messages(snippet));
    push("\n\n");
    if plan.rules.is_some() || snippet.rules.is_some() {
        push("# The rules of the session are no part of this program.\n");
    }
    match (plan.role, is_stream) {
        (Role::Client, true) => push(&stream_client(snippet)),
        (Role::Server, true) => push(&stream_server(snippet)),
        (Role::Client, false) => push(&datagram_client(snippet)),
        (Role::Server, false) => push(&datagram_server(snippet)),
    }
    out
}

/// A literal of bytes: ASCII as it is, everything else escaped.
fn literal(bytes: &[u8]) -> String {
    let mut text = String::from("b\"");
    for byte in bytes {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => {
                let _ = write!(text, "\\x{other:02x}");
            }
        }
    }
    text.push('"');
    text
}

/// A literal of text, which no character can leave.
fn text_literal(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            ' '..='~' => literal.push(character),
            other => {
                let _ = write!(literal, "\\U{:08x}", u32::from(other));
            }
        }
    }
    literal.push('"');
    literal
}

/// `SENT = …`, the function that sends it, and `messages`, which cuts what comes.
fn messages(snippet: &Snippet<'_>) -> String {
    let plan = snippet.plan;
    let mut out = String::new();
    if let Some(wire) = snippet.wire() {
        let _ = write!(out, "SENT = {}\n\n\n", literal(wire));
        out.push_str(&talk(snippet));
        out.push_str("\n\n");
    } else {
        out.push('\n');
    }
    let charset = plan
        .text
        .map(|charset| text_literal(&charset.to_string().to_lowercase()));
    let show = match charset {
        Some(charset) => format!("message.decode({charset}, \"replace\")"),
        None => "message.hex(\" \")".to_owned(),
    };
    let _ = write!(
        out,
        "def show(peer, message):\n    print(peer, len(message), {show}, flush=True)\n"
    );
    if plan.transport.is_stream() {
        out.push_str("\n\ndef messages(link):\n");
        out.push_str(&cut(&plan.framing, plan.read_size.get()));
    }
    out
}

/// Sends as often as is wanted.
fn talk(snippet: &Snippet<'_>) -> String {
    let Some(sends) = &snippet.sends else {
        return String::new();
    };
    let mut out = String::from("def talk(send):\n");
    let Some(every) = sends.every else {
        match sends.count {
            Some(count) if count > 1 => {
                let _ = write!(out, "    for _ in range({count}):\n        send(SENT)\n");
            }
            _ => out.push_str("    send(SENT)\n"),
        }
        return out;
    };
    let seconds = every.0.as_secs_f64();
    let (head, is_last) = match sends.count {
        Some(count) => (
            format!("    for turn in range({count}):\n"),
            format!(
                "        if turn == {}:\n            break\n",
                count.saturating_sub(1)
            ),
        ),
        None => ("    while True:\n".to_owned(), String::new()),
    };
    let _ = write!(
        out,
        "    due = time.monotonic()\n{head}        send(SENT)\n{is_last}        due += {seconds:?}\n        time.sleep(max(0, due - time.monotonic()))\n"
    );
    out
}

/// The body of the generator that cuts a stream.
fn cut(framing: &Framing, read_size: usize) -> String {
    let read = format!("link.recv({})", read_size.min(65536));
    let delimiter = match framing {
        Framing::Lines => Some(b"\n".to_vec()),
        Framing::Delimited(delimiter) => Some(delimiter.to_vec()),
        Framing::Slip => Some(vec![0xC0]),
        Framing::Cobs => Some(vec![0]),
        _ => None,
    };
    if let Some(delimiter) = delimiter {
        let opened = match framing {
            Framing::Lines => "yield message.removesuffix(b\"\\r\")".to_owned(),
            Framing::Slip => "if message:\n                yield message.replace(b\"\\xdb\\xdc\", b\"\\xc0\").replace(b\"\\xdb\\xdd\", b\"\\xdb\")".to_owned(),
            Framing::Cobs => "if message:\n                yield unstuffed(message)".to_owned(),
            _ => "yield message".to_owned(),
        };
        let unstuff = match framing {
            Framing::Cobs => {
                "    def unstuffed(message):\n        out = b\"\"\n        while message:\n            code, block, message = message[0], message[1:message[0]], message[message[0]:]\n            out += block + (b\"\\0\" if code < 255 and message else b\"\")\n        return out\n\n"
            }
            _ => "",
        };
        let literal = literal(&delimiter);
        return format!(
            "{unstuff}    held = b\"\"\n    while chunk := {read}:\n        held += chunk\n        *whole, held = held.split({literal})\n        for message in whole:\n            {opened}\n"
        );
    }
    match framing {
        Framing::Fixed(len) => format!(
            "    held = b\"\"\n    while chunk := {read}:\n        held += chunk\n        while len(held) >= {len}:\n            yield held[:{len}]\n            held = held[{len}:]\n"
        ),
        Framing::Length(prefix) => by_length(prefix, &read),
        Framing::Gap(span) => format!(
            "    # A message ends where the peer is silent for {span}; here each read is one.\n    while chunk := {read}:\n        yield chunk\n"
        ),
        _ => format!("    while chunk := {read}:\n        yield chunk\n"),
    }
}

fn by_length(prefix: &LengthPrefix, read: &str) -> String {
    let offset = prefix.offset;
    let (width, order) = match prefix.field {
        LengthField::U8 => (1, "big"),
        LengthField::U16Be => (2, "big"),
        LengthField::U16Le => (2, "little"),
        LengthField::U32Be => (4, "big"),
        LengthField::U32Le => (4, "little"),
        LengthField::Varint => (0, ""),
    };
    let adjust = prefix.adjust;
    let header = if width == 0 {
        format!(
            "            width = next((i + 1 for i, b in enumerate(held[{offset}:]) if b < 128), 0)\n            if not width:\n                break\n            head = {offset} + width\n            said = sum((b & 127) << 7 * i for i, b in enumerate(held[{offset}:head]))\n"
        )
    } else {
        let head = u32::from(offset) + width;
        format!(
            "            head = {head}\n            if len(held) < head:\n                break\n            said = int.from_bytes(held[{offset}:head], \"{order}\")\n"
        )
    };
    let from = if prefix.keep { "0" } else { "head" };
    format!(
        "    held = b\"\"\n    while chunk := {read}:\n        held += chunk\n        while True:\n{header}            end = head + said + ({adjust})\n            if len(held) < end:\n                break\n            yield held[{from}:end]\n            held = held[end:]\n"
    )
}

/// The family of sockets, as an expression.
fn family(plan: &Plan) -> &'static str {
    match (&plan.address, plan.transport) {
        (_, Transport::Unix | Transport::UnixDatagram) => "socket.AF_UNIX",
        (
            Address::Net {
                host: Host::Ip(ip), ..
            },
            _,
        ) if ip.is_ipv6() => "socket.AF_INET6",
        (
            Address::Net {
                host: Host::Scoped(..),
                ..
            },
            _,
        ) => "socket.AF_INET6",
        _ if plan.socket.family == Some(crate::plan::Family::V6) => "socket.AF_INET6",
        _ => "socket.AF_INET",
    }
}

/// The address, as an expression.
fn address(plan: &Plan) -> String {
    match &plan.address {
        Address::Net { host, port } => {
            let host = match (host, plan.role) {
                (Host::Any, Role::Server) => String::new(),
                (Host::Any, Role::Client) => "localhost".to_owned(),
                (Host::Ip(ip), _) => ip.to_string(),
                (Host::Scoped(ip, zone), _) => format!("{ip}%{zone}"),
                (Host::Name(name), _) => name.clone(),
            };
            format!("({}, {port})", text_literal(&host))
        }
        Address::Path(path) => text_literal(path),
        Address::Abstract(name) => text_literal(&format!("\0{name}")),
    }
}

fn stream_client(snippet: &Snippet<'_>) -> String {
    let plan = snippet.plan;
    let address = address(plan);
    let open = match (&plan.socket.bind, plan.transport) {
        (_, Transport::Unix) => {
            format!(
                "link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)\nlink.connect({address})\n"
            )
        }
        (Some(bind), _) => {
            format!(
                "link = socket.create_connection({address}, source_address={})\n",
                source(bind)
            )
        }
        (None, _) => format!("link = socket.create_connection({address})\n"),
    };
    let nodelay = match plan.transport == Transport::Tcp && plan.socket.nodelay {
        true => "link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\n",
        false => "",
    };
    let send = match snippet.sends {
        Some(_) => "    talk(link.sendall)\n    link.shutdown(socket.SHUT_WR)\n",
        None => "",
    };
    format!(
        "{open}{nodelay}with link:\n{send}    for message in messages(link):\n        show(\"peer\", message)\n"
    )
}

/// A local address of a client, as an expression.
fn source(bind: &str) -> String {
    let (host, port) = match bind.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port),
        _ => (bind, "0"),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    format!("({}, {port})", text_literal(host))
}

fn stream_server(snippet: &Snippet<'_>) -> String {
    let plan = snippet.plan;
    let (family, address) = (family(plan), address(plan));
    let send = match snippet.sends {
        Some(_) => "        talk(link.sendall)\n",
        None => "",
    };
    let backlog = plan.socket.backlog;
    let reuse = match plan.transport {
        Transport::Tcp => "server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n",
        _ => "",
    };
    format!(
        "def serve(link, peer):\n    with link:\n{send}        for message in messages(link):\n            show(peer, message)\n\n\nserver = socket.socket({family}, socket.SOCK_STREAM)\n{reuse}server.bind({address})\nserver.listen({backlog})\nprint(\"listening on\", server.getsockname(), flush=True)\nwhile True:\n    threading.Thread(target=serve, args=server.accept(), daemon=True).start()\n"
    )
}

fn datagram_client(snippet: &Snippet<'_>) -> String {
    let plan = snippet.plan;
    let (family, address) = (family(plan), address(plan));
    let mut out = format!("link = socket.socket({family}, socket.SOCK_DGRAM)\n");
    if plan.socket.broadcast {
        out.push_str("link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)\n");
    }
    match (&plan.socket.bind, plan.transport) {
        (Some(bind), Transport::Udp) => {
            let _ = writeln!(out, "link.bind({})", source(bind));
        }
        // Without a name of its own it gets no answer.
        (_, Transport::UnixDatagram) => out.push_str("link.bind(\"\")\n"),
        _ => {}
    }
    if snippet.sends.is_some() {
        let _ = writeln!(out, "talk(lambda bytes: link.sendto(bytes, {address}))");
    } else if plan.transport == Transport::UnixDatagram {
        let _ = writeln!(out, "link.connect({address})");
    } else {
        let _ = writeln!(out, "link.sendto(b\"\", {address})");
    }
    let wait = plan.wait.as_secs_f64();
    let _ = write!(
        out,
        "link.settimeout({wait:?})\ntry:\n    while True:\n        message, peer = link.recvfrom(65536)\n        show(peer, message)\nexcept TimeoutError:\n    pass\n"
    );
    out
}

fn datagram_server(snippet: &Snippet<'_>) -> String {
    let plan = snippet.plan;
    let (family, address) = (family(plan), address(plan));
    let send = match snippet.sends {
        Some(_) => "    talk(lambda bytes: server.sendto(bytes, peer))\n",
        None => "",
    };
    format!(
        "server = socket.socket({family}, socket.SOCK_DGRAM)\nserver.bind({address})\nprint(\"listening on\", server.getsockname(), flush=True)\nwhile True:\n    message, peer = server.recvfrom(65536)\n    show(peer, message)\n{send}"
    )
}
