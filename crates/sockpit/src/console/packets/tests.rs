use super::*;

#[track_caller]
fn check_excerpt(bytes: &[u8], charset: Option<&str>, shown: &str) {
    let charset = charset.map(|label| label.parse().unwrap());
    let mut out = Vec::new();
    excerpt::push(bytes, bytes.len(), charset, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), shown);
}

#[test]
fn payload_is_text_where_it_is_some() {
    check_excerpt(b"", Some("utf-8"), "");
    check_excerpt(b"1", Some("utf-8"), "  31  \"1\"");
    check_excerpt(b"1", None, "  31");
    check_excerpt(b"\x00\x01", Some("utf-8"), "  00 01");
    check_excerpt(
        b"hello, world\r\n",
        Some("utf-8"),
        "  \"hello, world\\r\\n\"",
    );
    check_excerpt("你好，世界".as_bytes(), Some("utf-8"), "  \"你好，世界\"");
    check_excerpt(
        b"\xc4\xe3\xba\xc3\xc4\xe3\xba\xc3\xc4\xe3",
        Some("gbk"),
        "  \"你好你好你\"",
    );
    check_excerpt(
        &[0xff; 20],
        Some("utf-8"),
        "  FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF FF …",
    );
    check_excerpt(
        &[b'x'; 50],
        Some("utf-8"),
        &format!("  \"{}\"…", "x".repeat(40)),
    );
}

/// A character that the excerpt cuts in two is left out rather than called broken.
#[test]
fn a_character_at_the_edge_does_not_make_text_binary() {
    let text = format!("{}你好", "x".repeat(39));
    check_excerpt(
        text.as_bytes(),
        Some("utf-8"),
        &format!("  \"{}\"…", "x".repeat(39)),
    );
}

/// D1: a peer does not write on the terminal.
#[test]
fn d1_an_excerpt_shows_no_controls() {
    check_excerpt(
        "text \u{1b}[2J and \u{202e}more".as_bytes(),
        Some("utf-8"),
        "  \"text \\x1b[2J and \\u{202e}more\"",
    );
}

#[test]
fn numbers_are_written_as_a_formatter_would() {
    for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX] {
        let mut out = Vec::new();
        push_number(number, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        let mut out = Vec::new();
        number::push_digits(number, 6, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{number:06}"));
    }
}

#[test]
fn times_are_counted_from_what_was_asked() {
    let shown = |form, moments: &[u64]| {
        let mut clock = Clock::new(form);
        let mut out = Vec::new();
        for moment in moments {
            clock.write(*moment, &mut out);
            out.push(b' ');
        }
        String::from_utf8(out)
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let moments = [
        1_700_000_000_000_001_000,
        1_700_000_001_500_001_999,
        1_700_000_000_000_000_000,
    ];
    assert_eq!(
        shown(TimeForm::Relative, &moments),
        ["0.000000", "1.500000", "-0.000001"]
    );
    assert_eq!(
        shown(TimeForm::Delta, &moments),
        ["0.000000", "1.500000", "-1.500001"]
    );
    assert_eq!(shown(TimeForm::Epoch, &moments)[1], "1700000001.500001");
}
