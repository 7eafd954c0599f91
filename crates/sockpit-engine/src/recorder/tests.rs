//! Whole lines, whatever happens.

use std::fs::{self, OpenOptions};

use super::{LineWriter, PAGE};

#[test]
fn lines_that_cross_a_page_are_written_whole() {
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
        }
        writer.write(&lines, &ends).unwrap();
        expected.extend(lines);
    }
    assert_eq!(fs::read(&path).unwrap(), expected);
    assert_eq!(writer.len, expected.len() as u64);
}

#[test]
fn b9_a_full_disk_leaves_no_half_line() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut writer = LineWriter::new(full);
    assert!(writer.write(b"{}\n", &[3]).is_err());
    assert_eq!(writer.len, 0);
}
