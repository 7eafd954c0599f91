//! `sockpit wire` and `follow` live, over the loopback; where the machine lets nobody look, the tests
//! say so and pass.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use crate::support::{Program, Running, Signal, folder, free_port, need, say, sockpit, wait_until};

/// A watcher, once it watches; `None` where that is not allowed.
fn watch(words: &[&str]) -> Option<Running> {
    let watcher = sockpit(&["wire"]).args(words).start();
    watcher.wait("the watcher to begin", |watcher| {
        let told = watcher.stderr();
        told.contains("watching ") || told.contains("error: ")
    });
    if watcher.stderr().contains("watching ") {
        return Some(watcher);
    }
    watcher.wait("the refusal", |watcher| watcher.stderr().ends_with('\n'));
    say(&format!("skipped: {}", watcher.stderr().trim()));
    let finished = watcher.finish().check_code(2);
    assert_eq!(finished.told().matches("error: ").count(), 1);
    None
}

#[test]
fn three_datagrams_are_three_lines() {
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = sink.local_addr().unwrap();
    let endpoint = format!("udp://{address}");
    let Some(watcher) = watch(&["--for", &endpoint, "-i", "any", "--count", "3"]) else {
        return;
    };
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    for payload in ["1", "a", "b"] {
        sender.send_to(payload.as_bytes(), address).unwrap();
    }
    let finished = watcher
        .finish()
        .check_code(0)
        .check_stderr(&["3 packets", "0 lost by the kernel"]);
    let text = finished.text();
    let tails: Vec<&str> = text
        .lines()
        .map(|line| line.split("UDP").nth(1).unwrap())
        .collect();
    assert_eq!(
        tails,
        [
            "  Len=1  31  \"1\"",
            "  Len=1  61  \"a\"",
            "  Len=1  62  \"b\""
        ]
    );
}

#[test]
fn a_watcher_ends_by_ctrl_c_with_its_sums() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = format!("tcp://{address}");
    let Some(watcher) = watch(&["--for", &endpoint]) else {
        return;
    };
    drop(TcpStream::connect(address).unwrap());
    watcher.wait_for_stdout(b"FIN");
    let finished = watcher
        .interrupt()
        .check_code(130)
        .check_stderr(&["lost by the kernel"]);
    assert!(finished.text().contains("SYN, ACK"), "{}", finished.text());
}

#[test]
fn whoever_is_told_that_it_watches_can_end_it_with_its_sums() {
    for (words, sum) in [
        (vec![], "0 packets, 0 bytes"),
        (vec!["follow"], "no conversation was seen"),
    ] {
        let port = free_port().to_string();
        let Some(watcher) = watch(&[words, vec!["--port", &port]].concat()) else {
            return;
        };
        watcher.interrupt().check_code(130).check_stderr(&[sum]);
    }
}

/// What was sent is what is followed, byte for byte, and what is written opens again.
#[test]
fn ten_mebibytes_are_followed_exactly() {
    const LEN: usize = 10 * 1024 * 1024;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = format!("tcp://{address}");
    let folder = folder();
    let path = folder.path().join("x.pcapng");
    let path = path.to_str().unwrap();
    let Some(watcher) = watch(&["--for", &endpoint, "-w", path]) else {
        return;
    };
    let sent: Vec<u8> = (0..LEN as u64)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let reader = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        got.len()
    });
    let mut client = TcpStream::connect(address).unwrap();
    // No faster than it is written down: what the kernel has no room for is lost.
    let mut followed = 0;
    for piece in sent.chunks(256 * 1024) {
        client.write_all(piece).unwrap();
        followed += piece.len() as u64;
        wait_until("the piece is in the file", || {
            followed <= std::fs::metadata(path).unwrap().len()
        });
    }
    drop(client);
    assert_eq!(reader.join().unwrap(), LEN);
    watcher.signal(Signal::INT);
    watcher.finish().check_code(130).check_stdout("");
    let out = sockpit(&["wire", "follow", path, "--as", "raw", "--direction", "out"]);
    let out = out.run().check_code(0).check_silent();
    assert!(out.stdout == sent, "{} bytes of {LEN}", out.stdout.len());
    if need("mergecap") {
        // Every packet twice: each is a retransmission, and no byte is printed twice.
        let twice = folder.path().join("twice.pcapng");
        let twice = twice.to_str().unwrap();
        Program::new("mergecap", &["-w", twice, path, path])
            .run()
            .check_code(0);
        let again = sockpit(&["wire", "follow", twice, "--as", "raw", "--direction", "out"]);
        let again = again.run().check_code(0).check_silent();
        assert!(
            again.stdout == sent,
            "{} bytes of {LEN}",
            again.stdout.len()
        );
    }
    let back = sockpit(&["wire", "follow", path, "--as", "raw", "--direction", "in"]);
    assert!(back.run().check_code(0).stdout.is_empty());
}

#[test]
fn a_conversation_is_followed_as_it_goes() {
    // What a port says is watched by TCP and by UDP, wherever it is: nobody else may have the number.
    let address = (Ipv4Addr::LOCALHOST, free_port());
    let listener = TcpListener::bind(address).unwrap();
    let port = address.1.to_string();
    let Some(watcher) = watch(&["follow", "--port", &port, "--frame", "lines"]) else {
        return;
    };
    let mut client = TcpStream::connect(address).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    client.write_all(b"ping\nha").unwrap();
    watcher.wait_for_stdout("→ ping\n".as_bytes());
    peer.write_all(b"pong\n").unwrap();
    watcher.wait_for_stdout("← pong".as_bytes());
    client.write_all(b"lf\n").unwrap();
    watcher.wait_for_stdout("→ half\n".as_bytes());
    watcher.interrupt().check_code(130);
}

#[test]
fn nothing_to_watch_is_said() {
    sockpit(&["wire"])
        .run()
        .check_code(2)
        .check_stderr(&["--port 7000"]);
    sockpit(&["wire", "--for", "unix:///run/x.sock"])
        .run()
        .check_code(2)
        .check_stderr(&["never leaves the kernel"]);
    sockpit(&["wire", "--for", ":0"])
        .run()
        .check_code(2)
        .check_stderr(&["port 0 is nobody's"]);
    for port in ["0", "70000", "http"] {
        sockpit(&["wire", "--port", port])
            .run()
            .check_code(2)
            .check_stderr(&["write a port from 1 to 65535"]);
    }
    sockpit(&["wire", "-i", "nowhere0"])
        .run()
        .check_code(2)
        .check_stderr(&["nowhere0"]);
}

/// A network of its own, whose interface goes down while it is watched.
#[test]
fn a_capture_whose_interface_goes_down_ends_with_its_file_and_its_sums() {
    if !need("unshare") || !need("ip") {
        return;
    }
    let script = r#"
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
ip link add v0 type veth peer name v1 && ip link set v1 up && ip addr add 198.51.100.1/24 dev v0 || exit 77
for form in '' '--print udp'; do
  ip link set v0 up
  ip neigh replace 198.51.100.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent
  : > "$1.told" # what the one before said is not said again
  "$0" wire -i v0 -w "$1" $form 2> "$1.told" & watcher=$!
  until grep -q 'watching\|error' "$1.told"; do sleep 0.01; done
  printf said | "$0" connect --wait 10ms udp://198.51.100.9:7000 2>&1 # port: in a network of its own
  ip link set v0 down
  wait $watcher; echo "code $?"; cat "$1.told"
  "$0" wire open "$1" 2>&1
done
"#;
    let folder = folder();
    let path = folder.path().join("down.pcapng");
    let found = Program::new("unshare", &["-n", "sh", "-c", script])
        .args(&[env!("CARGO_BIN_EXE_sockpit"), path.to_str().unwrap()])
        .run();
    if found.text().is_empty() {
        say("skipped: no network of its own is to be had");
        return;
    }
    let text = found.text();
    for part in [
        "code 2\n",
        "wrote 1 packets",
        "lost by the kernel\nerror: the capture has ended: network is down\n",
        "Len=4",
    ] {
        assert!(text.matches(part).count() >= 2, "{part}\n{}", found.told());
    }
}
