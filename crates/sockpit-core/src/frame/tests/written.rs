//! What is written, and what is refused because it would change on its way.

use super::*;

#[test]
fn a_message_that_would_change_on_its_way_is_refused() {
    use EncodeError::{
        CarriageReturn, Delimiter, Empty, Fixed, Header, Length, LineBreak, ShortHeader,
    };
    for (framing, payload, error) in [
        ("lines", &b"a\nb"[..], LineBreak { at: 1 }),
        ("lines", b"a\r", CarriageReturn),
        ("delim:;", b"a;b", Delimiter { at: 1 }),
        (r"delim:\r\n", b"\r\n", Delimiter { at: 0 }),
        ("delim:aa", b"xa", Delimiter { at: 1 }),
        (
            "fixed:4",
            b"abc",
            Fixed {
                len: 3,
                expected: 4,
            },
        ),
        (
            "fixed:4",
            b"",
            Fixed {
                len: 0,
                expected: 4,
            },
        ),
        ("slip", b"", Empty),
        ("gap:1s", b"", Empty),
        (
            "len:u8",
            &[0; 256],
            Length {
                len: 256,
                least: 0,
                most: 255,
            },
        ),
        (
            "len:u8,adjust=2",
            b"a",
            Length {
                len: 1,
                least: 2,
                most: 257,
            },
        ),
        (
            "len:u8,adjust=-1",
            &[0; 255],
            Length {
                len: 255,
                least: 0,
                most: 254,
            },
        ),
        ("len:u16be,offset=2,keep", b"abc", ShortHeader { len: 3 }),
        ("len:varint,keep", b"\x80\x80", ShortHeader { len: 2 }),
        (
            "len:u8,keep",
            b"\x03ab",
            Header {
                declared: 3,
                actual: 2,
            },
        ),
        (
            "len:u8,adjust=-4,keep",
            b"\x03",
            Header {
                declared: -1,
                actual: 0,
            },
        ),
    ] {
        let mut out = b"before".to_vec();
        let framing: Framing = framing.parse().unwrap();
        assert_eq!(framing.encode(payload, &mut out), Err(error), "{framing}");
        assert_eq!(out, b"before", "{framing}");
    }
}

#[test]
fn a_refusal_names_the_place_and_the_way_out() {
    for (framing, payload, message) in [
        (
            "lines",
            &b"a\nb"[..],
            "the message holds a line break at byte 1, so the peer would read more than one; send \
             the lines apart, or use a framing such as `len:u32be`",
        ),
        (
            "fixed:4",
            b"abc",
            "the message has 3 bytes, but `fixed:4` takes exactly 4",
        ),
        (
            "len:u8",
            &[0; 300],
            "the message has 300 bytes, but its length field can say 0 to 255; use a wider field, \
             or another `adjust`",
        ),
        (
            "len:u8,keep",
            b"\x03ab",
            "the header of the message declares 3 bytes after it, but 2 follow; `keep` sends the \
             header as it stands in the message",
        ),
    ] {
        let framing: Framing = framing.parse().unwrap();
        let error = framing
            .encode(payload, &mut Vec::new())
            .expect_err("refused");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn messages_are_written_as_the_formats_say() {
    for (framing, wire) in [
        ("raw", &b"hello"[..]),
        ("gap:1s", b"hello"),
        ("lines", b"hello\n"),
        (r"delim:\r\n", b"hello\r\n"),
        ("fixed:5", b"hello"),
        ("len:u8", b"\x05hello"),
        ("len:u16be", b"\x00\x05hello"),
        ("len:u16le", b"\x05\x00hello"),
        ("len:u32be", b"\x00\x00\x00\x05hello"),
        ("len:u32le", b"\x05\x00\x00\x00hello"),
        ("len:varint", b"\x05hello"),
        ("len:u16be,adjust=-2", b"\x00\x07hello"),
        ("len:u8,offset=2,adjust=1", b"\x00\x00\x04hello"),
        ("slip", b"\xc0hello\xc0"),
        ("cobs", b"\x06hello\x00"),
    ] {
        let mut out = Vec::new();
        let framing: Framing = framing.parse().unwrap();
        framing.encode(b"hello", &mut out).unwrap();
        assert_eq!(out, wire, "{framing}");
    }
    let mut out = Vec::new();
    Framing::Slip.encode(b"\xc0\xdb", &mut out).unwrap();
    Framing::Cobs.encode(b"", &mut out).unwrap();
    "len:varint"
        .parse::<Framing>()
        .unwrap()
        .encode(&[1; 200], &mut out)
        .unwrap();
    assert_eq!(out[..10], *b"\xc0\xdb\xdc\xdb\xdd\xc0\x01\x00\xc8\x01");
}

#[test]
fn cobs_agrees_with_another_implementation_around_full_blocks() {
    for len in [0, 1, 2, 253, 254, 255, 256, 507, 508, 509, 762, 763] {
        for zero_at in [None, Some(0), Some(253), Some(254), Some(255), Some(len)] {
            let mut payload: Vec<u8> = (0..len).map(|at| (at % 255) as u8 + 1).collect();
            if let Some(byte) = zero_at.and_then(|at| payload.get_mut(at)) {
                *byte = 0;
            }
            let mut wire = Vec::new();
            Framing::Cobs.encode(&payload, &mut wire).unwrap();
            let mut decoded = vec![0; wire.len()];
            let report = cobs::decode(&wire, &mut decoded).unwrap();
            assert_eq!(decoded[..report.frame_size()], payload);
            let outcome = decode(&Framing::Cobs, wire.chunks(100), len);
            assert_eq!((outcome.frames.len(), outcome.error), (1, None), "{len}");
            assert_eq!(outcome.frames[0].payload, payload);
        }
    }
}
