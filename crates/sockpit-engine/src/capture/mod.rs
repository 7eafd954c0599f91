//! Packets of this machine, live: a tap with the kernel's ring, or `dumpcap` where only that may tap.
//!
//! ```text
//!  Request { place, wanted } ──open──▶ Capture ──next_batch──▶ Packet, Packet, …
//!                  │                     ├─ narrow: less is wanted from here on
//!                  └─ Refusal            └─ Stopper: from another thread, the last batch is whole
//! ```
//!
//! A capture blocks, and wants a thread of its own. When it is open, whatever is sent from then on is
//! seen: open it before a connection, and its SYN is there. Nothing is decoded here.

mod command;
mod dumpcap;
mod file;
mod place;
mod privilege;
mod refusal;
mod ring;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sockpit_core::bpf::Wanted;
use sockpit_core::pcap::Interface;
use sockpit_core::wire::{LinkType, Packet, Summary};
use sockpit_sys::poll::Alarm;

pub use file::{PacketFile, Recorded};
pub use privilege::allows_lab;
pub use refusal::{Refusal, RefusalKind};

use dumpcap::Dumpcap;
use place::Spot;
use ring::Tap;

/// What to capture, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where the packets pass.
    pub place: Place,
    /// Which of them are wanted.
    pub wanted: Wanted,
}

/// Where packets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the way to these addresses, from here: the system's routes decide. This machine's own
    /// addresses are reached over its loopback.
    To(Vec<IpAddr>),
    /// At these addresses of this machine, for whoever comes: its loopback's over the loopback, all
    /// others over any interface.
    At(Vec<IpAddr>),
    /// On the interface of this name; `any` is all of them.
    Named(String),
    /// On all interfaces.
    Any,
}

/// Which way packets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// From the kernel's own ring.
    Ring,
    /// From `dumpcap`, which may tap where we may not. It tells neither whether a checksum was left
    /// to a network card nor how that would cut a packet, and what it lost only in the end.
    Dumpcap,
}

/// What a capture counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that the kernel put aside for us, of which the judge may want less.
    pub received: u64,
    /// Packets that it had no room for. By way of `dumpcap` that is told in the end only.
    pub dropped: u64,
}

/// How a wait for packets went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// So many packets were given, one at least.
    Packets(u64),
    /// None came in time.
    Quiet,
    /// So many packets were given, none perhaps, and no more will be: the capture was stopped, or
    /// what it read from has ended.
    Ended(u64),
}

/// Packets of this machine, live.
#[derive(Debug)]
pub struct Capture {
    source: Source,
    judge: Judge,
    interfaces: Vec<Interface>,
    link: LinkType,
    stop: Arc<Stop>,
    has_ended: bool,
}

#[derive(Debug)]
enum Source {
    Ring(Tap),
    Dumpcap(Dumpcap),
}

impl Capture {
    /// Opens a capture; when this returns, every wanted packet is seen.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with a sentence that says why, and a command that helps where there is one.
    pub fn open(request: &Request) -> Result<Self, Refusal> {
        let spot = Spot::find(&request.place)?;
        let (source, interfaces) = match Tap::open(&spot, &request.wanted) {
            Ok(tap) => {
                let interface = spot.interface(&request.wanted);
                (Source::Ring(tap), vec![interface])
            }
            Err(error) if is_forbidden(&error) => {
                let dumpcap = Dumpcap::open(&spot, &request.wanted)
                    .map_err(|refused| privilege::refusal(&refused))?;
                let interfaces = dumpcap.interfaces().to_vec();
                (Source::Dumpcap(dumpcap), interfaces)
            }
            Err(error) => return Err(Refusal::of_tap(&spot, &error)),
        };
        Self::over(source, interfaces, &request.wanted).map_err(|error| Refusal::failed(&error))
    }

    fn over(source: Source, interfaces: Vec<Interface>, wanted: &Wanted) -> io::Result<Self> {
        let link = interfaces
            .first()
            .map_or(LinkType::ETHERNET, |interface| interface.link);
        Ok(Self {
            source,
            judge: Judge {
                wanted: wanted.clone(),
                dropped_before: 0,
            },
            interfaces,
            link,
            stop: Arc::new(Stop {
                alarm: Alarm::new()?,
                is_raised: AtomicBool::new(false),
            }),
            has_ended: false,
        })
    }

    /// Gives the packets that have come; waits for one, at most for `timeout` if there is one.
    ///
    /// A packet is borrowed from the ring until `each` returns; a slow `each` makes the kernel drop
    /// packets, which are counted.
    ///
    /// # Errors
    ///
    /// What the system says, such as that the interface went down.
    pub fn next_batch(
        &mut self,
        timeout: Option<Duration>,
        mut each: impl FnMut(&Packet<'_>),
    ) -> io::Result<Batch> {
        if self.has_ended {
            return Ok(Batch::Ended(0));
        }
        let judge = &mut self.judge;
        let mut given = 0;
        let mut take = |packet: &mut Packet<'_>| {
            if judge.admits(packet) {
                given += 1;
                each(packet);
            }
        };
        let ended = match &mut self.source {
            Source::Ring(tap) => tap.next_batch(&self.stop, timeout, &mut take)?,
            Source::Dumpcap(dumpcap) => dumpcap.next_batch(&self.stop, timeout, &mut take)?,
        };
        self.has_ended = ended;
        Ok(match (ended, given) {
            (true, given) => Batch::Ended(given),
            (false, 0) => Batch::Quiet,
            (false, given) => Batch::Packets(given),
        })
    }

    /// Wants less from here on, as when a connection's own port is known. What has come and was not
    /// given yet is judged anew.
    ///
    /// # Errors
    ///
    /// What the system says; as much as before is wanted then.
    pub fn narrow(&mut self, wanted: &Wanted) -> io::Result<()> {
        if let Source::Ring(tap) = &self.source {
            tap.narrow(wanted)?;
        }
        self.judge.wanted = wanted.clone();
        Ok(())
    }

    /// What was counted until now.
    ///
    /// # Errors
    ///
    /// What the system says; it has no reason to refuse.
    pub fn statistics(&mut self) -> io::Result<Statistics> {
        match &mut self.source {
            Source::Ring(tap) => tap.statistics(),
            Source::Dumpcap(dumpcap) => Ok(dumpcap.statistics()),
        }
    }

    /// Where the packets pass, in the order of their numbers; all have the same link type.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// What packets begin with.
    #[must_use]
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Which way packets come.
    #[must_use]
    pub fn level(&self) -> Level {
        match &self.source {
            Source::Ring(_) => Level::Ring,
            Source::Dumpcap(_) => Level::Dumpcap,
        }
    }

    /// What ends the capture from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.stop))
    }
}

/// Ends a capture from another thread: what has passed until then is still given.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<Stop>);

impl Stopper {
    /// Ends it.
    pub fn stop(&self) {
        self.0.is_raised.store(true, Ordering::Release);
        self.0.alarm.raise();
    }
}

/// Whether a capture shall end, and what wakes its thread then.
pub(crate) struct Stop {
    alarm: Alarm,
    is_raised: AtomicBool,
}

impl Stop {
    fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop")
            .field("is_raised", &self.is_raised())
            .finish_non_exhaustive()
    }
}

/// Decides in user space, where a program of the kernel has let more through.
#[derive(Debug)]
struct Judge {
    wanted: Wanted,
    /// Packets that were lost since the last one that was wanted.
    dropped_before: u64,
}

impl Judge {
    fn admits(&mut self, packet: &mut Packet<'_>) -> bool {
        self.dropped_before += packet.facts.dropped_before;
        if self.wanted != Wanted::Everything && !self.wanted.matches(&Summary::of(packet)) {
            return false;
        }
        packet.facts.dropped_before = std::mem::take(&mut self.dropped_before);
        true
    }
}

/// Whether a tap was refused for want of a privilege.
fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

#[cfg(test)]
mod tests;
