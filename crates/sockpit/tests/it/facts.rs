//! `--wire`: what the kernel knows of a conversation, beside its bytes, without any privilege.

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sockpit_core::kernel::{Fact, Following, Icmp, Life, Moment, Snapshot, Socket, Stage, Syn};

use crate::datagram::closed_port;
use crate::support::{
    Program, accept, client, connect, contains, folder, listen, need, pattern, processor_time,
    read_exactly, say, server,
};

/// The data of the notes of a kind, in their order.
fn notes(json: &[u8], kind: &str) -> Vec<Value> {
    let lines = json.split_inclusive(|byte| *byte == b'\n');
    let whole = lines.filter_map(|line| line.strip_suffix(b"\n"));
    whole
        .map(|line| serde_json::from_slice::<Value>(line).unwrap())
        .filter(|record| record["event"] == "note" && record["kind"] == kind)
        .map(|mut record| record["data"].take())
        .collect()
}

fn facts<F: Fact>(json: &[u8]) -> Vec<F> {
    let read = |data: &Value| F::read(data).unwrap_or_else(|| panic!("{data}"));
    notes(json, F::KIND).iter().map(read).collect()
}

/// Bytes sent, each counted once: the kernel may probe for a late acknowledgement with bytes that it
/// sent before (RFC 8985 §7).
fn sent_once(own: &Socket) -> Option<u64> {
    let again = own.bytes_again.unwrap_or(0);
    own.bytes_sent.map(|sent| sent - again)
}

#[test]
fn a_write_is_queued_sent_and_acknowledged() {
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "echo", "--wire", "--json"]);
    let ended = connect(&[
        &listener.address(),
        "--wire",
        "--json",
        "--frame",
        "lines",
        "--send",
        "hello",
        "--expect",
        "hello",
        "--send",
        "world!",
        "--expect",
        "world!",
    ])
    .run()
    .check_code(0);
    let served = listener.interrupt();
    for json in [&ended.stdout, &served.stdout] {
        let lives = facts::<Life>(json);
        let mut begun = 0;
        for stage in [Stage::Queued, Stage::Sent, Stage::Acked] {
            for (offset, end) in [(0, 6), (6, 13)] {
                let found = lives.iter().find(|life| {
                    (life.offset, life.end) == (offset, end) && life.at(stage).is_some()
                });
                let life = found.unwrap_or_else(|| panic!("no {stage:?} of {offset}: {lives:?}"));
                let at = life.at(stage).unwrap();
                assert!(begun <= at || offset == 0, "{lives:?}");
                assert!(life.written_at <= at && life.writes == 1 && !life.again);
                begun = if offset == 0 { at } else { 0 };
            }
        }
        assert!(
            lives
                .iter()
                .all(|life| life.queued_ns <= life.sent_ns.or(life.queued_ns))
        );
        let snapshots = facts::<Snapshot>(json);
        let moments: Vec<Moment> = snapshots.iter().map(|snapshot| snapshot.when).collect();
        assert_eq!(moments.first(), Some(&Moment::Open));
        assert_eq!(moments.last(), Some(&Moment::Close));
        let own = &snapshots.last().unwrap().own;
        assert_eq!(sent_once(own).unwrap_or(13), 13);
        assert!(own.cwnd > 0 && own.mss > 0 && own.rtt_us > 0, "{own:?}");
        let open = &snapshots[0];
        assert!(open.peer.is_some(), "the peer is on this machine: {open:?}");
    }
}

#[test]
fn a_listener_shows_what_its_peer_asked_for() {
    for host in ["127.0.0.1", "[::1]"] {
        let listener = listen(&[&format!("tcp://{host}:0"), "--wire", "--json"]);
        let ended = connect(&[&listener.address(), "--wire", "--json"]).run();
        assert!(
            notes(&ended.stdout, Syn::KIND).is_empty(),
            "a client has none"
        );
        listener.wait("the end of the peer", |listener| {
            facts::<Snapshot>(&listener.stdout()).len() > 1
        });
        let served = listener.interrupt();
        let found = facts::<Syn>(&served.stdout);
        let [syn] = &found[..] else {
            panic!("{}", served.told());
        };
        // Those of the loopback interface: 65,536 less the headers.
        let mss = if host.contains(':') { 65_476 } else { 65_495 };
        assert!(
            syn.mss == Some(mss) || mtu_of_loopback() != 65_536,
            "{syn:?}"
        );
        assert!(
            syn.window_scale.is_some() && syn.sack && syn.window > 0,
            "{syn:?}"
        );
        assert!(syn.hex.len() >= 120, "{syn:?}");
    }
}

fn mtu_of_loopback() -> u32 {
    let mtu = std::fs::read_to_string("/sys/class/net/lo/mtu").unwrap();
    mtu.trim().parse().unwrap()
}

/// In bytes: more than both ends of a connection hold by default.
const MUCH: usize = 16 << 20;

/// Lets through what this is about, and not the bytes.
const FACTS: &str = "kind = tcp,stage,following,syn,icmp or fault";

/// What it has unread and its closed window are told, and waiting for it costs nothing.
#[test]
fn a_peer_that_does_not_read_is_seen_to_have_bytes_unread() {
    let folder = folder();
    let path = folder.path().join("bulk");
    let bytes = pattern(MUCH, 5);
    std::fs::write(&path, &bytes).unwrap();
    let (peers, address) = server();
    let client = connect(&[
        &address,
        "--wire",
        "--json",
        "--filter",
        FACTS,
        "--send-file",
        path.to_str().unwrap(),
    ])
    .start();
    let mut peer = accept(&peers);
    let is_full = |snapshot: &Snapshot| {
        let unread = snapshot.peer.as_ref().and_then(|peer| peer.unread);
        unread.is_some_and(|unread| unread > 10_000)
            && snapshot.own.peer_window.unwrap_or(0) == 0
            && snapshot.own.unacked.is_some_and(|unacked| unacked > 0)
    };
    client.wait("a full peer", |client| {
        facts::<Snapshot>(&client.stdout()).iter().any(is_full)
    });
    let before = processor_time(client.pid());
    thread::sleep(Duration::from_secs(1)); // sleep: in which nothing is to be done
    let after = processor_time(client.pid());
    assert!(
        after - before < Duration::from_millis(300),
        "{:?}",
        after - before
    );
    let mut read = Vec::new();
    let reader = thread::spawn(move || {
        peer.read_to_end(&mut read).unwrap();
        read
    });
    let ended = client.finish().check_code(0);
    assert!(
        reader.join().unwrap() == bytes,
        "what came is what was sent"
    );
    let lives = facts::<Life>(&ended.stdout);
    assert_eq!(lives.last().map(|life| life.end), Some(MUCH as u64));
}

/// Stamps of many writes are no error of the socket and no work for the idle, and what is written
/// later is followed again.
#[test]
fn after_ten_thousand_writes_the_next_one_is_followed() {
    const WRITES: usize = 10_000;
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "fixed:3",
        "--reply",
        "echo",
        "--wire",
        "--json",
        "--filter",
        FACTS,
    ]);
    let mut peer = client(listener.port());
    let mut reader = peer.try_clone().unwrap();
    let bytes = pattern(3 * WRITES, 7);
    let wanted = bytes.clone();
    let writer = thread::spawn(move || peer.write_all(&bytes).map(|()| peer));
    assert!(read_exactly(&mut reader, 3 * WRITES) == wanted);
    let mut peer = writer.join().unwrap().unwrap();
    listener.wait("the writes to be followed again", |listener| {
        let stdout = listener.stdout();
        let told = notes(&stdout, Following::KIND);
        let last = told.last().and_then(Following::read);
        // Where the machine is slow, the last few writes are few enough to be followed.
        let to_the_end = |life: &Life| life.end == 3 * WRITES as u64;
        last.is_some_and(|last| {
            let nothing_came_since = last.offset == 3 * WRITES as u64;
            last.followed && (nothing_came_since || facts::<Life>(&stdout).iter().any(to_the_end))
        })
    });
    let before = processor_time(listener.pid());
    thread::sleep(Duration::from_millis(500)); // sleep: in which nothing is to be done
    assert!(processor_time(listener.pid()) - before < Duration::from_millis(200));
    peer.write_all(b"end").unwrap();
    assert_eq!(read_exactly(&mut reader, 3), b"end");
    listener.wait("the last acknowledgement", |listener| {
        let lives = facts::<Life>(&listener.stdout());
        let is_last = |life: &Life| life.offset == 3 * WRITES as u64 && life.acked_ns.is_some();
        lives.iter().any(is_last)
    });
    let served = listener.interrupt();
    let mut reached = 0;
    for life in facts::<Life>(&served.stdout) {
        if life.acked_ns.is_some() {
            assert!(reached <= life.offset, "no byte is acknowledged twice");
            reached = life.end;
        }
    }
    let faults = b"\"event\":\"fault\"";
    assert!(!contains(&served.stdout, faults), "{}", served.told());
    let own = &facts::<Snapshot>(&served.stdout).pop().unwrap().own;
    assert_eq!(sent_once(own).unwrap_or(30_003), 30_003);
}

#[test]
fn a_refused_datagram_is_told_with_who_refused_it() {
    for (host, icmp_type, code) in [("127.0.0.1", 3, 3), ("[::1]", 1, 4)] {
        let (_held, port) = closed_port(host.trim_matches(['[', ']']));
        let address = format!("udp://{host}:{port}");
        let ended = connect(&[&address, "--wire", "--json", "--send", "x"])
            .run()
            .check_code(1);
        let found = notes(&ended.stdout, Icmp::KIND);
        let icmp = found.first().and_then(Icmp::read);
        let icmp = icmp.unwrap_or_else(|| panic!("{}", ended.told()));
        assert_eq!(icmp.offender.to_string(), host.trim_matches(['[', ']']));
        assert_eq!((icmp.icmp_type, icmp.code), (icmp_type, code));
    }
}

#[test]
fn without_wire_nothing_of_it_is_told() {
    let listener = listen(&["tcp://127.0.0.1:0", "--reply", "echo", "--json"]);
    let ended = connect(&[
        &listener.address(),
        "--json",
        "--send",
        "hello",
        "--expect",
        "hello",
    ])
    .run()
    .check_code(0);
    let served = listener.interrupt();
    for json in [&ended.stdout, &served.stdout] {
        for kind in [Syn::KIND, Life::KIND, Snapshot::KIND] {
            assert!(notes(json, kind).is_empty(), "{kind}");
        }
    }
}

/// On a network of its own that loses every tenth packet with much in it, the same at each run: by
/// chance none may be lost, or the same one again and again.
#[test]
fn what_is_sent_again_is_counted() {
    if !need("unshare") || !need("nft") || !need("ip") {
        return;
    }
    let folder = folder();
    std::fs::write(folder.path().join("bulk"), pattern(2_000_000, 3)).unwrap();
    let script = r#"
ip link set lo up mtu 1500 || exit 0
nft add table inet t && nft add chain inet t c '{ type filter hook prerouting priority 0; }' || exit 0
nft add rule inet t c meta l4proto tcp meta length '>' 1000 numgen inc mod 10 3 drop || exit 0
"$0" listen tcp://127.0.0.1:0 --once --as none </dev/null 2>listener >/dev/null & listener=$!
until grep -q listening listener; do sleep 0.01; done
"$0" connect "$(sed -n 's/listening on //p' listener)" --wire --json --filter 'kind = tcp' --send-file bulk
wait $listener
"#;
    let found = Program::new("unshare", &["--map-root-user", "-n", "sh", "-c", script])
        .args(&[env!("CARGO_BIN_EXE_sockpit")])
        .folder(&folder)
        .run();
    if found.stdout.is_empty() {
        say("skipped: no network of its own that loses packets is to be had");
        return;
    }
    let own = &facts::<Snapshot>(&found.stdout).pop().unwrap().own;
    assert!(own.segments_again > 0, "{own:?}");
    assert!(own.bytes_again.is_none_or(|bytes| bytes > 0), "{own:?}");
    assert!(
        own.bytes_sent >= own.bytes_again.map(|bytes| bytes + 2_000_000),
        "{own:?}"
    );
}
