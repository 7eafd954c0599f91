//! A system that has no time to give: what came in time counts, however late it is looked at.

use super::*;
use crate::support::{Running, stand_still};

/// Longer than each time that a peer is given here.
const AWAY: Duration = Duration::from_millis(1500);

/// Has the program stand still while peers say something and the time that they are given passes.
fn speak_to_nobody(program: &Running, peers: &mut [TcpStream], text: &[u8]) {
    stand_still(program);
    for peer in peers {
        peer.write_all(text).expect("the system takes it");
    }
    // sleep: time passes over what they have said
    thread::sleep(AWAY);
    program.signal(Signal::CONT);
}

#[test]
fn what_was_expected_and_came_in_time_is_met_by_who_looks_late() {
    for framing in [&[][..], &["--frame", "lines"]] {
        let (listener, address) = server();
        let client = connect(&[&address, "--expect", "hello", "--within", "1s"])
            .args(framing)
            .start();
        let mut peers = [accept(&listener)];
        speak_to_nobody(&client, &mut peers, b"hello\n");
        client.finish().check_code(0);
    }
}

#[test]
fn whoever_spoke_is_not_silent_to_who_listens_late() {
    let listener = listen(&["127.0.0.1:0", "--idle", "1s", "--reply", "echo"]);
    let port = listener.port();
    // The runtime's own poll tells of the first peer, the server's of the second.
    let mut peers = [client(port), client(port)];
    for peer in &mut peers {
        peer.write_all(b"1").unwrap();
        assert_eq!(read_exactly(peer, 1), b"1");
    }
    speak_to_nobody(&listener, &mut peers, b"2");
    for peer in &mut peers {
        assert_eq!(read_exactly(peer, 1), b"2");
        peer.write_all(b"3").unwrap();
        assert_eq!(read_exactly(peer, 1), b"3", "it was left");
    }
}
