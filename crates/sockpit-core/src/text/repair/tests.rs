//! What bytes and broken texts were, in the languages whose charsets meet on the wire.

use proptest::prelude::*;

use super::{Loss, diagnose, excerpt, plausibility, readings, repairs};
use crate::text::charset::Charset;

/// Texts, and the charsets in which their authors keep them.
const TEXTS: [(&str, &[&str]); 21] = [
    ("你好", &["gb18030", "utf-8"]),
    ("你好，世界", &["gb18030", "utf-8", "utf-16le"]),
    ("温度: 25.3℃ 湿度: 60%", &["gb18030", "utf-8"]),
    ("服务器连接失败，请重试", &["gb18030", "utf-8", "utf-16be"]),
    ("登录成功", &["gb18030", "utf-8"]),
    ("欢迎使用串口调试助手", &["gb18030", "utf-8"]),
    ("錯誤碼：無法連線到伺服器", &["big5", "utf-8"]),
    ("歡迎使用網路測試工具", &["big5", "utf-8"]),
    ("こんにちは世界", &["shift_jis", "euc-jp", "utf-8"]),
    ("接続に失敗しました", &["shift_jis", "euc-jp", "utf-8"]),
    ("データを受信しました。", &["shift_jis", "euc-jp", "utf-8"]),
    ("안녕하세요", &["euc-kr", "utf-8"]),
    ("서버에 접속할 수 없습니다", &["euc-kr", "utf-8"]),
    (
        "Привет, мир",
        &["windows-1251", "koi8-r", "ibm866", "utf-8"],
    ),
    (
        "Ошибка соединения с сервером",
        &["windows-1251", "koi8-r", "ibm866", "utf-8"],
    ),
    ("café", &["windows-1252", "utf-8"]),
    ("Größe: 5 mm, Öffnung", &["windows-1252", "utf-8"]),
    ("déjà vu à l'école", &["windows-1252", "utf-8"]),
    ("niño mañana", &["windows-1252", "utf-8"]),
    ("hello", &["utf-8", "utf-16le", "utf-16be"]),
    ("OK 数据 data=1,2,3\r\n", &["gb18030", "utf-8"]),
];

#[test]
fn bytes_without_a_charset_are_read() {
    let mut wrong = Vec::new();
    for (text, charsets) in TEXTS {
        for name in charsets {
            let charset: Charset = name.parse().unwrap();
            let bytes = charset.encode(text).unwrap();
            let readings = readings(&bytes);
            let best = &readings[0];
            if best.text != text || (best.charset != charset && !text.is_ascii()) {
                let own = readings.iter().find(|reading| reading.charset == charset);
                wrong.push(format!(
                    "{name} {text}: {} {} {}, itself {:?}",
                    best.charset,
                    best.text,
                    best.score,
                    own.map(|own| own.score)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_text_that_was_read_wrongly_is_repaired() {
    let mut wrong = Vec::new();
    let (mut first, mut count) = (0, 0);
    for (text, charsets) in TEXTS {
        for name in charsets.iter().filter(|_| !text.is_ascii()) {
            let meant: Charset = name.parse().unwrap();
            for other in [
                "gb18030",
                "big5",
                "shift_jis",
                "windows-1252",
                "windows-1251",
                "koi8-r",
            ] {
                let taken_for: Charset = other.parse().unwrap();
                let seen = taken_for.decode(&meant.encode(text).unwrap());
                let is_lost = seen.malformed_at.is_some()
                    // The web reads Hong Kong's Big5, and does not write it.
                    || (other == "big5" && taken_for.encode(&seen.text).is_err());
                // What is lost is another test's; what reads well is taken for what it is.
                if meant == taken_for || is_lost || plausibility(&seen.text) >= 450 {
                    continue;
                }
                // Two readings may be as good as each other: `ñ` and `ß` in an unknown word.
                let found = repairs(&seen.text);
                if !found.iter().take(3).any(|repair| repair.text == text) {
                    wrong.push(format!(
                        "{name} as {other} {text}: {} gave {:?}, itself {}",
                        seen.text,
                        found
                            .iter()
                            .take(3)
                            .map(|repair| (&repair.text, repair.score))
                            .collect::<Vec<_>>(),
                        plausibility(&seen.text)
                    ));
                }
                count += 1;
                first += usize::from(found.first().is_some_and(|best| best.text == text));
            }
        }
    }
    assert!(first * 100 > count * 95, "{first} of {count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Checks what a mojibake was, and how it came.
#[track_caller]
fn check(seen: &str, meant: &str, how: &str) {
    let found = repairs(seen);
    let best = found.first().unwrap_or_else(|| panic!("{seen}: none"));
    assert_eq!(
        (best.text.as_str(), best.to_string().as_str()),
        (meant, how)
    );
}

#[test]
fn the_classics_are_repaired() {
    check("浣犲ソ", "你好", "utf-8 read as gb18030");
    check("ÄãºÃ", "你好", "gb18030 read as windows-1252");
    check("ä½\u{a0}å¥½", "你好", "utf-8 read as windows-1252");
    // ISO-8859-1 proper, as Python's latin-1 has it.
    check("æµ\u{8b}è¯\u{95}", "测试", "utf-8 read as windows-1252");
    check("cafÃ©", "café", "utf-8 read as windows-1252");
    check("Ã©", "é", "utf-8 read as windows-1252");
    check("Ïðèâåò", "Привет", "windows-1251 read as windows-1252");
    check("РџСЂРёРІРµС‚", "Привет", "utf-8 read as windows-1251");
    check(
        "畂桳栠摩琠敨映捡獴",
        "Bush hid the facts",
        "utf-8 read as utf-16le",
    );
    check("¾È³çÇÏ¼¼¿ä", "안녕하세요", "euc-kr read as windows-1252");
}

#[test]
fn a_no_break_space_that_was_copied_as_a_space_is_one_again() {
    check("ä½ å¥½", "你好", "utf-8 read as windows-1252");
}

#[test]
fn a_text_that_was_read_wrongly_twice_is_repaired() {
    check(
        "Ã¤Â½Â\u{a0}Ã¥Â¥Â½",
        "你好",
        "utf-8 read as windows-1252, then utf-8 read as windows-1252",
    );
}

#[test]
fn what_is_left_of_a_text_is_repaired() {
    // An odd number of bytes: the last one found no partner.
    let seen = "测试吗".as_bytes();
    let gbk: Charset = "gbk".parse().unwrap();
    let seen = gbk.decode(seen).text;
    assert!(seen.ends_with('\u{fffd}'));
    let best = repairs(&seen).remove(0);
    assert!(best.text.starts_with("测试"), "{best:?}");
}

#[test]
fn a_text_that_is_well_is_left_alone() {
    for (text, _) in TEXTS {
        let found = repairs(text);
        assert!(found.is_empty(), "{text}: {:?}", found.first());
    }
}

#[test]
fn what_is_lost_is_said() {
    let said = |text: &str| {
        let losses: Vec<String> = Loss::of(text).iter().map(ToString::to_string).collect();
        losses.join(" | ")
    };
    assert_eq!(said("你好"), "");
    assert_eq!(
        said("a\u{fffd}b"),
        "1 U+FFFD character stands for bytes that are lost; decode the original bytes"
    );
    assert_eq!(
        said("锟斤拷锟斤拷"),
        "4 characters became U+FFFD and were saved as UTF-8; what they were is lost"
    );
    assert_eq!(
        said("烫烫烫烫"),
        "`烫烫` is memory that a program never wrote to (0xCC), read as gbk"
    );
}

#[test]
fn a_diagnosis_is_one_sentence() {
    let gbk: Charset = "gbk".parse().unwrap();
    let bytes = gbk.encode("abc你好").unwrap();
    let diagnosis = diagnose(&bytes, Charset::UTF_8).unwrap();
    assert_eq!(
        diagnosis.to_string(),
        "not utf-8 at byte 3; as gb18030 it reads `abc你好`"
    );
    assert_eq!(diagnose("你好".as_bytes(), Charset::UTF_8), None);
    let binary = [0x01, 0x03, 0x02, 0xff, 0xfe, 0x80, 0x00, 0x91];
    assert_eq!(
        diagnose(&binary, Charset::UTF_8).unwrap().to_string(),
        "not utf-8 at byte 3; no charset makes a text of it, so it may be no text"
    );
    for nothing in [&b"\xff"[..], b"\xff\xff\xff\xff", b"\x01\xe9"] {
        let diagnosis = diagnose(nothing, Charset::UTF_8).unwrap();
        assert_eq!(diagnosis.reading, None, "{nothing:?}");
    }
    let word = diagnose(b"caf\xe9 au lait", Charset::UTF_8).unwrap();
    assert!(
        word.to_string()
            .ends_with("as windows-1252 it reads `café au lait`"),
        "{word}"
    );
    let utf8 = diagnose("数据错误".as_bytes(), "gbk".parse().unwrap());
    if let Some(utf8) = utf8 {
        assert!(
            utf8.to_string().ends_with("as utf-8 it reads `数据错误`"),
            "{utf8}"
        );
    }
}

#[test]
fn an_excerpt_shows_the_strange_part_and_obeys_nothing() {
    let text = format!(
        "first line\n{}你好\u{1b}[2J{}",
        "a".repeat(100),
        "好".repeat(100)
    );
    let shown = excerpt(&text);
    assert!(shown.starts_with("aaaaaaaaaaaa你好\\x1b[2J好"), "{shown}");
    assert!(shown.ends_with('…'));
    assert_eq!(excerpt(""), "");
}

#[test]
fn much_text_is_judged_by_its_head() {
    let gbk: Charset = "gbk".parse().unwrap();
    let bytes = gbk
        .encode(&"中文文本，".repeat(20_000))
        .unwrap()
        .into_owned();
    let best = readings(&bytes).remove(0);
    assert_eq!(best.charset.to_string(), "gb18030");
    assert!(best.text.starts_with("中文文本，中文"));
    assert!(best.is_valid);
    let seen = "utf-8 ok\n".repeat(10_000) + &"浣犲ソ\n".repeat(10_000) + "\u{ac00}\n";
    let best = repairs(&seen);
    assert!(best.is_empty(), "the beginning is well");
    let seen = "浣犲ソ\n".repeat(10_000) + "\u{ac00}\n";
    let best = repairs(&seen).remove(0);
    assert_eq!(best.text, "你好\n".repeat(10_000) + "\u{ac00}\n");
}

proptest! {
    #[test]
    fn nothing_makes_it_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..48),
        text in "\\PC{0,16}",
    ) {
        for charset in [Charset::UTF_8, "gbk".parse().unwrap()] {
            let is_broken = charset.decode(&bytes).malformed_at.is_some();
            prop_assert_eq!(diagnose(&bytes, charset).is_some(), is_broken);
        }
        let _ = repairs(&text);
        let _ = excerpt(&text);
    }

    #[test]
    fn the_places_that_are_not_valid_begin_with_the_first(
        bytes in prop::collection::vec(any::<u8>(), 0..48),
        name in prop::sample::select(&super::CHARSETS[..]),
    ) {
        let charset: Charset = name.parse().unwrap();
        let places = charset.malformed(&bytes, usize::MAX);
        let decoded = charset.decode(&bytes);
        prop_assert_eq!(places.first().map(|place| place.start), decoded.malformed_at);
        prop_assert!(places.iter().all(|place| place.end <= bytes.len()));
        prop_assert!(places.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }
}

#[test]
fn of_memory_that_was_never_written_there_is_no_repair() {
    for text in ["烫烫烫", "屯屯屯屯", "烫烫屯屯\n"] {
        assert!(repairs(text).is_empty(), "{text}");
    }
}
