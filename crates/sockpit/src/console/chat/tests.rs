use super::*;
use crate::console::Aid;

fn screen(has_colour: bool) -> ChatScreen {
    let mut screen = ChatScreen::new(ChatLook {
        is_terminal: true,
        has_colour,
        rings: false,
    });
    screen.call("bob");
    screen
}

fn said(text: &str) -> Said<'_> {
    Said {
        at: now(),
        direction: Direction::In,
        room: Some("lobby"),
        from: "anna",
        manner: Manner::Plain,
        text,
    }
}

/// A moment of today, so that no line says which day it is.
fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap()
}

/// What is drawn, without the time.
fn drawn(screen: &mut ChatScreen) -> String {
    let text = screen.finish();
    let lines = text.lines().map(|line| line.get(9..).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_message_says_when_where_and_who() {
    let mut screen = screen(false);
    screen.said(&said("hello"));
    screen.said(&Said {
        manner: Manner::Action,
        ..said("waves")
    });
    screen.said(&Said {
        manner: Manner::Direct { to: None },
        ..said("psst")
    });
    screen.notice(now(), Some("lobby"), "carl joined");
    assert_eq!(
        drawn(&mut screen),
        ">> [lobby] anna: hello\n>> [lobby] * anna waves\n>> [direct] anna: psst\n · [lobby] carl joined"
    );
}

#[test]
fn d2_names_rooms_and_texts_do_not_reach_the_terminal_as_they_are() {
    let mut screen = screen(true);
    screen.said(&Said {
        room: Some("a\x1b[2J"),
        from: "\x1b]0;title\x07\u{202e}anna\u{9b}31m",
        ..said("\x1b]52;c;aGk=\x07 bob\x1b[31m\r\nforged: line")
    });
    screen.notice(now(), None, "\x1b[2J");
    let text = screen.finish();
    assert_eq!(text.lines().count(), 2, "{text}");
    for bad in [
        "\x1b]", "\x1b[2J", "\x07", "\u{202e}", "\u{9b}", "\r", "\x1b[31m",
    ] {
        assert!(!text.contains(bad), "{bad:?} in {text:?}");
    }
}

#[test]
fn a_tick_stands_on_its_line_if_it_is_known_in_time() {
    let own = Said {
        direction: Direction::Out,
        from: "bob",
        ..said("hi")
    };
    let mut screen = screen(false);
    let early = Instant::now();
    screen.sent(&own, 1);
    screen.said(&said("later"));
    assert_eq!(screen.take(early), "");
    screen.fate(1, Fate::Kept);
    screen.fate(1, Fate::Delivered);
    let text = screen.take(early);
    assert!(text.contains("<< [lobby] bob: hi ✓✓\n"), "{text}");
    assert!(text.ends_with("anna: later\n"), "{text}");

    screen.sent(&own, 2);
    let late = screen.due().unwrap();
    assert!(screen.take(late).ends_with("bob: hi\n"));
    screen.fate(2, Fate::Lost);
    assert_eq!(screen.finish(), "<< ! not delivered: hi\n");
    screen.fate(2, Fate::Lost);
    assert_eq!(screen.finish(), "");

    screen.sent(&own, 3);
    screen.fate(3, Fate::Sent);
    assert!(screen.take(early).ends_with("bob: hi\n"));
}

#[test]
fn a_mention_stands_out_and_may_ring() {
    let mut screen = screen(true);
    screen.look.rings = true;
    screen.said(&said("Bob, look"));
    let text = screen.finish();
    assert!(text.contains("\x1b[7mBob\x1b[0m, look"), "{text:?}");
    assert!(text.ends_with("\x07\n"), "{text:?}");
    screen.said(&said("bobby"));
    assert!(!screen.finish().contains("\x1b[7m"));
}

#[test]
fn nicks_are_found_as_words() {
    let found = |text, nick| mentions(text, nick).len();
    assert_eq!(found("bob: @BOB (bob) bob", "bob"), 4);
    assert_eq!(found("bobby kebob bob-2 bob_", "bob"), 0);
    assert_eq!(found("你好小明,在吗", "小明"), 1);
    assert_eq!(found("bob在吗", "bob"), 1);
    assert_eq!(found("ΣΊΣΥΦΟΣ", "σίσυφοσ"), 1);
    assert_eq!(found("anything", ""), 0);
}

#[test]
fn a_program_gets_lines_as_rooms_write_them() {
    let mut screen = ChatScreen::new(ChatLook {
        is_terminal: false,
        has_colour: false,
        rings: true,
    });
    screen.call("anna");
    screen.said(&said("hello anna\nforged"));
    screen.said(&Said {
        room: None,
        manner: Manner::Direct { to: None },
        ..said("psst")
    });
    screen.said(&Said {
        direction: Direction::Out,
        ..said("own")
    });
    screen.notice(now(), None, "carl joined");
    assert_eq!(
        screen.finish(),
        "[lobby] anna: hello anna\\nforged\n-> anna: psst\n"
    );
}

#[test]
fn a_line_of_another_day_says_which() {
    let mut screen = screen(false);
    screen.said(&Said {
        at: 1_000_000_000_000_000_000,
        ..said("old")
    });
    screen.said(&said("new"));
    let text = screen.finish();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.starts_with("── 2001-09-0"), "{text}");
}

#[test]
fn names_keep_their_colour_and_colours_read_on_black_and_on_white() {
    assert_eq!(colour::of_name("Anna"), colour::of_name("anna"));
    for code in colour::PALETTE {
        let steps = [0.0, 95.0, 135.0, 175.0, 215.0, 255.0];
        let cube = usize::from(code - 16);
        let level = |place: usize| {
            let level: f64 = steps[place] / 255.0;
            if level <= 0.03928 {
                level / 12.92
            } else {
                ((level + 0.055) / 1.055_f64).powf(2.4)
            }
        };
        let (red, green, blue) = (level(cube / 36), level(cube / 6 % 6), level(cube % 6));
        let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        let on_black = (luminance + 0.05) / 0.05;
        let on_white = 1.05 / (luminance + 0.05);
        assert!(
            on_black > 3.5 && on_white > 3.5,
            "{code}: {on_black} {on_white}"
        );
    }
}

fn company() -> Company {
    const COMMANDS: &[ChatCommand] = &[
        ChatCommand::new("/msg", "NICK TEXT", "", Takes::Name),
        ChatCommand::new("/room", "NAME", "", Takes::Room),
    ];
    let company = Company::new(COMMANDS);
    company.meet([
        "anna".to_owned(),
        "an\x1b[2Jna".to_owned(),
        "小明".to_owned(),
    ]);
    company.visit(["lobby".to_owned()]);
    company
}

#[test]
fn names_rooms_and_commands_are_completed() {
    let company = company();
    assert_eq!(company.complete("/").1, ["/msg", "/room"]);
    assert_eq!(company.complete("/room l"), (6, vec!["lobby".to_owned()]));
    assert_eq!(company.complete("/msg a").1, ["anna", "小明"]);
    assert_eq!(
        company.complete("a"),
        (0, vec!["anna:".to_owned(), "小明:".to_owned()])
    );
    assert_eq!(company.complete("hi @a").1, ["@anna", "@小明"]);
    assert_eq!(company.complete("hi "), (3, Vec::new()));
    assert_eq!(company.hint("/msg ").as_deref(), Some("NICK TEXT"));
}

#[test]
fn what_was_missed_takes_no_more_room_than_it_has() {
    let company = company();
    let prompt = company.prompt("lobby", true);
    assert_eq!(Aid::prompt(&company, &prompt), None);
    assert!(company.miss(3) && !company.miss(3));
    let drawn = Aid::prompt(&company, &prompt).unwrap();
    assert!(drawn.contains("+3"));
    company.miss(100_000);
    assert!(Aid::prompt(&company, &prompt).unwrap().contains("+999"));
}
