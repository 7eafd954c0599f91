//! What the endpoint and the flags say reaches the socket and the plan.

use super::*;

#[test]
fn options_of_the_endpoint_reach_the_wire() {
    if !need("python3") {
        return;
    }
    let peer = python(
        "import socket\n\
         s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         s.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)\n\
         s.setsockopt(socket.IPPROTO_IP, 12, 1)\n\
         s.bind(('127.0.0.1', 0))\n\
         print(s.getsockname()[1])\n\
         data, facts, _, _ = s.recvmsg(1024, 1024)\n\
         print(data.decode(), sorted((kind, value[0]) for _, kind, value in facts))\n",
        &[],
    )
    .start();
    let port = peer.printed_port();
    connect(&[
        &format!("udp://127.0.0.1:{port}?ttl=9&tos=16"),
        "--send",
        "x",
        "--wait",
        "50ms",
    ])
    .run()
    .check_code(0);
    let ended = peer.finish().check_code(0);
    // IP_TOS is 1 and IP_TTL is 2 (ip(7)).
    assert!(
        ended.text().contains("x [(1, 16), (2, 9)]"),
        "{}",
        ended.told()
    );
    for wrong in [
        "ttl=300",
        "tos=x",
        "broadcast=maybe",
        "rcvbuf=-1",
        "nodelay=1",
        "backlog=5",
    ] {
        // port: refused or explained, never opened
        let endpoint = format!("udp://127.0.0.1:9?{wrong}");
        let name = wrong.split('=').next().expect("a name");
        connect(&[&endpoint, "--send", "x"])
            .run()
            .check_code(2)
            .check_stderr(&[name]);
    }
}

#[test]
fn the_plan_of_a_datagram_session_is_explained() {
    let ended = connect(&[
        // port: refused or explained, never opened
        "udp://127.0.0.1:9?ttl=9",
        "--explain",
        "--wait",
        "2s",
        "--frame",
        "lines",
    ])
    .run()
    .check_code(0)
    .check_silent();
    // port: refused or explained, never opened
    for part in ["udp://127.0.0.1:9", "datagram", "lines", "ttl 9", "2s"] {
        assert!(ended.text().contains(part), "no `{part}`: {}", ended.told());
    }
}
