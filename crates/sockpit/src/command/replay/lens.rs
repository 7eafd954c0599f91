//! How writes, reads and messages cut the bytes of a recording; of both ends, where there are two.

use sockpit_core::lens::{self, Ends, Options};

use super::Args;
use super::sources::Sources;
use crate::console::{Canvas, Console, Lens};
use crate::exit::Exit;

/// Draws the recording.
pub(super) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let mut sources = Sources::open(args)?;
    let standard = Lens::options(Canvas::stdout());
    let mut lens = lens::Lens::new(Options {
        ends: match sources.len() {
            1 => Ends::One,
            _ => Ends::Two,
        },
        charset: args.text.map_or(standard.charset, |text| text.0),
        framing: args.frame.clone(),
        ..standard
    });
    while let Some(told) = sources.next()? {
        lens.push(told.source, &told.event);
        console.draw(&lens.take());
    }
    console.draw(&lens.finish());
    sources.warn(args, console);
    Ok(Exit::Done)
}
