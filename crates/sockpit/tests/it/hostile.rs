//! What peers do who mean harm, or know no better: the rules of reliability, each by its name.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::record::{check_schema, of_event, records};
use crate::support::{
    DEADLINE, Finished, Program, Running, Signal, accept, client, connect, contains, folder,
    listen, need, read_exactly, read_to_end, server, sockpit, wait_until,
};

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
fn a1_a_reply_after_the_end_of_input_is_not_lost() {
    for with_exec in [false, true] {
        let (listener, endpoint) = server();
        let peer = thread::spawn(move || {
            let mut peer = accept(&listener);
            let asked = read_to_end(&mut peer);
            // sleep: the reply is to be late
            thread::sleep(Duration::from_millis(300));
            peer.write_all(&asked.to_ascii_uppercase())
                .expect("the client still reads");
        });
        if with_exec {
            let folder = folder();
            let path = folder.path().join("got");
            let command = format!("echo asked; exec cat > '{}'", path.display());
            connect(&[&endpoint, "--exec", &command])
                .run()
                .check_code(0);
            assert_eq!(std::fs::read(path).unwrap(), b"ASKED\n");
        } else {
            connect(&[&endpoint])
                .stdin("asked\n")
                .run()
                .check_code(0)
                .check_stdout("ASKED\n");
        }
        peer.join().expect("the peer heard what it should");
    }
}

#[test]
fn a3_messages_of_any_length_arrive_equal() {
    // Around the sizes of reads, of length fields and of SLIP's and COBS's blocks.
    let lens = [
        0, 1, 253, 254, 255, 4095, 4096, 65_535, 65_536, 65_537, 300_000,
    ];
    let lines: Vec<String> = lens
        .iter()
        .map(|len| {
            (0..*len)
                .map(|at| char::from(b'a' + (at % 26) as u8))
                .collect()
        })
        .collect();
    let input = lines.join("\n") + "\n";
    for framing in ["lines", "delim:hex:00FF", "len:u32le", "len:varint", "cobs"] {
        let echo = listen(&["tcp://127.0.0.1:0", "--frame", framing, "--reply", "echo"]);
        connect(&[&echo.address(), "--frame", framing, "--as", "text"])
            .stdin(input.clone())
            .run()
            .check_code(0)
            .check_stdout(&input);
        echo.interrupt().check_code(130);
    }
}

#[test]
fn a5_a_reader_that_leaves_ends_output_quietly() {
    let folder = folder();
    for command in [
        "demo",
        "--help",
        "listen --help",
        // port: refused or explained, never opened
        "connect udp://127.0.0.1:9 --explain",
    ] {
        let line = format!(
            "'{}' {command} | head -1; echo",
            env!("CARGO_BIN_EXE_sockpit")
        );
        let ended = Program::new("sh", &["-c", &line])
            .folder(&folder)
            .run()
            .check_code(0);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.told());
    }
    // A session ends when nobody reads it any more, whatever its form.
    for form in ["raw", "text", "hex", "both", "json"] {
        let (listener, endpoint) = server();
        let line = format!(
            "'{}' connect {endpoint} --frame lines --as {form} | head -1 > /dev/null",
            env!("CARGO_BIN_EXE_sockpit")
        );
        let program = Program::new("sh", &["-c", &line]).start();
        let mut peer = accept(&listener);
        // Until the client, whose stdout is closed, has closed too.
        let line = "message\n".repeat(100);
        while peer.write_all(line.as_bytes()).is_ok() {
            // sleep: polled until a write fails
            thread::sleep(Duration::from_millis(1));
        }
        program.finish().check_code(0).check_silent();
    }
}

#[test]
fn a5_a_session_whose_reader_left_exits_with_0() {
    let (listener, endpoint) = server();
    let mut program = connect(&[&endpoint, "--json"]).start();
    let mut peer = accept(&listener);
    peer.write_all(b"first").expect("the client reads");
    program.wait_for_stdout(b"chunk");
    program.close_stdout();
    while peer.write_all(b"more").is_ok() {
        // sleep: polled until a write fails
        thread::sleep(Duration::from_millis(1));
    }
    program.finish().check_code(0).check_silent();
}

#[test]
fn b4_a_server_out_of_descriptors_waits_and_serves_again() {
    let line = format!(
        "ulimit -n 40; exec '{}' listen tcp://127.0.0.1:0 --reply echo",
        env!("CARGO_BIN_EXE_sockpit")
    );
    let listener = Program::new("sh", &["-c", &line]).start();
    let port = listener.port();
    // More than it has descriptors for; the system's queue takes the others.
    let mut peers: Vec<TcpStream> = (0..200).filter_map(|_| connected(port)).collect();
    assert!(peers.len() >= 64, "{} connections", peers.len());
    peers[0].write_all(b"first").expect("it is served");
    assert_eq!(read_exactly(&mut peers[0], 5), b"first");

    let (before, since) = (ticks(&listener), Instant::now());
    // sleep: the time over which the processor is measured
    thread::sleep(Duration::from_secs(1));
    let busy = (ticks(&listener) - before) as f64 / 100.0 / since.elapsed().as_secs_f64();
    assert!(busy < 0.1, "{busy} of a processor while it waits");

    drop(peers);
    let asked = Instant::now();
    let mut late = client(port);
    late.write_all(b"hello").expect("it is served");
    assert_eq!(read_exactly(&mut late, 5), b"hello");
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    listener.interrupt().check_code(130);
}

#[test]
fn b4_a_burst_without_descriptors_is_told_once() {
    let line = format!(
        "ulimit -n 40; exec '{}' listen tcp://127.0.0.1:0 --reply echo",
        env!("CARGO_BIN_EXE_sockpit")
    );
    // So many files of others are open that it has fewer than it counted on.
    let held = (10..24)
        .map(|fd| format!(" {fd}</dev/null"))
        .collect::<String>();
    let line = line + &held;
    let Some(listener) = started_by_bash(&line) else {
        return;
    };
    let port = listener.port();
    let mut peers: Vec<TcpStream> = (0..60).filter_map(|_| connected(port)).collect();
    listener.wait_for_stderr("cannot accept");
    // One that waits takes its place, and the last descriptor: that is no news.
    drop(peers.remove(0));
    // Several of its pauses.
    // sleep: nothing is to happen in it
    thread::sleep(Duration::from_secs(1));
    let told = listener.stderr();
    assert_eq!(told.matches("cannot accept").count(), 1, "{told}");
    assert!(!told.contains("os error"), "{told}");
    drop(peers);
    let mut late = client(port);
    late.write_all(b"hello").expect("it is served");
    assert_eq!(read_exactly(&mut late, 5), b"hello");
    listener.interrupt().check_code(130);
}

#[test]
fn b4_peers_take_no_descriptor_that_the_session_needs() {
    if !need("strace") {
        return;
    }
    // Descriptors are copied so late that the peers are there before, if they can be.
    let line = format!(
        "ulimit -n 40; exec strace -D -f -qq -o /dev/null -e inject=fcntl:delay_enter=50000 \
         '{}' listen tcp://127.0.0.1:0 --reply echo",
        env!("CARGO_BIN_EXE_sockpit")
    );
    let held = (10..24)
        .map(|fd| format!(" {fd}</dev/null"))
        .collect::<String>();
    let Some(mut listener) = started_by_bash(&(line + &held)) else {
        return;
    };
    let port = listener.port();
    let peers: Vec<TcpStream> = (0..60).filter_map(|_| connected(port)).collect();
    listener.wait_for_stderr("cannot accept");
    // Longer than it takes to copy stdin and stdout.
    // sleep: nothing is to happen in it
    thread::sleep(Duration::from_millis(300));
    assert!(!listener.has_ended(), "{}", listener.stderr());
    drop(peers);
    let mut late = client(port);
    late.write_all(b"hello").expect("it is served");
    assert_eq!(read_exactly(&mut late, 5), b"hello");
    let ended = listener.interrupt().check_code(130);
    assert!(!ended.stderr.contains("error:"), "{}", ended.told());
}

#[test]
fn b4_connections_that_come_to_nothing_leave_no_descriptor_behind() {
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
    let port = listener.port();
    let mut one = client(port);
    one.write_all(b"x").expect("it is served");
    read_exactly(&mut one, 1);
    let before = descriptors(&listener);
    for _ in 0..2000 {
        // Gone before it is accepted, often with a reset.
        drop(connected(port));
    }
    wait_until("the descriptors of peers that are gone", || {
        descriptors(&listener) <= before
    });
    listener.interrupt().check_code(130);
}

#[test]
fn b4_an_error_of_accept_is_no_end() {
    if !need("strace") {
        return;
    }
    for error in ["ECONNABORTED", "EMFILE", "ENOBUFS", "EINTR"] {
        let inject = format!("inject=accept4,accept:error={error}:when=1..3");
        let listener = Program::new(
            "strace",
            &["-D", "-f", "-qq", "-o", "/dev/null", "-e", &inject],
        )
        .args(&[
            env!("CARGO_BIN_EXE_sockpit"),
            "listen",
            "tcp://127.0.0.1:0",
            "--reply",
            "echo",
        ])
        .start();
        // `-D` makes the listener, and not strace, the child that is signalled and killed.
        let mut peer = client(listener.port());
        peer.write_all(b"hello").expect("it is served");
        assert_eq!(read_exactly(&mut peer, 5), b"hello", "{error}");
        listener.interrupt().check_code(130);
    }
}

#[test]
fn b4_peers_that_end_are_let_go_whoever_stdin_was_for() {
    let mut listener = sockpit(&["listen", "tcp://127.0.0.1:0", "--frame", "lines", "--json"])
        .hold_stdin()
        .start();
    let port = listener.port();
    let peers = [client(port), client(port)];
    listener.wait("both peers", |listener| {
        of_event(&records(&listener.stdout()), "opened").len() == 2
    });
    // The end of stdin comes when the first peer is no longer the latest.
    listener.end_stdin();
    drop(peers);
    listener.wait("the end of both peers", |listener| {
        of_event(&records(&listener.stdout()), "closed").len() == 2
    });
    listener.interrupt().check_code(130);
}

#[test]
fn b6_what_happens_to_one_peer_ends_no_other() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "len:u16be",
        "--reply",
        "echo",
        "--json",
    ]);
    let port = listener.port();
    let mut calm = client(port);
    for round in 0..30 {
        let mut rude = client(port);
        rude.write_all(b"\0\x05hello\xff")
            .expect("the listener reads");
        if round % 2 == 0 {
            reset(rude);
        } else {
            drop(rude);
        }
        calm.write_all(b"\0\x02ok").expect("it is served");
        assert_eq!(read_exactly(&mut calm, 4), b"\0\x02ok");
    }
    let ended = listener.interrupt().check_code(130);
    check_schema(&ended.stdout);
}

#[test]
fn b6_a_program_that_crashes_ends_its_peer_alone() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--exec",
        "read line; [ \"$line\" = die ] && kill -SEGV $$; echo $line",
    ]);
    let port = listener.port();
    let (mut dying, mut living) = (client(port), client(port));
    dying.write_all(b"die\n").expect("it is served");
    assert_eq!(read_to_end(&mut dying), b"");
    living.write_all(b"hello\n").expect("it is served");
    assert_eq!(read_to_end(&mut living), b"hello\n");
    listener.interrupt().check_code(130);
}

#[test]
fn b7_sigterm_ends_in_time_whatever_the_peers_do() {
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
    let port = listener.port();
    let idle: Vec<TcpStream> = (0..20).map(|_| client(port)).collect();
    // This one sends and never reads what comes back, so that replies queue up.
    let mut stalled = client(port);
    stalled
        .set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a socket of our own");
    while stalled.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    let asked = Instant::now();
    listener.signal(Signal::TERM);
    listener.finish().check_code(143);
    assert!(
        asked.elapsed() < Duration::from_secs(6),
        "{:?}",
        asked.elapsed()
    );
    drop(idle);
}

#[test]
fn b7_a_second_signal_ends_at_once() {
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "echo"]);
    let mut stalled = client(listener.port());
    stalled
        .set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a socket of our own");
    while stalled.write_all(&[b'x'; 64 * 1024]).is_ok() {}
    listener.signal(Signal::INT);
    // It drains; new peers are not taken any more.
    let port = listener.port();
    wait_until("the end of listening", || connected(port).is_none());
    let asked = Instant::now();
    listener.signal(Signal::INT);
    let ended = listener.finish();
    assert_eq!(ended.code, Some(130), "{}", ended.told());
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn b8_a_system_without_buffers_is_asked_again() {
    if !need("strace") {
        return;
    }
    for error in ["ENOBUFS", "ENOMEM"] {
        let inject = format!("inject=sendto,sendmsg,sendmmsg:error={error}:when=1..3");
        let listener = listen(&["udp://127.0.0.1:0", "--reply", "upper"]);
        Program::new("strace", &["-f", "-qq", "-o", "/dev/null", "-e", &inject])
            .args(&[
                env!("CARGO_BIN_EXE_sockpit"),
                "connect",
                &listener.address(),
            ])
            .args(&["--send", "hello", "--expect", "HELLO"])
            .run()
            .check_code(0);
        listener.interrupt().check_code(130);
    }
}

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

#[test]
fn b6_a_peer_that_leaves_before_it_has_read_is_told_of_once() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "len:u8",
        "--reply",
        "echo",
        "-v",
    ]);
    let port = listener.port();
    let mut rude = client(port);
    rude.set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a socket of our own");
    // Until the echoes that nobody reads have filled every buffer.
    while rude.write_all(&b"\x01x".repeat(50_000)).is_ok() {}
    drop(rude);
    listener.wait_for_stderr("peer 1 has ended");
    let ended = listener.interrupt().check_code(130);
    let told = ended.stderr.matches("error:").count();
    assert!(
        (1..=2).contains(&told),
        "that it left, and what was not sent: {}",
        ended.told()
    );
}

#[test]
fn b6_the_replies_that_a_peer_does_not_take_are_told_of_once() {
    let folder = folder();
    let path = folder.path().join("rude");
    let listener = listen(&[
        &format!("unix://{}", path.display()),
        "--frame",
        "len:u8",
        "--reply",
        "echo",
        "-v",
    ]);
    listener.wait_for_stderr("listening on");
    let mut rude = UnixStream::connect(&path).unwrap();
    // From here on each write to it fails.
    rude.shutdown(Shutdown::Read).unwrap();
    rude.write_all(&b"\x01x".repeat(1000)).unwrap();
    listener.wait_for_stderr("peer 1 has ended");
    let ended = listener.interrupt().check_code(130);
    let told = ended.stderr.matches("bytes were not sent").count();
    assert_eq!(told, 1, "{}", ended.told());
}

#[test]
fn noise_of_every_length_ends_nothing() {
    let noise = noise();
    for framing in [
        "raw",
        "lines",
        "fixed:7",
        "len:u8",
        "len:u16le",
        "len:varint",
        "slip",
        "cobs",
        "gap:10ms",
    ] {
        let listener = listen(&[
            "tcp://127.0.0.1:0",
            "--frame",
            framing,
            "--text",
            "gbk",
            "--reply",
            "echo",
            "--json",
        ]);
        let port = listener.port();
        for len in [1, 2, 3, 100, 65_536, noise.len()] {
            let mut peer = client(port);
            let mut answers = peer.try_clone().expect("a descriptor");
            let reader = thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
            // It may be cut off for what it sends.
            let _ = peer.write_all(&noise[..len]);
            let _ = peer.shutdown(Shutdown::Write);
            // An end or a reset: either is an end.
            let _ = reader.join().expect("it only reads");
        }
        let ended = listener.interrupt().check_code(130);
        assert!(
            !ended.stderr.contains("panicked"),
            "{framing}: {}",
            ended.told()
        );
        check_schema(&ended.stdout);
    }
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

/// A connection, where the system gives one; without waiting for long.
fn connected(port: u16) -> Option<TcpStream> {
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect_timeout(&addr, Duration::from_millis(300)).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    Some(stream)
}

/// Ends a connection with a reset, in place of an orderly end.
fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("TCP has it");
    drop(stream);
}

/// The processor's time that a program took, in hundredths of a second (proc(5)).
fn ticks(program: &Running) -> u64 {
    let path = format!("/proc/{}/stat", program.pid().as_raw_pid());
    let stat = std::fs::read_to_string(path).expect("it runs");
    let after_name = stat.rsplit(')').next().expect("it has a name");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn descriptors(program: &Running) -> usize {
    let path = format!("/proc/{}/fd", program.pid().as_raw_pid());
    std::fs::read_dir(path).expect("it runs").count()
}

/// Bash, as sh need not know descriptors of two digits.
fn started_by_bash(line: &str) -> Option<Running> {
    need("bash").then(|| Program::new("bash", &["-c", line]).start())
}

/// Bytes without a pattern, the same in every run (xorshift).
fn noise() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(200_000);
    while bytes.len() < 200_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}
