//! How things are shown, which somebody at a keyboard may change while they are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sockpit_core::filter::Filter;
use sockpit_core::plan::Plan;
use sockpit_core::text::charset::Charset;

use super::Form;

/// How things are shown.
#[derive(Clone)]
pub(crate) struct Look {
    /// What stdout gets.
    pub(crate) form: Form,
    /// What bytes are read as.
    pub(crate) charset: Option<Charset>,
    /// Whether chunks are shown, and not messages.
    pub(crate) is_raw_stream: bool,
    /// Only what it lets through is shown.
    pub(crate) filter: Option<Filter>,
}

impl Look {
    pub(crate) fn of(plan: &Plan, form: Form, filter: Option<Filter>) -> Self {
        Self {
            form,
            charset: plan.text,
            is_raw_stream: plan.is_raw_stream(),
            filter,
        }
    }
}

/// A look that a writing thread takes up between two events.
#[derive(Clone)]
pub(super) struct SharedLook {
    version: Arc<AtomicU64>,
    look: Arc<Mutex<Look>>,
}

impl SharedLook {
    pub(super) fn new(look: Look) -> Self {
        Self {
            version: Arc::default(),
            look: Arc::new(Mutex::new(look)),
        }
    }

    /// Grows with each change.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(super) fn get(&self) -> Look {
        self.look.lock().expect("no holder panics").clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Look)) {
        change(&mut self.look.lock().expect("no holder panics"));
        self.version.fetch_add(1, Ordering::Release);
    }
}
