//! The programs of a first lesson in Python, and what goes wrong in them.

use super::*;
use crate::support::contains;

/// The server of the first lesson: one accept, one recv, the answer in upper case.
const FIRST_LESSON_SERVER: &str = "
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.bind(('127.0.0.1', 0))
server.listen(5)
print(server.getsockname()[1], flush=True)
conn, addr = server.accept()
data = conn.recv(512)
conn.send(data.upper())
conn.close()
server.close()
";

#[test]
fn the_server_of_the_first_lesson_answers() {
    let server = python(FIRST_LESSON_SERVER, &[]).start();
    let address = format!("127.0.0.1:{}", server.printed_port());
    connect(&[&address])
        .stdin("hello")
        .run()
        .check_code(0)
        .check_stdout("HELLO");
    let server = python(FIRST_LESSON_SERVER, &[]).start();
    let address = format!("127.0.0.1:{}", server.printed_port());
    connect(&[&address, "--send", "hello", "--expect", "HELLO"])
        .run()
        .check_code(0);
    server.finish().check_code(0);
}

#[test]
fn a_beginners_chinese_is_understood_both_ways() {
    let script = "
import socket, sys
client = socket.socket()
client.connect(('127.0.0.1', int(sys.argv[1])))
client.send('你好，服务器'.encode('gbk'))
answer = client.recv(1024).decode('gbk')
print(answer)
client.close()
";
    let listener = listen(&[
        "127.0.0.1:0",
        "--text",
        "gbk",
        "--reply",
        "fixed:收到",
        "--as",
        "text",
    ]);
    let port = listener.port().to_string();
    python(script, &[&port])
        .env("PYTHONIOENCODING", "utf-8")
        .run()
        .check_code(0)
        .check_stdout("收到\n");
    listener.wait_for_stdout("你好，服务器".as_bytes());
    listener
        .interrupt()
        .check_code(130)
        .check_stdout("你好，服务器");
}

#[test]
fn a_beginners_server_in_gbk_reads_what_a_client_of_ours_pipes() {
    let script = "
import socket
server = socket.socket()
server.bind(('127.0.0.1', 0)); server.listen()
print(server.getsockname()[1], flush=True)
conn, addr = server.accept()
text = b''
while True:
    data = conn.recv(1024)
    if not data: break
    text += data
conn.send(('你说：' + text.decode('gbk')).encode('gbk'))
conn.close()
";
    let server = python(script, &[]).start();
    let address = format!("127.0.0.1:{}", server.printed_port());
    connect(&[
        &address,
        "--text",
        "gbk",
        "--text-out",
        "gbk",
        "--as",
        "text",
    ])
    .stdin("早上好")
    .run()
    .check_code(0)
    .check_stdout("你说：早上好");
}

#[test]
fn a_chat_of_two_threads_talks_with_ours_in_both_directions() {
    let script = "
import socket, threading
server = socket.socket()
server.bind(('127.0.0.1', 0)); server.listen()
print(server.getsockname()[1], flush=True)
conn, addr = server.accept()
def listen():
    while True:
        data = conn.recv(1024)
        if not data: break
        print('them:', data.decode(), end='', flush=True)
thread = threading.Thread(target=listen); thread.start()
while True:
    try: line = input()
    except EOFError: break
    conn.send((line + '\\n').encode())
conn.shutdown(socket.SHUT_WR)
thread.join()
";
    let mut server = python(script, &[]).hold_stdin().start();
    let address = format!("127.0.0.1:{}", server.printed_port());
    let mut client = connect(&[&address]).hold_stdin().start();
    client.feed(b"hi there\n");
    server.wait_for_stdout(b"them: hi there\n");
    server.feed(b"good morning\n");
    client.wait_for_stdout(b"good morning\n");
    client.feed(b"how are you\n");
    server.wait_for_stdout(b"them: how are you\n");
    server.end_stdin();
    client.end_stdin();
    server.finish().check_code(0);
    client.finish().check_code(0).check_stdout("good morning\n");
}

/// Breaks off with a reset, as client or as server.
const RESETTING: &str = "
import socket, struct, sys
if len(sys.argv) > 1:
    conn = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
    conn.send(b'last words')
    conn.recv(10)
else:
    server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen()
    print(server.getsockname()[1], flush=True)
    conn, addr = server.accept()
    conn.recv(5)
conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
conn.close()
";

#[test]
fn a_python_server_that_resets_is_exit_1_and_said() {
    let server = python(RESETTING, &[]).start();
    let address = format!("127.0.0.1:{}", server.printed_port());
    connect(&[&address])
        .stdin("hello")
        .run()
        .check_code(1)
        .check_stderr(&["reset"]);
}

#[test]
fn b6_a_python_client_that_resets_leaves_the_listener_as_it_was() {
    let listener = listen(&["127.0.0.1:0", "--reply", "upper"]);
    let port = listener.port().to_string();
    python(RESETTING, &[&port]).run().check_code(0);
    connect(&[&listener.address()])
        .stdin("next")
        .run()
        .check_code(0)
        .check_stdout("NEXT");
}

#[test]
fn sticky_and_half_packets_of_a_python_client_become_the_messages_that_were_meant() {
    let script = "
import socket, sys, time
conn = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for piece in (b'he', b'llo\\nworld\\nsti', b'cky\\npack', b'et\\n'):
    conn.send(piece); time.sleep(0.05)
got = b''
while got.count(b'\\n') < 4: got += conn.recv(512)
print(got.decode(), end='')
";
    let listener = listen(&[
        "127.0.0.1:0",
        "--frame",
        "lines",
        "--reply",
        "upper",
        "--as",
        "text",
    ]);
    let port = listener.port().to_string();
    python(script, &[&port])
        .run()
        .check_code(0)
        .check_stdout("HELLO\nWORLD\nSTICKY\nPACKET\n");
    listener
        .interrupt()
        .check_stdout("hello\nworld\nsticky\npacket\n");
}

#[test]
fn a_listener_of_ours_takes_what_python_sends_in_one_go() {
    let script = "
import socket, sys
conn = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
conn.sendall(bytes(range(256)) * 40000)
conn.shutdown(socket.SHUT_WR)
total = 0
while True:
    data = conn.recv(65536)
    if not data: break
    total += len(data)
print(total)
";
    let listener = listen(&["127.0.0.1:0", "--once", "--exec", "wc -c"]);
    let port = listener.port().to_string();
    let answered = python(script, &[&port]).run().check_code(0);
    assert!(contains(&answered.stdout, b"9"), "{}", answered.told());
    listener.finish().check_code(0);
}
