//! The end of a command that shows or records what happens: the rest of it is written.

use anyhow::Context as _;
use sockpit_engine::recorder::Recorder;

use crate::console::{Console, Output};

/// Waits until all that was published is written; the workbench must be gone. Says what a recording
/// lacks.
///
/// # Errors
///
/// Returns why stdout took no more.
pub(super) async fn write_rest(
    recorder: Option<Recorder>,
    output: Option<Output>,
    console: &Console,
) -> anyhow::Result<()> {
    if let Some(recorder) = recorder
        && let Some(untold) = recorder.finish().await
    {
        console.error(&untold);
    }
    match output {
        Some(output) => output.finish().await.context("cannot write to stdout"),
        None => Ok(()),
    }
}
