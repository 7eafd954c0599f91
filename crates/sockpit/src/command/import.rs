//! `sockpit import`: the lists of other tools as a rule file.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sockpit_core::import::{self, Import};
use sockpit_core::rule::Rules;

use crate::console::Console;
use crate::exit::{Exit, sentence};

/// In bytes: what a rule file may hold, and far more than such lists do.
const FILE_LIMIT: u64 = 1 << 20;

/// What `sockpit import` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Files that are understood:
  sscom.ini, sscom51.ini    the list of strings (多条字符串) of SSCOM 3, 4 and 5: texts, bytes, notes,
                            delays, and the round that it repeats. Texts are read as GBK
  settings.json             the quick-send pages (快捷发送) of llcom, or one list exported from it

Of SSCOM the rule file has a list `sscom`, whose items are called as their notes, and a list
`sscom-loop` where there was a round; of llcom a list for each page. What cannot be understood is told with its line, and left out.

Examples:
  sockpit import sscom51.ini -o device.toml
  sockpit connect 192.168.1.50:502 --rules device.toml --text gbk
  > /send 读温度")]
pub(crate) struct Args {
    /// The file of the other tool; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write the rule file there, where there is none yet; to stdout if it is not said
    #[arg(short, long, value_name = "OUT.toml")]
    out: Option<PathBuf>,
}

/// Carries the command out.
pub(crate) fn run(args: &Args, console: &Console) -> Exit {
    match import(args, console) {
        Ok(()) => Exit::Done,
        Err(error) => {
            console.error(&sentence(&error));
            Exit::Usage
        }
    }
}

fn import(args: &Args, console: &Console) -> anyhow::Result<()> {
    let name = args.file.display();
    let bytes = read(&args.file).with_context(|| format!("cannot read {name}"))?;
    let import = import::read(&bytes).with_context(|| name.to_string())?;
    let Import {
        rules, troubles, ..
    } = &import;
    for trouble in troubles {
        console.say(&format!("{name}: {trouble}"));
    }
    if rules.lists().is_empty() {
        bail!("{name}: every entry is empty, or left out; there is nothing to write");
    }
    let text = import.to_toml();
    // What is longer than a rule file may be is better told here than when it is used.
    Rules::parse(&text, "the rule file").with_context(|| name.to_string())?;
    let Some(out) = args.out.as_ref().filter(|out| out.as_os_str() != "-") else {
        console
            .data(text.as_bytes())
            .context("cannot write to stdout")?;
        return Ok(());
    };
    let mut file =
        File::create_new(out).with_context(|| format!("cannot make {}", out.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", out.display()))?;
    let count = match rules.lists() {
        // The round repeats what the first list has.
        [all, round] if round.rounds.is_none() => all.items.len(),
        lists => lists.iter().map(|list| list.items.len()).sum(),
    };
    console.say(&format!("{count} entries are in {}", out.display()));
    Ok(())
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let source: &mut dyn Read = match path.as_os_str() == "-" {
        true => &mut std::io::stdin().lock(),
        false => &mut File::open(path)?,
    };
    source.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(std::io::Error::other("it is longer than 1 MiB"));
    }
    Ok(bytes)
}
