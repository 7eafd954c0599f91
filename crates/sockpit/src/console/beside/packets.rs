//! The timeline with its packets, where stdout holds something else.

use sockpit_core::event::Event;
use sockpit_core::plan::Plan;
use sockpit_core::record::Epoch;

use super::{Canvas, Drawing};
use crate::console::Form;
use crate::console::timeline::Timeline;

/// Draws what a terminal's timeline shows.
pub(crate) struct Packets {
    timeline: Timeline,
    epoch: Epoch,
    lines: String,
}

impl Packets {
    pub(crate) fn new(plan: &Plan, canvas: Canvas) -> Self {
        Self {
            timeline: Timeline::new(plan, canvas.has_colour),
            epoch: canvas.epoch,
            lines: String::new(),
        }
    }
}

impl Drawing for Packets {
    fn push(&mut self, event: &Event) {
        self.timeline.observe(event);
        self.timeline
            .write(event, self.epoch, Form::Text, &mut self.lines);
    }

    fn take(&mut self) -> String {
        std::mem::take(&mut self.lines)
    }

    fn settle(&mut self) -> String {
        String::new()
    }

    fn finish(&mut self) -> String {
        self.take()
    }
}
