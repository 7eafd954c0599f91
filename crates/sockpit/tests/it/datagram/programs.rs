//! The programs that people have, and those that they write.

use super::*;

#[test]
fn a_beginners_python_server_is_talked_to() {
    if !need("python3") {
        return;
    }
    let server = python(
        "import socket\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.bind(('127.0.0.1', 0))\n\
         print(s.getsockname()[1])\n\
         while True:\n\
         \x20   data, addr = s.recvfrom(1024)\n\
         \x20   print(data.decode())\n\
         \x20   if data == b'bye':\n\
         \x20       break\n\
         \x20   s.sendto(data.upper(), addr)\n",
        &[],
    )
    .start();
    let endpoint = format!("udp://127.0.0.1:{}", server.printed_port());
    connect(&[
        &endpoint, "--send", "hello", "--expect", "HELLO", "--send", "again", "--expect", "AGAIN",
    ])
    .run()
    .check_code(0);
    connect(&[&endpoint, "--wait", "2s", "--as", "text"])
        .stdin("a\nb\nbye\n")
        .run()
        .check_code(0)
        .check_stdout("A\nB\n");
    server.finish().check_code(0);
}

#[test]
fn a_beginners_python_client_with_one_thread_is_answered() {
    if !need("python3") {
        return;
    }
    let listener = listen(&["udp://127.0.0.1:0", "--reply", "upper"]);
    python(
        "import socket, sys\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.settimeout(20)\n\
         for line in sys.stdin:\n\
         \x20   s.sendto(line.strip().encode(), ('127.0.0.1', int(sys.argv[1])))\n\
         \x20   data, addr = s.recvfrom(1024)\n\
         \x20   print(data.decode())\n",
        &[&listener.port().to_string()],
    )
    .stdin("hello\nworld\n")
    .run()
    .check_code(0)
    .check_stdout("HELLO\nWORLD\n");
    listener.interrupt().check_code(130);
}

#[test]
fn a_chat_with_a_python_program_of_two_threads_goes_both_ways_at_any_time() {
    if !need("python3") {
        return;
    }
    let mut peer = python(
        "import socket, sys, threading\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.bind(('127.0.0.1', 0))\n\
         print(s.getsockname()[1])\n\
         them = []\n\
         def hear():\n\
         \x20   while True:\n\
         \x20       data, addr = s.recvfrom(1024)\n\
         \x20       them[:] = [addr]\n\
         \x20       print('heard', data.decode())\n\
         threading.Thread(target=hear, daemon=True).start()\n\
         for line in sys.stdin:\n\
         \x20   s.sendto(line.strip().encode(), them[0])\n",
        &[],
    )
    .hold_stdin()
    .start();
    let endpoint = format!("udp://127.0.0.1:{}", peer.printed_port());
    let mut us = connect(&[&endpoint, "--as", "text", "--wait", "100ms"])
        .hold_stdin()
        .start();
    us.feed("在吗？\n".as_bytes());
    peer.wait_for_stdout("heard 在吗？\n".as_bytes());
    peer.feed("在\n第二句\n".as_bytes());
    us.wait_for_stdout("在\n第二句\n".as_bytes());
    us.feed(b"one\n");
    us.feed(b"two\n");
    peer.wait_for_stdout(b"heard one\nheard two\n");
    peer.feed(b"bye\n");
    us.wait_for_stdout(b"bye\n");
    us.end_stdin();
    us.finish().check_code(0);
    peer.end_stdin();
    peer.finish().check_code(0);
}

#[test]
fn other_programs_are_answered_as_clients() {
    for (name, args) in [
        ("nc", &["-u", "127.0.0.1"][..]),
        ("ncat", &["-u", "127.0.0.1"]),
        ("socat", &["-"]),
    ] {
        if !need(name) {
            continue;
        }
        let listener = listen(&["udp://127.0.0.1:0", "--reply", "upper", "--as", "text"]);
        let port = listener.port();
        let last = if name == "socat" {
            format!("UDP:127.0.0.1:{port}")
        } else {
            port.to_string()
        };
        // Some of them do not wait for an answer once their stdin has ended.
        let mut peer = Program::new(name, args).args(&[&last]).hold_stdin().start();
        peer.feed(b"hello\n");
        peer.wait_for_stdout(b"HELLO\n");
        listener
            .interrupt()
            .check_code(130)
            .check_stdout("hello\n\n");
    }
}

#[test]
fn other_programs_are_talked_to_as_servers() {
    for name in ["nc", "ncat", "socat"] {
        if !need(name) {
            continue;
        }
        let port = free_port();
        let number = port.to_string();
        let address = format!("UDP4-LISTEN:{port},bind=127.0.0.1");
        let args: &[&str] = match name {
            "socat" => &["-", &address],
            _ => &["-u", "-l", "127.0.0.1", &number],
        };
        let mut server = Program::new(name, args).hold_stdin().start();
        wait_until("the server's socket", || is_taken(port));
        let mut us = connect(&[&format!("udp://127.0.0.1:{port}"), "--as", "text"])
            .hold_stdin()
            .start();
        us.feed(b"hello from us\n");
        server.wait_for_stdout(b"hello from us");
        server.feed(b"hello from there\n");
        us.wait_for_stdout(b"hello from there\n");
        us.signal(Signal::TERM);
        us.finish().check_code(143);
    }
}

/// Whether somebody has this UDP port (proc(5)).
fn is_taken(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/udp").expect("Linux has it");
    table.contains(&format!(":{port:04X} "))
}
