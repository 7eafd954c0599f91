//! Whose an address is, and whether somebody answers there: asked of this very machine.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Instant;

use super::*;

mod examined;
mod explained;
mod listed;
mod owners;
mod processes;
mod tables;

/// Waits until nobody is found. The child of another test has all that is closed here, too, until it is
/// the program that it becomes.
fn wait_for_nobody(look: impl Fn() -> Vec<Owner>) {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let found = look();
        if found.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "{found:?}");
        std::thread::sleep(Duration::from_millis(5)); // sleep: polled, with a deadline
    }
}

/// Those of this very process. Others may have what is ours, such as the child of another test until it
/// is the program that it becomes, or the same number, such as a connection of theirs that has ended.
fn ours(mut owners: Vec<Owner>) -> Vec<Owner> {
    owners.retain(|owner| owner.pid == Some(std::process::id()));
    owners
}

/// The first of `owners` is this very process; gives it.
fn is_us(owners: &[Owner]) -> &Owner {
    let owner = owners
        .first()
        .expect("an address that we hold has an owner");
    assert_eq!(owner.pid, Some(std::process::id()), "{owners:?}");
    let (program, command) = (
        owner.program.as_ref().unwrap(),
        owner.command.as_ref().unwrap(),
    );
    assert!(
        command.contains(program.as_str()),
        "`{program}` is not of `{command}`"
    );
    assert!(owner.since.unwrap() < Duration::from_secs(3600));
    assert!(owner.uid.is_some() && owner.user.is_some());
    owner
}
