use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

use super::*;

const LONG: Option<Duration> = Some(Duration::from_secs(10));

#[test]
fn says_which_of_two_is_readable() {
    let (silent, _silent_peer) = UnixStream::pair().unwrap();
    let (ready, mut peer) = UnixStream::pair().unwrap();
    peer.write_all(b"x").unwrap();
    let mut interests = [
        Interest::to_read(silent.as_fd()),
        Interest::to_read(ready.as_fd()),
    ];
    assert_eq!(wait(&mut interests, LONG).unwrap(), 1);
    assert!(!interests[0].is_readable());
    assert!(interests[1].is_readable() && !interests[1].is_writable());
}

#[test]
fn readiness_of_an_earlier_wait_is_forgotten() {
    let (mut socket, mut peer) = UnixStream::pair().unwrap();
    peer.write_all(b"x").unwrap();
    let other = socket.try_clone().unwrap();
    let mut interests = [Interest::to_read(other.as_fd())];
    wait(&mut interests, LONG).unwrap();
    assert!(interests[0].is_readable());
    socket.read_exact(&mut [0]).unwrap();
    assert_eq!(wait(&mut interests, Some(Duration::ZERO)).unwrap(), 0);
    assert!(!interests[0].is_readable());
}

#[test]
fn an_empty_socket_is_writable_and_not_readable() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let mut interests = [Interest::to_read_or_write(socket.as_fd())];
    assert_eq!(wait(&mut interests, LONG).unwrap(), 1);
    assert!(interests[0].is_writable() && !interests[0].is_readable());
}

#[test]
fn waits_as_long_as_told_and_no_shorter() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    for millis_and_more in [
        Duration::ZERO,
        Duration::from_micros(1_300),
        Duration::from_millis(30),
    ] {
        let start = Instant::now();
        let ready = wait(
            &mut [Interest::to_read(socket.as_fd())],
            Some(millis_and_more),
        )
        .unwrap();
        assert_eq!(ready, 0);
        assert!(start.elapsed() >= millis_and_more);
    }
}

#[test]
fn the_end_of_the_peer_is_told_even_to_who_waits_for_nothing() {
    let (socket, peer) = UnixStream::pair().unwrap();
    drop(peer);
    let mut interests = [Interest::to_close(socket.as_fd())];
    assert_eq!(wait(&mut interests, LONG).unwrap(), 1);
    assert!(interests[0].is_gone());
}

#[test]
fn an_alarm_wakes_another_thread() {
    let alarm = Arc::new(Alarm::new().unwrap());
    let raiser = Arc::clone(&alarm);
    let thread = thread::spawn(move || raiser.raise());
    assert_eq!(
        wait(&mut [Interest::to_read(alarm.as_fd())], LONG).unwrap(),
        1
    );
    thread.join().unwrap();
}

#[test]
fn an_alarm_raised_twice_is_cleared_once() {
    let alarm = Alarm::new().unwrap();
    let is_raised = || {
        wait(
            &mut [Interest::to_read(alarm.as_fd())],
            Some(Duration::ZERO),
        )
        .unwrap()
            == 1
    };
    assert!(!is_raised());
    alarm.raise();
    alarm.raise();
    assert!(is_raised());
    assert!(is_raised());
    alarm.clear();
    assert!(!is_raised());
    alarm.clear();
    alarm.raise();
    assert!(is_raised());
}

#[test]
fn waits_are_rounded_up_to_the_system_s_unit() {
    assert_eq!(millis(Duration::ZERO), 0);
    assert_eq!(millis(Duration::from_nanos(1)), 1);
    assert_eq!(millis(Duration::from_millis(7)), 7);
    assert_eq!(millis(Duration::MAX), libc::c_int::MAX);
}
