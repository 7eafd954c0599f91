//! `sockpit tello`: fly a drone that speaks the Tello text protocol, run scripts, simulate drones.

mod aim;
mod cockpit;
mod copilot;
mod feed;
mod field;
mod film;
mod fly;
mod host;
mod keyboard;
mod links;
mod run;
mod show;
mod simulate;
mod stick;
mod view;

use clap::Subcommand;
use sockpit_engine::tello::{OpenError, Wish, Wishes};

use crate::console::Console;
use crate::exit::Exit;
use crate::signals::Signals;

/// What `sockpit tello` was told, as typed.
#[derive(clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  sockpit tello fly                     the drone whose Wi-Fi this machine is in
  sockpit tello fly --host 10.0.0.7 --host 10.0.0.8    two drones in one network
  echo 'battery?' | sockpit tello fly   a question; its answer is on stdout
  sockpit tello run square.tello --dry-run --svg square.svg    what it would do
  sockpit tello run square.tello        fly it
  sockpit tello simulate                a drone that is not there, to try it all"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fly drones from a console: commands are checked, answers explained, Ctrl-C lands
    Fly(fly::Args),
    /// Run a script of commands for one drone or several, or show what it would do
    Run(run::Args),
    /// Be a drone, or several, for programs that fly drones: state, video, faults on demand
    Simulate(simulate::Args),
}

/// Carries the command out.
pub(crate) fn run(args: Args, console: &Console) -> Exit {
    match args.command {
        Command::Fly(args) => fly::run(&args, console),
        Command::Run(args) => run::run(&args, console),
        Command::Simulate(args) => simulate::run(args, console),
    }
}

/// A flight that a console is told.
type Flight<'a> = sockpit_engine::tello::Flight<show::Show<'a>>;

impl Wishes for Signals {
    /// Ctrl-C stops the motors, SIGTERM leaves at once.
    async fn next(&mut self) -> Wish {
        match Self::next(self).await {
            Exit::Interrupted => Wish::StopMotors,
            _ => Wish::Leave,
        }
    }
}

/// An error of a link on its way out of the program.
fn open_error(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Link(error) => error.into(),
        error => anyhow::Error::new(error).context("cannot plan the link"),
    }
}
