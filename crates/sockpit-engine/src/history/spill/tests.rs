//! What the spill file promises: what was put is read, room is used again, and nobody else sees it.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use proptest::collection::vec;
use proptest::prelude::*;
use sockpit_core::history::Shelf;

use super::Spill;

#[test]
fn the_file_has_no_name_and_its_folder_is_its_owners() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("a/b");
    let spill = Spill::open(&inner).expect("a file");
    let mode = inner.metadata().expect("facts").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let facts = spill.file.metadata().expect("facts");
    assert_eq!(facts.permissions().mode() & 0o777, 0o600);
    assert_eq!(facts.nlink(), 0);
    assert_eq!(inner.read_dir().expect("a list").count(), 0);
}

#[test]
fn a_file_of_which_everything_was_freed_is_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut spill = Spill::open(folder.path()).expect("a file");
    let places: Vec<u64> = (0..10)
        .map(|_| spill.put(&[7; 4096]).expect("room"))
        .collect();
    assert_eq!(spill.file.metadata().expect("facts").len(), 40_960);
    for place in places {
        spill.free(place, 4096);
    }
    assert_eq!(spill.file.metadata().expect("facts").len(), 0);
    assert!(spill.gaps.is_empty());
}

#[test]
fn b1_a_file_whose_oldest_blocks_go_as_new_ones_come_does_not_grow() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut spill = Spill::open(folder.path()).expect("a file");
    let mut kept = std::collections::VecDeque::new();
    for round in 0..1000_usize {
        let len = 1000 + round % 7 * 100;
        kept.push_back((spill.put(&vec![1; len]).expect("room"), len as u64));
        if kept.len() > 20 {
            let (place, len) = kept.pop_front().expect("there are twenty");
            spill.free(place, len);
        }
    }
    assert!(spill.end < 40 * 1600, "{} bytes", spill.end);
}

proptest! {
    #[test]
    fn what_was_put_is_read_until_it_is_freed(steps in vec((0..3_usize, 0..300_usize), 0..100)) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spill = Spill::open(folder.path()).expect("a file");
        let mut kept = BTreeMap::new();
        for (round, (what, len)) in steps.into_iter().enumerate() {
            match what {
                0 if !kept.is_empty() => {
                    let key = *kept.keys().nth(len % kept.len()).expect("it is not empty");
                    let (place, bytes): (u64, Vec<u8>) = kept.remove(&key).expect("it is there");
                    spill.free(place, bytes.len() as u64);
                }
                _ => {
                    let bytes = vec![u8::try_from(round).unwrap_or(0); len];
                    let place = spill.put(&bytes).expect("room");
                    kept.insert(round, (place, bytes));
                }
            }
            for (place, bytes) in kept.values() {
                let at = bytes.len() / 2;
                let mut read = vec![0; bytes.len() - at];
                spill.read(*place, at as u64, &mut read).expect("it is there");
                prop_assert_eq!(&read[..], &bytes[at..]);
            }
        }
    }
}
