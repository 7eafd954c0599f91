//! What a terminal gets of what others wrote (rules D1 to D3).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};

use super::*;
use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{Finished, contains};

/// What a peer could send to harm a terminal or to fool its reader.
const CORPUS: [(&str, &[u8]); 16] = [
    ("clipboard (OSC 52)", b"\x1b]52;c;cm0gLXJmIC8=\x07"),
    (
        "link (OSC 8)",
        b"\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    ),
    ("title (OSC 0)", b"\x1b]0;owned\x07"),
    ("clear (CSI 2J)", b"\x1b[2J\x1b[H"),
    ("colour (SGR)", b"\x1b[31mred\x1b[0m"),
    ("report (CSI 6n)", b"\x1b[6n\x1b[c"),
    ("device control (DCS)", b"\x1bP$q\"p\x1b\\"),
    ("ConEmu (OSC 9;7)", b"\x1b]9;7;calc.exe\x07"),
    ("C1 in UTF-8", b"\xc2\x9b2J\xc2\x9d0;t\xc2\x9c\xc2\x90"),
    ("C1 alone", b"\x9b2J"),
    (
        "right-to-left",
        "\u{202e}exe.txt\u{2066}x\u{2069}".as_bytes(),
    ),
    ("zero width", "ad\u{200b}min\u{200d}\u{feff}".as_bytes()),
    ("backspace", b"safe\x08\x08\x08\x08evil"),
    ("carriage return", b"hidden\rshown"),
    ("bell and delete", b"\x07\x7f\x00"),
    ("shift out", b"\x0e\x0fabc"),
];

#[test]
fn d1_a_terminal_gets_nothing_that_a_peer_could_use_against_it() {
    if !need("python3") {
        return;
    }
    for args in [
        &["--as", "text"][..],
        &["--as", "text", "--frame", "len:u8"],
        &["--as", "hex"],
        &["--as", "both"],
        &["--as", "both", "--frame", "len:u8"],
        &["--as", "json", "--frame", "len:u8"],
        &["--text", "latin1"],
        &["--text", "none"],
    ] {
        let is_framed = args.contains(&"--frame");
        let (listener, endpoint) = server();
        let terminal = on_a_terminal(&["connect", &endpoint])
            .args(args)
            .env("NO_COLOR", "1")
            .start();
        let mut peer = accept(&listener);
        for (_, bytes) in CORPUS {
            if is_framed {
                peer.write_all(&[bytes.len() as u8])
                    .expect("the client reads");
            }
            peer.write_all(bytes).expect("the client reads");
        }
        drop(peer);
        let mut ended = terminal.finish().check_code(0);
        ended.stdout = without_editor(&ended.stdout);
        check_harmless(&ended);
        assert!(!ended.stdout.is_empty(), "{}", ended.told());
    }
}

#[test]
fn d1_our_own_colour_is_the_only_escape_on_a_terminal() {
    if !need("python3") {
        return;
    }
    let (listener, endpoint) = server();
    let terminal = on_a_terminal(&["connect", &endpoint])
        .env("TERM", "xterm-256color")
        .start();
    let mut peer = accept(&listener);
    for (_, bytes) in CORPUS {
        peer.write_all(bytes).expect("the client reads");
    }
    drop(peer);
    let mut ended = terminal.finish().check_code(0);
    assert!(
        contains(&ended.stdout, b"\x1b["),
        "no colour: {}",
        ended.told()
    );
    ended.stdout = without_colour(&without_editor(&ended.stdout));
    check_harmless(&ended);
    // The peer's own colour is no colour of ours.
    assert!(contains(&ended.stdout, b"\\x1b[31mred"), "{}", ended.told());
}

#[test]
fn d1_what_we_send_is_escaped_on_a_terminal_too() {
    if !need("python3") {
        return;
    }
    let listener = listen(&["tcp://127.0.0.1:0", "--frame", "lines", "--reply", "echo"]);
    let terminal = on_a_terminal(&[
        "connect",
        &listener.address(),
        "--frame",
        "lines",
        "--escape",
    ])
    .args(&["--send", "\\x1b[2J\\u{202e}", "--expect", "2J"])
    .env("NO_COLOR", "1");
    let ended = terminal.run().check_code(0);
    check_harmless(&ended);
    assert!(
        ended
            .stdout
            .windows(7)
            .filter(|part| part == b"\\x1b[2J")
            .count()
            >= 2,
        "{}",
        ended.told()
    );
    listener.interrupt().check_code(130);
}

#[test]
fn d1_a_pipe_is_exact() {
    let all: Vec<u8> = CORPUS
        .iter()
        .flat_map(|(_, bytes)| *bytes)
        .copied()
        .collect();
    let text: Vec<u8> = String::from_utf8_lossy(&all).into_owned().into_bytes();
    for (form, expected) in [("raw", &all), ("text", &text)] {
        let (listener, endpoint) = server();
        let program = connect(&[&endpoint, "--as", form]).start();
        accept(&listener).write_all(&all).expect("the client reads");
        program.finish().check_code(0).check_stdout(expected);
    }
}

#[test]
fn d2_hostile_names_of_unix_peers_are_escaped() {
    if !need("python3") {
        return;
    }
    let name = format!("sockpit-hostile-{}", std::process::id());
    let endpoint = format!("unixgram:@{name}");
    let terminal = on_a_terminal(&["listen", &endpoint, "-v"])
        .env("NO_COLOR", "1")
        .hold_stdin()
        .start();
    terminal.wait_for_stdout(b"listening on");
    let to = SocketAddr::from_abstract_name(&name).expect("a short name");
    for (index, (_, bytes)) in CORPUS.iter().enumerate() {
        let own = [name.as_bytes(), b"-", index.to_string().as_bytes(), bytes].concat();
        let own = SocketAddr::from_abstract_name(own).expect("a short name");
        let peer = UnixDatagram::bind_addr(&own).expect("a name of our own");
        peer.send_to_addr(b"hello", &to)
            .expect("the listener is there");
    }
    terminal.wait("all the peers", |terminal| {
        terminal
            .stdout()
            .windows(5)
            .filter(|part| part == b"hello")
            .count()
            >= CORPUS.len()
    });
    terminal.signal(Signal::INT);
    let mut ended = terminal.finish().check_code(130);
    ended.stdout = without_editor(&ended.stdout);
    check_harmless(&ended);

    let listener = listen(&[&endpoint, "-v", "--json"]);
    listener.address();
    let own =
        SocketAddr::from_abstract_name(format!("{name}\u{1b}[2J\u{202e}")).expect("a short name");
    let peer = UnixDatagram::bind_addr(&own).expect("a name of our own");
    peer.send_to_addr(b"hello", &to)
        .expect("the listener is there");
    listener.wait_for_stdout(br#""text":"hello""#);
    let ended = listener.interrupt().check_code(130);
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.told());
    assert!(!contains(&ended.stdout, b"\x1b"), "{}", ended.told());
    assert_eq!(of_event(&records(&ended.stdout), "opened").len(), 1);
}

#[test]
fn d2_names_in_errors_are_escaped() {
    let folder = folder();
    let hostile = folder.path().join("a\u{1b}[2J\u{202e}b");
    let hostile = hostile.to_str().expect("it is UTF-8");
    let endpoint = format!("unix://{hostile}");
    // A path that exists, so that the second listener has to say who holds it.
    let _held = UnixListener::bind(hostile).expect("a path of our own");
    let wrong = format!("{hostile}.toml");
    std::fs::write(&wrong, "[[rule]]\n\"\\u001b[2J\" = 1\n").unwrap();
    let missing = format!("{hostile}/none");
    let mut raw = Vec::new();
    for args in [
        &["listen", &endpoint][..],
        &["connect", &format!("{endpoint}-none")],
        &["connect", &endpoint, "--send-file", &missing],
        &["listen", "tcp://127.0.0.1:0", "--rules", &missing],
        &["listen", "tcp://127.0.0.1:0", "--rules", &wrong],
        &["listen", "tcp://127.0.0.1:0", "--record", &missing],
        &["connect", "tcp://a\u{1b}[2J.invalid:1"],
        &["connect", "\u{1b}[2J://x"],
        // port: refused or explained, never opened
        &["connect", "tcp://127.0.0.1:1?\u{1b}[2J=1"],
        // port: refused or explained, never opened
        &["connect", "tcp://127.0.0.1:1", "--frame", "\u{1b}[2J"],
        // port: refused or explained, never opened
        &["connect", "tcp://127.0.0.1:1", "--text", "\u{1b}[2J"],
        // port: refused or explained, never opened
        &["connect", "tcp://127.0.0.1:1", "--send-hex", "\u{1b}[2J"],
    ] {
        let ended = sockpit(args).run();
        assert!(matches!(ended.code, Some(1 | 2)), "{}", ended.told());
        assert!(!ended.stderr.is_empty(), "{}", ended.told());
        if ended.stderr.contains(['\u{1b}', '\u{202e}']) {
            raw.push(format!("{args:?}: {}", ended.stderr.escape_debug()));
        }
    }
    assert!(raw.is_empty(), "{}", raw.join("\n"));
}

#[test]
fn d2_an_expectation_that_is_not_met_quotes_nothing_raw() {
    let (listener, endpoint) = server();
    let program = connect(&[&endpoint, "--frame", "lines", "--as", "none"])
        .args(&["--expect", "\u{1b}[2J", "--within", "100ms"])
        .start();
    accept(&listener)
        .write_all(b"\x1b]0;x\x07\n")
        .expect("the client reads");
    let ended = program.finish().check_code(3);
    assert!(
        !ended.stderr.contains('\u{1b}'),
        "{}",
        ended.stderr.escape_debug()
    );
}

#[test]
fn d3_the_terminal_is_as_it_was_after_a_signal() {
    if !need("python3") {
        return;
    }
    let (listener, endpoint) = server();
    let terminal = on_a_terminal(&["connect", &endpoint]).hold_stdin().start();
    let mut peer = accept(&listener);
    peer.write_all(b"hello\n").expect("the client reads");
    terminal.wait_for_stdout(b"hello");
    terminal.signal(Signal::INT);
    terminal.finish().check_code(130);
}

/// The program on a terminal that wraps nothing.
fn on_a_terminal(args: &[&str]) -> Program {
    sockpit_on_a_terminal(Size::UNKNOWN, args)
}

/// No control but the ends of lines, and nothing that is there without being seen.
#[track_caller]
fn check_harmless(ended: &Finished) {
    let text = String::from_utf8_lossy(&ended.stdout);
    for character in text.chars() {
        let is_hidden = matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        );
        let is_control = character.is_control() && !matches!(character, '\r' | '\n' | '\t');
        assert!(
            !is_hidden && !is_control,
            "{}: {}",
            character.escape_unicode(),
            ended.told()
        );
    }
    // A carriage return of a peer stands alone; those of the terminal come with a new line.
    let bytes = &ended.stdout;
    let lonely = bytes
        .windows(2)
        .any(|pair| pair[0] == b'\r' && pair[1] != b'\n' && pair[1] != b'\r');
    assert!(!lonely, "a carriage return: {}", ended.told());
}

/// What is left without what draws an empty line to be edited, letter by letter.
fn without_editor(bytes: &[u8]) -> Vec<u8> {
    const DRAWN: [&[u8]; 10] = [
        b"\r\x1b[K",
        b"\r\x1b[J",
        b"\r\x1b[2C",
        b"\x1b[1A",
        b"\x1b[A",
        b"\x1b[?2004h",
        b"\x1b[?2004l",
        b"\x1b[?2026h",
        b"\x1b[?2026l",
        b"> ",
    ];
    let mut rest = bytes;
    let mut plain = Vec::new();
    while let Some((first, tail)) = rest.split_first() {
        match DRAWN.iter().find_map(|drawn| rest.strip_prefix(*drawn)) {
            Some(behind) => rest = behind,
            None => {
                plain.push(*first);
                rest = tail;
            }
        }
    }
    plain
}

/// What is left without `ESC [ … m`.
fn without_colour(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let mut plain = Vec::new();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.strip_prefix(b"[").map_or(0, |tail| {
            tail.iter()
                .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
                .count()
        });
        if *first == 0x1b && tail.get(1 + digits) == Some(&b'm') {
            rest = &tail[digits + 2..];
        } else {
            plain.push(*first);
            rest = tail;
        }
    }
    plain
}
