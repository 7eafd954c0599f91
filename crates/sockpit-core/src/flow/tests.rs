use std::net::{Ipv4Addr, SocketAddr};

use proptest::prelude::*;

use super::*;
use crate::wire::{SackBlock, SackBlocks, TcpOptions, Timestamps};

mod bounds;

/// A conversation that is told segment by segment, a millisecond apart; the client's numbers begin
/// at 1000, the server's at 5000.
struct Talk {
    analyser: Analyser,
    frame: u64,
    at: u64,
    window: u16,
    options: TcpOptions,
    gso_size: Option<u16>,
    dropped_before: bool,
}

const CLIENT: u32 = 1000;
const SERVER: u32 = 5000;
const MS: u64 = 1_000_000;

#[derive(Clone, Copy, PartialEq)]
enum Who {
    Client,
    Server,
}

use Who::{Client, Server};

impl Talk {
    /// Before the handshake.
    fn silent(side: Side) -> Self {
        Self {
            analyser: Analyser::new(Settings {
                side,
                ..Settings::default()
            }),
            frame: 0,
            at: 0,
            window: 1000,
            options: TcpOptions::default(),
            gso_size: None,
            dropped_before: false,
        }
    }

    /// After the handshake, which took 10 ms.
    fn open(side: Side) -> Self {
        let mut talk = Self::silent(side);
        talk.options.mss = Some(1460);
        talk.options.window_scale = Some(0);
        talk.say(Client, 0, 0, TcpFlags::SYN, b"");
        talk.say(Server, 0, 1, TcpFlags::SYN | TcpFlags::ACK, b"");
        talk.options = TcpOptions::default();
        talk.at += 8 * MS;
        talk.say(Client, 1, 1, TcpFlags::ACK, b"");
        talk
    }

    fn say(&mut self, who: Who, seq: u32, ack: u32, flags: TcpFlags, payload: &[u8]) -> Analysis {
        self.say_cut(who, seq, ack, flags, payload, payload.len() as u32)
    }

    /// Says something of which the capture has kept `payload` only.
    fn say_cut(
        &mut self,
        who: Who,
        seq: u32,
        ack: u32,
        flags: TcpFlags,
        payload: &[u8],
        len: u32,
    ) -> Analysis {
        self.frame += 1;
        self.at += MS;
        let client = addr(1, 40_000);
        let server = addr(2, 80);
        let (src, dst, own, other) = match who {
            Client => (client, server, CLIENT, SERVER),
            Server => (server, client, SERVER, CLIENT),
        };
        let is_ack = flags.has(TcpFlags::ACK);
        self.analyser.handle(&Segment {
            frame: self.frame,
            at: self.at,
            src,
            dst,
            seq: own.wrapping_add(seq),
            ack: if is_ack { other.wrapping_add(ack) } else { 0 },
            flags,
            window: self.window,
            len,
            payload,
            options: self.options,
            gso_size: self.gso_size,
            dropped_before: std::mem::take(&mut self.dropped_before),
        })
    }

    fn data(&mut self, who: Who, seq: u32, ack: u32, payload: &[u8]) -> Analysis {
        self.say(who, seq, ack, TcpFlags::ACK, payload)
    }

    fn ack(&mut self, who: Who, seq: u32, ack: u32) -> Analysis {
        self.data(who, seq, ack, b"")
    }

    fn pieces(&mut self, end: End) -> Vec<Piece> {
        let id = self.analyser.conversations().last().unwrap().id();
        std::iter::from_fn(|| self.analyser.poll(id, end)).collect()
    }

    fn conversation(&self) -> &Conversation {
        self.analyser.conversations().last().copied().unwrap()
    }
}

fn addr(host: u8, port: u16) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, host), port).into()
}

/// Wireshark's labels, then the true ones.
fn check(analysis: Analysis, wireshark: &str, truth: &str) {
    assert_eq!(
        analysis.labels(Mode::Wireshark).to_string(),
        wireshark,
        "as Wireshark says"
    );
    assert_eq!(analysis.labels(Mode::Truth).to_string(), truth, "in truth");
}

#[test]
fn a_calm_conversation_has_no_labels() {
    let mut talk = Talk::open(Side::Client);
    check(talk.data(Client, 1, 1, b"hello"), "", "");
    let answer = talk.data(Server, 1, 6, b"world!");
    check(answer, "", "");
    assert_eq!((answer.seq, answer.ack, answer.offset), (1, 6, Some(0)));
    assert_eq!(
        answer.acks,
        Some(Acks {
            frame: 4,
            rtt: MS as i64
        })
    );
    assert_eq!(answer.initial_rtt, Some(10 * MS as i64));
    assert_eq!(answer.in_flight, Some(6));
}

#[test]
fn fins_say_who_closed_first() {
    let mut talk = Talk::open(Side::Client);
    check(
        talk.say(Server, 1, 1, TcpFlags::FIN | TcpFlags::ACK, b""),
        "fin_active",
        "fin_active",
    );
    check(
        talk.say(Client, 1, 2, TcpFlags::FIN | TcpFlags::ACK, b""),
        "fin_passive",
        "fin_passive",
    );
    let conversation = talk.conversation();
    assert_eq!(conversation.opened_by(), Some(End::First));
    assert_eq!(conversation.closed_by(), Some(End::Second));
    assert_eq!(conversation.completeness(), Completeness(1 + 2 + 4 + 16));
}

#[test]
fn reset_says_who_broke_off() {
    let mut talk = Talk::open(Side::Client);
    check(talk.say(Server, 1, 1, TcpFlags::RST, b""), "reset", "reset");
    assert_eq!(talk.conversation().reset_by(), Some(End::Second));
}

#[test]
fn reused_ports_begin_another_conversation() {
    let mut talk = Talk::open(Side::Client);
    talk.options.mss = Some(1460);
    check(
        talk.say(Client, 900_000, 0, TcpFlags::SYN, b""),
        "reused_ports",
        "reused_ports",
    );
    assert_eq!(talk.conversation().id().number(), 1);
    assert_eq!(talk.analyser.conversations().len(), 2);
}

#[test]
fn another_answer_replaces_the_initial_number() {
    let mut talk = Talk::silent(Side::Client);
    talk.options.mss = Some(1460);
    talk.say(Client, 0, 0, TcpFlags::SYN, b"");
    talk.say(Server, 0, 1, TcpFlags::SYN | TcpFlags::ACK, b"");
    let again = talk.say(Server, 70_000, 1, TcpFlags::SYN | TcpFlags::ACK, b"");
    let wireshark = "reused_ports lost_segment";
    check(again, wireshark, "reused_ports");
    assert_eq!(again.seq, 0);
    talk.options = TcpOptions::default();
    assert_eq!(talk.data(Server, 70_001, 1, b"x").offset, Some(0));
}

#[test]
fn super_segments_of_a_known_size_count_by_it() {
    let mut talk = Talk::open(Side::Client);
    talk.gso_size = Some(500);
    let payload = [7; 4000];
    talk.data(Client, 1, 1, &payload);
    assert_eq!(talk.conversation().traffic(End::First).segments, 2 + 8);
}

#[test]
fn a_forgotten_conversation_is_gone() {
    let mut talk = Talk::open(Side::Client);
    let analysis = talk.data(Client, 1, 1, b"hello");
    talk.analyser.forget(analysis.conversation);
    assert!(talk.analyser.conversation(analysis.conversation).is_none());
    assert_eq!(talk.analyser.poll(analysis.conversation, End::First), None);
    assert_eq!(talk.analyser.counters().held, 0);
    let next = talk.data(Client, 6, 1, b"again");
    assert_eq!(next.conversation.number(), 1);
}

#[test]
fn retransmission_of_a_lost_segment() {
    let mut talk = Talk::open(Side::Client);
    talk.data(Client, 1, 1, b"hello");
    talk.at += 200 * MS;
    let again = talk.data(Client, 1, 1, b"hello");
    check(again, "retransmission", "retransmission");
    assert_eq!((again.bytes_again, again.segments_again), (5, 1));
    assert_eq!(
        again.timeout,
        Some(Timeout {
            since: 4,
            span: 201 * MS as i64
        })
    );
}

#[test]
fn out_of_order_at_the_senders_tap_was_sent_again() {
    for (side, truth) in [
        (Side::Client, "retransmission"),
        (Side::Server, "out_of_order"),
    ] {
        let mut talk = Talk::open(side);
        talk.data(Client, 1, 1, b"one");
        let (wireshark, gap) = if side == Side::Client {
            ("lost_segment", "capture_gap")
        } else {
            ("lost_segment", "lost_segment")
        };
        check(talk.data(Client, 7, 1, b"three"), wireshark, gap);
        check(talk.data(Client, 4, 1, b"two"), "out_of_order", truth);
    }
}

#[test]
fn timestamps_tell_a_late_segment_from_one_sent_again() {
    for (clock, truth) in [(99, "out_of_order"), (101, "retransmission")] {
        let mut talk = Talk::open(Side::Server);
        talk.options.timestamps = Some(Timestamps {
            value: 100,
            echo: 0,
        });
        talk.data(Client, 4, 1, b"two");
        talk.options.timestamps = Some(Timestamps {
            value: clock,
            echo: 0,
        });
        let late = talk.data(Client, 1, 1, b"one");
        assert_eq!(late.labels(Mode::Truth).to_string(), truth, "at {clock}");
    }
}

#[test]
fn what_echoes_a_clock_from_before_the_report_was_late() {
    for (echo, truth) in [(499, "out_of_order"), (500, "retransmission")] {
        let mut talk = Talk::open(Side::Server);
        talk.options.timestamps = Some(Timestamps {
            value: 100,
            echo: 499,
        });
        talk.data(Client, 4, 1, b"two");
        talk.options.timestamps = Some(Timestamps {
            value: 500,
            echo: 100,
        });
        talk.options.sack = SackBlocks::new([SackBlock {
            start: CLIENT + 4,
            end: CLIENT + 7,
        }]);
        talk.ack(Server, 1, 1);
        talk.options.sack = SackBlocks::default();
        talk.options.timestamps = Some(Timestamps { value: 100, echo });
        let late = talk.data(Client, 1, 1, b"one");
        assert_eq!(
            late.labels(Mode::Truth).to_string(),
            truth,
            "echoing {echo}"
        );
    }
}

#[test]
fn without_timestamps_the_time_since_the_report_tells() {
    for (wait, truth) in [(1, "out_of_order"), (3, "retransmission")] {
        let mut talk = Talk::open(Side::Server);
        talk.data(Client, 4, 1, b"two");
        talk.options.sack = SackBlocks::new([SackBlock {
            start: CLIENT + 4,
            end: CLIENT + 7,
        }]);
        talk.ack(Server, 1, 1);
        talk.options.sack = SackBlocks::default();
        talk.at += (wait - 1) * MS;
        let late = talk.data(Client, 1, 1, b"one");
        assert_eq!(
            late.labels(Mode::Truth).to_string(),
            truth,
            "after {wait} ms"
        );
    }
}

#[test]
fn fast_retransmission_follows_duplicate_acks() {
    let mut talk = Talk::open(Side::Client);
    talk.data(Client, 1, 1, b"one");
    talk.data(Client, 4, 1, b"two");
    talk.ack(Server, 1, 4);
    for number in 1..=3 {
        let again = talk.ack(Server, 1, 4);
        check(again, "duplicate_ack", "duplicate_ack");
        assert_eq!(again.duplicate, Some(Duplicate { number, of: 6 }));
    }
    let fast = "fast_retransmission retransmission";
    check(talk.data(Client, 4, 1, b"two"), fast, fast);
}

#[test]
fn spurious_retransmission_had_been_acknowledged() {
    let mut talk = Talk::open(Side::Client);
    talk.data(Client, 1, 1, b"one");
    talk.ack(Server, 1, 4);
    let spurious = "spurious_retransmission retransmission";
    check(talk.data(Client, 1, 1, b"one"), spurious, spurious);
}

#[test]
fn a_drop_of_the_capture_is_no_loss_of_the_network() {
    let mut talk = Talk::open(Side::Unknown);
    talk.data(Client, 1, 1, b"one");
    talk.dropped_before = true;
    check(
        talk.data(Client, 7, 1, b"three"),
        "lost_segment",
        "capture_gap",
    );
}

#[test]
fn ack_lost_segment_acknowledges_what_was_not_captured() {
    let mut talk = Talk::open(Side::Client);
    check(
        talk.ack(Server, 1, 100),
        "ack_lost_segment",
        "ack_lost_segment capture_gap",
    );
}

#[test]
fn keep_alive_and_its_ack() {
    let mut talk = Talk::open(Side::Client);
    talk.ack(Server, 1, 1);
    check(talk.ack(Client, 0, 1), "keep_alive", "keep_alive");
    check(talk.ack(Server, 1, 1), "keep_alive_ack", "keep_alive_ack");
}

#[test]
fn a_lost_last_byte_is_no_keep_alive() {
    let mut talk = Talk::open(Side::Client);
    talk.data(Client, 1, 1, b"x");
    talk.at += 300 * MS;
    check(
        talk.data(Client, 1, 1, b"x"),
        "keep_alive",
        "retransmission",
    );
}

#[test]
fn window_update_says_nothing_else() {
    let mut talk = Talk::open(Side::Client);
    talk.window = 2000;
    check(talk.ack(Client, 1, 1), "window_update", "window_update");
}

#[test]
fn window_full_fills_it_to_the_last_byte() {
    let mut talk = Talk::open(Side::Client);
    talk.window = 5;
    talk.ack(Server, 1, 1);
    check(
        talk.data(Client, 1, 1, b"hello"),
        "window_full",
        "window_full",
    );
}

#[test]
fn zero_window_probe_of_linux_passes_for_a_keep_alive() {
    let mut talk = Talk::open(Side::Client);
    talk.window = 0;
    check(talk.ack(Server, 1, 1), "zero_window", "zero_window");
    talk.window = 1000;
    check(talk.ack(Client, 0, 1), "keep_alive", "zero_window_probe");
    talk.window = 0;
    let answer = talk.ack(Server, 1, 1);
    check(answer, "zero_window", "zero_window zero_window_probe_ack");
}

#[test]
fn zero_window_probe_with_a_byte() {
    let mut talk = Talk::open(Side::Client);
    talk.window = 0;
    talk.ack(Server, 1, 1);
    talk.window = 1000;
    check(
        talk.data(Client, 1, 1, b"x"),
        "zero_window_probe",
        "zero_window_probe",
    );
    talk.window = 0;
    let both = "zero_window zero_window_probe_ack";
    check(talk.ack(Server, 1, 1), both, both);
}

#[test]
fn odd_headers_are_noted() {
    let mut talk = Talk::silent(Side::Client);
    talk.options.window_scale = Some(15);
    let both = "syn_without_mss wide_scale";
    check(talk.say(Client, 0, 0, TcpFlags::SYN, b""), both, both);
    let mut talk = Talk::open(Side::Client);
    talk.options.mss = Some(1460);
    check(
        talk.data(Client, 1, 1, b"x"),
        "mss_without_syn",
        "mss_without_syn",
    );
}

#[test]
fn a_window_is_scaled_after_the_handshake() {
    let mut talk = Talk::silent(Side::Client);
    talk.options.mss = Some(1460);
    talk.options.window_scale = Some(7);
    assert_eq!(talk.say(Client, 0, 0, TcpFlags::SYN, b"").window, 1000);
    talk.say(Server, 0, 1, TcpFlags::SYN | TcpFlags::ACK, b"");
    talk.options = TcpOptions::default();
    assert_eq!(talk.ack(Client, 1, 1).window, 128_000);
}

#[test]
fn super_segments_count_as_what_the_card_makes_of_them() {
    let mut talk = Talk::open(Side::Client);
    let payload = [7; 4000];
    talk.data(Client, 1, 1, &payload);
    talk.at += 300 * MS;
    let again = talk.data(Client, 1, 1, &payload);
    assert_eq!((again.bytes_again, again.segments_again), (4000, 3));
}

#[test]
fn the_kernel_and_the_wire_are_compared() {
    let mut talk = Talk::open(Side::Client);
    talk.data(Client, 1, 1, b"hello");
    talk.data(Client, 1, 1, b"hello");
    let mut kernel = KernelCounters {
        segments_again: Some(1),
        bytes_again: Some(5),
        bytes_sent: Some(10),
        bytes_acked: Some(1),
    };
    assert_eq!(talk.conversation().reconcile(End::First, &kernel), []);
    kernel.segments_again = Some(3);
    let found = talk.conversation().reconcile(End::First, &kernel);
    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["segments sent again: 3 by the kernel, 1 on the wire"]
    );
}

#[test]
fn bytes_come_in_order_and_a_hole_is_named_once_it_is_acknowledged() {
    let mut talk = Talk::open(Side::Client);
    talk.data(Client, 1, 1, b"one");
    talk.data(Client, 7, 1, b"three");
    assert_eq!(texts(&talk.pieces(End::First)), ["0 `one`"]);
    talk.ack(Server, 1, 12);
    talk.say(Client, 12, 1, TcpFlags::FIN | TcpFlags::ACK, b"!");
    let expected = [
        "3 bytes missing at offset 3: not captured",
        "6 `three`",
        "11 `!`",
        "end 12",
    ];
    assert_eq!(texts(&talk.pieces(End::First)), expected);
}

#[test]
fn a_hole_where_the_capture_dropped_something_says_so() {
    let mut talk = Talk::open(Side::Client);
    talk.dropped_before = true;
    talk.data(Client, 4, 1, b"two");
    talk.analyser.finish();
    let expected = [
        "3 bytes missing at offset 0: lost by the capture",
        "3 `two`",
    ];
    assert_eq!(texts(&talk.pieces(End::First)), expected);
}

#[test]
fn what_the_capture_cut_off_is_named() {
    let mut talk = Talk::open(Side::Client);
    talk.say_cut(Client, 1, 1, TcpFlags::ACK, b"abc", 10);
    talk.data(Client, 11, 1, b"d");
    let expected = [
        "0 `abc`",
        "7 bytes missing at offset 3: cut off by the capture",
        "10 `d`",
    ];
    assert_eq!(texts(&talk.pieces(End::First)), expected);
}

#[test]
fn a_conversation_without_its_beginning_is_put_in_order_too() {
    let mut talk = Talk::silent(Side::Unknown);
    talk.data(Client, 501, 900, b"abc");
    talk.data(Client, 506, 900, b"fg");
    talk.data(Client, 504, 900, b"de");
    assert_eq!(
        texts(&talk.pieces(End::First)),
        ["0 `abc`", "3 `de`", "5 `fg`"]
    );
    assert_eq!(talk.conversation().opened_by(), None);
    assert_eq!(talk.conversation().client(), End::First);
    let placed: Vec<_> = talk.conversation().placed(End::First).collect();
    assert_eq!(
        placed[1],
        &Placed {
            offset: 5,
            len: 2,
            frame: 2,
            at: 2 * MS
        }
    );
}

fn texts(pieces: &[Piece]) -> Vec<String> {
    let text = |piece: &Piece| match piece {
        Piece::Bytes { offset, bytes } => format!("{offset} `{}`", String::from_utf8_lossy(bytes)),
        Piece::Gap(gap) => gap.to_string(),
        Piece::End { offset } => format!("end {offset}"),
    };
    pieces.iter().map(text).collect()
}
