//! The workbench for TCP and UDP, on the command line.

mod cli;
mod command;
mod console;
mod exit;
mod hint;
mod runtime;
mod signals;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run().into()
}
