//! Whether an endpoint can be reached.

use super::*;

fn examined(endpoint: &str) -> (Reach, Vec<Step>) {
    let examination = Examination {
        endpoint: endpoint.parse().unwrap(),
        family: None,
        timeout: Duration::from_secs(10),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut steps = Vec::new();
    let reach = runtime.block_on(examine(&examination, |step, _| steps.push(step)));
    (reach, steps)
}

fn answers<'a>(steps: &'a [Step]) -> Vec<&'a Answer> {
    let answer = |step: &'a Step| match step {
        Step::Asked { answer, .. } => Some(answer),
        _ => None,
    };
    steps.iter().filter_map(answer).collect()
}

/// Ends listening for all who have it: the child of another test has it, too, until it is the program
/// that it becomes.
fn stop_listening(listener: impl AsFd) {
    rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).unwrap();
}

#[test]
fn a_listener_is_reachable_and_a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (reach, steps) = examined(&format!("tcp://{addr}"));
    assert_eq!(reach, Reach::Reachable);
    assert!(matches!(answers(&steps)[..], [Answer::Open]), "{steps:?}");
    let Some(Step::Holders(holders)) = steps.last() else {
        panic!("it is here: {steps:?}");
    };
    is_us(holders);
    // Bound and not listening, so that nobody else gets it.
    stop_listening(listener);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&addr.into()).unwrap();
    let (reach, steps) = examined(&format!("tcp://{addr}"));
    assert_eq!(reach, Reach::Unreachable);
    assert!(
        matches!(answers(&steps)[..], [Answer::Refused(_)]),
        "{steps:?}"
    );
}

#[test]
fn a_datagram_is_taken_or_refused_by_whom() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    let (reach, steps) = examined(&format!("udp://{addr}"));
    assert_eq!(reach, Reach::Reachable);
    assert!(matches!(answers(&steps)[..], [Answer::Taken]), "{steps:?}");
    assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 0);
    // It takes nothing of anybody else, and nobody else gets its port.
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(other.local_addr().unwrap()).unwrap();
    let (reach, steps) = examined(&format!("udp://{addr}"));
    assert_eq!(reach, Reach::Unreachable);
    let [Answer::Refused(Some(by))] = answers(&steps)[..] else {
        panic!("{steps:?}");
    };
    assert_eq!(*by, addr.ip());
}

#[test]
fn a_unix_path_is_alive_stale_missing_or_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let endpoint = format!("unix://{}", path.display());
    let (reach, steps) = examined(&endpoint);
    assert_eq!(reach, Reach::Unreachable);
    assert!(
        matches!(&steps[..], [Step::File { found: Err(_), .. }]),
        "{steps:?}"
    );
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(examined(&endpoint).0, Reach::Reachable);
    let (reach, steps) = examined(&endpoint.replace("unix:", "unixgram:"));
    assert_eq!(reach, Reach::Unreachable);
    assert!(
        matches!(answers(&steps)[..], [Answer::OtherKind]),
        "{steps:?}"
    );
    stop_listening(listener);
    let (reach, steps) = examined(&endpoint);
    assert_eq!(reach, Reach::Unreachable);
    assert!(
        matches!(answers(&steps)[..], [Answer::Refused(None)]),
        "{steps:?}"
    );
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    let (_, steps) = examined(&endpoint);
    assert!(
        matches!(&steps[..], [Step::File { found: Ok(file), .. }] if !file.is_socket),
        "{steps:?}"
    );
}
