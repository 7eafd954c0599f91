//! Datagrams side by side, which leave and come as runs where the system can.

use super::*;

/// What `receiver` gets of what a batch with runs sends it, call by call.
fn trains(lens: &[usize], takes_runs: bool) -> (Vec<Vec<u8>>, usize) {
    let (receiver, to) = local("127.0.0.1:0");
    let (sender, _) = local("127.0.0.1:0");
    let mut batch = ReceiveBatch::new(4, RUN_ROOM);
    if takes_runs {
        batch.enable_runs(receiver.as_fd());
    }
    let mut outgoing = SendBatch::new();
    outgoing.enable_runs(sender.as_fd());
    for (mark, &len) in (1..).zip(lens) {
        outgoing.push(vec![mark; len], Some(&to), None).unwrap();
    }
    sent_all(&outgoing.flush(sender.as_fd()), lens.len());
    assert_eq!(outgoing.left(), lens.len());
    for (mark, &len) in (1..).zip(lens) {
        assert_eq!(outgoing.take_left(), Some(vec![mark; len]));
    }
    assert_eq!(outgoing.take_left(), None);
    let mut seen = Vec::new();
    let mut reads = 0;
    while seen.len() < lens.len() {
        let ready = poll::wait(&mut [Interest::to_read(receiver.as_fd())], LONG).unwrap();
        assert!(ready > 0, "only {} of {lens:?} came", seen.len());
        reads += batch.receive(receiver.as_fd()).unwrap();
        seen.extend(batch.runs().flat_map(|run| whole(&run)).map(|d| d.bytes));
    }
    (seen, reads)
}

#[test]
fn neighbours_to_one_peer_keep_their_boundaries_in_runs() {
    for lens in [
        &[64, 64, 64, 64][..],
        &[64, 64, 63, 64, 64],
        &[64, 65, 64],
        &[0, 0, 5, 5, 0, 5],
        &[1, 0],
        &[1400; 46],
        &[1000; 66],
        &[8; 130],
        &[9, 8, 7, 7, 6, 6, 6],
        &[32_753, 32_753, 1],
        &[32_754, 32_753, 32_753],
        &[65_507, 1],
    ] {
        let expected: Vec<Vec<u8>> = (1..)
            .zip(lens)
            .map(|(mark, &len)| vec![mark; len])
            .collect();
        for takes_runs in [false, true] {
            let (seen, _) = trains(lens, takes_runs);
            assert!(seen == expected, "{lens:?}, {takes_runs}");
        }
    }
}

#[test]
fn equal_neighbours_come_as_one_read() {
    let (sender, _) = local("127.0.0.1:0");
    if !SendBatch::<Vec<u8>>::new().enable_runs(sender.as_fd()) {
        return;
    }
    assert_eq!(trains(&[64; 16], true).1, 1);
    assert_eq!(trains(&[64; 16], false).1, 16);
    assert_eq!(trains(&[64, 64, 63, 64, 64], true).1, 2);
    assert_eq!(trains(&[64, 0, 64], true).1, 3);
}

#[test]
fn runs_tell_peers_and_times_to_live_apart() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let (sender, from) = local(addr);
        let mut outgoing = SendBatch::new();
        outgoing.enable_runs(sender.as_fd());
        let receivers = [local(addr), local(addr)];
        for (mark, (place, ttl)) in (1u8..).zip([(0, 5), (0, 5), (1, 5), (0, 5), (0, 6), (1, 5)]) {
            let to = &receivers[place].1;
            outgoing.push(vec![mark; 10], Some(to), Some(ttl)).unwrap();
        }
        sent_all(&outgoing.flush(sender.as_fd()), 6);
        for ((receiver, _), expected) in receivers
            .iter()
            .zip([&[(1, 5), (2, 5), (4, 5), (5, 6)][..], &[(3, 5), (6, 5)]])
        {
            let mut batch = ReceiveBatch::new(8, RUN_ROOM);
            batch.enable_runs(receiver.as_fd());
            batch.enable_ttl(receiver.as_fd()).unwrap();
            let seen = receive(receiver.as_fd(), &mut batch, expected.len());
            let seen: Vec<_> = seen
                .iter()
                .map(|d| {
                    assert_eq!((&d.bytes[..], d.full_len), (&[d.bytes[0]; 10][..], 10));
                    assert_eq!(d.from.as_ref(), Some(&from));
                    (d.bytes[0], d.ttl.unwrap())
                })
                .collect();
            assert_eq!(seen, expected, "{addr}");
        }
    }
}

#[test]
fn refused_runs_leave_as_datagrams_and_no_further_ones_are_made() {
    let (sender, _) = local("127.0.0.1:0");
    let (receiver, to) = local("127.0.0.1:0");
    // Without checksums the system cuts nothing (udp(7)).
    socket::set_option(sender.as_fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
    let mut outgoing = SendBatch::new();
    outgoing.enable_runs(sender.as_fd());
    for index in 0..5u8 {
        outgoing.push([index; 8], Some(&to), None).unwrap();
    }
    sent_all(&outgoing.flush(sender.as_fd()), 5);
    assert_eq!(outgoing.longest_in_runs(), 0);
    let seen = receive(receiver.as_fd(), &mut ReceiveBatch::new(8, 8), 5);
    assert!(
        seen.iter()
            .map(|d| &d.bytes[..])
            .eq((0..5).map(|index| [index; 8]))
    );
}

#[test]
fn a_failure_before_a_run_is_told_and_refuses_no_runs() {
    let (socket, _) = local("127.0.0.1:0");
    let (_held, closed_addr) = closed("127.0.0.1:0");
    socket.connect(closed_addr).unwrap();
    let mut outgoing = SendBatch::new();
    outgoing.enable_runs(socket.as_fd());
    let longest = outgoing.longest_in_runs();
    let mut refused = 0;
    for _ in 0..20 {
        for _ in 0..10 {
            outgoing.push([7; 10], None, None).unwrap();
        }
        loop {
            match outgoing.flush(socket.as_fd()).stop {
                Stop::Empty => break,
                Stop::Earlier(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
                    refused += 1;
                }
                stop => panic!("{stop:?}"),
            }
        }
    }
    assert_eq!(outgoing.left(), 200);
    assert!(refused > 0);
    assert_eq!(outgoing.longest_in_runs(), longest);
}

#[test]
fn slots_without_room_for_a_run_take_none() {
    let (socket, _) = local("127.0.0.1:0");
    assert!(!ReceiveBatch::new(1, RUN_ROOM - 1).enable_runs(socket.as_fd()));
    let (unix, _peer) = UnixDatagram::pair().unwrap();
    assert!(!ReceiveBatch::new(1, RUN_ROOM).enable_runs(unix.as_fd()));
}

/// Asks by `asker` and has what came sent back; gives the answers.
fn send_back(addr: &str, lens: &[usize], makes_runs: bool, longest: usize) -> Vec<Whole> {
    let (server, to) = local(addr);
    let mut batch = ReceiveBatch::new(MAX_BATCH, RUN_ROOM);
    batch.enable_runs(server.as_fd());
    let askers = [local(addr).0, local(addr).0];
    for asker in &askers {
        asker.connect(to.inet().unwrap()).unwrap();
        let mut asked = SendBatch::new();
        if makes_runs {
            asked.enable_runs(asker.as_fd());
        }
        for (mark, &len) in (1u8..).zip(lens) {
            asked.push(vec![mark; len], None, None).unwrap();
        }
        sent_all(&asked.flush(asker.as_fd()), lens.len());
    }
    let (mut count, mut hops) = (0, Hops::shared(None));
    while count < 2 * lens.len() {
        assert_eq!(
            poll::wait(&mut [Interest::to_read(server.as_fd())], LONG).unwrap(),
            1
        );
        batch.receive(server.as_fd()).unwrap();
        count += batch.runs().map(|run| run.count()).sum::<usize>();
        let returns: Vec<_> = batch
            .runs()
            .enumerate()
            .map(|(place, run)| Return {
                run: place,
                bytes: 0..run.bytes.len(),
                segment: run.segment,
                ttl: Some(9),
            })
            .collect();
        let mut rest = &returns[..];
        while !rest.is_empty() {
            let (left, done) = batch.send_back(server.as_fd(), rest, longest, &mut hops);
            done.unwrap();
            if left < rest.len() {
                // A run that is not to leave as one.
                assert!(rest[left].segment < rest[left].bytes.len());
                return Vec::new();
            }
            rest = &rest[left..];
        }
    }
    let mut seen = Vec::new();
    for asker in &askers {
        let mut answers = ReceiveBatch::new(8, RUN_ROOM);
        answers.enable_ttl(asker.as_fd()).unwrap();
        seen.extend(receive(asker.as_fd(), &mut answers, lens.len()));
    }
    seen
}

#[test]
fn what_came_goes_back_to_each_as_it_came() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        for lens in [&[64; 20][..], &[10, 10, 3, 0, 10], &[0, 0], &[20_000; 3]] {
            for (makes_runs, longest) in [(false, 0), (false, 30_000), (true, 30_000)] {
                let seen = send_back(addr, lens, makes_runs, longest);
                let case = format!("{addr}, {lens:?}, {makes_runs}, {longest}");
                assert_eq!(seen.len(), 2 * lens.len(), "{case}");
                let expected = (1u8..).zip(lens).map(|(mark, &len)| vec![mark; len]);
                assert!(
                    seen.iter()
                        .map(|d| d.bytes.clone())
                        .eq(expected.clone().chain(expected))
                );
            }
        }
    }
}

#[test]
fn a_run_that_may_not_leave_as_one_stays() {
    let (sender, _) = local("127.0.0.1:0");
    if SendBatch::<Vec<u8>>::new().enable_runs(sender.as_fd()) {
        assert_eq!(send_back("127.0.0.1:0", &[64; 4], true, 63), []);
    }
}
