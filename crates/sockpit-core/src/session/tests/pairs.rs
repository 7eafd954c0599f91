//! Two sessions, one link.

use super::*;
use crate::machine::Reason;

#[test]
fn an_echo_comes_back_whole_under_every_cut_and_delay() {
    for seed in 0..50 {
        let faults = Faults {
            latency: Duration::from_millis(30),
            jitter: Duration::from_millis(20),
            cuts: crate::sim::Cuts::Random,
            ..Faults::default()
        };
        let client = client("tcp://h:1?frame=lines").script(&[
            send("第一行"),
            expect("第一行"),
            send("second"),
            expect("second"),
        ]);
        let server = server("tcp://h:1?frame=lines")
            .reads(Input::Closed)
            .reply("echo");
        let mut pair = Pair::stream(client.session(), server.session(), faults, seed);
        pair.run();
        assert_eq!(pair.reason(Side::A), Some(Reason::Local), "seed {seed}");
        assert_eq!(pair.reason(Side::B), Some(Reason::Fin), "seed {seed}");
        assert_eq!(
            pair.sent(Side::B).collect::<Vec<_>>(),
            ["第一行\n", "second\n"]
        );
    }
}

#[test]
fn a_half_close_is_answered_in_full() {
    let faults = Faults {
        latency: Duration::from_millis(30),
        ..Faults::default()
    };
    let client = client("tcp://h:1").script(&[send("job")]);
    let server = server("tcp://h:1")
        .reads(Input::Closed)
        .rules("[[rule]]\nany = true\nreply = 'done'\ndelay = '3s'\n");
    let mut pair = Pair::stream(client.session(), server.session(), faults, 1);
    pair.run();
    assert_eq!(pair.sent(Side::B).collect::<Vec<_>>(), ["done"]);
    assert_eq!(pair.reason(Side::A), Some(Reason::Fin));
    assert_eq!(pair.reason(Side::B), Some(Reason::Fin));
    assert_eq!(pair.now(), Time::ZERO + Duration::from_millis(3_060));
}
