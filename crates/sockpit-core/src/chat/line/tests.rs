use proptest::prelude::*;

use super::*;
use crate::chat::entry::{Id, Kind};

fn entry(kind: Kind, room: &str, from: &str, text: &str) -> Arc<Entry> {
    Arc::new(Entry {
        id: Id(1),
        at: 1_763_728_984_000_000_000,
        kind,
        node: "".into(),
        room: room.into(),
        from: from.into(),
        to: "".into(),
        text: text.into(),
    })
}

fn gbk() -> Charset {
    "gbk".parse().unwrap()
}

fn line(entry: Arc<Entry>, view: View) -> Line {
    Line::of_entry(entry, view, Voice::default())
}

fn plain(line: &Line) -> String {
    String::from_utf8(line.bytes(Form::Plain(Charset::UTF_8)).to_vec()).unwrap()
}

#[test]
fn people_read_entries_on_one_line_each() {
    let check = |kind, view, expected: &str| {
        let line = line(entry(kind, "lobby", "anna", "hi"), view);
        assert_eq!(plain(&line), format!("{expected}\n"));
    };
    check(Kind::Text, View::Live, "[lobby] anna: hi");
    check(
        Kind::Text,
        View::Replayed,
        "[lobby 11-21 12:43:04] anna: hi",
    );
    check(Kind::Text, View::Own(None), "[lobby] anna: hi");
    check(Kind::Me, View::Live, "[lobby] * anna hi");
    check(Kind::Direct, View::Live, "-> anna: hi");
    check(Kind::Direct, View::Own(None), "anna -> : hi");
    check(Kind::Left, View::Live, "* anna left lobby: hi");
    check(Kind::Renamed, View::Live, "* anna is now hi");
    check(Kind::Topic, View::Live, "* anna set the topic of lobby: hi");
    check(Kind::Notice, View::Live, "[#notice lobby] hi");
}

#[test]
fn programs_read_the_text_as_it_was_sent() {
    let text = "a\tb\n\u{1b}[2J\u{202e}\"你";
    let line = line(entry(Kind::Text, "lobby", "anna", text), View::Live);
    assert_eq!(plain(&line), "[lobby] anna: a\tb\\n\\x1b[2J\\u{202e}\"你\n");
    let json = line.bytes(Form::Json(Charset::UTF_8));
    let object: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(object["text"], text);
    assert_eq!(object["ts"], "2025-11-21T12:43:04Z");
    assert_eq!(object["kind"], "text");
    assert_eq!(json.iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn ones_own_line_is_acknowledged_by_its_id() {
    let view = View::Own(Some(7.into()));
    let line = line(entry(Kind::Text, "lobby", "anna", "hi"), view);
    let json = line.bytes(Form::Json(Charset::UTF_8));
    let expected = r#"{"ts":"2025-11-21T12:43:04Z","room":"lobby","from":"anna","kind":"said","id":"00000000000000000000000001","ref":7}"#;
    assert_eq!(json, format!("{expected}\n"));
}

#[test]
fn what_a_charset_lacks_is_escaped() {
    let line = line(entry(Kind::Text, "lobby", "anna", "你好 😀"), View::Live);
    let bytes = line.bytes(Form::Plain(gbk()));
    assert_eq!(&bytes[..], b"[lobby] anna: \xc4\xe3\xba\xc3 \\u{1f600}\n");
    let json = line.bytes(Form::Json(gbk()));
    let text = gbk().decode(&json).text;
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["text"], "你好 😀");
}

#[test]
fn a_form_is_made_once() {
    let line = line(entry(Kind::Text, "lobby", "anna", "你"), View::Live);
    for charset in ["utf-8", "gbk", "big5", "utf-16le", "gbk", "big5"] {
        let charset = charset.parse().unwrap();
        for form in [Form::Plain(charset), Form::Json(charset)] {
            assert_eq!(line.bytes(form).as_ptr(), line.bytes(form).as_ptr());
        }
    }
}

#[test]
fn b1_a_line_of_the_history_keeps_no_form_for_each_charset() {
    let line = line(entry(Kind::Text, "lobby", "anna", "你"), View::Replayed);
    let form = Form::Json(gbk());
    assert_eq!(line.bytes(form), line.bytes(form));
    assert!(line.others.get().is_none());
}

#[test]
fn each_line_of_a_notice_has_its_mark() {
    let voice = Voice {
        language: Language::Chinese,
        utc_offset: 0,
    };
    let line = Line::of_notice(0, Notice::Help, None, voice);
    assert!(plain(&line).lines().all(|line| line.starts_with("* ")));
    let line = Line::of_notice(0, Notice::Lost(3), None, Voice::default());
    assert_eq!(plain(&line), "! 3 lines were lost: you read too slowly\n");
}

proptest! {
    #[test]
    fn what_a_charset_has_comes_back_whatever_stands_beside_it(text in "[a你é😀\u{7f}-\u{9f}あ]{1,20}") {
        for name in ["gbk", "iso-2022-jp", "shift_jis", "big5", "windows-1252", "utf-16be"] {
            let charset: Charset = name.parse().unwrap();
            let line = line(entry(Kind::Text, "lobby", "anna", &text), View::Live);
            let back = charset.decode(&line.bytes(Form::Json(charset))).text;
            let object: Value = serde_json::from_str(&back).unwrap();
            prop_assert_eq!(&object["text"], &text);
        }
    }

    #[test]
    fn d1_no_control_reaches_a_screen(
        kind in 0..Kind::ALL.len(),
        texts: [String; 3],
        view in prop_oneof![Just(View::Live), Just(View::Replayed), Just(View::Own(None))],
    ) {
        let [room, from, text] = texts;
        let line = line(entry(Kind::ALL[kind], &room, &from, &text), view);
        let plain = plain(&line);
        let controls = plain.chars().filter(|c| c.is_control() && *c != '\t');
        prop_assert_eq!(controls.collect::<String>(), "\n");
        prop_assert!(!plain.chars().any(crate::text::escape::is_hidden));
    }
}
