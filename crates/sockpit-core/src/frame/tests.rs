//! Laws of all framings, and what each makes of given bytes.

use proptest::prelude::*;

use super::{EncodeError, FrameError, Framing};
use crate::time::Time;

mod written;

/// Every framing whose frames depend on the bytes alone: all but `raw` and `gap`.
const FRAMINGS: [&str; 22] = [
    "lines",
    "delim:;",
    "delim:hex:0D0A",
    "delim:aa",
    "delim:aab",
    "delim:abab",
    "delim:abaab",
    "fixed:1",
    "fixed:3",
    "len:u8",
    "len:u8,adjust=-2,keep",
    "len:u16be",
    "len:u16le,offset=1",
    "len:u16be,offset=2,adjust=1,keep",
    "len:u32be,adjust=-4",
    "len:u32le",
    "len:u32le,keep",
    "len:varint",
    "len:varint,offset=2,adjust=1",
    "len:varint,keep",
    "slip",
    "cobs",
];

/// Bytes that mean something to some framing.
const TELLING: &[u8] = b"\n\r;ab\x00\x01\x02\x03\x05\x80\xC0\xDB\xDC\xDD\xFF";

/// Checks what a framing makes of chunks: whole messages, and what is left at the end.
#[track_caller]
fn check(framing: &str, chunks: &[&[u8]], expected: &[&[u8]], rest: Option<&[u8]>) {
    let framing: Framing = framing.parse().unwrap();
    let outcome = decode(&framing, chunks.iter().copied(), 1000);
    let (partial, whole): (Vec<_>, Vec<_>) =
        outcome.frames.iter().partition(|frame| frame.is_partial);
    let whole: Vec<_> = whole.iter().map(|frame| frame.payload.as_slice()).collect();
    assert_eq!(whole, expected, "{framing}");
    let partial: Vec<_> = partial
        .iter()
        .map(|frame| frame.payload.as_slice())
        .collect();
    assert_eq!(partial, rest.into_iter().collect::<Vec<_>>(), "{framing}");
    assert_eq!(outcome.error, None, "{framing}");
}

#[test]
fn lines_are_joined_and_parted() {
    check(
        "lines",
        &[b"he", b"llo\nworld\n"],
        &[b"hello", b"world"],
        None,
    );
    check(
        "lines",
        &[b"a\r", b"\nb\r\n\n\rc\n"],
        &[b"a", b"b", b"", b"\rc"],
        None,
    );
    check("lines", &[b"a\r\r\n"], &[b"a\r"], None);
    check("lines", &[b"a\nrest"], &[b"a"], Some(b"rest"));
    check("lines", &[b"rest\r"], &[], Some(b"rest\r"));
    check("lines", &[b"", b""], &[], None);
}

#[test]
fn a_delimiter_split_across_chunks_is_joined() {
    check(
        r"delim:\r\n",
        &[b"a\r", b"\nb", b"\r\n"],
        &[b"a", b"b"],
        None,
    );
    check(r"delim:\r\n", &[b"a\r", b"b\n\r\r\n"], &[b"a\rb\n\r"], None);
    check(
        "delim:aab",
        &[b"xa", b"a", b"a", b"b", b"aab"],
        &[b"xa", b""],
        None,
    );
    check("delim:aa", &[b"xaaa"], &[b"x"], Some(b"a"));
    check(
        "delim:END",
        &[b"one", b"ENDtwoEN"],
        &[b"one"],
        Some(b"twoEN"),
    );
}

#[test]
fn fixed_lengths_are_counted() {
    check(
        "fixed:3",
        &[b"ab", b"cdef", b"g"],
        &[b"abc", b"def"],
        Some(b"g"),
    );
}

#[test]
fn lengths_are_read_in_every_field() {
    check("len:u8", &[b"\x02hi\x00\x01"], &[b"hi", b""], Some(b"\x01"));
    check(
        "len:u16be",
        &[b"\x00", b"\x02h", b"i\x00"],
        &[b"hi"],
        Some(b"\x00"),
    );
    check(
        "len:u16le",
        &[b"\x02\x00hi\x05\x00hell"],
        &[b"hi"],
        Some(b"hell"),
    );
    check("len:u32be", &[b"\x00\x00\x00\x02hi"], &[b"hi"], None);
    check("len:u32le", &[b"\x02\x00\x00\x00hi"], &[b"hi"], None);
    check(
        "len:varint",
        &[b"\x02hi\x82\x00hi\x82\x80\x80\x00hi"],
        &[b"hi", b"hi", b"hi"],
        None,
    );
    let long = [&b"\xac\x02"[..], &[b'x'; 300]].concat();
    check("len:varint", &[&long], &[&long[2..]], None);
}

#[test]
fn lengths_are_adjusted_and_headers_kept() {
    check(
        "len:u16be,adjust=-2",
        &[b"\x00\x07hello\x00\x02"],
        &[b"hello", b""],
        None,
    );
    let message = b"\xaa\x01\x05hello\x3f";
    check(
        "len:u8,offset=2,adjust=1",
        &[message],
        &[b"hello\x3f"],
        None,
    );
    check(
        "len:u8,offset=2,adjust=1,keep",
        &[message, b"\xaa"],
        &[message],
        Some(b"\xaa"),
    );
    check("len:u8,keep", &[b"\x00\x03ab"], &[b"\x00"], Some(b"\x03ab"));
}

#[test]
fn slip_messages_are_unescaped() {
    check("slip", &[b"\xc0hello\xc0"], &[b"hello"], None);
    check(
        "slip",
        &[b"hello\xc0world\xc0"],
        &[b"hello", b"world"],
        None,
    );
    check(
        "slip",
        &[b"\xc0\xc0\xc0a\xc0\xc0b\xc0\xc0"],
        &[b"a", b"b"],
        None,
    );
    check(
        "slip",
        &[b"\xc0a\xdb", b"\xdcb\xdb\xddc\xc0"],
        &[b"a\xc0b\xdbc"],
        None,
    );
    check("slip", &[b"a\xdb\xdcb\xdb"], &[], Some(b"a\xc0b"));
    check("slip", &[b"\xdb"], &[], Some(b"\xdb"));
    check("slip", &[b"a\xdb\xdb"], &[], Some(b"a\xdb\xdb"));
}

#[test]
fn cobs_messages_are_unstuffed() {
    check("cobs", &[b"\x06hello\x00\x01\x00"], &[b"hello", b""], None);
    check(
        "cobs",
        &[b"\x00\x00\x03\x11", b"\x22\x02\x33\x00"],
        &[b"\x11\x22\x00\x33"],
        None,
    );
    check("cobs", &[b"\x01\x01\x01\x00"], &[b"\x00\x00"], None);
    check(
        "cobs",
        &[b"\x03\x11\x22\x05\x33"],
        &[],
        Some(b"\x11\x22\x00\x33"),
    );
    check("cobs", &[b"\x05"], &[], Some(b"\x05"));
    let full = [&b"\xff"[..], &[7; 254], b"\x00"].concat();
    check("cobs", &[&full], &[&[7; 254]], None);
    let closed = [&b"\xff"[..], &[7; 254], b"\x01\x00"].concat();
    check("cobs", &[&closed], &[&[7; 254]], None);
}

#[test]
fn a_malformed_message_is_given_as_it_is_and_the_next_is_found() {
    for (framing, stream, malformed) in [
        ("slip", &b"\xc0a\xdbb\xc0\xc0ok\xc0"[..], &b"a\xdbb"[..]),
        ("slip", b"\xc0a\xdb\xc0\xc0ok\xc0", b"a\xdb"),
        ("cobs", b"\x05abc\x00\x03ok\x00", b"\x05abc"),
        ("cobs", b"\x02a\xffb\x00\x03ok\x00", b"\x02a\xffb"),
    ] {
        let frames = decode(&framing.parse().unwrap(), [stream], 1000).frames;
        let said: Vec<_> = frames
            .iter()
            .map(|frame| (frame.payload.as_slice(), frame.is_malformed))
            .collect();
        assert_eq!(said, [(malformed, true), (b"ok", false)], "{framing}");
    }
}

#[test]
fn an_offset_and_a_length_cover_header_and_delimiter() {
    for (framing, stream, places) in [
        ("lines", &b"ab\r\n\nc"[..], &[(0, 4), (4, 1), (5, 1)][..]),
        (
            "len:u16be,offset=1",
            b"_\x00\x01a_\x00\x02",
            &[(0, 4), (4, 3)],
        ),
        // The `END` before a message is its own, unless it ended the message before.
        (
            "slip",
            b"\xc0a\xc0\xc0b\xc0c\xc0",
            &[(0, 3), (3, 3), (6, 2)],
        ),
        ("slip", b"\xc0\xc0\xc0a\xc0\xc0\xc0b", &[(2, 3), (6, 2)]),
        ("cobs", b"\x00\x02a\x00\x00\x02b", &[(1, 3), (5, 2)]),
    ] {
        let frames = decode(&framing.parse().unwrap(), [stream], 1000).frames;
        let found: Vec<_> = frames
            .iter()
            .map(|frame| (frame.offset, frame.wire_len))
            .collect();
        assert_eq!(found, places, "{framing}");
    }
}

/// Invariant 3, for every cut there is of a short stream.
#[test]
fn frames_are_the_same_for_every_cut_of_a_short_stream() {
    let stream = b"a\r\n\x01;\xc0\xdb\xdc\x00aab";
    for framing in FRAMINGS {
        let framing: Framing = framing.parse().unwrap();
        let whole = decode(&framing, [&stream[..]], 6);
        for cuts in 0_u32..1 << (stream.len() - 1) {
            let places: Vec<_> = (1..stream.len())
                .filter(|at| cuts >> (at - 1) & 1 == 1)
                .collect();
            assert_eq!(
                decode(&framing, cut(stream, &places), 6),
                whole,
                "{framing} {places:?}"
            );
        }
    }
}

proptest! {
    /// Invariant 3, for bytes that may make no sense, and with the limit and the end in play.
    #[test]
    fn frames_depend_on_bytes_and_not_on_chunks(
        framing in framings(),
        stream in bytes(0..80),
        places in proptest::collection::vec(0..80_usize, 0..12),
        limit in 0..40_usize,
    ) {
        let whole = decode(&framing, [stream.as_slice()], limit);
        prop_assert_eq!(&decode(&framing, cut(&stream, &places), limit), &whole);
        prop_assert_eq!(&decode(&framing, stream.chunks(1), limit), &whole);
    }

    /// A3: what one side sends as messages, the other reads as the same messages.
    #[test]
    fn messages_arrive_equal_for_every_cut(
        framing in framings(),
        payloads in proptest::collection::vec(bytes(0..600), 0..6),
        places in proptest::collection::vec(0..2000_usize, 0..12),
    ) {
        let mut stream = Vec::new();
        let mut sent = Vec::new();
        for payload in payloads {
            let payload = fit(&framing, payload);
            let offset = stream.len() as u64;
            if framing.encode(&payload, &mut stream).is_ok() {
                let wire_len = stream.len() - offset as usize;
                sent.push(Heard { payload, offset, wire_len, is_partial: false, is_malformed: false });
            }
        }
        for chunks in [vec![stream.as_slice()], cut(&stream, &places), stream.chunks(1).collect()] {
            let outcome = decode(&framing, chunks, 1000);
            prop_assert_eq!(&outcome.frames, &sent);
            prop_assert_eq!(outcome.error, None);
        }
    }

    /// What a framing refuses would in fact have been read as something else.
    #[test]
    fn nothing_is_refused_without_need(payload in bytes(0..12), at in 0..FRAMINGS.len()) {
        let framing: Framing = FRAMINGS[at].parse().unwrap();
        let delimiter = match &framing {
            Framing::Lines => b"\n",
            Framing::Delimited(delimiter) => delimiter.as_ref(),
            _ => return Ok(()),
        };
        if framing.encode(&payload, &mut Vec::new()).is_err() {
            let wire = [payload.as_slice(), delimiter].concat();
            let frames = decode(&framing, [wire.as_slice()], 1000).frames;
            prop_assert!(frames.len() != 1 || frames[0].payload != payload);
        }
    }

    /// Never early and never late: a frame is there with its last byte. Nothing is lost: frames
    /// cover the stream but for fillers.
    #[test]
    fn a_frame_is_given_with_its_last_byte_and_no_byte_is_lost(
        framing in framings(),
        stream in bytes(0..80),
    ) {
        let filler = match framing {
            Framing::Slip => Some(0xC0),
            Framing::Cobs => Some(0),
            _ => None,
        };
        let mut decoder = framing.decoder(1000);
        let mut covered = 0;
        for (at, chunk) in stream.chunks(1).enumerate() {
            let mut ends = Vec::new();
            let result = decoder.push(Time::ZERO, chunk, |frame| {
                ends.push((frame.offset as usize, frame.offset as usize + frame.wire_len));
            });
            for (begin, end) in ends {
                prop_assert_eq!(end, at + 1);
                prop_assert!(stream[covered..begin].iter().all(|byte| Some(*byte) == filler));
                covered = end;
            }
            if result.is_err() {
                return Ok(());
            }
        }
        let mut rest = None;
        decoder.finish(|frame| rest = Some((frame.offset as usize, frame.wire_len)));
        let (begin, len) = rest.unwrap_or((stream.len(), 0));
        prop_assert!(stream[covered..begin].iter().all(|byte| Some(*byte) == filler));
        prop_assert_eq!(begin + len, stream.len());
    }
}

/// A frame that outlives its chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Heard {
    payload: Vec<u8>,
    offset: u64,
    wire_len: usize,
    is_partial: bool,
    is_malformed: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    frames: Vec<Heard>,
    error: Option<FrameError>,
}

/// Decodes a stream to its end, or to an error and what is left then.
fn decode<'a>(
    framing: &Framing,
    chunks: impl IntoIterator<Item = &'a [u8]>,
    limit: usize,
) -> Outcome {
    let mut frames = Vec::new();
    let mut hear = |frame: super::Frame<'_>| {
        frames.push(Heard {
            payload: frame.payload.to_vec(),
            offset: frame.offset,
            wire_len: frame.wire_len,
            is_partial: frame.is_partial,
            is_malformed: frame.is_malformed,
        });
    };
    let mut decoder = framing.decoder(limit);
    let mut error = None;
    for chunk in chunks {
        let result = decoder.push(Time::ZERO, chunk, &mut hear);
        assert!(error.is_none() || result.err() == error, "an error stays");
        error = result.err();
    }
    decoder.finish(&mut hear);
    decoder.finish(|frame| panic!("{frame:?} was given before"));
    Outcome { frames, error }
}

/// Cuts a stream at these places, as far as it has them.
fn cut<'a>(stream: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places
        .iter()
        .copied()
        .filter(|at| *at <= stream.len())
        .collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &stream[pair[0]..pair[1]])
        .collect()
}

/// Makes a payload one that the framing can carry, if its length or its header is in the way.
fn fit(framing: &Framing, mut payload: Vec<u8>) -> Vec<u8> {
    match framing {
        Framing::Fixed(len) => payload.resize(len.get(), 7),
        Framing::Length(prefix) if prefix.keep => {
            let mut whole = Vec::new();
            let bare = Framing::Length(super::LengthPrefix {
                keep: false,
                ..*prefix
            });
            if bare.encode(&payload, &mut whole).is_ok() {
                return whole;
            }
        }
        _ => {}
    }
    payload
}

fn framings() -> impl Strategy<Value = Framing> {
    proptest::sample::select(&FRAMINGS[..]).prop_map(|text| text.parse().unwrap())
}

fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => proptest::sample::select(TELLING), 1 => any::<u8>()];
    prop_oneof![
        3 => proptest::collection::vec(byte, len.clone()),
        1 => proptest::collection::vec(1_u8.., len),
    ]
}
