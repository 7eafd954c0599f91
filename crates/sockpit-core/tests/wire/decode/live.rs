//! What is on loopback just now.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::support::skip;

/// A program that is ended with the test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Talks over loopback while tcpdump listens, and checks what it heard.
#[test]
fn live_frames_of_loopback_are_what_tshark_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("live.pcap");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is up");
    let port = listener.local_addr().expect("it is bound").port();
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("loopback is up");
    let udp_port = datagrams.local_addr().expect("it is bound").port();
    let tcpdump = Command::new("tcpdump")
        .args(["-Z", "root", "-i", "lo", "-U", "-w"])
        .arg(&path)
        .arg(format!("port {port} or port {udp_port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut tcpdump = match tcpdump {
        Ok(tcpdump) => Ended(tcpdump),
        Err(error) => return skip(&format!("tcpdump does not run: {error}")),
    };
    let mut told = tcpdump.0.stderr.take().expect("it is piped");
    let mut text = String::new();
    while !text.contains("listening on") {
        let mut byte = [0];
        if told.read(&mut byte).unwrap_or(0) == 0 {
            return skip(&format!("tcpdump does not capture: {}", text.trim()));
        }
        text.push(char::from(byte[0]));
    }
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    let (mut server, _) = listener.accept().expect("somebody connects");
    for len in [1, 13, 70_000] {
        let mut heard = vec![0; len];
        std::thread::scope(|scope| {
            let client = &mut client;
            scope.spawn(move || client.write_all(&vec![b'x'; len]).expect("it is open"));
            server.read_exact(&mut heard).expect("it is open");
        });
    }
    drop((client, server));
    for message in [&b"1"[..], b"a", b"b"] {
        datagrams
            .send_to(message, ("127.0.0.1", udp_port))
            .expect("loopback is up");
    }
    let frames = heard_until(&path, |frames| {
        let summaries = frames.iter().map(|frame| Summary::of(&frame.packet()));
        summaries.filter(|summary| summary.udp().is_some()).count() == 3
    });
    drop(tcpdump);
    let payload: usize = frames
        .iter()
        .filter_map(|frame| Some(Summary::of(&frame.packet()).tcp()?.payload_len))
        .sum();
    assert_eq!(payload, 70_014);
    check(&frames);
}

/// What tcpdump wrote, once it is enough.
fn heard_until(path: &std::path::Path, is_enough: impl Fn(&[Frame]) -> bool) -> Vec<Frame> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let file = std::fs::read(path).expect("tcpdump made it");
        let (frames, _) = support::read(&file, 4096);
        if is_enough(&frames) {
            return frames;
        }
        assert!(
            Instant::now() < deadline,
            "heard only {} frames",
            frames.len()
        );
        // sleep: polled until the deadline
        std::thread::sleep(Duration::from_millis(20));
    }
}
