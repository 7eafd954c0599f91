//! What can be wrong in a rule file.

use crate::rule::pattern::PatternError;
use crate::rule::payload::PayloadError;
use crate::text::escape::VisibleLine;
use crate::time::{ParseTimeSpanError, TimeSpan};

/// What is wrong at one place of a rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// It is no TOML.
    #[error("{reason}")]
    Toml {
        /// What the reader of TOML says.
        reason: String,
    },
    /// The file is too long.
    #[error("the file is longer than {} KiB", limit / 1024)]
    Long {
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The file says nothing.
    #[error("the file has no `[[rule]]`, no `[[script]]` and no `[[list]]`")]
    Nothing,
    /// A key that nobody knows, and one that is nearly the same.
    #[error(
        "`{}` is no key of {what}; did you mean `{nearest}`?",
        VisibleLine(key)
    )]
    NearKey {
        /// The key.
        key: String,
        /// Of what.
        what: &'static str,
        /// The known key that is nearest.
        nearest: &'static str,
    },
    /// A key that nobody knows.
    #[error(
        "`{}` is no key of {what}, which has {}",
        VisibleLine(key),
        Words(known)
    )]
    Key {
        /// The key.
        key: String,
        /// Of what.
        what: &'static str,
        /// What is known.
        known: &'static [&'static str],
    },
    /// A value of another type.
    #[error("`{key}` is {wanted}, not {found}")]
    Type {
        /// The key.
        key: &'static str,
        /// What it should be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A key is missing.
    #[error("{what} needs `{key}`")]
    Missing {
        /// Of what.
        what: &'static str,
        /// Which.
        key: &'static str,
    },
    /// Two keys of which there can be one.
    #[error("{what} has one of {}, not both `{first}` and `{second}`", Words(of))]
    Both {
        /// What has them.
        what: &'static str,
        /// One key.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Of which there can be one.
        of: &'static [&'static str],
    },
    /// A key that does not go with another one.
    #[error("`{key}` does not go with `{with}`")]
    Apart {
        /// The key.
        key: &'static str,
        /// The other.
        with: &'static str,
    },
    /// A rule or an expectation without a pattern.
    #[error(
        "{what} needs a pattern: `equals`, `starts`, `ends`, `contains`, `regex`, `hex` or `any = true`"
    )]
    NoPattern {
        /// What needs it.
        what: &'static str,
    },
    /// A rule that does nothing.
    #[error(
        "the rule does nothing; it needs `reply`, `reply_hex`, `echo`, `upper`, `close` or `discard = true`"
    )]
    NoAnswer,
    /// A step or an item without a subject.
    #[error("nothing is sent; write `send` or `send_hex`, or in a script `expect`")]
    NoStep,
    /// A list without items.
    #[error("a list needs `items`, such as `items = [{{ send = \"hello\" }}]`")]
    NoItems,
    /// `${message}` where nothing is answered.
    #[error("`${{message}}` is for answers; after an expectation, `${{0}}` is what was found")]
    NoMessage,
    /// A repetition of nothing.
    #[error("there is nothing to repeat")]
    RepeatsNothing,
    /// An end after a repetition without one.
    #[error("`close` comes after the last repetition; give `repeat` a `count`")]
    ClosesNever,
    /// A list that repeats without a pause.
    #[error("a list that repeats takes at least 1ms; give an item a `delay`")]
    Fast,
    /// A time that is too short.
    #[error("`{key}` is at least {least}")]
    Short {
        /// The key.
        key: &'static str,
        /// How long it must be.
        least: TimeSpan,
    },
    /// A number out of its range.
    #[error("`{key}` is a number from {first} to {last}, not {found}")]
    Range {
        /// The key.
        key: &'static str,
        /// The lowest.
        first: u32,
        /// The highest.
        last: u32,
        /// What it is.
        found: String,
    },
    /// Too many of a kind.
    #[error("there are more than {limit} of `{key}`")]
    Many {
        /// The key.
        key: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// A name that two have.
    #[error("there are two called `{}`", VisibleLine(name))]
    Twice {
        /// The name.
        name: String,
    },
    /// A name without a letter.
    #[error("the name is empty")]
    NoName,
    /// A group with the name of something else.
    #[error("a group cannot be called `{name}`: `${{{name}}}` is something else")]
    GroupName {
        /// The name.
        name: String,
    },
    /// A time that is none.
    #[error(transparent)]
    Time(ParseTimeSpanError),
    /// A pattern that is none.
    #[error(transparent)]
    Pattern(PatternError),
    /// A payload that is none.
    #[error(transparent)]
    Payload(PayloadError),
    /// What only a scenario can have wrong.
    #[error(transparent)]
    Scenario(crate::scenario::Mistake),
}

/// Keys as a sentence has them: `a`, `b` and `c`.
struct Words<'a>(&'a [&'static str]);

impl std::fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(words) = self;
        for (index, word) in words.iter().enumerate() {
            match index {
                0 => write!(f, "`{word}`")?,
                _ if index + 1 == words.len() => write!(f, " and `{word}`")?,
                _ => write!(f, ", `{word}`")?,
            }
        }
        Ok(())
    }
}
