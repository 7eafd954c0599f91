//! Writing rules as the file that reads back as them.

use std::fmt::{self, Display, Write};
use std::num::NonZeroU32;
use std::time::Duration;

use crate::rule::{Answer, Item, List, Pattern, Payload, Rule, Rules, Step};
use crate::time::TimeSpan;

pub(in crate::rule) fn write(rules: &Rules) -> String {
    let mut out = String::new();
    push_all(rules, &mut out).expect("a string takes everything");
    out
}

fn push_all(rules: &Rules, out: &mut String) -> fmt::Result {
    for rule in &rules.rules {
        push_rule(rule, out)?;
    }
    for step in &rules.script {
        push_step(step, out)?;
    }
    rules.lists.iter().try_for_each(|list| push_list(list, out))
}

fn push_rule(rule: &Rule, out: &mut String) -> fmt::Result {
    push_header("[[rule]]", out)?;
    push_name(rule.name.as_deref(), out)?;
    writeln!(out, "{}", Matcher(&rule.pattern))?;
    match &rule.answer {
        Answer::Nothing if rule.closes => {}
        Answer::Nothing => out.write_str("discard = true\n")?,
        Answer::Echo => out.write_str("echo = true\n")?,
        Answer::Upper => out.write_str("upper = true\n")?,
        Answer::Payload(payload) => writeln!(out, "{}", Sent("reply", payload))?,
    }
    push_time("delay", rule.delay, out)?;
    if let Some(repeat) = rule.repeat {
        write!(
            out,
            "repeat = {{ every = {}",
            Quoted(TimeSpan(repeat.every))
        )?;
        if let Some(count) = repeat.count {
            write!(out, ", count = {count}")?;
        }
        out.write_str(" }\n")?;
    }
    push_flag("close", rule.closes, out)?;
    push_flag("continue", rule.continues, out)
}

fn push_step(step: &Step, out: &mut String) -> fmt::Result {
    push_header("[[script]]", out)?;
    match step {
        Step::Send { payload, after } => {
            writeln!(out, "{}", Sent("send", payload))?;
            push_time("delay", *after, out)
        }
        Step::Expect {
            pattern,
            within,
            label,
            exit,
        } => {
            writeln!(out, "expect = {{ {} }}", Matcher(pattern))?;
            push_time("within", within.unwrap_or_default(), out)?;
            push_name(Some(label.as_str()), out)?;
            if *exit != Step::UNMET {
                writeln!(out, "exit = {exit}")?;
            }
            Ok(())
        }
    }
}

fn push_list(list: &List, out: &mut String) -> fmt::Result {
    push_header("[[list]]", out)?;
    push_name(Some(list.name.as_str()), out)?;
    push_flag("start", list.start, out)?;
    match list.rounds {
        None => out.write_str("loop = true\n")?,
        Some(NonZeroU32::MIN) => {}
        Some(rounds) => writeln!(out, "loop = {rounds}")?,
    }
    out.write_str("items = [\n")?;
    for Item {
        name,
        payload,
        delay,
    } in &list.items
    {
        out.write_str("  { ")?;
        if let Some(name) = name {
            write!(out, "name = {}, ", Quoted(name))?;
        }
        write!(out, "{}", Sent("send", payload))?;
        if !delay.is_zero() {
            write!(out, ", delay = {}", Quoted(TimeSpan(*delay)))?;
        }
        out.write_str(" },\n")?;
    }
    out.write_str("]\n")
}

fn push_header(header: &str, out: &mut String) -> fmt::Result {
    if !out.is_empty() {
        out.write_str("\n")?;
    }
    writeln!(out, "{header}")
}

fn push_name(name: Option<&str>, out: &mut String) -> fmt::Result {
    name.map_or(Ok(()), |name| writeln!(out, "name = {}", Quoted(name)))
}

fn push_time(key: &str, span: Duration, out: &mut String) -> fmt::Result {
    if span.is_zero() {
        Ok(())
    } else {
        writeln!(out, "{key} = {}", Quoted(TimeSpan(span)))
    }
}

fn push_flag(key: &str, value: bool, out: &mut String) -> fmt::Result {
    if value {
        writeln!(out, "{key} = true")
    } else {
        Ok(())
    }
}

/// The key and the value of a pattern.
struct Matcher<'a>(&'a Pattern);

impl Display for Matcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.key() {
            "any" => f.write_str("any = true"),
            key => write!(f, "{key} = {}", Quoted(self.0.source())),
        }
    }
}

/// The key and the value of a payload: `reply = "…"` or `reply_hex = "…"`.
struct Sent<'a>(&'a str, &'a Payload);

impl Display for Sent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.1.is_hex() { "_hex" } else { "" };
        write!(f, "{}{form} = {}", self.0, Quoted(self.1))
    }
}

/// A text as TOML has it.
struct Quoted<T>(T);

impl<T: Display> Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        toml::Value::String(self.0.to_string()).fmt(f)
    }
}
