//! What a decoder holds, how much it works, and when it gives up.

use std::time::Duration;

use super::{BUSY_CAPACITY, Decoder, FrameError, IDLE_CAPACITY};
use crate::frame::Framing;
use crate::time::Time;

const MIB: usize = 1 << 20;

/// B1: what a header claims is not what is kept for it.
#[test]
fn a_declared_length_never_allocates() {
    for (framing, header, declared) in [
        ("len:u32be", &[0x80, 0, 0, 0][..], 1 << 31),
        ("len:u32be", &[0xFF, 0xFF, 0xFF, 0xFF], (1 << 32) - 1),
        ("len:u32le", &[0, 0, 0, 0x80], 1 << 31),
        ("len:u32le,adjust=1", &[0xFF, 0xFF, 0xFF, 0xFF], 1 << 32),
        (
            "len:varint",
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
            1 << 63,
        ),
        (
            "len:varint,adjust=9,keep",
            &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
            u64::MAX,
        ),
    ] {
        let stream = [header, b"0123456789"].concat();
        let too_long = FrameError::TooLong {
            offset: 0,
            limit: 16 * MIB,
            declared: Some(declared),
        };
        let mut strict = decoder(framing, 16 * MIB);
        assert_eq!(feed(&mut strict, &stream).1, Err(too_long), "{framing}");
        assert_eq!(strict.pending(), header.len(), "{framing}");

        let mut generous = decoder(framing, usize::MAX);
        let _ = feed(&mut generous, &stream);
        assert!(generous.buffer.capacity() < 1024, "{framing}");
    }
}

/// B1: an endless line is refused once it outgrows the limit.
#[test]
fn a_message_without_an_end_is_held_up_to_the_limit() {
    for framing in [
        "lines",
        "delim:END",
        "fixed:100000",
        "slip",
        "cobs",
        "gap:1s",
    ] {
        let mut decoder = decoder(framing, 1000);
        let error = (0..300).find_map(|_| feed(&mut decoder, b"0123456789").1.err());
        let too_long = FrameError::TooLong {
            offset: 0,
            limit: 1000,
            declared: None,
        };
        assert_eq!(error, Some(too_long), "{framing}");
        assert_eq!(decoder.pending(), 1000, "{framing}");
        assert!(decoder.buffer.capacity() <= 4096, "{framing}");
    }
}

/// B2: a long message that comes byte after byte is not searched again for each. Work that grew with
/// the square of its length would keep this test busy for minutes.
#[test]
fn byte_after_byte_costs_as_much_as_the_bytes() {
    let near_miss = format!("delim:{}b", "a".repeat(499));
    for framing in [
        "lines",
        "delim:\\r\\n",
        &near_miss,
        "fixed:1048576",
        "len:u32be",
        "len:varint,keep",
        "slip",
        "cobs",
    ] {
        let framing: Framing = framing.parse().unwrap();
        let payload = vec![b'a'; MIB];
        let mut stream = Vec::new();
        if framing.encode(&payload, &mut stream).is_err() {
            // With `keep` the payload brings its header.
            stream = [&[0x80, 0x80, 0x40][..], &payload].concat();
        }
        let mut decoder = framing.decoder(2 * MIB);
        let mut whole = 0;
        for byte in stream.chunks(1) {
            decoder
                .push(Time::ZERO, byte, |frame| whole += frame.payload.len())
                .unwrap();
        }
        assert!(whole >= MIB, "{framing}");
        assert_eq!(decoder.pending(), 0, "{framing}");
    }
}

#[test]
fn a_message_inside_a_chunk_is_not_copied() {
    for framing in [
        "raw",
        "lines",
        "delim:;",
        "fixed:5",
        "len:u8",
        "len:varint,offset=3",
        "slip",
        "cobs",
    ] {
        let framing: Framing = framing.parse().unwrap();
        let mut chunk = Vec::new();
        framing.encode(b"hello", &mut chunk).unwrap();
        let mut decoder = framing.decoder(100);
        let mut seen = 0;
        let lent = |payload: &[u8]| chunk.as_ptr_range().contains(&payload.as_ptr());
        decoder
            .push(Time::ZERO, &chunk, |frame| {
                seen += usize::from(lent(frame.payload));
            })
            .unwrap();
        assert_eq!(seen, 1, "{framing}");
        assert_eq!(decoder.buffer.capacity(), 0, "{framing}");
    }
}

#[test]
fn a_long_message_leaves_no_memory_behind() {
    for framing in ["lines", "len:u32be", "slip", "cobs"] {
        let framing: Framing = framing.parse().unwrap();
        let mut stream = Vec::new();
        framing.encode(&[0xDB; MIB], &mut stream).unwrap();
        let mut decoder = framing.decoder(MIB);
        let (head, tail) = stream.split_at(10);
        assert_eq!(feed(&mut decoder, head), (0, Ok(())), "{framing}");
        assert_eq!(feed(&mut decoder, tail), (1, Ok(())), "{framing}");
        assert!(decoder.buffer.capacity() <= IDLE_CAPACITY, "{framing}");
        assert!(decoder.scratch.capacity() <= IDLE_CAPACITY, "{framing}");

        // Nor does it when the beginning of another message is under way.
        feed(&mut decoder, head).1.unwrap();
        feed(&mut decoder, &[tail, head].concat()).1.unwrap();
        assert_eq!(
            decoder.pending(),
            10 - usize::from(framing == Framing::Slip),
            "{framing}"
        );
        assert!(decoder.buffer.capacity() <= BUSY_CAPACITY, "{framing}");
    }
}

#[test]
fn the_limit_counts_the_payload_and_nothing_else() {
    for (framing, payload) in [
        ("lines", &b"12345"[..]),
        (r"delim:\r\n\0", b"1234\r"),
        ("fixed:5", b"12345"),
        ("len:u8", b"12345"),
        ("len:u32be,offset=9", b"12345"),
        ("len:u8,keep", b"\x041234"),
        ("slip", &[0xDB; 5]),
        ("cobs", &[7; 508]),
        ("cobs", &[0; 508]),
        ("gap:1s", b"12345"),
    ] {
        let framing: Framing = framing.parse().unwrap();
        let mut stream = Vec::new();
        framing.encode(payload, &mut stream).unwrap();
        for size in [1, stream.len()] {
            let chunks = || stream.chunks(size);
            let mut exact = framing.decoder(payload.len());
            assert!(
                chunks().all(|chunk| feed(&mut exact, chunk).1.is_ok()),
                "{framing}"
            );
            let limit = payload.len() - 1;
            let mut short = framing.decoder(limit);
            let error = chunks().find_map(|chunk| feed(&mut short, chunk).1.err());
            let declared = framing
                .to_string()
                .starts_with("len")
                .then_some(payload.len() as u64);
            let too_long = FrameError::TooLong {
                offset: 0,
                limit,
                declared,
            };
            assert_eq!(error, Some(too_long), "{framing}");
        }
    }
}

#[test]
fn a_carriage_return_before_a_line_break_is_not_counted() {
    let mut decoder = decoder("lines", 5);
    assert_eq!(feed(&mut decoder, b"12345\r"), (0, Ok(())));
    assert_eq!(feed(&mut decoder, b"\n12345\r\n"), (2, Ok(())));
}

#[test]
fn a_raw_chunk_may_be_of_any_length() {
    assert_eq!(feed(&mut decoder("raw", 3), b"12345"), (1, Ok(())));
    assert_eq!(feed(&mut Decoder::default(), b""), (1, Ok(())));
}

/// A3: over the limit there is an error, and what came before it was given.
#[test]
fn messages_before_an_error_are_given_and_the_rest_is_partial() {
    let mut decoder = decoder("lines", 5);
    let too_long = FrameError::TooLong {
        offset: 6,
        limit: 5,
        declared: None,
    };
    assert_eq!(
        feed(&mut decoder, b"hello\nworlds\nbye\n"),
        (1, Err(too_long))
    );
    assert_eq!(feed(&mut decoder, b"more\n"), (0, Err(too_long)));
    assert_eq!(feed(&mut decoder, b""), (0, Err(too_long)));
    assert_eq!(decoder.pending(), 5);

    let mut rest = Vec::new();
    decoder.finish(|frame| rest.push((frame.payload.to_vec(), frame.offset, frame.is_partial)));
    assert_eq!(rest, [(b"world".to_vec(), 6, true)]);
}

#[test]
fn finish_begins_anew_and_offsets_go_on() {
    let mut decoder = decoder("len:u8", 5);
    let mut heard = Vec::new();
    for datagram in [&b"\x02hi\x03a"[..], b"\x09", b"\x01x", b"", b"\x00"] {
        let _ = decoder.push(Time::ZERO, datagram, |frame| {
            heard.push((frame.payload.to_vec(), frame.offset, frame.is_partial));
        });
        decoder.finish(|frame| {
            heard.push((frame.payload.to_vec(), frame.offset, frame.is_partial));
        });
    }
    let expected: [(&[u8], u64, bool); 5] = [
        (b"hi", 0, false),
        (b"a", 3, true),
        (b"\x09", 5, true),
        (b"x", 6, false),
        (b"", 8, false),
    ];
    assert_eq!(
        heard,
        expected.map(|(payload, at, partial)| (payload.to_vec(), at, partial))
    );
}

#[test]
fn a_header_that_makes_no_sense_is_an_error_with_the_way_out() {
    for (framing, stream, message) in [
        (
            "len:u16be,adjust=-4",
            &b"\x00\x07abc\x00\x03"[..],
            "the header at offset 5 declares 3 bytes, which `adjust=-4` makes fewer than none; \
             check `adjust` and the length field",
        ),
        (
            "len:varint,offset=1",
            b"_\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
            "the header at offset 0 has no varint: it does not end within ten bytes and 64 bits; \
             check the length field",
        ),
        (
            "len:varint",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            "the header at offset 0 has no varint: it does not end within ten bytes and 64 bits; \
             check the length field",
        ),
        (
            "len:u32be",
            b"GET / HTTP/1.1",
            "the message at offset 0 declares 1195725856 bytes, which is more than the limit of \
             64KiB; check the framing, or raise `--max-frame`",
        ),
        (
            "lines",
            &[b'_'; 70_000],
            "the message at offset 0 is longer than the limit of 64KiB; check the framing, or \
             raise `--max-frame`",
        ),
    ] {
        let error = feed(&mut decoder(framing, 64 * 1024), stream)
            .1
            .expect_err(framing);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn silence_ends_a_message() {
    let at = |millis: u64| Time::ZERO + Duration::from_millis(millis);
    let mut decoder = decoder("gap:20ms", 100);
    let mut heard = Vec::new();
    let mut hear = |payload: &[u8], offset| heard.push((payload.to_vec(), offset));
    assert_eq!(decoder.deadline(), None);

    decoder
        .push(at(0), b"he", |frame| hear(frame.payload, frame.offset))
        .unwrap();
    assert_eq!(decoder.deadline(), Some(at(20)));
    decoder
        .push(at(19), b"llo", |frame| hear(frame.payload, frame.offset))
        .unwrap();
    assert_eq!((decoder.deadline(), decoder.pending()), (Some(at(39)), 5));
    decoder
        .push(at(30), b"", |frame| hear(frame.payload, frame.offset))
        .unwrap();
    assert_eq!(decoder.deadline(), Some(at(39)));

    // Too early is no time at all.
    decoder.timeout(at(38), |frame| hear(frame.payload, frame.offset));
    assert_eq!(decoder.pending(), 5);
    decoder.timeout(at(39), |frame| hear(frame.payload, frame.offset));
    assert_eq!((decoder.deadline(), decoder.pending()), (None, 0));

    // A late wake-up does not join what silence parted.
    decoder
        .push(at(100), b"wor", |frame| hear(frame.payload, frame.offset))
        .unwrap();
    decoder
        .push(at(120), b"ld", |frame| hear(frame.payload, frame.offset))
        .unwrap();
    decoder.finish(|frame| {
        assert!(!frame.is_partial);
        hear(frame.payload, frame.offset);
    });
    assert_eq!(decoder.deadline(), None);
    assert_eq!(
        heard,
        [
            (b"hello".to_vec(), 0),
            (b"wor".to_vec(), 5),
            (b"ld".to_vec(), 8)
        ]
    );
}

#[test]
fn an_endless_burst_is_refused_after_the_message_before_it() {
    let at = |millis: u64| Time::ZERO + Duration::from_millis(millis);
    let mut decoder = decoder("gap:20ms", 4);
    let mut heard = Vec::new();
    decoder.push(at(0), b"ab", |_| ()).unwrap();
    let error = decoder.push(at(20), b"12345", |frame| heard.push(frame.payload.to_vec()));
    assert_eq!(heard, [b"ab"]);
    assert_eq!(
        error,
        Err(FrameError::TooLong {
            offset: 2,
            limit: 4,
            declared: None
        })
    );
    assert_eq!(decoder.deadline(), None);
    decoder.finish(|frame| assert!(frame.is_partial && frame.payload == b"1234"));
}

fn decoder(framing: &str, limit: usize) -> Decoder {
    framing.parse::<Framing>().unwrap().decoder(limit)
}

/// Counts the messages of a chunk.
fn feed(decoder: &mut Decoder, chunk: &[u8]) -> (usize, Result<(), FrameError>) {
    let mut count = 0;
    let result = decoder.push(Time::ZERO, chunk, |_| count += 1);
    (count, result)
}
