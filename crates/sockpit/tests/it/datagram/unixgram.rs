//! Datagrams by path and by abstract name.

use std::os::unix::net::UnixDatagram;

use super::*;

#[test]
fn unixgram_talks_by_path_and_by_abstract_name() {
    let folder = folder();
    let path = format!("unixgram://{}/a.sock", folder.path().display());
    let name = format!("unixgram:@sockpit-test-{}", std::process::id());
    for endpoint in [path, name] {
        let listener = listen(&[&endpoint, "--reply", "upper", "--as", "text"]);
        assert_eq!(listener.address(), endpoint);
        connect(&[&endpoint, "--wait", "2s", "--as", "text"])
            .stdin("one\n\nthree")
            .run()
            .check_code(0)
            .check_stdout("ONE\n\nTHREE\n");
        listener
            .interrupt()
            .check_code(130)
            .check_stdout("one\n\nthree\n");
    }
}

#[test]
fn a_unixgram_client_takes_the_path_it_is_bound_to_and_removes_it() {
    let folder = folder();
    let (server, own) = (folder.path().join("server"), folder.path().join("client"));
    let socket = UnixDatagram::bind(&server).expect("a path of our own");
    socket
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    let endpoint = format!("unixgram://{}", server.display());
    let bind = own.to_str().expect("a plain name");
    let mut client = connect(&[&endpoint, "--bind", bind, "--wait", "100ms"])
        .hold_stdin()
        .start();
    client.feed(b"hello\n");
    let mut buffer = [0; 16];
    let (len, from) = socket.recv_from(&mut buffer).expect("it is sent");
    assert_eq!(
        (&buffer[..len], from.as_pathname()),
        (&b"hello"[..], Some(own.as_path()))
    );
    socket
        .send_to(b"answer", &own)
        .expect("the client has the path");
    client.wait_for_stdout(b"answer");
    client.end_stdin();
    client.finish().check_code(0);
    assert!(!own.exists(), "the path is left behind");
}

#[test]
fn a_unixgram_peer_without_a_name_is_heard_and_cannot_be_answered() {
    let folder = folder();
    let path = folder.path().join("a.sock");
    let listener = listen(&[
        &format!("unixgram://{}", path.display()),
        "--reply",
        "echo",
        "--as",
        "text",
    ]);
    listener.address();
    let nameless = UnixDatagram::unbound().expect("a socket of our own");
    nameless
        .send_to(b"who am I", &path)
        .expect("the listener is there");
    listener.wait_for_stderr("no address");
    nameless
        .send_to(b"still here", &path)
        .expect("the listener is there");
    listener.wait_for_stdout(b"who am I\nstill here\n");
    listener.interrupt().check_code(130);
}

#[test]
fn a_unixgram_beyond_the_limit_of_the_system_is_an_error_and_never_sliced() {
    let folder = folder();
    let path = folder.path().join("a.sock");
    let server = UnixDatagram::bind(&path).expect("a path of our own");
    let file = folder.path().join("long");
    let file = file.to_str().expect("a plain name");
    std::fs::write(file, vec![b'a'; 16 * 1024 * 1024]).unwrap();
    let endpoint = format!("unixgram://{}", path.display());
    let ended = connect(&[&endpoint, "--send-file", file, "--wait", "100ms"]).run();
    assert!(matches!(ended.code, Some(1 | 2)), "{}", ended.told());
    assert!(ended.stderr.contains("16777216 bytes"), "{}", ended.told());
    server.set_nonblocking(true).expect("a socket of our own");
    let heard = server.recv(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(heard, Err(io::ErrorKind::WouldBlock), "something was sent");
}
