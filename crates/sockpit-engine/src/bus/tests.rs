//! What the bus promises: everything to taps, a count to views, a pause instead of a loss.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sockpit_core::event::{Bytes, Direction, FaultKind, What};
use sockpit_core::plan::{Options, Plan, Role};

use super::{Bus, EVENT_COST, Scope, Tap, TapLimit, Told, View, ViewLimit};
use crate::clock::Clock;

const ROOMY: TapLimit = TapLimit {
    bytes: usize::MAX,
    patience: None,
};

const FEW: ViewLimit = ViewLimit {
    events: 4,
    bytes: usize::MAX,
};

#[test]
fn nobody_watching_costs_no_event() {
    let bus = Bus::new(Clock::start());
    publish(&bus, 3);
    assert!(!bus.wants(Scope::Faults));
    assert_eq!(bus.number.get(), 0);
}

#[tokio::test]
async fn a_tap_gets_every_event_in_order() {
    let bus = Bus::new(Clock::start());
    let mut tap = bus.add_tap(ROOMY, Scope::Everything);
    publish(&bus, 1000);
    for number in 1..=1000 {
        assert_eq!(tap.next().await.map(|event| event.number), Some(number));
    }
}

#[tokio::test]
async fn a4_published_is_delivered_plus_dropped_plus_pending() {
    let bus = Bus::new(Clock::start());
    let mut view = bus.add_view(FEW, Scope::Everything);
    let mut taken = Taken::default();
    for round in 0..50 {
        publish(&bus, round % 7);
        if round % 3 == 0 {
            // One at a time, so that the view is behind most of the time.
            taken.one(&mut view);
        }
    }
    // Everything that waits is taken, which makes room for the last gap.
    taken.all(&mut view);
    publish(&bus, 1);
    taken.all(&mut view);
    assert!(taken.dropped > 0, "the view was never behind");
    assert_eq!(bus.number.get(), taken.delivered + taken.dropped);
}

proptest! {
    #[test]
    fn a4_what_waits_for_a_view_is_bounded_in_events_and_bytes_and_nothing_is_lost_uncounted(
        steps in vec((0..4_usize, 0..3000_usize), 0..200),
        events in 0..6_usize,
        bytes in 0..4000_usize,
        takes_missed: bool,
    ) {
        let bus = Bus::new(Clock::start());
        let mut view = bus.add_view(ViewLimit { events, bytes }, Scope::Everything);
        let mut taken = Taken::default();
        let mut largest = 0;
        for (takes, size) in steps {
            publish_chunk(&bus, size);
            largest = largest.max(size + EVENT_COST);
            let waiting = view.backlog.events.load(Ordering::Acquire);
            let cost = view.backlog.bytes.load(Ordering::Acquire);
            // Each event may have a gap before it, and one may find nothing before it.
            prop_assert!(waiting <= 2 * events.max(1));
            prop_assert!(cost <= bytes.max(largest) + waiting.div_ceil(2) * EVENT_COST);
            for _ in 0..takes {
                taken.one(&mut view);
            }
            if takes_missed && view.receiver.is_empty() {
                taken.dropped += view.take_missed();
            }
        }
        let pending = view.receiver.len();
        let before = taken.delivered + taken.dropped;
        taken.all(&mut view);
        prop_assert!(taken.delivered + taken.dropped >= before + pending as u64);
        taken.dropped += view.take_missed();
        prop_assert_eq!(bus.number.get(), taken.delivered + taken.dropped);
        prop_assert_eq!(view.backlog.bytes.load(Ordering::Acquire), 0);
    }
}

#[tokio::test]
async fn a_view_of_chunks_asks_for_no_frames() {
    let bus = Bus::new(Clock::start());
    let mut view = bus.add_view(FEW, Scope::Chunks);
    assert!(bus.wants(Scope::Chunks));
    assert!(!bus.wants(Scope::Everything));
    let mut tap = bus.add_tap(ROOMY, Scope::Everything);
    publish_frame(&bus);
    publish_chunk(&bus, 3);
    let event = view.next().await.expect("the chunk is there");
    assert!(matches!(event.what, What::Chunk { .. }));
    assert_eq!(event.number, 2);
    let event = tap.next().await.expect("the frame is there");
    assert!(matches!(event.what, What::Frame { .. }));
}

#[tokio::test]
async fn plans_are_told_in_order_to_who_asked_and_are_never_missed() {
    let bus = Bus::new(Clock::start());
    let mut planned = bus.add_planned_view(FEW, Scope::Life);
    let mut other = bus.add_view(FEW, Scope::Life);
    let plan = Arc::new(plan());
    publish(&bus, 9);
    bus.tell_plan(7, &plan);
    publish(&bus, 1);
    let mut seen = Vec::new();
    while let Some(told) = planned.try_take() {
        seen.push(match told {
            Told::Plan(session, _) => format!("plan {session}"),
            Told::Event(event) => event.what.name().to_owned(),
        });
    }
    assert_eq!(seen, ["opened", "opened", "opened", "opened", "plan 7"]);
    assert_eq!(planned.take_missed(), 6);
    assert_eq!(other.receiver.len(), 4);
    assert!(matches!(other.try_take(), Some(Told::Event(_))));
}

#[tokio::test(start_paused = true)]
async fn a_full_tap_pauses_and_a_read_one_goes_on() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let bus = Bus::new(Clock::start());
            let runner = bus.clone();
            tokio::task::spawn_local(async move { runner.run().await });
            let mut tap = bus.add_tap(
                TapLimit {
                    bytes: 1000,
                    patience: None,
                },
                Scope::Everything,
            );
            publish(&bus, 10);
            let ready = std::future::poll_fn(|cx| bus.poll_ready(cx, &mut 0));
            let early = tokio::time::timeout(Duration::from_secs(60), ready).await;
            assert!(early.is_err(), "it did not pause");
            take_all(&mut tap);
            std::future::poll_fn(|cx| bus.poll_ready(cx, &mut 0)).await;
        })
        .await;
}

#[tokio::test]
async fn b10_a_tap_out_of_patience_is_cut_off_and_others_hear_of_it() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let bus = Bus::new(Clock::start());
            let runner = bus.clone();
            tokio::task::spawn_local(async move { runner.run().await });
            let mut other = bus.add_tap(ROOMY, Scope::Everything);
            let patience = Some(Duration::from_millis(20));
            let mut tap = bus.add_tap(
                TapLimit {
                    bytes: 1000,
                    patience,
                },
                Scope::Everything,
            );
            publish(&bus, 10);
            std::future::poll_fn(|cx| bus.poll_ready(cx, &mut 0)).await;
            take_all(&mut tap);
            assert!(tap.is_cut_off());
            let mut last = None;
            while let Some(event) = other.try_next() {
                last = Some(event.what.clone());
            }
            assert!(matches!(
                last,
                Some(What::Fault {
                    kind: FaultKind::Recording,
                    ..
                })
            ));
        })
        .await;
}

fn publish(bus: &Bus, count: u64) {
    for _ in 0..count {
        let opened = What::Opened {
            addr: String::new(),
            local: String::new(),
        };
        bus.publish(bus.clock.now(), 1, 1, opened);
    }
}

fn publish_chunk(bus: &Bus, size: usize) {
    let chunk = What::Chunk {
        direction: Direction::In,
        offset: 0,
        bytes: vec![0; size].into(),
        full_len: None,
    };
    bus.publish(bus.clock.now(), 1, 1, chunk);
}

fn publish_frame(bus: &Bus) {
    let frame = What::Frame {
        direction: Direction::In,
        offset: 0,
        payload: Bytes::new(),
        text: None,
        malformed: false,
        partial: false,
        full_len: None,
    };
    bus.publish(bus.clock.now(), 1, 1, frame);
}

fn plan() -> Plan {
    let endpoint = "tcp://127.0.0.1:1"; // port: nothing is opened.
    let endpoint = endpoint.parse().expect("an endpoint");
    Plan::resolve(Role::Client, &endpoint, Options::default()).expect("a plan")
}

/// What came out of a view.
#[derive(Default)]
struct Taken {
    delivered: u64,
    dropped: u64,
}

impl Taken {
    fn one(&mut self, view: &mut View) -> bool {
        match view.try_take() {
            Some(Told::Event(event)) => match event.what {
                What::Gap { count } => self.dropped += count,
                _ => self.delivered += 1,
            },
            Some(Told::Plan(..)) => {}
            None => return false,
        }
        true
    }

    fn all(&mut self, view: &mut View) {
        while self.one(view) {}
    }
}

fn take_all(tap: &mut Tap) {
    while tap.try_next().is_some() {}
}
