//! The programs that people already have, each as client and as server: nc, ncat, socat, and Python
//! as beginners write it.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use crate::support::{
    Program, Running, bulk, connect, folder, listen, need, python, sockpit, wait_until,
};

mod python;

/// Later than the half second after which others stop listening.
const LATE: Duration = Duration::from_millis(700);

/// A program that others wrote.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tool {
    /// OpenBSD's netcat.
    Nc,
    Ncat,
    Socat,
}

/// Where a conversation takes place.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Tcp,
    Unix(&'a Path),
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Nc => "nc",
            Self::Ncat => "ncat",
            Self::Socat => "socat",
        }
    }

    fn is_installed(self) -> bool {
        // The traditional netcat has the same name and other options.
        need(self.name()) && (self != Self::Nc || need("nc.openbsd"))
    }

    /// As a client of `endpoint`, one that ends its side when its stdin ends.
    fn client(self, endpoint: &str) -> Program {
        let path = endpoint.strip_prefix("unix://");
        let addr = endpoint.strip_prefix("tcp://").unwrap_or_default();
        let (host, port) = addr.split_once(':').unwrap_or_default();
        match (self, path) {
            (Self::Nc, None) => Program::new("nc.openbsd", &["-N", host, port]),
            (Self::Nc, Some(path)) => Program::new("nc.openbsd", &["-N", "-U", path]),
            (Self::Ncat, None) => Program::new("ncat", &[host, port]),
            (Self::Ncat, Some(path)) => Program::new("ncat", &["-U", path]),
            (Self::Socat, None) => Program::new("socat", &["-t30", "-", &format!("TCP:{addr}")]),
            (Self::Socat, Some(path)) => {
                Program::new("socat", &["-t30", "-", &format!("UNIX-CONNECT:{path}")])
            }
        }
    }

    /// As a server of one peer.
    fn server(self, place: Place<'_>) -> Program {
        let path = match place {
            Place::Tcp => String::new(),
            Place::Unix(path) => path.display().to_string(),
        };
        match (self, place) {
            (Self::Nc, Place::Tcp) => Program::new("nc.openbsd", &["-N", "-l", "127.0.0.1", "0"]),
            (Self::Nc, Place::Unix(_)) => Program::new("nc.openbsd", &["-N", "-l", "-U", &path]),
            (Self::Ncat, Place::Tcp) => Program::new("ncat", &["-l", "127.0.0.1", "0"]),
            (Self::Ncat, Place::Unix(_)) => Program::new("ncat", &["-l", "-U", &path]),
            (Self::Socat, _) => Program::new("socat", &["-t30", &socat_listener(place), "-"]),
        }
    }
}

fn socat_listener(place: Place<'_>) -> String {
    match place {
        Place::Tcp => "TCP-LISTEN:0,bind=127.0.0.1".to_owned(),
        Place::Unix(path) => format!("UNIX-LISTEN:{}", path.display()),
    }
}

/// Waits until a tool listens, and gives its endpoint. Not all of them tell their port, so the
/// system is asked.
fn endpoint_of(server: &Running, place: Place<'_>) -> String {
    match place {
        Place::Tcp => {
            let pid = server.pid().as_raw_nonzero().get();
            let mut port = None;
            wait_until("the tool to listen", || {
                port = listening_port(pid);
                port.is_some()
            });
            format!("tcp://127.0.0.1:{}", port.expect("it listens"))
        }
        Place::Unix(path) => {
            // The file exists before the socket listens; the flag is `__SO_ACCEPTCON`.
            let path = path.display().to_string();
            wait_until("the tool to listen", || {
                let sockets = fs::read_to_string("/proc/net/unix").unwrap();
                sockets
                    .lines()
                    .any(|line| line.ends_with(&path) && line.contains(" 00010000 "))
            });
            format!("unix://{path}")
        }
    }
}

/// The TCP port over IPv4 that a process listens on.
fn listening_port(pid: i32) -> Option<u16> {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let sockets: HashSet<String> = folder
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            let link = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(link.to_owned())
        })
        .collect();
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        // `0A` is LISTEN.
        let is_it = *state == "0A" && sockets.contains(*inode);
        let (_, port) = local.split_once(':')?;
        is_it.then(|| u16::from_str_radix(port, 16).ok())?
    })
}

/// Runs `check` over TCP and over a Unix path, if the tool is here.
fn in_both_places(tool: Tool, check: fn(Tool, Place<'_>)) {
    if !tool.is_installed() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("peer.sock");
    thread::scope(|scope| {
        scope.spawn(|| check(tool, Place::Tcp));
        check(tool, Place::Unix(&path));
    });
}

/// A listener of ours at `place`.
fn ours(place: Place<'_>, program: &[&str]) -> Program {
    let endpoint = match place {
        Place::Tcp => "127.0.0.1:0".to_owned(),
        Place::Unix(path) => format!("unix://{}", path.display()),
    };
    sockpit(&["listen", &endpoint]).args(program)
}

#[test]
fn sixty_four_mebibytes_to_and_from_an_nc_client_are_intact() {
    in_both_places(Tool::Nc, bulk_with_a_client);
}

#[test]
fn sixty_four_mebibytes_to_and_from_an_ncat_client_are_intact() {
    in_both_places(Tool::Ncat, bulk_with_a_client);
}

#[test]
fn sixty_four_mebibytes_to_and_from_a_socat_client_are_intact() {
    in_both_places(Tool::Socat, bulk_with_a_client);
}

fn bulk_with_a_client(tool: Tool, place: Place<'_>) {
    let bytes = bulk();
    // One way, with nothing on the other.
    let listener = ours(place, &["--once"]).start();
    tool.client(&listener.address())
        .stdin(bytes)
        .run()
        .check_code(0);
    let got = listener.finish().check_code(0).stdout;
    assert!(
        got == bytes,
        "{tool:?} at {place:?}: {} bytes came",
        got.len()
    );
    // And the other. The client hears the end of ours and says that it has ended.
    let listener = ours(place, &["--once"]).stdin(bytes).start();
    let got = tool.client(&listener.address()).run().check_code(0).stdout;
    assert!(
        got == bytes,
        "{tool:?} at {place:?}: {} bytes were got",
        got.len()
    );
    listener.finish().check_code(0);
}

#[test]
fn sixty_four_mebibytes_to_and_from_an_nc_server_are_intact() {
    in_both_places(Tool::Nc, bulk_with_a_server);
}

#[test]
fn sixty_four_mebibytes_to_and_from_an_ncat_server_are_intact() {
    in_both_places(Tool::Ncat, bulk_with_a_server);
}

#[test]
fn sixty_four_mebibytes_to_and_from_a_socat_server_are_intact() {
    in_both_places(Tool::Socat, bulk_with_a_server);
}

fn bulk_with_a_server(tool: Tool, place: Place<'_>) {
    let bytes = bulk();
    // The server has nothing to say and says so at once: ours goes on sending.
    let server = tool.server(place).start();
    connect(&[&endpoint_of(&server, place)])
        .stdin(bytes)
        .run()
        .check_code(0);
    let got = server.finish().stdout;
    assert!(
        got == bytes,
        "{tool:?} at {place:?}: {} bytes were got",
        got.len()
    );
    remove(place);
    let mut server = tool.server(place).hold_stdin().start();
    let client = connect(&[&endpoint_of(&server, place)])
        .hold_stdin()
        .start();
    server.feed(bytes);
    server.end_stdin();
    // nc waits for the end of its peer, which is quiet and leaves by itself.
    let got = client.finish().check_code(0).stdout;
    assert!(
        got == bytes,
        "{tool:?} at {place:?}: {} bytes came",
        got.len()
    );
    drop(server);
    remove(place);
}

/// The path of a tool that does not remove it.
fn remove(place: Place<'_>) {
    if let Place::Unix(path) = place {
        // It may have.
        let _ = fs::remove_file(path);
    }
}

#[test]
fn an_nc_client_gets_a_late_reply_after_its_end() {
    in_both_places(Tool::Nc, late_reply_to_a_client);
}

#[test]
fn an_ncat_client_gets_a_late_reply_after_its_end() {
    in_both_places(Tool::Ncat, late_reply_to_a_client);
}

#[test]
fn a_socat_client_gets_a_late_reply_after_its_end() {
    in_both_places(Tool::Socat, late_reply_to_a_client);
}

fn late_reply_to_a_client(tool: Tool, place: Place<'_>) {
    let listener = ours(place, &["--exec", "cat; sleep 0.7; echo late"]).start();
    tool.client(&listener.address())
        .stdin("early\n")
        .run()
        .check_code(0)
        .check_stdout("early\nlate\n");
    listener.interrupt().check_code(130);
}

#[test]
fn the_late_reply_of_an_nc_server_meets_an_expectation() {
    in_both_places(Tool::Nc, late_reply_to_a_script);
}

#[test]
fn the_late_reply_of_an_ncat_server_meets_an_expectation() {
    in_both_places(Tool::Ncat, late_reply_to_a_script);
}

#[test]
fn the_late_reply_of_a_socat_server_meets_an_expectation() {
    in_both_places(Tool::Socat, late_reply_to_a_script);
}

/// nc and ncat leave as soon as their peer has ended its side, so it has to stay open.
fn late_reply_to_a_script(tool: Tool, place: Place<'_>) {
    let mut server = tool.server(place).hold_stdin().start();
    let endpoint = endpoint_of(&server, place);
    let client = connect(&[&endpoint, "--send", "question", "--expect", "answer"]).start();
    server.wait_for_stdout(b"question\n");
    // sleep: the answer is to be late
    thread::sleep(LATE);
    server.feed(b"late answer\n");
    client.finish().check_code(0).check_stdout("late answer\n");
    drop(server);
    remove(place);
}

#[test]
fn a1_a_reply_of_socat_after_our_end_is_not_lost() {
    in_both_places(Tool::Socat, |tool, place| {
        let mut server = tool.server(place).hold_stdin().start();
        let client = connect(&[&endpoint_of(&server, place)])
            .stdin("question\n")
            .start();
        server.wait_for_stdout(b"question\n");
        // sleep: the answer is to be late
        thread::sleep(LATE);
        server.feed(b"late answer\n");
        server.end_stdin();
        client.finish().check_code(0).check_stdout("late answer\n");
        remove(place);
    });
}

#[test]
fn a1_a_reply_of_a_program_behind_socat_after_our_end_is_not_lost() {
    in_both_places(Tool::Socat, |_, place| {
        let program = "SYSTEM:cat; sleep 0.7; echo late";
        let server = Program::new("socat", &["-t30", &socat_listener(place), program]).start();
        connect(&[&endpoint_of(&server, place)])
            .stdin("early\n")
            .run()
            .check_code(0)
            .check_stdout("early\nlate\n");
    });
}

#[test]
fn a_tool_that_is_killed_does_not_end_our_listener() {
    for tool in [Tool::Nc, Tool::Ncat, Tool::Socat] {
        if !tool.is_installed() {
            continue;
        }
        let listener = listen(&["127.0.0.1:0", "--reply", "upper"]);
        let mut victim = tool.client(&listener.address()).hold_stdin().start();
        victim.feed(b"hello");
        victim.wait_for_stdout(b"HELLO");
        drop(victim);
        tool.client(&listener.address())
            .stdin("again")
            .run()
            .check_code(0)
            .check_stdout("AGAIN");
    }
}

#[test]
fn tools_and_ours_are_served_side_by_side() {
    let listener = listen(&["127.0.0.1:0", "--reply", "upper"]);
    let mut held = Vec::new();
    for tool in [Tool::Nc, Tool::Ncat, Tool::Socat] {
        if tool.is_installed() {
            held.push((tool, tool.client(&listener.address()).hold_stdin().start()));
        }
    }
    for (tool, client) in held.iter_mut().rev() {
        client.feed(format!("{tool:?}").as_bytes());
        client.wait_for_stdout(tool.name().to_uppercase().as_bytes());
    }
    connect(&[&listener.address()])
        .stdin("ours")
        .run()
        .check_code(0)
        .check_stdout("OURS");
}

#[test]
fn a_listener_of_a_tool_that_is_killed_is_told_apart_from_one_that_ended() {
    // The kernel closes the socket of a killed program in order; with bytes unread it resets.
    let script = "
import socket, os, signal, time
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
print(s.getsockname()[1], flush=True)
conn, addr = s.accept()
while len(conn.recv(4096, socket.MSG_PEEK)) < 5: time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
";
    let server = python(script, &[]).start();
    let client = connect(&[&format!("127.0.0.1:{}", server.printed_port())])
        .stdin("hello")
        .run();
    client.check_code(1).check_stderr(&["reset"]);
}

#[test]
fn curl_gets_a_page_of_a_program_behind_our_listener() {
    if !need("curl") {
        return;
    }
    let page = "while read -r line && [ \"$line\" != \"$(printf '\\r')\" ]; do :; done; \
                printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello curl'";
    let listener = listen(&["127.0.0.1:0", "--exec", page]);
    let url = format!("http://127.0.0.1:{}/", listener.port());
    Program::new("curl", &["-sS", "--noproxy", "*", &url])
        .run()
        .check_code(0)
        .check_stdout("hello curl");
}
