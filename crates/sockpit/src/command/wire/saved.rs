//! Packets on their way into a pcapng file.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use sockpit_core::pcap::{Interface, Section, Statistics, WriteError, Writer};
use sockpit_core::wire::Packet;
use sockpit_engine::stdio::Patient;

/// In bytes: what is gathered before it is written, in whole blocks.
const BATCH: usize = 256 * 1024;

/// What a file says wrote it.
pub(super) const APPLICATION: &str = concat!("sockpit ", env!("CARGO_PKG_VERSION"));

/// A pcapng file that is being written.
pub(super) struct Saved {
    out: Box<dyn Write + Send>,
    /// What it is called where something is said of it.
    name: String,
    writer: Writer,
    waiting: Vec<u8>,
    /// The number in the file of each interface of the source; `None` where it has another link type.
    interfaces: Vec<Option<u32>>,
    packets: u64,
    len: u64,
    /// Packets whose link type is another than the file's.
    others: u64,
}

impl Saved {
    /// Begins a file; `-` is stdout.
    pub(super) fn begin(path: &Path) -> anyhow::Result<Self> {
        let (out, name) = create(path)?;
        let mut waiting = Vec::with_capacity(BATCH);
        let section = Section {
            os: std::env::consts::OS.to_owned(),
            application: APPLICATION.to_owned(),
            ..Section::default()
        };
        let writer = Writer::begin(&section, &mut waiting);
        Ok(Self {
            out,
            name,
            writer,
            waiting,
            interfaces: Vec::new(),
            packets: 0,
            len: 0,
            others: 0,
        })
    }

    /// Tells of the source's next interface.
    pub(super) fn interface(&mut self, interface: &Interface) {
        let number = self.writer.interface(interface, &mut self.waiting);
        self.interfaces.push(number.ok());
    }

    /// Writes a packet of one of the source's interfaces.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, comments: &[&str]) -> anyhow::Result<()> {
        let index = packet.facts.interface as usize;
        if self.interfaces.is_empty() && index == 0 {
            // A recording says nothing of interfaces.
            self.interface(&Interface::new(packet.link, ""));
        }
        let Some(number) = self.interfaces.get(index).copied().flatten() else {
            self.others += 1;
            return Ok(());
        };
        let mut packet = *packet;
        packet.facts.interface = number;
        match self.writer.packet(&packet, comments, &mut self.waiting) {
            Ok(()) => self.packets += 1,
            Err(WriteError::Link { .. }) => self.others += 1,
            Err(error) => return Err(error).context(self.name.clone()),
        }
        match self.waiting.len() < BATCH {
            true => Ok(()),
            false => self.flush(),
        }
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written = self.out.write_all(&self.waiting);
        self.len = self.len.saturating_add(self.waiting.len() as u64);
        self.waiting.clear();
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(error.into()),
            written => written.with_context(|| format!("cannot write {}", self.name)),
        }
    }

    /// Writes the rest, with what a live interface counted, and says what became of the packets.
    pub(super) fn finish(mut self, counted: Option<Statistics>) -> anyhow::Result<Vec<String>> {
        if let Some(counted) = counted {
            let written = self.writer.statistics(&counted, &mut self.waiting);
            written.with_context(|| self.name.clone())?;
        }
        self.flush()?;
        let mut said = vec![format!(
            "wrote {} packets, {} bytes, to {}",
            self.packets, self.len, self.name
        )];
        if self.others > 0 {
            said.push(format!(
                "warning: {} packets are of another link type than the first and left out, as tcpdump \
                 reads no file with both",
                self.others
            ));
        }
        Ok(said)
    }

    /// Packets so far.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }
}

/// Makes a file, or takes stdout for `-`; and what it is called.
pub(super) fn create(path: &Path) -> anyhow::Result<(Box<dyn Write + Send>, String)> {
    if path.as_os_str() == "-" {
        let stdout = Patient::stdout().context("cannot write to stdout")?;
        return Ok((Box::new(stdout), "stdout".to_owned()));
    }
    let name = format!("`{}`", path.display());
    let file = File::create(path).with_context(|| format!("cannot write {name}"))?;
    Ok((Box::new(file), name))
}
