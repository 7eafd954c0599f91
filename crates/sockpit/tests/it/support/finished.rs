//! Programs that have ended, and what is to be true of them.

use std::time::Duration;

/// A program that has ended.
pub(crate) struct Finished {
    pub(super) name: String,
    /// `None` if a signal killed it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// From its start to its end.
    pub(crate) took: Duration,
}

impl Finished {
    /// Its stdout, which has to be UTF-8.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|_| panic!("no text\n{}", self.told()))
    }

    /// Fails with everything that the program wrote.
    #[track_caller]
    pub(crate) fn check_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "the exit code\n{}", self.told());
        self
    }

    #[track_caller]
    pub(crate) fn check_stdout(self, stdout: impl AsRef<[u8]>) -> Self {
        let stdout = stdout.as_ref();
        assert!(
            self.stdout == stdout,
            "not `{}`\n{}",
            stdout.escape_ascii(),
            self.told()
        );
        self
    }

    /// Every one of these stands in what was told on stderr.
    #[track_caller]
    pub(crate) fn check_stderr(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "`{part}` is missing\n{}",
                self.told()
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn check_silent(self) -> Self {
        assert!(
            self.stderr.is_empty(),
            "something was told on stderr\n{}",
            self.told()
        );
        self
    }

    pub(crate) fn told(&self) -> String {
        let shown = &self.stdout[..self.stdout.len().min(4096)];
        let Self {
            name, code, stderr, ..
        } = self;
        format!(
            "{name}\ncode: {code:?}\nstdout: {}\nstderr: {stderr}",
            shown.escape_ascii()
        )
    }
}
