//! `sockpit load`: against its own server, and against echoes of other programs.

mod wrong;

use std::fs;
use std::net::UdpSocket;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde_json::Value;

use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{
    DEADLINE, Finished, Program, Running, Signal, folder, listen, need, python, server, sockpit,
    stand_still,
};

/// The other end of a load.
fn serve(endpoint: &str, args: &[&str]) -> Running {
    sockpit(&["load", "--serve", endpoint]).args(args).start()
}

fn load(endpoint: &str, args: &[&str]) -> Program {
    sockpit(&["load", endpoint]).args(args)
}

/// Runs a load to its end, and gives its report.
fn report(endpoint: &str, args: &[&str], code: i32) -> Value {
    let finished = load(endpoint, args).args(&["--json"]).run();
    report_of(&finished.check_code(code))
}

fn report_of(finished: &Finished) -> Value {
    let lines = objects(finished);
    let last = lines.last().expect("a report at the end").clone();
    assert_eq!(last["event"], "report", "{}", finished.told());
    last
}

/// Every line of stdout, which has to be an object.
fn objects(finished: &Finished) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("each line is an object");
    finished.text().lines().map(parse).collect()
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// That so many messages were answered rightly, and nothing went wrong.
#[track_caller]
fn check_clean(report: &Value, messages: u64) {
    assert_eq!(report["sent"]["messages"], messages, "{report}");
    assert_eq!(report["received"]["messages"], messages, "{report}");
    for none in ["corrupt", "unanswered", "unsent"] {
        assert_eq!(report[none], 0, "{none}: {report}");
    }
    let faults = report["faults"].as_object().expect("faults by kind");
    assert!(faults.values().all(|count| *count == 0), "{report}");
    let latency = &report["latency"];
    assert_eq!(latency["count"], messages, "{report}");
    let values = ["min", "p50", "p90", "p99", "p99_9", "p99_99", "max"];
    let values = values.map(|name| number(&latency[name]));
    assert!(values.is_sorted() && values[0] > 0, "{report}");
}

#[test]
fn its_own_server_answers_every_message() {
    let tcp = serve("127.0.0.1:0", &[]);
    let address = tcp.address();
    check_clean(&report(&address, &["--count", "500"], 0), 500);
    let several = [
        "-c",
        "20",
        "--threads",
        "2",
        "--count",
        "2000",
        "--size",
        "3000",
    ];
    check_clean(&report(&address, &several, 0), 2000);
    let deep = ["--in-flight", "64", "--count", "2000"];
    check_clean(&report(&address, &deep, 0), 2000);
    let framed = ["--frame", "len:u16be", "--count", "300"];
    let framed = report(&address, &framed, 0);
    check_clean(&framed, 300);
    assert_eq!(framed["wire_size"], 66);
    let sent = ["--send", r"ping\n", "--escape", "--count", "5"];
    let sent = report(&address, &sent, 0);
    check_clean(&sent, 5);
    assert_eq!(sent["sent"]["bytes"], 25);
    tcp.interrupt().check_code(130);
}

#[test]
fn the_bytes_of_answers_are_those_that_came() {
    let server = listen(&[
        "127.0.0.1:0",
        "--frame",
        "lines",
        "--reply",
        "fixed:a longer answer",
    ]);
    let asks = [
        "--frame",
        "lines",
        "--send",
        "hey",
        "--any-answer",
        "--count",
        "20",
    ];
    let report = report(&server.address(), &asks, 0);
    check_clean(&report, 20);
    assert_eq!(report["sent"]["bytes"], 20 * "hey\n".len());
    assert_eq!(report["received"]["bytes"], 20 * "a longer answer\n".len());
}

#[test]
fn every_transport_is_measured() {
    let folder = folder();
    let path = format!("unix:{}", folder.path().join("s").display());
    for endpoint in ["[::1]:0", &path, "udp://127.0.0.1:0", "udp://[::1]:0"] {
        let server = serve(endpoint, &[]);
        check_clean(&report(&server.address(), &["--count", "100"], 0), 100);
        server.interrupt().check_code(130);
    }
}

#[test]
fn a_rate_is_kept() {
    let server = serve("127.0.0.1:0", &[]);
    for pace in [&["--rate", "500"][..], &["--rate", "500", "--open-loop"]] {
        let mut args = vec!["-c", "5", "--duration", "1s"];
        args.extend(pace);
        let report = report(&server.address(), &args, 0);
        let sent = number(&report["sent"]["messages"]);
        // A busy machine may let the last of them wait; more than the rate is never sent.
        assert!((1..=500).contains(&sent), "{report}");
        assert_eq!(sent + number(&report["unsent"]), 500, "{report}");
    }
}

#[test]
fn echoes_of_others_are_measured() {
    let ours = listen(&["127.0.0.1:0", "--reply", "echo"]);
    check_clean(&report(&ours.address(), &["--count", "200"], 0), 200);
    let ours = listen(&["udp://127.0.0.1:0", "--reply", "echo"]);
    check_clean(&report(&ours.address(), &["--count", "200"], 0), 200);
    if need("ncat") {
        let folder = folder();
        let path = folder.path().join("s");
        let path = path.to_str().unwrap();
        let ncat = Program::new("ncat", &["-U", "-l", "-k", "-v", path, "-e", "/bin/cat"]).start();
        ncat.wait_for_stderr("Listening");
        let endpoint = format!("unix:{path}");
        check_clean(&report(&endpoint, &["-c", "3", "--count", "90"], 0), 90);
    }
    if need("socat") {
        let folder = folder();
        let path = folder.path().join("s");
        let path = path.to_str().unwrap();
        let listen = format!("UNIX-LISTEN:{path},fork");
        let _socat = Program::new("socat", &["-d", "-d", &listen, "EXEC:cat"]).start();
        crate::support::wait_until("socat listens", || fs::exists(path).unwrap());
        let endpoint = format!("unix:{path}");
        check_clean(&report(&endpoint, &["-c", "3", "--count", "90"], 0), 90);
    }
}

#[test]
fn what_goes_one_way_is_counted_by_the_server() {
    let server = serve("127.0.0.1:0", &[]);
    let args = [
        "--mode", "oneway", "-c", "2", "--size", "10000", "--count", "1001",
    ];
    let stream = report(&server.address(), &args, 0);
    assert_eq!(stream["sent"]["bytes"], 10_010_000, "{stream}");
    assert_eq!(stream["sink"]["bytes"], 10_010_000, "{stream}");
    let server = serve("udp://127.0.0.1:0", &[]);
    let args = ["--mode", "oneway", "--rate", "500", "--count", "200"];
    let datagrams = report(&server.address(), &args, 0);
    assert_eq!(datagrams["sent"]["messages"], 200, "{datagrams}");
    assert_eq!(datagrams["sink"]["messages"], 200, "{datagrams}");
    assert_eq!(datagrams["sink"]["order"]["unique"], 200, "{datagrams}");
}

#[test]
fn answers_that_came_while_the_load_had_no_processor_are_not_lost() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port of our own");
    server
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    set_socket_recv_buffer_size(&server, 1 << 20).expect("a socket of our own");
    let address = format!("udp://{}", server.local_addr().expect("it is bound"));
    // More than a socket holds that nobody gave room to.
    let pace = ["--count", "500", "--rate", "5k", "--timeout", "30s"];
    let load = load(&address, &pace)
        .args(&["--open-loop", "--json"])
        .start();
    let asked: Vec<_> = (0..500)
        .map(|_| {
            let mut datagram = [0; 256];
            let (len, from) = server.recv_from(&mut datagram).expect("the load asks");
            (datagram[..len].to_vec(), from)
        })
        .collect();
    stand_still(&load);
    for (datagram, from) in asked {
        server.send_to(&datagram, from).expect("the load is there");
    }
    load.signal(Signal::CONT);
    check_clean(&report_of(&load.finish().check_code(0)), 500);
}

#[test]
fn a_sink_of_others_gets_nothing_but_the_messages() {
    if !need("python3") {
        return;
    }
    let sink = python(
        "import socket\n\
         server = socket.create_server(('127.0.0.1', 0))\n\
         print(server.getsockname()[1])\n\
         peer = server.accept()[0]\n\
         total = 0\n\
         while data := peer.recv(65536): total += len(data)\n\
         print(total)",
        &[],
    )
    .start();
    let address = format!("127.0.0.1:{}", sink.printed_port());
    let args = [
        "--mode", "oneway", "--plain", "--size", "1000", "--count", "50",
    ];
    let report = report(&address, &args, 0);
    assert_eq!(report["sent"]["bytes"], 50_000, "{report}");
    assert_eq!(report["sink"], Value::Null, "{report}");
    let told = sink.finish().check_code(0);
    assert_eq!(told.text().lines().last(), Some("50000"), "{}", told.told());
}

#[test]
fn connections_come_and_go() {
    let server = serve("127.0.0.1:0", &[]);
    for close in [&[][..], &["--reset"]] {
        let mut args = vec!["--mode", "churn", "-c", "3", "--count", "60"];
        args.extend(close);
        let report = report(&server.address(), &args, 0);
        check_clean(&report, 60);
        assert_eq!(report["connect"]["count"], 60, "{report}");
    }
    let told = server.interrupt().check_code(130);
    assert!(told.text().contains("120"), "{}", told.told());
}

#[test]
fn its_target_and_its_rate_are_told_before_it_starts() {
    let server = serve("127.0.0.1:0", &[]);
    let address = server.address();
    let args = ["--rate", "50", "--count", "3", "-c", "2"];
    let finished = load(&address, &args).run().check_code(0);
    let first = finished.stderr.lines().next().unwrap_or_default();
    let parts = [
        &address,
        "request",
        "2 connections",
        "64B",
        "50/s",
        "3 messages",
    ];
    for part in parts {
        assert!(first.contains(part), "{part}: {}", finished.told());
    }
    load(&address, &["--count", "3", "--quiet"])
        .run()
        .check_code(0)
        .check_silent();
}

#[test]
fn a_limit_is_told_and_nothing_is_opened() {
    for (args, told) in [
        (&["--connections", "0"][..], "from 1 to 20000"),
        (&["--rate", "1e9"], "is not a rate"),
        (&["--rate", "1000M"], "from 1 to 10000000"),
        (&["--size", "0"], "from 1 to"),
        (&["--threads", "65"], "from 1 to 64"),
        (&["--duration", "0s"], "from 1ms to 1h"),
        (&["--in-flight", "1025"], "from 1 to 1024"),
        (
            &["--connections", "20000", "--in-flight", "1024"],
            "under way",
        ),
    ] {
        let finished = load(crate::support::NOBODY, args).run().check_code(2);
        finished.check_stdout("").check_stderr(&[told]);
    }
    let large = load("udp://127.0.0.1:7000", &["--size", "70000"]).run(); // port: refused before
    large.check_code(2).check_stderr(&["65507"]);
}

#[test]
fn each_second_is_an_object_and_so_is_the_whole() {
    let server = serve("127.0.0.1:0", &["--json"]);
    let args = ["--rate", "100", "--duration", "2s", "--json"];
    let finished = load(&server.address(), &args).run().check_code(0);
    let objects = objects(&finished);
    let (report, seconds) = objects.split_last().expect("a report at the end");
    assert!(seconds.len() >= 2, "{}", finished.told());
    for (index, second) in seconds.iter().enumerate() {
        assert_eq!(second["event"], "progress", "{second}");
        assert_eq!(second["second"], index + 1, "{second}");
        assert_eq!(second["v"], 1, "{second}");
    }
    assert_eq!(
        report["seconds"].as_array().map(Vec::len),
        Some(seconds.len())
    );
    assert!(report["processor"]["user_ns"].is_u64(), "{report}");
    // Something, though it may be less than a tick of the kernel's.
    let taken = report["processor"]["whole_ns"].as_u64();
    assert!(taken > Some(0), "{report}");
    let served = server.interrupt().check_code(130);
    let served: Value = serde_json::from_str(served.text()).expect("one object");
    assert_eq!(served["event"], "served", "{served}");
    assert_eq!(served["accepted"], 1, "{served}");
    assert_eq!(
        served["received_bytes"], report["sent"]["bytes"],
        "{served}"
    );
}

#[test]
fn a_picture_is_drawn() {
    let server = serve("127.0.0.1:0", &[]);
    let folder = folder();
    let path = folder.path().join("a.svg");
    fs::write(&path, "x".repeat(1 << 20)).unwrap();
    let svg = path.to_str().unwrap();
    let args = ["--rate", "200", "--duration", "1s", "--svg", svg];
    load(&server.address(), &args).run().check_code(0);
    let drawing = fs::read_to_string(&path).unwrap();
    assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"));
    assert!(drawing.contains(&server.address()), "{drawing}");
}

#[test]
fn a_server_ends_by_itself_when_its_clients_have_gone() {
    for endpoint in ["127.0.0.1:0", "udp://127.0.0.1:0"] {
        let server = serve(endpoint, &["--once"]);
        check_clean(&report(&server.address(), &["--count", "20"], 0), 20);
        server.finish().check_code(0);
    }
}

#[test]
fn a_port_in_use_is_told_with_its_owner() {
    let (_socket, address) = server();
    sockpit(&["load", "--serve", &address])
        .run()
        .check_code(2)
        .check_stderr(&["address already in use", "hint: ", "pid "]);
}

#[test]
fn a_terminal_gets_one_line_that_stays_in_its_place() {
    if !need("python3") {
        return;
    }
    let server = serve("127.0.0.1:0", &[]);
    let address = server.address();
    let args = ["load", &address, "--rate", "100", "--duration", "2s"];
    let size = Size::new(5, 30);
    let finished = sockpit_on_a_terminal(size, &args).run().check_code(0);
    let shown = finished.text();
    let progress = shown
        .split("\r\u{1b}[K")
        .filter(|part| part.contains(" s  "));
    for line in progress.filter(|line| !line.contains('\n')) {
        assert!(line.chars().count() < 30, "{line:?}\n{}", finished.told());
    }
    assert!(shown.contains("latency p50"), "{}", finished.told());
}

#[test]
fn it_speaks_chinese() {
    let server = serve("127.0.0.1:0", &[]);
    let args = ["--count", "20", "--rate", "100", "--lang", "zh"];
    let finished = load(&server.address(), &args).run().check_code(0);
    for part in ["延迟 p99", "应答", "处理器时间"] {
        assert!(
            finished.text().contains(part),
            "{part}: {}",
            finished.told()
        );
    }
    finished.check_stderr(&["1 个连接", "每秒 100 条"]);
    load("192.0.2.1:7000", &["--lang", "zh"])
        .run()
        .check_code(2)
        .check_stderr(&["另一台机器", "--yes"]);
}
