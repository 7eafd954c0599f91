//! What a sieve knows beside the event: addresses of peers, and the time of day.

use super::*;
use crate::record::Epoch;

#[test]
fn an_address_is_remembered_for_its_peer() {
    let mut sieve = Sieve::new("addr ~ \"0\\.7:\"".parse().unwrap(), Clock::default());
    let opened = |peer, addr: &str| Event {
        peer,
        ..event_of(What::Opened {
            addr: addr.to_owned(),
            local: String::new(),
        })
    };
    let said = |peer| Event {
        peer,
        ..chunk(b"x")
    };
    let closed = |peer| Event {
        peer,
        ..event_of(What::Closed {
            reason: Reason::Fin,
            message: String::new(),
        })
    };
    let kept = [
        (opened(1, "tcp://10.0.0.7:99"), true),
        (opened(2, "tcp://10.0.0.8:99"), false),
        (said(1), true),
        (said(2), false),
        (closed(1), true),
        (said(1), false),
    ];
    for (event, wanted) in kept {
        assert_eq!(sieve.keeps(&event), wanted, "{event:?}");
    }
}

#[test]
fn a_time_of_day_is_local_and_lies_near_the_beginning() {
    // 2026-11-21T08:00:00Z, eight hours ahead of UTC: 16:00:00.
    let clock = Clock {
        epoch: Epoch(1_795_248_000_000_000_000),
        utc_offset: 8 * 3600,
    };
    let place = |text: &str| text.parse::<Moment>().unwrap().since_beginning(clock);
    let seconds = |count: i128| count * 1_000_000_000;
    assert_eq!(place("2s"), seconds(2));
    assert_eq!(place("16:00:01.5"), 1_500_000_000);
    assert_eq!(place("15:59"), seconds(-60));
    assert_eq!(place("00:10"), seconds(8 * 3600 + 600));
    assert_eq!(place("2026-11-21T16:00:05"), seconds(5));
    assert_eq!(place("2026-11-21T08:00:05Z"), seconds(5));
    for wrong in [
        "",
        "x",
        "25:00",
        "10:61",
        "10:00:00.",
        "10:0:0:0",
        "2026-13-01T00:00:00",
        "-2s",
    ] {
        assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
    }
}
