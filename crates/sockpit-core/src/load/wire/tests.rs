use proptest::prelude::*;

use super::*;

fn order() -> impl Strategy<Value = Order> {
    any::<(u64, u64, u64, u64)>().prop_map(|(unique, reordered, duplicates, stale)| Order {
        unique,
        reordered,
        duplicates,
        stale,
    })
}

fn counts() -> impl Strategy<Value = Counts> {
    (any::<(u64, u64, u64, u64)>(), order()).prop_map(
        |((run, messages, bytes, elapsed_ns), order)| Counts {
            run,
            messages,
            bytes,
            order,
            elapsed_ns,
        },
    )
}

fn header() -> impl Strategy<Value = Header> {
    any::<(bool, u64, u32, u64, u64)>().prop_map(|(is_counted, run, connection, number, due)| {
        Header {
            is_counted,
            run,
            connection,
            number,
            due,
        }
    })
}

#[test]
fn a_hello_stands_as_it_is_drawn() {
    let hello = Hello {
        service: Service::Sink,
        connection: 7,
        run: 0x0102,
    };
    let expected = [
        0xa9, b'S', b'p', b'L', 1, 1, 0, 16, 2, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1, 2,
    ];
    assert_eq!(hello.encode(), expected);
    for len in 0..HELLO {
        assert_eq!(
            Hello::find(&expected[..len]),
            First::Incomplete,
            "{len} bytes"
        );
    }
    assert_eq!(Hello::find(&expected), First::Hello(hello));
}

#[test]
fn what_begins_otherwise_is_no_hello() {
    for other in [
        &b"GET / HTTP/1.1"[..],
        b"\xa9",
        b"\xa9SpL\x02",
        b"\xa9SpL\x01\x02\x00\x10",
    ] {
        let expected = match other {
            b"\xa9" => First::Incomplete,
            _ => First::Other,
        };
        assert_eq!(Hello::find(other), expected, "{other:?}");
    }
    let mut unknown = Hello {
        service: Service::Sink,
        connection: 0,
        run: 0,
    }
    .encode();
    unknown[8] = 9;
    assert_eq!(Hello::find(&unknown), First::Other);
}

#[test]
fn an_ask_is_as_long_as_its_answer() {
    assert_eq!(ask(1).len(), Counts::default().encode().len());
    assert_eq!(Datagram::of(&ask(77)), Datagram::Ask(77));
    assert_eq!(Datagram::of(&ask(77)[..20]), Datagram::Other);
}

#[test]
fn a_length_that_is_not_true_makes_it_none_of_ours() {
    let mut counts = Counts::default().encode();
    counts[7] = 200;
    assert_eq!(Counts::decode(&counts), None);
    counts[7] = 64;
    assert_eq!(Counts::decode(&counts), Some(Counts::default()));
    assert_eq!(Counts::decode(&[&counts[..], b"x"].concat()), None);
}

proptest! {
    #[test]
    fn a_hello_survives_being_written(is_sink: bool, connection: u32, run: u64, rest: Vec<u8>) {
        let service = if is_sink { Service::Sink } else { Service::Echo };
        let hello = Hello { service, connection, run };
        let bytes = [&hello.encode()[..], &rest].concat();
        prop_assert_eq!(Hello::find(&bytes), First::Hello(hello));
    }

    #[test]
    fn counts_survive_being_written(counts in counts()) {
        prop_assert_eq!(Counts::decode(&counts.encode()), Some(counts));
    }

    #[test]
    fn a_header_survives_being_written(header in header(), len in DATAGRAM_HEADER..2000, number: u64, due: u64) {
        let mut datagram = vec![b'x'; len];
        header.write(&mut datagram);
        prop_assert_eq!(Datagram::of(&datagram), Datagram::Numbered(header));
        Header::renumber(&mut datagram, number, due);
        let renumbered = Header { number, due, ..header };
        prop_assert_eq!(Datagram::of(&datagram), Datagram::Numbered(renumbered));
        Header::make_answer(&mut datagram);
        let answer = Header { is_counted: false, ..renumbered };
        prop_assert_eq!(Datagram::of(&datagram), Datagram::Answer(answer));
    }

    #[test]
    fn nothing_that_comes_makes_it_panic(bytes: Vec<u8>, kind in 0..8_u8, cut in 0..100_usize) {
        let mut ours = Counts::default().encode().to_vec();
        ours[5] = kind;
        ours.truncate(cut);
        ours.extend_from_slice(&bytes);
        for bytes in [&bytes, &ours] {
            let _ = Hello::find(bytes);
            let _ = Counts::decode(bytes);
            let _ = Datagram::of(bytes);
            let mut short = bytes.clone();
            Header { is_counted: true, run: 0, connection: 0, number: 0, due: 0 }.write(&mut short);
            Header::renumber(&mut short, 1, 2);
            prop_assert_eq!(short.len(), bytes.len());
        }
    }
}
