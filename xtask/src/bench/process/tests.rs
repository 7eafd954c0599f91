use super::*;

#[test]
fn the_announced_port_is_understood() {
    assert_eq!(
        announced_port("listening on tcp://127.0.0.1:10140\n"),
        Some(10140)
    );
    assert_eq!(announced_port("listening on udp://[::1]:7\n"), Some(7));
    assert_eq!(announced_port("peer 1 127.0.0.1:7\n"), None);
}

#[test]
fn a_listener_is_found_in_the_kernels_table() {
    let table = "\
  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000
";
    assert!(is_listening(table, 0x1f90));
    assert!(!is_listening(table, 0x1f91));
}

#[test]
fn a_listener_of_this_process_is_found() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(is_listening(&sockets().unwrap(), port));
}

#[test]
fn a_datagram_socket_of_this_process_is_found() {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    assert!(is_listening(&sockets().unwrap(), port));
}

#[test]
fn what_a_failing_program_said_last_is_its_error() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo one; echo two >&2; exit 3"]);
    let error = output(&mut command, Duration::from_secs(10)).unwrap_err();
    assert_eq!(error.to_string(), "sh ended with exit status: 3: two");
    let said = output(&mut Command::new("pwd"), Duration::from_secs(10)).unwrap();
    assert!(said.starts_with('/'));
}

#[test]
fn a_process_that_does_not_end_is_ended() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    assert!(wait(&mut child, Duration::from_millis(10)).is_err());
    assert!(child.try_wait().unwrap().is_some());
}

#[test]
fn a_server_that_ends_without_a_word_is_an_error() {
    assert!(Server::announced(&mut Command::new("true")).is_err());
}

#[test]
fn a_thread_that_ends_meanwhile_is_no_error() {
    let threads = thread::spawn(|| {
        for _ in 0..2000 {
            thread::spawn(|| ()).join().unwrap();
        }
    });
    while !threads.is_finished() {
        processor_time(std::process::id()).unwrap();
    }
}
