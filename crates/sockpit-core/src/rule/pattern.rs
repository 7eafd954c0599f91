//! What a message must look like, and what was found in it.

use std::fmt;
use std::ops::Range;

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};

mod hex;

/// What a message must look like.
///
/// A text is looked for in the decoded message where there is one, and in the bytes, as UTF-8,
/// where there is none. Bytes given in hexadecimal are looked for in the bytes.
#[derive(Clone)]
pub struct Pattern {
    kind: Kind,
    /// As it was written: the text, the regular expression, or the hexadecimal digits.
    source: String,
}

/// A message to look at.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    /// Its bytes, without header and delimiter.
    pub bytes: &'m [u8],
    /// Its text, where somebody decoded it.
    pub text: Option<&'m str>,
}

/// Where a pattern was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its place in bytes: in the UTF-8 of the text if `place` says so, else in the message's
    /// bytes. What comes later is looked for from its end.
    pub range: Range<usize>,
    /// What `range` counts in.
    pub place: Place,
    /// What the groups caught.
    pub captures: Captures,
}

impl Match {
    /// Where it ends in the message's bytes; `None` if it was found in the text.
    #[must_use]
    pub fn end_of_bytes(&self) -> Option<usize> {
        (self.place == Place::Bytes).then_some(self.range.end)
    }

    /// Where it ends in the message's text; `None` if it was found in the bytes.
    #[must_use]
    pub fn end_of_text(&self) -> Option<usize> {
        (self.place == Place::Text).then_some(self.range.end)
    }
}

/// In what a pattern was looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In the decoded text.
    Text,
    /// In the bytes.
    #[default]
    Bytes,
}

/// What a pattern caught: the whole match as group 0, then each group of the pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    place: Place,
    groups: Vec<Option<Vec<u8>>>,
}

impl Captures {
    /// What the group caught, if it took part: text as UTF-8, or bytes, as [`place`](Self::place)
    /// says.
    #[must_use]
    pub fn group(&self, index: usize) -> Option<&[u8]> {
        self.groups.get(index)?.as_deref()
    }

    /// Whether the groups hold text or bytes.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// In bytes: what all groups hold.
    pub(super) fn len(&self) -> usize {
        self.groups.iter().flatten().map(Vec::len).sum()
    }
}

#[derive(Clone)]
enum Kind {
    Any,
    Equals,
    Starts,
    Ends,
    Contains(Box<memmem::Finder<'static>>),
    Regex(Machine),
    /// Compiled to a regular expression on bytes, which bounds the time that a hostile message
    /// costs.
    Hex(Machine),
}

#[derive(Clone)]
struct Machine {
    regex: Regex,
    /// In bytes: the longest match there can be.
    reach: Option<usize>,
}

impl Pattern {
    /// Reads what `--expect` takes: `re:` and a regular expression, `hex:` and bytes such as
    /// `AA ?? 0D`, or else a text that the message contains.
    ///
    /// # Errors
    ///
    /// An empty text, a regular expression that is none, digits that are none.
    pub fn parse_expectation(text: &str) -> Result<Self, PatternError> {
        if let Some(regex) = text.strip_prefix("re:") {
            Self::regex(regex).map_err(|error| error.moved(3))
        } else if let Some(hex) = text.strip_prefix("hex:") {
            Self::hex(hex).map_err(|error| error.moved(4))
        } else {
            Self::contains(text)
        }
    }

    /// Every message.
    #[must_use]
    pub const fn any() -> Self {
        Self {
            kind: Kind::Any,
            source: String::new(),
        }
    }

    /// Whether every message fits.
    #[must_use]
    pub(super) const fn is_any(&self) -> bool {
        matches!(self.kind, Kind::Any)
    }

    /// A message that is this text.
    #[must_use]
    pub fn equals(text: &str) -> Self {
        Self {
            kind: Kind::Equals,
            source: text.to_owned(),
        }
    }

    /// A message that starts with a text.
    ///
    /// # Errors
    ///
    /// The text is empty.
    pub fn starts(text: &str) -> Result<Self, PatternError> {
        Ok(Self {
            kind: Kind::Starts,
            source: not_empty(text)?,
        })
    }

    /// A message that ends with a text.
    ///
    /// # Errors
    ///
    /// The text is empty.
    pub fn ends(text: &str) -> Result<Self, PatternError> {
        Ok(Self {
            kind: Kind::Ends,
            source: not_empty(text)?,
        })
    }

    /// A message that contains a text.
    ///
    /// # Errors
    ///
    /// The text is empty.
    pub fn contains(text: &str) -> Result<Self, PatternError> {
        let source = not_empty(text)?;
        let finder = Box::new(memmem::Finder::new(text).into_owned());
        Ok(Self {
            kind: Kind::Contains(finder),
            source,
        })
    }

    /// A message in which a regular expression matches.
    ///
    /// # Errors
    ///
    /// The expression is none, or would need more memory than a pattern may have.
    pub fn regex(text: &str) -> Result<Self, PatternError> {
        // An expression for the empty text matches everywhere, and is likely a mistake.
        let source = not_empty(text)?;
        let parsed = regex_syntax::ParserBuilder::new()
            .utf8(false)
            .nest_limit(NEST_LIMIT)
            .build()
            .parse(text);
        let hir = parsed.map_err(|error| PatternError::of_syntax(&error))?;
        let regex = compile(text)?;
        let reach = hir.properties().maximum_len();
        Ok(Self {
            kind: Kind::Regex(Machine { regex, reach }),
            source,
        })
    }

    /// A message that contains bytes, as digits such as `AA ?? 0D`.
    ///
    /// `??` is any byte, `A?` and `?A` any byte with that digit. A run of `??` is a group. `^` at
    /// the beginning ties the bytes to the message's first byte, `$` at the end to its last.
    ///
    /// # Errors
    ///
    /// Other characters, a byte of one digit, no bytes.
    pub fn hex(text: &str) -> Result<Self, PatternError> {
        let hex::Expression { regex, len } = hex::to_regex(text)?;
        let regex = compile(&regex)?;
        let kind = Kind::Hex(Machine {
            regex,
            reach: Some(len),
        });
        Ok(Self {
            kind,
            source: text.to_owned(),
        })
    }

    /// Looks for the pattern from the beginning of the message.
    #[must_use]
    pub fn find(&self, message: Message<'_>) -> Option<Match> {
        self.find_grown(message, 0)
    }

    /// The same for a message of which the first `known` bytes were looked at in vain, and to which
    /// more has come: what no match can begin in is passed over.
    #[must_use]
    pub fn find_grown(&self, message: Message<'_>, known: usize) -> Option<Match> {
        let (place, hay) = self.hay(message);
        // What stands behind a match may decide, such as the character behind a `\b`.
        let from = self.reach().map_or(0, |reach| {
            let behind = reach.saturating_add(char::MAX.len_utf8());
            known.saturating_sub(behind).min(hay.len())
        });
        let groups: Vec<Option<Range<usize>>> = match &self.kind {
            Kind::Regex(machine) | Kind::Hex(machine) if machine.regex.captures_len() > 1 => {
                let found = machine.regex.captures_at(hay, from)?;
                found
                    .iter()
                    .map(|group| group.map(|group| group.range()))
                    .collect()
            }
            _ => vec![Some(self.find_range(hay, from)?)],
        };
        let range = groups.first().cloned().flatten()?;
        let caught = |range: &Range<usize>| hay.get(range.clone()).map(<[u8]>::to_vec);
        let groups = groups
            .iter()
            .map(|group| group.as_ref().and_then(caught))
            .collect();
        Some(Match {
            range,
            place,
            captures: Captures { place, groups },
        })
    }

    /// Whether the message fits; nothing is allocated.
    #[must_use]
    pub fn is_match(&self, message: Message<'_>) -> bool {
        let (_, hay) = self.hay(message);
        match &self.kind {
            Kind::Any => true,
            Kind::Regex(machine) | Kind::Hex(machine) => machine.regex.is_match(hay),
            _ => self.find_range(hay, 0).is_some(),
        }
    }

    /// Every place in `bytes` where it is found, one after the other, without empty ones.
    #[must_use]
    pub fn ranges(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        match &self.kind {
            Kind::Regex(machine) | Kind::Hex(machine) => {
                let found = machine.regex.find_iter(bytes).map(|found| found.range());
                found.filter(|range| !range.is_empty()).collect()
            }
            Kind::Contains(finder) => {
                let len = self.source.len();
                finder
                    .find_iter(bytes)
                    .map(|start| start..start + len)
                    .collect()
            }
            _ => self
                .find_range(bytes, 0)
                .into_iter()
                .filter(|range| !range.is_empty())
                .collect(),
        }
    }

    /// Whether it looks at the text of a message that has one.
    #[must_use]
    pub const fn needs_text(&self) -> bool {
        !matches!(self.kind, Kind::Any | Kind::Hex(_))
    }

    /// How many bytes of what it looks at a match can have at most; `None` where there is no limit.
    ///
    /// Who waits for a match in a growing stream may drop what is older.
    #[must_use]
    pub fn reach(&self) -> Option<usize> {
        match &self.kind {
            Kind::Any | Kind::Equals | Kind::Starts | Kind::Ends => None,
            Kind::Contains(_) => Some(self.source.len()),
            Kind::Regex(machine) | Kind::Hex(machine) => machine.reach,
        }
    }

    /// The word of the rule file for it.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self.kind {
            Kind::Any => "any",
            Kind::Equals => "equals",
            Kind::Starts => "starts",
            Kind::Ends => "ends",
            Kind::Contains(_) => "contains",
            Kind::Regex(_) => "regex",
            Kind::Hex(_) => "hex",
        }
    }

    /// What it looks for, as it was written; empty for any message.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text that a message must have letter by letter, if there is one.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.kind {
            Kind::Equals | Kind::Starts | Kind::Ends | Kind::Contains(_) => Some(&self.source),
            Kind::Any | Kind::Regex(_) | Kind::Hex(_) => None,
        }
    }

    /// The names of its groups from 0, the whole match; most have none.
    #[must_use]
    pub fn groups(&self) -> Vec<Option<&str>> {
        match &self.kind {
            Kind::Regex(machine) | Kind::Hex(machine) => machine.regex.capture_names().collect(),
            _ => vec![None],
        }
    }

    fn hay<'m>(&self, message: Message<'m>) -> (Place, &'m [u8]) {
        match message.text {
            Some(text) if self.needs_text() => (Place::Text, text.as_bytes()),
            _ => (Place::Bytes, message.bytes),
        }
    }

    /// `from` is a place within `hay`; those that have no reach do not ask for it.
    fn find_range(&self, hay: &[u8], from: usize) -> Option<Range<usize>> {
        let text = self.source.as_bytes();
        match &self.kind {
            Kind::Any => Some(0..hay.len()),
            Kind::Equals => (hay == text).then_some(0..hay.len()),
            Kind::Starts => hay.starts_with(text).then_some(0..text.len()),
            Kind::Ends => hay.strip_suffix(text).map(|before| before.len()..hay.len()),
            Kind::Contains(finder) => {
                let start = from + finder.find(&hay[from..])?;
                Some(start..start + text.len())
            }
            Kind::Regex(machine) | Kind::Hex(machine) => {
                let found = machine.regex.find_at(hay, from);
                found.map(|found| found.range())
            }
        }
    }
}

impl fmt::Display for Pattern {
    /// As `--expect` takes it, where it does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Any => f.write_str("any"),
            Kind::Contains(_) => f.write_str(&self.source),
            Kind::Regex(_) => write!(f, "re:{}", self.source),
            Kind::Hex(_) => write!(f, "hex:{}", self.source),
            Kind::Equals | Kind::Starts | Kind::Ends => write!(f, "{} {}", self.key(), self.source),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({} {:?})", self.key(), self.source)
    }
}

/// Patterns are equal that were written the same.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key() && self.source == other.source
    }
}

impl Eq for Pattern {}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Nothing to look for.
    #[error("an empty pattern is found in every message; for that, a rule has `any = true`")]
    Empty,
    /// The regular expression is none.
    #[error("the regular expression cannot be read: {reason}")]
    Regex {
        /// Place of what is wrong, in bytes of the text from 0.
        offset: usize,
        /// What the reader of expressions says.
        reason: String,
    },
    /// The regular expression needs too much memory.
    #[error("the regular expression needs more than {} KiB; write shorter repetitions", SIZE_LIMIT / 1024)]
    Size,
    /// A character that is no digit.
    #[error("`{}` is no hexadecimal digit and not `??`; write bytes such as `AA ?? 0D`", character.escape_debug())]
    Digit {
        /// Its place, in bytes of the text from 0.
        offset: usize,
        /// The character.
        character: char,
    },
    /// A byte of one digit beside a wildcard.
    #[error("a byte with a wildcard has two places, such as `??`, `A?` or `?A`")]
    HalfByte {
        /// Its place, in bytes of the text from 0.
        offset: usize,
    },
}

impl PatternError {
    /// Place of what is wrong, in bytes of the pattern's text from 0.
    #[must_use]
    pub const fn offset(&self) -> usize {
        match self {
            Self::Empty | Self::Size => 0,
            Self::Regex { offset, .. } | Self::Digit { offset, .. } | Self::HalfByte { offset } => {
                *offset
            }
        }
    }

    fn of_syntax(error: &regex_syntax::Error) -> Self {
        let (offset, reason) = match error {
            regex_syntax::Error::Parse(error) => {
                (error.span().start.offset, error.kind().to_string())
            }
            regex_syntax::Error::Translate(error) => {
                (error.span().start.offset, error.kind().to_string())
            }
            other => (0, other.to_string()),
        };
        Self::Regex { offset, reason }
    }

    /// The same, where the text lies `len` bytes further on.
    fn moved(mut self, len: usize) -> Self {
        if let Self::Regex { offset, .. } | Self::Digit { offset, .. } | Self::HalfByte { offset } =
            &mut self
        {
            *offset += len;
        }
        self
    }
}

fn not_empty(text: &str) -> Result<String, PatternError> {
    if text.is_empty() {
        Err(PatternError::Empty)
    } else {
        Ok(text.to_owned())
    }
}

fn compile(text: &str) -> Result<Regex, PatternError> {
    let compiled = RegexBuilder::new(text)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build();
    compiled.map_err(|error| match error {
        regex::Error::Syntax(reason) => PatternError::Regex { offset: 0, reason },
        _ => PatternError::Size,
    })
}

/// In bytes: what one compiled expression may take, ten times what a long one needs.
const SIZE_LIMIT: usize = 1024 * 1024;

/// How deep groups may lie in each other: deeper than people write, shallow enough for any stack.
const NEST_LIMIT: u32 = 64;

#[cfg(test)]
mod tests;
