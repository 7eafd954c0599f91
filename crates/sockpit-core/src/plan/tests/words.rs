//! The plan in words.

use std::sync::Arc;

use super::*;
use crate::rule::Rules;
use crate::session::{Script, Step};

#[test]
fn a_plain_client_explains_itself() {
    insta::assert_snapshot!(client("tcp://localhost:7000"), @r"
    session     connect to tcp://localhost:7000
    link        stream: bytes without boundaries, either side may end first
    framing     raw
    text        in utf-8, out utf-8, end of line lf
    read        at most 256KiB at once
    socket      nodelay on
    timeout     10s to connect
    ");
}

#[test]
fn a_listener_with_everything_explains_itself() {
    let mut plan = server(
        "tcp://:7000?frame=len:u16be&text=gbk&once=1&max-peers=3&idle=30s&linger=1s&keepalive=10s\
         &ttl=3&tos=16&rcvbuf=1MiB&sndbuf=1000&reuseport=1&nodelay=0&read-size=1024",
    );
    plan.rules = Some(Arc::new(Rules::from_reply("echo".parse().unwrap())));
    insta::assert_snapshot!(plan, @r"
    session     listen on tcp://:7000
    link        stream: bytes without boundaries, either side may end first
    framing     len:u16be, at most 16MiB a message
    text        in gbk, out gbk, end of line none
    read        at most 1KiB at once
    socket      backlog 4096, nodelay off, keepalive 10s, ttl 3, tos 16, rcvbuf 1MiB, sndbuf 1000B, reuseport on
    peers       at most 3 at once, ends with the first
    idle        a peer silent for 30s is ended
    linger      1s for the peer's end once ours is sent
    rules       messages are answered
    ");
}

#[test]
fn a_script_explains_its_steps() {
    let mut plan = client("udp://239.1.2.3:7?interface=lo&multicast-ttl=2&warn-size=mtu&bind=:9");
    let send = Step::Send {
        message: plan.message(bytes::Bytes::from_static(b"ping")).unwrap(),
        delay: Duration::from_millis(200),
    };
    let expect = Step::Expect {
        pattern: crate::rule::Pattern::parse_expectation("pong").unwrap(),
        within: Duration::from_secs(5),
        label: "pong\u{1b}[2J".to_owned(),
        exit: 3,
    };
    plan.script = Arc::new(Script {
        steps: vec![send, expect],
        every: Some(Duration::from_secs(1)),
        count: Some(3),
    });
    insta::assert_snapshot!(plan, @r"
    session     connect to udp://239.1.2.3:7
    link        datagram: every send is one message
    framing     raw
    text        in utf-8, out utf-8, end of line none
    read        at most 64KiB at once
    bind        :9
    multicast   interface lo, ttl 2
    timeout     10s to connect
    wait        1s without a datagram once the input has ended
    warn        datagrams longer than the path MTU are marked
    script      after 200ms send 4 bytes
    script      expect `pong\x1b[2J` within 5s
    script      repeat: 3 rounds, one every 1s
    ");
}

#[test]
fn a_checksum_is_written_into_every_message_before_it_is_framed() {
    let message = |endpoint: &str, payload: &'static [u8]| {
        let message = client(endpoint).message(bytes::Bytes::from_static(payload));
        message.map(|message| (message.wire.to_vec(), message.payload.to_vec()))
    };
    let request = b"\x01\x03\x00\x00\x00\x0a";
    let checked = b"\x01\x03\x00\x00\x00\x0a\xc5\xcd".to_vec();
    assert_eq!(
        message("tcp://h:1?checksum=modbus", request),
        Ok((checked.clone(), checked.clone()))
    );
    let framed = [&[8], &checked[..]].concat();
    assert_eq!(
        message("tcp://h:1?checksum=crc16&frame=len:u8", request),
        Ok((framed, checked))
    );
    let error = message("udp://h:1?checksum=xor,at=9", request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checksum's `at=9` lies outside a message of 6 bytes"
    );
}

#[test]
fn a_checksum_explains_itself_by_the_bytes_of_what_is_sent() {
    let mut plan = client("tcp://h:1?checksum=modbus");
    insta::assert_snapshot!(plan, @r"
    session     connect to tcp://h:1
    link        stream: bytes without boundaries, either side may end first
    framing     raw
    text        in utf-8, out utf-8, end of line none
    checksum    CRC-16/MODBUS, little-endian, of the whole message, appended in 2 bytes
                `123456789` is sent as 31 32 33 34 35 36 37 38 39 | 37 4B
    read        at most 256KiB at once
    socket      nodelay on
    timeout     10s to connect
    ");
    let request = bytes::Bytes::from_static(b"\x01\x03\x00\x00\x00\x0a");
    plan.script = Arc::new(Script {
        steps: vec![Step::Send {
            message: plan.message(request).unwrap(),
            delay: Duration::ZERO,
        }],
        every: None,
        count: None,
    });
    let explained = plan.to_string();
    assert!(
        explained.contains("sends 01 03 00 00 00 0A | C5 CD\n"),
        "{explained}"
    );
}
