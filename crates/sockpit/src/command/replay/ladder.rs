//! The sequence diagram of a recording, with what programs wrote and read at its edges; of both ends,
//! where there are two.

use anyhow::Context as _;
use sockpit_core::ladder;

use super::Args;
use super::sources::Sources;
use crate::console::{Canvas, Console, Ladder};
use crate::exit::Exit;

/// Draws the recording, and saves the picture that is wanted.
pub(super) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let mut sources = Sources::open(args)?;
    let standard = Ladder::options(Canvas::stdout(), args.teach);
    let mut ladder = ladder::Ladder::new(ladder::Options {
        charset: args.text.map_or(standard.charset, |text| text.0),
        ..standard
    });
    let has_lines = args.ladder || args.teach;
    while let Some(told) = sources.next()? {
        ladder.push_event(told.source, &told.event, told.epoch);
        let lines = ladder.take();
        if has_lines {
            console.print(&lines);
        }
    }
    let lines = ladder.finish();
    if has_lines {
        console.print(&lines);
    }
    if let Some(path) = &args.svg {
        let name = path.display();
        std::fs::write(path, ladder.svg()).with_context(|| format!("cannot write `{name}`"))?;
    }
    sources.warn(args, console);
    Ok(Exit::Done)
}
