//! The link of a pair and its clock: what is under way, and what becomes of it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::{Cuts, Entry, Faults, Side};
use crate::machine::{Fault, Machine, Output, Reason};
use crate::plan::Shape;
use crate::rule::random::Random;
use crate::time::{Time, TimeSpan};

/// All but the machines.
pub(super) struct World<E> {
    shape: Shape,
    faults: Faults,
    random: Random,
    pub(super) now: Time,
    /// Of side a, then of side b.
    pub(super) ends: [End; 2],
    /// Parcels so far, which keeps those of one moment in order.
    posted: u64,
    pub(super) log: Vec<Entry<E>>,
}

/// One side's end of the link.
#[derive(Default)]
pub(super) struct End {
    /// What is under way to it, by the time of its arrival.
    inbox: BTreeMap<(Time, u64), Parcel>,
    /// When the last of it arrives: a stream stays in order.
    latest: Time,
    /// When its machine wants to be woken.
    wake: Option<Time>,
    is_shut_down: bool,
    /// Whether nothing goes out any more, not even its end.
    is_broken: bool,
    pub(super) closed: Option<Reason>,
}

/// What arrives.
pub(super) enum Parcel {
    Bytes(Bytes),
    End,
    Fault(Fault),
}

/// Why a machine is called.
#[derive(Clone, Copy)]
pub(super) enum Cause {
    Arrival,
    Wake,
}

impl<E> World<E> {
    pub(super) fn new(shape: Shape, faults: Faults, seed: u64) -> Self {
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
    pub(super) fn turn<M>(
        &mut self,
        side: Side,
        machine: &mut M,
        call: impl FnOnce(&mut M, Time),
    ) -> u32
    where
        M: Machine<Event = E>,
    {
        if self.ends[side as usize].closed.is_some() {
            return 0;
        }
        call(machine, self.now);
        self.drain(side, machine)
    }

    pub(super) fn drain<M: Machine<Event = E>>(&mut self, side: Side, machine: &mut M) -> u32 {
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
    pub(super) fn upcoming(&self) -> Option<(Time, Side, Cause)> {
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

    pub(super) fn step<M: Machine<Event = E>>(
        &mut self,
        side: Side,
        machine: &mut M,
        cause: Cause,
    ) {
        match cause {
            Cause::Arrival => self.deliver(side, machine),
            Cause::Wake => self.wake(side, machine),
        }
    }

    fn wake<M: Machine<Event = E>>(&mut self, side: Side, machine: &mut M) {
        let asked = self.ends[side as usize].wake.take();
        let carried = self.turn(side, machine, M::handle_timeout);
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
                    machine.handle_input(now, &chunk);
                });
            }
            Parcel::Bytes(bytes) => {
                let most = self.faults.read_size.map_or(usize::MAX, NonZeroUsize::get);
                if most < bytes.len() {
                    let fault = Fault::Truncated {
                        full_len: bytes.len(),
                    };
                    self.turn(side, machine, |machine, now| {
                        machine.handle_fault(now, fault);
                    });
                }
                let taken = &bytes[..bytes.len().min(most)];
                self.turn(side, machine, |machine, now| {
                    machine.handle_input(now, taken);
                });
            }
            Parcel::End => {
                self.turn(side, machine, M::handle_end);
            }
            Parcel::Fault(fault) if fault.is_fatal() && !is_closed => {
                self.fail(side, machine, fault);
            }
            Parcel::Fault(fault) => {
                self.turn(side, machine, |machine, now| {
                    machine.handle_fault(now, fault);
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
            machine.handle_fault(now, fault);
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

    pub(super) fn post(&mut self, at: Time, to: Side, parcel: Parcel) {
        self.posted += 1;
        self.ends[to as usize]
            .inbox
            .insert((at, self.posted), parcel);
    }

    fn happens(&mut self, ppm: u32) -> bool {
        self.random.between(0, 999_999) < u64::from(ppm)
    }

    pub(super) fn clock(&self) -> TimeSpan {
        TimeSpan(self.now - Time::ZERO)
    }
}

/// Outputs that a machine may give before it waits: more are taken for an endless drain.
const MAX_OUTPUTS: u32 = 100_000;

/// In bytes: half of the pieces of a stream that is cut at random are at most so long, so that cuts
/// fall into headers, delimiters and characters.
const SHORT_PIECE: usize = 8;
