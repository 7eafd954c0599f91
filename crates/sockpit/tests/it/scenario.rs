//! `sockpit run`: scenarios of our own sessions, and against programs of others.

use std::fs;
use std::time::Duration;

use crate::support::{Finished, Signal, TempDir, folder, free_port, listen, python, sockpit};

/// A server and a client, whose steps are still to come.
const PAIR: &str = "
[[session]]
name = \"server\"
listen = \"tcp://127.0.0.1:0?frame=lines\"

[[session]]
name = \"client\"
connect = \"tcp://127.0.0.1:${server.port}?frame=lines\"
";

fn write(folder: &TempDir, scenario: &str) {
    fs::write(folder.path().join("s.toml"), scenario).unwrap();
}

#[track_caller]
fn run(scenario: &str, args: &[&str]) -> Finished {
    let folder = folder();
    write(&folder, scenario);
    sockpit(&["run", "s.toml"]).args(args).folder(&folder).run()
}

#[test]
fn the_sample_of_the_documentation_passes() {
    let doc = include_str!("../../../../docs/scenarios.md");
    let sample = doc.split("```toml\n").nth(1).unwrap();
    let finished = run(sample.split("```").next().unwrap(), &[]).check_code(0);
    let text = finished.text();
    assert!(text.contains("login: 3 passed, 0 failed in "), "{text}");
    let finished = finished.check_stderr(&["`server` is listening on tcp://127.0.0.1:"]);
    assert_eq!(
        finished.stderr.matches("listening").count(),
        3,
        "{}",
        finished.told()
    );
}

#[test]
fn a_python_server_is_tested() {
    let server = python(
        r"
import socket
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1])
for _ in range(2):
    peer, _ = server.accept()
    data = peer.recv(100)
    peer.sendall(b'220 ' + data.strip() + b' token=4711\r\n')
    peer.sendall(b'got ' + peer.recv(100))
    peer.close()
",
        &[],
    )
    .start();
    let port = server.printed_port();
    let scenario = format!(
        "[[session]]
name = 'client'
connect = 'tcp://127.0.0.1:{port}'

[[step]]
send = \"hello\\n\"

[[step]]
expect = 're:220 hello token=(\\d+)'

[[step]]
send = \"use ${{1}}\\n\"

[[case]]
name = 'right'
[[case.step]]
expect = 'got use 4711'
[[case.step]]
expect_closed = 'fin'

[[case]]
name = 'wrong'
[[case.step]]
expect = 'got use 4712'
within = '20s'
exit = 42
"
    );
    let finished = run(&scenario, &[]).check_code(42);
    let text = finished.text();
    assert!(text.contains("ok      right ("), "{text}");
    assert!(
        text.contains(
            "step 4 of 4, line 23: client expects `got use 4712` within 20s: the peer ended before; \
             instead came `\\r\\ngot use 4711\\n`"
        ),
        "{text}"
    );
    assert!(
        finished.took < Duration::from_secs(10),
        "{}",
        finished.told()
    );
}

#[test]
fn a_python_client_is_tested() {
    let folder = folder();
    write(
        &folder,
        "[[session]]
name = 'server'
listen = 'udp://127.0.0.1:0'

[[step]]
expect = 'ping'

[[step]]
send = 'pong ${peer} ${0}'

[[step]]
expect_silence = '50ms'
",
    );
    let running = sockpit(&["run", "s.toml"]).folder(&folder).start();
    running.wait_for_stderr("\n");
    let port = running
        .stderr()
        .trim()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let client = python(
        r"
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(20)
client.sendto(b'ping', ('127.0.0.1', int(sys.argv[1])))
print(client.recv(100).decode())
",
        &[&port],
    );
    client.run().check_code(0).check_stdout("pong 1 ping\n");
    running.finish().check_code(0);
}

#[test]
fn results_are_text_json_and_junit() {
    let steps = "
[[case]]
name = 'good'
[[case.step]]
session = 'client'
send = 'hi'
[[case.step]]
session = 'server'
expect = 'hi'
[[case]]
name = 'bad <&>'
[[case.step]]
session = 'client'
send = \"\\u001B[2J\"
[[case.step]]
session = 'server'
expect = 'ho'
within = '100ms'
";
    let folder = folder();
    write(&folder, &format!("{PAIR}{steps}"));
    let run = |args: &[&str]| sockpit(&["run", "s.toml"]).args(args).folder(&folder).run();
    let finished = run(&["--json", "--junit", "r.xml"]).check_code(3);
    let lines: Vec<serde_json::Value> = finished
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["result"], "passed");
    assert_eq!(lines[1]["result"], "unmet");
    assert_eq!(lines[1]["exit"], 3);
    assert_eq!(lines[2]["failed"], 1);
    let xml = fs::read_to_string(folder.path().join("r.xml")).unwrap();
    assert!(
        xml.contains("tests=\"2\" failures=\"1\" errors=\"0\""),
        "{xml}"
    );
    assert!(xml.contains("name=\"bad &lt;&amp;&gt;\""), "{xml}");
    assert!(!xml.contains('\u{1b}'), "{xml}");
    // As what stdout gets, it is all that stdout gets, and no file is made.
    let finished = run(&["--junit", "-", "-v"]).check_code(3);
    assert!(finished.text().starts_with("<?xml"), "{}", finished.told());
    assert!(
        finished.text().ends_with("</testsuites>\n"),
        "{}",
        finished.told()
    );
    assert!(!folder.path().join("-").exists());
    run(&["--junit", "-", "--json"])
        .check_code(2)
        .check_stdout("")
        .check_stderr(&["both want stdout"]);
    // Python's reader of XML takes it.
    let script = "import sys, xml.etree.ElementTree as t; print(len(t.parse(sys.argv[1]).findall('.//testcase')))";
    let path = folder.path().join("r.xml");
    python(script, &[path.to_str().unwrap()])
        .run()
        .check_code(0)
        .check_stdout("2\n");
    let text = run(&["-v"]).check_code(3);
    assert!(!text.text().contains('\u{1b}'), "{}", text.told());
    assert!(
        text.text().contains("ok      client sends `hi` ("),
        "{}",
        text.told()
    );
    run(&["--filter", "good", "-q"])
        .check_code(0)
        .check_stdout("")
        .check_silent();
    run(&["--filter", "ugly"])
        .check_code(2)
        .check_stderr(&["no case is called `ugly`; there are `good`, `bad <&>`"]);
}

#[test]
fn a_mistake_is_told_before_anything_is_opened() {
    run(
        "[[session]]\nname = 'a'\nlisten = ':0'\n[[step]]\nsend = '${b}'\n",
        &[],
    )
    .check_code(2)
    .check_stdout("")
    .check_stderr(&["error: s.toml:5:9: `${b}` catches nothing"]);
    run(
        "[[session]]\nname = 'a'\nlisten = ':0'\nrules = 'none.toml'\n",
        &[],
    )
    .check_code(2)
    .check_stderr(&["s.toml:4:9: cannot read `none.toml`"]);
    sockpit(&["run", "nothing.toml"])
        .run()
        .check_code(2)
        .check_stderr(&["cannot read nothing.toml"]);
}

#[test]
fn what_cannot_be_reached_is_an_error_of_the_network() {
    let port = free_port();
    let scenario =
        format!("[[session]]\nname = 'a'\nconnect = ':{port}?family=4'\n[[step]]\nsend = 'x'\n");
    let finished = run(&scenario, &[]).check_code(1);
    assert!(finished.text().contains("refused"), "{}", finished.told());
}

#[test]
fn a_port_in_use_is_no_fault_of_the_network() {
    let holder = listen(&["127.0.0.1:0"]);
    let port = holder.port();
    let scenario =
        format!("[[session]]\nname = 'a'\nlisten = '127.0.0.1:{port}'\n[[step]]\nsleep = '1ms'\n");
    let finished = run(&scenario, &[]).check_code(2);
    assert!(finished.text().contains("in use"), "{}", finished.told());
}

#[test]
fn ctrl_c_closes_what_is_open_and_still_reports() {
    let folder = folder();
    let steps = "
[[case]]
name = 'long'
[[case.step]]
sleep = '25s'
[[case]]
name = 'never'
[[case.step]]
sleep = '1s'
";
    write(&folder, &format!("{PAIR}{steps}"));
    let running = sockpit(&["run", "s.toml", "--junit", "r.xml"])
        .folder(&folder)
        .start();
    running.wait_for_stderr("listening");
    running.signal(Signal::INT);
    let finished = running.finish().check_code(130);
    assert!(
        finished.text().contains("interrupted"),
        "{}",
        finished.told()
    );
    assert!(
        finished.text().contains("0 passed, 1 failed, 1 skipped"),
        "{}",
        finished.told()
    );
    let xml = fs::read_to_string(folder.path().join("r.xml")).unwrap();
    assert!(xml.contains("<skipped/>"), "{xml}");
}

#[test]
fn a_case_ends_in_time_while_a_peer_sends_without_end() {
    let server = python(
        r"
import socket
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1])
peer, _ = server.accept()
try:
    while True: peer.sendall(b'x' * 65536)
except OSError: pass
",
        &[],
    )
    .start();
    let port = server.printed_port();
    let scenario = format!(
        "timeout = '500ms'\n[[session]]\nname = 'a'\nconnect = '127.0.0.1:{port}'\n[[step]]\nexpect = 'y'\n"
    );
    let finished = run(&scenario, &[]).check_code(4);
    assert!(
        finished.text().contains("took longer than 500ms"),
        "{}",
        finished.told()
    );
    assert!(
        finished.took < Duration::from_secs(12),
        "{}",
        finished.told()
    );
}

#[test]
fn a_reset_is_told_from_an_end() {
    let server = python(
        r"
import socket, struct
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1])
peer, _ = server.accept()
peer.recv(10)
peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
peer.close()
server.accept()[0].close()
",
        &[],
    )
    .start();
    let port = server.printed_port();
    let scenario = format!(
        "[[session]]
name = 'a'
connect = '127.0.0.1:{port}'
[[step]]
send = 'x'
[[step]]
expect_closed = 'reset'
[[step]]
open = true
[[step]]
expect_closed = 'fin'
"
    );
    run(&scenario, &["-v"]).check_code(0);
}

#[test]
fn a_session_is_opened_again_after_it_was_closed() {
    let scenario = "
within = '10s'
[[session]]
name = 's'
listen = '127.0.0.1:0'
text = 'gbk'
[[session.list]]
name = 'hello'
start = true
items = [{ send = '你好' }]
[[session]]
name = 'c'
connect = '${s.endpoint}'
text = 'gbk'
[[step]]
session = 'c'
expect = '你好'
[[step]]
session = 'c'
close = true
[[step]]
session = 'c'
open = true
[[step]]
session = 'c'
expect = '你好'
[[step]]
session = 'c'
send = 'again ${0}'
[[step]]
session = 's'
expect = 'again 你好'
[[step]]
session = 's'
peer = 1
expect_closed = 'fin'
[[step]]
session = 'c'
open = true
";
    let finished = run(scenario, &[]).check_code(1);
    let why = "step 8 of 8, line 37: c opens: it is open already; close it first";
    assert!(finished.text().contains(why), "{}", finished.told());
}
