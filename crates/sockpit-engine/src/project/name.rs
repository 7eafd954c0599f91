//! What a file of a project may be called.

use std::fmt;
use std::str::FromStr;

use sockpit_core::text::escape::VisibleLine;

/// The end of every name.
const SUFFIX: &str = ".toml";

/// In characters: how long a name may be, without its end.
const LONGEST: usize = 60;

/// `NAME.toml`: one component of a path, of letters, digits, blanks and `-_.()+`.
///
/// It begins with a letter, a digit or `_`, so that it is neither hidden nor an option of a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

impl FileName {
    /// The name for a thing that people call `name`: what no file may be called is left out of it.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let fit = |c: char| if is_fit(c) { c } else { '-' };
        let mut stem: String = name.trim().chars().map(fit).collect();
        stem = stem
            .trim_start_matches(|c| !begins(c))
            .chars()
            .take(LONGEST)
            .collect();
        let stem = stem.trim_end_matches([' ', '.', '-']);
        match stem {
            "" => Self(format!("session{SUFFIX}")),
            stem => Self(format!("{stem}{SUFFIX}")),
        }
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its end.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.0.strip_suffix(SUFFIX).unwrap_or(&self.0)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FileName {
    type Err = ParseFileNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_fine = text.strip_suffix(SUFFIX).is_some_and(|stem| {
            stem.chars().next().is_some_and(begins)
                && stem.chars().all(is_fit)
                && !stem.ends_with([' ', '.'])
                && stem.chars().count() <= LONGEST
        });
        match is_fine {
            true => Ok(Self(text.to_owned())),
            false => Err(ParseFileNameError {
                text: text.chars().take(LONGEST * 2).collect(),
            }),
        }
    }
}

fn begins(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_fit(c: char) -> bool {
    c.is_alphanumeric() || " -_.()+".contains(c)
}

/// What no file of a project may be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no name of a file here; write `NAME.toml`, NAME of letters, digits, blanks and `-_.()+`",
    VisibleLine(text)
)]
pub struct ParseFileNameError {
    text: String,
}
