use proptest::prelude::*;

use super::*;

/// Strips a stream cut in two at every place, and checks what is left and what is answered.
fn check(bytes: &[u8], kept: &[u8], answered: &[u8]) {
    for cut in 0..=bytes.len() {
        let (mut telnet, mut answers) = (Telnet::default(), Vec::new());
        let (one, other) = bytes.split_at(cut);
        let mut left = telnet.strip(one, &mut answers).into_owned();
        left.extend_from_slice(&telnet.strip(other, &mut answers));
        assert_eq!(
            (left.as_slice(), answers.as_slice()),
            (kept, answered),
            "cut at {cut}"
        );
    }
}

#[test]
fn every_option_is_refused() {
    check(
        b"\xff\xfb\x1f\xff\xfd\x03hi\xff\xfd\x06\r\n",
        b"hi\r\n",
        b"\xff\xfe\x1f\xff\xfc\x03\xff\xfc\x06",
    );
    // What is refused to us needs no answer, or it would go on for ever.
    check(b"\xff\xfc\x01a\xff\xfe\x01", b"a", b"");
}

#[test]
fn parameters_and_commands_are_left_out() {
    check(
        b"a\xff\xfa\x1f\x00\x50\xff\xff\x00\x18\xff\xf0b",
        b"ab",
        b"",
    );
    check(b"a\xff\xf4b\xff\xf1", b"ab", b"");
}

#[test]
fn a_doubled_byte_is_one() {
    check(b"\xff\xff", b"\xff", b"");
    check(b"\xffa", b"\xffa", b"");
}

proptest! {
    #[test]
    fn no_answer_is_longer_than_what_it_answers(bytes: Vec<u8>) {
        let (mut telnet, mut answers) = (Telnet::default(), Vec::new());
        let kept = telnet.strip(&bytes, &mut answers).len();
        prop_assert!(kept + answers.len() <= bytes.len());
    }
}
