//! What is written at once, and what is not.

use std::io::{self, Seek as _};

use super::Patient;

#[test]
fn a_pipe_that_nobody_reads_takes_no_more_than_it_holds() {
    let (reader, writer) = io::pipe().unwrap();
    let mut pipe = Patient::new(writer.into());
    let mut total = 0;
    loop {
        match pipe.write_at_once(&[7; 10_000]).unwrap() {
            0 => break,
            written => total += written,
        }
    }
    assert!(total < 16 << 20, "{total} bytes were taken");
    drop(reader);
    match pipe.write_at_once(b"more") {
        // Where the system cannot say, it is not tried.
        Ok(0) => assert_eq!(total, 0),
        other => assert_eq!(other.unwrap_err().kind(), io::ErrorKind::BrokenPipe),
    }
}

#[test]
fn a_file_takes_everything_at_once() {
    let mut file = tempfile::tempfile().unwrap();
    let mut ours = Patient::new(file.try_clone().unwrap().into());
    assert_eq!(ours.write_at_once(b"a line\n").unwrap(), 7);
    assert_eq!(ours.write_at_once(b"and another").unwrap(), 11);
    assert_eq!(file.stream_position().unwrap(), 18);
}
