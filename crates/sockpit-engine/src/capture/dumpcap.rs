//! Packets by way of `dumpcap`, which systems let some users run that may not tap themselves.

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use sockpit_core::bpf::Wanted;
use sockpit_core::pcap::{Interface, Item, Reader};
use sockpit_core::wire::Packet;
use sockpit_sys::pidfd::{Pidfd, Signal};
use sockpit_sys::poll::{self, Interest};
use sockpit_sys::process;

use super::place::Spot;
use super::{Statistics, Stop};
use crate::clock::Clock;

/// The program's name, looked for where the shell looks.
pub(super) const PROGRAM: &str = "dumpcap";

/// How long it may take until it captures, until it has taken all, and until it has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// How late it is: the kernel gives it packets four times a second.
const LATENCY: Duration = Duration::from_millis(300);

/// Between two looks at whether it has taken all.
const LOOK: Duration = Duration::from_millis(10);

/// In MiB, of the kernel's ring: with its own default it loses packets.
const RING_MIB: &str = "16";

/// In bytes.
const READ_LEN: usize = 256 * 1024;

/// In bytes, of what it may say of its failure.
const SAID_LIMIT: u64 = 4096;

/// A `dumpcap` that captures for us.
#[derive(Debug)]
pub(super) struct Dumpcap {
    child: Child,
    packets: ChildStdout,
    reader: Reader,
    buffer: Vec<u8>,
    interfaces: Vec<Interface>,
    counted: Statistics,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Refused {
    /// It is not installed.
    Absent,
    /// This user may not run it.
    Forbidden,
    /// It said so and ended.
    Said(String),
    /// The system refused something.
    Failed(io::Error),
}

impl Dumpcap {
    /// Starts it; when this returns, it captures.
    pub(super) fn open(spot: &Spot, wanted: &Wanted) -> Result<Self, Refused> {
        let mut command = Command::new(PROGRAM);
        command.args(["-q", "-B", RING_MIB, "-i", spot.name()]);
        let filter = wanted.to_string();
        if !filter.is_empty() {
            command.args(["-f", &filter]);
        }
        // The last packets come after Ctrl-C, which reaches every program at the terminal.
        process::spare_interrupt(&mut command);
        let spawned = command
            .args(["-w", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Refused::Absent,
            io::ErrorKind::PermissionDenied => Refused::Forbidden,
            _ => Refused::Failed(error),
        })?;
        let packets = child.stdout.take().expect("stdout is piped");
        let mut dumpcap = Self {
            child,
            packets,
            reader: Reader::new(),
            buffer: vec![0; READ_LEN],
            interfaces: Vec::new(),
            counted: Statistics::default(),
        };
        // It writes of its interface once it has opened it with its filter.
        let end = Instant::now() + PATIENCE;
        while dumpcap.interfaces.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            let mut interests = [Interest::to_read(dumpcap.packets.as_fd())];
            let ready = poll::wait(&mut interests, Some(left)).map_err(Refused::Failed)?;
            if ready == 0 {
                return Err(Refused::Said("it does not begin to capture".to_owned()));
            }
            let is_end = dumpcap.read(&mut |_| ()).map_err(Refused::Failed)?;
            if is_end {
                return Err(Refused::Said(dumpcap.last_words()));
            }
        }
        Ok(dumpcap)
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.counted
    }

    /// Gives what has come; tells whether that was the end.
    pub(super) fn next_batch(
        &mut self,
        stop: &Stop,
        timeout: Option<Duration>,
        take: &mut dyn FnMut(&mut Packet<'_>),
    ) -> io::Result<bool> {
        if !stop.is_raised() {
            let mut interests = [
                Interest::to_read(self.packets.as_fd()),
                Interest::to_read(stop.alarm.as_fd()),
            ];
            if poll::wait(&mut interests, timeout)? == 0 {
                return Ok(false);
            }
            if interests[0].is_readable() {
                return self.read(take);
            }
        }
        self.end(take)?;
        Ok(true)
    }

    /// Lets it end and gives what it writes until then. What it has not taken from the kernel when
    /// it is told to end it leaves there, so it gets the time to take it, and the processor.
    fn end(&mut self, take: &mut dyn FnMut(&mut Packet<'_>)) -> io::Result<()> {
        let stopped = Clock::wall();
        let mut has_later = false;
        let begun = Instant::now();
        loop {
            let mut look = |packet: &mut Packet<'_>| {
                has_later |= stopped <= packet.at;
                take(packet);
            };
            if self.read_for(LOOK, &mut look)? {
                return Ok(());
            }
            let rests = || LATENCY <= begun.elapsed() && !is_at_work(self.child.id());
            // Packets come in their order.
            if has_later || rests() || PATIENCE <= begun.elapsed() {
                break;
            }
        }
        // One that has ended already cannot be told to.
        let _ = Pidfd::open(self.child.id()).and_then(|it| it.signal(Signal::Terminate));
        self.read_for(PATIENCE, take).map(|_| ())
    }

    /// Gives what comes within a span; tells whether that was the end.
    fn read_for(
        &mut self,
        span: Duration,
        take: &mut dyn FnMut(&mut Packet<'_>),
    ) -> io::Result<bool> {
        let end = Instant::now() + span;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut interests = [Interest::to_read(self.packets.as_fd())];
            if left.is_zero() || poll::wait(&mut interests, Some(left))? == 0 {
                return Ok(false);
            }
            if self.read(take)? {
                return Ok(true);
            }
        }
    }

    /// Reads once, and gives what is whole; tells whether it was the end.
    fn read(&mut self, take: &mut dyn FnMut(&mut Packet<'_>)) -> io::Result<bool> {
        let len = match self.packets.read(&mut self.buffer) {
            Ok(0) => return Ok(true),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(error),
        };
        self.reader.feed(&self.buffer[..len]);
        while let Some(item) = self.reader.next_item().map_err(io::Error::other)? {
            match item {
                Item::Interface(interface) => self.interfaces.push(interface),
                Item::Packet(captured) => {
                    self.counted.received += 1;
                    let mut packet = captured.packet;
                    take(&mut packet);
                }
                Item::Statistics(told) => {
                    self.counted.dropped = told.dropped.or(told.os_dropped).unwrap_or_default();
                }
                _ => {}
            }
        }
        Ok(false)
    }

    /// What it said before it ended, on one line.
    fn last_words(&mut self) -> String {
        let mut said = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            // What was read before an error is what there is.
            let _ = stderr.take(SAID_LIMIT).read_to_string(&mut said);
        }
        sentence(&said)
    }
}

impl Drop for Dumpcap {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process runs, or would if it had a processor: see `proc_pid_stat(5)`. One that is hidden
/// is taken for one that rests.
fn is_at_work(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Its name is before that, and may have parentheses and blanks of its own.
    let state = stat.rsplit_once(") ").map(|(_, state)| state);
    state.is_some_and(|state| state.starts_with('R'))
}

/// What a program said of its failure, without its greetings and on one line.
fn sentence(said: &str) -> String {
    let is_greeting = |line: &&str| line.is_empty() || line.strip_prefix("Capturing on").is_some();
    let lines: Vec<&str> = said
        .lines()
        .map(|line| line.trim().trim_start_matches("dumpcap: "))
        .filter(|line| !is_greeting(line))
        .take_while(|line| !line.starts_with("Please "))
        .collect();
    match lines.is_empty() {
        true => "it ended without a word".to_owned(),
        false => lines.join(" "),
    }
}

#[cfg(test)]
mod tests;
