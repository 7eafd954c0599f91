//! The command line: what may be typed, and who carries it out.

mod help;
mod language;
mod later;

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use sockpit_core::plan::Role;
use sockpit_core::strings::Language;

use crate::command::{
    chat, decode, demo, diff, doctor, encode, import, load, nets, ports, reference, replay, room,
    run as scenario, talk, tello, wire, workbench,
};
use crate::console::{Console, catalogue, speak};
use crate::exit::Exit;
pub(crate) use later::IfTyped;
use later::{Later, at_once, make_for};

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
    Workbench(Later<workbench::Args>),
    /// Show the main job on a server of its own: framing, GBK, a recording
    Demo(Later<demo::Args>),
    /// Talk to a server
    Connect(Later<talk::Args>),
    /// Serve many peers at once
    Listen(Later<talk::Args>),
    /// Turn text into bytes, with checksum and framing, without a socket
    Encode(Later<encode::Args>),
    /// Read bytes as text: any form, any charset, and text that went wrong
    Decode(Later<decode::Args>),
    /// Show a recording again, or play it against a live peer
    Replay(Later<replay::Args>),
    /// Compare two recordings
    Diff(Later<diff::Args>),
    /// Carry out a scenario: sessions, sends, expectations; a result for people and for CI
    Run(Later<scenario::Args>),
    /// Turn the send list of another tool (SSCOM, llcom) into a rule file
    Import(Later<import::Args>),
    /// Show packets: of a port, an interface, a capture file
    Wire(Later<wire::Args>),
    /// Fly Tello drones, run scripts for them, simulate them
    Tello(Later<tello::Args>),
    /// Talk to the UDP chat programs of anybody, and to other Sockpits
    Chat(Later<chat::Args>),
    /// Rooms that nc, telnet, browsers and programs join
    Room(Later<room::Args>),
    /// Show who holds a port, find a free one, end whoever has it
    Ports(Later<ports::Args>),
    /// Show this machine's interfaces, addresses and ways out
    Nets(Later<nets::Args>),
    /// Find out why an endpoint cannot be reached
    Doctor(Later<doctor::Args>),
    /// Measure a server: messages a second, latency, loss; or be the other end
    Load(Later<load::Args>),
    /// Print what a shell needs to complete the words of sockpit
    Completions(Later<reference::CompletionsArgs>),
    /// Print the manual page of sockpit or of a command, or write all of them
    Man(Later<reference::ManArgs>),
}

/// Carries out what the process was started with.
pub(crate) fn run() -> Exit {
    let console = Console::new();
    if is_version(std::env::args_os().skip(1)) {
        console.print(VERSION);
        return Exit::Done;
    }
    let asked = language::of_arguments(std::env::args_os().skip(1));
    speak(asked.unwrap_or_else(language::of_environment));
    make_for(std::env::args_os().skip(1));
    // It is given back with the process.
    let mut program = ManuallyDrop::new(Cli::command());
    let matches = match program.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => return console.usage(&said_again(error)),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return console.usage(&said_again(error)),
    };
    let command = cli.command;
    match command.unwrap_or_else(|| Command::Workbench(Later(workbench::Args::default()))) {
        Command::Workbench(Later(args)) => workbench::run(args, &console),
        Command::Demo(Later(args)) => demo::run(&args, &console),
        Command::Connect(Later(args)) => talk::run(Role::Client, args, inner(&matches), &console),
        Command::Listen(Later(args)) => talk::run(Role::Server, args, inner(&matches), &console),
        Command::Encode(Later(args)) => encode::run(&args, &console),
        Command::Decode(Later(args)) => decode::run(args, &console),
        Command::Replay(Later(args)) => replay::run(&args, &console),
        Command::Diff(Later(args)) => diff::run(&args, &console),
        Command::Run(Later(args)) => scenario::run(&args, &console),
        Command::Import(Later(args)) => import::run(&args, &console),
        Command::Completions(Later(args)) => reference::completions(&args, whole(), &console),
        Command::Man(Later(args)) => reference::man(&args, whole(), &console),
        Command::Wire(Later(args)) => wire::run(args, &console),
        Command::Tello(Later(args)) => tello::run(args, &console),
        Command::Chat(Later(args)) => chat::run(args, &console),
        Command::Room(Later(args)) => room::run(args, &console),
        Command::Ports(Later(args)) => ports::run(&args, &console),
        Command::Nets(Later(args)) => nets::run(&args, &console),
        Command::Doctor(Later(args)) => doctor::run(&args, &console),
        Command::Load(Later(args)) => load::run(args, &console),
    }
}

/// What the parser prints for `--version`.
const VERSION: &str = concat!("sockpit ", env!("CARGO_PKG_VERSION"), "\n");

/// Whether nothing but the version is asked for, which needs no command line to be made.
fn is_version(mut arguments: impl Iterator<Item = OsString>) -> bool {
    let first = arguments.next();
    let is_flag = first.is_some_and(|first| first == "--version" || first == "-V");
    is_flag && arguments.next().is_none()
}

/// The command line with every argument of every command.
fn whole() -> clap::Command {
    at_once(Cli::command)
}

/// What the parser has to say, in the language of the console.
fn said_again(error: clap::Error) -> clap::Error {
    let Some(catalogue) = catalogue() else {
        return error;
    };
    let said = help::translate(whole(), catalogue).try_get_matches();
    said.err().unwrap_or(error)
}

/// What was typed after the command's name, in its order.
fn inner(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        whole().debug_assert();
    }

    #[test]
    fn the_version_is_the_same_by_itself_as_from_the_parser() {
        for flag in ["--version", "-V"] {
            assert!(is_version([OsString::from(flag)].into_iter()));
            let said = Cli::command().try_get_matches_from(["sockpit", flag]);
            assert_eq!(said.unwrap_err().to_string(), VERSION);
        }
        assert!(!is_version(
            ["connect", "-V"].map(OsString::from).into_iter()
        ));
        assert!(!is_version(["-V", "x"].map(OsString::from).into_iter()));
        assert!(!is_version(std::iter::empty()));
    }

    #[test]
    fn a_command_named_later_is_what_it_is_at_once() {
        let mut later = Cli::command();
        let mut now = whole();
        later.build();
        now.build();
        let names: Vec<_> = now.get_subcommands().map(clap::Command::get_name).collect();
        for name in names {
            let help = |program: &clap::Command| {
                let command = program.find_subcommand(name).unwrap();
                command.clone().render_long_help().to_string()
            };
            assert_eq!(help(&later), help(&now), "{name}");
        }
    }
}
