//! A poll whose events are places in a list of connections.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData};
use rustix::event::{self, PollFd, PollFlags, Timespec};

pub(super) use rustix::event::epoll::EventFlags as Want;

/// Events that one call gives at most.
const BATCH: usize = 256;

/// A wait that is at least so long may end a millisecond late.
const COARSE: Duration = Duration::from_millis(20);

const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// An epoll and what its latest call found.
pub(super) struct Poll {
    epoll: OwnedFd,
    found: Vec<(usize, Want)>,
}

impl Poll {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            found: Vec::with_capacity(BATCH),
        })
    }

    pub(super) fn add(&self, socket: impl AsFd, place: usize, want: Want) -> io::Result<()> {
        let data = EventData::new_u64(place as u64);
        Ok(epoll::add(&self.epoll, socket, data, want)?)
    }

    pub(super) fn change(&self, socket: impl AsFd, place: usize, want: Want) -> io::Result<()> {
        let data = EventData::new_u64(place as u64);
        Ok(epoll::modify(&self.epoll, socket, data, want)?)
    }

    pub(super) fn remove(&self, socket: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, socket)?)
    }

    /// Waits until something is ready, or so long, to the nanosecond; gives how much is.
    pub(super) fn wait(&mut self, at_most: Duration) -> io::Result<usize> {
        let timeout = Timespec::try_from(at_most).unwrap_or(Timespec {
            tv_sec: i64::MAX,
            tv_nsec: 0,
        });
        let mut timeout = Some(&timeout);
        if at_most < COARSE && !at_most.is_zero() {
            // An epoll alone counts in whole milliseconds, and wakes up that much too late.
            let mut watched = [PollFd::new(&self.epoll, PollFlags::IN)];
            match event::poll(&mut watched, timeout) {
                Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(self.forget()),
                Ok(_) => timeout = Some(&NOW),
                Err(error) => return Err(error.into()),
            }
        }
        let mut room = [MaybeUninit::<Event>::uninit(); BATCH];
        self.found.clear();
        let events = match epoll::wait(&self.epoll, &mut room[..], timeout) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        for event in events {
            // The structure is packed: a field is copied out before it is used.
            let (data, flags) = (event.data, event.flags);
            self.found.push((data.u64() as usize, flags));
        }
        Ok(self.found.len())
    }

    /// Nothing was found.
    fn forget(&mut self) -> usize {
        self.found.clear();
        0
    }

    /// The place and the state of what the latest wait found.
    pub(super) fn event(&self, index: usize) -> Option<(usize, Want)> {
        self.found.get(index).copied()
    }
}
