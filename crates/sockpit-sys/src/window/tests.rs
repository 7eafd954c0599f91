use std::fs::File;
use std::os::fd::AsFd as _;

use super::columns;

#[test]
fn what_is_no_terminal_has_no_columns() {
    let file = File::open("/dev/null").unwrap();
    assert_eq!(columns(file.as_fd()), None);
}

#[test]
fn a_terminal_that_was_told_no_size_has_no_columns() {
    // The multiplexer gives a terminal that nobody else has.
    let terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/ptmx")
        .unwrap();
    assert_eq!(columns(terminal.as_fd()), None);
}
