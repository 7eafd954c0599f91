//! The way out of what failed, for an error on its way out of the program.

use sockpit_core::plan::Plan;
use sockpit_engine::doctor;

use crate::exit::engine_error;

/// The way out of a session that could not be opened.
pub(crate) fn hint(error: &anyhow::Error, plan: &Plan) -> Option<String> {
    doctor::hint(engine_error(error)?, plan)
}
