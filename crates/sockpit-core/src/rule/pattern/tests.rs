use proptest::prelude::*;

use super::{Match, Message, Pattern, PatternError, Place};
use crate::text::charset::Charset;

/// The place at which a pattern is found in bytes without text.
fn check(
    pattern: Result<Pattern, PatternError>,
    bytes: &[u8],
    found: impl Into<Option<std::ops::Range<usize>>>,
) {
    let pattern = pattern.unwrap();
    let (found, message) = (found.into(), Message { bytes, text: None });
    assert_eq!(
        pattern.find(message).map(|found| found.range),
        found,
        "{pattern:?} in {bytes:?}"
    );
    assert_eq!(
        pattern.is_match(message),
        found.is_some(),
        "{pattern:?} in {bytes:?}"
    );
}

fn find(pattern: &Pattern, bytes: &[u8]) -> Match {
    pattern
        .find(Message { bytes, text: None })
        .expect("it matches")
}

#[test]
fn finds_texts_at_their_places() {
    check(Ok(Pattern::any()), b"", 0..0);
    check(Ok(Pattern::equals("PING")), b"PING", 0..4);
    check(Ok(Pattern::equals("PING")), b"PING\n", None);
    check(Ok(Pattern::equals("")), b"", 0..0);
    check(Pattern::starts("GET "), b"GET / HTTP", 0..4);
    check(Pattern::starts("GET "), b" GET ", None);
    check(Pattern::ends("\r\n"), b"a\r\n", 1..3);
    check(Pattern::ends("\r\n"), b"a\r\nb", None);
    check(Pattern::contains("ok"), b"it is ok, ok", 6..8);
    check(Pattern::contains("ok"), b"OK", None);
    check(Pattern::regex(r"^v(\d+)$"), b"v12", 0..3);
    check(Pattern::regex(r"(?i)pong"), b"..PoNg", 2..6);
    check(Pattern::regex("你."), "说你好".as_bytes(), 3..9);
}

#[test]
fn finds_bytes_with_wildcards() {
    check(Pattern::hex("AA ?? 0D"), b"\x00\xAA\xFF\x0D", 1..4);
    check(Pattern::hex("AA ?? 0D"), b"\xAA\n\x0D", 0..3);
    check(Pattern::hex("AA ?? 0D"), b"\xAA\x0D", None);
    check(Pattern::hex("aa??0d"), b"\xAA\x01\x0D", 0..3);
    check(Pattern::hex("0xAA, 0x?1"), b"\xAA\xF1", 0..2);
    check(Pattern::hex("A? ?5"), b"\x9F\xAF\x25", 1..3);
    check(Pattern::hex("^ 01 03"), b"\x00\x01\x03", None);
    check(Pattern::hex("^ 01 03"), b"\x01\x03\x00", 0..2);
    check(Pattern::hex("01 03 $"), b"\x01\x03\x01\x03", 2..4);
    check(Pattern::hex("^??$"), b"", None);
    check(Pattern::hex("^??$"), b"\n", 0..1);
    check(Pattern::hex("5D 2D 5B"), b"]-[", 0..3);
}

#[test]
fn a_run_of_wildcards_is_a_group() {
    let pattern = Pattern::hex("^ ?? ?? 00 01 ??").unwrap();
    let found = find(&pattern, b"\x12\x34\x00\x01\x99");
    assert_eq!(found.captures.group(1), Some(&b"\x12\x34"[..]));
    assert_eq!(found.captures.group(2), Some(&b"\x99"[..]));
    assert_eq!(found.captures.group(3), None);
}

#[test]
fn groups_have_numbers_and_names() {
    let pattern = Pattern::regex(r"(?<key>\w+)=(\d+)?").unwrap();
    assert_eq!(pattern.groups(), [None, Some("key"), None]);
    let found = find(&pattern, b"  id=7;");
    assert_eq!(found.captures.group(0), Some(&b"id=7"[..]));
    assert_eq!(found.captures.group(1), Some(&b"id"[..]));
    assert_eq!(found.captures.group(2), Some(&b"7"[..]));
    assert_eq!(find(&pattern, b"id=").captures.group(2), None);
}

#[test]
fn gbk_text_is_found_in_what_it_means() {
    let gbk: Charset = "gbk".parse().unwrap();
    let bytes = gbk.encode("温度=25").unwrap().into_owned();
    let decoded = gbk.decode(&bytes);
    let message = Message {
        bytes: &bytes,
        text: Some(&decoded.text),
    };
    for pattern in [
        Pattern::contains("温度"),
        Pattern::starts("温"),
        Pattern::regex("^温度=(\\d+)$"),
    ] {
        let pattern = pattern.unwrap();
        assert_eq!(
            pattern.find(message).map(|found| found.place),
            Some(Place::Text),
            "{pattern:?}"
        );
        assert!(
            !pattern.is_match(Message {
                text: None,
                ..message
            }),
            "{pattern:?}"
        );
    }
    let hex = Pattern::hex("CE C2 B6 C8").unwrap();
    assert_eq!(
        hex.find(message).map(|found| (found.place, found.range)),
        Some((Place::Bytes, 0..4))
    );
}

#[test]
fn the_second_byte_of_one_character_and_the_first_of_the_next_are_no_character() {
    // In GBK, B0 A1 B0 A1 holds A1 B0 = “ at an odd place.
    let gbk: Charset = "gbk".parse().unwrap();
    let decoded = gbk.decode(b"\xB0\xA1\xB0\xA1");
    let message = Message {
        bytes: b"\xB0\xA1\xB0\xA1",
        text: Some(&decoded.text),
    };
    assert!(!Pattern::contains("“").unwrap().is_match(message));
}

#[test]
fn an_expectation_is_text_or_says_what_it_is() {
    for (text, key) in [
        ("PONG", "contains"),
        ("re:^a", "regex"),
        ("hex:AA ??", "hex"),
        ("r:x", "contains"),
    ] {
        let pattern = Pattern::parse_expectation(text).unwrap();
        assert_eq!((pattern.key(), pattern.to_string()), (key, text.to_owned()));
    }
}

#[test]
fn says_where_a_pattern_is_wrong() {
    let check = |text: &str, offset: usize, message: &str| {
        let error = Pattern::parse_expectation(text).unwrap_err();
        assert_eq!(
            (error.offset(), error.to_string().as_str()),
            (offset, message),
            "{text}"
        );
    };
    let empty = "an empty pattern is found in every message; for that, a rule has `any = true`";
    check("", 0, empty);
    check("re:", 0, empty);
    check("hex: ", 0, empty);
    check(
        "re:a(b",
        4,
        "the regular expression cannot be read: unclosed group",
    );
    check(
        "re:a{5,2}",
        4,
        "the regular expression cannot be read: invalid repetition count range, the start must be <= the end",
    );
    check(
        "hex:AA G0",
        7,
        "`G` is no hexadecimal digit and not `??`; write bytes such as `AA ?? 0D`",
    );
    check(
        "hex:AA ?",
        7,
        "a byte with a wildcard has two places, such as `??`, `A?` or `?A`",
    );
    check(
        "hex:AA ^ BB",
        7,
        "`^` is no hexadecimal digit and not `??`; write bytes such as `AA ?? 0D`",
    );
    check(
        "re:(a{500}){500}",
        0,
        "the regular expression needs more than 1024 KiB; write shorter repetitions",
    );
}

#[test]
fn a_deep_expression_is_an_error_and_no_overflow() {
    let text = "(".repeat(100_000);
    assert!(Pattern::regex(&text).is_err());
    let text = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(Pattern::regex(&text).is_err());
}

#[test]
fn reach_is_the_longest_match() {
    let reach = |text: &str| Pattern::parse_expectation(text).unwrap().reach();
    assert_eq!(reach("PONG"), Some(4));
    assert_eq!(reach("hex:AA ?? 0D"), Some(3));
    assert_eq!(reach("re:a{2,5}b?"), Some(6));
    assert_eq!(reach("re:a+"), None);
}

proptest! {
    #[test]
    fn a_pattern_of_digits_finds_its_bytes(before: Vec<u8>, bytes in prop::collection::vec(any::<u8>(), 1..20), after: Vec<u8>) {
        let pattern = Pattern::hex(&crate::text::hex::Hex(&bytes).to_string()).unwrap();
        let whole = [&before[..], &bytes[..], &after[..]].concat();
        let found = find(&pattern, &whole);
        prop_assert_eq!(&whole[found.range], &bytes[..]);
    }

    /// Whoever waits in a growing stream finds what somebody finds who has all of it.
    #[test]
    fn what_has_grown_is_found_as_in_the_whole(
        which in 0..GROWING.len(),
        hay in "[ab é\n]{0,40}",
        cut in 0_usize..60,
    ) {
        let pattern = Pattern::parse_expectation(GROWING[which]).unwrap();
        let bytes = hay.as_bytes();
        let known = cut.min(bytes.len());
        let (before, whole) = (&bytes[..known], Message { bytes, text: None });
        prop_assume!(pattern.find(Message { bytes: before, text: None }).is_none());
        prop_assert_eq!(pattern.find_grown(whole, known), pattern.find(whole));
    }

    #[test]
    fn no_text_makes_a_pattern_panic(text in r"(re:|hex:)?[0-9a-fA-F?^$ (){}\[\]x,é*+\\-]{0,20}", bytes: Vec<u8>) {
        if let Ok(pattern) = Pattern::parse_expectation(&text) {
            let message = Message { bytes: &bytes, text: None };
            prop_assert_eq!(pattern.find(message).is_some(), pattern.is_match(message));
        }
    }
}

/// Patterns that look at what stands before and behind them, and some that do not.
const GROWING: [&str; 14] = [
    "ab",
    "aab ",
    "é",
    "re:a{2,3}b?a",
    r"re:\bab\b",
    r"re:ab\B",
    r"re:b\b{end}",
    "re:(a)(b|é)",
    "re:ab$",
    "re:(?m)ab$",
    "re:(?m)^ba",
    "re:^aab",
    "re:a+b",
    "hex:61 ?? 62 $",
];
