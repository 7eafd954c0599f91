//! What the pair promises: a link that fails as told, and a contract that is held.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::{Cuts, Faults, Pair, Side};
use crate::machine::{Fault, Machine, Output, Reason};
use crate::time::Time;

const LATENCY: Duration = Duration::from_millis(40);

/// Sends a request until it is answered.
#[derive(Default)]
struct Asker {
    outputs: VecDeque<Output<What>>,
    again: Option<Time>,
    asked: u32,
}

/// Answers every request.
#[derive(Default)]
struct Answerer(VecDeque<Output<What>>);

/// What either tells.
#[derive(Clone, Debug, PartialEq)]
enum What {
    Answered { tries: u32 },
    Asked,
}

impl Asker {
    fn ask(&mut self, now: Time) {
        self.asked += 1;
        self.again = Some(now + 3 * LATENCY);
        self.outputs
            .push_back(Output::Transmit(Bytes::from_static(b"?")));
    }
}

impl Machine for Asker {
    type Event = What;

    fn handle_input(&mut self, _now: Time, chunk: &[u8]) {
        assert_eq!(chunk, b"!");
        if self.again.take().is_some() {
            self.outputs
                .push_back(Output::Event(What::Answered { tries: self.asked }));
        }
    }

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, now: Time) {
        if self.again.is_none_or(|again| again <= now) {
            self.ask(now);
        }
    }

    fn poll_output(&mut self) -> Output<What> {
        let first = (self.asked == 0).then_some(Time::ZERO);
        self.outputs
            .pop_front()
            .unwrap_or(Output::Wait(first.or(self.again)))
    }
}

impl Machine for Answerer {
    type Event = What;

    fn handle_input(&mut self, _now: Time, chunk: &[u8]) {
        assert_eq!(chunk, b"?");
        self.0.push_back(Output::Event(What::Asked));
        self.0.push_back(Output::Transmit(Bytes::from_static(b"!")));
    }

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<What> {
        self.0.pop_front().unwrap_or(Output::Wait(None))
    }
}

#[test]
fn a_request_survives_loss() {
    for seed in 0..200 {
        let faults = Faults {
            latency: LATENCY,
            loss_ppm: 300_000,
            ..Faults::default()
        };
        let mut pair = Pair::new(Asker::default(), Answerer::default(), faults, seed);
        let answered = pair.run_until(|event| matches!(event, What::Answered { .. }));
        assert!(answered.is_some(), "no answer with seed {seed}");
    }
}

#[test]
fn a_round_trip_takes_two_latencies() {
    let faults = Faults {
        latency: LATENCY,
        ..Faults::default()
    };
    let mut pair = Pair::new(Asker::default(), Answerer::default(), faults, 1);
    let answered = pair
        .run_until(|event| matches!(event, What::Answered { .. }))
        .unwrap();
    assert_eq!(answered.time, Time::ZERO + 2 * LATENCY);
    assert_eq!(answered.side, Side::A);
    assert_eq!(answered.output, Output::Event(What::Answered { tries: 1 }));
    assert_eq!(pair.a().asked, 1);
}

#[test]
fn the_same_seed_is_the_same_run() {
    let run = |seed| {
        let faults = Faults {
            latency: LATENCY,
            jitter: 2 * LATENCY,
            loss_ppm: 500_000,
            duplication_ppm: 100_000,
            ..Faults::default()
        };
        let mut pair = Pair::new(Asker::default(), Answerer::default(), faults, seed);
        pair.run();
        pair.log().to_vec()
    };
    assert_eq!(run(7), run(7));
    assert!((0..20).any(|seed| run(seed) != run(7)));
}

#[test]
fn all_is_lost_where_everything_is() {
    let faults = Faults {
        loss_ppm: 1_000_000,
        ..Faults::default()
    };
    let mut pair = Pair::new(Asker::default(), Answerer::default(), faults, 1);
    pair.run_for(10 * LATENCY);
    assert_eq!(pair.events(Side::B).count(), 0);
    assert_eq!(pair.sent(Side::A).count(), 4);
    assert_eq!(pair.now(), Time::ZERO + 10 * LATENCY);
}

#[test]
fn a_datagram_that_is_doubled_is_answered_twice() {
    let faults = Faults {
        duplication_ppm: 1_000_000,
        ..Faults::default()
    };
    let mut pair = Pair::new(Asker::default(), Answerer::default(), faults, 1);
    pair.run();
    assert_eq!(pair.events(Side::B).count(), 2);
    assert_eq!(pair.events(Side::A).count(), 1);
}

#[test]
fn an_event_is_found_that_came_about_between_two_runs() {
    let faults = Faults::default();
    let mut pair = Pair::new(Asker::default(), Answerer::default(), faults, 1);
    pair.run();
    pair.change_b(|answerer, now| answerer.handle_input(now, b"?"));
    assert!(pair.run_until(|event| *event == What::Asked).is_some());
    assert!(pair.run_until(|event| *event == What::Asked).is_none());
}

/// Does what it was told at the beginning, and writes down what it is called for.
#[derive(Default)]
struct Teller {
    outputs: VecDeque<Output<Call>>,
    /// What it asks to be woken for, whatever happens.
    wake: Option<Time>,
}

/// How a machine was called.
#[derive(Clone, Debug, PartialEq)]
enum Call {
    Input(Vec<u8>),
    End,
    Fault(Fault),
    Timeout,
}

impl Teller {
    fn new(outputs: impl IntoIterator<Item = Output<Call>>) -> Self {
        Self {
            outputs: outputs.into_iter().collect(),
            wake: None,
        }
    }

    fn tell(&mut self, call: Call) {
        self.outputs.push_back(Output::Event(call));
    }
}

impl Machine for Teller {
    type Event = Call;

    fn handle_input(&mut self, _now: Time, chunk: &[u8]) {
        self.tell(Call::Input(chunk.to_vec()));
    }

    fn handle_end(&mut self, _now: Time) {
        self.tell(Call::End);
    }

    fn handle_fault(&mut self, _now: Time, fault: Fault) {
        self.tell(Call::Fault(fault));
    }

    fn handle_timeout(&mut self, _now: Time) {
        if self.wake.is_none() {
            self.tell(Call::Timeout);
        }
    }

    fn poll_output(&mut self) -> Output<Call> {
        self.outputs.pop_front().unwrap_or(Output::Wait(self.wake))
    }
}

fn send(bytes: &[u8]) -> Output<Call> {
    Output::Transmit(Bytes::copy_from_slice(bytes))
}

/// Checks how the other side is called where one does this on a stream.
#[track_caller]
fn check(faults: Faults, told: &[Output<Call>], expected: &[Call]) {
    let teller = Teller::new(told.iter().cloned());
    let mut pair = Pair::stream(teller, Teller::default(), faults, 1);
    pair.run();
    let calls: Vec<&Call> = pair.events(Side::B).collect();
    assert_eq!(calls, expected.iter().collect::<Vec<_>>());
}

fn input(bytes: &[u8]) -> Call {
    Call::Input(bytes.to_vec())
}

#[test]
fn a_stream_is_read_as_it_was_written_unless_told_otherwise() {
    let told = [send(b"ab"), send(b""), send(b"c"), Output::Shutdown];
    check(
        Faults::default(),
        &told,
        &[input(b"ab"), input(b"c"), Call::End],
    );
}

#[test]
fn a_stream_is_read_byte_by_byte() {
    let faults = Faults {
        read_size: NonZeroUsize::new(1),
        ..Faults::default()
    };
    check(
        faults,
        &[send(b"ab"), send(b"c")],
        &[input(b"a"), input(b"b"), input(b"c")],
    );
}

#[test]
fn a_close_ends_the_stream_once() {
    let told = [send(b"a"), Output::Shutdown, Output::Close(Reason::Local)];
    check(Faults::default(), &told, &[input(b"a"), Call::End]);
    check(
        Faults::default(),
        &[Output::Close(Reason::Local)],
        &[Call::End],
    );
}

#[test]
fn what_is_sent_after_the_peers_half_close_arrives() {
    let mut pair = Pair::stream(
        Teller::new([Output::Shutdown]),
        Teller::default(),
        Faults::default(),
        1,
    );
    pair.run();
    pair.change_b(|teller, _| teller.outputs.push_back(send(b"late")));
    pair.run();
    assert_eq!(pair.events(Side::A).collect::<Vec<_>>(), [&input(b"late")]);
}

#[test]
fn what_arrives_at_a_closed_side_resets_the_sender() {
    let faults = Faults {
        latency: LATENCY,
        ..Faults::default()
    };
    let told = [send(b"a"), send(b"b")];
    let closed = Teller::new([Output::Close(Reason::Local)]);
    let mut pair = Pair::stream(Teller::new(told), closed, faults, 1);
    pair.run();
    let calls: Vec<&Call> = pair.events(Side::A).collect();
    assert_eq!(calls, [&Call::End, &Call::Fault(Fault::Reset)]);
    assert_eq!(pair.reason(Side::A), Some(Reason::Reset));
    assert_eq!(pair.now(), Time::ZERO + 2 * LATENCY);
}

#[test]
fn a_fatal_fault_closes_a_side_and_resets_the_other() {
    let faults = Faults {
        latency: LATENCY,
        ..Faults::default()
    };
    let mut pair = Pair::stream(Teller::default(), Teller::default(), faults, 1);
    pair.inject(Time::ZERO + LATENCY, Side::B, Fault::Failed);
    pair.run();
    assert_eq!(
        pair.events(Side::B).collect::<Vec<_>>(),
        [&Call::Fault(Fault::Failed)]
    );
    assert_eq!(
        pair.events(Side::A).collect::<Vec<_>>(),
        [&Call::Fault(Fault::Reset)]
    );
    assert_eq!(pair.reason(Side::B), Some(Reason::Error));
    assert_eq!(pair.reason(Side::A), Some(Reason::Reset));
    assert_eq!(pair.now(), Time::ZERO + 2 * LATENCY);
}

#[test]
fn a_fault_that_is_not_fatal_leaves_the_link_as_it_is() {
    let mut pair = Pair::new(Teller::default(), Teller::default(), Faults::default(), 1);
    pair.inject(Time::ZERO, Side::A, Fault::Refused);
    pair.run();
    pair.change_a(|teller, _| teller.outputs.push_back(send(b"a")));
    pair.run();
    assert_eq!(
        pair.events(Side::A).collect::<Vec<_>>(),
        [&Call::Fault(Fault::Refused)]
    );
    assert_eq!(pair.events(Side::B).collect::<Vec<_>>(), [&input(b"a")]);
}

#[test]
fn a_datagram_keeps_its_boundaries_and_may_be_empty_or_truncated() {
    let faults = Faults {
        read_size: NonZeroUsize::new(3),
        ..Faults::default()
    };
    let told = [send(b"abc"), send(b""), send(b"abcd")];
    let mut pair = Pair::new(Teller::new(told), Teller::default(), faults, 1);
    pair.run();
    let truncated = Call::Fault(Fault::Truncated { full_len: 4 });
    let expected = [input(b"abc"), input(b""), truncated, input(b"abc")];
    assert_eq!(pair.events(Side::B).cloned().collect::<Vec<_>>(), expected);
}

#[test]
fn datagrams_overtake_each_other_and_streams_do_not() {
    let faults = Faults {
        jitter: LATENCY,
        ..Faults::default()
    };
    let told = || Teller::new((0..50).map(|byte| send(&[byte])));
    let heard =
        |pair: &Pair<Teller, Teller>| -> Vec<Call> { pair.events(Side::B).cloned().collect() };
    let in_order: Vec<Call> = (0..50).map(|byte| input(&[byte])).collect();

    let mut pair = Pair::stream(told(), Teller::default(), faults, 1);
    pair.run();
    assert_eq!(heard(&pair), in_order);

    let mut pair = Pair::new(told(), Teller::default(), faults, 1);
    pair.run();
    assert_eq!(heard(&pair).len(), 50);
    assert_ne!(heard(&pair), in_order);
}

#[test]
fn nobody_calls_a_machine_that_has_closed() {
    let closed = Teller {
        wake: Some(Time::ZERO),
        ..Teller::new([Output::Close(Reason::Local)])
    };
    let mut pair = Pair::stream(closed, Teller::new([send(b"a")]), Faults::default(), 1);
    pair.inject(Time::ZERO, Side::A, Fault::Reset);
    pair.run();
    pair.change_a(|_, _| panic!("it has closed"));
    assert_eq!(pair.events(Side::A).count(), 0);
}

#[test]
#[should_panic = "side a transmits 1 bytes at 0s, after its shutdown"]
fn a_transmit_after_the_shutdown_is_caught() {
    let told = [Output::Shutdown, send(b"a")];
    Pair::stream(Teller::new(told), Teller::default(), Faults::default(), 1).run();
}

#[test]
#[should_panic = "side b was woken at 1s, did nothing, and asks for the same time again"]
fn a_busy_loop_is_caught() {
    let busy = Teller {
        wake: Some(Time::from_nanos(1_000_000_000)),
        ..Teller::default()
    };
    Pair::stream(Teller::default(), busy, Faults::default(), 1).run();
}

/// Answers everything, for ever.
struct Chatterer(VecDeque<Output<Call>>);

impl Machine for Chatterer {
    type Event = Call;

    fn handle_input(&mut self, _now: Time, chunk: &[u8]) {
        self.0.push_back(send(chunk));
    }

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<Call> {
        self.0.pop_front().unwrap_or(Output::Wait(None))
    }
}

#[test]
#[should_panic = "no rest after 250000 steps, at 0s"]
fn endless_chatter_is_caught() {
    let chatterer = || Chatterer([send(b"a")].into());
    Pair::new(chatterer(), chatterer(), Faults::default(), 1).run();
}

/// Is never done.
struct Endless;

impl Machine for Endless {
    type Event = Call;

    fn handle_input(&mut self, _now: Time, _chunk: &[u8]) {}

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<Call> {
        Output::Event(Call::Timeout)
    }
}

#[test]
#[should_panic = "side a gave 100000 outputs at 0s and never waited"]
fn an_endless_drain_is_caught() {
    Pair::new(Endless, Teller::default(), Faults::default(), 1).run();
}

proptest! {
    #[test]
    fn a_stream_keeps_its_bytes_under_every_cut(
        writes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
        read_size in prop::option::of(1usize..9),
        jitter in 0u64..50,
        seed: u64,
    ) {
        let faults = Faults {
            jitter: Duration::from_millis(jitter),
            cuts: Cuts::Random,
            read_size: read_size.and_then(NonZeroUsize::new),
            ..Faults::default()
        };
        let told = writes.iter().map(|bytes| send(bytes)).chain([Output::Shutdown]);
        let mut pair = Pair::stream(Teller::new(told), Teller::default(), faults, seed);
        pair.run();
        let mut heard = Vec::new();
        for call in pair.events(Side::B) {
            if let Call::Input(chunk) = call {
                prop_assert!(!chunk.is_empty() && chunk.len() <= read_size.unwrap_or(usize::MAX));
                heard.extend_from_slice(chunk);
            }
        }
        prop_assert_eq!(heard, writes.concat());
        prop_assert_eq!(pair.events(Side::B).last(), Some(&Call::End));
    }
}

#[test]
fn random_cuts_part_a_write_and_join_two() {
    let faults = Faults {
        cuts: Cuts::Random,
        ..Faults::default()
    };
    let mut parts = false;
    let mut joins = false;
    for seed in 0..100 {
        let told = [send(b"abcd"), send(b"efgh")];
        let mut pair = Pair::stream(Teller::new(told), Teller::default(), faults, seed);
        pair.run();
        let chunks: Vec<&Call> = pair.events(Side::B).collect();
        parts |= chunks.len() > 2;
        joins |= chunks.contains(&&input(b"abcdefgh"));
    }
    assert!(parts && joins);
}
