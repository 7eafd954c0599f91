use std::fs::File;
use std::os::fd::AsFd as _;

use super::Mode;

#[test]
fn what_is_no_terminal_has_no_mode() {
    let file = File::open("/dev/null").unwrap();
    let error = Mode::of(file.as_fd()).map(|_| ()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
}

#[test]
fn a_terminal_gets_its_mode_back() {
    // The multiplexer gives a terminal that nobody else has.
    let terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/ptmx")
        .unwrap();
    let before = Mode::of(terminal.as_fd()).unwrap();
    before.by_key().restore(terminal.as_fd()).unwrap();
    let echoes = || Mode::of(terminal.as_fd()).unwrap().termios.c_lflag & libc::ECHO != 0;
    assert!(!echoes());
    before.restore(terminal.as_fd()).unwrap();
    assert!(echoes());
}
