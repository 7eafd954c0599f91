//! What is wrong with a filter, where, and the way out.

use super::ParseMomentError;
use crate::rule::PatternError;
use crate::text::escape::VisibleLine;

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// There is nothing in it.
    #[error("the filter is empty; write a term such as `in`, `peer 2` or `text ~ \"err\"`")]
    Empty,
    /// It is longer than people write.
    #[error("the filter has {len} bytes; one may have {most}")]
    TooLong {
        /// Its length, in bytes.
        len: usize,
        /// The longest, in bytes.
        most: usize,
    },
    /// Parentheses and `not` lie too deep in each other.
    #[error("more than {most} parentheses and `not` lie in each other at column {column}")]
    TooDeep {
        /// Where, in characters from 1.
        column: usize,
        /// How deep they may lie.
        most: usize,
    },
    /// Something else stands where one thing is due.
    #[error(
        "expected {expected} at column {column}, found {}{}",
        Found(found),
        Way(hint)
    )]
    Expected {
        /// Where, in characters from 1.
        column: usize,
        /// What would make sense.
        expected: String,
        /// What stands there; empty for the end.
        found: String,
        /// What may have been meant, or empty.
        hint: &'static str,
    },
    /// There is no such term.
    #[error(
        "`{}` at column {column} is no term of a filter{}; terms are in, out, peer, session, text, hex, \
         len, offset, at, addr, local, message, kind, reason, count, n, partial, malformed, truncated, \
         of packets tcp, udp, icmp, arp, port, host, src, dst, syn, fin, rst, flags, label, conversation, \
         seq, ack, window, and the events; quote what a message shall contain: `\"{}\"`",
        VisibleLine(word),
        Meant(meant),
        VisibleLine(word)
    )]
    Term {
        /// Where, in characters from 1.
        column: usize,
        /// The word.
        word: String,
        /// The term that looks most like it, if one does.
        meant: Option<&'static str>,
    },
    /// A quoted text has no end.
    #[error("the text that begins at column {column} has no closing `{quote}`")]
    Unclosed {
        /// Where, in characters from 1.
        column: usize,
        /// The mark that is due.
        quote: char,
    },
    /// An escape in a quoted text is none.
    #[error(
        "`{}` at column {column} is no escape; write `\\\\` for a backslash, or one of `\\\" \\' \\n \\r \\t \\0 \\xNN`",
        VisibleLine(escape)
    )]
    Escape {
        /// Where, in characters from 1.
        column: usize,
        /// What stands there.
        escape: String,
    },
    /// A range ends before it begins.
    #[error("the range at column {column} ends before it begins; write the smaller end first")]
    Range {
        /// Where, in characters from 1.
        column: usize,
    },
    /// An empty text would be found everywhere.
    #[error(
        "the text at column {column} is empty, and would be found everywhere; leave the term out"
    )]
    EmptyText {
        /// Where, in characters from 1.
        column: usize,
    },
    /// No bytes to look for.
    #[error("there are no bytes at column {column}; for an empty message write `len = 0`")]
    EmptyHex {
        /// Where, in characters from 1.
        column: usize,
    },
    /// A pattern is none.
    #[error("at column {column}: {error}")]
    Pattern {
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong with it.
        error: PatternError,
    },
    /// A moment is none.
    #[error("at column {column}: {error}")]
    Moment {
        /// Where, in characters from 1.
        column: usize,
        /// What is wrong with it.
        error: ParseMomentError,
    },
}

impl FilterError {
    /// Where, in characters from 1.
    #[must_use]
    pub const fn column(&self) -> usize {
        match self {
            Self::Empty | Self::TooLong { .. } => 1,
            Self::TooDeep { column, .. }
            | Self::Expected { column, .. }
            | Self::Term { column, .. }
            | Self::Unclosed { column, .. }
            | Self::Escape { column, .. }
            | Self::Range { column }
            | Self::EmptyText { column }
            | Self::EmptyHex { column }
            | Self::Pattern { column, .. }
            | Self::Moment { column, .. } => *column,
        }
    }
}

/// What stands where something else is due.
struct Found<'a>(&'a str);

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            f.write_str("the end")
        } else {
            write!(f, "`{}`", VisibleLine(self.0))
        }
    }
}

/// A way out, where there is one.
struct Way<'a>(&'a str);

impl std::fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, "; {}", self.0)
        }
    }
}

/// The term that was meant, where it can be guessed.
struct Meant<'a>(&'a Option<&'static str>);

impl std::fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(meant) => write!(f, " (`{meant}` is one)"),
            None => Ok(()),
        }
    }
}
