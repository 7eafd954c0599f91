//! The rule file: TOML, read strictly, and written.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use toml::de::DeTable;

use super::pattern::{Pattern, PatternError};
use super::payload::{Payload, RESERVED};
use super::{Answer, Item, List, Repeat, Rule, Rules, Step};
use crate::time::TimeSpan;

pub(crate) mod fields;
mod mistake;
pub(crate) mod position;
mod write;

pub use mistake::Mistake;
pub use position::RuleError;

pub(super) use position::Sources;
pub(super) use write::write;

use fields::{Fields, Text};
use position::Located;

/// In bytes: far more than people write, little enough to read at once.
const FILE_LIMIT: usize = 1 << 20;
/// How many rules, and how many steps, a file has at most.
const RULE_LIMIT: usize = 1000;
/// How many lists a file has at most; each may wait for its time in each conversation.
const LIST_LIMIT: usize = 100;
/// How many items a list has at most.
const ITEM_LIMIT: usize = 1000;
/// The shortest time between two sends that repeat: more often is what `sockpit load` is for.
const SHORTEST: Duration = Duration::from_millis(1);

const FILE: &[&str] = &["rule", "script", "list"];
const RULE: &[&str] = &[
    "name",
    "equals",
    "starts",
    "ends",
    "contains",
    "regex",
    "hex",
    "any",
    "reply",
    "reply_hex",
    "echo",
    "upper",
    "discard",
    "delay",
    "repeat",
    "close",
    "continue",
];
const MATCHERS: &[&str] = &[
    "equals", "starts", "ends", "contains", "regex", "hex", "any",
];
const ANSWERS: &[&str] = &["reply", "reply_hex", "echo", "upper", "discard"];
const REPEAT: &[&str] = &["every", "count"];
const SEND_STEP: &[&str] = &["send", "send_hex", "delay"];
const EXPECT_STEP: &[&str] = &["expect", "within", "name", "exit"];
const STEP: &[&str] = &[
    "send", "send_hex", "delay", "expect", "within", "name", "exit",
];
const LIST: &[&str] = &["name", "start", "loop", "items"];
const ITEM: &[&str] = &["name", "send", "send_hex", "delay"];

pub(super) fn parse(source: &str, file_name: &str) -> Result<Rules, RuleError> {
    let mut reader = Reader::new(source, file_name);
    match reader.read() {
        Ok(rules) => Ok(rules),
        Err(error) => Err(error.in_file(source, file_name)),
    }
}

pub(crate) struct Reader<'a> {
    file_name: &'a str,
    source: &'a str,
    /// Where each pattern and payload stands, in the order of reading.
    sources: Sources,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a str, file_name: &'a str) -> Self {
        Self {
            file_name,
            source,
            sources: Sources::new(file_name),
        }
    }

    fn read(&mut self) -> Result<Rules, Located> {
        if self.source.len() > FILE_LIMIT {
            return Err(Located::new(0, Mistake::Long { limit: FILE_LIMIT }));
        }
        let table = DeTable::parse(self.source).map_err(|error| {
            let offset = error.span().map_or(self.source.len(), |span| span.start);
            Located::new(
                offset,
                Mistake::Toml {
                    reason: error.message().to_owned(),
                },
            )
        })?;
        let file = Fields::of_file(self.source, table.get_ref(), "a rule file", FILE)?;
        let rules = self.rules(&file)?;
        if rules == Rules::default() {
            return Err(Located::new(0, Mistake::Nothing));
        }
        Ok(rules)
    }

    /// The rules, the script and the lists that a table holds.
    pub(crate) fn rules(&mut self, file: &Fields<'_>) -> Result<Rules, Located> {
        let mut rules = Rules::default();
        for fields in file.tables("rule", "a rule", RULE, RULE_LIMIT)? {
            rules.rules.push(self.rule(&fields)?);
        }
        for fields in file.tables("script", "a step", STEP, RULE_LIMIT)? {
            let step = self.step(&fields, &rules.script)?;
            rules.script.push(step);
        }
        let mut names = BTreeSet::new();
        for fields in file.tables("list", "a list", LIST, LIST_LIMIT)? {
            let list = self.list(&fields)?;
            if !names.insert(list.name.clone()) {
                return Err(fields.at("name", Mistake::Twice { name: list.name }));
            }
            rules.lists.push(list);
        }
        rules.sources = std::mem::replace(&mut self.sources, Sources::new(self.file_name));
        Ok(rules)
    }

    fn rule(&mut self, fields: &Fields<'_>) -> Result<Rule, Located> {
        let pattern = self.pattern(fields)?;
        let repeat = match fields.table("repeat", "`repeat`", REPEAT)? {
            Some(fields) => Some(repeat(&fields)?),
            None => None,
        };
        let closes = fields.flag("close")?;
        let answer = match fields.one_of(ANSWERS)? {
            Some("reply") => Answer::Payload(self.template(fields, "reply", Some(&pattern))?),
            Some("reply_hex") => {
                Answer::Payload(self.template(fields, "reply_hex", Some(&pattern))?)
            }
            Some("echo") => Answer::Echo,
            Some("upper") => Answer::Upper,
            Some(_) => Answer::Nothing,
            None if closes => Answer::Nothing,
            None => return Err(Located::new(fields.start(), Mistake::NoAnswer)),
        };
        if answer == Answer::Nothing && repeat.is_some() {
            return Err(fields.at("repeat", Mistake::RepeatsNothing));
        }
        if closes && repeat.is_some_and(|repeat| repeat.count.is_none()) {
            return Err(fields.at("close", Mistake::ClosesNever));
        }
        Ok(Rule {
            name: fields.name()?,
            pattern,
            answer,
            delay: fields.time("delay")?.unwrap_or_default(),
            repeat,
            closes,
            continues: fields.flag("continue")?,
        })
    }

    fn pattern(&mut self, fields: &Fields<'_>) -> Result<Pattern, Located> {
        let Some(key) = fields.one_of(MATCHERS)? else {
            return Err(Located::new(
                fields.start(),
                Mistake::NoPattern {
                    what: fields.what(),
                },
            ));
        };
        if key == "any" {
            self.sources.push(self.source, fields.place("any"));
            return Ok(Pattern::any());
        }
        let text = fields.required(key)?;
        self.sources.push(self.source, text.start());
        let read = match key {
            "equals" => Ok(Pattern::equals(text.value)),
            "starts" => Pattern::starts(text.value),
            "ends" => Pattern::ends(text.value),
            "contains" => Pattern::contains(text.value),
            "regex" => Pattern::regex(text.value),
            _ => Pattern::hex(text.value),
        };
        checked(read, &text)
    }

    fn template(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
        pattern: Option<&Pattern>,
    ) -> Result<Payload, Located> {
        let text = fields.required(key)?;
        self.sources.push(self.source, text.start());
        let read = if key.ends_with("_hex") {
            Payload::hex_template(text.value, pattern)
        } else {
            Payload::template(text.value, pattern)
        };
        read.map_err(|error| Located::new(text.place(error.offset()), Mistake::Payload(error)))
    }

    fn step(&mut self, fields: &Fields<'_>, before: &[Step]) -> Result<Step, Located> {
        let Some(key) = fields.one_of(&["send", "send_hex", "expect"])? else {
            return Err(Located::new(fields.start(), Mistake::NoStep));
        };
        if key == "expect" {
            fields.only(EXPECT_STEP, "expect")?;
            return self.expectation(fields);
        }
        fields.only(SEND_STEP, key)?;
        let last = before.iter().rev().find_map(|step| match step {
            Step::Expect { pattern, .. } => Some(pattern),
            Step::Send { .. } => None,
        });
        let payload = self.template(fields, key, last)?;
        if payload.needs_message() {
            // A script looks at a stream in which the message that was matched has no ends.
            return Err(fields.at(key, Mistake::NoMessage));
        }
        Ok(Step::Send {
            payload,
            after: fields.time("delay")?.unwrap_or_default(),
        })
    }

    pub(crate) fn expectation(&mut self, fields: &Fields<'_>) -> Result<Step, Located> {
        let pattern = match fields.table_or_text("expect", "`expect`", MATCHERS)? {
            fields::TableOrText::Table(inner) => self.pattern(&inner)?,
            fields::TableOrText::Text(text) => {
                self.sources.push(self.source, text.start());
                checked(Pattern::parse_expectation(text.value), &text)?
            }
        };
        let label = fields.name()?.unwrap_or_else(|| pattern.to_string());
        let within = fields.time("within")?;
        if within.is_some_and(|within| within.is_zero()) {
            return Err(fields.at(
                "within",
                Mistake::Short {
                    key: "within",
                    least: TimeSpan(SHORTEST),
                },
            ));
        }
        let exit = fields.number("exit", 1..=125)?;
        let exit = exit
            .and_then(|exit| u8::try_from(exit).ok())
            .unwrap_or(Step::UNMET);
        Ok(Step::Expect {
            pattern,
            within,
            label,
            exit,
        })
    }

    fn list(&mut self, fields: &Fields<'_>) -> Result<List, Located> {
        let name = fields.required("name")?.value.to_owned();
        let mut items = Vec::new();
        let mut names = BTreeSet::new();
        for fields in fields.tables("items", "an item", ITEM, ITEM_LIMIT)? {
            let item = self.item(&fields)?;
            if let Some(name) = &item.name
                && !names.insert(name.clone())
            {
                return Err(fields.at("name", Mistake::Twice { name: name.clone() }));
            }
            items.push(item);
        }
        if items.is_empty() {
            return Err(Located::new(fields.start(), Mistake::NoItems));
        }
        let rounds = fields.rounds("loop")?;
        let length = items
            .iter()
            .fold(Duration::ZERO, |sum, item| sum.saturating_add(item.delay));
        if rounds.is_none_or(|rounds| rounds.get() > 1) && length < SHORTEST {
            return Err(fields.at("loop", Mistake::Fast));
        }
        Ok(List {
            name,
            start: fields.flag("start")?,
            rounds,
            items,
        })
    }

    fn item(&mut self, fields: &Fields<'_>) -> Result<Item, Located> {
        let Some(key) = fields.one_of(&["send", "send_hex"])? else {
            return Err(Located::new(fields.start(), Mistake::NoStep));
        };
        let payload = self.template(fields, key, None)?;
        if payload.needs_message() {
            return Err(fields.at(key, Mistake::NoMessage));
        }
        Ok(Item {
            name: fields.name()?,
            payload,
            delay: fields.time("delay")?.unwrap_or_default(),
        })
    }
}

fn repeat(fields: &Fields<'_>) -> Result<Repeat, Located> {
    let Some(every) = fields.time("every")? else {
        return Err(Located::new(
            fields.start(),
            Mistake::Missing {
                what: fields.what(),
                key: "every",
            },
        ));
    };
    if every < SHORTEST {
        return Err(fields.at(
            "every",
            Mistake::Short {
                key: "every",
                least: TimeSpan(SHORTEST),
            },
        ));
    }
    let count = fields.number("count", 1..=u32::MAX)?;
    Ok(Repeat {
        every,
        count: count.and_then(NonZeroU32::new),
    })
}

fn checked(read: Result<Pattern, PatternError>, text: &Text<'_>) -> Result<Pattern, Located> {
    let pattern =
        read.map_err(|error| Located::new(text.place(error.offset()), Mistake::Pattern(error)))?;
    let taken = pattern
        .groups()
        .into_iter()
        .flatten()
        .find(|name| RESERVED.contains(name));
    if let Some(name) = taken {
        let name = name.to_owned();
        return Err(Located::new(text.start(), Mistake::GroupName { name }));
    }
    Ok(pattern)
}

#[cfg(test)]
mod tests;
