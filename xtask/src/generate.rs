//! What is made of the program itself: its manual pages and its help, under `docs/reference`.
//!
//! A test of the program holds them against what it would write.

use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

pub(crate) fn run(root: &Path) -> io::Result<ExitCode> {
    for (folder, form) in [
        ("docs/reference", &["--markdown"][..]),
        ("docs/reference/man", &[]),
    ] {
        let status = Command::new("cargo")
            .args(["run", "--quiet", "--package", "sockpit", "--", "man"])
            .args(form)
            .args(["--out", folder])
            // The reference is in English, whoever writes it.
            .env("LC_ALL", "C")
            .env("LANG", "C")
            .current_dir(root)
            .status()?;
        if !status.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
