use proptest::prelude::*;

use super::*;

fn frame(len: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x65];
    bytes.resize(len.max(16), 0x55);
    bytes
}

#[test]
fn a_short_datagram_ends_a_frame() {
    let whole = frame(4000);
    let mut assembler = Assembler::new();
    let frames: Vec<Frame> = whole
        .chunks(FULL)
        .filter_map(|it| assembler.push(it))
        .collect();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].bytes, whole);
    assert_eq!(
        (frames[0].units.as_slice(), frames[0].flaw),
        (&[7, 8, 5][..], None)
    );
    assert!(frames[0].is_key());
    assert_eq!(
        (assembler.counts().frames, assembler.counts().units[5]),
        (1, 1)
    );
    assert_eq!(assembler.finish(), None);
}

#[test]
fn a_lost_beginning_is_told() {
    let whole = frame(4000);
    let mut assembler = Assembler::new();
    let frame = whole
        .chunks(FULL)
        .skip(1)
        .find_map(|it| assembler.push(it))
        .unwrap();
    assert_eq!(frame.flaw, Some(Flaw::Headless));
    assert_eq!(assembler.counts().flawed, 1);
}

#[test]
fn a_frame_without_end_does_not_fill_the_memory() {
    let mut assembler = Assembler::new();
    let datagram = [1; FULL];
    let frames: Vec<Frame> = (0..2000)
        .filter_map(|_| assembler.push(&datagram))
        .collect();
    assert!(frames.iter().all(|it| it.flaw == Some(Flaw::Endless)));
    assert!(!frames.is_empty() && assembler.bytes.len() < LONGEST);
}

proptest! {
    #[test]
    fn no_byte_is_lost(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..20)) {
        let mut assembler = Assembler::new();
        let mut out = Vec::new();
        for datagram in &datagrams {
            out.extend(assembler.push(datagram).into_iter().flat_map(|frame| frame.bytes));
        }
        out.extend(assembler.finish().into_iter().flat_map(|frame| frame.bytes));
        prop_assert_eq!(out, datagrams.concat());
    }
}
