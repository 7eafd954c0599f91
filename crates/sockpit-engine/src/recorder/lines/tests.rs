//! Whole lines, whatever happens.

use std::fs::{self, OpenOptions};

use super::{LineWriter, PAGE};

#[test]
fn no_line_that_fits_into_a_page_crosses_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let mut writer = LineWriter::new(fs::File::create(&path).unwrap());
    let mut expected = Vec::new();
    for len in [10, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 1, 700, 700, 700] {
        let mut lines = Vec::new();
        let mut ends = Vec::new();
        for _ in 0..5 {
            lines.extend(std::iter::repeat_n(b'x', len));
            lines.push(b'\n');
            ends.push(lines.len());
            expected.push("x".repeat(len));
        }
        writer.write(&lines, &ends).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(writer.len, written.len() as u64);
    assert!(written.ends_with('\n'));
    let mut place = 0;
    for (line, expected) in written.lines().zip(&expected) {
        assert_eq!(line.trim_end_matches(' '), expected);
        let pages = (place / PAGE, (place + line.len()) / PAGE);
        assert!(
            line.len() >= PAGE || pages.0 == pages.1,
            "a line crosses at {place}"
        );
        place += line.len() + 1;
    }
    assert_eq!(written.lines().count(), expected.len());
}

#[test]
fn b9_a_full_disk_leaves_no_half_line() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut writer = LineWriter::new(full);
    assert!(writer.write(b"{}\n", &[3]).is_err());
    assert_eq!(writer.len, 0);
}
