//! How long it is waited for what is looked ahead at.

use sockpit_core::record;

use super::*;

/// What the reader hands over for a line of a recording; the line is the rest of a record.
fn read(rest: &str) -> Read {
    let at = "2026-11-21T08:00:00Z";
    let line = format!(r#"{{"v":1,"n":1,"at":"{at}","session":1,"peer":1,{rest}}}"#);
    let epoch = record::moment(line.as_bytes()).unwrap();
    Read::Event(Box::new(record::read(line.as_bytes(), epoch).unwrap()))
}

fn chunk() -> Read {
    read(r#""event":"chunk","dir":"in","offset":0,"len":2,"hex":"610a""#)
}

fn frame() -> Read {
    read(r#""event":"frame","dir":"in","offset":0,"len":1,"text":"a""#)
}

#[test]
fn a_reader_that_has_not_had_its_turn_is_waited_for() {
    let (sender, reads) = sync_channel(AHEAD);
    sender.send(chunk()).unwrap();
    let reader = thread::spawn(move || {
        // sleep: the reader is to be late
        thread::sleep(3 * PATIENCE);
        sender.send(frame()).unwrap();
    });
    let mut ahead = Ahead::new(&reads);
    ahead.fill();
    assert!(ahead.has_frame_of(1));
    reader.join().unwrap();
}

#[test]
fn what_is_not_written_to_stdin_yet_is_not_waited_for_as_long() {
    let (_sender, reads) = sync_channel(AHEAD);
    let mut ahead = Ahead::new(&reads);
    ahead.take(chunk());
    assert_eq!(ahead.patience(), READER_PATIENCE);
    ahead.take(Read::Waits);
    assert_eq!(ahead.patience(), PATIENCE);
    ahead.take(frame());
    assert_eq!(ahead.patience(), READER_PATIENCE);
}
