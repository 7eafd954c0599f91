//! What fuzzers found, and what we gave them to begin with: every file under `fuzz/corpus` goes to
//! its target again, as it is and worsened.

#![allow(
    clippy::disallowed_methods,
    reason = "the core is pure, its corpus lies in files"
)]
#![allow(
    unreachable_pub,
    reason = "the targets are a crate of their own as well"
)]

use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use targets::{TARGETS, Target};

/// How often each file is worsened.
const TIMES: u64 = 100;

/// Where the dice begin; another number looks elsewhere.
const SEED: u64 = 0x5ec_0de;

/// In bytes: what the whole corpus may take of the repository.
const LIMIT: usize = 300 * 1024;

#[test]
fn every_file_of_the_corpus_goes_through_its_target() {
    for (name, target) in TARGETS {
        for (path, bytes) in corpus(name) {
            check(target, &bytes, &path.display().to_string());
        }
    }
}

#[test]
fn worsened_files_of_the_corpus_go_through_their_targets() {
    for (name, target) in TARGETS {
        let files = corpus(name);
        for (index, (path, bytes)) in (0..).zip(&files) {
            for time in 0..times(name) {
                let seed = SEED + index * TIMES + time;
                let other = &files[(time as usize) % files.len()].1;
                let worse = Dice(seed).worsen(bytes, other);
                check(
                    target,
                    &worse,
                    &format!("{}, worsened with {seed:#x}", path.display()),
                );
            }
        }
    }
}

#[test]
fn the_corpus_is_small_and_has_no_file_of_nobody() {
    let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name.as_str()), "no target is called {name}");
    }
    let own = known.iter().filter(|name| folder_of(name) == **name);
    let files = own.flat_map(|name| corpus(name));
    let size: usize = files.map(|(_, bytes)| bytes.len()).sum();
    assert!(size <= LIMIT, "{size} bytes, of {LIMIT} at most");
}

/// Says which bytes they were that make a target panic.
fn check(target: Target, bytes: &[u8], what: &str) {
    let result = std::panic::catch_unwind(|| target(bytes));
    assert!(result.is_ok(), "{what}: {}", bytes.escape_ascii());
}

/// The files of a target, in the order of their names; there are some.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder().join(folder_of(name)))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .map(|entry| entry.expect("the corpus is a folder of files").path())
        .collect();
    assert!(!paths.is_empty(), "{name} has nothing to begin with");
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("a file of the corpus is read");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// How often each file of a target is worsened: pictures take long where nothing is optimised.
fn times(name: &str) -> u64 {
    match name {
        "draw" => TIMES / 10,
        _ => TIMES,
    }
}

/// Where the files of a target lie: capture files are read and drawn.
fn folder_of(name: &str) -> &str {
    match name {
        "draw" => "pcap",
        name => name,
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// Numbers that only look random (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// What is left of `bytes` after one to four mishaps; some come from another file.
    fn worsen(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        /// Where numbers turn over.
        const EDGES: [u8; 6] = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let (from, to) = self.range(bytes.len());
            match self.below(7) {
                0 => bytes[from..to].fill(EDGES[self.below(EDGES.len())]),
                1 => bytes.truncate(from),
                2 => drop(bytes.drain(from..to)),
                3 => {
                    let again = bytes[from..to].to_vec();
                    bytes.splice(to..to, again);
                }
                4 => {
                    let (start, end) = self.range(other.len());
                    bytes.splice(from..to, other[start..end].iter().copied());
                }
                5 => bytes.insert(from, self.next() as u8),
                _ => {
                    if let Some(byte) = bytes.get_mut(from) {
                        *byte ^= 1 << self.below(8);
                    }
                }
            }
        }
        bytes
    }

    /// A range of so many bytes, seldom a long one.
    fn range(&mut self, len: usize) -> (usize, usize) {
        let from = self.below(len + 1);
        let most = [4, 16, 200][self.below(3)];
        (from, (from + self.below(most)).min(len))
    }
}
