//! Programs, files and captures for the tests.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sockpit_core::pcap::{Ending, Interface, Item, Reader, Section, Writer};
use sockpit_core::wire::{CaptureFacts, LinkType, Packet};

/// A packet that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) at: u64,
    pub(crate) link: LinkType,
    pub(crate) bytes: Vec<u8>,
    pub(crate) full_len: usize,
    pub(crate) facts: CaptureFacts,
    pub(crate) comments: Vec<String>,
}

impl Frame {
    pub(crate) fn of(packet: &Packet<'_>) -> Self {
        Self {
            at: packet.at,
            link: packet.link,
            bytes: packet.bytes.to_vec(),
            full_len: packet.full_len,
            facts: packet.facts,
            comments: Vec::new(),
        }
    }

    pub(crate) fn packet(&self) -> Packet<'_> {
        Packet {
            at: self.at,
            link: self.link,
            bytes: &self.bytes,
            full_len: self.full_len,
            facts: self.facts,
        }
    }
}

/// Reads every packet of a file, in chunks of `step` bytes.
#[track_caller]
pub(crate) fn read(file: &[u8], step: usize) -> (Vec<Frame>, Ending) {
    let mut reader = Reader::new();
    let mut frames = Vec::new();
    for chunk in file.chunks(step) {
        reader.feed(chunk);
        while let Some(item) = reader.next_item().expect("the file is sound") {
            if let Item::Packet(captured) = item {
                frames.push(Frame {
                    comments: captured.comments().map(Cow::into_owned).collect(),
                    ..Frame::of(&captured.packet)
                });
            }
        }
    }
    (frames, reader.ending())
}

/// Writes frames of one link type as a file of ours.
pub(crate) fn write(frames: &[Frame]) -> Vec<u8> {
    let mut out = Vec::new();
    let section = Section {
        application: "sockpit".to_owned(),
        ..Section::default()
    };
    let mut writer = Writer::begin(&section, &mut out);
    let link = frames
        .first()
        .map_or(LinkType::ETHERNET, |frame| frame.link);
    writer
        .interface(&Interface::new(link, "lo"), &mut out)
        .expect("the first interface fits");
    for frame in frames {
        let comments: Vec<&str> = frame.comments.iter().map(String::as_str).collect();
        writer
            .packet(&frame.packet(), &comments, &mut out)
            .expect("all frames are of one link type");
    }
    out
}

/// Runs a program, or tells that it is not here.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            skip(&format!("{program} does not run: {error}"));
            None
        }
    }
}

/// What a program prints where it ends well.
#[track_caller]
pub(crate) fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = run(program, arguments)?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Says why a test holds nothing here.
pub(crate) fn skip(why: &str) {
    writeln!(std::io::stderr(), "skipped: {why}").expect("stderr is open");
}

/// A capture of the repository.
pub(crate) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/captures")
        .join(name)
}

/// Writes a file into `folder`, and gives its path as text.
pub(crate) fn put(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("the folder takes files");
    path.to_string_lossy().into_owned()
}
