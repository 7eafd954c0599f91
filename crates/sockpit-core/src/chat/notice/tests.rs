use super::*;

const LANGUAGES: [Language; 2] = [Language::English, Language::Chinese];

/// What somebody could use against a screen, in every place that takes what others sent.
const HOSTILE: &str = "\x1b]0;x\x07\u{202e}\u{9b}\u{200b}\r\n\x7f你";

fn all() -> Vec<Notice> {
    let name: Arc<str> = "anna".into();
    let text = || HOSTILE.to_owned();
    let names = || vec![Arc::clone(&name), Arc::clone(&name)];
    vec![
        Notice::Welcome {
            node: text(),
            greeting: text(),
            room: name.clone(),
            count: 3,
        },
        Notice::Named {
            nick: name.clone(),
            wanted: Some(name.clone()),
        },
        Notice::Entered {
            room: name.clone(),
            topic: HOSTILE.into(),
            members: names(),
            count: 9,
        },
        Notice::Exited {
            room: name.clone(),
            current: None,
        },
        Notice::Current(name.clone()),
        Notice::Members {
            room: name.clone(),
            members: names(),
            count: 2,
        },
        Notice::Rooms {
            rooms: vec![RoomLine {
                room: name.clone(),
                members: 1,
                topic: HOSTILE.into(),
            }],
            count: 2,
        },
        Notice::TopicIs {
            room: name.clone(),
            topic: HOSTILE.into(),
        },
        Notice::NoHistory(name),
        Notice::Pong(text()),
        Notice::Help,
        Notice::Echo(true),
        Notice::Json(false),
        Notice::Charset(text()),
        Notice::Kicked(text()),
        Notice::Banned(text()),
        Notice::Lost(1),
        Notice::Flooded(2),
        Notice::Http,
        Notice::BadNick(NameError::Character('\x1b')),
        Notice::BadRoom(NameError::Long),
        Notice::NoSuchNick(text()),
        Notice::NoSuchRoom(text()),
        Notice::NotIn(text()),
        Notice::BadCharset(text()),
        Notice::Mistake(Mistake::Unknown(text())),
        Notice::Mistake(Mistake::Json(text())),
        Notice::Mistake(Mistake::Wants("/ping")),
    ]
}

#[test]
fn d1_no_notice_moves_a_screen() {
    for notice in all() {
        for language in LANGUAGES {
            let text = notice.say(language);
            let is_seen =
                |c: char| c == '\n' || !c.is_control() && !crate::text::escape::is_hidden(c);
            assert!(text.chars().all(is_seen), "{text:?}");
        }
    }
}

#[test]
fn every_notice_is_said_in_chinese() {
    for notice in all() {
        let chinese = notice.say(Language::Chinese);
        let english = notice.say(Language::English);
        let is_the_same = matches!(notice, Notice::Pong(_));
        assert_eq!(chinese == english, is_the_same, "{english}");
    }
}

#[test]
fn a_long_row_says_how_many_more_there_are() {
    let members = vec!["a".into(), "b".into()];
    let notice = Notice::Members {
        room: "lobby".into(),
        members,
        count: 5,
    };
    assert_eq!(notice.say(Language::English), "5 are in lobby: a, b, … +3");
}

#[test]
fn errors_have_a_word_and_a_mark_of_their_own() {
    for notice in all() {
        assert_eq!(
            notice.code().is_some(),
            notice.kind() == "error",
            "{notice:?}"
        );
    }
    assert_eq!(Notice::Nowhere.mark(), "! ");
    assert_eq!(Notice::Lost(1).mark(), "! ");
    assert_eq!(Notice::Help.mark(), "* ");
}
