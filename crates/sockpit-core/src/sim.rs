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

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::machine::{Fault, Machine, Output, Reason};
use crate::plan::Shape;
use crate::rule::random::Random;
use crate::time::{Time, TimeSpan};

/// Things that may happen in one call of `run`: more are taken for endless chatter.
const MAX_STEPS: u32 = 250_000;

/// Outputs that a machine may give before it waits: more are taken for an endless drain.
const MAX_OUTPUTS: u32 = 100_000;

/// In bytes: half of the pieces of a stream that is cut at random are at most so long, so that cuts
/// fall into headers, delimiters and characters.
const SHORT_PIECE: usize = 8;

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

/// All but the machines.
struct World<E> {
    shape: Shape,
    faults: Faults,
    random: Random,
    now: Time,
    /// Of side a, then of side b.
    ends: [End; 2],
    /// Parcels so far, which keeps those of one moment in order.
    posted: u64,
    log: Vec<Entry<E>>,
}

/// One side's end of the link.
#[derive(Default)]
struct End {
    /// What is under way to it, by the time of its arrival.
    inbox: BTreeMap<(Time, u64), Parcel>,
    /// When the last of it arrives: a stream stays in order.
    latest: Time,
    /// When its machine wants to be woken.
    wake: Option<Time>,
    is_shut_down: bool,
    /// Whether nothing goes out any more, not even its end.
    is_broken: bool,
    closed: Option<Reason>,
}

/// What arrives.
enum Parcel {
    Bytes(Bytes),
    End,
    Fault(Fault),
}

/// Why a machine is called.
#[derive(Clone, Copy)]
enum Cause {
    Arrival,
    Wake,
}

impl<E> World<E> {
    fn new(shape: Shape, faults: Faults, seed: u64) -> Self {
        Self {
            shape,
            faults,
            random: Random::new(seed),
            now: Time::ZERO,
            ends: [End::default(), End::default()],
            posted: 0,
            log: Vec::new(),
        }
    }

    /// Calls a machine, and carries out what it wants; says how much that was.
    fn turn<M>(&mut self, side: Side, machine: &mut M, call: impl FnOnce(&mut M, Time)) -> u32
    where
        M: Machine<Event = E>,
    {
        if self.ends[side as usize].closed.is_some() {
            return 0;
        }
        call(machine, self.now);
        self.drain(side, machine)
    }

    fn drain<M: Machine<Event = E>>(&mut self, side: Side, machine: &mut M) -> u32 {
        for carried in 0..MAX_OUTPUTS {
            let output = machine.poll_output();
            match &output {
                Output::Wait(wake) => {
                    self.ends[side as usize].wake = *wake;
                    return carried;
                }
                Output::Event(_) => {}
                Output::Transmit(bytes) => self.transmit(side, bytes),
                Output::Shutdown => self.shut_down(side),
                Output::Close(reason) => self.close(side, *reason),
            }
            self.log.push(Entry {
                time: self.now,
                side,
                output,
            });
            if self.ends[side as usize].closed.is_some() {
                return carried + 1;
            }
        }
        panic!(
            "{side} gave {MAX_OUTPUTS} outputs at {} and never waited",
            self.clock()
        );
    }

    /// The next thing to happen. What arrives comes before a wake-up of the same moment.
    fn upcoming(&self) -> Option<(Time, Side, Cause)> {
        let arrival = |side: Side| {
            let ((time, _), _) = self.ends[side as usize].inbox.first_key_value()?;
            Some((*time, side, Cause::Arrival))
        };
        let wake = |side: Side| Some((self.ends[side as usize].wake?, side, Cause::Wake));
        [
            arrival(Side::A),
            arrival(Side::B),
            wake(Side::A),
            wake(Side::B),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(time, ..)| *time)
    }

    fn step<M: Machine<Event = E>>(&mut self, side: Side, machine: &mut M, cause: Cause) {
        match cause {
            Cause::Arrival => self.deliver(side, machine),
            Cause::Wake => self.wake(side, machine),
        }
    }

    fn wake<M: Machine<Event = E>>(&mut self, side: Side, machine: &mut M) {
        let asked = self.ends[side as usize].wake.take();
        let carried = self.turn(side, machine, |machine, now| machine.handle_timeout(now));
        let again = self.ends[side as usize].wake;
        assert!(
            carried > 0 || again.is_none() || again != asked,
            "{side} was woken at {}, did nothing, and asks for the same time again",
            self.clock(),
        );
    }

    fn deliver<M: Machine<Event = E>>(&mut self, side: Side, machine: &mut M) {
        let Some((key, parcel)) = self.ends[side as usize].inbox.pop_first() else {
            return;
        };
        let is_closed = self.ends[side as usize].closed.is_some();
        match parcel {
            Parcel::Bytes(_) if is_closed => self.reset(side.other()),
            Parcel::Bytes(bytes) if self.shape == Shape::Stream => {
                let chunk = self.read(side, key, bytes);
                self.turn(side, machine, |machine, now| {
                    machine.handle_input(now, &chunk)
                });
            }
            Parcel::Bytes(bytes) => {
                let most = self.faults.read_size.map_or(usize::MAX, NonZeroUsize::get);
                if most < bytes.len() {
                    let fault = Fault::Truncated {
                        full_len: bytes.len(),
                    };
                    self.turn(side, machine, |machine, now| {
                        machine.handle_fault(now, fault)
                    });
                }
                let taken = &bytes[..bytes.len().min(most)];
                self.turn(side, machine, |machine, now| {
                    machine.handle_input(now, taken)
                });
            }
            Parcel::End => {
                self.turn(side, machine, |machine, now| machine.handle_end(now));
            }
            Parcel::Fault(fault) if fault.is_fatal() && !is_closed => {
                self.fail(side, machine, fault);
            }
            Parcel::Fault(fault) => {
                self.turn(side, machine, |machine, now| {
                    machine.handle_fault(now, fault)
                });
            }
        }
    }

    /// What one read takes of a stream, of which `bytes` are first; the rest stays under way.
    fn read(&mut self, side: Side, key: (Time, u64), bytes: Bytes) -> Bytes {
        let mut chunk = BytesMut::from(bytes);
        let inbox = &mut self.ends[side as usize].inbox;
        while self.faults.cuts == Cuts::Random
            && let Some(next) = inbox.first_entry()
            && next.key().0 <= self.now
            && let Parcel::Bytes(bytes) = next.get()
            && self.random.between(0, 1) == 1
        {
            chunk.extend_from_slice(bytes);
            next.remove();
        }
        let most = self.faults.read_size.map_or(usize::MAX, NonZeroUsize::get);
        if most < chunk.len() {
            let rest = chunk.split_off(most).freeze();
            inbox.insert(key, Parcel::Bytes(rest));
        }
        chunk.freeze()
    }

    fn transmit(&mut self, side: Side, bytes: &Bytes) {
        assert!(
            !self.ends[side as usize].is_shut_down,
            "{side} transmits {} bytes at {}, after its shutdown",
            bytes.len(),
            self.clock(),
        );
        match self.shape {
            Shape::Stream => self.write(side, bytes.clone()),
            Shape::Datagram => {
                if self.happens(self.faults.loss_ppm) {
                    return;
                }
                self.send(side, Parcel::Bytes(bytes.clone()));
                if self.happens(self.faults.duplication_ppm) {
                    self.send(side, Parcel::Bytes(bytes.clone()));
                }
            }
        }
    }

    fn write(&mut self, side: Side, mut rest: Bytes) {
        while !rest.is_empty() {
            let len = match self.faults.cuts {
                Cuts::AsSent => rest.len(),
                Cuts::Random => {
                    let is_short = self.random.between(0, 1) == 1;
                    let most = if is_short {
                        rest.len().min(SHORT_PIECE)
                    } else {
                        rest.len()
                    };
                    self.random.between(1, most as u64) as usize
                }
            };
            let piece = rest.split_to(len);
            self.send(side, Parcel::Bytes(piece));
        }
    }

    fn shut_down(&mut self, side: Side) {
        let end = &mut self.ends[side as usize];
        if !end.is_shut_down {
            end.is_shut_down = true;
            if self.shape == Shape::Stream {
                self.send(side, Parcel::End);
            }
        }
    }

    fn close(&mut self, side: Side, reason: Reason) {
        self.shut_down(side);
        let end = &mut self.ends[side as usize];
        end.closed = Some(reason);
        end.wake = None;
    }

    /// Breaks the link of a side, whose machine is closed if it does not close by itself.
    fn fail<M: Machine<Event = E>>(&mut self, side: Side, machine: &mut M, fault: Fault) {
        self.reset(side.other());
        let end = &mut self.ends[side as usize];
        end.inbox.clear();
        end.is_broken = true;
        self.turn(side, machine, |machine, now| {
            machine.handle_fault(now, fault)
        });
        if self.ends[side as usize].closed.is_none() {
            let reason = fault.reason();
            self.close(side, reason);
            self.log.push(Entry {
                time: self.now,
                side,
                output: Output::Close(reason),
            });
        }
    }

    /// Tells a side of a stream that the other one is gone, unless it is gone too.
    fn reset(&mut self, side: Side) {
        if self.shape == Shape::Stream && self.ends[side as usize].closed.is_none() {
            self.send(side.other(), Parcel::Fault(Fault::Reset));
        }
    }

    /// Sends a parcel on its way to the other side.
    fn send(&mut self, from: Side, parcel: Parcel) {
        if self.ends[from as usize].is_broken {
            return;
        }
        let most = u64::try_from(self.faults.jitter.as_nanos()).unwrap_or(u64::MAX);
        let jitter = Duration::from_nanos(self.random.between(0, most));
        let mut at = self.now + self.faults.latency + jitter;
        if self.shape == Shape::Stream {
            let end = &mut self.ends[from.other() as usize];
            at = at.max(end.latest);
            end.latest = at;
        }
        self.post(at, from.other(), parcel);
    }

    fn post(&mut self, at: Time, to: Side, parcel: Parcel) {
        self.posted += 1;
        self.ends[to as usize]
            .inbox
            .insert((at, self.posted), parcel);
    }

    fn happens(&mut self, ppm: u32) -> bool {
        self.random.between(0, 999_999) < u64::from(ppm)
    }

    fn clock(&self) -> TimeSpan {
        TimeSpan(self.now - Time::ZERO)
    }
}

#[cfg(test)]
mod tests;
