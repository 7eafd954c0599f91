//! Told once, at the first byte that is no text, and only to who watches.

use std::sync::Arc;

use super::UNREADABLE;
use crate::event::What;
use crate::machine::{Machine as _, Output};
use crate::plan::{Options, Plan, Role};
use crate::session::{Input, Peer, Session};
use crate::text::charset::Charset;
use crate::time::Time;

fn session(endpoint: &str) -> Session {
    let endpoint = endpoint.parse().unwrap();
    let plan = Plan::resolve(Role::Client, &endpoint, Options::default()).unwrap();
    let peer = Peer {
        number: 1,
        addr: String::new(),
        epoch: 0,
        seed: 0,
    };
    Session::new(Arc::new(plan), peer, Input::Open, Time::ZERO)
}

/// What is noted when these chunks come.
fn hear(session: &mut Session, chunks: &[&[u8]]) -> Vec<String> {
    let mut notes = Vec::new();
    for chunk in chunks {
        session.handle_input(Time::ZERO, chunk);
        loop {
            match session.poll_output() {
                Output::Event(What::Note { kind, message, .. }) => {
                    assert_eq!(kind, UNREADABLE);
                    notes.push(message);
                }
                Output::Wait(_) => break,
                _ => {}
            }
        }
    }
    notes
}

fn gbk(text: &str) -> Vec<u8> {
    let gbk: Charset = "gbk".parse().unwrap();
    gbk.encode(text).unwrap().into_owned()
}

#[test]
fn a_stream_is_told_of_once_with_the_place_in_the_stream() {
    let text = gbk("你好，世界\n");
    let notes = hear(&mut session("tcp://h:1"), &[b"hello\n", &text, &text]);
    assert_eq!(
        notes,
        ["not utf-8 at byte 6; as gb18030 it reads `你好，世界`; `--text gb18030` shows it so"]
    );
}

#[test]
fn a_message_is_told_of_once_with_the_place_in_the_message() {
    for endpoint in ["tcp://h:1?frame=lines", "udp://h:1"] {
        let text = gbk("温度: 25.3\n");
        let notes = hear(&mut session(endpoint), &[b"hello\n", &text, &text]);
        assert_eq!(notes.len(), 1, "{endpoint}");
        assert!(notes[0].starts_with("not utf-8 at byte 0; as gb18030 it reads `温度"));
    }
}

#[test]
fn a_character_between_two_chunks_is_whole() {
    let text = "你好，世界".as_bytes();
    for cut in 0..text.len() {
        let notes = hear(&mut session("tcp://h:1"), &[&text[..cut], &text[cut..]]);
        assert!(notes.is_empty(), "{cut}: {notes:?}");
    }
}

#[test]
fn utf8_where_gbk_was_expected_is_told() {
    let notes = hear(
        &mut session("tcp://h:1?text=gbk"),
        &["服务器连接失败\n".as_bytes()],
    );
    assert_eq!(notes.len(), 1);
    assert!(
        notes[0].contains("as utf-8 it reads `服务器连接失败`"),
        "{notes:?}"
    );
}

#[test]
fn bytes_that_are_no_text_are_not_explained() {
    let binary: &[u8] = &[0x01, 0x03, 0xff, 0x00, 0x80, 0x91];
    assert!(hear(&mut session("tcp://h:1"), &[binary]).is_empty());
    assert!(hear(&mut session("udp://h:1"), &[binary]).is_empty());
    assert!(hear(&mut session("tcp://h:1?text=none"), &[&gbk("你好")]).is_empty());
}

#[test]
fn who_does_not_watch_is_told_nothing() {
    let mut session = session("tcp://h:1");
    session.handle_watch(false);
    assert!(hear(&mut session, &[&gbk("你好，世界")]).is_empty());
    session.handle_watch(true);
    let notes = hear(&mut session, &[&gbk("你好，世界")]);
    assert!(notes[0].starts_with("not utf-8 at byte 10; "), "{notes:?}");
}
