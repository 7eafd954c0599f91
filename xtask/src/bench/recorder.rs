//! What it costs to record: the processor time of a session that does, less that of one that does
//! not, under the same load.

use std::io;

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::process::{self, Server};
use super::scratch::Scratch;
use super::table::{Target, Unit};

/// Messages a second.
const RATE: usize = 20_000;

/// Of them, how many must have come for a run to count.
const LEAST_RATE: f64 = 0.97 * RATE as f64;

pub(super) fn comparison(bench: &Bench) -> Comparison<'_> {
    let measure = move || {
        let without = share(bench, None)?;
        let with = share(bench, Some(&Scratch::in_memory("recording.jsonl")))?;
        Ok([with - without, with])
    };
    let contender = Contender::new("sockpit listen --frame lines --record", measure)
        .with_target(Target::AtMost(0.3));
    let title = "recorder: what recording 20,000 lines of 64 bytes a second takes";
    Comparison::new(
        format!("{title}, of one core"),
        Unit::Share,
        vec![contender],
    )
    .with_aspect(
        "-all",
        format!("{title}, the session itself included"),
        Unit::Share,
    )
}

/// The share of one core that a session takes under the load.
fn share(bench: &Bench, recording: Option<&Scratch>) -> io::Result<f64> {
    let mut command = bench.listen(&["tcp://127.0.0.1:0", "--frame", "lines", "--as", "none"]);
    if let Some(recording) = recording {
        command.arg("--record").arg(recording.path());
    }
    let server = Server::announced(&mut command)?;
    let before = server.processor_time()?;
    let [rate] = process::figures(&mut bench.load("paced", server.port, RATE))?;
    if rate < LEAST_RATE {
        let message = format!("the load came to {rate:.0} messages a second");
        return Err(io::Error::other(message));
    }
    let spent = process::settled_time(server.pid())? - before;
    Ok(spent.as_secs_f64() / bench.time.as_secs_f64())
}
