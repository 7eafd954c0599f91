//! Servers and ways that do wrong, mistakes of who asks, and loads that are ended.

use std::fs;
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use super::{check_clean, load, number, report, serve};
use crate::datagram::closed_port;
use crate::support::{
    NOBODY, Program, Signal, folder, free_address, need, python, server, sockpit,
};

/// A sink whose connections end with the client's but for the fourth, which stays for two seconds.
const UNEVEN_SINK: &str = r"
import socket, threading, time
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1])
def serve(peer, stays):
    while peer.recv(65536): pass
    if stays: time.sleep(2)
    peer.close()
for index in range(4): threading.Thread(target=serve, args=(server.accept()[0], index == 3)).start()
";

#[test]
fn one_that_ends_late_is_waited_for_at_rest() {
    if !need("python3") {
        return;
    }
    let sink = python(UNEVEN_SINK, &[]).start();
    let address = format!("127.0.0.1:{}", sink.printed_port());
    let args = [
        "--mode", "oneway", "--plain", "-c", "4", "--size", "1KiB", "--count", "40",
    ];
    let report = report(&address, &args, 0);
    let taken = &report["processor"];
    let taken = number(&taken["user_ns"]) + number(&taken["system_ns"]);
    // It waits for a second, which would all be spent if it asked again and again.
    assert!(taken < 500_000_000, "{report}");
}

/// A way on which things happen to numbered datagrams, by their number: every 10th is lost, every
/// 7th comes twice, every 25th comes after the next one. The first argument is the server's port.
const LOSSY_WAY: &str = r"
import select, socket, sys
def opened():
    it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    it.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    return it
front, back = opened(), opened()
front.bind(('127.0.0.1', 0))
back.connect(('127.0.0.1', int(sys.argv[1])))
print(front.getsockname()[1])
held, client = None, None
while True:
    for ready in select.select([front, back], [], [])[0]:
        if ready is back:
            front.sendto(back.recv(65536), client)
            continue
        datagram, client = front.recvfrom(65536)
        if datagram[5] not in (3, 4):
            back.send(datagram)
            continue
        number = int.from_bytes(datagram[20:28], 'big')
        if number % 10 == 9: continue
        times = 2 if number % 7 == 3 else 1
        if number % 25 == 0:
            held = [datagram] * times
            continue
        for _ in range(times): back.send(datagram)
        for late in held or []: back.send(late)
        held = None
";

#[test]
fn what_is_lost_doubled_and_late_is_counted_exactly() {
    if !need("python3") {
        return;
    }
    let server = serve("udp://127.0.0.1:0", &[]);
    let way = python(LOSSY_WAY, &[&server.port().to_string()]).start();
    let address = format!("udp://127.0.0.1:{}", way.printed_port());
    let doubled = (0..500).filter(|n| n % 7 == 3 && n % 10 != 9).count();
    let check = |report: &Value, order: &Value| {
        assert_eq!(report["sent"]["messages"], 500, "{report}");
        assert_eq!(order["unique"], 450, "{report}");
        assert_eq!(order["reordered"], 20, "{report}");
        assert_eq!(order["duplicates"], doubled, "{report}");
        assert_eq!(order["stale"], 0, "{report}");
    };
    // What is lost of datagrams is a figure, and no failure.
    let pace = ["--count", "500", "--rate", "500", "--timeout", "2s"];
    let mut asked = pace.to_vec();
    asked.push("--open-loop");
    let asked = report(&address, &asked, 0);
    check(&asked, &asked["order"]);
    assert_eq!(asked["received"]["messages"], 450, "{asked}");
    assert_eq!(asked["latency"]["count"], 450, "{asked}");
    let mut thrown = pace.to_vec();
    thrown.extend(["--mode", "oneway"]);
    let thrown = report(&address, &thrown, 0);
    check(&thrown, &thrown["sink"]["order"]);
    let finished = load(&address, &pace).args(&["--mode", "oneway"]).run();
    let finished = finished.check_code(0);
    let table = finished.text();
    assert!(table.contains("50 (10.0 %)"), "{}", finished.told());
}

#[test]
fn nobody_there_is_exit_1_with_one_sentence_and_a_hint() {
    let address = free_address();
    for args in [&[][..], &["--mode", "churn"], &["--mode", "oneway"]] {
        let finished = load(&address, args).run().check_code(1).check_stdout("");
        // A listener that answers nothing would be no server of a load.
        let hint = "hint: nobody listens there; `sockpit load --serve tcp://";
        let finished = finished.check_stderr(&["connection refused", hint]);
        assert!(!finished.stderr.contains("os error"), "{}", finished.told());
    }
    let folder = folder();
    let endpoint = format!("unix:{}", folder.path().join("none").display());
    load(&endpoint, &[]).run().check_code(1).check_stdout("");
}

#[test]
fn a_datagram_port_without_a_program_is_exit_1() {
    let (_held, port) = closed_port("127.0.0.1");
    let address = format!("udp://127.0.0.1:{port}");
    let args = ["--count", "3", "--timeout", "200ms", "--duration", "2s"];
    load(&address, &args).run().check_code(1);
    // What was sent is no figure where all of it was refused.
    let args = ["--mode", "oneway", "--duration", "300ms"];
    let finished = load(&address, &args).run().check_code(1);
    finished
        .check_stdout("")
        .check_stderr(&["connection refused"]);
}

#[test]
fn another_machine_is_not_loaded_without_yes() {
    for endpoint in [
        "192.0.2.1:7000",
        "udp://192.0.2.1:7000",
        "[2001:db8::1]:7000",
    ] {
        let finished = load(endpoint, &["--duration", "1s"]).run().check_code(2);
        let finished = finished.check_stdout("").check_stderr(&["--yes"]);
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.told());
    }
}

#[test]
fn a_load_takes_no_words_of_a_server() {
    for option in [
        &["--echo"][..],
        &["--sink"],
        &["--once"],
        &["--max-peers", "3"],
        &["--idle", "5s"],
    ] {
        let told = format!("`{}` is an option of the server", option[0]);
        let given = |language| {
            let args = ["--count", "3", "--lang", language];
            let given = load(NOBODY, &args).args(option).run();
            given.check_code(2).check_stdout("")
        };
        given("en").check_stderr(&[&told, "`--serve`"]);
        given("zh").check_stderr(&["错误：", "是服务端的选项", "`--serve`"]);
    }
}

#[test]
fn what_was_measured_until_ctrl_c_is_told() {
    let server = serve("127.0.0.1:0", &[]);
    for signal in [Signal::INT, Signal::TERM] {
        let running = load(&server.address(), &["--duration", "1h", "--rate", "100"]).start();
        running.wait_for_stderr("  2 s  ");
        running.signal(signal);
        let code = if signal == Signal::INT { 130 } else { 143 };
        let finished = running.finish().check_code(code);
        let finished = finished.check_stderr(&["ended before its time"]);
        assert!(
            finished.text().contains("latency p99"),
            "{}",
            finished.told()
        );
    }
}

/// A server of one connection after the other that does with what comes as the argument says.
const OTHER_SERVER: &str = r"
import socket, sys, threading
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1])
def serve(peer):
    while data := peer.recv(65536):
        if sys.argv[1] == 'wrong': peer.sendall(data.swapcase() if b'a' in data.lower() else data[::-1])
        if sys.argv[1] == 'close': return peer.close()
        if sys.argv[1] == 'half': peer.sendall(data[:len(data) // 2])
        if sys.argv[1] == 'longer': peer.sendall(data + b'x')
while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
";

#[test]
fn wrong_answers_are_told_from_right_ones() {
    if !need("python3") {
        return;
    }
    let wrong = python(OTHER_SERVER, &["wrong"]).start();
    let address = format!("127.0.0.1:{}", wrong.printed_port());
    let found = report(&address, &["--count", "50"], 1);
    assert_eq!(found["corrupt"], 50, "{found}");
    assert_eq!(found["received"]["messages"], 50, "{found}");
    let taken = report(&address, &["--count", "50", "--any-answer"], 0);
    check_clean(&taken, 50);
}

#[test]
fn an_answer_with_a_byte_too_many_is_malformed() {
    if !need("python3") {
        return;
    }
    let longer = python(OTHER_SERVER, &["longer"]).start();
    let address = format!("127.0.0.1:{}", longer.printed_port());
    for mode in ["request", "churn"] {
        let found = report(&address, &["--mode", mode, "--count", "3"], 1);
        assert_eq!(found["received"]["messages"], 3, "{mode}: {found}");
        assert_eq!(found["faults"]["malformed"], 3, "{mode}: {found}");
    }
    for (language, told) in [
        ("en", "`--frame` says where an answer ends"),
        ("zh", "应答到哪里为止"),
    ] {
        let finished = load(&address, &["--count", "3", "--lang", language]).run();
        finished.check_code(1).check_stderr(&[told]);
    }
}

#[test]
fn a_server_that_never_answers_is_exit_1() {
    if !need("python3") {
        return;
    }
    for (way, mode) in [
        ("silent", "request"),
        ("half", "request"),
        ("silent", "churn"),
        ("close", "request"),
    ] {
        let other = python(OTHER_SERVER, &[way]).start();
        let address = format!("127.0.0.1:{}", other.printed_port());
        let args = ["--mode", mode, "--timeout", "200ms", "--duration", "1s"];
        let report = report(&address, &args, 1);
        assert_eq!(report["received"]["messages"], 0, "{way} {mode}: {report}");
        let faults = &report["faults"];
        let count = match way {
            "close" => number(&faults["closed"]),
            _ => number(&faults["timeout"]),
        };
        assert!(count > 0, "{way} {mode}: {report}");
    }
}

#[test]
fn a_picture_that_cannot_be_written_is_exit_2() {
    let server = serve("127.0.0.1:0", &[]);
    let args = ["--count", "3", "--svg", "/dev/full"];
    let finished = load(&server.address(), &args).run().check_code(2);
    // What was measured is told all the same.
    assert!(
        finished.text().contains("latency p50"),
        "{}",
        finished.told()
    );
    finished.check_stderr(&["cannot write /dev/full", "no space left on the device"]);
    let folder = folder();
    let nobody = free_address();
    let (new, kept) = (
        folder.path().join("new.svg"),
        folder.path().join("kept.svg"),
    );
    fs::write(&kept, "kept").unwrap();
    for path in [&new, &kept] {
        let args = ["--svg", path.to_str().unwrap()];
        load(&nobody, &args).run().check_code(1);
    }
    // Nothing was measured, and nothing is left behind.
    assert!(!fs::exists(&new).unwrap());
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    let none = folder.path().join("none/a.svg");
    let args = ["--count", "3", "--svg", none.to_str().unwrap()];
    load(&server.address(), &args)
        .run()
        .check_code(2)
        .check_stdout("")
        .check_stderr(&["cannot write"]);
}

#[test]
fn a_closed_stdout_ends_it_quietly() {
    let server = serve("127.0.0.1:0", &[]);
    let args = ["--duration", "1h", "--rate", "100", "--json"];
    let mut running = load(&server.address(), &args).start();
    running.wait_for_stdout(b"\n");
    running.close_stdout();
    let finished = running.finish().check_code(0);
    assert!(!finished.stderr.contains("error"), "{}", finished.told());
}

#[test]
fn a_server_of_datagrams_takes_no_words_of_connections() {
    for option in [["--threads", "4"], ["--max-peers", "3"], ["--idle", "3s"]] {
        let args = ["load", "--serve", "udp://127.0.0.1:0"];
        let finished = sockpit(&args).args(&option).run().check_code(2);
        finished.check_stderr(&["has no meaning on udp"]);
    }
}

#[test]
fn a_local_address_that_is_not_ours_is_named() {
    for endpoint in [NOBODY, &format!("udp://{NOBODY}")] {
        let finished = load(endpoint, &["--bind", "192.0.2.9"]).run();
        finished
            .check_code(2)
            .check_stderr(&["cannot bind to 192.0.2.9"]);
    }
}

#[test]
fn a_group_is_not_loaded_whatever_it_is_called() {
    for endpoint in ["udp://[::ffff:239.1.1.1]:9", "tcp://255.255.255.255:9"] {
        for language in ["en", "zh"] {
            let finished = load(endpoint, &["--yes", "--lang", language]).run();
            let finished = finished.check_code(2).check_stdout("");
            let told = match language {
                "en" => "a load goes to one server, not to a group or to everybody",
                _ => "施加负载",
            };
            finished.check_stderr(&[told]);
        }
    }
}

/// A listener that lets nobody in: its backlog has room for one, who is there.
fn full_listener() -> (TcpListener, TcpStream, String) {
    let (listener, address) = server();
    rustix::net::listen(&listener, 0).unwrap();
    let first = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener, first, address)
}

#[test]
fn a_server_that_lets_nobody_in_has_not_answered() {
    let (_listener, _first, address) = full_listener();
    let finished = load(&address, &["--timeout", "200ms"]).run().check_code(1);
    finished.check_stderr(&["no answer within 200ms"]);
}

#[test]
fn ctrl_c_ends_it_at_once_while_it_connects() {
    let (_listener, _first, address) = full_listener();
    let by_name = address.replace("127.0.0.1", "localhost");
    for endpoint in [&address, &by_name] {
        let running = load(endpoint, &["--timeout", "1h"]).start();
        running.wait_for_stderr("request, 1 connection");
        let finished = running.interrupt().check_code(130);
        assert!(!finished.stderr.contains("error"), "{}", finished.told());
    }
    // So does a reader who leaves.
    let left = "(\"$0\" load \"$1\" --timeout 1h; echo code $? >&2) | true";
    Program::new("sh", &["-c", left, env!("CARGO_BIN_EXE_sockpit"), &address])
        .run()
        .check_stderr(&["code 0"]);
}

#[test]
fn descriptors_that_run_out_are_no_answers_that_stay_out() {
    let server = serve("127.0.0.1:0", &[]);
    let address = server.address();
    let limited = "ulimit -n 40; exec \"$0\" \"$@\"";
    let program = env!("CARGO_BIN_EXE_sockpit");
    let args = [
        "load", &address, "--mode", "churn", "-c", "60", "--count", "200",
    ];
    let finished = Program::new("sh", &["-c", limited, program])
        .args(&args)
        .run()
        .check_code(1);
    assert!(
        !finished.text().contains("unanswered"),
        "{}",
        finished.told()
    );
    assert!(
        finished.text().contains("no free descriptor"),
        "{}",
        finished.told()
    );
    finished.check_stderr(&["`ulimit -n`"]);
}

#[test]
fn a_server_takes_no_words_of_a_load() {
    for option in [
        &["--bind", "127.0.0.1"][..],
        &["--escape"],
        &["--rate", "5"],
    ] {
        let args = ["load", "--serve", "127.0.0.1:0"];
        let finished = sockpit(&args).args(option).run().check_code(2);
        finished.check_stdout("").check_stderr(&[option[0]]);
    }
    let args = ["load", "--serve", "tcp://127.0.0.1:0?text=gbk"];
    let finished = sockpit(&args).run().check_code(2);
    finished.check_stderr(&["`text` has no meaning to a load"]);
}

/// A server of HTTP/1.1 whose connections stay open.
const WEB_SERVER: &str = r"
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = b'<p>hello, how are you?</p>' * 20
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
";

#[test]
fn a_web_server_is_measured_as_the_help_says() {
    if !need("python3") {
        return;
    }
    let web = python(WEB_SERVER, &[]).start();
    let address = format!("127.0.0.1:{}", web.printed_port());
    let request = r"GET / HTTP/1.1\r\nHost: a";
    let frame = r"delim:\r\n\r\n";
    let args = [
        "--send",
        request,
        "--escape",
        "--frame",
        frame,
        "--any-answer",
        "--count",
        "20",
    ];
    check_clean(&report(&address, &args, 0), 20);
}

#[test]
fn nothing_spins_while_nobody_takes_datagrams() {
    let folder = folder();
    let path = folder.path().join("s");
    let _nobody_reads = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let endpoint = format!("unixgram:{}", path.display());
    let args = ["--mode", "oneway", "--rate", "1k", "--duration", "1s"];
    let finished = load(&endpoint, &args).args(&["--json"]).run();
    let report = super::report_of(&finished);
    let taken = number(&report["processor"]["whole_ns"]);
    assert!(taken < 300_000_000, "{report}");
}

#[test]
fn a_picture_behind_a_link_or_a_pipe_is_drawn_or_given_up() {
    let server = serve("127.0.0.1:0", &[]);
    let folder = folder();
    let [link, target, pipe] = ["l.svg", "t.svg", "p"].map(|name| folder.path().join(name));
    std::os::unix::fs::symlink("t.svg", &link).unwrap();
    let args = ["--count", "3", "--svg", link.to_str().unwrap()];
    load(&server.address(), &args).run().check_code(0);
    assert!(fs::read_to_string(&target).unwrap().ends_with("</svg>\n"));
    fs::remove_file(&target).unwrap();
    load(&free_address(), &args).run().check_code(1);
    assert!(link.is_symlink() && !target.exists(), "nothing was drawn");
    if !need("mkfifo") {
        return;
    }
    let pipe = pipe.to_str().unwrap();
    Program::new("mkfifo", &[pipe]).run().check_code(0);
    let waiting = load(&server.address(), &["--svg", pipe]).start();
    crate::support::wait_until("it waits for a reader of the pipe", || {
        let at = format!("/proc/{}/stat", waiting.pid().as_raw_nonzero());
        fs::read_to_string(at).is_ok_and(|stat| stat.contains(") S "))
    });
    // Not INT, which is ignored where the tests are run in a shell's background.
    waiting.signal(Signal::TERM);
    let code = waiting.finish().code;
    assert!(matches!(code, None | Some(143)), "{code:?}");
}
