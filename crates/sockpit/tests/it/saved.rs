//! Saved sessions, and what the workbench gives as a command, on the command line.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use sockpit_core::composer::{Content, Draft};
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::snippet::{Sends, Snippet};

use crate::support::{DEADLINE, Program, Running, accept, folder, listen, read_to_end, sockpit};

const PLC: &str = "
[[session]]
name = \"plc\"
listen = \"tcp://127.0.0.1:0\"
frame = \"lines\"

[[session.rule]]
equals = \"PING\"
reply = \"PONG ${counter}\"

[[session.script]]
send = \"welcome\"
";

/// Asks a server that answers by the rules above.
#[track_caller]
fn ask(server: &Running) -> String {
    server.wait("an address", |server| server.stderr().ends_with('\n'));
    let told = server.stderr();
    let addr = told.rsplit("tcp://").next().unwrap().trim();
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"PING\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_saved_session_is_served_until_ctrl_c() {
    let folder = folder();
    fs::write(folder.path().join("plc.toml"), PLC).unwrap();
    let running = sockpit(&["run", "plc.toml"]).folder(&folder).start();
    let answer = ask(&running);
    assert!(answer.contains("PONG 1\n"), "{answer:?}");
    assert!(answer.contains("welcome\n"), "{answer:?}");
    let finished = running.interrupt().check_code(130);
    finished.check_stderr(&["`plc` is listening on tcp://127.0.0.1:"]);
}

#[test]
fn the_rules_of_a_saved_session_serve_another() {
    let folder = folder();
    let rules_alone = PLC.replace("\n[[session.script]]\nsend = \"welcome\"\n", "");
    fs::write(folder.path().join("plc.toml"), rules_alone).unwrap();
    let path = folder.path().join("plc.toml");
    let path = path.to_str().unwrap();
    let running = listen(&["tcp://127.0.0.1:0", "--frame", "lines", "--rules", path]);
    assert_eq!(ask(&running), "PONG 1\n");
    running.interrupt().check_code(130);
}

#[test]
fn a_served_client_that_is_refused_says_why() {
    let folder = folder();
    // port: nobody listens below 1024 without privileges
    let nobody = "[[session]]\nname = 'c'\nconnect = 'tcp://127.0.0.1:1'\n";
    fs::write(folder.path().join("c.toml"), nobody).unwrap();
    let finished = sockpit(&["run", "c.toml"]).folder(&folder).run();
    finished.check_code(1).check_stderr(&["connection refused"]);
}

/// The bytes that a command sends to a server, up to its end.
fn sent_by(listener: &TcpListener, command: impl FnOnce() -> Program) -> Vec<u8> {
    thread::scope(|scope| {
        let heard = scope.spawn(|| {
            let mut peer = accept(listener);
            read_to_end(&mut peer)
        });
        command().run().check_code(0);
        heard.join().unwrap()
    })
}

#[test]
fn what_is_copied_sends_what_was_composed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let program = env!("CARGO_BIN_EXE_sockpit");
    let cases = [
        ("it's $HOME `x` \\ \"q\" 100%", false, vec![]),
        (
            "你好\\r\\n\\xff",
            true,
            vec![("text", "gbk"), ("frame", "len:u16be")],
        ),
        (
            "a\tb\n-x",
            false,
            vec![("checksum", "modbus"), ("eol", "crlf")],
        ),
        ("--send", false, vec![("frame", "slip"), ("nodelay", "0")]),
        ("\u{0}x", false, vec![]),
    ];
    for (text, has_escapes, options) in cases {
        let options: Vec<(String, String)> = options
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let told = Options::from_pairs(&options).unwrap();
        let plan = Plan::resolve(Role::Client, &endpoint.parse().unwrap(), told).unwrap();
        let draft = Draft {
            content: Content::Text {
                text: text.to_owned(),
                has_escapes,
            },
            charset: None,
            eol: None,
            checksum: None,
        };
        let composed = plan.compose(&draft).unwrap();
        let snippet = Snippet {
            plan: &plan,
            endpoint: &endpoint,
            options: &options,
            reconnects: false,
            rules: None,
            sends: Some(Sends {
                draft: &draft,
                composed: &composed,
                every: None,
                count: None,
            }),
        };
        let line = snippet.sockpit();
        let line = line.replacen("sockpit", &format!("'{program}'"), 1);
        let by_sockpit = sent_by(&listener, || Program::new("sh", &["-c", &line]).stdin(""));
        assert_eq!(by_sockpit, composed.message.wire, "{line}");
        let python = snippet.python();
        let by_python = sent_by(&listener, || Program::new("python3", &["-c", &python]));
        assert_eq!(by_python, composed.message.wire, "{python}");
        let nc = snippet.nc().unwrap();
        let by_nc = sent_by(&listener, || Program::new("sh", &["-c", &nc]));
        assert_eq!(by_nc, composed.message.wire, "{nc}");
    }
}
