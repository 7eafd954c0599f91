//! A text with `${…}`, which may name what other sessions have heard and where they listen.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Mistake;
use crate::rule::payload::{Piece, RESERVED, pieces};
use crate::rule::{Captures, Pattern, Payload, PayloadError, Place};
use crate::text::charset::Charset;
use crate::text::hex::Hex;

/// A payload some of whose parts become known only in the course of a case.
#[derive(Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
    is_hex: bool,
    /// As it was written.
    pub(super) source: String,
}

#[derive(Debug)]
enum Part {
    /// As a payload has it.
    Payload(String),
    /// A group that the expectation at this place of the case caught.
    Group { step: usize, group: usize },
    /// Of the session at this place of the scenario.
    Fact { session: usize, fact: Fact },
}

/// What is known of a session that listens.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Port,
    Addr,
    Endpoint,
}

/// What a template may name, where it stands.
pub(super) struct Names<'a> {
    /// The sessions that can be named: name and whether it listens.
    pub(super) sessions: Vec<(&'a str, bool)>,
    /// The expectations before, by their place in the case.
    pub(super) expectations: &'a [Expectation],
}

/// An expectation that later steps can name.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    pub(super) step: usize,
    pub(super) name: Option<String>,
    pub(super) pattern: Pattern,
}

/// What an expectation caught.
#[derive(Clone, Debug)]
pub(super) struct Caught {
    pub(super) captures: Captures,
    /// In what its session speaks.
    pub(super) charset: Charset,
    /// Whether the pattern looks for text.
    pub(super) is_text: bool,
}

/// A mistake, and its place in bytes of the text.
pub(super) enum Flaw {
    Scenario(usize, Mistake),
    Payload(PayloadError),
}

impl Template {
    /// Reads a text; in digits if `is_hex`.
    pub(super) fn read(text: &str, is_hex: bool, names: &Names<'_>) -> Result<Self, Flaw> {
        let mut template = Self {
            parts: Vec::new(),
            is_hex,
            source: text.to_owned(),
        };
        // What is ours becomes blanks of the same length: places stay right, and nothing is meant.
        let mut rest = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece.map_err(Flaw::Payload)? {
                Piece::Literal { text: "$", offset } if text[offset..].starts_with("$$") => {
                    rest.push_str("$$");
                    template.push("$$");
                }
                Piece::Literal { text, .. } => {
                    rest.push_str(text);
                    template.push(text);
                }
                Piece::Name { name, offset } => {
                    let written = format!("${{{name}}}");
                    let part = names
                        .part(name)
                        .map_err(|mistake| Flaw::Scenario(offset, mistake))?;
                    match part {
                        Some(Part::Fact { .. }) if is_hex => {
                            let name = name.to_owned();
                            return Err(Flaw::Scenario(offset, Mistake::NotBytes { name }));
                        }
                        Some(part) => {
                            rest.extend(std::iter::repeat_n(' ', written.len()));
                            template.parts.push(part);
                        }
                        None => {
                            rest.push_str(&written);
                            template.push(&written);
                        }
                    }
                }
            }
        }
        template.payload_of(&rest).map_err(Flaw::Payload)?;
        Ok(template)
    }

    /// What it comes to: a text whose remaining parts the payload fills in.
    pub(super) fn payload(
        &self,
        caught: &BTreeMap<usize, Caught>,
        addresses: &[Option<String>],
    ) -> Result<Payload, PayloadError> {
        self.payload_of(&self.fill(caught, addresses))
    }

    /// Whether it names something that `addresses` do not have.
    pub(super) fn needs(&self, addresses: &[Option<String>]) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Fact { session, .. } => !matches!(addresses.get(*session), Some(Some(_))),
            Part::Payload(_) | Part::Group { .. } => false,
        })
    }

    /// What it comes to as plain text, `$$` being a dollar sign.
    pub(super) fn plain(&self, addresses: &[Option<String>]) -> String {
        self.fill(&BTreeMap::new(), addresses).replace("$$", "$")
    }

    /// The payload without what only a case can tell, to look at its characters.
    pub(super) fn blank(&self) -> Option<Payload> {
        let literal = self.parts.iter().map(|part| match part {
            Part::Payload(text) => text.as_str(),
            Part::Group { .. } | Part::Fact { .. } => " ",
        });
        self.payload_of(&literal.collect::<String>()).ok()
    }

    fn payload_of(&self, text: &str) -> Result<Payload, PayloadError> {
        if self.is_hex {
            Payload::hex_template(text, None)
        } else {
            Payload::template(text, None)
        }
    }

    fn fill(&self, caught: &BTreeMap<usize, Caught>, addresses: &[Option<String>]) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Payload(text) => filled.push_str(text),
                Part::Group { step, group } => {
                    if let Some(caught) = caught.get(step) {
                        self.push_group(caught, *group, &mut filled);
                    }
                }
                Part::Fact { session, fact } => {
                    let address = addresses.get(*session).and_then(Option::as_deref);
                    filled.push_str(&fact.of(address.unwrap_or_default()).replace('$', "$$"));
                }
            }
        }
        filled
    }

    /// A group that took no part in the match is empty. Text goes from one charset to the other;
    /// bytes go as they are.
    fn push_group(&self, caught: &Caught, group: usize, filled: &mut String) {
        let bytes = caught.captures.group(group).unwrap_or_default();
        let text = std::str::from_utf8(bytes).ok();
        let was_decoded = caught.captures.place() == Place::Text;
        let is_text = was_decoded || (caught.is_text && caught.charset == Charset::UTF_8);
        match text.filter(|_| is_text) {
            Some(text) if !self.is_hex => filled.push_str(&text.replace('$', "$$")),
            Some(text) if was_decoded => {
                // In bytes, a text is what the peer sent.
                let encoded = caught.charset.encode(text).unwrap_or_default();
                push_digits(&encoded, self.is_hex, filled);
            }
            _ => push_digits(bytes, self.is_hex, filled),
        }
    }

    fn push(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Payload(before)) => before.push_str(text),
            _ => self.parts.push(Part::Payload(text.to_owned())),
        }
    }
}

fn push_digits(bytes: &[u8], is_hex: bool, filled: &mut String) {
    let written = if is_hex {
        write!(filled, " {} ", Hex(bytes))
    } else {
        write!(filled, "${{hex:{}}}", Hex(bytes))
    };
    written.expect("a string takes everything");
}

impl Fact {
    /// Of an endpoint such as `tcp://127.0.0.1:7000`.
    fn of(self, endpoint: &str) -> &str {
        let addr = endpoint
            .split_once("://")
            .or_else(|| endpoint.split_once(':'))
            .map_or(endpoint, |(_, addr)| addr);
        match self {
            Self::Port => addr.rsplit(':').next().unwrap_or_default(),
            Self::Addr => addr,
            Self::Endpoint => endpoint,
        }
    }
}

impl Names<'_> {
    /// What a name stands for; `None` where the payload knows it.
    fn part(&self, name: &str) -> Result<Option<Part>, Mistake> {
        let owned = || name.to_owned();
        if is_payload(name) {
            return Ok(None);
        }
        if let Some((of, what)) = name.rsplit_once('.') {
            if let Some(session) = self.sessions.iter().position(|(name, _)| *name == of) {
                let fact = match what {
                    "port" => Fact::Port,
                    "addr" => Fact::Addr,
                    "endpoint" => Fact::Endpoint,
                    _ => return self.group_of(of, what, name),
                };
                return match self.sessions.get(session) {
                    Some((_, true)) => Ok(Some(Part::Fact { session, fact })),
                    _ => Err(Mistake::Client { name: owned() }),
                };
            }
            return self.group_of(of, what, name);
        }
        match self.expectations.last() {
            Some(expectation) => expectation.part(name, owned()).map(Some),
            None => Err(Mistake::Group {
                name: owned(),
                count: 0,
            }),
        }
    }

    /// A group of the last expectation that has this name.
    fn group_of(&self, of: &str, what: &str, name: &str) -> Result<Option<Part>, Mistake> {
        let mut backwards = self.expectations.iter().rev();
        match backwards.find(|expectation| expectation.name.as_deref() == Some(of)) {
            Some(expectation) => expectation.part(what, name.to_owned()).map(Some),
            None if self.sessions.iter().any(|(name, _)| *name == of) => Err(Mistake::Fact {
                name: name.to_owned(),
            }),
            None => Err(Mistake::Name {
                name: name.to_owned(),
            }),
        }
    }
}

impl Expectation {
    fn part(&self, group: &str, name: String) -> Result<Part, Mistake> {
        let groups = self.pattern.groups();
        let named = groups.iter().position(|known| *known == Some(group));
        let numbered = || group.parse().ok().filter(|index| *index < groups.len());
        match named.or_else(numbered) {
            Some(group) => Ok(Part::Group {
                step: self.step,
                group,
            }),
            None => Err(Mistake::Group {
                name,
                count: groups.len(),
            }),
        }
    }
}

/// Whether a payload fills it in by itself.
fn is_payload(name: &str) -> bool {
    let word = name.split([':', '.']).next().unwrap_or_default();
    RESERVED.contains(&word)
}
