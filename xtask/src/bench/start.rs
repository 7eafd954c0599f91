//! How long it takes until a program has said something and is gone.

use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::Bench;
use super::comparison::{Comparison, Contender, Target, Unit};

/// Starts that make one figure, their mean.
const STARTS: u32 = 50;

pub(super) fn comparison(bench: &Bench) -> Comparison<'_> {
    let ours = || {
        let mut command = Command::new(&bench.sockpit);
        command.arg("--version");
        seconds_per_start(&mut command)
    };
    let nc = || {
        let mut command = Command::new("nc.openbsd");
        command.arg("-h");
        seconds_per_start(&mut command)
    };
    Comparison {
        title: format!("start: a program's first word and end, mean of {STARTS}"),
        unit: Unit::Seconds,
        contenders: vec![
            Contender::new("sockpit --version", ours),
            Contender::new("nc.openbsd -h", nc).with_target(Target::RatioAtMost(2.0)),
        ],
    }
}

fn seconds_per_start(command: &mut Command) -> io::Result<f64> {
    command.stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    for _ in 0..STARTS {
        // nc.openbsd ends with 1 after its help, so only that it ran is asked.
        command.status()?;
    }
    Ok(began.elapsed().as_secs_f64() / f64::from(STARTS))
}
