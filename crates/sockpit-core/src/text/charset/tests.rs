use proptest::prelude::*;

use super::*;

/// One of each sort: one to four bytes a character, with and without a state.
const LAW: [&str; 10] = [
    "utf-8",
    "gbk",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "utf-16le",
    "utf-16be",
    "windows-1252",
];

fn charset(name: &str) -> Charset {
    name.parse().unwrap()
}

fn check(name: &str, bytes: &[u8], text: &str, malformed_at: Option<usize>) {
    let decoded = Decoded {
        text: text.to_owned(),
        malformed_at,
    };
    assert_eq!(charset(name).decode(bytes), decoded, "{name} {bytes:02x?}");
}

#[test]
fn every_web_label_is_a_name_in_any_case() {
    for (label, name) in [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("GBK", "gbk"),
        ("gb2312", "gbk"),
        ("x-gbk", "gbk"),
        ("CP936", "gbk"),
        ("GB18030", "gb18030"),
        ("Big5", "big5"),
        ("cp950", "big5"),
        ("sjis", "shift_jis"),
        ("cp932", "shift_jis"),
        ("cp949", "euc-kr"),
        ("latin1", "windows-1252"),
        ("utf-16", "utf-16le"),
        ("UTF16BE", "utf-16be"),
        ("koi8-r", "koi8-r"),
        (" gbk ", "gbk"),
    ] {
        assert_eq!(charset(label).to_string(), name, "{label}");
        assert_eq!(charset(name), charset(label), "{label}");
    }
}

#[test]
fn every_alias_leads_to_a_charset() {
    for (alias, name) in ALIASES {
        assert_eq!(charset(alias), charset(name), "{alias}");
        assert!(
            Encoding::for_label(alias.as_bytes()).is_none(),
            "{alias} is a label already"
        );
    }
}

#[test]
fn a_name_that_is_none_is_said_with_examples() {
    assert_eq!(
        "klingon\n".parse::<Charset>().unwrap_err().to_string(),
        "`klingon\\n` is no charset; \
         write a name such as `utf-8`, `gbk`, `gb18030`, `big5`, `shift_jis` or `latin1`"
    );
    for dangerous in [
        "replacement",
        "hz-gb-2312",
        "iso-2022-kr",
        "iso-2022-cn",
        "",
        "ansi",
    ] {
        assert!(dangerous.parse::<Charset>().is_err(), "{dangerous}");
    }
}

#[test]
fn the_first_bad_byte_is_found_exactly() {
    check("utf-8", b"", "", None);
    check("utf-8", "a你".as_bytes(), "a你", None);
    check("utf-8", b"ab\xffc\xfe", "ab\u{fffd}c\u{fffd}", Some(2));
    check("utf-8", b"a\xe4\xbdb", "a\u{fffd}b", Some(1));
    check("utf-8", b"a\xe4\xbd", "a\u{fffd}", Some(1));
    check("gbk", b"\xc4\xe3\xba\xc3", "你好", None);
    check("gbk", b"\xc4\xe3\xff", "你\u{fffd}", Some(2));
    check("gbk", b"\xc4\xe3\xc4", "你\u{fffd}", Some(2));
    check("gbk", b"a\xc4 b", "a\u{fffd} b", Some(1));
    check("gb18030", b"\x81\x30\x81\x30", "\u{80}", None);
    check("gb18030", b"ab\x81\x30\x81", "ab\u{fffd}", Some(2));
    check(
        "gb18030",
        b"ab\x81\x30\x81!",
        "ab\u{fffd}0\u{fffd}!",
        Some(2),
    );
    check("utf-16le", b"A\0\x60\x4f", "A你", None);
    check("utf-16le", b"A\0\x00\xd8A\0", "A\u{fffd}A", Some(2));
    check("utf-16le", b"A\0\x00\xd8", "A\u{fffd}", Some(2));
    check("utf-16be", b"\0A\x4f", "A\u{fffd}", Some(2));
}

#[test]
fn a_byte_order_mark_does_not_overrule_the_user() {
    check("utf-8", b"\xef\xbb\xbfa", "\u{feff}a", None);
    check("utf-16le", b"\xff\xfeA\0", "\u{feff}A", None);
    check("windows-1252", b"\xef\xbb\xbf", "ï»¿", None);
}

#[test]
fn a_character_cut_in_two_comes_out_whole() {
    let mut text = String::new();
    let mut decoder = charset("gbk").decoder();
    assert_eq!(decoder.push(b"\xc4\xe3\xba", &mut text), None);
    assert_eq!(text, "你");
    assert_eq!(decoder.push(b"\xc3", &mut text), None);
    assert_eq!(text, "你好");
    assert_eq!(decoder.finish(&mut text), None);
    assert_eq!(text, "你好");
}

#[test]
fn a_bad_byte_is_placed_in_the_stream() {
    let mut text = String::new();
    let mut decoder = Charset::UTF_8.decoder();
    assert_eq!(decoder.push(b"abc", &mut text), None);
    assert_eq!(decoder.push(b"d\xff\xff", &mut text), Some(4));
    assert_eq!(decoder.push(b"\xe4", &mut text), None);
    assert_eq!(decoder.push(b"!", &mut text), Some(6));
    assert_eq!(decoder.push(b"\xe4\xbd", &mut text), None);
    assert_eq!(decoder.finish(&mut text), Some(8));
    assert_eq!(text, "abcd\u{fffd}\u{fffd}\u{fffd}!\u{fffd}");
    assert_eq!(
        decoder.push(b"\xff", &mut text),
        Some(0),
        "a new stream begins"
    );
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 80, "{}", size_of::<Decoder>());
}

#[test]
fn text_is_said_in_its_charset() {
    let encode = |name: &str, text: &'static str| charset(name).encode(text).map(Cow::into_owned);
    assert_eq!(encode("gbk", "你好€").unwrap(), b"\xc4\xe3\xba\xc3\x80");
    assert_eq!(
        encode("utf-16le", "A你😀").unwrap(),
        b"A\0\x60\x4f\x3d\xd8\x00\xde"
    );
    assert_eq!(
        encode("utf-16be", "A你😀").unwrap(),
        b"\0A\x4f\x60\xd8\x3d\xde\x00"
    );
    assert_eq!(encode("gb18030", "😀").unwrap(), b"\x94\x39\xfc\x36");
    assert_eq!(encode("iso-2022-jp", "あa").unwrap(), b"\x1b$B$\"\x1b(Ba");
    assert!(matches!(Charset::UTF_8.encode("你"), Ok(Cow::Borrowed(_))));
}

#[test]
fn a_character_that_the_charset_lacks_is_an_error() {
    for (name, text, character, column) in [
        ("gbk", "你😀", '😀', 2),
        ("latin1", "é你", '你', 2),
        ("big5", "一二三😀四", '😀', 4),
        ("iso-2022-jp", "あ\x1b", '\x1b', 2),
    ] {
        let charset = charset(name);
        let error = EncodeError {
            character,
            column,
            charset,
        };
        assert_eq!(charset.encode(text), Err(error), "{name}");
    }
    assert_eq!(
        charset("gbk").encode("你😀").unwrap_err().to_string(),
        "`😀` at column 2 cannot be said in gbk; a charset that has everything is `utf-8`"
    );
}

#[test]
fn what_was_encoded_decodes_to_the_same() {
    // In Japanese charsets a yen sign goes where ASCII has its backslash, and so on; GB 18030-2022
    // moved characters out of the private use area and still encodes the old places.
    let moves = |c| {
        matches!(
            c,
            '\u{a5}' | '\u{203e}' | '\u{2212}' | '\u{e000}'..='\u{f8ff}'
        )
    };
    for name in LAW {
        let charset = charset(name);
        for character in '\0'..='\u{1ffff}' {
            let text = character.to_string();
            let Ok(bytes) = charset.encode(&text) else {
                continue;
            };
            if !moves(character) {
                let decoded = Decoded {
                    text: text.clone(),
                    malformed_at: None,
                };
                assert_eq!(charset.decode(&bytes), decoded, "{name} {character:?}");
            }
        }
    }
}

/// Bytes that look like text in many charsets, with some that are none.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), 0x20..0x7fu8, 0xb0..0xf8u8, 0x81..0xffu8];
    prop::collection::vec(byte, 0..40)
}

/// Text as bytes of a charset, or any bytes.
fn message(charset: Charset) -> impl Strategy<Value = Vec<u8>> {
    let text = "[a-z 你好世界かな한글é😀]{0,20}";
    let said = text.prop_map(move |text| {
        text.chars()
            .flat_map(|c| charset.encode(&c.to_string()).unwrap_or_default().to_vec())
            .collect()
    });
    prop_oneof![bytes(), said]
}

fn any_message() -> impl Strategy<Value = (Charset, Vec<u8>)> {
    prop::sample::select(&LAW[..]).prop_flat_map(|name| {
        let charset = charset(name);
        (Just(charset), message(charset))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_cut_decodes_as_the_whole((charset, bytes) in any_message(), cuts in prop::collection::vec(0..7usize, 0..40)) {
        let whole = charset.decode(&bytes);
        let mut decoder = charset.decoder();
        let (mut text, mut malformed_at, mut rest) = (String::new(), None, &bytes[..]);
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            let found = decoder.push(chunk, &mut text);
            malformed_at = malformed_at.or(found);
            rest = after;
        }
        let found = decoder.push(rest, &mut text);
        malformed_at = malformed_at.or(found);
        let found = decoder.finish(&mut text);
        malformed_at = malformed_at.or(found);
        prop_assert_eq!(&text, &whole.text);
        prop_assert_eq!(malformed_at, whole.malformed_at.map(|at| at as u64));
    }

    #[test]
    fn what_stands_before_the_first_bad_byte_is_whole((charset, bytes) in any_message()) {
        let Decoded { text, malformed_at } = charset.decode(&bytes);
        if let Some(at) = malformed_at {
            let before = charset.decode(&bytes[..at]);
            prop_assert_eq!(before.malformed_at, None);
            prop_assert!(text.starts_with(&before.text));
            prop_assert!(text[before.text.len()..].starts_with(char::REPLACEMENT_CHARACTER));
        }
        if charset == Charset::UTF_8 {
            let known = str::from_utf8(&bytes).err().map(|error| error.valid_up_to());
            prop_assert_eq!(malformed_at, known);
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn text_that_was_decoded_is_encoded_and_decoded_again((charset, bytes) in any_message()) {
        let text = charset.decode(&bytes).text;
        if let Ok(again) = charset.encode(&text) {
            let decoded = Decoded { text: text.clone(), malformed_at: None };
            prop_assert_eq!(charset.decode(&again), decoded);
        }
    }
}

#[test]
fn b1_a_large_message_of_nothing_but_bad_bytes_takes_no_square_of_its_length() {
    let bytes = vec![0xff; 4 * 1024 * 1024];
    let decoded = Charset::UTF_8.decode(&bytes);
    assert_eq!(decoded.malformed_at, Some(0));
    assert_eq!(decoded.text.chars().count(), bytes.len());
    assert_eq!(Charset::UTF_8.malformed(&bytes, 3), [0..1, 1..2, 2..3]);
}
