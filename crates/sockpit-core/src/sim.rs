//! Two machines joined by a simulated link, in virtual time: how a protocol is tested.
//!
//! The clock jumps from one thing to the next, so an hour of silence costs nothing. Chance comes
//! from a seed: the same seed is the same run. While it drives, a [`Pair`] holds both machines to
//! the [contract](Machine), and panics with the side and the time where one of them breaks it.
//!
//! ```text
//!  a ──▶ Transmit ──▶ cut · lose · double · delay ──▶ handle_input ──▶ b
//!    ◀── the same way back ◀──
//! ```

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;

use crate::machine::{Fault, Machine, Output, Reason};
use crate::plan::Shape;
use crate::time::Time;

mod world;

use world::{Parcel, World};

/// What the link does to what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// From sending to arriving.
    pub latency: Duration,
    /// How much longer it may take, at random. Datagrams overtake each other, a stream stays in
    /// order.
    pub jitter: Duration,
    /// How many of a million datagrams are lost.
    pub loss_ppm: u32,
    /// How many of a million datagrams arrive twice.
    pub duplication_ppm: u32,
    /// Where a stream is cut into chunks.
    pub cuts: Cuts,
    /// Bytes that one read takes at most: a stream is read in more chunks, a datagram is truncated.
    pub read_size: Option<NonZeroUsize>,
}

/// Where a stream is cut into chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cuts {
    /// One read for one write, as long as the read takes it.
    #[default]
    AsSent,
    /// Anywhere: writes are cut in pieces, and pieces of several writes are read as one.
    Random,
}

/// One of the two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Side {
    /// The side that it talks to.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "side a",
            Self::B => "side b",
        })
    }
}

/// One thing that a machine had carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<E> {
    /// When.
    pub time: Time,
    /// Which machine.
    pub side: Side,
    /// What; never [`Output::Wait`].
    pub output: Output<E>,
}

/// Two machines, the link between them, and a clock.
///
/// The clock begins at [`Time::ZERO`]. A stream ends, breaks and is reset as TCP does it: what
/// arrives at a closed side resets the sender, and a fatal fault on one side resets the other a
/// latency later. A datagram to a closed side is lost.
///
/// # Panics
///
/// Every method that drives panics where a machine breaks the contract: it transmits after a
/// [`Output::Shutdown`], asks again for a time at which it was woken and did nothing, or never
/// stops giving outputs. It also panics where the two have not come to rest after 250,000 steps.
pub struct Pair<A: Machine, B: Machine<Event = A::Event>> {
    a: A,
    b: B,
    world: World<A::Event>,
    /// How much of the log has been looked through for events.
    seen: usize,
}

impl<A: Machine, B: Machine<Event = A::Event>> Pair<A, B> {
    /// Joins two machines by a datagram link.
    pub fn new(a: A, b: B, faults: Faults, seed: u64) -> Self {
        Self::join(a, b, World::new(Shape::Datagram, faults, seed))
    }

    /// Joins two machines by a stream.
    pub fn stream(a: A, b: B, faults: Faults, seed: u64) -> Self {
        Self::join(a, b, World::new(Shape::Stream, faults, seed))
    }

    fn join(mut a: A, mut b: B, mut world: World<A::Event>) -> Self {
        world.drain(Side::A, &mut a);
        world.drain(Side::B, &mut b);
        Self {
            a,
            b,
            world,
            seen: 0,
        }
    }

    /// Runs until nothing is under way and nobody waits for a time.
    pub fn run(&mut self) {
        self.run_to(None, |_| false);
    }

    /// Runs for so long, and leaves the clock there.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.world.now + span;
        self.run_to(Some(end), |_| false);
        self.world.now = end;
    }

    /// Runs until either machine tells an event that `is_it`; `None` where all came to rest without.
    ///
    /// Events that came about since the last call of a `run` count, and each is looked at once.
    pub fn run_until(&mut self, is_it: impl FnMut(&A::Event) -> bool) -> Option<&Entry<A::Event>> {
        let found = self.run_to(None, is_it)?;
        self.world.log.get(found)
    }

    /// Changes the first machine from outside, as its user would; nothing once it has closed.
    pub fn change_a(&mut self, change: impl FnOnce(&mut A, Time)) {
        self.world.turn(Side::A, &mut self.a, change);
    }

    /// Changes the second machine from outside, as its user would; nothing once it has closed.
    pub fn change_b(&mut self, change: impl FnOnce(&mut B, Time)) {
        self.world.turn(Side::B, &mut self.b, change);
    }

    /// Lets the link fail for one side at a time, or at once where that has passed.
    pub fn inject(&mut self, at: Time, side: Side, fault: Fault) {
        self.world
            .post(at.max(self.world.now), side, Parcel::Fault(fault));
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.world.now
    }

    /// The first machine.
    #[must_use]
    pub const fn a(&self) -> &A {
        &self.a
    }

    /// The second machine.
    #[must_use]
    pub const fn b(&self) -> &B {
        &self.b
    }

    /// All that was carried out, in order.
    #[must_use]
    pub fn log(&self) -> &[Entry<A::Event>] {
        &self.world.log
    }

    /// What a side told, in order.
    pub fn events(&self, side: Side) -> impl Iterator<Item = &A::Event> {
        self.outputs(side).filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
    }

    /// What a side transmitted, write by write.
    pub fn sent(&self, side: Side) -> impl Iterator<Item = &Bytes> {
        self.outputs(side).filter_map(|output| match output {
            Output::Transmit(bytes) => Some(bytes),
            _ => None,
        })
    }

    /// Why a side closed, if it has.
    #[must_use]
    pub const fn reason(&self, side: Side) -> Option<Reason> {
        self.world.ends[side as usize].closed
    }

    fn outputs(&self, side: Side) -> impl Iterator<Item = &Output<A::Event>> {
        self.log()
            .iter()
            .filter(move |entry| entry.side == side)
            .map(|entry| &entry.output)
    }

    /// Runs to the end, or to the first event that `is_it`; gives its place in the log.
    fn run_to(
        &mut self,
        end: Option<Time>,
        mut is_it: impl FnMut(&A::Event) -> bool,
    ) -> Option<usize> {
        for _ in 0..MAX_STEPS {
            while let Some(entry) = self.world.log.get(self.seen) {
                self.seen += 1;
                if matches!(&entry.output, Output::Event(event) if is_it(event)) {
                    return Some(self.seen - 1);
                }
            }
            let (time, side, cause) = self.world.upcoming()?;
            if end.is_some_and(|end| end < time) {
                return None;
            }
            self.world.now = self.world.now.max(time);
            match side {
                Side::A => self.world.step(side, &mut self.a, cause),
                Side::B => self.world.step(side, &mut self.b, cause),
            }
        }
        panic!("no rest after {MAX_STEPS} steps, at {}", self.world.clock());
    }
}

/// Things that may happen in one call of `run`: more are taken for endless chatter.
const MAX_STEPS: u32 = 250_000;

#[cfg(test)]
mod tests;
