//! Sockpit's own chores, run as `cargo xtask CHORE`.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod bench;
mod generate;
mod picture;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask CHORE

  bench [NAME…] [--runs 7] [--seconds 2] [--size 2048] [--program FILE]
        [--json FILE] [--from FILE] [--plot FOLDER] [--write]
           measure Sockpit beside its peers: all there is, or benchmarks and groups of them, such as
           `echo-50` or `echo`. --seconds is of a load, --size of the file of `bulk`, in MiB;
           --program is a build to measure, where none shall be made; --json keeps the figures,
           --from takes those of before for what is not named, --plot draws them,
           --write puts them into docs/benchmarks.md
  gen      write the manual pages and the help of every command into docs/reference
  picture  draw the README's pictures from what the program prints
  tidy     check the rules of ARCHITECTURE.md that no lint can check
";

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (chore, rest) = arguments
        .split_first()
        .map_or(("", &[][..]), |(c, rest)| (c, rest));
    match (chore, rest) {
        ("gen", []) => generate::run(&root()),
        ("picture", []) => picture::run(&root()),
        ("bench", rest) => bench::run(&root(), rest),
        // How `bench` starts its other processes.
        ("bench-serve", rest) => bench::serve(rest),
        ("bench-load", rest) => bench::load(rest),
        ("tidy", []) => tidy::run(&root()),
        ("help" | "--help", []) => {
            io::stdout().write_all(USAGE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            io::stderr().write_all(USAGE.as_bytes())?;
            Ok(ExitCode::from(2))
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    // Cargo tells it to what it runs; what it told the compiler is another clone's where two clones
    // share a target folder.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package)
        .parent()
        .expect("xtask lies in the workspace")
        .to_owned()
}
