use std::fs::{self, OpenOptions};
use std::io::{PipeReader, PipeWriter, Seek, SeekFrom};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Instant;

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// In bytes: more than the buffers of two sockets hold, and no multiple of any block.
const LEN: usize = 12_345_677;

/// Bytes of which no two blocks are alike.
fn pattern(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Two ends of a connection that do not block.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.set_nonblocking(true).unwrap();
    server.set_nonblocking(true).unwrap();
    (client, server)
}

fn file_with(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// Pumps to the end, waiting as told, and gives the sum of what was moved.
fn run(pump: &mut Pump) -> io::Result<usize> {
    let deadline = Instant::now() + LONG;
    let mut total = 0;
    loop {
        assert!(
            Instant::now() < deadline,
            "the pump did not end; {} pending",
            pump.pending()
        );
        let interest = match pump.step()? {
            Step::Moved(taken) => {
                total += taken;
                continue;
            }
            Step::End => return Ok(total),
            Step::Blocked(Side::From) => Interest::to_read(pump.from.as_fd()),
            Step::Blocked(Side::To) => Interest::to_write(pump.to.as_fd()),
        };
        assert!(
            poll::wait(&mut [interest], Some(LONG)).unwrap() > 0,
            "nothing became ready"
        );
    }
}

/// Writes everything to a descriptor that may not block, in pieces of odd lengths, then drops it.
fn feed<W: Write + AsFd + Send + 'static>(mut to: W, bytes: Vec<u8>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut rest = bytes.as_slice();
        let mut piece = 1;
        while !rest.is_empty() {
            piece = (piece * 7 + 3) % 99_991;
            match to.write(&rest[..piece.clamp(1, rest.len())]) {
                Ok(len) => rest = &rest[len..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let ready = poll::wait(&mut [Interest::to_write(to.as_fd())], Some(LONG));
                    assert!(ready.unwrap() > 0, "the pump stopped taking");
                }
                Err(error) => panic!("{error}"),
            }
        }
    })
}

/// Reads to the end of a descriptor that may not block.
fn drain<R: Read + AsFd + Send + 'static>(mut from: R) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut piece = vec![0; 10_007];
        loop {
            match from.read(&mut piece) {
                Ok(0) => return bytes,
                Ok(len) => bytes.extend_from_slice(&piece[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let ready = poll::wait(&mut [Interest::to_read(from.as_fd())], Some(LONG));
                    assert!(ready.unwrap() > 0, "the pump stopped giving");
                }
                Err(error) => panic!("{error}"),
            }
        }
    })
}

/// Pumps from `from` to `to`, whose other end is `sink`, and compares.
fn check<R: Read + AsFd + Send + 'static>(
    from: impl AsFd,
    to: impl AsFd,
    sink: R,
    is_direct: bool,
    expected: &[u8],
) {
    let mut pump = Pump::new(from.as_fd(), to.as_fd()).unwrap();
    assert_eq!(pump.is_direct(), is_direct);
    drop(to);
    let sink = drain(sink);
    assert_eq!(run(&mut pump).unwrap(), expected.len());
    assert_eq!(pump.pending(), 0);
    assert_eq!(pump.step().unwrap(), Step::End);
    drop(pump);
    assert!(
        sink.join().unwrap() == expected,
        "other bytes arrived than were sent"
    );
}

/// Pumps what a peer sends to a file, and compares what the file then holds.
fn check_file(path: &std::path::Path, file: &File, before: &[u8], is_direct: bool) {
    let bytes = pattern(LEN);
    let (client, server) = tcp_pair();
    let feeder = feed(client, bytes.clone());
    let mut pump = Pump::new(server.as_fd(), file.as_fd()).unwrap();
    assert_eq!(pump.is_direct(), is_direct);
    assert_eq!(run(&mut pump).unwrap(), LEN);
    feeder.join().unwrap();
    let held = fs::read(path).unwrap();
    assert!(
        held == [before, &bytes].concat(),
        "the file holds other bytes"
    );
}

#[test]
fn a_file_reaches_a_socket_from_where_it_stands() {
    // A socket that takes so little at a time is slow.
    let bytes = pattern(400_001);
    let mut file = file_with(&bytes);
    file.seek(SeekFrom::Start(1001)).unwrap();
    let (client, server) = tcp_pair();
    socket2::SockRef::from(&client)
        .set_send_buffer_size(8192)
        .unwrap();
    check(file, client, server, true, &bytes[1001..]);
}

#[test]
fn a_file_reaches_a_unix_socket() {
    let bytes = pattern(LEN);
    let (socket, peer) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    check(file_with(&bytes), socket, peer, true, &bytes);
}

#[test]
fn an_empty_file_ends_at_once() {
    let (client, server) = tcp_pair();
    check(file_with(b""), client, server, true, b"");
}

#[test]
fn a_file_of_the_system_reaches_a_socket() {
    let (client, server) = tcp_pair();
    let expected = fs::read("/proc/version").unwrap();
    assert!(!expected.is_empty());
    check(
        File::open("/proc/version").unwrap(),
        client,
        server,
        true,
        &expected,
    );
}

#[test]
fn a_file_that_shrinks_ends_where_it_ends() {
    let bytes = pattern(LEN);
    let file = file_with(&bytes);
    let (client, server) = tcp_pair();
    let mut pump = Pump::new(file.as_fd(), client.as_fd()).unwrap();
    let Step::Moved(first) = pump.step().unwrap() else {
        panic!("nothing moved")
    };
    file.set_len(100).unwrap();
    drop(client);
    let sink = drain(server);
    assert_eq!(run(&mut pump).unwrap(), 0);
    drop(pump);
    assert_eq!(sink.join().unwrap().len(), first);
}

#[test]
fn a_pipe_reaches_a_socket() {
    let bytes = pattern(LEN);
    let (read, write) = io::pipe().unwrap();
    let (client, server) = tcp_pair();
    let feeder = feed(write, bytes.clone());
    check(read, client, server, true, &bytes);
    feeder.join().unwrap();
}

#[test]
fn a_socket_reaches_a_pipe() {
    let bytes = pattern(LEN);
    let (client, server) = tcp_pair();
    let (read, write) = io::pipe().unwrap();
    let feeder = feed(client, bytes.clone());
    check(server, write, read, true, &bytes);
    feeder.join().unwrap();
}

#[test]
fn a_socket_reaches_a_socket() {
    let bytes = pattern(400_001);
    let (source, from) = tcp_pair();
    let (to, sink) = tcp_pair();
    socket2::SockRef::from(&to)
        .set_send_buffer_size(8192)
        .unwrap();
    let feeder = feed(source, bytes.clone());
    check(from, to, sink, true, &bytes);
    feeder.join().unwrap();
}

#[test]
fn a_socket_reaches_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    check_file(&path, &File::create(&path).unwrap(), b"", true);
}

#[test]
fn a_file_that_is_appended_to_keeps_what_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, b"before\n").unwrap();
    let file = OpenOptions::new().append(true).open(&path).unwrap();
    check_file(&path, &file, b"before\n", false);
}

/// What the pipe between held when the system refused must go out first.
#[test]
fn a_target_that_refuses_pages_halfway_gets_every_byte_all_the_same() {
    let bytes = pattern(LEN);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let file = File::create(&path).unwrap();
    let (client, server) = tcp_pair();
    let feeder = feed(client, bytes.clone());
    let mut pump = Pump::new(server.as_fd(), file.as_fd()).unwrap();
    let deadline = Instant::now() + LONG;
    let mut total = 0;
    while total < LEN / 3 {
        assert!(Instant::now() < deadline);
        if let Step::Moved(taken) = pump.step().unwrap() {
            total += taken;
        }
    }
    assert!(pump.is_direct());
    let flags = status_flags(file.as_fd()).unwrap() | libc::O_APPEND;
    // SAFETY: the call touches no memory of ours.
    let set = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags) };
    assert_eq!(set, 0);
    total += run(&mut pump).unwrap();
    assert!(!pump.is_direct());
    assert_eq!(total, LEN);
    feeder.join().unwrap();
    assert!(
        fs::read(&path).unwrap() == bytes,
        "the file holds other bytes"
    );
}

#[test]
fn a_socket_reaches_the_null_device() {
    let (client, server) = tcp_pair();
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let feeder = feed(client, pattern(LEN));
    let mut pump = Pump::new(server.as_fd(), null.as_fd()).unwrap();
    assert!(pump.is_direct());
    assert_eq!(run(&mut pump).unwrap(), LEN);
    feeder.join().unwrap();
}

#[test]
fn a_file_reaches_a_pipe_by_copying() {
    let bytes = pattern(LEN);
    let (read, write) = io::pipe().unwrap();
    check(file_with(&bytes), write, read, false, &bytes);
}

#[test]
fn a_device_reaches_a_socket_by_copying() {
    let (client, server) = tcp_pair();
    let null = File::open("/dev/null").unwrap();
    check(null, client, server, false, b"");
}

#[test]
fn a_socket_that_blocks_is_no_reason_to_wait() {
    let bytes = pattern(LEN);
    let (to, sink) = UnixStream::pair().unwrap();
    let file = file_with(&bytes);
    let mut pump = Pump::new(file.as_fd(), to.as_fd()).unwrap();
    let mut total = fill(&mut pump);
    assert!(pump.pending() > 0);
    drop(to);
    let sink = drain(sink);
    total += run(&mut pump).unwrap();
    assert_eq!(total, LEN);
    drop(pump);
    assert!(
        sink.join().unwrap() == bytes,
        "other bytes arrived than were sent"
    );
}

/// Steps until the target, which nobody reads, is full; gives what was taken.
fn fill(pump: &mut Pump) -> usize {
    let deadline = Instant::now() + LONG;
    let mut total = 0;
    loop {
        assert!(Instant::now() < deadline, "the target never was full");
        match pump.step().unwrap() {
            Step::Moved(taken) => total += taken,
            Step::Blocked(Side::To) => return total,
            step @ (Step::End | Step::Blocked(Side::From)) => panic!("{step:?}"),
        }
    }
}

#[test]
fn a_full_pipe_that_blocks_is_no_reason_to_wait() {
    let bytes = pattern(LEN);
    for is_direct in [true, false] {
        let (read, write) = io::pipe().unwrap();
        let (client, server) = tcp_pair();
        let (mut pump, feeder) = if is_direct {
            let feeder = feed(client, bytes.clone());
            assert!(poll::wait(&mut [Interest::to_read(server.as_fd())], Some(LONG)).unwrap() > 0);
            (
                Pump::new(server.as_fd(), write.as_fd()).unwrap(),
                Some(feeder),
            )
        } else {
            (
                Pump::new(file_with(&bytes).as_fd(), write.as_fd()).unwrap(),
                None,
            )
        };
        assert_eq!(pump.is_direct(), is_direct);
        let mut total = 0;
        while !matches!(pump.step().unwrap(), Step::Blocked(Side::To)) {
            // What was moved is counted below, from what arrives.
            total += 1;
            assert!(total < 1_000_000);
        }
        drop(write);
        let sink = drain(read);
        run(&mut pump).unwrap();
        drop(pump);
        assert!(
            sink.join().unwrap() == bytes,
            "other bytes arrived than were sent"
        );
        if let Some(feeder) = feeder {
            feeder.join().unwrap();
        }
    }
}

#[test]
fn a_silent_source_that_blocks_is_no_reason_to_wait() {
    let (client, _server) = tcp_pair();
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let (read, _write): (PipeReader, PipeWriter) = io::pipe().unwrap();
    let (socket, _peer) = UnixStream::pair().unwrap();
    for (from, to) in [
        (read.as_fd(), client.as_fd()),
        (read.as_fd(), null.as_fd()),
        (socket.as_fd(), null.as_fd()),
        (client.as_fd(), null.as_fd()),
    ] {
        let mut pump = Pump::new(from, to).unwrap();
        assert_eq!(pump.step().unwrap(), Step::Blocked(Side::From));
    }
}

#[test]
fn the_mode_of_neither_side_is_changed() {
    let (read, write) = io::pipe().unwrap();
    let (client, server) = tcp_pair();
    let feeder = feed(write, pattern(100_000));
    let (out_read, out_write) = io::pipe().unwrap();
    let sink = drain(out_read);
    let mut sending = Pump::new(read.as_fd(), client.as_fd()).unwrap();
    run(&mut sending).unwrap();
    drop((sending, client));
    run(&mut Pump::new(server.as_fd(), out_write.as_fd()).unwrap()).unwrap();
    assert!(waits(status_flags(read.as_fd()).unwrap()));
    assert!(waits(status_flags(out_write.as_fd()).unwrap()));
    assert!(!waits(status_flags(server.as_fd()).unwrap()));
    drop(out_write);
    feeder.join().unwrap();
    assert_eq!(sink.join().unwrap().len(), 100_000);
}

#[test]
fn a_pipe_is_widened_for_bulk_alone() {
    let room = |pipe: BorrowedFd<'_>| {
        // SAFETY: the call touches no memory of ours.
        unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_GETPIPE_SZ) }
    };
    let sizes = Sizes {
        pipe: 256 << 10,
        ..Sizes::default()
    };
    for (len, is_bulk) in [(BULK - 1, false), (BULK, true)] {
        let (client, server) = tcp_pair();
        let (read, write) = io::pipe().unwrap();
        let usual = room(write.as_fd());
        let probe = read.try_clone().unwrap();
        let feeder = feed(client, pattern(len));
        let mut pump = Pump::with_sizes(server.as_fd(), write.as_fd(), sizes).unwrap();
        drop(write);
        let sink = drain(read);
        run(&mut pump).unwrap();
        // The share of a user who has many wide pipes may be used up.
        let (other, _other_end) = io::pipe().unwrap();
        let other = File::from(std::os::fd::OwnedFd::from(other));
        splice::widen(&other, sizes.pipe);
        let expected = if is_bulk { room(other.as_fd()) } else { usual };
        assert_eq!(room(probe.as_fd()), expected, "after {len} bytes");
        drop(pump);
        feeder.join().unwrap();
        assert_eq!(sink.join().unwrap().len(), len);
    }
}

#[test]
fn a_reader_that_went_away_is_a_broken_pipe() {
    let bytes = pattern(100_000);
    for is_direct in [true, false] {
        let (read, write) = io::pipe().unwrap();
        let (mut client, server) = tcp_pair();
        client.write_all(b"nobody will read this").unwrap();
        assert!(poll::wait(&mut [Interest::to_read(server.as_fd())], Some(LONG)).unwrap() > 0);
        let mut pump = if is_direct {
            Pump::new(server.as_fd(), write.as_fd()).unwrap()
        } else {
            Pump::new(file_with(&bytes).as_fd(), write.as_fd()).unwrap()
        };
        drop(read);
        assert_eq!(
            run(&mut pump).unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
        assert_eq!(pump.pending(), if is_direct { 0 } else { bytes.len() });
    }
}

#[test]
fn a_reset_is_an_error_and_not_an_end() {
    let (client, server) = tcp_pair();
    socket2::SockRef::from(&client)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(client);
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let error = run(&mut Pump::new(server.as_fd(), null.as_fd()).unwrap()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// B9: the target fails alone, and what it lacks is known.
#[test]
fn a_full_device_is_an_error_and_the_lost_bytes_are_counted() {
    let (mut client, server) = tcp_pair();
    client.write_all(b"no space for this").unwrap();
    assert!(poll::wait(&mut [Interest::to_read(server.as_fd())], Some(LONG)).unwrap() > 0);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut pump = Pump::new(server.as_fd(), full.as_fd()).unwrap();
    let error = pump.step().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(pump.pending(), 17);
}

#[test]
fn odd_sizes_move_the_same_bytes() {
    let bytes = pattern(30_001);
    for sizes in [
        Sizes {
            block: 1,
            pipe: 0,
            buffer: 1,
        },
        Sizes {
            block: 4097,
            pipe: 4096,
            buffer: 7,
        },
        Sizes {
            block: usize::MAX >> 33,
            pipe: usize::MAX,
            buffer: 64,
        },
    ] {
        let (source, from) = tcp_pair();
        let (to, sink) = tcp_pair();
        let feeder = feed(source, bytes.clone());
        let sink = drain(sink);
        let mut pump = Pump::with_sizes(from.as_fd(), to.as_fd(), sizes).unwrap();
        drop(to);
        assert_eq!(run(&mut pump).unwrap(), bytes.len());
        drop(pump);
        feeder.join().unwrap();
        assert!(
            sink.join().unwrap() == bytes,
            "other bytes arrived with {sizes:?}"
        );
    }
}

#[test]
fn a_pump_goes_from_thread_to_thread() {
    fn check<T: Send>() {}
    check::<Pump>();
}
