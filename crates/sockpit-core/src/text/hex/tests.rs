use proptest::prelude::*;

use super::*;

fn check(text: &str, bytes: &[u8]) {
    assert_eq!(parse(text).as_deref(), Ok(bytes), "{text:?}");
}

#[test]
fn every_notation_that_people_paste_is_read() {
    let bytes = [0xaa, 0x0d, 0x0a];
    for text in [
        "AA 0D 0A",
        "aa0d0a",
        "0xAA,0x0D,0x0A",
        "0xAA, 0X0d, 0xA",
        "0xAA0D0A",
        "aa:0d:0a",
        "AA-0D-0A",
        "AA;0D;0A",
        " \tAA\r\n0D\n0A\n",
        "AA D A",
        "0xAA0x0D0x0A",
    ] {
        check(text, &bytes);
    }
}

#[test]
fn no_digits_are_no_bytes() {
    check("", &[]);
    check(" ,\n", &[]);
}

#[test]
fn an_odd_group_is_filled_on_the_left() {
    check("A B", &[0x0a, 0x0b]);
    check("ABC", &[0x0a, 0xbc]);
    check("0xABC", &[0x0a, 0xbc]);
    check("A0xBB", &[0x0a, 0xbb]);
    check("0", &[0]);
    check("00x41", &[0, 0x41]);
}

#[test]
fn a_stranger_is_named_with_its_column() {
    for (text, character, column) in [
        ("AA G0", 'G', 4),
        ("0x", 'x', 2),
        ("AA 0x,0xBB", 'x', 5),
        ("0x0xAA", 'x', 4),
        ("xAA", 'x', 1),
        ("AA.BB", '.', 3),
        ("AA 你", '你', 4),
        ("+1", '+', 1),
        ("AA\u{3000}BB", '\u{3000}', 3),
    ] {
        assert_eq!(
            parse(text),
            Err(ParseHexError { character, column }),
            "{text:?}"
        );
    }
    assert_eq!(
        parse("AA\u{202e}").unwrap_err().to_string(),
        "`\\u{202e}` at column 3 is no hexadecimal digit; \
         write bytes such as `AA 0D 0A`, `0xAA,0x0D` or `AA0D`"
    );
}

#[test]
fn bytes_are_shown_in_upper_case_between_spaces() {
    assert_eq!(Hex(b"").to_string(), "");
    assert_eq!(Hex(b"\xaa").to_string(), "AA");
    assert_eq!(Hex(b"\x00\x0d\xff").to_string(), "00 0D FF");
    let mut text = String::from("> ");
    write(b"\x01\x02", &mut text);
    assert_eq!(text, "> 01 02");
}

proptest! {
    #[test]
    fn reading_gives_back_what_was_shown(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let shown = Hex(&bytes).to_string();
        prop_assert_eq!(shown.len(), (bytes.len() * 3).saturating_sub(1));
        prop_assert_eq!(parse(&shown).unwrap(), bytes.clone());
        prop_assert_eq!(parse(&shown.replace(' ', "").to_lowercase()).unwrap(), bytes);
    }

    #[test]
    fn no_text_is_a_panic(text in any::<String>(), likely in "[0-9a-fxX ,:]{0,20}[^a]?") {
        let _ = parse(&text);
        let _ = parse(&likely);
    }
}
