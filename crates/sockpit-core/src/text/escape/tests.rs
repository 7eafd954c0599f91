use proptest::prelude::*;
use regex::Regex;

use super::*;

fn check(text: &str, bytes: &[u8]) {
    assert_eq!(unescape_bytes(text).as_deref(), Ok(bytes), "{text:?}");
    assert_eq!(
        unescape(text, Charset::UTF_8).as_deref(),
        Ok(bytes),
        "{text:?}"
    );
}

fn charset(name: &str) -> Charset {
    name.parse().unwrap()
}

#[test]
fn escapes_become_bytes() {
    check("plain 你好", "plain 你好".as_bytes());
    check(r"a\r\n\t\0\e\\b", b"a\r\n\t\0\x1b\\b");
    check(r"\x00\xfF\x7e", b"\x00\xff\x7e");
    check(r"\u{4f60}\u{1F600}\u{41}", "你😀A".as_bytes());
    check(r"\\x41", br"\x41");
    check(r"\01", b"\x001");
    check("", b"");
}

#[test]
fn text_and_numbered_characters_take_the_charset_and_raw_bytes_do_not() {
    let gbk = charset("gbk");
    assert_eq!(
        unescape(r"你\xff\u{597d}\n", gbk).unwrap(),
        b"\xc4\xe3\xff\xba\xc3\n"
    );
    let utf16 = charset("utf-16be");
    assert_eq!(unescape(r"A\n\x01", utf16).unwrap(), b"\0A\0\n\x01");
}

#[test]
fn what_is_no_escape_is_named_with_its_column() {
    let lone = |column| EscapeError::Lone { column };
    assert_eq!(unescape_bytes("ab\\"), Err(lone(3)));
    assert_eq!(unescape_bytes(r"\\\"), Err(lone(3)));
    for (text, escape, column) in [(r"你\q", r"\q", 2), (r"\ a", r"\ ", 1), (r"\你", r"\你", 1)]
    {
        let error = EscapeError::Unknown {
            escape: escape.to_owned(),
            column,
        };
        assert_eq!(unescape_bytes(text), Err(error), "{text}");
    }
    for (text, escape) in [
        (r"\x", r"\x"),
        (r"\x4", r"\x4"),
        (r"\xg0!", r"\xg0"),
        (r"\x+1", r"\x+1"),
        (r"\x4你", r"\x4你"),
    ] {
        let error = EscapeError::Byte {
            escape: escape.to_owned(),
            column: 1,
        };
        assert_eq!(unescape_bytes(text), Err(error), "{text}");
    }
    for (text, escape) in [
        (r"\u", r"\u"),
        (r"\u0041", r"\u0"),
        (r"\u{", r"\u{"),
        (r"\u{}", r"\u{}"),
        (r"\u{d800}!", r"\u{d800}"),
        (r"\u{110000}", r"\u{110000}"),
        (r"\u{+41}", r"\u{+41}"),
        (r"\u{你}", r"\u{你}"),
    ] {
        let error = EscapeError::Character {
            escape: escape.to_owned(),
            column: 1,
        };
        assert_eq!(unescape_bytes(text), Err(error), "{text}");
    }
}

#[test]
fn errors_say_the_way_out() {
    let message = |text: &str| unescape(text, charset("latin1")).unwrap_err().to_string();
    assert_eq!(
        message(r"a\q"),
        r"`\q` at column 2 is no escape; there are `\r \n \t \0 \e \xNN \u{..}`, and `\\` for a backslash"
    );
    assert_eq!(
        message(r"\x4"),
        r"`\x4` at column 1 is no byte; write two hexadecimal digits, such as `\x0d`"
    );
    assert_eq!(
        message(r"é\ndé\u{4f60}"),
        "`你` at column 6 cannot be said in windows-1252; a charset that has everything is `utf-8`"
    );
    assert_eq!(
        message(r"\xffa你"),
        "`你` at column 6 cannot be said in windows-1252; a charset that has everything is `utf-8`"
    );
}

#[test]
fn d1_nothing_hostile_reaches_the_terminal() {
    for (name, text, shown) in [
        (
            "OSC 52 writes the clipboard",
            "\x1b]52;c;cm0=\x07",
            r"\x1b]52;c;cm0=\x07",
        ),
        (
            "OSC 8 hides an address",
            "\x1b]8;;http://a\x1b\\b",
            r"\x1b]8;;http://a\x1b\b",
        ),
        ("CSI 2J clears", "a\x1b[2J\x1b[H", r"a\x1b[2J\x1b[H"),
        ("DCS", "\x1bP+q544e\x1b\\", r"\x1bP+q544e\x1b\"),
        (
            "ConEmu runs a program",
            "\x1b]9;7;calc\x07",
            r"\x1b]9;7;calc\x07",
        ),
        ("a window title", "\x1b]0;root#\x07", r"\x1b]0;root#\x07"),
        (
            "C1 as UTF-8",
            "\u{9b}2J\u{9d}0;x\u{9c}",
            r"\u{9b}2J\u{9d}0;x\u{9c}",
        ),
        ("carriage return overwrites", "evil\rgood", r"evil\x0dgood"),
        ("backspace overwrites", "evil\x08\x08", r"evil\x08\x08"),
        ("NUL and DEL", "\0\x7f", r"\x00\x7f"),
        (
            "right-to-left override",
            "exe.\u{202e}gpj",
            r"exe.\u{202e}gpj",
        ),
        ("isolates", "\u{2066}a\u{2069}", r"\u{2066}a\u{2069}"),
        (
            "zero-width",
            "a\u{200b}b\u{200d}c\u{feff}",
            r"a\u{200b}b\u{200d}c\u{feff}",
        ),
        ("soft hyphen", "a\u{ad}b", r"a\u{ad}b"),
        ("separators", "a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"),
        ("tags", "\u{e0041}\u{e0100}", r"\u{e0041}\u{e0100}"),
        (
            "fillers",
            "\u{3164}\u{115f}\u{ffa0}",
            r"\u{3164}\u{115f}\u{ffa0}",
        ),
    ] {
        assert_eq!(Visible(text).to_string(), shown, "{name}");
    }
}

#[test]
fn d1_ordinary_text_stays_as_it_is() {
    for text in [
        "",
        "a\tb\n",
        "你好，世界",
        "かなカナ 한글",
        "é ñ ÿ",
        "😀❤️ 👍🏽",
        "С:\\dir",
        "\u{fffd}",
    ] {
        assert_eq!(Visible(text).to_string(), text);
    }
}

#[test]
fn d2_names_stay_on_one_line() {
    assert_eq!(VisibleLine("a\r\n\tb\x1b\\").to_string(), r"a\r\n\tb\x1b\");
}

#[test]
fn escaped_text_says_its_backslashes() {
    let mut out = String::from("hex\t");
    escape_text("a\\n\n\0你\u{9b}", &mut out);
    assert_eq!(out, "hex\ta\\\\n\\n\\x00你\\u{9b}");
    let mut out = String::new();
    visible_text("a\n\x07", &mut out);
    assert_eq!(out, "a\n\\x07");
}

#[test]
fn every_format_character_and_separator_is_hidden() {
    let format = Regex::new(r"^[\p{Cf}\p{Zl}\p{Zp}]$").unwrap();
    let letter = Regex::new(r"^[\p{L}\p{N}\p{P}\p{S}\p{Mc}]$").unwrap();
    let fillers = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
    for character in '\0'..=char::MAX {
        let text = character.to_string();
        if format.is_match(&text) {
            assert!(is_hidden(character), "{character:?} has no shape");
        }
        if letter.is_match(&text) && !fillers.contains(&character) {
            assert!(!is_hidden(character), "{character:?} has a shape");
        }
        let escaped = is_hidden(character) || character.is_control();
        assert_eq!(
            VisibleLine(&text).to_string() != text,
            escaped,
            "{character:?}"
        );
    }
}

/// Text with more backslashes, controls and hidden characters than chance would give.
fn hostile() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        prop::char::range('\0', '\u{a0}'),
        prop::char::range('\u{2000}', '\u{206f}'),
        Just('\\'),
    ];
    prop::collection::vec(character, 0..60).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn unescape_gives_back_what_was_escaped(text in hostile()) {
        let escaped = Escaped(&text).to_string();
        prop_assert!(!escaped.contains(|c: char| c.is_control() || is_hidden(c)));
        prop_assert_eq!(unescape_bytes(&escaped).unwrap(), text.as_bytes());
        prop_assert_eq!(unescape(&escaped, Charset::UTF_8).unwrap(), text.as_bytes());
    }

    #[test]
    fn visible_text_has_no_control_but_newline_and_tab(text in hostile()) {
        let hostile = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_hidden(c);
        prop_assert!(!Visible(&text).to_string().contains(hostile));
        let line = VisibleLine(&text).to_string();
        prop_assert!(!line.contains(|c: char| c.is_control() || is_hidden(c)));
    }

    #[test]
    fn no_text_is_a_panic(text in hostile(), likely in r"(\\|x|u|\{|\}|[0-9a-f]|你){0,20}") {
        for text in [text, likely] {
            let bytes = unescape_bytes(&text);
            let same = unescape(&text, Charset::UTF_8);
            prop_assert_eq!(bytes.ok(), same.ok());
        }
    }
}
