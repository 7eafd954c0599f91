use proptest::prelude::*;
use serde_json::json;

use super::*;

fn line(line: &str) -> Ask {
    Request::of_line(line).unwrap().ask
}

fn object(line: &str) -> Ask {
    Request::of_json(line).ask
}

fn text(room: Option<&str>, text: &str) -> Ask {
    Ask::Text {
        room: room.map(str::to_owned),
        text: text.to_owned(),
    }
}

#[test]
fn what_is_no_command_is_text_as_it_is() {
    let check = |sent: &str, said: &str| assert_eq!(line(sent), text(None, said));
    check("  hi  there ", "  hi  there ");
    check("//etc/passwd", "/etc/passwd");
    check(" /join x", " /join x");
    check("{\"text\":1", "{\"text\":1");
    for nothing in ["", "  ", "\t", "\r"] {
        assert_eq!(Request::of_line(nothing), None, "{nothing:?}");
    }
}

#[test]
fn commands_are_read_in_either_case() {
    assert_eq!(line("/JOIN  dev "), Ask::Join("dev".to_owned()));
    assert_eq!(line("/leave"), Ask::Leave(None));
    assert_eq!(line("/who dev"), Ask::Who(Some("dev".to_owned())));
    let direct = Ask::Direct {
        to: "bob".to_owned(),
        text: "a  b".to_owned(),
    };
    assert_eq!(line("/msg bob  a  b"), direct);
    let history = |lines| Ask::History { room: None, lines };
    assert_eq!(line("/history"), history(None));
    assert_eq!(line("/history 7"), history(Some(7)));
    let topic = |text: &str| Ask::Topic {
        room: None,
        text: Some(text.to_owned()),
    };
    assert_eq!(line("/topic a b"), topic("a b"));
    assert_eq!(line("/topic -"), topic(""));
    assert_eq!(line("/json"), Ask::Json(true));
    assert_eq!(line("/echo OFF"), Ask::Echo(false));
    assert_eq!(line("/quit so long"), Ask::Quit("so long".to_owned()));
}

#[test]
fn a_mistake_says_what_is_wanted() {
    let wants = |usage| Ask::Mistake(Mistake::Wants(usage));
    assert_eq!(line("/msg bob"), wants("/msg NICK TEXT"));
    assert_eq!(line("/history many"), wants("/history N"));
    assert_eq!(line("/history -1"), wants("/history N"));
    assert_eq!(line("/nick"), wants("/nick NAME"));
    assert_eq!(line("/json maybe"), wants("/json on|off"));
    assert_eq!(
        line("/frob x"),
        Ask::Mistake(Mistake::Unknown("frob".to_owned()))
    );
    assert_eq!(line("/"), Ask::Mistake(Mistake::Unknown(String::new())));
    assert_eq!(object(r#"{"kind":"me"}"#), wants("\"text\""));
    assert_eq!(object(r#"{"kind":"frob"}"#), wants(MISSPELT));
    let deep = "[".repeat(100_000);
    for text in ["", "hi", "[]", "{", r#"{"text":7}"#, &deep] {
        let ask = object(text);
        assert!(
            matches!(ask, Ask::Mistake(Mistake::Json(_))),
            "{text:.9}: {ask:?}"
        );
    }
}

#[test]
fn an_object_says_the_same() {
    assert_eq!(object(r#"{"text":"a\nb"}"#), text(None, "a\nb"));
    assert_eq!(
        object(r#"{"text":"a","room":"dev","more":[1]}"#),
        text(Some("dev"), "a")
    );
    let direct = Ask::Direct {
        to: "bob".to_owned(),
        text: "a".to_owned(),
    };
    assert_eq!(object(r#"{"text":"a","to":"bob"}"#), direct);
    let request = Request::of_json(r#"{"text":"a","ref":{"n":1}}"#);
    assert_eq!(request.reference, Some(json!({"n": 1})));
}

fn asks() -> impl Strategy<Value = Ask> {
    let text = || "\\PC*[a-z]";
    let room = || proptest::option::of("\\PC*");
    prop_oneof![
        (room(), text()).prop_map(|(room, text)| Ask::Text { room, text }),
        (room(), text()).prop_map(|(room, text)| Ask::Me { room, text }),
        (text(), text()).prop_map(|(to, text)| Ask::Direct { to, text }),
        text().prop_map(Ask::Nick),
        text().prop_map(Ask::Join),
        room().prop_map(Ask::Leave),
        Just(Ask::Rooms),
        room().prop_map(Ask::Who),
        (room(), room()).prop_map(|(room, text)| Ask::Topic { room, text }),
        (room(), any::<Option<usize>>()).prop_map(|(room, lines)| Ask::History { room, lines }),
        any::<String>().prop_map(Ask::Ping),
        any::<String>().prop_map(Ask::Quit),
        Just(Ask::Help),
    ]
}

proptest! {
    #[test]
    fn a_request_survives_being_written(ask in asks(), reference: Option<u32>) {
        let reference = reference.map(Value::from);
        let request = Request { ask, reference };
        prop_assert_eq!(Request::of_json(&request.to_json().unwrap()), request);
    }

    #[test]
    fn nothing_that_is_sent_does_harm(line: String) {
        let _ = (Request::of_line(&line), Request::of_json(&line));
    }
}
