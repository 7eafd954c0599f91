//! `sockpit room`: rooms that plain programs, browsers and people join.

mod host;
mod join;
mod log;
mod operator;
mod serve;

use clap::Subcommand;

use crate::console::Console;
use crate::exit::Exit;

/// What `sockpit room` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sockpit room serve :7000 --ws              a room on one port, also for browsers
  nc localhost 7000                          join it with what there is
  sockpit room join :7000 --nick anna        join it in comfort")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve rooms that nc, telnet, browsers and programs join on one port
    Serve(serve::Args),
    /// Join a room: names in colours, completion, and what was said while you were away
    Join(join::Args),
}

/// Carries the command out.
pub(crate) fn run(args: Args, console: &Console) -> Exit {
    match args.command {
        Command::Serve(args) => serve::run(args, console),
        Command::Join(args) => join::run(args, console),
    }
}
