//! What somebody at a keyboard sees above the line that is typed, and is told where nothing comes.

use std::time::{Duration, Instant};

use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::tello::Audience;

use super::aim::Aim;
use super::cockpit::Cockpit;
use super::feed::Feed;
use super::show::Form;
use crate::console::{Instruments, status_line, sticks};

/// Without a state for so long the user is told why that may be.
const SILENCE: Duration = Duration::from_secs(3);

impl Cockpit<'_> {
    /// Whether somebody is at a keyboard.
    pub(super) fn is_edited(&self) -> bool {
        matches!(self.feed, Feed::Edited(_))
    }

    /// Asks for the next line, where somebody is at a keyboard.
    pub(super) fn ask(&self) {
        if let Feed::Edited(editor) = &self.feed
            && self.pasted.is_empty()
        {
            editor.ask(|| self.prompt());
        }
    }

    /// What stands before the line that is typed, and above it.
    pub(super) fn prompt(&self) -> String {
        let last = match (self.sticks.is_some(), self.flight.count(), self.aim) {
            (true, ..) => "sticks> ".to_owned(),
            (_, 1, _) => "> ".to_owned(),
            (_, _, Aim::All) => "*> ".to_owned(),
            (_, _, Aim::One(drone)) => format!("{}> ", drone + 1),
        };
        self.copilot.prompt(self.console.columns(), &last)
    }

    /// Draws the state and the sticks again, where they have changed.
    pub(super) fn draw(&mut self) {
        self.tell_silence();
        let Feed::Edited(editor) = &self.feed else {
            return;
        };
        let count = self.flight.count();
        let instruments: Vec<Instruments> = (0..count)
            .map(|drone| Instruments {
                number: (count > 1).then_some(drone),
                state: self.flight.swarm.board.fresh(drone),
                silence: self.flight.silence(drone),
                doing: self.flight.doing(drone),
            })
            .collect();
        let mut rows = vec![status_line(&instruments)];
        if let Some(at) = &self.sticks {
            rows.extend(sticks(at.position(Instant::now()), at.reach()));
        }
        if self.copilot.show(rows) {
            editor.redraw();
        }
    }

    /// Says once why no state may come.
    fn tell_silence(&mut self) {
        let is_due = self.began.elapsed() > SILENCE && self.flight.swarm.listens();
        if self.is_silence_told || !is_due || self.flight.show.form() != Form::Terminal {
            return;
        }
        let count = self.flight.count();
        let is_silent =
            |drone| self.flight.is_ready(drone) && !self.flight.swarm.board.has_heard(drone);
        let silent: Vec<String> = (0..count)
            .filter(|drone| is_silent(*drone))
            .map(|drone| self.flight.swarm.drones[drone].addr.ip().to_string())
            .collect();
        if silent.is_empty() {
            return;
        }
        self.is_silence_told = true;
        let port = self.flight.ports.state;
        let from = VisibleLine(&silent.join(", ")).to_string();
        self.flight.show.hint(&format!(
            "no state has come from {from}; a firewall may be in the way: \
             `sudo ufw allow {port}/udp` lets it in"
        ));
    }
}
