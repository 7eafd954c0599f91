//! How a cost grows with what it is paid for: the points of several tables in one.

use std::fmt;

use super::Bench;
use super::comparison::{Comparison, Contender, Turns};
use super::echo::announced;
use super::table::{Line, Outcome, Table, Unit, grouped};

/// By how much more than the reference's the cost may rise from where it was lowest.
const ROOM: f64 = 1.25;

/// In bytes: reading a frame of this length byte by byte takes many seconds.
const SLOW: usize = 16 << 20;

/// What is put together, and how it is called.
const SERIES: [Series; 3] = [
    Series {
        name: "growth-connections",
        title: "growth: time for one 64-byte round trip, by connections",
        points: "echo-",
        count: "connections",
        from: 10,
    },
    Series {
        name: "growth-stream",
        title: "growth: time for each byte of a stream in lines of 1 KiB, its connection included, by length",
        points: "stream-",
        count: "bytes",
        from: 0,
    },
    Series {
        name: "growth-frame",
        title: "growth: time for each byte of one frame, read byte by byte, by its length",
        points: "frame-",
        count: "bytes",
        from: 0,
    },
];

/// Tables that differ in one number, which ends their names.
struct Series {
    name: &'static str,
    title: &'static str,
    /// How the names of the tables begin.
    points: &'static str,
    /// What the number counts.
    count: &'static str,
    /// The least number that is a point.
    from: u64,
}

/// A cost by a number.
#[derive(Debug, PartialEq)]
pub(super) struct Growth {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What the numbers count.
    pub(super) count: &'static str,
    pub(super) numbers: Vec<u64>,
    /// Ours is the first.
    pub(super) curves: Vec<Curve>,
}

/// A program's costs, one a number, in seconds.
#[derive(Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) costs: Vec<f64>,
}

/// A stream of lines that nobody watches.
pub(super) fn stream(bench: &Bench, bytes: usize) -> Comparison<'_> {
    point(
        bench,
        ("stream", bytes),
        &["--frame", "lines", "--as", "none"],
        ("reads of 256 KiB by hand", "262144"),
    )
}

/// One frame behind its length, read one byte at a time.
pub(super) fn frame(bench: &Bench, bytes: usize) -> Comparison<'_> {
    let framed = &[
        "--frame",
        "len:u32be",
        "--max-frame",
        "17MiB",
        "--read-size",
        "1",
        "--as",
        "none",
    ];
    let turns = match bytes {
        ..SLOW => Turns::EachRun(1),
        _ => Turns::Once,
    };
    let by_hand = ("reads of one byte by hand", "1");
    point(bench, ("frame", bytes), framed, by_hand).with_turns(turns)
}

fn point<'a>(
    bench: &'a Bench,
    (load, bytes): (&'static str, usize),
    options: &'static [&'static str],
    (by_hand, read_size): (&'static str, &'static str),
) -> Comparison<'a> {
    let ours = move || {
        let listen = [&["tcp://127.0.0.1:0"], options].concat();
        announced::<1>(bench, load, bytes, &mut bench.listen(&listen))
    };
    let reference = move || {
        announced::<1>(
            bench,
            load,
            bytes,
            &mut bench.reference(&["discard", read_size]),
        )
    };
    Comparison::new(
        format!("{load}: {bytes} bytes, time for each"),
        Unit::Seconds,
        vec![
            Contender::new(format!("sockpit listen {}", options[..2].join(" ")), ours),
            Contender::new(by_hand, reference),
        ],
    )
}

/// The growths whose points are among the tables.
pub(super) fn among(tables: &[Table]) -> Vec<Growth> {
    SERIES
        .iter()
        .filter_map(|series| series.growth(tables))
        .collect()
}

/// Whether a table is nothing but a point of a growth.
pub(super) fn is_point(table: &Table) -> bool {
    let has_target = table.lines.iter().any(|line| line.target.is_some());
    let has_prefix = |series: &Series| table.name.starts_with(series.points);
    !has_target && SERIES.iter().any(has_prefix)
}

impl Series {
    /// `None` with fewer than two points.
    fn growth(&self, tables: &[Table]) -> Option<Growth> {
        let mut points: Vec<(u64, &Table)> = tables
            .iter()
            .filter_map(|table| Some((table.name.strip_prefix(self.points)?.parse().ok()?, table)))
            .filter(|(number, _)| self.from <= *number)
            .collect();
        points.sort_by_key(|(number, _)| *number);
        // Programs that were not measured at every point have no curve.
        let names = points.first()?.1.lines.iter().map(|line| &line.name);
        let curve = |name: &String| {
            let cost = |(_, table): &(u64, &Table)| {
                let line = table.lines.iter().find(|line| line.name == *name)?;
                cost(line, table.unit)
            };
            Some(Curve {
                name: name.clone(),
                costs: points.iter().map(cost).collect::<Option<_>>()?,
            })
        };
        (2 <= points.len()).then(|| Growth {
            name: self.name,
            title: self.title,
            count: self.count,
            numbers: points.iter().map(|(number, _)| *number).collect(),
            curves: names.filter_map(curve).collect(),
        })
    }
}

impl Growth {
    /// Whether our cost rises hardly more than the reference's, which is the last curve.
    pub(super) fn is_met(&self) -> bool {
        match &self.curves[..] {
            [ours, .., reference] => ours.rise() <= reference.rise() * ROOM,
            _ => false,
        }
    }

    /// What our rise must be, in words.
    pub(super) fn target(&self) -> String {
        format!("at most {ROOM} of the reference's")
    }
}

impl Curve {
    /// The largest factor from a cost to one at a larger number; 1 where it only falls.
    pub(super) fn rise(&self) -> f64 {
        let mut lowest = f64::INFINITY;
        let rises = self.costs.iter().map(|cost| {
            lowest = cost.min(lowest);
            cost / lowest
        });
        rises.fold(1.0, f64::max)
    }
}

/// In Markdown.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} |", self.count)?;
        for curve in &self.curves {
            write!(f, " {} |", curve.name)?;
        }
        writeln!(f, "\n|--:|{}", "--:|".repeat(self.curves.len()))?;
        for (place, number) in self.numbers.iter().enumerate() {
            write!(f, "| {} |", grouped(*number as f64))?;
            for curve in &self.curves {
                write!(f, " {} |", Unit::Seconds.show(curve.costs[place]))?;
            }
            writeln!(f)?;
        }
        write!(f, "| largest rise |")?;
        for curve in &self.curves {
            write!(f, " × {:.2} |", curve.rise())?;
        }
        writeln!(
            f,
            "\n\nTarget: our rise {}; met: {}.",
            self.target(),
            if self.is_met() { "yes" } else { "**no**" }
        )
    }
}

/// What one thing cost, in seconds; `None` where nothing was measured.
fn cost(line: &Line, unit: Unit) -> Option<f64> {
    let median = match &line.outcome {
        Outcome::Done(_) => line.spread()?.median,
        Outcome::Absent | Outcome::Failed(_) => return None,
    };
    Some(match unit {
        Unit::PerSecond => 1.0 / median,
        _ => median,
    })
}

#[cfg(test)]
mod tests;
