//! What `cargo xtask bench` was told.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Words as typed, understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arguments {
    /// Benchmarks and groups of them; none means all.
    pub(super) names: Vec<String>,
    pub(super) runs: usize,
    /// Of the file that `bulk` sends, in MiB.
    pub(super) size_mib: u64,
    /// Of a load that has no end of its own.
    pub(super) time: Duration,
    /// A build to measure; `None` is one made for it.
    pub(super) program: Option<PathBuf>,
    /// Where the figures go.
    pub(super) json: Option<PathBuf>,
    /// Figures of before, which stay for what is not named.
    pub(super) from: Option<PathBuf>,
    /// Where pictures go, if not into the documents.
    pub(super) plot: Option<PathBuf>,
    /// Whether the documents get what was measured.
    pub(super) is_written: bool,
}

impl Arguments {
    /// Understands words; `known` are the names of the benchmarks.
    ///
    /// # Errors
    ///
    /// A sentence about the first word that cannot be understood.
    pub(super) fn parse(words: &[String], known: &[&str]) -> Result<Self, String> {
        let mut arguments = Self {
            names: Vec::new(),
            runs: 7,
            size_mib: 2048,
            time: Duration::from_secs(2),
            program: None,
            json: None,
            from: None,
            plot: None,
            is_written: false,
        };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--runs" => arguments.runs = number(word, words.next())?,
                "--size" => arguments.size_mib = number(word, words.next())?,
                "--seconds" => {
                    let seconds: f64 = number(word, words.next())?;
                    arguments.time = Duration::try_from_secs_f64(seconds)
                        .map_err(|_| format!("`{word}` does not go so far"))?;
                }
                "--program" => arguments.program = Some(path(word, words.next())?),
                "--json" => arguments.json = Some(path(word, words.next())?),
                "--from" => arguments.from = Some(path(word, words.next())?),
                "--plot" => arguments.plot = Some(path(word, words.next())?),
                "--write" => arguments.is_written = true,
                name if known.iter().any(|known| is_of(known, name)) => {
                    arguments.names.push(name.to_owned());
                }
                _ => {
                    return Err(format!(
                        "no benchmark is called `{word}`; there are {}",
                        known.join(", ")
                    ));
                }
            }
        }
        Ok(arguments)
    }

    /// The command, as far as figures depend on it.
    pub(super) fn command(&self) -> String {
        let mut command = "cargo xtask bench".to_owned();
        for name in &self.names {
            command.push(' ');
            command.push_str(name);
        }
        let (runs, seconds, size) = (self.runs, self.time.as_secs_f64(), self.size_mib);
        command + &format!(" --runs {runs} --seconds {seconds} --size {size}")
    }

    /// Whether a benchmark is to be measured.
    pub(super) fn wants(&self, benchmark: &str) -> bool {
        match &self.names[..] {
            [] => self.from.is_none(),
            names => names.iter().any(|name| is_of(benchmark, name)),
        }
    }
}

/// Whether a benchmark has this name, or is one of the group of this name: `echo-50` is of `echo`.
fn is_of(benchmark: &str, name: &str) -> bool {
    let rest = benchmark.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn path(option: &str, word: Option<&str>) -> Result<PathBuf, String> {
    word.map(PathBuf::from)
        .ok_or_else(|| format!("`{option}` needs a path"))
}

fn number<N: FromStr + PartialOrd + Default>(
    option: &str,
    word: Option<&str>,
) -> Result<N, String> {
    word.and_then(|word| word.parse().ok())
        .filter(|number| *number > N::default())
        .ok_or_else(|| format!("`{option}` needs a number above 0"))
}

#[cfg(test)]
mod tests;
