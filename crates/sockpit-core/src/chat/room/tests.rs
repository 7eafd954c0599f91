use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::chat::line::Form;
use crate::chat::visitor::{self, Visitor};
use crate::machine::{Machine, Output as Out};

mod cluster;
mod laws;
mod limits;
mod operator;

/// A hub with real visitors, and what each of them has read.
struct World {
    hub: Hub,
    now: Time,
    visitors: BTreeMap<Member, Visitor>,
    screens: BTreeMap<Member, String>,
    closed: BTreeMap<Member, Reason>,
    log: Vec<Arc<Entry>>,
    shared: Vec<Arc<Entry>>,
}

impl World {
    fn new(settings: Settings) -> Self {
        Self {
            hub: Hub::new(settings),
            now: Time::ZERO,
            visitors: BTreeMap::new(),
            screens: BTreeMap::new(),
            closed: BTreeMap::new(),
            log: Vec::new(),
            shared: Vec::new(),
        }
    }

    fn enter(&mut self, number: u64) {
        let facts = Facts {
            addr: format!("tcp://10.0.0.{number}:5"),
            ip: format!("10.0.0.{number}").parse().ok(),
            is_loopback: false,
        };
        self.enter_as(number, facts);
    }

    fn enter_as(&mut self, number: u64, facts: Facts) {
        let member = Member(number);
        let visitor = Visitor::new(Arc::new(visitor::Settings::default()));
        self.visitors.insert(member, visitor);
        self.screens.insert(member, String::new());
        self.hub.enter(self.now, member, facts);
        self.settle();
    }

    /// Somebody comes, answers the prompt, and has read what came of it.
    fn enter_named(&mut self, number: u64, nick: &str) {
        self.enter(number);
        self.types(number, nick);
        self.read(number);
    }

    fn types(&mut self, number: u64, line: &str) {
        self.types_bytes(number, format!("{line}\n").as_bytes());
    }

    fn types_bytes(&mut self, number: u64, bytes: &[u8]) {
        if let Some(visitor) = self.visitors.get_mut(&Member(number)) {
            visitor.handle_input(self.now, bytes);
        }
        self.settle();
    }

    fn ends(&mut self, number: u64) {
        if let Some(visitor) = self.visitors.get_mut(&Member(number)) {
            visitor.handle_end(self.now);
        }
        self.settle();
    }

    fn passes(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let Output::Wait(due) = self.hub.poll_output() else {
                panic!("not drained");
            };
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            assert!(self.now <= due);
            self.now = due;
            self.hub.handle_timeout(due);
            self.settle();
        }
        self.now = end;
    }

    /// Carries everything out, as an engine does.
    fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            let members: Vec<Member> = self.visitors.keys().copied().collect();
            for member in members {
                while let Some(visitor) = self.visitors.get_mut(&member) {
                    match visitor.poll_output() {
                        Out::Event(request) => self.hub.hear(self.now, member, request),
                        Out::Transmit(bytes) => {
                            let (Form::Plain(charset) | Form::Json(charset)) = visitor.form();
                            let text = charset.decode(&bytes).text;
                            self.screens.get_mut(&member).unwrap().push_str(&text);
                        }
                        Out::Close(reason) => {
                            self.closed.insert(member, reason);
                            self.visitors.remove(&member);
                            self.hub.leave(self.now, member, reason);
                        }
                        Out::Shutdown => {}
                        Out::Wait(_) => break,
                    }
                    is_quiet = false;
                }
            }
            loop {
                match self.hub.poll_output() {
                    Output::Deliver { to, line } => {
                        assert_eq!(to.iter().count(), to.count());
                        for member in to.iter() {
                            if let Some(visitor) = self.visitors.get_mut(&member) {
                                visitor.deliver(&line);
                            }
                        }
                    }
                    Output::Dismiss { member, line, why } => {
                        if let Some(visitor) = self.visitors.get_mut(&member) {
                            visitor.dismiss(line.as_deref(), why);
                        }
                    }
                    Output::Log(entry) => self.log.push(entry),
                    Output::Share(entry) => self.shared.push(entry),
                    Output::Wait(_) => break,
                }
                is_quiet = false;
            }
            if is_quiet {
                return;
            }
        }
    }

    /// What somebody has read since this was last asked.
    fn read(&mut self, number: u64) -> String {
        std::mem::take(self.screens.get_mut(&Member(number)).unwrap())
    }

    #[track_caller]
    fn reads(&mut self, number: u64, expected: &str) {
        assert_eq!(self.read(number), expected, "of {number}");
    }
}

fn world() -> World {
    World::new(Settings::default())
}

fn two() -> World {
    let mut world = world();
    world.enter_named(1, "anna");
    world.enter_named(2, "bob");
    world.read(1);
    world
}

#[test]
fn somebody_is_greeted_and_answers_with_a_nickname() {
    let mut world = World::new(Settings {
        welcome: "be kind\nto each other".to_owned(),
        node: "berlin".to_owned(),
        topic: "tea".to_owned(),
        ..Settings::default()
    });
    world.enter(1);
    world.reads(
        1,
        "* welcome to berlin; nobody is in lobby, and `/help` says what there is\n\
         * be kind\n* to each other\n* what is your nickname? (`nick`, or `nick@room`)\n",
    );
    world.types(1, " anna ");
    world.reads(
        1,
        "* you are anna\n* you are in lobby, alone\n* it is about: tea\n",
    );
    world.enter(2);
    world.types(2, "ANNA@Dev");
    let text = world.read(2);
    let expected = "* you are ANNA-2, because ANNA is somebody else\n* you are in Dev, alone\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_bad_answer_is_asked_again() {
    let mut world = world();
    world.enter(1);
    world.read(1);
    world.types(1, "hello everybody");
    world.reads(1, "! a nickname has no blanks\n");
    world.types(1, "anna@a/b");
    world.reads(1, "! a name of a room has no `/`\n");
    world.types(1, "/msg bob hi");
    world.reads(1, "! choose a nickname first: `/nick NAME`\n");
    world.types(1, "/nick anna@dev");
    world.reads(1, "* you are anna\n* you are in dev, alone\n");
}

#[test]
fn what_is_said_is_heard_by_the_others() {
    let mut world = two();
    world.types(1, "hi");
    world.types(1, "//join");
    world.types(1, "/me waves");
    world.reads(1, "");
    world.reads(
        2,
        "[lobby] anna: hi\n[lobby] anna: /join\n[lobby] * anna waves\n",
    );
    world.types(2, "/echo on");
    world.types(2, "ho");
    world.reads(2, "* what you say comes back to you\n[lobby] bob: ho\n");
    world.reads(1, "[lobby] bob: ho\n");
}

#[test]
fn comings_and_goings_are_told() {
    let mut world = two();
    world.enter_named(3, "carl");
    world.reads(1, "* carl joined lobby\n");
    world.types(3, "/nick Carla");
    world.reads(3, "* you are Carla\n");
    world.reads(1, "* carl is now Carla\n");
    world.types(3, "/quit so long");
    world.reads(3, "* goodbye\n");
    world.reads(1, "* Carla left lobby: so long\n");
    assert_eq!(world.closed[&Member(3)], Reason::Fin);
    world.types_bytes(2, b"bye");
    world.ends(2);
    world.reads(1, "[lobby] bob: bye\n* bob left lobby\n");
    assert_eq!(world.hub.stat().members, 1);
}

#[test]
fn one_says_it_to_one() {
    let mut world = two();
    world.enter_named(3, "carl");
    for number in 1..=3 {
        world.read(number);
    }
    world.types(1, "/msg BOB psst");
    world.reads(2, "-> anna: psst\n");
    world.reads(1, "");
    world.reads(3, "");
    assert!(world.log.iter().all(|entry| entry.kind != Kind::Direct));
    world.types(1, "/msg dora psst");
    world.reads(1, "! nobody is called `dora`\n");
    world.types(1, "/msg #lobby all");
    world.reads(3, "[lobby] anna: all\n");
}

#[test]
fn one_may_be_in_several_rooms() {
    let mut world = two();
    world.types(1, "/join #dev");
    world.reads(1, "* you are in dev, alone\n");
    world.types(2, "/join DEV");
    world.reads(1, "* bob joined dev\n");
    world.reads(2, "* you are in dev, with anna\n");
    world.types(1, "in dev");
    world.types(1, "/join lobby");
    world.types(1, "in lobby");
    world.reads(2, "[dev] anna: in dev\n[lobby] anna: in lobby\n");
    world.reads(1, "* what you say goes to lobby\n");
    world.types(1, "/leave");
    world.reads(1, "* you left lobby; what you say goes to dev\n");
    world.types(1, "/leave dev");
    world.reads(
        1,
        "* you left dev, and are in no room; `/join ROOM` enters one\n",
    );
    world.types(1, "hello?");
    world.reads(1, "! you are in no room; `/join ROOM` enters one\n");
    world.types(1, "/leave dev");
    world.reads(1, "! you are not in `dev`; `/join dev` enters it\n");
}

#[test]
fn what_there_is_can_be_asked() {
    let mut world = two();
    world.types(1, "/who");
    world.reads(1, "* 2 are in lobby: anna, bob\n");
    world.types(1, "/who nowhere");
    world.reads(1, "! there is no room `nowhere`; `/rooms` lists them\n");
    world.types(1, "/topic all about tea");
    world.reads(1, "* anna set the topic of lobby: all about tea\n");
    world.reads(2, "* anna set the topic of lobby: all about tea\n");
    world.types(2, "/topic");
    world.reads(2, "* lobby is about: all about tea\n");
    world.types(2, "/rooms");
    world.reads(2, "* there is 1 room:\n*   lobby (2) all about tea\n");
    world.types(2, "/topic -");
    world.reads(1, "* bob took the topic from lobby\n");
    world.types(1, &format!("/topic {}", "x".repeat(1000)));
    assert_eq!(
        world.read(2).lines().last().unwrap().len(),
        "* anna set the topic of lobby: ".len() + 250
    );
    world.read(1);
    world.types(1, "/ping 1");
    world.reads(1, "* pong 1\n");
    world.types(1, "/frob");
    world.reads(
        1,
        "! there is no command `/frob`; `/help` lists them, and `//` sends a slash\n",
    );
}

#[test]
fn who_comes_in_reads_what_was_said() {
    let mut world = two();
    for number in 0..25 {
        world.types(1, &format!("line {number}"));
        world.passes(Duration::from_secs(1));
    }
    world.enter_named(3, "carl");
    world.enter(4);
    world.read(4);
    world.types(4, "dora");
    let text = world.read(4);
    let lines: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(lines.len(), 20);
    assert_eq!(lines[0], "[lobby 01-01 00:00:05] anna: line 5");
    world.types(4, "/history 1");
    world.reads(4, "[lobby 01-01 00:00:24] anna: line 24\n");
    world.types(4, "/history 99999999999");
    assert_eq!(world.read(4).lines().count(), 25);
}

#[test]
fn a_program_gets_the_id_of_what_it_said() {
    let mut world = two();
    world.types(1, "/json on");
    world.types(2, "/json on");
    world.read(2);
    world.types(2, r#"{"text":"a\nb","ref":"x1"}"#);
    let object = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let said = object(world.read(2));
    assert_eq!(
        (&said["kind"], &said["ref"]),
        (&"said".into(), &"x1".into())
    );
    let text = world.read(1);
    let heard = object(text.lines().last().unwrap().to_owned());
    assert_eq!(heard["id"], said["id"]);
    assert_eq!(
        (&heard["text"], &heard["from"]),
        (&"a\nb".into(), &"bob".into())
    );
    world.types(2, r#"{"kind":"who","ref":2}"#);
    let who = object(world.read(2));
    assert_eq!(who["members"], serde_json::json!(["anna", "bob"]));
    assert_eq!(who["ref"], 2);
    world.types(2, r#"{"kind":"join","room":"a b","ref":3}"#);
    let error = object(world.read(2));
    assert_eq!(
        (&error["code"], &error["ref"]),
        (&"bad-room".into(), &3.into())
    );
}

#[test]
fn a_program_begins_with_json_and_a_nickname() {
    let mut world = world();
    world.enter(1);
    world.types_bytes(
        1,
        b"/json on\n{\"text\":\"hi\"}\n/nick bot\n{\"text\":\"hi\"}\n",
    );
    let text = world.read(1);
    let objects = text.lines().filter(|line| line.starts_with('{'));
    let kinds: Vec<String> = objects
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].to_string())
        .collect();
    assert_eq!(
        kinds,
        [
            "\"info\"",
            "\"error\"",
            "\"named\"",
            "\"entered\"",
            "\"said\""
        ]
    );
}

#[test]
fn gbk_reads_right_in_utf_8_and_back() {
    let mut world = two();
    world.types_bytes(2, b"/charset gbk\n\xc4\xe3\xba\xc3\n");
    world.reads(1, "[lobby] bob: 你好\n");
    world.reads(2, "* your charset is gbk\n");
    world.types(1, "/nick 小明");
    world.types(1, "你好😀");
    world.reads(2, "* anna is now 小明\n[lobby] 小明: 你好\\u{1f600}\n");
}
