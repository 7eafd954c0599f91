//! What the bus promises: everything to taps, a count to views, a pause instead of a loss.

use std::time::Duration;

use sockpit_core::event::{FaultKind, What};

use super::{Bus, Scope, Tap, TapLimit};
use crate::clock::Clock;

const ROOMY: TapLimit = TapLimit {
    bytes: usize::MAX,
    patience: None,
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
    let mut view = bus.add_view(4);
    let mut delivered = 0;
    let mut dropped = 0;
    for round in 0..50 {
        publish(&bus, round % 7);
        if round % 3 == 0 {
            // One at a time, so that the view is behind most of the time.
            if let Ok(event) = view.receiver.try_recv() {
                match event.what {
                    What::Gap { count } => dropped += count,
                    _ => delivered += 1,
                }
            }
        }
    }
    // Everything that waits is taken, which makes room for the last gap.
    while let Ok(event) = view.receiver.try_recv() {
        match event.what {
            What::Gap { count } => dropped += count,
            _ => delivered += 1,
        }
    }
    publish(&bus, 1);
    while let Ok(event) = view.receiver.try_recv() {
        match event.what {
            What::Gap { count } => dropped += count,
            _ => delivered += 1,
        }
    }
    assert!(dropped > 0, "the view was never behind");
    assert_eq!(bus.number.get(), delivered + dropped);
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

fn take_all(tap: &mut Tap) {
    while tap.try_next().is_some() {}
}
