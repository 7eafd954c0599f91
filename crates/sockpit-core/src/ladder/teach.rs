//! What there is to be learnt from a step: one sentence or a few, with the numbers of the very
//! packet.
//!
//! A sentence is told in full when its subject comes up first, shorter the second time, and then no
//! more.

use std::collections::BTreeMap;

use super::conversation::Conversation;
use super::state::{Side, State};
use super::step::Arrow;
use super::words::{self, Words};
use super::{Numbers, Options, packet};
use crate::flow::{Analysis, Completeness, Label, Labels, Scale};
use crate::sighting::Sighting;
use crate::strings::Language;
use crate::time::Measured;
use crate::wire::{Content, Tcp, TcpFlags, Transport};

/// Sentences beneath one step.
const MOST: usize = 3;

/// In nanoseconds: an acknowledgement that comes later than this was held back. Linux holds one back
/// for 40 ms at least.
const DELAYED: i64 = 30_000_000;

/// In nanoseconds: no retransmission timer of Linux is shorter (TCP_RTO_MIN), but for the clock.
const TIMEOUT: i64 = 190_000_000;

/// In bytes: less under way is no story.
const LEAST_FLIGHT: u32 = 8192;

/// What a sentence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lesson {
    BeforeCapture,
    Syn,
    Mss,
    SynAck,
    Offers,
    Third,
    Window,
    Data,
    Push,
    Ack,
    Rtt,
    Piggyback,
    DelayedAck,
    Sticky,
    Split,
    ZeroWindow,
    Probe,
    WindowOpens,
    WindowUpdate,
    WindowFull,
    Duplicate,
    Sack,
    DuplicateSack,
    Fast,
    Timeout,
    Again,
    SynUnanswered,
    Spurious,
    OutOfOrder,
    Lost,
    CaptureGap,
    KeepAlive,
    KeepAliveAck,
    Fin,
    CloseWait,
    SecondFin,
    LastAck,
    TimeWait,
    Closing,
    SimultaneousOpen,
    Refused,
    Reset,
    Flight,
    SuperSegment,
    Checksum,
    Datagram,
    NextDatagram,
    PortUnreachable,
    Exported,
}

/// Teaches one reader of one ladder.
pub(super) struct Teacher {
    words: Words,
    told: BTreeMap<Lesson, u32>,
}

/// What was so before a packet.
pub(super) struct Before {
    window: Option<u32>,
    own: Option<State>,
    other: Option<State>,
    is_first: bool,
}

impl Before {
    pub(super) fn of(conversation: &Conversation, from: Side) -> Self {
        Self {
            window: conversation.end(from).window,
            own: conversation.states.state(from),
            other: conversation.states.state(from.other()),
            is_first: conversation.end(Side::Left).window.is_none()
                && conversation.end(Side::Right).window.is_none(),
        }
    }
}

/// A segment, with everything that a sentence may be about.
struct Scene<'a> {
    tcp: &'a Tcp,
    analysis: &'a Analysis,
    labels: Labels,
    arrow: &'a Arrow,
    before: &'a Before,
    sender: &'a str,
    receiver: &'a str,
    numbers: Numbers,
}

impl Scene<'_> {
    const fn has(&self, flag: TcpFlags) -> bool {
        self.tcp.flags.has(flag)
    }

    fn number(&self, relative: u32, absolute: u32) -> String {
        let numbers = match self.numbers {
            Numbers::Absolute => Numbers::Absolute,
            Numbers::Relative | Numbers::Both => Numbers::Relative,
        };
        packet::number(relative, absolute, numbers)
    }

    fn seq(&self) -> String {
        self.after(0)
    }

    /// The sequence number so many behind that of the segment.
    fn after(&self, len: usize) -> String {
        let len = len as u32;
        let (relative, absolute) = (self.analysis.seq, self.tcp.seq);
        self.number(relative.wrapping_add(len), absolute.wrapping_add(len))
    }

    fn ack(&self) -> String {
        self.number(self.analysis.ack, self.tcp.ack)
    }

    fn went(&self, side: Side, state: State) -> bool {
        self.arrow.moves.of(side).contains(&state)
    }
}

impl Teacher {
    pub(super) fn new(language: Language) -> Self {
        Self {
            words: Words::new(language),
            told: BTreeMap::new(),
        }
    }

    /// What is to be learnt from a packet.
    pub(super) fn packet(
        &mut self,
        sighting: &Sighting<'_>,
        arrow: &Arrow,
        before: &Before,
        conversation: &Conversation,
        options: &Options,
    ) -> Vec<String> {
        let mut told = Vec::new();
        let len = sighting.payload_len();
        match &sighting.summary.content {
            Content::Ip(ip) => match (&ip.transport, &sighting.analysis) {
                (Transport::Tcp(tcp), Some(analysis)) => {
                    let from = arrow.from();
                    let scene = Scene {
                        tcp,
                        analysis,
                        labels: packet::labels(analysis, options.labels),
                        arrow,
                        before,
                        sender: conversation.name(from),
                        receiver: conversation.name(from.other()),
                        numbers: options.numbers,
                    };
                    self.handshake(&scene, conversation, &mut told);
                    self.trouble(&scene, &mut told);
                    self.end(&scene, conversation, &mut told);
                    self.course(&scene, conversation, &mut told);
                }
                (Transport::Udp(_), _) => {
                    if self.told.contains_key(&Lesson::Datagram) {
                        self.tell(Lesson::NextDatagram, &mut told, || format!("another send, another datagram (Len={len}): it arrives as a whole or not at all, and is never joined to another"));
                    }
                    self.tell(Lesson::Datagram, &mut told, || format!("UDP has no handshake: one send makes one datagram (here Len={len}), and nobody confirms that it arrives"));
                }
                (Transport::Icmp(icmp), _) => {
                    let reason = words::icmp(ip.source.is_ipv6(), icmp.kind, icmp.code);
                    if reason == Some("port unreachable") {
                        let target = conversation.name(arrow.from()).to_owned();
                        self.tell(Lesson::PortUnreachable, &mut told, || {
                            format!("nobody has bound the port of {target}, so its kernel answers by ICMP; the sender is told connection refused at its next call, if its socket is connected")
                        });
                    }
                }
                _ => {}
            },
            Content::Exported(_) => {
                self.tell(Lesson::Exported, &mut told, || {
                    "a Unix socket has no packets: this is the message as its program sent it"
                        .to_owned()
                });
            }
            _ => {}
        }
        if let Some(size) = segment_size(sighting, conversation.end(arrow.from().other()).mss) {
            let count = len.div_ceil(size);
            self.tell(Lesson::SuperSegment, &mut told, || format!("a super-packet: these {len} bytes stand for {count} segments of {size}, as the network card cuts them only after the place of the capture (GSO), or joined them before it (GRO)"));
        }
        if sighting.packet.facts.is_checksum_unfilled {
            self.tell(Lesson::Checksum, &mut told, || "its checksum is not filled in, which is no error: the kernel leaves it to the network card, and loopback has no use for it".to_owned());
        }
        told
    }

    /// How a conversation begins.
    fn handshake(
        &mut self,
        scene: &Scene<'_>,
        conversation: &Conversation,
        told: &mut Vec<String>,
    ) {
        let (is_syn, is_ack) = (scene.has(TcpFlags::SYN), scene.has(TcpFlags::ACK));
        let from = scene.arrow.from();
        let isn = scene.tcp.seq;
        if !is_syn
            && scene.before.is_first
            && !scene.analysis.completeness.contains(Completeness::SYN)
        {
            self.tell(Lesson::BeforeCapture, told, || "the conversation began before the capture: relative numbers are counted from the first packet here".to_owned());
        }
        if is_syn
            && scene.labels.contains(Label::Retransmission)
            && scene.arrow.moves.of(from).is_empty()
        {
            self.tell(Lesson::SynUnanswered, told, || {
                "the SYN is sent once more, as nothing answered; the wait doubles each time"
                    .to_owned()
            });
            return;
        }
        if is_syn && !is_ack {
            if scene.before.other == Some(State::SynSent) {
                self.tell(Lesson::SimultaneousOpen, told, || "simultaneous open: each end sent its SYN before the other's arrived; it becomes one conversation, not two".to_owned());
            }
            let client = scene.sender;
            let full = || {
                format!(
                    "first handshake: {client} sends its initial sequence number {isn}, random so that nobody guesses it and no segment of an older conversation fits; relative numbers count from it, and the SYN itself takes up one number"
                )
            };
            self.tell_twice(Lesson::Syn, told, full, || {
                format!("first handshake: the initial sequence number is {isn}")
            });
            if let Some(mss) = scene.tcp.options.mss {
                self.tell(Lesson::Mss, told, || match mss {
                    65_495 => format!("MSS {mss} = 65,535 − 20 − 20: the longest IP packet less the headers of IP and TCP, as loopback has no Ethernet that would allow only 1,460"),
                    1460 | 1440 => {
                        let ip = if mss == 1460 { 20 } else { 40 };
                        format!("MSS {mss} = 1,500 − {ip} − 20: the MTU of Ethernet less the headers of IP and TCP; a segment to {client} holds no more data than this")
                    }
                    _ => format!("MSS {mss}: a segment to {client} holds at most so many bytes of data"),
                });
            }
        }
        if is_syn && is_ack {
            let (server, ack) = (scene.sender, scene.ack());
            let full = || {
                format!(
                    "second handshake: {server} has an initial number of its own, {isn}; Ack={ack} is the number of the client's SYN + 1, the next one that it expects"
                )
            };
            self.tell_twice(Lesson::SynAck, told, full, || {
                format!("second handshake: Ack={ack} is the SYN's number + 1")
            });
            if scene.tcp.options.window_scale.is_some() && conversation.end(from.other()).scales {
                self.tell(Lesson::Offers, told, || {
                    "both SYNs offer a window scale (WS), so both ends use theirs from here on"
                        .to_owned()
                });
            }
        }
        let has_opened = scene.before.other == Some(State::SynReceived)
            && scene.went(from.other(), State::Established);
        if !is_syn && has_opened {
            let ack = scene.ack();
            let full = || {
                format!(
                    "third handshake: Ack={ack} confirms the server's SYN; with two segments alone the server could not know whether its number arrived, and an old SYN that comes late would open a conversation that nobody wants"
                )
            };
            self.tell_twice(Lesson::Third, told, full, || {
                format!("third handshake: Ack={ack} is the number of the server's SYN + 1")
            });
        }
    }

    /// What goes wrong, or is looked after.
    fn trouble(&mut self, scene: &Scene<'_>, told: &mut Vec<String>) {
        let has = |label| scene.labels.contains(label);
        let (sender, receiver) = (scene.sender, scene.receiver);
        let (seq, window) = (scene.seq(), scene.analysis.window);
        if scene.has(TcpFlags::SYN | TcpFlags::RST) {
            return;
        }
        if has(Label::CaptureGap) {
            self.tell(Lesson::CaptureGap, told, || {
                "the capture has missed packets here; the network need not have lost any".to_owned()
            });
        } else if has(Label::LostSegment) {
            self.tell(Lesson::Lost, told, || {
                format!("bytes before {seq} have not come by: they are lost, or come later")
            });
        }
        let timeout = scene
            .analysis
            .timeout
            .filter(|timeout| TIMEOUT <= timeout.span);
        if has(Label::SpuriousRetransmission) {
            self.tell(Lesson::Spurious, told, || {
                format!("sent again for nothing: {seq} had arrived, only its ACK was late or lost")
            });
        } else if has(Label::FastRetransmission) {
            self.tell(Lesson::Fast, told, || format!("fast retransmission: duplicate ACKs tell that {seq} is missing, so it is sent again before the timer runs out, and the sender slows down (congestion control)"));
        } else if let (true, Some(timeout)) = (has(Label::Retransmission), timeout) {
            let time = Measured(timeout.span).to_string();
            self.tell(Lesson::Timeout, told, || format!("retransmission: what is under way has waited {time} for its ACK, so the timer ran out (RTO), and {seq} is sent again; the timer doubles each time, and the sender begins slowly again (slow start)"));
        } else if has(Label::Retransmission) {
            self.tell(Lesson::Again, told, || {
                format!("retransmission: {seq} is sent once more, as it was not acknowledged")
            });
        }
        if has(Label::OutOfOrder) {
            self.tell(Lesson::OutOfOrder, told, || "out of order: later segments overtook this one; the receiver puts them in order by their numbers".to_owned());
        }
        if let Some(number) = scene.arrow.duplicate {
            let ack = scene.ack();
            let full = || {
                format!(
                    "duplicate ACK {number}: Ack={ack} once more, so bytes at {ack} are missing while later ones arrive; after the third the sender repeats them without waiting for its timer"
                )
            };
            self.tell_twice(Lesson::Duplicate, told, full, || {
                format!("duplicate ACK {number}: bytes at {ack} are still missing")
            });
        }
        if let Some(block) = scene.tcp.options.sack.iter().next() {
            let base = scene.tcp.ack.wrapping_sub(scene.analysis.ack);
            let number = |number: u32| scene.number(number.wrapping_sub(base), number);
            let (start, end, ack) = (number(block.start), number(block.end), scene.ack());
            // RFC 2883 §4.
            if block.start.wrapping_sub(scene.tcp.ack).cast_signed() < 0 {
                self.tell(Lesson::DuplicateSack, told, || format!("SACK {start} to {end} lies before Ack={ack}: these bytes arrived twice (D-SACK), so sending them again was not needed"));
            } else {
                self.tell(Lesson::Sack, told, || format!("SACK {start} to {end}: these bytes have arrived beyond the hole, so that only the hole need be sent again"));
            }
        }
        if has(Label::ZeroWindow) {
            self.tell(Lesson::ZeroWindow, told, || format!("window 0: the receive buffer of {sender} is full, as its program does not read; the other end has to stop sending (flow control)"));
        }
        if has(Label::ZeroWindowProbe) {
            self.tell(Lesson::Probe, told, || format!("zero-window probe: {sender} asks whether the window has opened; if the news of it were lost, both ends would wait for ever"));
        }
        if has(Label::WindowUpdate) && scene.before.window == Some(0) {
            self.tell(Lesson::WindowOpens, told, || format!("window update: the program has read, {window} bytes have room again, and the other end may go on"));
        } else if has(Label::WindowUpdate) {
            self.tell(Lesson::WindowUpdate, told, || format!("window update: nothing new is acknowledged, only the window has changed, to {window} bytes"));
        }
        if has(Label::WindowFull) {
            self.tell(Lesson::WindowFull, told, || format!("these bytes fill the window of {receiver}: nothing more may be sent before it acknowledges"));
        }
        if has(Label::KeepAlive) {
            self.tell(Lesson::KeepAlive, told, || format!("keep-alive: Seq={seq} was acknowledged long ago, so that the other end has to answer if it is still there; it carries nothing new"));
        }
        if has(Label::KeepAliveAck) {
            self.tell(Lesson::KeepAliveAck, told, || {
                format!("the answer to the keep-alive: {sender} is still there")
            });
        }
    }

    /// How a conversation ends.
    fn end(&mut self, scene: &Scene<'_>, conversation: &Conversation, told: &mut Vec<String>) {
        let (from, to) = (scene.arrow.from(), scene.arrow.from().other());
        let (sender, receiver) = (scene.sender, scene.receiver);
        if scene.has(TcpFlags::RST) {
            if scene.before.other == Some(State::SynSent) {
                self.tell(Lesson::Refused, told, || format!("RST answers the SYN: nobody listens at {sender}, and the program that called is told connection refused"));
                return;
            }
            let full = || {
                format!(
                    "RST: {sender} breaks the conversation off without a FIN, as when a program closes with bytes unread, sets SO_LINGER to 0 or was killed before its data was taken; the other program is told connection reset"
                )
            };
            self.tell_twice(Lesson::Reset, told, full, || {
                format!("RST: {sender} breaks the conversation off")
            });
            return;
        }
        let ack = scene.ack();
        let has_crossed = matches!(scene.before.other, Some(State::FinWait1 | State::Closing));
        if scene.went(from, State::FinWait1) && !has_crossed {
            let len = scene.tcp.payload_len;
            let (before, end) = (scene.after(len), scene.after(len.saturating_add(1)));
            let full = || {
                format!(
                    "FIN: {sender} has nothing more to send but still receives (half-close); a FIN takes up one number, so the answer is Ack={end} = {before} + 1"
                )
            };
            self.tell_twice(Lesson::Fin, told, full, || {
                format!("FIN: {sender} closes first; the answer is Ack={end} = {before} + 1")
            });
        }
        if scene.went(from, State::LastAck) {
            self.tell(Lesson::SecondFin, told, || format!("the second FIN: {sender} closes too, and waits in LAST_ACK; it takes four segments to close, or three where the ACK of the first FIN rides on the second"));
        } else if scene.went(from, State::CloseWait) {
            self.tell(Lesson::CloseWait, told, || format!("Ack={ack} confirms the FIN; {sender} is in CLOSE_WAIT and may go on sending until its program closes too"));
        }
        if scene.went(from, State::Closing) || scene.went(to, State::Closing) {
            self.tell(Lesson::Closing, told, || "simultaneous close: each end sent its FIN before the other's arrived, so both pass through CLOSING and stay in TIME_WAIT".to_owned());
        }
        if scene.before.other == Some(State::LastAck) && scene.went(to, State::Closed) {
            self.tell(Lesson::LastAck, told, || {
                format!("the last ACK: Ack={ack} confirms the second FIN, and {receiver} is CLOSED")
            });
        }
        // Where both close at once, nobody was first.
        let has_closed =
            |side| scene.went(side, State::TimeWait) && !self.told.contains_key(&Lesson::Closing);
        let first = [from, to].into_iter().find(|side| has_closed(*side));
        if let Some(first) = first.map(|side| conversation.name(side)) {
            let full = || {
                format!(
                    "{first} closed first and so stays in TIME_WAIT for 2 MSL (60 s on Linux): it must repeat its last ACK if that is lost, and late segments shall die out; a server that closed first finds its address already in use when it starts again meanwhile, unless it sets SO_REUSEADDR"
                )
            };
            self.tell_twice(Lesson::TimeWait, told, full, || {
                format!("{first} closed first: TIME_WAIT")
            });
        }
    }

    /// How it goes in between.
    fn course(&mut self, scene: &Scene<'_>, conversation: &Conversation, told: &mut Vec<String>) {
        if scene.has(TcpFlags::RST) {
            return;
        }
        let (sender, receiver) = (scene.sender, scene.receiver);
        let (tcp, analysis) = (scene.tcp, scene.analysis);
        let is_open = !scene.has(TcpFlags::SYN);
        let is_usual = scene.arrow.remarks.is_empty();
        let len = tcp.payload_len;
        let (seq, end, ack) = (scene.seq(), scene.after(len), scene.ack());
        let (window, raw) = (analysis.window, tcp.window);
        if is_open && window != 0 {
            self.tell(Lesson::Window, told, || match analysis.scale {
                Scale::Shift(bits) if bits != 0 => {
                    let factor = 1_u32.wrapping_shl(bits.into());
                    format!("window {window}: {sender} has room for so many bytes; the header has only 16 bits for it, so it says {raw}, to be multiplied by {factor} as the SYN said (WS={bits})")
                }
                _ => format!("window {window}: {sender} has room for so many bytes; the other end may have no more than these under way (sliding window)"),
            });
        }
        if let Some((first, last)) = scene.arrow.writes.filter(|(first, last)| first < last) {
            self.tell(Lesson::Sticky, told, || format!("writes {first} to {last} travel in one segment: TCP carries a stream of bytes and keeps no borders between writes, so that programs must mark their messages themselves"));
        }
        if let Some(number) = scene
            .arrow
            .writes
            .filter(|_| is_usual)
            .and_then(|(first, last)| {
                let (_, end) = scene.arrow.bytes?;
                let writes = &conversation.end(scene.arrow.from()).writes;
                (first == last && last == writes.count() && end < writes.end()).then_some(last)
            })
        {
            self.tell(Lesson::Split, told, || format!("write {number} does not fit into one segment: the other end may get it in pieces"));
        }
        if len != 0 && is_usual && is_open {
            let full = || {
                format!(
                    "Seq={seq} is the number of the first byte, and Len={len}: once all of it has arrived, the answer is Ack={end} = {seq} + {len}"
                )
            };
            self.tell_twice(Lesson::Data, told, full, || {
                format!("{seq} + {len} = {end}, the number that will be acknowledged")
            });
            if scene.has(TcpFlags::PSH) {
                self.tell(Lesson::Push, told, || "PSH: the sender has nothing more at hand, so the receiver shall give the bytes to its program at once; it is no border of a message".to_owned());
            }
            if analysis.acks.is_some() {
                self.tell(Lesson::Piggyback, told, || {
                    format!(
                        "the acknowledgement rides on data: Ack={ack} needs no segment of its own"
                    )
                });
            }
        }
        let has_lost = conversation.end(scene.arrow.from()).has_lost;
        if let Some(bytes) = analysis
            .in_flight
            .filter(|_| is_usual && len != 0 && !has_lost)
            && LEAST_FLIGHT <= bytes
        {
            self.tell(Lesson::Flight, told, || format!("{bytes} bytes are under way without an acknowledgement: a sender begins with about 10 segments and, while nothing is lost, doubles that each round trip (slow start), as far as the window of {receiver} allows"));
        }
        let Some(acks) = analysis.acks.filter(|_| len == 0 && is_usual && is_open) else {
            return;
        };
        if scene.has(TcpFlags::FIN) || scene.before.other == Some(State::SynReceived) {
            return;
        }
        let time = Measured(acks.rtt).to_string();
        let initial = analysis.initial_rtt.unwrap_or(i64::MAX / 4);
        let was_held_back = DELAYED <= acks.rtt && initial.saturating_mul(4) < acks.rtt;
        let was_held_back = was_held_back && tcp.options.sack.is_empty();
        // What filled a hole is confirmed late without anybody holding it back.
        let peer = conversation.end(scene.arrow.from().other());
        let was_held_back = was_held_back && !peer.has_lost;
        if was_held_back && scene.before.own == Some(State::Established) {
            self.tell(Lesson::DelayedAck, told, || format!("delayed ACK: it came {time} after the segment, as the receiver waited for data of its own to send it with, or for a second segment"));
        }
        let is_last = scene.before.other == Some(State::LastAck);
        if is_last || scene.went(scene.arrow.from(), State::CloseWait) {
            return;
        }
        let full = || {
            format!(
                "Ack={ack}: every byte before number {ack} has arrived, and {ack} is expected next; it counts bytes, so that one ACK may confirm many segments"
            )
        };
        self.tell_twice(Lesson::Ack, told, full, || {
            format!("Ack={ack}: everything before {ack} has arrived")
        });
        self.tell(Lesson::Rtt, told, || format!("RTT {time}: from the segment to its ACK, as seen where the capture was made; the sender sets its retransmission timer by it"));
    }

    /// Tells a sentence unless it was told before, or much is told already.
    fn tell(&mut self, lesson: Lesson, told: &mut Vec<String>, sentence: impl FnOnce() -> String) {
        if told.len() < MOST && !self.told.contains_key(&lesson) {
            self.told.insert(lesson, 1);
            told.push(self.words.say(&sentence()));
        }
    }

    /// Tells a sentence, and the second time a shorter one.
    fn tell_twice(
        &mut self,
        lesson: Lesson,
        told: &mut Vec<String>,
        full: impl FnOnce() -> String,
        short: impl FnOnce() -> String,
    ) {
        let count = self.told.entry(lesson).or_insert(0);
        if MOST <= told.len() || 2 <= *count {
            return;
        }
        *count += 1;
        let sentence = if *count == 1 { full() } else { short() };
        told.push(self.words.say(&sentence));
    }
}

/// In bytes: the segments that a packet stands for, where it is larger than one of them.
fn segment_size(sighting: &Sighting<'_>, mss: Option<u16>) -> Option<usize> {
    let tcp = sighting.summary.tcp()?;
    let stamps = if tcp.options.timestamps.is_some() {
        12
    } else {
        0
    };
    let size = match sighting.packet.facts.gso_size {
        Some(size) => usize::from(size),
        None => usize::from(mss?).checked_sub(stamps)?,
    };
    (size != 0 && size < tcp.payload_len).then_some(size)
}
