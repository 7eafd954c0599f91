use std::collections::BTreeSet;

use proptest::prelude::*;

use super::packet::{MAX_PARTS, PART_SIZE, Part};
use super::*;
use crate::sim::{Faults, Pair, Side};

fn me(id: u64, name: &str) -> Me {
    Me {
        id,
        name: name.to_owned(),
    }
}

fn pair(faults: Faults, seed: u64) -> Pair<Partner, Partner> {
    let lily = Partner::new(me(1, "Lily"), Time::ZERO);
    let tom = Partner::new(me(2, "Tom"), Time::ZERO);
    let mut pair = Pair::new(lily, tom, faults, seed);
    pair.change_a(Partner::knock);
    pair
}

fn heard(pair: &Pair<Partner, Partner>, side: Side) -> Vec<String> {
    let text = |event: &Event| match event {
        Event::Heard { text } => Some(text.clone()),
        _ => None,
    };
    pair.events(side).filter_map(text).collect()
}

fn numbers(pair: &Pair<Partner, Partner>, side: Side, of: fn(&Event) -> Option<u64>) -> Vec<u64> {
    pair.events(side).filter_map(of).collect()
}

const fn delivered(event: &Event) -> Option<u64> {
    match event {
        Event::Delivered { key } => Some(*key),
        _ => None,
    }
}

const fn given_up(event: &Event) -> Option<u64> {
    match event {
        Event::Unconfirmed { key } | Event::Returned { key, .. } => Some(*key),
        _ => None,
    }
}

#[test]
fn two_sockpits_meet_and_know_their_names() {
    let mut pair = pair(Faults::default(), 0);
    pair.run_for(Duration::from_secs(1));
    assert_eq!((pair.a().name(), pair.b().name()), ("Tom", "Lily"));
    pair.change_a(|it, _| it.rename("莉莉"));
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.b().name(), "莉莉");
}

#[test]
fn a_message_said_before_the_answer_waits_for_it() {
    let mut pair = pair(Faults::default(), 0);
    pair.change_a(|it, now| {
        it.say(now, 1, "你好");
    });
    pair.run_for(Duration::from_secs(1));
    assert_eq!(heard(&pair, Side::B), ["你好"]);
    assert_eq!(numbers(&pair, Side::A, delivered), [1]);
}

#[test]
fn messages_come_once_and_in_order_or_are_told() {
    for seed in 0..400 {
        let faults = Faults {
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(60),
            loss_ppm: 150_000,
            duplication_ppm: 100_000,
            ..Faults::default()
        };
        let mut pair = pair(faults, seed);
        let mut said = Vec::new();
        for round in 0..20u64 {
            let len = (round as usize * 977) % 9000;
            let text = format!("{round}:{}", "é".repeat(len / 2));
            said.push(text.clone());
            pair.change_a(|it, now| {
                it.knock(now);
                it.say(now, round + 1, &text);
            });
            pair.run_for(Duration::from_millis(150));
        }
        pair.run_for(Duration::from_secs(120));
        let heard = heard(&pair, Side::B);
        let places: Vec<usize> = heard
            .iter()
            .map(|text| said.iter().position(|it| it == text).expect("it was said"))
            .collect();
        assert!(places.is_sorted_by(|a, b| a < b), "seed {seed}: {places:?}");
        let ticked = numbers(&pair, Side::A, delivered);
        let lost = numbers(&pair, Side::A, given_up);
        let all: BTreeSet<u64> = ticked.iter().chain(&lost).copied().collect();
        assert_eq!(ticked.len() + lost.len(), said.len(), "seed {seed}");
        assert_eq!(all, (1..=20).collect(), "seed {seed}");
        for message in ticked {
            assert!(places.contains(&(message as usize - 1)), "seed {seed}");
        }
    }
}

#[test]
fn both_may_speak_at_once() {
    for seed in 0..100 {
        let faults = Faults {
            latency: Duration::from_millis(5),
            jitter: Duration::from_millis(5),
            loss_ppm: 50_000,
            ..Faults::default()
        };
        let mut pair = pair(faults, seed);
        // The hellos of both may cross.
        pair.change_b(Partner::knock);
        pair.run_for(Duration::from_millis(300));
        if !(pair.a().is_known() && pair.b().is_known()) {
            continue;
        }
        for number in 0..5 {
            pair.change_a(|it, now| it.say(now, number, &format!("a{number}")));
            pair.change_b(|it, now| it.say(now, number, &format!("b{number}")));
        }
        pair.run_for(Duration::from_secs(60));
        let lost =
            numbers(&pair, Side::A, given_up).len() + numbers(&pair, Side::B, given_up).len();
        let came = heard(&pair, Side::A).len() + heard(&pair, Side::B).len();
        assert!(
            came + lost >= 10,
            "seed {seed}: {came} came, {lost} told as lost"
        );
    }
}

#[test]
fn a_long_message_comes_whole_and_no_packet_is_long() {
    let mut pair = pair(Faults::default(), 3);
    let text = "长".repeat(MAX_MESSAGE / 3);
    pair.run_for(Duration::from_secs(1));
    pair.change_a(|it, now| it.say(now, 1, &text));
    pair.run_for(Duration::from_secs(5));
    assert_eq!(heard(&pair, Side::B), [text]);
    assert!(pair.sent(Side::A).all(|bytes| bytes.len() <= MAX_PACKET));
    assert!(pair.sent(Side::A).count() > 60);
}

#[test]
fn where_nobody_answers_a_message_goes_the_other_way() {
    let faults = Faults {
        loss_ppm: 1_000_000,
        ..Faults::default()
    };
    let mut pair = pair(faults, 0);
    pair.change_a(|it, now| it.say(now, 1, "hello"));
    pair.run_for(Duration::from_secs(1));
    let events: Vec<_> = pair.events(Side::A).cloned().collect();
    let returned = Event::Returned {
        key: 1,
        text: "hello".to_owned(),
    };
    assert_eq!(events, [Event::Silent, returned]);
    // A knock, and one more.
    assert_eq!(pair.sent(Side::A).count(), 2);
}

#[test]
fn an_answer_that_comes_late_is_an_answer_all_the_same() {
    let faults = Faults {
        latency: KNOCK_TIME,
        ..Faults::default()
    };
    let mut pair = pair(faults, 0);
    pair.change_a(|it, now| it.say(now, 1, "too early"));
    pair.run_for(Duration::from_secs(1));
    let silent = pair
        .events(Side::A)
        .position(|event| *event == Event::Silent);
    let met = |event: &Event| matches!(event, Event::Met { id: 2, .. });
    assert!(silent < pair.events(Side::A).position(met));
    assert_eq!(numbers(&pair, Side::A, given_up), [1]);
    pair.change_a(|it, now| it.say(now, 2, "to a Sockpit"));
    pair.change_b(|it, now| it.say(now, 3, "from a Sockpit"));
    pair.run_for(Duration::from_secs(5));
    assert_eq!(heard(&pair, Side::B), ["to a Sockpit"]);
    assert_eq!(heard(&pair, Side::A), ["from a Sockpit"]);
}

#[test]
fn an_answer_counts_neither_after_its_time_nor_after_an_end() {
    let welcome = |from| {
        let name = "Tom";
        Packet::Welcome { from, to: 1, name }.encode()
    };
    let knocked = || {
        let mut partner = Partner::new(me(1, "Lily"), Time::ZERO);
        partner.knock(Time::ZERO);
        partner
    };
    let silent = Time::ZERO + KNOCK_TIME;
    for (after, is_taken) in [
        (Duration::ZERO, true),
        (LATE - Duration::from_millis(1), true),
        (LATE, false),
    ] {
        let mut partner = knocked();
        partner.handle_timeout(silent);
        partner.handle_input(silent + after, &welcome(2));
        assert_eq!(partner.is_known(), is_taken, "{after:?}");
    }
    // Two knocks have two answers, and the second may come after a goodbye.
    let mut partner = knocked();
    partner.handle_timeout(silent);
    partner.handle_input(silent, &welcome(2));
    partner.handle_input(silent, &Packet::Bye { from: 2, to: 1 }.encode());
    partner.handle_input(silent, &welcome(2));
    assert!(!partner.is_known(), "it has left");
    // Who was refused has nobody to answer.
    let mut partner = knocked();
    partner.handle_fault(Time::ZERO, Fault::Refused);
    partner.handle_input(Time::ZERO, &welcome(2));
    assert!(!partner.is_known(), "nobody had the port");
    // And nobody answers who never knocked.
    let mut partner = Partner::new(me(1, "Lily"), Time::ZERO);
    partner.handle_input(Time::ZERO, &welcome(2));
    assert!(!partner.is_known(), "it was not asked");
}

#[test]
fn what_a_refused_sockpit_did_not_get_is_given_back_in_order() {
    let mut pair = pair(Faults::default(), 0);
    pair.run_for(Duration::from_secs(1));
    pair.change_a(|it, now| {
        it.say(now, 1, "one");
        it.say(now, 2, "two");
        it.handle_fault(now, Fault::Refused);
        it.say(now, 3, "three");
    });
    let texts: Vec<_> = pair
        .events(Side::A)
        .filter_map(|event| match event {
            Event::Returned { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

#[test]
fn who_leaves_says_so() {
    let mut pair = pair(Faults::default(), 0);
    pair.run_for(Duration::from_secs(1));
    pair.change_a(|it, _| it.leave());
    pair.run_for(Duration::from_secs(1));
    assert!(pair.events(Side::B).any(|event| *event == Event::Left));
    assert!(!pair.b().is_known());
}

#[test]
fn b1_parts_of_many_messages_hold_one_message() {
    let mut partner = Partner::new(me(1, ""), Time::ZERO);
    let hello = Packet::Hello { from: 7, name: "" }.encode();
    partner.handle_input(Time::ZERO, &hello);
    for message in 1..2000 {
        let part = Part {
            message,
            part: 62,
            parts: 64,
            text: &[b'x'; PART_SIZE],
        };
        let say = Packet::Say {
            from: 7,
            to: 1,
            part,
        };
        partner.handle_input(Time::ZERO, &say.encode());
    }
    assert!(partner.receiving.held() <= PART_SIZE * MAX_PARTS);
}

#[test]
fn b11_no_answer_is_longer_than_what_it_answers() {
    let mut partner = Partner::new(me(1, &"n".repeat(500)), Time::ZERO);
    let text = [b'x'; 3];
    let part = Part {
        message: 1,
        part: 0,
        parts: 1,
        text: &text,
    };
    for packet in [
        Packet::Hello { from: 7, name: "" },
        Packet::Say {
            from: 7,
            to: 1,
            part,
        },
        Packet::Got {
            from: 7,
            to: 1,
            message: 9,
            parts: 1,
        },
    ] {
        let asked = packet.encode();
        partner.handle_input(Time::ZERO, &asked);
        let mut answered = 0;
        while let Output::Transmit(_) | Output::Event(_) = {
            let output = partner.poll_output();
            if let Output::Transmit(bytes) = &output {
                answered += bytes.len();
            }
            output
        } {}
        assert!(answered <= asked.len().max(34), "{packet:?}: {answered}");
    }
}

#[test]
fn a_side_port_and_its_chat_port_belong_together() {
    assert_eq!((side_of(7852), chat_of(17_852)), (17_852, 7852));
    assert_eq!((side_of(60_000), side_of(55_535)), (4465, 65_535));
    let sides: BTreeSet<u16> = (1..=u16::MAX).map(side_of).collect();
    assert_eq!(sides.len(), 65_535);
    assert!((0..=u16::MAX).all(|port| chat_of(side_of(port)) == port));
}

fn packets() -> impl Strategy<Value = Bytes> {
    let name = "[a-zé😀]{0,30}";
    (
        1u64..,
        any::<u64>(),
        1u32..,
        0u8..64,
        name,
        any::<u64>(),
        0..5,
    )
        .prop_map(|(from, to, message, last, name, parts, kind)| {
            let name = shorten(&name);
            let part = Part {
                message,
                part: last,
                parts: last + 1,
                text: name.as_bytes(),
            };
            match kind {
                0 => Packet::Hello { from, name },
                1 => Packet::Welcome { from, to, name },
                2 => Packet::Say { from, to, part },
                3 => Packet::Got {
                    from,
                    to,
                    message,
                    parts,
                },
                _ => Packet::Bye { from, to },
            }
            .encode()
        })
}

proptest! {
    #[test]
    fn a_packet_survives_being_written(bytes in packets()) {
        let read = Packet::decode(&bytes).unwrap();
        prop_assert_eq!(read.encode(), bytes);
    }

    #[test]
    fn hostile_bytes_do_no_harm(
        packets in proptest::collection::vec((packets(), any::<proptest::sample::Index>(), any::<u8>()), 0..40),
    ) {
        let mut partner = Partner::new(me(1, "x"), Time::ZERO);
        partner.knock(Time::ZERO);
        for (bytes, at, value) in packets {
            let mut bytes = bytes.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = value;
            partner.handle_input(Time::ZERO, &bytes);
            partner.handle_input(Time::ZERO, &bytes[..at]);
            for _ in 0..1000 {
                if matches!(partner.poll_output(), Output::Wait(_)) { break; }
            }
        }
    }

    #[test]
    fn what_is_no_packet_gets_no_answer(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        prop_assume!(!bytes.starts_with(b"SPCH\x01"));
        let mut partner = Partner::new(me(1, "x"), Time::ZERO);
        partner.handle_input(Time::ZERO, &bytes);
        prop_assert!(matches!(partner.poll_output(), Output::Wait(_)));
    }
}
