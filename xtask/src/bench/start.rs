//! How long it takes until a program has said something and is gone, and how large ours is.

use std::fs::{self, File};
use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::Bench;
use super::comparison::{Comparison, Contender, Turns};
use super::process::Server;
use super::scratch::Scratch;
use super::table::{Target, Unit};

/// Starts a run, one of each program in turn: whatever else runs meanwhile catches them alike.
const STARTS: Turns = Turns::EachRun(40);

/// What is sent and comes back, with its end.
const WORD: &str = "ping\n";

/// `--version` beside what nc says of itself.
pub(super) fn version(bench: &Bench) -> io::Result<Comparison<'_>> {
    let program = Scratch::installed(&bench.sockpit)?;
    let ours = move || timed(Command::new(program.path()).arg("--version")).map(|(time, _)| time);
    // nc.openbsd ends with 1 after its help, so only that it ran is asked.
    let nc = || timed(Command::new("nc.openbsd").arg("-h")).map(|(time, _)| time);
    Ok(Comparison::new(
        "start: a program's first word and end",
        Unit::Seconds,
        vec![
            Contender::new("sockpit --version", ours),
            Contender::new("nc.openbsd -h", nc).with_target(Target::RatioAtMost(1.5)),
        ],
    )
    .with_turns(STARTS))
}

/// One word sent to an echo server and received, from the program's start to its end.
pub(super) fn one_shot(bench: &Bench) -> io::Result<Comparison<'_>> {
    let word = Scratch::holding("word", WORD.as_bytes())?;
    let program = Scratch::installed(&bench.sockpit)?;
    let echo = || Server::announced(&mut bench.reference(&["epoll-echo"]));
    let ours = move || {
        let server = echo()?;
        let asked = WORD.trim_end();
        let mut command = Command::new(program.path());
        command.args(["connect", &format!("tcp://127.0.0.1:{}", server.port)]);
        came_back(timed(command.args(["--send", asked, "--expect", asked]))?)
    };
    let nc = move || {
        let server = echo()?;
        let mut command = Command::new("nc.openbsd");
        command.args(["-N", "-w", "5", "127.0.0.1", &server.port.to_string()]);
        came_back(timed(command.stdin(File::open(word.path())?))?)
    };
    Ok(Comparison::new(
        "one-shot: connect, send a word, receive it and end",
        Unit::Seconds,
        vec![
            Contender::new("sockpit connect --send --expect", ours),
            Contender::new("nc.openbsd -N", nc).with_target(Target::RatioAtMost(1.5)),
        ],
    )
    .with_turns(STARTS))
}

/// The program as it is shipped, with the pages it serves.
pub(super) fn size(bench: &Bench) -> Comparison<'_> {
    let ours = || Ok(fs::metadata(&bench.sockpit)?.len() as f64);
    Comparison::new(
        "size: the program with everything in it",
        Unit::Bytes,
        vec![Contender::new("sockpit", ours).with_target(Target::AtMost(15e6))],
    )
}

/// How long a program ran, and what it said on stdout. Its input is empty where nothing else was
/// said.
fn timed(command: &mut Command) -> io::Result<(f64, String)> {
    let began = Instant::now();
    let output = command.stderr(Stdio::null()).output()?;
    let seconds = began.elapsed().as_secs_f64();
    Ok((
        seconds,
        String::from_utf8_lossy(&output.stdout).into_owned(),
    ))
}

fn came_back((seconds, said): (f64, String)) -> io::Result<f64> {
    match said.contains(WORD.trim_end()) {
        true => Ok(seconds),
        false => Err(io::Error::other(format!("it received `{said}`"))),
    }
}
