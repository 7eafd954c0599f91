use proptest::prelude::*;

use super::*;
use crate::time::Time;

fn framing(text: &str) -> Framing {
    text.parse().unwrap()
}

#[test]
fn neighbours_differ() {
    for text in ["raw", "lines", "len:u32be", "slip", "cobs", "delim:abc"] {
        let content = Content::pattern(100, &framing(text)).unwrap();
        assert_ne!(content.wire(0), content.wire(1), "with {text}");
        assert_eq!(content.payload(1).len(), 100, "with {text}");
    }
}

#[test]
fn neighbours_differ_however_long_they_are() {
    let content = Content::pattern(1 << 20, &framing("len:u32be")).unwrap();
    assert_ne!(content.wire(0), content.wire(1));
    assert_ne!(content.payload(0), content.payload(1));
}

#[test]
fn a_pattern_that_does_not_fit_the_framing_says_so() {
    assert!(Content::pattern(300, &framing("len:u8")).is_err());
    assert!(Content::pattern(3, &framing("fixed:4")).is_err());
    assert!(Content::pattern(4, &framing("fixed:4")).is_ok());
}

#[test]
fn messages_of_given_bytes_are_all_alike() {
    let content = Content::of(b"PING", &framing("delim:hex:0D0A")).unwrap();
    for number in [0, 1, u64::MAX] {
        assert_eq!(content.wire(number), b"PING\r\n");
        assert_eq!(content.payload(number), b"PING");
    }
    assert!(Content::of(b"a\nb", &framing("lines")).is_err());
}

proptest! {
    #[test]
    fn what_is_sent_is_cut_into_the_payloads_again(
        text in prop::sample::select(vec!["lines", "len:u16be", "len:varint", "slip", "cobs", "delim:xyz"]),
        size in 1..2000_usize,
        first: u64,
    ) {
        let framing = framing(text);
        let content = Content::pattern(size, &framing).unwrap();
        let mut decoder = framing.decoder(4096);
        let mut number = first;
        for _ in 0..5 {
            let mut heard = Vec::new();
            decoder
                .push(Time::ZERO, content.wire(number), |frame| heard.push(frame.payload.to_vec()))
                .unwrap();
            prop_assert_eq!(content.wire(number).len(), content.wire_len());
            prop_assert_eq!(heard, vec![content.payload(number).to_vec()]);
            number = number.wrapping_add(1);
        }
    }

    #[test]
    fn raw_messages_have_their_size(size in 1..10_000_usize, number: u64) {
        let content = Content::pattern(size, &Framing::Raw).unwrap();
        prop_assert_eq!(content.wire(number).len(), size);
        prop_assert_eq!(content.wire(number), content.payload(number));
    }
}
