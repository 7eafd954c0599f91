//! The way out of what failed, for an error on its way out of the program.

use sockpit_core::plan::Plan;
use sockpit_engine::doctor;

use crate::exit::engine_error;

/// The way out of a session that could not be opened.
pub(crate) fn hint(error: &anyhow::Error, plan: &Plan) -> Option<String> {
    doctor::hint(engine_error(error)?, plan)
}

/// The same where its server is not `sockpit listen` but this command.
pub(crate) fn hint_of(server: &str, error: &anyhow::Error, plan: &Plan) -> Option<String> {
    let hint = hint(error, plan)?;
    Some(hint.replace("`sockpit listen ", &format!("`{server} ")))
}
