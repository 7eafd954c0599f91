//! What `encode` and `decode` are given: words, stdin or a file.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sockpit_core::size::ByteSize;
use sockpit_core::text::escape::Visible;

use crate::console::Console;
use crate::exit::{Exit, sentence};

/// In bytes: a paste is held in memory, in several forms at once.
const MOST: usize = 64 * 1024 * 1024;

/// What was given: the words with single spaces between them, `-` or a pipe for stdin, or a file.
pub(super) fn read(
    words: &[String],
    file: Option<&PathBuf>,
    what: &str,
) -> anyhow::Result<Vec<u8>> {
    match (file, words) {
        (Some(path), []) => read_file(path),
        (Some(_), _) => bail!("give {what} as words or with `--file`, not both"),
        (None, [dash]) if dash == "-" => read_all(io::stdin().lock(), "stdin"),
        (None, []) if io::stdin().is_terminal() => {
            bail!("nothing to work on; write {what}, `-` for stdin, or `--file PATH`")
        }
        (None, []) => read_all(io::stdin().lock(), "stdin"),
        (None, words) => Ok(words.join(" ").into_bytes()),
    }
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read `{name}`"))?;
    read_all(file, &format!("`{name}`"))
}

fn read_all(reader: impl Read, name: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .take(MOST as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() > MOST {
        bail!("{name} has more than {}, which is no paste", ByteSize(MOST));
    }
    Ok(bytes)
}

/// Writes what came out: exact into a pipe; on a terminal with everything visible that could be used
/// against it.
pub(super) fn write(bytes: &[u8], console: &Console) -> anyhow::Result<()> {
    if !io::stdout().is_terminal() {
        return console.data(bytes).context("cannot write to stdout");
    }
    let text = String::from_utf8_lossy(bytes);
    let shown = Visible(&text).to_string();
    console
        .data(shown.as_bytes())
        .context("cannot write to stdout")
}

/// Says why it did not work.
pub(super) fn explain(result: anyhow::Result<Exit>, console: &Console) -> Exit {
    result.unwrap_or_else(|error| {
        console.error(&sentence(&error));
        Exit::Usage
    })
}
