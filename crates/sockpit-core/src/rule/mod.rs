//! The one rule language: when a message looks like this, answer that.
//!
//! [`Rules`] are what a file says, or `--reply`; they do not change and are shared. A [`Responder`]
//! is what they come to in one conversation: it is told messages and times, and says what to do.
//! `docs/rules.md` is the language's reference.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

pub mod file;
mod hits;
pub mod outline;
pub mod pattern;
pub mod payload;
pub mod responder;
pub mod trial;

pub(crate) mod random;

pub use file::RuleError;
pub use hits::Hits;
pub use pattern::{Captures, Match, Message, Pattern, PatternError, Place};
pub use payload::{Payload, PayloadError, Peer};
pub use responder::{Action, Responder, Withheld};

use crate::text::charset::{Charset, EncodeError};
use crate::text::escape::VisibleLine;

/// What a rule file says: answers, a script, and lists of things to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<Rule>,
    script: Vec<Step>,
    lists: Vec<List>,
    sources: file::Sources,
    /// Counts who answered, where somebody wants to know.
    hits: hits::Counted,
}

/// When a message looks like this, answer that.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// What it is called, for people.
    name: Option<String>,
    pattern: Pattern,
    answer: Answer,
    /// From the message to the answer.
    delay: Duration,
    repeat: Option<Repeat>,
    /// Whether the conversation ends after the last answer.
    closes: bool,
    /// Whether the rules after it are asked too.
    continues: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Nothing,
    Echo,
    Upper,
    Payload(Payload),
}

/// How an answer is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Repeat {
    every: Duration,
    /// How often in all; without end if `None`.
    count: Option<NonZeroU32>,
}

/// One step of a script: the file's `[[script]]`, and `--send` and `--expect` of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send something.
    Send {
        /// What; it may name what the last expectation caught.
        payload: Payload,
        /// How long after the step before.
        after: Duration,
    },
    /// Wait for something.
    Expect {
        /// What it looks like.
        pattern: Pattern,
        /// How long at most; as long as `--within` says if `None`.
        within: Option<Duration>,
        /// What it is called when it is not met.
        label: String,
        /// The exit code when it is not met.
        exit: u8,
    },
}

impl Step {
    /// The exit code of an expectation that was not met, where the file names no other.
    pub const UNMET: u8 = 3;

    /// An expectation of the command line.
    ///
    /// # Errors
    ///
    /// As of [`Pattern::parse_expectation`].
    pub fn expect(text: &str) -> Result<Self, PatternError> {
        let pattern = Pattern::parse_expectation(text)?;
        Ok(Self::Expect {
            label: text.to_owned(),
            pattern,
            within: None,
            exit: Self::UNMET,
        })
    }
}

/// Things to send one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// What it is called; no other list is called so.
    pub name: String,
    /// Whether it runs as soon as a conversation is open.
    pub start: bool,
    /// How often it runs through; without end if `None`.
    pub rounds: Option<NonZeroU32>,
    /// What it sends, in order.
    pub items: Vec<Item>,
}

/// One thing of a [`List`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is called; no other item of the list is called so.
    pub name: Option<String>,
    /// What is sent.
    pub payload: Payload,
    /// How long after the item before, or the start of the list.
    pub delay: Duration,
}

impl Rules {
    /// Reads a rule file; `file_name` is what errors call it.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line and column.
    pub fn parse(source: &str, file_name: &str) -> Result<Self, RuleError> {
        file::parse(source, file_name)
    }

    /// The one rule that `--reply` stands for: every message is answered like this.
    #[must_use]
    pub fn from_reply(reply: Reply) -> Self {
        let answer = match reply {
            Reply::Echo => Answer::Echo,
            Reply::Upper => Answer::Upper,
            Reply::Discard => Answer::Nothing,
            Reply::Fixed(payload) => Answer::Payload(payload),
        };
        let rule = Rule {
            name: None,
            pattern: Pattern::any(),
            answer,
            delay: Duration::ZERO,
            repeat: None,
            closes: false,
            continues: false,
        };
        Self {
            rules: vec![rule],
            ..Self::default()
        }
    }

    /// Lists of things to send, and nothing else.
    #[must_use]
    pub fn from_lists(lists: Vec<List>) -> Self {
        Self {
            lists,
            ..Self::default()
        }
    }

    /// Counts from here on how often each rule fits a message, in all conversations that share these
    /// rules.
    #[must_use]
    pub fn counted(mut self) -> Self {
        self.hits = hits::Counted::of(self.rules.len());
        self
    }

    /// How often each rule has fitted, where that is counted.
    #[must_use]
    pub fn hits(&self) -> Option<&Hits> {
        self.hits.get()
    }

    /// The name of each rule, in the order of the file.
    pub fn names(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.rules.iter().map(|rule| rule.name.as_deref())
    }

    /// The steps of the script, in order.
    #[must_use]
    pub fn script(&self) -> &[Step] {
        &self.script
    }

    /// The lists, in the order of the file.
    #[must_use]
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// Whether it answers nothing and starts nothing by itself, so that no responder is needed.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.rules
            .iter()
            .all(|rule| rule.answer == Answer::Nothing && !rule.closes)
            && !self.lists.iter().any(|list| list.start)
    }

    /// Whether a rule looks at the text of messages that are not in UTF-8, where the bytes are the
    /// text. What a conversation needs, [`Responder::needs_text`] says.
    #[must_use]
    pub fn needs_text(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.pattern.needs_text() || rule.answer == Answer::Upper)
    }

    /// Whether the charset can say all that is sent, and all that is looked for.
    ///
    /// # Errors
    ///
    /// Names the place of the first text that it cannot say.
    pub fn check(&self, charset: Charset) -> Result<(), CheckError> {
        let literals = self.literals().enumerate();
        for (index, literal) in literals {
            let checked = match literal {
                Literal::Pattern(pattern) => pattern
                    .literal()
                    .map_or(Ok(()), |text| charset.encode(text).map(drop)),
                Literal::Payload(payload) => payload.check(charset),
            };
            if let Err(error) = checked {
                return Err(CheckError {
                    place: self.sources.place(index),
                    error,
                });
            }
        }
        Ok(())
    }

    /// Writes the file that reads back as these rules.
    #[must_use]
    pub fn to_toml(&self) -> String {
        file::write(self)
    }

    /// All patterns and payloads, in the order in which the file is read.
    fn literals(&self) -> impl Iterator<Item = Literal<'_>> {
        let rules = self.rules.iter().flat_map(|rule| {
            let payload = match &rule.answer {
                Answer::Payload(payload) => Some(Literal::Payload(payload)),
                Answer::Nothing | Answer::Echo | Answer::Upper => None,
            };
            std::iter::once(Literal::Pattern(&rule.pattern)).chain(payload)
        });
        let script = self.script.iter().map(|step| match step {
            Step::Send { payload, .. } => Literal::Payload(payload),
            Step::Expect { pattern, .. } => Literal::Pattern(pattern),
        });
        let items = self.lists.iter().flat_map(|list| &list.items);
        rules
            .chain(script)
            .chain(items.map(|item| Literal::Payload(&item.payload)))
    }
}

impl fmt::Display for Rules {
    /// In a few words, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.rules.len(), "rule"),
            (self.script.len(), "step"),
            (self.lists.len(), "list"),
        ];
        let mut joint = "";
        for (count, word) in counts.into_iter().filter(|(count, _)| *count > 0) {
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{joint}{count} {word}{plural}")?;
            joint = ", ";
        }
        if joint.is_empty() {
            f.write_str("nothing")
        } else {
            Ok(())
        }
    }
}

enum Literal<'a> {
    Pattern(&'a Pattern),
    Payload(&'a Payload),
}

/// What a charset cannot say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{error}")]
pub struct CheckError {
    /// `rules.toml:7:9: `, or empty where there is no file.
    place: String,
    /// Which character it is.
    error: EncodeError,
}

/// What `--reply` takes: an answer to every message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The message itself.
    Echo,
    /// The message in capital letters.
    Upper,
    /// Nothing.
    Discard,
    /// A text with `${…}`.
    Fixed(Payload),
}

impl FromStr for Reply {
    type Err = ParseReplyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "echo" => Ok(Self::Echo),
            "upper" => Ok(Self::Upper),
            "discard" => Ok(Self::Discard),
            _ => match text.strip_prefix("fixed:") {
                Some(template) => Ok(Self::Fixed(Payload::template(
                    template,
                    Some(&Pattern::any()),
                )?)),
                None => Err(ParseReplyError::Word {
                    text: text.to_owned(),
                }),
            },
        }
    }
}

/// Why a text is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseReplyError {
    /// A word that nobody knows.
    #[error(
        "`{}` is no reply; write `echo`, `upper`, `discard` or `fixed:TEXT`",
        VisibleLine(text)
    )]
    Word {
        /// It.
        text: String,
    },
    /// The text after `fixed:` cannot be read.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

#[cfg(test)]
mod tests;
