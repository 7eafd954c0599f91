use super::*;
use crate::replay::Piece;
use crate::sim::Side as End;
use crate::sim::{Cuts, Faults, Pair};

/// A conversation of pieces: milliseconds, direction, bytes.
fn conversation(
    shape: Shape,
    ending: Option<Reason>,
    pieces: &[(u64, Direction, &str)],
) -> Conversation {
    let at = |millis: u64| Time::ZERO + Duration::from_millis(millis);
    let mut offsets = [0, 0];
    let chunks = pieces.iter().map(|(millis, direction, text)| {
        let offset = &mut offsets[*direction as usize];
        let start = *offset;
        *offset += text.len() as u64;
        Piece {
            time: at(*millis),
            direction: *direction,
            offset: start,
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    });
    Conversation {
        session: 1,
        peer: 1,
        addr: String::new(),
        shape,
        began: Time::ZERO,
        chunks: chunks.collect(),
        frames: Vec::new(),
        ending: ending.map(|reason| (reason, at(10_000))),
    }
}

fn talk() -> Conversation {
    use Direction::{In, Out};
    let pieces = [
        (100, Out, "one\n"),
        (150, In, "ONE\n"),
        (1_000, Out, "two\n"),
        (1_020, In, "TW"),
        (1_040, In, "O\n"),
    ];
    conversation(Shape::Stream, Some(Reason::Fin), &pieces)
}

fn player(conversation: &Conversation, side: Side, pace: Pace) -> Player {
    let part = Arc::new(Part::of(conversation, side, None));
    Player::new(part, pace, Duration::from_secs(5), Time::ZERO)
}

fn sent(pair: &Pair<Player, Player>, end: End) -> String {
    let bytes: Vec<u8> = pair.sent(end).flat_map(|bytes| bytes.to_vec()).collect();
    String::from_utf8(bytes).expect("text was sent")
}

#[test]
fn two_sides_of_a_recording_say_it_again() {
    for seed in 0..50 {
        for pace in [Pace::Fast, Pace::Recorded] {
            let faults = Faults {
                latency: Duration::from_millis(seed),
                cuts: Cuts::Random,
                ..Faults::default()
            };
            let talk = talk();
            let (us, peer) = (
                player(&talk, Side::Us, pace),
                player(&talk, Side::Peer, pace),
            );
            let mut pair = Pair::stream(us, peer, faults, seed);
            pair.run();
            assert_eq!(sent(&pair, End::A), "one\ntwo\n");
            assert_eq!(sent(&pair, End::B), "ONE\nTWO\n");
            for end in [End::A, End::B] {
                assert_eq!(pair.reason(end), Some(Reason::Fin), "seed {seed}");
                assert_eq!(pair.events(end).count(), 0, "seed {seed}");
            }
        }
    }
}

#[test]
fn the_recorded_pace_keeps_the_pauses_and_the_fast_one_does_not() {
    let time = |pace| {
        let talk = talk();
        let (us, peer) = (
            player(&talk, Side::Us, pace),
            player(&talk, Side::Peer, Pace::Fast),
        );
        let mut pair = Pair::stream(us, peer, Faults::default(), 1);
        pair.run();
        let sent = pair.log().iter().filter(|it| it.side == End::A);
        let sent = sent.filter(|it| matches!(it.output, Output::Transmit(_)));
        sent.map(|it| it.time - Time::ZERO).collect::<Vec<_>>()
    };
    let millis = |all: &[u64]| {
        all.iter()
            .map(|it| Duration::from_millis(*it))
            .collect::<Vec<_>>()
    };
    assert_eq!(time(Pace::Recorded), millis(&[100, 1_000]));
    assert_eq!(time(Pace::Fast), millis(&[0, 0]));
}

#[test]
fn a_late_answer_moves_everything_after_it() {
    let mut slow = talk();
    for piece in &mut slow.chunks {
        if piece.direction == Direction::In {
            piece.time = piece.time + Duration::from_millis(700);
        }
    }
    let us = player(&talk(), Side::Us, Pace::Recorded);
    let peer = player(&slow, Side::Peer, Pace::Recorded);
    let mut pair = Pair::stream(us, peer, Faults::default(), 1);
    pair.run();
    let second = pair.log().iter().filter(|it| it.side == End::A);
    let second = second
        .filter(|it| matches!(it.output, Output::Transmit(_)))
        .nth(1);
    let time = second.expect("the second was sent").time - Time::ZERO;
    assert!(time >= Duration::from_millis(1_600), "{time:?}");
}

#[test]
fn what_does_not_come_is_waited_for_once() {
    let mut short = talk();
    short.chunks[1].bytes = Bytes::from_static(b"O\n");
    let us = player(&talk(), Side::Us, Pace::Fast);
    let peer = {
        // Our first answer is two bytes shorter, so that the peer does not wait for ours.
        let part = Part::of(&short, Side::Peer, None);
        Player::new(
            Arc::new(part),
            Pace::Fast,
            Duration::from_secs(60),
            Time::ZERO,
        )
    };
    let mut pair = Pair::stream(us, peer, Faults::default(), 1);
    pair.run();
    assert_eq!(sent(&pair, End::A), "one\ntwo\n");
    assert_eq!(pair.events(End::A).count(), 1);
    assert!(
        pair.now() - Time::ZERO < Duration::from_secs(7),
        "{:?}",
        pair.now()
    );
}

#[test]
fn a_peer_that_answers_after_our_end_gets_it() {
    use Direction::{In, Out};
    let pieces = [(0, Out, "a\nb\n"), (100, In, "2 lines\n")];
    let talk = conversation(Shape::Stream, Some(Reason::Fin), &pieces);
    let us = player(&talk, Side::Us, Pace::Fast);
    let mut pair = Pair::stream(us, Counting::default(), Faults::default(), 1);
    pair.run();
    assert_eq!(pair.reason(End::A), Some(Reason::Fin));
    assert_eq!(pair.events(End::A).count(), 0);
    assert!(pair.now() - Time::ZERO < Duration::from_secs(2));
}

#[test]
fn more_than_was_recorded_does_not_keep_it_alive() {
    use Direction::{In, Out};
    let talk = conversation(
        Shape::Datagram,
        Some(Reason::Local),
        &[(0, Out, "a"), (1, In, "b")],
    );
    let us = player(&talk, Side::Us, Pace::Fast);
    let mut pair = Pair::new(us, Chatter::default(), Faults::default(), 1);
    pair.run_for(Duration::from_secs(3));
    assert_eq!(pair.reason(End::A), Some(Reason::Local));
}

#[test]
fn b1_a_flood_is_ended() {
    let mut player = player(&talk(), Side::Us, Pace::Fast);
    let mut outputs = 0;
    let flood = vec![0; 1024 * 1024];
    while player.poll_output() != Output::Close(Reason::Limit) {
        player.handle_input(Time::ZERO, &flood);
        outputs += 1;
        assert!(outputs < 100);
    }
}

#[test]
fn datagrams_are_counted_one_by_one() {
    use Direction::{In, Out};
    let pieces = [
        (0, Out, "a"),
        (1, In, ""),
        (2, In, "x"),
        (3, Out, "b"),
        (4, In, "y"),
    ];
    let talk = conversation(Shape::Datagram, Some(Reason::Local), &pieces);
    let part = Part::of(&talk, Side::Us, None);
    let needs: Vec<u64> = part.steps.iter().map(|step| step.needs).collect();
    assert_eq!((needs, part.needs), (vec![0, 2], 3));
    let us = player(&talk, Side::Us, Pace::Fast);
    let peer = player(&talk, Side::Peer, Pace::Fast);
    let mut pair = Pair::new(us, peer, Faults::default(), 1);
    pair.run();
    assert_eq!(sent(&pair, End::A), "ab");
    assert_eq!(pair.reason(End::A), Some(Reason::Local));
}

#[test]
fn with_a_framing_an_answer_of_another_length_is_an_answer() {
    let mut longer = talk();
    longer.chunks[1].bytes = Bytes::from_static(b"ONE AND MORE\n");
    let lines: Framing = "lines".parse().expect("a framing");
    let part = Part::of(&talk(), Side::Us, Some((&lines, 1024)));
    assert_eq!(part.needs, 2);
    let us = Player::new(
        Arc::new(part),
        Pace::Fast,
        Duration::from_secs(5),
        Time::ZERO,
    );
    let peer = player(&longer, Side::Peer, Pace::Fast);
    let mut pair = Pair::stream(us, peer, Faults::default(), 1);
    pair.run();
    assert_eq!(pair.events(End::A).count(), 0);
    assert_eq!(pair.now(), Time::ZERO);
}

#[test]
fn a_reset_ends_it_and_is_told() {
    let us = player(&talk(), Side::Us, Pace::Recorded);
    let peer = player(&talk(), Side::Peer, Pace::Recorded);
    let mut pair = Pair::stream(us, peer, Faults::default(), 1);
    pair.inject(
        Time::ZERO + Duration::from_millis(500),
        End::A,
        Fault::Reset,
    );
    pair.run();
    assert_eq!(pair.reason(End::A), Some(Reason::Reset));
}

/// Says how many lines there were once it has all of them.
#[derive(Default)]
struct Counting {
    lines: usize,
    outputs: VecDeque<Output<What>>,
}

impl Machine for Counting {
    type Event = What;

    fn handle_input(&mut self, _now: Time, chunk: &[u8]) {
        self.lines += chunk.iter().filter(|byte| **byte == b'\n').count();
    }

    fn handle_end(&mut self, _now: Time) {
        let answer = format!("{} lines\n", self.lines);
        self.outputs.push_back(Output::Transmit(answer.into()));
        self.outputs.push_back(Output::Shutdown);
        self.outputs.push_back(Output::Close(Reason::Fin));
    }

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<What> {
        self.outputs.pop_front().unwrap_or(Output::Wait(None))
    }
}

/// Sends a datagram every ten milliseconds, whatever it hears.
#[derive(Default)]
struct Chatter {
    next: Time,
    outputs: VecDeque<Output<What>>,
}

impl Machine for Chatter {
    type Event = What;

    fn handle_input(&mut self, _now: Time, _chunk: &[u8]) {}

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, now: Time) {
        if now >= self.next {
            self.next = now + Duration::from_millis(10);
            self.outputs
                .push_back(Output::Transmit(Bytes::from_static(b"b")));
        }
    }

    fn poll_output(&mut self) -> Output<What> {
        self.outputs
            .pop_front()
            .unwrap_or(Output::Wait(Some(self.next)))
    }
}
