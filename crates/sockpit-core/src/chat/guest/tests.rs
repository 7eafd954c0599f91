use std::time::Duration;

use serde_json::{Value, json};

use super::saying::{FAREWELL, FLOOD_PAUSE};
use super::*;
use crate::chat::notice::Notice;
use crate::strings::Language;
use crate::text::charset::Charset;

/// A guest with a link, driven by hand.
struct Driven {
    guest: Guest,
    now: Time,
    told: Vec<Told>,
    sent: String,
    end: Option<Reason>,
}

impl Driven {
    fn new(settings: Settings) -> Self {
        let mut driven = Self {
            guest: Guest::new(settings),
            now: Time::ZERO,
            told: Vec::new(),
            sent: String::new(),
            end: None,
        };
        driven.link();
        driven
    }

    fn link(&mut self) {
        self.guest.begin(self.now);
        self.drain();
    }

    fn drain(&mut self) -> Option<Time> {
        loop {
            match self.guest.poll_output() {
                Output::Event(told) => self.told.push(told),
                Output::Transmit(bytes) => self.sent += std::str::from_utf8(&bytes).unwrap(),
                Output::Shutdown => self.sent += "<end>",
                Output::Close(reason) => self.end = Some(reason),
                Output::Wait(time) => return time,
            }
        }
    }

    fn hear(&mut self, text: &str) {
        self.guest.handle_input(self.now, text.as_bytes());
        self.drain();
    }

    fn hear_object(&mut self, object: &Value) {
        self.hear(&format!("{object}\n"));
    }

    fn greet(&mut self) {
        self.hear(
            "* welcome; nobody in lobby\n* what is your nickname? (`nick`, or `nick@room`)\n",
        );
    }

    /// Lets it in, without a history.
    fn let_in(&mut self) {
        self.greet();
        self.hear_object(&json!({"kind": "welcome", "text": "welcome"}));
        self.hear_object(&json!({"kind": "named", "from": "bob", "ref": "nick"}));
        self.hear_object(&json!({"kind": "entered", "room": "lobby"}));
        self.hear_object(&json!({"kind": "pong", "ref": "ready"}));
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        self.guest.handle_timeout(self.now);
        self.drain();
    }

    fn say(&mut self, line: &str) -> Result<(), Refusal> {
        let request = Request::of_line(line).unwrap();
        let result = self.guest.ask(request.ask);
        self.guest.go_on(self.now);
        self.drain();
        result
    }

    fn sent(&mut self) -> String {
        std::mem::take(&mut self.sent)
    }

    /// Kinds and texts of what was told since.
    fn told(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.told);
        let line = |told: &Told| match told.kind.as_str() {
            "fate" => format!("fate {} {}", told.data["key"], told.data["fate"]),
            kind => format!("{kind} {}", told.data["text"].as_str().unwrap_or("")),
        };
        told.iter()
            .filter(|told| told.kind != "place")
            .map(|told| line(told).trim_end().to_owned())
            .collect()
    }
}

fn settings() -> Settings {
    Settings {
        nick: "bob".to_owned(),
        rooms: Vec::new(),
        history: None,
        charset: Charset::UTF_8,
    }
}

fn text(id: &str, from: &str, text: &str) -> Value {
    json!({"kind": "text", "room": "lobby", "from": from, "text": text, "id": id})
}

#[test]
fn a_room_is_known_in_every_language() {
    for language in [Language::English, Language::Chinese] {
        let welcome = Notice::Welcome {
            node: String::new(),
            greeting: "be kind".to_owned(),
            room: "lobby".into(),
            count: 3,
        };
        let mut driven = Driven::new(settings());
        for line in welcome.say(language).lines() {
            driven.hear(&format!("* {line}\n"));
        }
        let sent = driven.sent();
        assert!(sent.starts_with("/json on\n"), "{language:?}: {sent}");
    }
}

#[test]
fn a_room_is_known_by_its_greeting_and_nothing_is_sent_before() {
    let mut driven = Driven::new(settings());
    driven.say("early").unwrap();
    driven.hear("* welcome; nobody in lobby\n");
    assert_eq!(driven.sent(), "");
    driven.greet();
    let sent = driven.sent();
    assert!(
        sent.starts_with("/json on\n{\"kind\":\"nick\",\"text\":\"bob\",\"ref\":\"nick\"}\n"),
        "{sent}"
    );
    assert!(!sent.contains("early"));
    driven.hear_object(&json!({"kind": "named", "from": "bob-2", "ref": "nick"}));
    driven.hear_object(&json!({"kind": "entered", "room": "lobby"}));
    driven.hear_object(&json!({"kind": "pong", "ref": "ready"}));
    assert_eq!(
        driven.sent(),
        "{\"kind\":\"text\",\"room\":\"lobby\",\"text\":\"early\",\"ref\":1}\n"
    );
    driven.hear_object(&json!({"kind": "said", "room": "lobby", "id": "01", "ref": 1}));
    assert_eq!(
        driven.told(),
        ["named", "entered", "own early", "fate 1 \"kept\""]
    );
}

#[test]
fn another_chat_gets_lines_and_nothing_else() {
    for first in ["<announce> 127.0.0.1 is connected\n", ""] {
        let mut driven = Driven::new(Settings {
            charset: "gbk".parse().unwrap(),
            ..settings()
        });
        driven.say("one").unwrap();
        driven.hear(first);
        driven.wait(PATIENCE);
        assert_eq!(driven.sent(), "one\n", "{first:?}");
        assert_eq!(driven.say("/who"), Err(Refusal::Plain));
        driven.say("//x").unwrap();
        driven.guest.handle_input(driven.now, b"\xc4\xe3\xba\xc3\n");
        driven.say("/quit").unwrap();
        assert_eq!(driven.sent(), "/x\n<end>");
        let told = driven.told();
        assert!(told.contains(&"line 你好".to_owned()), "{told:?}");
        driven.wait(FAREWELL);
        assert_eq!(driven.end, Some(Reason::Local));
    }
}

#[test]
fn who_says_one_thing_and_leaves_is_heard_first() {
    let mut driven = Driven::new(settings());
    driven.say("hi").unwrap();
    driven.guest.finish();
    driven.guest.go_on(driven.now);
    driven.drain();
    driven.let_in();
    let sent = driven.sent();
    assert!(
        sent.contains("\"text\":\"hi\"") && !sent.contains("quit"),
        "{sent}"
    );
    driven.hear_object(&json!({"kind": "said", "room": "lobby", "id": "01", "ref": 1}));
    assert_eq!(driven.sent(), "{\"kind\":\"quit\",\"text\":\"\"}\n");
    driven.guest.handle_end(driven.now);
    driven.drain();
    assert_eq!(driven.end, Some(Reason::Fin));
}

#[test]
fn a_new_link_takes_up_where_the_last_one_broke_and_nothing_is_lost_or_doubled() {
    let mut driven = Driven::new(settings());
    driven.let_in();
    driven.hear_object(&text("01", "anna", "first"));
    driven.say("arrived, without a receipt").unwrap();
    driven.say("never arrived").unwrap();
    driven.sent();
    driven.told();
    driven.guest.handle_fault(driven.now, Fault::Reset);
    driven.drain();
    assert_eq!(driven.end.take(), Some(Reason::Reset));
    driven.say("while away").unwrap();
    assert_eq!(driven.say("/who"), Err(Refusal::Away));

    driven.link();
    driven.greet();
    let sent = driven.sent();
    assert!(sent.contains("bob@lobby"), "{sent}");
    assert!(
        sent.contains("\"kind\":\"history\",\"room\":\"lobby\",\"lines\":65535"),
        "{sent}"
    );
    driven.hear_object(&json!({"kind": "named", "from": "bob", "ref": "nick"}));
    driven.hear_object(&json!({"kind": "entered", "room": "lobby"}));
    // A short replay, something new, and the whole history.
    driven.hear_object(&text("04", "anna", "later"));
    driven.hear_object(&text("05", "anna", "live"));
    for (id, from, said) in [
        ("01", "anna", "first"),
        ("02", "bob", "arrived, without a receipt"),
        ("03", "carl", "missed"),
        ("04", "anna", "later"),
    ] {
        driven.hear_object(&text(id, from, said));
    }
    assert_eq!(driven.told(), ["named", "entered"]);
    driven.hear_object(&json!({"kind": "pong", "ref": "ready"}));
    assert_eq!(
        driven.told(),
        [
            "fate 1 \"kept\"",
            "text missed",
            "text later",
            "text live",
            "own never arrived"
        ]
    );
    driven.hear_object(&json!({"kind": "said", "id": "06", "ref": 2}));
    assert_eq!(driven.told(), ["fate 2 \"kept\"", "own while away"]);
    let sent = driven.sent();
    assert_eq!(sent.matches("\"kind\":\"text\"").count(), 2, "{sent}");
}

#[test]
fn as_much_history_as_is_wanted_is_told() {
    for (history, expected) in [(0, &["text live"][..]), (1, &["text b", "text live"])] {
        let mut driven = Driven::new(Settings {
            history: Some(history),
            ..settings()
        });
        driven.greet();
        assert_eq!(driven.sent().contains("history"), history > 0);
        driven.hear_object(&json!({"kind": "named", "from": "bob", "ref": "nick"}));
        driven.told();
        for (id, said) in [("01", "a"), ("02", "b"), ("01", "a")] {
            let mut object = text(id, "anna", said);
            object["replayed"] = json!(true);
            driven.hear_object(&object);
        }
        driven.hear_object(&text("03", "anna", "live"));
        driven.hear_object(&json!({"kind": "pong", "ref": "ready"}));
        assert_eq!(driven.told(), expected);
    }
}

#[test]
fn what_a_room_refuses_as_too_much_is_said_again_later() {
    let mut driven = Driven::new(settings());
    driven.let_in();
    driven.say("a").unwrap();
    driven.say("b").unwrap();
    driven.hear_object(&json!({"kind": "said", "id": "01", "ref": 1}));
    assert!(driven.sent().ends_with("\"b\",\"ref\":2}\n"));
    driven.hear_object(&json!({"kind": "error", "code": "flooded", "text": "too fast"}));
    // It is no error, as nothing is lost.
    assert_eq!(
        driven.told().last().map(String::as_str),
        Some("slowed too fast")
    );
    driven.say("c").unwrap();
    assert_eq!(driven.sent(), "");
    driven.wait(FLOOD_PAUSE);
    assert!(driven.sent().contains("ping"));
    driven.hear_object(&json!({"kind": "pong", "ref": "alive"}));
    let sent = driven.sent();
    assert!(sent.contains("\"b\"") && !sent.contains("\"a\""), "{sent}");
}

#[test]
fn what_is_refused_while_entering_is_asked_for_again() {
    let mut driven = Driven::new(Settings {
        rooms: vec!["a".to_owned(), "b".to_owned()],
        ..settings()
    });
    driven.greet();
    driven.sent();
    driven.hear_object(&json!({"kind": "named", "from": "bob", "ref": "nick"}));
    driven.hear_object(&json!({"kind": "entered", "room": "a"}));
    driven.hear_object(&json!({"kind": "error", "code": "flooded", "text": "2 lines"}));
    assert_eq!(driven.sent(), "");
    driven.wait(FLOOD_PAUSE);
    let sent = driven.sent();
    assert!(sent.contains("\"join\"") && sent.contains("ping"), "{sent}");
    assert!(!sent.contains("\"a\"") && !sent.contains("bob"), "{sent}");
    driven.hear_object(&json!({"kind": "entered", "room": "b"}));
    driven.hear_object(&json!({"kind": "pong", "ref": "ready"}));
    assert!(driven.guest.is_ready());
    assert_eq!(driven.guest.rooms(), ["a", "b"]);
}

#[test]
fn rooms_are_turned_to_by_name_and_place() {
    let mut driven = Driven::new(settings());
    driven.let_in();
    driven.hear_object(&json!({"kind": "entered", "room": "dev"}));
    assert_eq!(driven.guest.current, "dev");
    driven.guest.turn("1").unwrap();
    driven.say("/me waves").unwrap();
    assert!(
        driven
            .sent()
            .ends_with("{\"kind\":\"me\",\"room\":\"lobby\",\"text\":\"waves\",\"ref\":1}\n")
    );
    driven.guest.turn("DEV").unwrap();
    assert_eq!(driven.guest.turn("3"), Err(Refusal::NotIn("3".to_owned())));
    assert_eq!(driven.guest.turn("0"), Err(Refusal::NotIn("0".to_owned())));
    driven.hear_object(&json!({"kind": "exited", "room": "dev"}));
    assert_eq!(driven.guest.current, "lobby");
}

#[test]
fn a_room_that_is_silent_is_asked_and_then_given_up() {
    let mut driven = Driven::new(settings());
    driven.let_in();
    driven.sent();
    driven.wait(SILENCE);
    assert!(driven.sent().contains("ping"));
    driven.wait(ANSWER);
    assert_eq!(driven.end, Some(Reason::Timeout));
}

#[test]
fn who_was_thrown_out_stays_out() {
    let mut driven = Driven::new(settings());
    driven.let_in();
    driven.hear_object(&json!({"kind": "error", "code": "kicked", "text": "thrown out"}));
    assert!(driven.guest.is_leaving());
}

#[test]
fn nothing_that_a_server_says_makes_it_panic() {
    let junk = [
        "{}\n",
        "{\"kind\":1}\n",
        "[]\n",
        "null\n",
        "{\"kind\":\"entered\"}\n",
        "\n",
        "\u{0}\n",
        "{\"kind\":\"said\",\"ref\":99}\n",
        "{\"kind\":\"pong\",\"ref\":\"ready\"}\n",
        "{\"kind\":\"exited\"}\n",
        "{\"kind\":\"text\",\"id\":\"\"}\n",
        "{\"kind\":\"error\",\"code\":\"flooded\"}\n",
        "\x1b[2J\n",
    ];
    let mut driven = Driven::new(settings());
    driven.greet();
    for _ in 0..3 {
        for line in junk {
            driven.hear(line);
            driven.wait(Duration::from_millis(300));
        }
    }
}

mod with_a_hub;
