use proptest::prelude::*;

use super::*;
use crate::sim::{Faults, Pair, Side};

fn lily() -> Announcement {
    Announcement {
        id: 7,
        name: "Lily".to_owned(),
        port: 7853,
        is_here: true,
    }
}

fn at(secs: u64) -> Time {
    Time::ZERO + Duration::from_secs(secs)
}

#[test]
fn an_announcement_is_a_line_of_json() {
    let json = br#"{"sockpit":"chat","v":1,"id":"0000000000000007","name":"Lily","port":7853,"state":"here"}"#;
    assert_eq!(lily().encode(), json.as_slice());
    assert_eq!(Announcement::decode(json), Some(lily()));
}

#[test]
fn what_is_none_is_ignored() {
    for bytes in [
        "",
        "hello",
        "[]",
        r#"{"alias":"Nice Orange","version":"2.0","port":53317}"#,
        r#"{"sockpit":"chat","v":2,"id":"7","port":7853,"state":"here"}"#,
        r#"{"sockpit":"chat","v":1,"id":"0","port":7853,"state":"here"}"#,
        r#"{"sockpit":"chat","v":1,"id":"7","port":0,"state":"here"}"#,
        r#"{"sockpit":"chat","v":1,"id":"7","port":70000,"state":"here"}"#,
    ] {
        assert_eq!(Announcement::decode(bytes.as_bytes()), None, "{bytes}");
    }
    let long = Announcement {
        name: "n".repeat(MAX_NAME + 1),
        ..lily()
    };
    assert_eq!(
        Announcement::decode(&long.encode()).unwrap().name.len(),
        MAX_NAME
    );
}

#[test]
fn one_who_is_silent_for_fifteen_seconds_is_gone() {
    let mut neighbours = Neighbours::default();
    let from = "192.0.2.1:17850".parse().unwrap();
    let Some(Change::Came(came)) = neighbours.hear(at(0), 1, from, &lily()) else {
        panic!("nobody came");
    };
    assert_eq!(came.addr, "192.0.2.1:7853".parse().unwrap());
    assert_eq!(neighbours.hear(at(5), 1, from, &lily()), None);
    assert!(neighbours.expire(at(19)).is_empty());
    assert_eq!(neighbours.expire(at(20)).len(), 1);
    assert_eq!(neighbours.iter().count(), 0);
}

#[test]
fn ones_own_voice_is_nobody_else() {
    let mut neighbours = Neighbours::default();
    let from = "192.0.2.1:17850".parse().unwrap();
    assert_eq!(neighbours.hear(at(0), 7, from, &lily()), None);
}

#[test]
fn a_goodbye_and_another_name_are_news() {
    let mut neighbours = Neighbours::default();
    let from = "192.0.2.1:17850".parse().unwrap();
    neighbours.hear(at(0), 1, from, &lily());
    let renamed = Announcement {
        name: "莉莉".to_owned(),
        ..lily()
    };
    assert!(matches!(
        neighbours.hear(at(1), 1, from, &renamed),
        Some(Change::Changed(_))
    ));
    let gone = Announcement {
        is_here: false,
        ..lily()
    };
    assert!(matches!(
        neighbours.hear(at(2), 1, from, &gone),
        Some(Change::Went(_))
    ));
    assert_eq!(neighbours.hear(at(3), 1, from, &gone), None);
}

#[test]
fn b3_no_more_than_a_thousand_are_remembered() {
    let mut neighbours = Neighbours::default();
    let from = "192.0.2.1:17850".parse().unwrap();
    for id in 1..3000 {
        neighbours.hear(at(0), 0, from, &Announcement { id, ..lily() });
    }
    assert_eq!(neighbours.iter().count(), MAX_NEIGHBOURS);
}

#[test]
fn an_announcement_comes_every_five_seconds_until_the_goodbye() {
    let (one, other) = (Crier::new(Time::ZERO), Crier::new(Time::ZERO));
    let mut pair = Pair::new(one, other, Faults::default(), 0);
    pair.change_a(|it, now| it.cry(now, lily()));
    pair.run_for(Duration::from_secs(21));
    assert_eq!(pair.events(Side::B).count(), 5);
    let gone = Announcement {
        is_here: false,
        ..lily()
    };
    pair.change_a(|it, now| it.cry(now, gone));
    pair.run_for(Duration::from_secs(50));
    assert_eq!(pair.events(Side::B).count(), 6);
}

#[test]
fn the_broadcast_address_is_the_last_of_a_network() {
    let of =
        |addr: &str, prefix| broadcast_of(addr.parse().unwrap(), prefix).map(|it| it.to_string());
    assert_eq!(of("127.0.0.1", 8).as_deref(), Some("127.255.255.255"));
    assert_eq!(of("192.168.1.7", 24).as_deref(), Some("192.168.1.255"));
    assert_eq!(of("10.0.0.1", 0).as_deref(), Some("255.255.255.255"));
    assert_eq!(of("10.0.0.1", 32), None);
    assert_eq!(of("fe80::1", 64), None);
}

proptest! {
    #[test]
    fn an_announcement_survives_being_written(id in 1u64.., name in ".{0,20}", port in 1u16.., is_here: bool) {
        let name = super::super::partner::shorten(&name).to_owned();
        let said = Announcement { id, name, port, is_here };
        let bytes = said.encode();
        // Control characters take six bytes each.
        prop_assume!(bytes.len() <= MAX_LEN);
        prop_assert_eq!(Announcement::decode(&bytes), Some(said));
    }

    #[test]
    fn hostile_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut crier = Crier::new(Time::ZERO);
        crier.handle_input(Time::ZERO, &bytes);
        while !matches!(crier.poll_output(), Output::Wait(_)) {}
    }
}
