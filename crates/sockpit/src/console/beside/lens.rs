//! How writes, reads and messages cut the same bytes, live.

use sockpit_core::event::Event;
use sockpit_core::lens::{self, Options};
use sockpit_core::plan::Plan;

use super::{Canvas, Drawing};
use crate::console::language;

/// Draws the lens' rows.
pub(crate) struct Lens(lens::Lens);

impl Lens {
    pub(crate) fn new(plan: &Plan, canvas: Canvas) -> Self {
        Self(lens::Lens::new(Options {
            charset: plan.text,
            framing: Some(plan.framing.clone()),
            ..Self::options(canvas)
        }))
    }

    /// How it draws what is not said otherwise.
    pub(crate) fn options(canvas: Canvas) -> Options {
        Options {
            width: canvas.width,
            has_colour: canvas.has_colour,
            ..Options::default()
        }
    }
}

impl Drawing for Lens {
    fn push(&mut self, event: &Event) {
        self.0.push(0, event);
    }

    fn take(&mut self) -> String {
        language::around_rows(&self.0.take()).into_owned()
    }

    fn settle(&mut self) -> String {
        language::around_rows(&self.0.draw()).into_owned()
    }

    fn go_on(&mut self) -> String {
        language::around_rows(&self.0.settled()).into_owned()
    }

    fn finish(&mut self) -> String {
        language::around_rows(&self.0.finish()).into_owned()
    }
}
