//! The command line: what may be typed, and who carries it out.

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use sockpit_core::plan::Role;

use crate::command::{demo, talk};
use crate::console::Console;
use crate::exit::Exit;

/// The workbench for TCP and UDP: talk to any endpoint, see every byte, prove that it works.
#[derive(Parser)]
#[command(
    name = "sockpit",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "\
Try:
  sockpit demo                                       the main job in ten seconds
  sockpit listen :7000 --reply upper                 a server that answers in upper case
  sockpit connect localhost:7000                     a client for it; type, and watch
  sockpit connect udp://127.0.0.1:9000 --text gbk    datagrams, Chinese in GBK
  sockpit connect :7000 --send ping --expect PING    a test; exit code 3 if it fails

Exit codes: 0 done, 1 network, 2 usage or this machine, 3 expectation not met, 4 timed out"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the main job on a server of its own: framing, GBK, a recording
    Demo(demo::Args),
    /// Talk to a server
    Connect(talk::Args),
    /// Serve many peers at once
    Listen(talk::Args),
}

/// Carries out what the process was started with.
pub(crate) fn run() -> Exit {
    let console = Console::new();
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return console.usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return console.usage(&error),
    };
    match cli.command {
        Command::Demo(args) => demo::run(&args, &console),
        Command::Connect(args) => talk::run(Role::Client, args, inner(&matches), &console),
        Command::Listen(args) => talk::run(Role::Server, args, inner(&matches), &console),
    }
}

/// What was typed after the command's name, in its order.
fn inner(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| inner)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
