//! Unix sockets: by path and by abstract name, and the paths that programs leave behind.

use std::io::{ErrorKind, Write as _};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::stream::both_ways_at_once;
use crate::support::{
    DEADLINE, Signal, TempDir, connect, folder, listen, read_exactly, read_to_end, sockpit,
    wait_until,
};

/// A path of our own, and the endpoint for it.
fn path_in(folder: &TempDir) -> (PathBuf, String) {
    let path = folder.path().join("a.sock");
    let endpoint = format!("unix://{}", path.display());
    (path, endpoint)
}

/// An abstract name of our own.
fn name(test: &str) -> String {
    format!("sockpit-{test}-{}", std::process::id())
}

fn client(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// The one peer that comes, with a deadline on whatever is done with it.
fn accept(listener: &UnixListener) -> UnixStream {
    listener.set_nonblocking(true).unwrap();
    let mut peer = None;
    wait_until("a peer", || match listener.accept() {
        Ok((stream, _)) => {
            peer = Some(stream);
            true
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("accept: {error}"),
    });
    let stream = peer.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

#[test]
fn a_path_is_a_stream_like_any_other() {
    let folder = folder();
    let (_, endpoint) = path_in(&folder);
    let listener = listen(&[&endpoint, "--reply", "upper"]);
    assert_eq!(listener.address(), endpoint);
    connect(&[&endpoint])
        .stdin("hello")
        .run()
        .check_code(0)
        .check_stdout("HELLO");
    connect(&[&endpoint, "--send", "ping", "--expect", "PING"])
        .run()
        .check_code(0);
}

#[test]
fn an_abstract_name_is_a_stream_like_any_other() {
    let name = name("stream");
    let endpoint = format!("unix:@{name}");
    let listener = listen(&[&endpoint, "--reply", "upper"]);
    assert_eq!(listener.address(), endpoint);
    connect(&[&endpoint])
        .stdin("hello")
        .run()
        .check_code(0)
        .check_stdout("HELLO");
    // The name has no zero byte at its end, so that others find it too.
    let addr = SocketAddr::from_abstract_name(&name).unwrap();
    let mut peer = UnixStream::connect_addr(&addr).unwrap();
    peer.set_read_timeout(Some(DEADLINE)).unwrap();
    peer.write_all(b"hi").unwrap();
    assert_eq!(read_exactly(&mut peer, 2), b"HI");
}

#[test]
fn a_relative_path_belongs_to_the_folder_one_is_in() {
    let folder = folder();
    let listener = sockpit(&["listen", "unix:a.sock", "--reply", "upper"])
        .folder(&folder)
        .start();
    listener.address();
    let mut peer = client(&folder.path().join("a.sock"));
    peer.write_all(b"hi").unwrap();
    assert_eq!(read_exactly(&mut peer, 2), b"HI");
}

#[test]
fn sixty_four_mebibytes_arrive_intact_both_ways_at_once() {
    let folder = folder();
    let (_, endpoint) = path_in(&folder);
    both_ways_at_once(&endpoint);
}

#[test]
fn half_close_holds_on_a_unix_stream() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let listener = UnixListener::bind(&path).unwrap();
    let client = connect(&[&endpoint]).stdin("question").start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"question");
    peer.write_all(b"answer").unwrap();
    peer.shutdown(Shutdown::Both).unwrap();
    client.finish().check_code(0).check_stdout("answer");
}

#[test]
fn a_peer_that_ends_first_ends_a_quiet_client() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let listener = UnixListener::bind(&path).unwrap();
    let client = connect(&[&endpoint]).hold_stdin().start();
    let mut peer = accept(&listener);
    peer.write_all(b"bye").unwrap();
    drop(peer);
    client.finish().check_code(0).check_stdout("bye");
}

/// A socket's file that nobody listens at any more. The child of another test may have the socket, too,
/// until it is the program that it becomes.
fn leave_behind(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).unwrap();
}

#[test]
fn a_path_that_a_dead_program_left_behind_is_replaced() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    leave_behind(&path);
    assert!(path.exists(), "a socket file outlives its program");
    let listener = listen(&[&endpoint, "--reply", "upper"]);
    assert_eq!(listener.address(), endpoint);
    let mut peer = client(&path);
    peer.write_all(b"hi").unwrap();
    assert_eq!(read_exactly(&mut peer, 2), b"HI");
}

#[test]
fn a_path_that_a_killed_listener_of_ours_left_behind_is_replaced() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let first = listen(&[&endpoint]);
    first.address();
    first.signal(Signal::KILL);
    assert_eq!(first.finish().code, None);
    assert!(path.exists(), "nobody was there to remove it");
    let second = listen(&[&endpoint]);
    assert_eq!(second.address(), endpoint);
}

#[test]
fn a_path_that_is_alive_is_not_touched_and_its_owner_is_named() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let first = listen(&[&endpoint, "--reply", "upper"]);
    first.address();
    let pid = first.pid().as_raw_nonzero().to_string();
    listen(&[&endpoint])
        .finish()
        .check_code(2)
        .check_stderr(&["in use", "`sockpit`", &pid]);
    let mut peer = client(&path);
    peer.write_all(b"hi").unwrap();
    assert_eq!(read_exactly(&mut peer, 2), b"HI");
}

#[test]
fn a_living_socket_of_another_kind_is_not_touched() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let _datagrams = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    listen(&[&endpoint])
        .finish()
        .check_code(2)
        .check_stderr(&["in use"]);
    assert!(
        std::fs::symlink_metadata(&path)
            .unwrap()
            .file_type()
            .is_socket()
    );
}

#[test]
fn g2_a_regular_file_is_not_touched() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    std::fs::write(&path, "precious").unwrap();
    listen(&[&endpoint])
        .finish()
        .check_code(2)
        .check_stderr(&["error: ", "a.sock"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn g2_a_symbolic_link_is_not_touched() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let target = folder.path().join("target");
    leave_behind(&target);
    std::os::unix::fs::symlink(&target, &path).unwrap();
    listen(&[&endpoint]).finish().check_code(2);
    assert!(path.is_symlink() && target.exists());
}

#[test]
fn an_abstract_name_in_use_is_exit_2() {
    let endpoint = format!("unix:@{}", name("in-use"));
    let first = listen(&[&endpoint]);
    first.address();
    listen(&[&endpoint])
        .finish()
        .check_code(2)
        .check_stderr(&["in use", &endpoint]);
}

#[test]
fn the_path_is_removed_when_the_listener_ends() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let folder = folder();
        let (path, endpoint) = path_in(&folder);
        let listener = listen(&[&endpoint]);
        listener.address();
        listener.signal(signal);
        listener.finish().check_code(code);
        assert!(!path.exists(), "it is left behind");
    }
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let listener = listen(&[&endpoint, "--once"]);
    listener.address();
    connect(&[&endpoint]).stdin("x").run().check_code(0);
    listener.finish().check_code(0);
    assert!(!path.exists(), "it is left behind");
}

#[test]
fn a_path_that_has_become_somebody_elses_is_left_to_them() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let listener = listen(&[&endpoint]);
    listener.address();
    std::fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    listener.interrupt().check_code(130);
    assert!(path.exists(), "it was not ours any more");
}

#[test]
fn g2_a_path_is_open_to_nobody_else() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let listener = listen(&[&endpoint]);
    listener.address();
    let mode = std::fs::symlink_metadata(&path)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "the mode is {mode:o}");
}

#[test]
fn a_path_that_nobody_made_is_exit_1_with_a_hint() {
    let folder = folder();
    let (_, endpoint) = path_in(&folder);
    connect(&[&endpoint]).run().check_code(1).check_stderr(&[
        "no such file",
        &endpoint,
        "\nhint: ",
    ]);
}

#[test]
fn a_path_that_nobody_answers_at_is_refused() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    leave_behind(&path);
    connect(&[&endpoint])
        .run()
        .check_code(1)
        .check_stderr(&["connection refused", &endpoint]);
}

#[test]
fn a_path_longer_than_the_system_takes_is_exit_2_and_says_so() {
    let long = format!("unix:///tmp/{}", "x".repeat(200));
    let finished = listen(&[&long]).finish().check_code(2);
    let says_length = finished.stderr.contains("107") || finished.stderr.contains("108");
    assert!(says_length, "the limit is named\n{}", finished.told());
}

#[test]
fn max_peers_holds_on_a_unix_path() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let listener = listen(&[&endpoint, "--reply", "upper", "--max-peers", "1"]);
    listener.address();
    let mut first = client(&path);
    first.write_all(b"one").unwrap();
    assert_eq!(read_exactly(&mut first, 3), b"ONE");
    let mut second = client(&path);
    second.write_all(b"two").unwrap();
    drop(first);
    assert_eq!(read_exactly(&mut second, 3), b"TWO");
}

#[test]
fn a_client_that_has_a_name_leaves_no_path_behind() {
    let folder = folder();
    let (path, endpoint) = path_in(&folder);
    let own = folder.path().join("own.sock");
    let bind = own.display().to_string();
    // Nobody listens yet.
    connect(&[&endpoint, "--bind", &bind, "--send", "a"])
        .run()
        .check_code(1);
    assert!(!own.exists());
    let listener = UnixListener::bind(&path).unwrap();
    for _ in 0..2 {
        let running = connect(&[&endpoint, "--bind", &bind]).start();
        let peer = accept(&listener);
        let addr = peer.peer_addr().unwrap();
        assert_eq!(addr.as_pathname(), Some(own.as_path()));
        running.signal(Signal::TERM);
        running.finish().check_code(143);
        assert!(!own.exists());
    }
}
