//! Lists of things to send, read from the files of other tools, and given as rules.

pub mod llcom;
pub mod sscom;

use std::collections::BTreeSet;
use std::fmt;

use crate::rule::Rules;

/// What another tool's file comes to.
#[derive(Debug)]
pub struct Import {
    /// Its lists.
    pub rules: Rules,
    /// What could not be understood, in the order of the file.
    pub troubles: Vec<Trouble>,
    /// What the lists do not say, and their user should know: one sentence each.
    pub notes: Vec<String>,
}

/// An entry or a line that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Trouble {
    /// Where in the file it is.
    pub place: Place,
    /// What is wrong with it, and what became of it.
    pub what: String,
}

/// Where in a file something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In this line, from 1.
    Line(usize),
    /// In this entry of this page, both from 1.
    Entry {
        /// Which page.
        page: usize,
        /// Which of its entries.
        entry: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Entry { page, entry } => write!(f, "page {page}, entry {entry}"),
        }
    }
}

/// Why a file is not read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no list that is known: neither SSCOM's `sscom.ini`, with lines such as `N1=A,text`, nor llcom's `settings.json`"
)]
pub struct Unknown;

/// Reads the file of another tool, whichever it is.
///
/// # Errors
///
/// Returns [`Unknown`] where it is none that is known.
pub fn read(bytes: &[u8]) -> Result<Import, Unknown> {
    llcom::read(bytes).or_else(|Unknown| sscom::read(bytes))
}

impl Import {
    /// The rule file, with what its user should know at its head.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let notes = self.notes.iter().map(|note| format!("# {note}\n"));
        let mut text: String = notes.collect();
        if !text.is_empty() {
            text.push('\n');
        }
        text + &self.rules.to_toml()
    }
}

/// Gives each thing a name that no other has.
#[derive(Debug, Default)]
struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    fn take(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.taken.insert(name.clone()) {
            number += 1;
            name = format!("{wanted} {number}");
        }
        name
    }
}

#[cfg(test)]
mod tests;
