//! Packets into a capture file, as they come.

use std::io::{self, Write};

use sockpit_core::pcap::{self, Interface, Section, Writer};
use sockpit_core::wire::Packet;

use super::Statistics;
use super::place::system;
use crate::clock::Clock;

/// A pcapng file that is being written.
///
/// Every write ends where a block ends, so that the file can be read whenever its writer is stopped,
/// even by force.
#[derive(Debug)]
pub struct PacketFile<W: Write> {
    out: W,
    writer: Writer,
    /// Whole blocks that are not written yet.
    buffer: Vec<u8>,
    interfaces: u32,
    /// In nanoseconds since 1970.
    started: u64,
    written: Recorded,
}

/// What a file has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Packets.
    pub packets: u64,
    /// In bytes, of the file.
    pub len: u64,
    /// What the capture counted.
    pub statistics: Statistics,
}

/// In bytes: a write of so much costs little beside its copy.
const WRITE_LEN: usize = 256 * 1024;

impl<W: Write> PacketFile<W> {
    /// Begins a file of packets from these interfaces, and writes its head; `application` is what
    /// makes it, with its version.
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` for interfaces of different link types.
    pub fn begin(out: W, application: &str, interfaces: &[Interface]) -> io::Result<Self> {
        let mut buffer = Vec::with_capacity(2 * WRITE_LEN);
        let section = Section {
            os: system(),
            application: application.to_owned(),
            ..Section::default()
        };
        let mut writer = Writer::begin(&section, &mut buffer);
        let mut count = 0;
        for interface in interfaces {
            writer.interface(interface, &mut buffer).map_err(invalid)?;
            count += 1;
        }
        let mut file = Self {
            out,
            writer,
            buffer,
            interfaces: count,
            started: Clock::wall(),
            written: Recorded::default(),
        };
        file.flush()?;
        Ok(file)
    }

    /// Adds a packet with remarks on it. It is written with others, at the latest by
    /// [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// What the system says; `InvalidInput` for a packet that is not of the file's interfaces.
    pub fn packet(&mut self, packet: &Packet<'_>, comments: &[&str]) -> io::Result<()> {
        self.writer
            .packet(packet, comments, &mut self.buffer)
            .map_err(invalid)?;
        self.written.packets += 1;
        match self.buffer.len() < WRITE_LEN {
            true => Ok(()),
            false => self.flush(),
        }
    }

    /// Writes what was added.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.out.write_all(&self.buffer)?;
        self.written.len += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// What the file has got until now.
    #[must_use]
    pub fn written(&self) -> Recorded {
        self.written
    }

    /// Ends the file with what the capture counted.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn finish(mut self, statistics: Statistics) -> io::Result<Recorded> {
        if 0 < self.interfaces {
            let ended = Clock::wall();
            let counted = pcap::Statistics {
                interface: 0,
                at: ended,
                started: Some(self.started),
                ended: Some(ended),
                received: Some(statistics.received.saturating_add(statistics.dropped)),
                dropped: Some(statistics.dropped),
                delivered: Some(self.written.packets),
                ..pcap::Statistics::default()
            };
            self.writer
                .statistics(&counted, &mut self.buffer)
                .map_err(invalid)?;
        }
        self.flush()?;
        self.out.flush()?;
        self.written.statistics = statistics;
        Ok(self.written)
    }
}

fn invalid(error: pcap::WriteError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
