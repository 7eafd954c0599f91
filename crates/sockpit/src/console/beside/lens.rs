//! How writes, reads and messages cut the same bytes, live.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockpit_core::event::Event;
use sockpit_core::lens::{self, Options};
use sockpit_core::plan::Plan;

use super::{Canvas, Drawing};
use crate::console::language;

/// Draws the lens' rows. Clones are the same lens: one is drawn with, and another one knows who talks
/// when it is drawn with again.
#[derive(Clone, Default)]
pub(crate) struct Lens(Arc<Mutex<lens::Lens>>);

impl Lens {
    /// The same, with nothing drawn yet of the conversation as it is by now.
    pub(crate) fn renewed(&self, plan: &Plan, canvas: Canvas) -> Self {
        self.lens().renew(Options {
            charset: plan.text,
            framing: Some(plan.framing.clone()),
            ..Self::options(canvas)
        });
        self.clone()
    }

    fn lens(&self) -> MutexGuard<'_, lens::Lens> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.lens().push(0, event);
    }

    fn take(&mut self) -> String {
        language::around_rows(&self.lens().take()).into_owned()
    }

    fn settle(&mut self) -> String {
        language::around_rows(&self.lens().draw()).into_owned()
    }

    fn go_on(&mut self) -> String {
        language::around_rows(&self.lens().settled()).into_owned()
    }

    fn finish(&mut self) -> String {
        language::around_rows(&self.lens().finish()).into_owned()
    }
}
