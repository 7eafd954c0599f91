//! Bytes of any kind and number, and readers who leave.

use super::*;

#[test]
fn a1_a_reply_after_the_end_of_input_is_not_lost() {
    for with_exec in [false, true] {
        let (listener, endpoint) = server();
        let peer = thread::spawn(move || {
            let mut peer = accept(&listener);
            let asked = read_to_end(&mut peer);
            // sleep: the reply is to be late
            thread::sleep(Duration::from_millis(300));
            peer.write_all(&asked.to_ascii_uppercase())
                .expect("the client still reads");
        });
        if with_exec {
            let folder = folder();
            let path = folder.path().join("got");
            let command = format!("echo asked; exec cat > '{}'", path.display());
            connect(&[&endpoint, "--exec", &command])
                .run()
                .check_code(0);
            assert_eq!(std::fs::read(path).unwrap(), b"ASKED\n");
        } else {
            connect(&[&endpoint])
                .stdin("asked\n")
                .run()
                .check_code(0)
                .check_stdout("ASKED\n");
        }
        peer.join().expect("the peer heard what it should");
    }
}

#[test]
fn a3_messages_of_any_length_arrive_equal() {
    // Around the sizes of reads, of length fields and of SLIP's and COBS's blocks.
    let lens = [
        0, 1, 253, 254, 255, 4095, 4096, 65_535, 65_536, 65_537, 300_000,
    ];
    let lines: Vec<String> = lens
        .iter()
        .map(|len| {
            (0..*len)
                .map(|at| char::from(b'a' + (at % 26) as u8))
                .collect()
        })
        .collect();
    let input = lines.join("\n") + "\n";
    for framing in ["lines", "delim:hex:00FF", "len:u32le", "len:varint", "cobs"] {
        let echo = listen(&["tcp://127.0.0.1:0", "--frame", framing, "--reply", "echo"]);
        connect(&[&echo.address(), "--frame", framing, "--as", "text"])
            .stdin(input.clone())
            .run()
            .check_code(0)
            .check_stdout(&input);
        echo.interrupt().check_code(130);
    }
}

#[test]
fn a5_a_reader_that_leaves_ends_output_quietly() {
    let folder = folder();
    for command in [
        "demo",
        "--help",
        "listen --help",
        // port: refused or explained, never opened
        "connect udp://127.0.0.1:9 --explain",
    ] {
        let line = format!(
            "'{}' {command} | head -1; echo",
            env!("CARGO_BIN_EXE_sockpit")
        );
        let ended = Program::new("sh", &["-c", &line])
            .folder(&folder)
            .run()
            .check_code(0);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.told());
    }
    // A session ends when nobody reads it any more, whatever its form.
    for form in ["raw", "text", "hex", "both", "json"] {
        let (listener, endpoint) = server();
        let line = format!(
            "'{}' connect {endpoint} --frame lines --as {form} | head -1 > /dev/null",
            env!("CARGO_BIN_EXE_sockpit")
        );
        let program = Program::new("sh", &["-c", &line]).start();
        let mut peer = accept(&listener);
        // Until the client, whose stdout is closed, has closed too.
        let line = "message\n".repeat(100);
        while peer.write_all(line.as_bytes()).is_ok() {
            // sleep: polled until a write fails
            thread::sleep(Duration::from_millis(1));
        }
        program.finish().check_code(0).check_silent();
    }
}

#[test]
fn a5_a_session_whose_reader_left_exits_with_0() {
    let (listener, endpoint) = server();
    let mut program = connect(&[&endpoint, "--json"]).start();
    let mut peer = accept(&listener);
    peer.write_all(b"first").expect("the client reads");
    program.wait_for_stdout(b"chunk");
    program.close_stdout();
    while peer.write_all(b"more").is_ok() {
        // sleep: polled until a write fails
        thread::sleep(Duration::from_millis(1));
    }
    program.finish().check_code(0).check_silent();
}

#[test]
fn noise_of_every_length_ends_nothing() {
    let noise = noise();
    for framing in [
        "raw",
        "lines",
        "fixed:7",
        "len:u8",
        "len:u16le",
        "len:varint",
        "slip",
        "cobs",
        "gap:10ms",
    ] {
        let listener = listen(&[
            "tcp://127.0.0.1:0",
            "--frame",
            framing,
            "--text",
            "gbk",
            "--reply",
            "echo",
            "--json",
        ]);
        let port = listener.port();
        for len in [1, 2, 3, 100, 65_536, noise.len()] {
            let mut peer = client(port);
            let mut answers = peer.try_clone().expect("a descriptor");
            let reader = thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
            // It may be cut off for what it sends.
            let _ = peer.write_all(&noise[..len]);
            let _ = peer.shutdown(Shutdown::Write);
            // An end or a reset: either is an end.
            let _ = reader.join().expect("it only reads");
        }
        let ended = listener.interrupt().check_code(130);
        assert!(
            !ended.stderr.contains("panicked"),
            "{framing}: {}",
            ended.told()
        );
        check_schema(&ended.stdout);
    }
}

/// Bytes without a pattern, the same in every run (xorshift).
fn noise() -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(200_000);
    while bytes.len() < 200_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}
