//! Streams over TCP: addresses, many peers, answers, and every byte in both directions.

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::{
    DEADLINE, Program, accept, bulk, client, connect, contains, descriptors, listen, pattern,
    python, read_exactly, read_to_end, server, sockpit,
};

#[test]
fn a_client_and_a_listener_of_ours_talk_both_ways() {
    let listener = sockpit(&["listen", "127.0.0.1:0", "--once"])
        .stdin("from the listener")
        .start();
    let address = listener.address();
    connect(&[&address])
        .stdin("from the client")
        .run()
        .check_code(0)
        .check_stdout("from the listener")
        .check_silent();
    listener
        .finish()
        .check_code(0)
        .check_stdout("from the client");
}

#[test]
fn sixty_four_mebibytes_arrive_intact_both_ways_at_once() {
    both_ways_at_once("127.0.0.1:0");
}

/// 64 MiB from a client to a listener at `endpoint`, and as many the other way.
pub(crate) fn both_ways_at_once(endpoint: &str) {
    let up = bulk();
    // Other bytes, so that none can be taken for those of the other way.
    let down = [&up[1..], &up[..1]].concat();
    let listener = sockpit(&["listen", endpoint, "--once"])
        .stdin(down.clone())
        .start();
    let client = connect(&[&listener.address()])
        .stdin(up)
        .run()
        .check_code(0);
    let listener = listener.finish().check_code(0);
    assert!(
        client.stdout == down,
        "the listener's bytes changed on their way"
    );
    assert!(
        listener.stdout == up,
        "the client's bytes changed on their way"
    );
}

#[test]
fn what_is_looked_at_arrives_as_intact_as_what_is_passed_through() {
    let up = pattern(8 << 20, 3);
    // Counting reads keeps the bytes out of the kernel's short cut.
    let listener = listen(&["127.0.0.1:0", "--once", "--read-size", "10007"]);
    connect(&[&listener.address(), "--read-size", "64KiB"])
        .stdin(up.clone())
        .run()
        .check_code(0);
    let listener = listener.finish().check_code(0);
    assert!(
        listener.stdout == up,
        "the client's bytes changed on their way"
    );
}

#[test]
fn an_echo_of_megabytes_comes_back_while_it_is_still_being_sent() {
    let bytes = pattern(16 << 20, 4);
    let listener = listen(&["127.0.0.1:0", "--reply", "echo"]);
    let client = connect(&[&listener.address()])
        .stdin(bytes.clone())
        .run()
        .check_code(0);
    assert!(client.stdout == bytes, "the echo is not what was sent");
}

#[test]
fn two_hundred_peers_at_once_get_their_own_replies() {
    let listener = listen(&["127.0.0.1:0", "--reply", "echo", "--frame", "lines"]);
    let port = listener.port();
    let mut peers: Vec<TcpStream> = (0..200).map(|_| client(port)).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.write_all(format!("I am {number}\n").as_bytes())
            .unwrap();
    }
    // The last one first: nobody waits for somebody else.
    for (number, peer) in peers.iter_mut().enumerate().rev() {
        let expected = format!("I am {number}\n");
        let got = read_exactly(peer, expected.len());
        assert_eq!(String::from_utf8_lossy(&got), expected);
    }
    drop(peers);
    listener.interrupt().check_code(130);
}

#[test]
fn peers_that_come_and_go_leave_no_descriptor_behind() {
    let listener = listen(&["127.0.0.1:0", "--reply", "echo"]);
    let port = listener.port();
    // A listener that has served a peer has begun altogether, and has one descriptor for it.
    let mut first = client(port);
    first.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&mut first, 1), b"x");
    let before = descriptors(listener.pid()) - 1;
    drop(first);
    for _ in 0..100 {
        let mut peer = client(port);
        peer.write_all(b"x").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&mut peer), b"x");
    }
    listener.wait("the descriptors of peers that left", |_| {
        descriptors(listener.pid()) == before
    });
}

#[test]
fn with_max_peers_the_second_client_waits_in_the_backlog_until_the_first_has_left() {
    let listener = listen(&["127.0.0.1:0", "--reply", "upper", "--max-peers", "1"]);
    let port = listener.port();
    let mut first = client(port);
    first.write_all(b"one").unwrap();
    assert_eq!(read_exactly(&mut first, 3), b"ONE");
    let mut second = client(port);
    second.write_all(b"two").unwrap();
    second
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let waits = second.read(&mut [0; 8]).unwrap_err();
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    second.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!(read_exactly(&mut second, 3), b"TWO");
}

#[test]
fn read_size_shows_what_a_small_recv_sees() {
    let listener = listen(&["127.0.0.1:0", "--once", "--read-size", "4", "--as", "hex"]);
    let mut peer = client(listener.port());
    peer.write_all(b"hello world").unwrap();
    drop(peer);
    listener
        .finish()
        .check_code(0)
        .check_stdout("68 65 6C 6C\n6F 20 77 6F\n72 6C 64\n");
}

#[test]
fn ipv6_is_written_in_brackets() {
    let listener = listen(&["[::1]:0", "--reply", "upper"]);
    let address = listener.address();
    assert!(address.starts_with("tcp://[::1]:"), "{address}");
    connect(&[&address])
        .stdin("six")
        .run()
        .check_code(0)
        .check_stdout("SIX");
    connect(&["-6", &format!("localhost:{}", listener.port())])
        .stdin("by name")
        .run()
        .check_code(0)
        .check_stdout("BY NAME");
}

#[test]
fn localhost_takes_one_port_on_both_families() {
    takes_one_port_on_both_families("localhost:0");
}

#[test]
fn a_bare_port_takes_every_address_of_both_families() {
    takes_one_port_on_both_families(":0");
}

fn takes_one_port_on_both_families(endpoint: &str) {
    let listener = listen(&[endpoint, "--reply", "echo"]);
    let port = listener.port();
    listener.wait("a line for each family", |running| {
        running.stderr().matches(&format!(":{port}\n")).count() == 2
    });
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    let v6 = TcpStream::connect_timeout(&v6, DEADLINE).unwrap();
    for mut peer in [client(port), v6] {
        peer.write_all(b"hi").unwrap();
        assert_eq!(read_exactly(&mut peer, 2), b"hi");
    }
}

#[test]
fn a_family_that_was_asked_for_is_the_only_one() {
    let listener = listen(&["-4", "localhost:0", "--reply", "echo"]);
    let port = listener.port();
    assert_eq!(
        listener.stderr(),
        format!("listening on tcp://127.0.0.1:{port}\n")
    );
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    assert!(TcpStream::connect_timeout(&v6, DEADLINE).is_err());
}

#[test]
fn every_way_to_write_an_address_is_understood() {
    let listener = listen(&["127.0.0.1:0", "--reply", "upper"]);
    let port = listener.port().to_string();
    let written: [&[&str]; 8] = [
        &["127.0.0.1", &port],
        &["localhost", &port],
        &[&format!("127.0.0.1:{port}")],
        &[&format!(":{port}")],
        &[&format!("tcp://127.0.0.1:{port}")],
        &[&format!("tcp:127.0.0.1:{port}")],
        &[&format!("TCP:localhost:{port}")],
        &[&format!("tcp://127.0.0.1:{port}?nodelay=0&frame=raw")],
    ];
    for words in written {
        connect(words)
            .stdin("hi")
            .run()
            .check_code(0)
            .check_stdout("HI");
    }
}

#[test]
fn a_local_address_may_be_chosen() {
    let (listener, address) = server();
    for args in [
        vec![address.clone(), "--bind".to_owned(), "127.0.0.2".to_owned()],
        vec![format!("{address}?bind=127.0.0.2:0")],
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let client = connect(&args).start();
        let peer = accept(&listener);
        assert_eq!(peer.peer_addr().unwrap().ip().to_string(), "127.0.0.2");
        drop(peer);
        client.finish().check_code(0);
    }
}

#[test]
fn the_replies_of_the_command_line() {
    reply("echo", "Hello\nworld", "Hello\nworld");
    reply("upper", "Hello\nworld", "HELLO\nWORLD");
    reply("discard", "Hello\nworld", "");
    reply("fixed:pong", "Hello", "pong");
}

fn reply(reply: &str, sent: &str, expected: &str) {
    let listener = listen(&["127.0.0.1:0", "--reply", reply]);
    connect(&[&listener.address()])
        .stdin(sent)
        .run()
        .check_code(0)
        .check_stdout(expected);
    // Whoever answers is no sink of data.
    listener.interrupt().check_code(130).check_stdout("");
}

#[test]
fn a_fixed_reply_answers_each_message_of_a_framed_stream() {
    let listener = listen(&["127.0.0.1:0", "--reply", "fixed:ok", "--frame", "lines"]);
    connect(&[&listener.address()])
        .stdin("a\nb\nc\n")
        .run()
        .check_stdout("ok\nok\nok\n");
}

#[test]
fn a_client_may_answer_too() {
    let (listener, address) = server();
    let client = connect(&[&address, "--reply", "upper"])
        .hold_stdin()
        .start();
    let mut peer = accept(&listener);
    peer.write_all(b"ping").unwrap();
    assert_eq!(read_exactly(&mut peer, 4), b"PING");
    drop(peer);
    client.finish().check_code(0);
}

#[test]
fn a_program_for_each_peer_gets_the_end_of_its_input_and_its_output_still_arrives() {
    let listener = listen(&["127.0.0.1:0", "--exec", "tr a-z A-Z"]);
    let port = listener.port();
    let mut peers: Vec<TcpStream> = (0..3).map(|_| client(port)).collect();
    for (number, peer) in peers.iter_mut().enumerate() {
        peer.write_all(format!("peer {number}").as_bytes()).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
    }
    for (number, peer) in peers.iter_mut().enumerate() {
        assert_eq!(read_to_end(peer), format!("PEER {number}").as_bytes());
    }
}

#[test]
fn a_program_that_ends_ends_its_peer() {
    let listener = listen(&["127.0.0.1:0", "--exec", "echo hello"]);
    let mut peer = client(listener.port());
    assert_eq!(read_to_end(&mut peer), b"hello\n");
}

#[test]
fn a_program_gets_megabytes_and_gives_them_back() {
    let bytes = pattern(4 << 20, 5);
    let listener = listen(&["127.0.0.1:0", "--exec", "cat"]);
    let client = connect(&[&listener.address()])
        .stdin(bytes.clone())
        .run()
        .check_code(0);
    assert!(client.stdout == bytes, "cat did not give back what it got");
}

#[test]
fn a_program_of_a_client_talks_to_the_server() {
    let (listener, address) = server();
    let client = connect(&[&address, "--exec", "tr a-z A-Z"]).start();
    let mut peer = accept(&listener);
    peer.write_all(b"shout").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut peer), b"SHOUT");
    client.finish().check_code(0);
}

#[test]
fn framed_messages_go_both_ways() {
    let listener = listen(&["127.0.0.1:0", "--reply", "upper", "--frame", "len:u16be"]);
    connect(&[&listener.address(), "--frame", "len:u16be", "--as", "text"])
        .stdin("one\ntwo\n")
        .run()
        .check_code(0)
        .check_stdout("ONE\nTWO\n");
    let mut peer = client(listener.port());
    peer.write_all(b"\x00\x02hi\x00").unwrap();
    assert_eq!(read_exactly(&mut peer, 4), b"\x00\x02HI");
}

#[test]
fn piped_stdin_of_a_listener_is_held_for_the_first_peer() {
    let mut listener = sockpit(&["listen", "127.0.0.1:0"]).hold_stdin().start();
    let port = listener.port();
    listener.feed(b"welcome");
    let mut first = client(port);
    assert_eq!(read_exactly(&mut first, 7), b"welcome");
    listener.end_stdin();
    assert_eq!(read_to_end(&mut first), b"");
    // A second peer is served all the same.
    let mut second = client(port);
    second.write_all(b"from the second").unwrap();
    listener.wait_for_stdout(b"from the second");
    listener.interrupt().check_code(130);
}

#[test]
fn commands_of_the_keyboard_are_data_in_a_pipe() {
    let listener = listen(&["127.0.0.1:0", "--once"]);
    connect(&[&listener.address()])
        .stdin("/quit\n//x\n")
        .run()
        .check_code(0);
    listener.finish().check_code(0).check_stdout("/quit\n//x\n");
}

#[test]
fn stdin_that_never_held_a_byte_ends_nothing() {
    let listener = listen(&["127.0.0.1:0"]);
    let mut peer = client(listener.port());
    peer.write_all(b"hello").unwrap();
    listener.wait_for_stdout(b"hello");
    peer.set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let waits = peer.read(&mut [0; 8]).unwrap_err();
    assert_eq!(
        waits.kind(),
        std::io::ErrorKind::WouldBlock,
        "the listener has ended the peer"
    );
    peer.write_all(b" again").unwrap();
    listener.wait_for_stdout(b"hello again");
    listener.interrupt().check_code(130);
}

#[test]
fn the_chunks_of_several_peers_are_not_torn() {
    let listener = listen(&["127.0.0.1:0"]);
    let port = listener.port();
    let peers: Vec<_> = [b'a', b'b', b'c', b'd']
        .map(|letter| {
            thread::spawn(move || {
                let mut peer = client(port);
                for _ in 0..50 {
                    peer.write_all(&[letter; 100]).unwrap();
                }
            })
        })
        .into_iter()
        .collect();
    for peer in peers {
        peer.join().unwrap();
    }
    listener.wait("every byte", |running| {
        running.stdout().len() == 4 * 50 * 100
    });
    let got = listener.interrupt().stdout;
    let mut rest = got.as_slice();
    while let Some(letter) = rest.first() {
        let run = rest.iter().take_while(|byte| *byte == letter).count();
        assert_eq!(
            run % 100,
            0,
            "a write of peer `{}` was torn",
            letter.escape_ascii()
        );
        rest = &rest[run..];
    }
}

#[test]
fn a6_a_peer_that_reads_nothing_holds_up_nobody_else() {
    let listener = listen(&["127.0.0.1:0", "--reply", "echo"]);
    let port = listener.port();
    let mut greedy = client(port);
    greedy
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let block = pattern(64 * 1024, 6);
    // It sends until its replies have filled every buffer on the way.
    while greedy.write_all(&block).is_ok() {}
    let mut other = client(port);
    other.write_all(b"quick").unwrap();
    assert_eq!(read_exactly(&mut other, 5), b"quick");
}

#[test]
fn backlog_and_socket_options_are_taken_from_the_query() {
    let listener = listen(&[
        "tcp://127.0.0.1:0?backlog=5&keepalive=30s&ttl=9&rcvbuf=64KiB&sndbuf=64KiB&reuseport=1",
        "--reply",
        "echo",
    ]);
    connect(&[&listener.address()])
        .stdin("x")
        .run()
        .check_code(0)
        .check_stdout("x");
}

#[test]
fn the_shell_that_shares_our_stdin_keeps_it() {
    let listener = listen(&["127.0.0.1:0", "--reply", "upper"]);
    let script = "\"$0\" connect \"$1\" --send ping --expect PING --as none && cat";
    let program = env!("CARGO_BIN_EXE_sockpit");
    let shell = Program::new("sh", &["-c", script, program, &listener.address()])
        .stdin("for the next program")
        .run()
        .check_code(0);
    assert!(
        contains(&shell.stdout, b"for the next program"),
        "{}",
        shell.told()
    );
}

/// Runs a program whose stdin and stdout are pipes that do not block, feeds it a byte at a time with
/// pauses, and reads what comes back slowly.
const NON_BLOCKING: &str = r#"
import os, subprocess, sys, threading, time
size = int(sys.argv[1])
in_read, in_write = os.pipe()
out_read, out_write = os.pipe()
os.set_blocking(in_read, False)
os.set_blocking(out_write, False)
child = subprocess.Popen(sys.argv[2:], stdin=in_read, stdout=out_write)
os.close(in_read); os.close(out_write)
line = b'x' * 999 + b'\n'
def feed():
    for _ in range(3):
        os.write(in_write, line)
        time.sleep(0.05)
    for _ in range(size // len(line) - 3):
        os.write(in_write, line)
    os.close(in_write)
threading.Thread(target=feed).start()
time.sleep(0.3)
came = 0
while True:
    part = os.read(out_read, 65536)
    if not part: break
    came += len(part)
print(came, child.wait())
"#;

#[test]
fn a_stdin_and_stdout_that_somebody_made_non_blocking_lose_nothing() {
    for options in [
        &[][..],
        &["--as", "text"],
        &["--frame", "lines", "--as", "text"],
    ] {
        let listener = listen(&["127.0.0.1:0", "--reply", "echo"]);
        let address = listener.address();
        let program = env!("CARGO_BIN_EXE_sockpit");
        python(NON_BLOCKING, &["2000000", program, "connect", &address])
            .args(options)
            .run()
            .check_code(0)
            .check_stdout("2000000 0\n");
    }
}

/// Sends as much as it gets, both ways at once, as a beginner's client and server with threads do.
const PEER_OF_MEGABYTES: &str = r#"
import hashlib, socket, sys, threading
data = bytes((i * 7 + i // 251) % 256 for i in range(1 << 16)) * 1024
if sys.argv[1] == 'server':
    server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen(1)
    print(server.getsockname()[1], flush=True)
    link, _ = server.accept()
else:
    link = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
def send():
    link.sendall(data); link.shutdown(socket.SHUT_WR)
thread = threading.Thread(target=send); thread.start()
digest = hashlib.sha256()
while True:
    part = link.recv(4096)
    if not part: break
    digest.update(part)
thread.join()
print('same' if digest.digest() == hashlib.sha256(data).digest() else 'different')
"#;

/// What [`PEER_OF_MEGABYTES`] sends.
fn megabytes() -> Vec<u8> {
    let block: Vec<u8> = (0..1_usize << 16)
        .map(|i| ((i * 7 + i / 251) % 256) as u8)
        .collect();
    block.repeat(1024)
}

#[test]
fn sixty_four_mebibytes_arrive_intact_at_a_python_server_and_back() {
    for options in [&[][..], &["--as", "raw", "--read-size", "64KiB"]] {
        let server = python(PEER_OF_MEGABYTES, &["server"]).start();
        let address = format!("127.0.0.1:{}", server.printed_port());
        let client = connect(&[&address]).args(options).stdin(megabytes()).run();
        assert!(
            client.stdout == megabytes(),
            "what came is not what was sent"
        );
        client.check_code(0);
        let server = server.finish().check_code(0);
        assert!(server.text().ends_with("same\n"), "{}", server.told());
    }
}

#[test]
fn sixty_four_mebibytes_arrive_intact_at_a_python_client_and_back() {
    let listener = sockpit(&["listen", "127.0.0.1:0", "--once"])
        .stdin(megabytes())
        .start();
    let port = listener.port().to_string();
    python(PEER_OF_MEGABYTES, &[&port])
        .run()
        .check_code(0)
        .check_stdout("same\n");
    let listener = listener.finish();
    assert!(
        listener.stdout == megabytes(),
        "what came is not what was sent"
    );
    listener.check_code(0);
}

#[test]
fn a1_a_script_of_megabytes_is_sent_though_its_echo_comes_meanwhile() {
    let folder = crate::support::folder();
    let path = folder.path().join("megabytes");
    std::fs::write(&path, megabytes()).unwrap();
    let path = path.to_str().expect("a path");
    let listener = listen(&["127.0.0.1:0", "--reply", "echo"]);
    let client = connect(&[&listener.address(), "--send-file", path, "--as", "raw"]).run();
    assert!(
        client.stdout == megabytes(),
        "the echo is not what was sent"
    );
    client.check_code(0);
}
