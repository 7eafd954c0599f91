//! The command line: what may be typed, and who carries it out.

mod help;
mod language;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use sockpit_core::plan::Role;
use sockpit_core::strings::{Catalogue, Language};

use crate::command::{
    chat, decode, demo, diff, doctor, encode, import, nets, ports, reference, replay, room,
    run as scenario, talk, tello, wire, workbench,
};
use crate::console::{Console, speak};
use crate::exit::Exit;

/// The workbench for TCP and UDP: talk to any endpoint, see every byte, prove that it works.
#[derive(Parser)]
#[command(
    name = "sockpit",
    version,
    after_help = "\
Try:
  sockpit                                            the workbench, in your browser
  sockpit demo                                       the main job in ten seconds
  sockpit listen :7000 --reply upper                 a server that answers in upper case
  sockpit connect localhost:7000                     a client for it; type, and watch
  sockpit connect udp://127.0.0.1:9000 --text gbk    datagrams, Chinese in GBK
  sockpit connect :7000 --send ping --expect PING    a test; exit code 3 if it fails

Exit codes: 0 done, 1 network, 2 usage or this machine, 3 expectation not met, 4 timed out"
)]
struct Cli {
    /// Language to talk to you in: en or zh [default: as SOCKPIT_LANG or LANG says]
    #[arg(long, value_name = "LANGUAGE", global = true, display_order = 900)]
    lang: Option<Language>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Open the workbench in a browser, as `sockpit` without arguments does
    Workbench(workbench::Args),
    /// Show the main job on a server of its own: framing, GBK, a recording
    Demo(demo::Args),
    /// Talk to a server
    Connect(talk::Args),
    /// Serve many peers at once
    Listen(talk::Args),
    /// Turn text into bytes, with checksum and framing, without a socket
    Encode(encode::Args),
    /// Read bytes as text: any form, any charset, and text that went wrong
    Decode(decode::Args),
    /// Show a recording again, or play it against a live peer
    Replay(replay::Args),
    /// Compare two recordings
    Diff(diff::Args),
    /// Carry out a scenario: sessions, sends, expectations; a result for people and for CI
    Run(scenario::Args),
    /// Turn the send list of another tool (SSCOM, llcom) into a rule file
    Import(import::Args),
    /// Show packets: of a port, an interface, a capture file
    Wire(wire::Args),
    /// Fly Tello drones, run scripts for them, simulate them
    Tello(tello::Args),
    /// Talk to the UDP chat programs of anybody, and to other Sockpits
    Chat(chat::Args),
    /// Rooms that nc, telnet, browsers and programs join
    Room(room::Args),
    /// Show who holds a port, find a free one, end whoever has it
    Ports(ports::Args),
    /// Show this machine's interfaces, addresses and ways out
    Nets(nets::Args),
    /// Find out why an endpoint cannot be reached
    Doctor(doctor::Args),
    /// Print what a shell needs to complete the words of sockpit
    Completions(reference::CompletionsArgs),
    /// Print the manual page of sockpit or of a command, or write all of them
    Man(reference::ManArgs),
}

/// Carries out what the process was started with.
pub(crate) fn run() -> Exit {
    let console = Console::new();
    let asked = language::of_arguments(std::env::args_os().skip(1));
    let language = asked.unwrap_or_else(language::of_environment);
    let matches = match command(speak(language)).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return console.usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return console.usage(&error),
    };
    let command = cli.command;
    match command.unwrap_or_else(|| Command::Workbench(workbench::Args::default())) {
        Command::Workbench(args) => workbench::run(args, &console),
        Command::Demo(args) => demo::run(&args, &console),
        Command::Connect(args) => talk::run(Role::Client, args, inner(&matches), &console),
        Command::Listen(args) => talk::run(Role::Server, args, inner(&matches), &console),
        Command::Encode(args) => encode::run(&args, &console),
        Command::Decode(args) => decode::run(args, &console),
        Command::Replay(args) => replay::run(&args, &console),
        Command::Diff(args) => diff::run(&args, &console),
        Command::Run(args) => scenario::run(&args, &console),
        Command::Import(args) => import::run(&args, &console),
        Command::Completions(args) => reference::completions(&args, Cli::command(), &console),
        Command::Man(args) => reference::man(&args, Cli::command(), &console),
        Command::Wire(args) => wire::run(args, &console),
        Command::Tello(args) => tello::run(args, &console),
        Command::Chat(args) => chat::run(args, &console),
        Command::Room(args) => room::run(args, &console),
        Command::Ports(args) => ports::run(&args, &console),
        Command::Nets(args) => nets::run(&args, &console),
        Command::Doctor(args) => doctor::run(&args, &console),
    }
}

/// The command line, its help in the language of a catalogue.
fn command(catalogue: Option<&Catalogue>) -> clap::Command {
    match catalogue {
        Some(catalogue) => help::translate(Cli::command(), catalogue),
        None => Cli::command(),
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
