//! Rules in fields, for an editor that is no text: taken from a rule file, and written as one.

use std::fmt::{Display, Write as _};
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Answer, Item, List, Pattern, Payload, Repeat, Rule, RuleError, Rules, Step};
use crate::time::TimeSpan;

/// All that a rule file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outline {
    /// The rules, in the order in which they are asked.
    pub rules: Vec<RuleOutline>,
    /// The lists.
    pub lists: Vec<ListOutline>,
    /// The script, in order.
    pub script: Vec<StepOutline>,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleOutline {
    /// What it is called, or empty.
    pub name: String,
    /// When it answers, in the words of the file; not read back.
    #[serde(skip_deserializing)]
    pub when: String,
    /// What it does then, in the words of the file; not read back.
    #[serde(skip_deserializing)]
    pub then: String,
    /// How the pattern looks: `equals`, `starts`, `ends`, `contains`, `regex`, `hex`, or `any`.
    pub matcher: String,
    /// The pattern; empty with `any`.
    pub pattern: String,
    /// What it answers: `reply`, `reply_hex`, `echo`, `upper`, `discard`, or nothing where it closes.
    pub answer: String,
    /// The text or the digits of `reply` and `reply_hex`.
    pub payload: String,
    /// In nanoseconds: from the message to the answer.
    pub delay_ns: u64,
    /// In nanoseconds: the rhythm in which the answer is repeated.
    pub every_ns: Option<u64>,
    /// How often it is sent in all; without end if missing.
    pub count: Option<u32>,
    /// Whether the conversation ends then.
    pub closes: bool,
    /// Whether the rules after it are asked too.
    pub continues: bool,
}

/// A list of things to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListOutline {
    /// What it is called.
    pub name: String,
    /// How often it runs through; without end if `None`.
    pub rounds: Option<u32>,
    /// Whether it runs as soon as a conversation is open.
    pub start: bool,
    /// What it sends.
    pub items: Vec<ItemOutline>,
}

/// One thing of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ItemOutline {
    /// What it is called, or empty.
    pub name: String,
    /// The text, or the digits.
    pub payload: String,
    /// Whether these are digits.
    pub is_hex: bool,
    /// In nanoseconds: how long after the item before.
    pub delay_ns: u64,
}

/// A step of a script: it sends, or expects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepOutline {
    /// `send`, `send_hex`, or `expect`.
    pub act: String,
    /// The text or the digits that are sent.
    pub payload: String,
    /// How the pattern of `expect` looks.
    pub matcher: String,
    /// The pattern of `expect`.
    pub pattern: String,
    /// In nanoseconds: how long before it is sent.
    pub delay_ns: u64,
    /// In nanoseconds: how long an expectation may take; 0 if nothing is said.
    pub within_ns: u64,
    /// What an expectation is called.
    pub name: String,
    /// The exit code when it is not met.
    pub exit: u8,
}

/// Why an outline is no rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", error.mistake)]
pub struct OutlineError {
    /// Which part is wrong, such as `rules.2.pattern`; empty where it is all of it.
    pub field: String,
    /// The mistake in the file that was made of it.
    pub error: Box<RuleError>,
}

impl Outline {
    /// What `rules` say.
    #[must_use]
    pub fn of(rules: &Rules) -> Self {
        Self {
            rules: rules.rules.iter().map(RuleOutline::of).collect(),
            lists: rules.lists.iter().map(ListOutline::of).collect(),
            script: rules.script.iter().map(StepOutline::of).collect(),
        }
    }

    /// Writes the rule file; an empty one where nothing is said.
    ///
    /// # Errors
    ///
    /// Returns an [`OutlineError`] where the file could not be read back.
    pub fn to_toml(&self) -> Result<String, OutlineError> {
        let mut text = Text::default();
        for (place, rule) in self.rules.iter().enumerate() {
            rule.write(place, &mut text);
        }
        for (place, step) in self.script.iter().enumerate() {
            step.write(place, &mut text);
        }
        for (place, list) in self.lists.iter().enumerate() {
            list.write(place, &mut text);
        }
        if text.out.is_empty() {
            return Ok(text.out);
        }
        match Rules::parse(&text.out, "rules") {
            Ok(_) => Ok(text.out),
            Err(error) => Err(OutlineError {
                field: text.field_at(error.line),
                error: Box::new(error),
            }),
        }
    }
}

impl RuleOutline {
    fn of(rule: &Rule) -> Self {
        let (answer, payload) = match &rule.answer {
            Answer::Nothing if rule.closes => ("", String::new()),
            Answer::Nothing => ("discard", String::new()),
            Answer::Echo => ("echo", String::new()),
            Answer::Upper => ("upper", String::new()),
            Answer::Payload(payload) => (sent_key("reply", payload), payload.to_string()),
        };
        let mut outline = Self {
            name: rule.name.clone().unwrap_or_default(),
            matcher: rule.pattern.key().to_owned(),
            pattern: rule.pattern.source().to_owned(),
            answer: answer.to_owned(),
            payload,
            delay_ns: nanos(rule.delay),
            every_ns: rule.repeat.map(|repeat| nanos(repeat.every)),
            count: rule
                .repeat
                .and_then(|repeat: Repeat| repeat.count.map(NonZeroU32::get)),
            closes: rule.closes,
            continues: rule.continues,
            ..Self::default()
        };
        outline.when = when(&rule.pattern);
        outline.then = outline.say();
        outline
    }

    /// What it does, in the words of the file.
    fn say(&self) -> String {
        let mut parts = Vec::new();
        match self.answer.as_str() {
            "" => {}
            "reply" | "reply_hex" => {
                parts.push(format!("{} {}", self.answer, Quoted(&self.payload)));
            }
            word => parts.push(word.to_owned()),
        }
        if self.delay_ns > 0 {
            parts.push(format!("delay {}", span(self.delay_ns)));
        }
        if let Some(every) = self.every_ns {
            let count = self.count.map(|count| format!(" × {count}"));
            parts.push(format!(
                "repeat {}{}",
                span(every),
                count.unwrap_or_default()
            ));
        }
        if self.closes {
            parts.push("close".to_owned());
        }
        if self.continues {
            parts.push("continue".to_owned());
        }
        parts.join(", ")
    }

    fn write(&self, place: usize, text: &mut Text) {
        text.begin("rule", format!("rules.{place}"));
        text.name(&self.name);
        match self.matcher.as_str() {
            "any" => text.line("matcher", "any = true"),
            key => text.line(
                "pattern",
                format_args!("{} = {}", Key(key), Quoted(&self.pattern)),
            ),
        }
        match self.answer.as_str() {
            "" => {}
            key @ ("echo" | "upper" | "discard") => {
                text.line("answer", format_args!("{key} = true"));
            }
            key => text.line(
                "payload",
                format_args!("{} = {}", Key(key), Quoted(&self.payload)),
            ),
        }
        text.time("delay", self.delay_ns);
        if let Some(every) = self.every_ns {
            let count = self.count.map(|count| format!(", count = {count}"));
            let count = count.unwrap_or_default();
            let every = Quoted(span(every));
            text.line(
                "every_ns",
                format_args!("repeat = {{ every = {every}{count} }}"),
            );
        }
        text.flag("close", "closes", self.closes);
        text.flag("continue", "continues", self.continues);
    }
}

impl ListOutline {
    fn of(list: &List) -> Self {
        Self {
            name: list.name.clone(),
            rounds: list.rounds.map(NonZeroU32::get),
            start: list.start,
            items: list.items.iter().map(ItemOutline::of).collect(),
        }
    }

    fn write(&self, place: usize, text: &mut Text) {
        let path = format!("lists.{place}");
        text.begin("list", path.clone());
        text.line("name", format_args!("name = {}", Quoted(&self.name)));
        text.flag("start", "start", self.start);
        match self.rounds {
            None => text.line("rounds", "loop = true"),
            Some(1) => {}
            Some(rounds) => text.line("rounds", format_args!("loop = {rounds}")),
        }
        text.line("items", "items = [");
        for (item_place, item) in self.items.iter().enumerate() {
            text.path = format!("{path}.items.{item_place}");
            let name = match item.name.as_str() {
                "" => String::new(),
                name => format!("name = {}, ", Quoted(name)),
            };
            let key = if item.is_hex { "send_hex" } else { "send" };
            let delay = match item.delay_ns {
                0 => String::new(),
                delay => format!(", delay = {}", Quoted(span(delay))),
            };
            let payload = Quoted(&item.payload);
            text.line(
                "payload",
                format_args!("  {{ {name}{key} = {payload}{delay} }},"),
            );
        }
        text.path = path;
        text.line("items", "]");
    }
}

impl ItemOutline {
    fn of(item: &Item) -> Self {
        Self {
            name: item.name.clone().unwrap_or_default(),
            payload: item.payload.to_string(),
            is_hex: item.payload.is_hex(),
            delay_ns: nanos(item.delay),
        }
    }
}

impl StepOutline {
    fn of(step: &Step) -> Self {
        match step {
            Step::Send { payload, after } => Self {
                act: sent_key("send", payload).to_owned(),
                payload: payload.to_string(),
                delay_ns: nanos(*after),
                ..Self::default()
            },
            Step::Expect {
                pattern,
                within,
                label,
                exit,
            } => Self {
                act: "expect".to_owned(),
                matcher: pattern.key().to_owned(),
                pattern: pattern.source().to_owned(),
                within_ns: nanos(within.unwrap_or_default()),
                name: label.clone(),
                exit: *exit,
                ..Self::default()
            },
        }
    }

    fn write(&self, place: usize, text: &mut Text) {
        text.begin("script", format!("script.{place}"));
        if self.act != "expect" {
            let (key, payload) = (Key(&self.act), Quoted(&self.payload));
            text.line("payload", format_args!("{key} = {payload}"));
            return text.time("delay", self.delay_ns);
        }
        let pattern = match self.matcher.as_str() {
            "any" => "any = true".to_owned(),
            key => format!("{} = {}", Key(key), Quoted(&self.pattern)),
        };
        text.line("pattern", format_args!("expect = {{ {pattern} }}"));
        text.time("within", self.within_ns);
        text.name(&self.name);
        if !matches!(self.exit, 0 | Step::UNMET) {
            text.line("exit", format_args!("exit = {}", self.exit));
        }
    }
}

/// A file that is being written, and what each of its lines is of.
#[derive(Default)]
struct Text {
    out: String,
    /// What the next line is of.
    path: String,
    fields: Vec<String>,
}

impl Text {
    fn begin(&mut self, header: &str, path: String) {
        if !self.out.is_empty() {
            self.out.push('\n');
            self.fields.push(String::new());
        }
        self.path = path;
        self.fields.push(self.path.clone());
        let _ = writeln!(self.out, "[[{header}]]");
    }

    fn line(&mut self, field: &str, line: impl Display) {
        self.fields.push(format!("{}.{field}", self.path));
        // A string takes everything.
        let _ = writeln!(self.out, "{line}");
    }

    fn name(&mut self, name: &str) {
        if !name.is_empty() {
            self.line("name", format_args!("name = {}", Quoted(name)));
        }
    }

    fn time(&mut self, key: &str, nanos: u64) {
        if nanos > 0 {
            self.line(
                &format!("{key}_ns"),
                format_args!("{key} = {}", Quoted(span(nanos))),
            );
        }
    }

    fn flag(&mut self, key: &str, field: &str, value: bool) {
        if value {
            self.line(field, format_args!("{key} = true"));
        }
    }

    /// What the line with this number from 1 is of.
    fn field_at(&self, line: usize) -> String {
        let place = line.saturating_sub(1);
        self.fields.get(place).cloned().unwrap_or_default()
    }
}

/// A text as TOML has it, in one line.
struct Quoted<T>(T);

impl<T: Display> Display for Quoted<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('"')?;
        for character in self.0.to_string().chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                control if control.is_control() => write!(f, "\\u{:04X}", u32::from(control))?,
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

/// A key as it may stand bare, or in quotes: one that is none is told as that.
struct Key<'a>(&'a str);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match !self.0.is_empty() && self.0.chars().all(is_bare) {
            true => f.write_str(self.0),
            false => Quoted(self.0).fmt(f),
        }
    }
}

fn when(pattern: &Pattern) -> String {
    match pattern.key() {
        "any" => "any".to_owned(),
        key => format!("{key} {}", Quoted(pattern.source())),
    }
}

fn sent_key(key: &str, payload: &Payload) -> &'static str {
    match (key, payload.is_hex()) {
        ("reply", false) => "reply",
        ("reply", true) => "reply_hex",
        (_, false) => "send",
        (_, true) => "send_hex",
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn span(nanos: u64) -> TimeSpan {
    TimeSpan(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests;
