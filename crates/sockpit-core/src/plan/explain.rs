//! The plan in words, as `--explain` prints it.

use std::fmt;
use std::time::Duration;

use super::{Plan, Role, Shape};
use crate::endpoint::Transport;
use crate::session::Step;
use crate::size::ByteSize;
use crate::text::checksum::ChecksumSpec;
use crate::text::escape::VisibleLine;
use crate::time::TimeSpan;

impl fmt::Display for Plan {
    /// One decision a line: its name, a column of values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: String| writeln!(f, "{name:<12}{value}");
        let role = match self.role {
            Role::Client => "connect to",
            Role::Server => "listen on",
        };
        row("session", format!("{role} {}", self.endpoint()))?;
        row(
            "link",
            match self.shape() {
                Shape::Stream => {
                    "stream: bytes without boundaries, either side may end first".into()
                }
                Shape::Datagram => "datagram: every send is one message".to_owned(),
            },
        )?;
        let framing = if self.framing.is_raw() {
            self.framing.to_string()
        } else {
            format!(
                "{}, at most {} a message",
                self.framing,
                ByteSize(self.max_frame)
            )
        };
        row("framing", framing)?;
        let text_in = self
            .text
            .map_or_else(|| "none".to_owned(), |charset| charset.to_string());
        row(
            "text",
            format!(
                "in {text_in}, out {}, end of line {}",
                self.text_out, self.eol
            ),
        )?;
        if let Some(checksum) = &self.checksum {
            row("checksum", checksum.words())?;
            for example in self.checksum_examples(checksum) {
                row("", example)?;
            }
        }
        row(
            "read",
            format!("at most {} at once", ByteSize(self.read_size.get())),
        )?;
        if !self.shaping.is_off() {
            let nodelay = (self.transport == Transport::Tcp).then_some(self.socket.nodelay);
            row("writes", self.shaping.explain(nodelay))?;
        }
        for (name, value) in self.socket_rows() {
            row(name, value)?;
        }
        match self.role {
            Role::Client => row("timeout", format!("{} to connect", span(self.timeout)))?,
            Role::Server => {
                let peers = self.max_peers.map_or_else(
                    || "as many as the system gives descriptors for".to_owned(),
                    |most| format!("at most {most} at once"),
                );
                let once = if self.once {
                    ", ends with the first"
                } else {
                    ""
                };
                row("peers", format!("{peers}{once}"))?;
            }
        }
        if self.role == Role::Client && self.shape() == Shape::Datagram {
            row(
                "wait",
                format!(
                    "{} without a datagram once the input has ended",
                    span(self.wait)
                ),
            )?;
        }
        if let Some(idle) = self.idle {
            row("idle", format!("a peer silent for {} is ended", span(idle)))?;
        }
        if let Some(linger) = self.linger {
            row(
                "linger",
                format!("{} for the peer's end once ours is sent", span(linger)),
            )?;
        }
        if let Some(warn) = self.warn_size {
            row("warn", format!("datagrams longer than {warn} are marked"))?;
        }
        if self.wire {
            row(
                "wire",
                "packets and kernel facts join the timeline".to_owned(),
            )?;
        }
        if let Some(rules) = &self.rules {
            let does = if rules.is_silent() {
                "no message is answered"
            } else {
                "messages are answered"
            };
            row("rules", does.to_owned())?;
        }
        for line in self.script.lines() {
            row("script", line)?;
        }
        Ok(())
    }
}

impl Plan {
    /// The bytes of what the script sends, each message's checksum between bars; without a script,
    /// those of the digits by which the catalogue tells its algorithms apart.
    fn checksum_examples(&self, checksum: &ChecksumSpec) -> Vec<String> {
        /// Messages shown, and bytes of each.
        const MOST: (usize, usize) = (4, 64);
        let sent: Vec<&[u8]> = self
            .script
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Send { message, .. } => Some(&message.payload[..]),
                _ => None,
            })
            .collect();
        let short = sent.iter().filter(|sent| sent.len() <= MOST.1);
        let mut examples: Vec<String> = short
            .take(MOST.0)
            .map(|sent| format!("sends {}", checksum.preview(sent)))
            .collect();
        if sent.is_empty() {
            let mut message = b"123456789".to_vec();
            // Its places may lie outside so short a message.
            if checksum.apply(&mut message).is_ok() {
                examples.push(format!(
                    "`123456789` is sent as {}",
                    checksum.preview(&message)
                ));
            }
        }
        examples
    }

    /// What is set on the socket, where the user asked for it.
    fn socket_rows(&self) -> Vec<(&'static str, String)> {
        let socket = &self.socket;
        let mut rows = Vec::new();
        if let Some(bind) = &socket.bind {
            rows.push(("bind", VisibleLine(bind).to_string()));
        }
        let mut options = Vec::new();
        if self.transport.is_stream() && self.role == Role::Server {
            options.push(format!("backlog {}", socket.backlog));
        }
        if self.transport.is_stream() && self.transport.is_net() {
            options.push(format!(
                "nodelay {}",
                if socket.nodelay { "on" } else { "off" }
            ));
        }
        options.extend(
            socket
                .keepalive
                .map(|time| format!("keepalive {}", span(time))),
        );
        options.extend(socket.ttl.map(|ttl| format!("ttl {ttl}")));
        options.extend(socket.tos.map(|tos| format!("tos {tos}")));
        options.extend(
            socket
                .rcvbuf
                .map(|bytes| format!("rcvbuf {}", ByteSize(bytes))),
        );
        options.extend(
            socket
                .sndbuf
                .map(|bytes| format!("sndbuf {}", ByteSize(bytes))),
        );
        options.extend(socket.reuseport.then(|| "reuseport on".to_owned()));
        options.extend(socket.broadcast.then(|| "broadcast on".to_owned()));
        if !options.is_empty() {
            rows.push(("socket", options.join(", ")));
        }
        if let Some(multicast) = &socket.multicast {
            let mut facts = Vec::new();
            facts.extend(multicast.group.map(|group| format!("join {group}")));
            facts.extend(
                multicast
                    .interface
                    .as_ref()
                    .map(|name| format!("interface {}", VisibleLine(name))),
            );
            facts.extend(multicast.ttl.map(|ttl| format!("ttl {ttl}")));
            facts.extend(
                multicast
                    .loops_back
                    .map(|on| format!("loop {}", if on { "on" } else { "off" })),
            );
            rows.push((
                "multicast",
                if facts.is_empty() {
                    "on".into()
                } else {
                    facts.join(", ")
                },
            ));
        }
        rows
    }
}

fn span(duration: Duration) -> TimeSpan {
    TimeSpan(duration)
}
