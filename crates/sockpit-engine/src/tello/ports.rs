//! To which of our ports drones send their state and their video.

use sockpit_core::tello::command::{Command, Mistake};
use sockpit_core::tello::{STATE_PORT, VIDEO_PORT};

use super::Audience;
use super::flight::{Flight, Origin};

/// Where we listen for what drones send beside replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// For their state.
    pub state: u16,
    /// For their video.
    pub video: u16,
}

impl Ports {
    /// Where every drone sends to that was told nothing.
    pub const USUAL: Self = Self {
        state: STATE_PORT,
        video: VIDEO_PORT,
    };
}

impl<A: Audience> Flight<A> {
    /// Takes another port for video, and tells the drones of it that are known.
    pub async fn move_video(&mut self, port: u16) {
        if std::mem::replace(&mut self.ports.video, port) == port {
            return;
        }
        for drone in 0..self.count() {
            if self.is_ready(drone) {
                self.tell_ports(drone).await;
            }
        }
    }

    /// Tells a drone our ports, where they are not those that it knows.
    pub async fn tell_ports(&mut self, drone: usize) {
        if self.ports == Ports::USUAL {
            return;
        }
        let sdk = self.swarm.drones[drone].sdk;
        match Command::ports(self.ports.state, self.ports.video, sdk) {
            Ok(command) => {
                self.order(drone, command, Origin::Beside).await;
            }
            Err(Mistake::Later { .. }) => self.show.hint(&format!(
                "SDK {sdk} has no command for ports: the drone sends its state to {STATE_PORT} and its video to {VIDEO_PORT}"
            )),
            Err(mistake) => self.show.hint(&mistake.to_string()),
        }
    }
}
