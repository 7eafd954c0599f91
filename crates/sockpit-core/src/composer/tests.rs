//! What is written becomes bytes whose meaning is known.

use proptest::prelude::*;

use super::{Content, Draft, Part};
use crate::plan::{Eol, Options, Plan, Role};

fn plan(endpoint: &str) -> Plan {
    let endpoint = endpoint.parse().expect("an endpoint");
    Plan::resolve(Role::Client, &endpoint, Options::default()).expect("a plan")
}

fn text(text: &str) -> Draft {
    Draft {
        content: Content::Text {
            text: text.to_owned(),
            has_escapes: true,
        },
        charset: None,
        eol: None,
        checksum: None,
    }
}

/// The bytes that go out, each run with the first letter of what it is.
fn shown(plan: &Plan, draft: &Draft) -> String {
    let composed = plan.compose(draft).expect("it is a message");
    let mut at = 0;
    let runs = composed.marks.iter().map(|mark| {
        assert_eq!(mark.range.start, at, "there is no gap");
        at = mark.range.end;
        let bytes = &composed.message.wire[mark.range.clone()];
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{digits}", &mark.part.as_str()[..1])
    });
    let shown = runs.collect::<Vec<_>>().join(" ");
    assert_eq!(at, composed.message.wire.len(), "all is marked");
    shown
}

#[test]
fn each_byte_says_what_it_is() {
    let raw = plan("tcp://h:1");
    assert_eq!(shown(&raw, &text("a\\x00")), "p:6100 e:0a");
    let lines = plan("tcp://h:1?frame=lines&text=gbk");
    assert_eq!(shown(&lines, &text("你")), "p:c4e3 f:0a");
    let modbus = plan("tcp://h:1?frame=len:u16be&checksum=modbus&eol=crlf");
    assert_eq!(shown(&modbus, &text("a")), "f:0005 p:61 e:0d0a c:a489");
    let within = plan("udp://h:1?checksum=xor,at=1");
    assert_eq!(shown(&within, &text("aXb")), "p:61 c:03 p:62");
    let slip = plan("tcp://h:1?frame=slip");
    assert_eq!(shown(&slip, &text("a\\xc0")), "f:c0 p:61 f:db p:dc f:c0");
}

#[test]
fn the_draft_wins_over_the_session() {
    let plan = plan("tcp://h:1?checksum=modbus");
    let draft = Draft {
        charset: Some("gbk".parse().expect("a charset")),
        eol: Some(Eol::None),
        checksum: Some(None),
        ..text("你")
    };
    assert_eq!(shown(&plan, &draft), "p:c4e3");
    let bytes = Draft {
        content: Content::Hex("0x01, 02".to_owned()),
        ..text("")
    };
    assert_eq!(shown(&plan, &bytes), "p:0102 c:81e1");
    let ended = Draft {
        eol: Some(Eol::CrLf),
        ..bytes
    };
    assert!(shown(&plan, &ended).starts_with("p:0102 e:0d0a c:"));
    assert_eq!(Part::Eol.as_str(), "eol");
}

#[test]
fn a_mistake_has_its_place() {
    let plan = plan("tcp://h:1?text=latin1&frame=fixed:2");
    let place = |draft: &Draft| plan.compose(draft).expect_err("it is none").place();
    assert_eq!(place(&text("a\\q")), Some(1..3));
    assert_eq!(place(&text("é你")), Some(1..2));
    assert_eq!(place(&text("a\\")), Some(1..2));
    assert_eq!(place(&text("abc")), None);
    let digits = Draft {
        content: Content::Hex("0 g".to_owned()),
        ..text("")
    };
    assert_eq!(place(&digits), Some(2..3));
}

proptest! {
    #[test]
    fn any_bytes_read_back_as_text_with_escapes(bytes: Vec<u8>, gbk: bool) {
        let plan = plan("udp://h:1?checksum=modbus");
        let charset = if gbk { "gbk" } else { "utf-8" }.parse().expect("a charset");
        let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let draft = Draft { content: Content::Hex(digits), charset: Some(charset), ..text("") };
        let composed = plan.compose(&draft).expect("it is a message");
        prop_assert_eq!(&composed.content, &bytes);
        let again = Draft { charset: Some(charset), ..text(&composed.text(charset, true)) };
        let again = plan.compose(&again).expect("it is a message");
        prop_assert_eq!(&again.content, &bytes);
    }
}

#[test]
fn what_was_written_is_told_without_what_is_added() {
    let plan = plan("tcp://h:1?checksum=xor,at=0&eol=crlf");
    let composed = plan
        .compose(&text("?温\\x01\\\\"))
        .expect("it is a message");
    assert_eq!(&composed.content[..], "?温\u{1}\\".as_bytes());
    let utf8 = "utf-8".parse().expect("a charset");
    assert_eq!(composed.text(utf8, true), "?温\\x01\\\\");
    assert_eq!(composed.text(utf8, false), "?温\u{1}\\");
}
