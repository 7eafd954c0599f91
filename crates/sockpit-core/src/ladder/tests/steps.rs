//! Steps as values: what is drawn is what they say.

use super::step::{ArrowKind, What as Deed};
use super::*;

/// Draws steps as a ladder does.
fn drawn(steps: &[Step], options: &Options) -> String {
    let mut ladder = Ladder::new(options.clone());
    for step in steps {
        ladder.draw(step);
    }
    ladder.take()
}

#[test]
fn what_is_drawn_is_what_the_steps_say() {
    let files: [&[u8]; 12] = [
        capture!("tcp/half_close.pcap"),
        capture!("tcp/both_ways_loss.pcap"),
        capture!("tcp/bulk_loss.pcap"),
        capture!("tcp/delayed_ack.pcap"),
        capture!("tcp/keep_alive.pcap"),
        capture!("tcp/port_reuse.pcap"),
        capture!("tcp/reset.pcap"),
        capture!("tcp/self_connect.pcap"),
        capture!("tcp/simultaneous_close.pcap"),
        capture!("tcp/super_segments.pcap"),
        capture!("tcp/zero_window.pcap"),
        capture!("loopback.pcapng"),
    ];
    for file in files {
        for base in [wide(Some(Language::English)), narrow()] {
            let both = Options {
                gives: Gives::Both,
                ..base.clone()
            };
            let (rows, mut ladder) = ladder_of(file, usize::MAX, Tap::Client, both);
            let steps = ladder.take_steps();
            assert_eq!(drawn(&steps, &base), rows);
            let only = Options {
                gives: Gives::Steps,
                ..base
            };
            let (none, mut ladder) = ladder_of(file, usize::MAX, Tap::Client, only);
            assert_eq!(none, "");
            assert_eq!(ladder.take_steps().len(), steps.len());
            check_states(&steps);
        }
    }
}

/// After each step both ends are where the moves of all steps so far have led them.
fn check_states(steps: &[Step]) {
    let mut states = BTreeMap::new();
    for step in steps {
        let known = states.entry(step.conversation).or_insert([None; 2]);
        if let Deed::Arrow(arrow) = &step.what {
            for (place, side) in known.iter_mut().zip([Side::Left, Side::Right]) {
                *place = arrow.moves.of(side).last().copied().or(*place);
            }
        }
        assert_eq!(step.states, *known, "{step:?}");
    }
}

#[test]
fn a_step_says_the_numbers_of_its_header_and_the_event_that_told_of_it() {
    let mut scene = Scene::new(Options {
        gives: Gives::Steps,
        ..Options::default()
    });
    scene.open(0, CLIENT, SERVER);
    scene.chunk(0, OUT, 0, b"hello");
    scene.chunk(0, IN, 0, b"you too");
    let steps = scene.ladder.take_steps();
    let calls: Vec<_> = steps
        .iter()
        .map(|step| match &step.what {
            Deed::Call(call) => (call.side, call.bytes),
            Deed::Arrow(_) => panic!("nothing was captured"),
        })
        .collect();
    let left = Side::Left;
    assert_eq!(
        calls,
        [(left, None), (left, Some((0, 5))), (left, Some((0, 7)))]
    );
    for step in &steps {
        let told = step.told.expect("a session told it");
        assert_eq!((told.session, told.peer, told.number), (1, 1, 1));
        assert_eq!(told.own, left);
        assert!(CLIENT.ends_with(&step.head.left));
    }
    assert!(steps.is_sorted_by_key(|step| step.at));

    let options = Options {
        gives: Gives::Steps,
        ..Options::default()
    };
    let file = capture!("tcp/reset.pcap");
    let (_, mut ladder) = ladder_of(file, usize::MAX, Tap::Client, options);
    let steps = ladder.take_steps();
    let arrow = |step: &Step| match &step.what {
        Deed::Arrow(arrow) => arrow.clone(),
        Deed::Call(_) => panic!("nobody called"),
    };
    let first = arrow(&steps[0]);
    let segment = first.segment.expect("it is TCP");
    assert!(segment.flags.has(TcpFlags::SYN));
    assert_eq!((segment.seq, segment.ack, segment.len), (0, None, 0));
    assert!(
        steps
            .iter()
            .any(|step| arrow(step).kind == ArrowKind::Broken)
    );
    assert!(steps.iter().all(|step| step.told.is_none()));
}
