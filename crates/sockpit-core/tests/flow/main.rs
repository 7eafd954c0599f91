//! The analysis of TCP against tshark, frame by frame.
//!
//! `testdata/captures/tcp` holds recorded captures, and beside each what tshark 4.0.17 with its
//! defaults says about it, one line a frame, in the columns of `tshark::FIELDS`. Where that very
//! tshark is at hand, worsened copies of the captures are put to it too.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails fails the test"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the core is pure, its oracle is a program that reads files"
)]

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use sockpit_core::flow::{Analyser, KernelCounters, Settings, Side};

mod capture;
mod mutate;
mod tshark;

/// The recorded captures.
const CAPTURES: [&str; 14] = [
    "both_ways_loss",
    "bulk_loss",
    "delayed_ack",
    "half_close",
    "ipv6",
    "keep_alive",
    "no_options",
    "ping_pong_loss",
    "port_reuse",
    "reset",
    "self_connect",
    "simultaneous_close",
    "super_segments",
    "zero_window",
];

/// Worsened copies of each recorded capture.
const SEEDS: std::ops::Range<u64> = 0..16;

#[test]
fn recorded_captures_are_analysed_as_tshark_does() {
    for name in CAPTURES {
        let packets = recorded(name);
        let theirs = std::fs::read_to_string(path(name, "txt")).unwrap();
        let (count, report) = tshark::differences(&theirs, &tshark::tell(&packets));
        assert_eq!(count, 0, "{name}: frames differ\n{report}");
    }
}

#[test]
fn worsened_captures_are_analysed_as_tshark_does() {
    if let Err(reason) = tshark_4_0() {
        writeln!(io::stderr(), "skipped: {reason}").unwrap();
        return;
    }
    let mut all = Vec::new();
    for (index, name) in (0..).zip(CAPTURES) {
        let packets = recorded(name);
        for seed in SEEDS {
            all.extend(mutate::mutate(&packets, index * SEEDS.end + seed));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("worsened.pcap");
    std::fs::write(&file, capture::write(&all)).unwrap();
    let theirs = tshark::ask(&file).unwrap();
    let (count, report) = tshark::differences(&theirs, &tshark::tell(&all));
    assert_eq!(count, 0, "of {} frames differ\n{report}", all.len());
}

/// The counters are those that `TCP_INFO` gave the sender of `no_options` before it closed.
#[test]
fn the_kernel_agrees_about_what_was_sent_again() {
    let packets = recorded("no_options");
    let mut analyser = Analyser::new(Settings {
        side: Side::Client,
        ..Settings::default()
    });
    let segments = (1..).zip(&packets);
    for segment in segments.filter_map(|(frame, packet)| capture::segment(frame, packet)) {
        analyser.handle(&segment);
    }
    let conversations = analyser.conversations();
    let conversation = conversations.last().unwrap();
    let kernel = KernelCounters {
        segments_again: Some(44),
        bytes_again: Some(64_240),
        bytes_sent: Some(364_240),
        bytes_acked: Some(300_001),
    };
    assert_eq!(conversation.reconcile(conversation.client(), &kernel), []);
}

#[test]
fn a_capture_survives_being_written() {
    let packets = recorded("reset");
    let again = capture::read(&capture::write(&packets));
    assert_eq!(format!("{packets:?}"), format!("{again:?}"));
}

fn recorded(name: &str) -> Vec<capture::Packet> {
    capture::read(&std::fs::read(path(name, "pcap")).unwrap())
}

fn path(name: &str, extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/captures/tcp")
        .join(name)
        .with_extension(extension)
}

/// Whether the tshark is at hand whose rules these are.
fn tshark_4_0() -> Result<(), String> {
    let output = Command::new("tshark")
        .arg("--version")
        .output()
        .map_err(|error| format!("tshark does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("TShark (Wireshark) 4.0.") {
        Ok(())
    } else {
        Err(format!(
            "the rules are those of tshark 4.0, here is `{first}`"
        ))
    }
}
