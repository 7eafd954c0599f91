//! What a peer declares, or never ends, costs nothing (rules B1 and B2).

use rustix::process::Pid;

use super::*;
use crate::support::folder;

#[test]
fn b1_a_declared_length_allocates_nothing_and_ends_that_peer_alone() {
    let claims: [(&str, &[u8]); 5] = [
        ("len:u32be", &[0x80, 0, 0, 0]),
        ("len:u32le", &[0xff, 0xff, 0xff, 0xff]),
        ("len:varint", &[0x80, 0x80, 0x80, 0x80, 0x08]),
        (
            "len:varint",
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ),
        ("len:u32be,adjust=100", &[0xff, 0xff, 0xff, 0xff]),
    ];
    for (framing, header) in claims {
        let listener = listen(&[
            "tcp://127.0.0.1:0",
            "--frame",
            framing,
            "--reply",
            "echo",
            "--json",
        ]);
        let port = listener.port();
        // What a first conversation costs is no matter of the header.
        exchange(&mut client(port), framing);
        let before = resident(listener.pid());
        let mut peer = client(port);
        peer.write_all(header).expect("the listener reads");
        // Its bytes may come after the listener has closed.
        let _ = peer.write_all(b"few bytes.");
        listener.wait_for_stdout(br#""reason":"limit""#);
        let grown = resident(listener.pid()).saturating_sub(before);
        assert!(grown < 1024 * 1024, "{framing}: {grown} bytes");
        exchange(&mut client(port), framing);
        let ended = listener
            .interrupt()
            .check_code(130)
            .check_stderr(&["16MiB"]);
        let records = records(&ended.stdout);
        let fault = of_event(&records, "fault")[0];
        assert_eq!(fault["kind"], "frame");
        assert!(fault["count"].is_u64(), "the limit or the length: {fault}");
    }
}

#[test]
fn b1_a_message_below_the_limit_takes_memory_as_its_bytes_come() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "len:u32be",
        "--reply",
        "echo",
        "--json",
    ]);
    let port = listener.port();
    exchange(&mut client(port), "len:u32be");
    let before = resident(listener.pid());
    let peers: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut peer = client(port);
            // It claims 15 MiB.
            peer.write_all(b"\0\xf0\0\0few bytes")
                .expect("the listener reads");
            peer
        })
        .collect();
    listener.wait("all the claims", |listener| {
        let stdout = listener.stdout();
        of_event(&records(&stdout), "chunk")
            .iter()
            .filter(|chunk| chunk["len"] == 13)
            .count()
            == 20
    });
    let grown = resident(listener.pid()).saturating_sub(before);
    assert!(
        grown < 4 * 1024 * 1024,
        "{grown} bytes for {} peers",
        peers.len()
    );
    listener.interrupt().check_code(130);
}

#[test]
fn b1_a_line_without_an_end_is_limited() {
    let listener = listen(&[
        "tcp://127.0.0.1:0",
        "--frame",
        "lines",
        "--max-frame",
        "64KiB",
        "--once",
        "--as",
        "none",
    ]);
    let mut peer = client(listener.port());
    let piece = [b'x'; 16 * 1024];
    // The listener ends it some time after 64 KiB.
    while peer.write_all(&piece).is_ok() {}
    listener
        .finish()
        .check_code(1)
        .check_stderr(&["64KiB", "--max-frame"]);
}

#[test]
fn b2_a_long_message_byte_by_byte_takes_time_in_proportion() {
    let folder = folder();
    let path = folder.path().join("long");
    std::fs::write(&path, [vec![b'x'; 2_000_000], b"\n".to_vec()].concat()).unwrap();
    let path = path.to_str().expect("a plain name");
    let (listener, endpoint) = server();
    // 64 bytes a read: 31,250 reads of one message; each from its start would be 31 GB to look at.
    let program = connect(&[
        &endpoint,
        "--frame",
        "lines",
        "--read-size",
        "64",
        "--as",
        "none",
    ])
    .start();
    let mut peer = accept(&listener);
    peer.write_all(&std::fs::read(path).unwrap())
        .expect("the client reads");
    drop(peer);
    let ended = program.finish().check_code(0);
    assert!(ended.took.as_secs() < 15, "{:?}", ended.took);
}

/// In bytes: the memory that a process asked for (proc(5)); its own code, of which more comes in as it
/// runs, does not count.
pub(crate) fn resident(pid: Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .expect("Linux has it");
    let kib: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number");
    kib * 1024
}
