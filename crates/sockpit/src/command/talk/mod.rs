//! `sockpit connect` and `sockpit listen`: a conversation, by hand or by script.

mod args;
mod beats;
mod conversation;
mod input;
mod keyboard;
mod manner;
mod queue;
mod run;
mod script;
mod settings;

pub(crate) use args::Args;
pub(super) use input::{Feed, Taken};
pub(super) use run::{DRAIN_TIME, explain_error, explain_for};

use clap::ArgMatches;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::Role;

use crate::console::Console;
use crate::exit::Exit;

/// Carries the command out.
pub(crate) fn run(role: Role, args: Args, matches: &ArgMatches, console: &Console) -> Exit {
    let explain = args.output.explain;
    let settings = match settings::Settings::resolve(role, args, matches) {
        Ok(settings) => settings,
        Err(error) => {
            console.error(&crate::exit::sentence(&error));
            return Exit::Usage;
        }
    };
    if explain {
        console.tell(&settings.plan.to_string());
        return Exit::Done;
    }
    match run::run(&settings, console) {
        Ok(exit) => exit,
        Err(error) => explain_error(&error, &settings.plan, console),
    }
}

/// The endpoint of the command's words.
fn endpoint_of(words: &[String]) -> anyhow::Result<Endpoint> {
    Ok(Endpoint::from_words(words)?)
}
