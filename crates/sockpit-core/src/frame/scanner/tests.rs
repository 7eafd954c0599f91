use proptest::prelude::*;

use super::*;
use crate::frame::Framing;

const FRAMINGS: [&str; 16] = [
    "raw",
    "lines",
    "delim:;",
    "delim:hex:0D0A",
    "delim:abaab",
    "fixed:1",
    "fixed:3",
    "len:u8",
    "len:u8,adjust=-2,keep",
    "len:u16be,offset=2,adjust=1,keep",
    "len:u32le",
    "len:varint,offset=2,adjust=1",
    "len:varint,keep",
    "slip",
    "cobs",
    "gap:20ms",
];

/// Bytes that mean something to some framing.
const TELLING: &[u8] = b"\n\r;ab\x00\x01\x02\x03\x05\x80\xC0\xDB\xDC\xDD\xFF";

/// What the decoder or the scanner said: payload, place, length, partial, malformed.
type Heard = (Vec<u8>, u64, usize, bool, bool);

fn said_by_decoder(framing: &Framing, chunks: &[&[u8]], limit: usize) -> (Vec<Heard>, Vec<bool>) {
    let mut heard = Vec::new();
    let mut take = |frame: crate::frame::Frame<'_>| {
        heard.push((
            frame.payload.to_vec(),
            frame.offset,
            frame.wire_len,
            frame.is_partial,
            frame.is_malformed,
        ));
    };
    let mut decoder = framing.decoder(limit);
    let mut errors = Vec::new();
    for (index, chunk) in (0..).zip(chunks) {
        errors.push(decoder.push(at(index), chunk, &mut take).is_err());
    }
    decoder.finish(&mut take);
    (heard, errors)
}

fn said_by_scanner(
    framing: &Framing,
    chunks: &[&[u8]],
    limit: usize,
) -> Result<(Vec<Heard>, Vec<bool>), TestCaseError> {
    let stream = chunks.concat();
    let mut spans = Vec::new();
    let mut scanner = Scanner::new(framing, limit);
    let mut errors = Vec::new();
    for (index, chunk) in (0..).zip(chunks) {
        let result = scanner.push(at(index), chunk, |span| spans.push(span));
        errors.push(result.is_err());
        let told = spans.last().map_or(0, |span: &Span| span.offset);
        prop_assert!(scanner.place() >= told);
    }
    scanner.finish(|span| spans.push(span));
    let mut heard = Vec::new();
    for span in spans {
        let start = usize::try_from(span.offset).unwrap();
        let wire = &stream[start..start + span.wire_len];
        let mut payload = Vec::new();
        if span.is_stuffed {
            framing.unstuff(&wire[span.head..], span.is_partial, &mut payload);
        } else {
            payload.extend_from_slice(&wire[span.head..span.head + span.len]);
        }
        prop_assert_eq!(payload.len(), span.len, "{:?}", span);
        heard.push((
            payload,
            span.offset,
            span.wire_len,
            span.is_partial,
            span.is_malformed,
        ));
    }
    Ok((heard, errors))
}

/// Every third chunk comes after a silence.
fn at(index: u64) -> Time {
    Time::from_nanos(index / 3 * 100_000_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn messages_lie_where_the_decoder_finds_them(
        framing in proptest::sample::select(&FRAMINGS[..]),
        chunks in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![4 => proptest::sample::select(TELLING), 1 => any::<u8>()],
                0..12,
            ),
            0..8,
        ),
        limit in 1_usize..12,
    ) {
        let framing: Framing = framing.parse().unwrap();
        let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let expected = said_by_decoder(&framing, &chunks, limit);
        let found = said_by_scanner(&framing, &chunks, limit)?;
        prop_assert_eq!(found, expected, "{}", framing);
    }
}

#[test]
fn full_blocks_of_cobs_are_counted() {
    for len in [253, 254, 255, 508, 509, 600] {
        let payload: Vec<u8> = (0..len).map(|at| (at % 255) as u8 + 1).collect();
        let mut wire = Vec::new();
        Framing::Cobs.encode(&payload, &mut wire).unwrap();
        let chunks: Vec<&[u8]> = wire.chunks(100).collect();
        let found = said_by_scanner(&Framing::Cobs, &chunks, 1000).unwrap();
        assert_eq!(found, said_by_decoder(&Framing::Cobs, &chunks, 1000));
    }
}

#[test]
fn a_message_of_any_length_is_found_in_little_memory() {
    let mut scanner = Scanner::new(&Framing::Lines, usize::MAX);
    let chunk = vec![b'x'; 1 << 16];
    for _ in 0..1 << 10 {
        scanner
            .push(Time::ZERO, &chunk, |span| panic!("{span:?}"))
            .unwrap();
    }
    let mut found = Vec::new();
    scanner
        .push(Time::ZERO, b"\n", |span| found.push(span.len))
        .unwrap();
    assert_eq!(found, [1 << 26]);
    assert!(size_of::<Scanner>() < 300);
}
