//! The video link: while the video is on, a drone sends what it sees, frame by frame.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Clip, Drone, SharedDrone};
use crate::event::What;
use crate::machine::{Fault, Machine, Output};
use crate::time::Time;

/// How often a second it looks whether the video is on.
const IDLE_RATE: u32 = 30;

/// Sends a film at the drone's frame rate. What comes is not listened to, and nobody listening is no
/// failure.
pub struct Camera {
    drone: SharedDrone,
    clip: Arc<Clip>,
    frame: usize,
    next: Time,
    ready: VecDeque<Bytes>,
}

impl Camera {
    /// Begins with the film's first frame, which is one from which a decoder can begin.
    #[must_use]
    pub fn new(drone: SharedDrone, clip: Arc<Clip>, now: Time) -> Self {
        let mut camera = Self {
            drone,
            clip,
            frame: 0,
            next: now,
            ready: VecDeque::new(),
        };
        camera.handle_timeout(now);
        camera
    }
}

impl Machine for Camera {
    type Event = What;

    fn handle_input(&mut self, _: Time, _: &[u8]) {}

    fn handle_end(&mut self, _: Time) {}

    fn handle_fault(&mut self, _: Time, _: Fault) {}

    fn handle_timeout(&mut self, now: Time) {
        if now < self.next {
            return;
        }
        let rate = self.drone.with(|drone| drone.frame_rate());
        let interval = Duration::from_secs(1) / rate.unwrap_or(IDLE_RATE);
        // After a pause it goes on from there: a decoder can do without none of the frames.
        self.next = self.next + interval;
        if self.next <= now {
            self.next = now + interval;
        }
        if rate.is_some() {
            self.ready.extend(self.clip.datagrams(self.frame));
            self.frame = self.frame.wrapping_add(1);
        }
    }

    fn poll_output(&mut self) -> Output<What> {
        match self.ready.pop_front() {
            Some(datagram) => Output::Transmit(datagram),
            None => Output::Wait(Some(self.next)),
        }
    }
}

impl Drone {
    /// Frames a second; `None` while the video is off.
    #[must_use]
    pub fn frame_rate(&self) -> Option<u32> {
        self.video.is_on.then_some(self.video.rate)
    }
}

#[cfg(test)]
mod tests;
