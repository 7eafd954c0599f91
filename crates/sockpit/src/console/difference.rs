//! Differences between two conversations: for people as text, for programs as one object.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use sockpit_core::event::Direction;
use sockpit_core::replay::{Difference, Unit};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::{hex, width};

use super::Style;

/// What was compared, and what was found.
pub(crate) struct Report {
    /// What the first is called: a file.
    pub(crate) expected: String,
    /// What the second is called: a file, or a peer.
    pub(crate) came: String,
    /// Conversations that were compared.
    pub(crate) conversations: usize,
    /// Messages, datagrams or lines that were compared, and their bytes.
    pub(crate) units: usize,
    pub(crate) bytes: u64,
    /// What bytes are shown as.
    pub(crate) charset: Charset,
    pub(crate) found: Vec<Found>,
}

/// One difference, and where.
pub(crate) struct Found {
    pub(crate) session: u32,
    pub(crate) peer: u32,
    pub(crate) item: Item,
}

/// What differs.
pub(crate) enum Item {
    /// What was said in a direction.
    Said(Direction, Difference),
    /// How it ended.
    Ended { expected: String, came: String },
    /// The whole conversation is only in the first.
    PeerMissing,
    /// The whole conversation is only in the second.
    PeerExtra,
}

/// Differences shown to people; programs get all.
const SHOWN: usize = 50;

/// So many in a row of what is only missing, or only more, are shown.
const RUN: usize = 3;

/// What is only on one side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Missing,
    Extra,
    Other,
}

/// In bytes: what is shown of a message in one row.
const ROW: usize = 16;

/// In bytes: what is shown before the first difference.
const LEAD: usize = 6;

impl Report {
    /// Whether both are the same.
    pub(crate) fn is_same(&self) -> bool {
        self.found.is_empty()
    }

    /// In lines for people.
    pub(crate) fn text(&self, style: Style) -> String {
        let counted = format!(
            "{} in {}, {} bytes",
            plural(self.units, "message"),
            plural(self.conversations, "conversation"),
            self.bytes
        );
        if self.found.is_empty() {
            return format!("the same: {counted}\n");
        }
        let mut out = String::new();
        let names = [("---", &self.expected, "31"), ("+++", &self.came, "32")];
        for (mark, name, colour) in names {
            let line = format!("{mark} {}", VisibleLine(name));
            let _ = writeln!(out, "{}", style.colour(colour, &line));
        }
        let mut hidden = 0;
        let mut shown = 0;
        let mut before = [Sort::Other; RUN];
        for found in &self.found {
            let sort = found.sort();
            // Of a whole run that is missing, or more, the beginning says enough.
            let is_run = sort != Sort::Other && before.iter().all(|it| *it == sort);
            before.rotate_left(1);
            before[RUN - 1] = sort;
            if is_run || shown == SHOWN {
                hidden += 1;
                continue;
            }
            shown += 1;
            found.write(style, self.charset, &mut out);
        }
        if hidden > 0 {
            let hidden = plural(hidden, "difference");
            let _ = writeln!(
                out,
                "… and {hidden} that are not shown; `--json` tells all of them"
            );
        }
        let _ = writeln!(
            out,
            "{} in {counted}",
            plural(self.found.len(), "difference")
        );
        out
    }

    /// As one JSON object in one line.
    pub(crate) fn json(&self) -> String {
        let differences: Vec<Value> = self.found.iter().map(|it| it.json(self.charset)).collect();
        let mut line = json!({
            "same": self.found.is_empty(),
            "expected": self.expected,
            "came": self.came,
            "conversations": self.conversations,
            "messages": self.units,
            "bytes": self.bytes,
            "differences": differences,
        })
        .to_string();
        line.push('\n');
        line
    }
}

impl Found {
    fn sort(&self) -> Sort {
        match &self.item {
            Item::Said(_, Difference::Missing(_)) => Sort::Missing,
            Item::Said(_, Difference::Extra(_)) => Sort::Extra,
            _ => Sort::Other,
        }
    }

    fn write(&self, style: Style, charset: Charset, out: &mut String) {
        let place = match self.session {
            0 | 1 => format!("peer {}", self.peer),
            session => format!("session {session} peer {}", self.peer),
        };
        let head = |text: &str| style.colour("36", &format!("@@ {text} @@"));
        let _ = match &self.item {
            Item::PeerMissing => writeln!(out, "{}", head(&format!("{place} is missing"))),
            Item::PeerExtra => writeln!(out, "{}", head(&format!("{place} is one more"))),
            Item::Ended { expected, came } => {
                let minus = style.colour("31", &format!("- {}", VisibleLine(expected)));
                let plus = style.colour("32", &format!("+ {}", VisibleLine(came)));
                writeln!(
                    out,
                    "{}\n{minus}\n{plus}",
                    head(&format!("{place} ended otherwise"))
                )
            }
            Item::Said(direction, difference) => {
                let arrow = match direction {
                    Direction::In => "←",
                    Direction::Out => "→",
                };
                let place = format!("{place} {arrow}");
                write_said(&place, difference, (style, charset), out);
                Ok(())
            }
        };
    }

    fn json(&self, charset: Charset) -> Value {
        let unit_json = |unit: &Unit| unit_json(unit, charset);
        let mut object = json!({ "session": self.session, "peer": self.peer });
        let mut set = |name: &str, value: Value| object[name] = value;
        match &self.item {
            Item::PeerMissing => set("difference", "missing conversation".into()),
            Item::PeerExtra => set("difference", "extra conversation".into()),
            Item::Ended { expected, came } => {
                set("difference", "ended".into());
                set("expected", expected.as_str().into());
                set("came", came.as_str().into());
            }
            Item::Said(direction, difference) => {
                set("dir", direction.as_str().into());
                match difference {
                    Difference::Changed { expected, came, at } => {
                        set("difference", "changed".into());
                        set("expected", unit_json(expected));
                        set("came", unit_json(came));
                        set("at", json!([at.0, at.1]));
                    }
                    Difference::Missing(unit) => {
                        set("difference", "missing".into());
                        set("expected", unit_json(unit));
                    }
                    Difference::Extra(unit) => {
                        set("difference", "extra".into());
                        set("came", unit_json(unit));
                    }
                    Difference::Moved { expected, came } => {
                        set("difference", "time".into());
                        set("expected", unit_json(expected));
                        set("came", unit_json(came));
                    }
                }
            }
        }
        object
    }
}

fn unit_json(unit: &Unit, charset: Charset) -> Value {
    let mut digits = String::new();
    hex::write(&unit.bytes, &mut digits);
    json!({
        "offset": unit.offset,
        "at_ns": u64::try_from(unit.time.as_nanos()).unwrap_or(u64::MAX),
        "hex": digits.replace(' ', "").to_lowercase(),
        "text": charset.decode(&unit.bytes).text,
    })
}

fn write_said(
    place: &str,
    difference: &Difference,
    (style, charset): (Style, Charset),
    out: &mut String,
) {
    let head = |unit: &Unit, at: usize, what: &str| {
        let offset = unit.offset.saturating_add(at as u64);
        let text = format!(
            "@@ {place} offset {offset}, {}: {what} @@",
            seconds(unit.time)
        );
        style.colour("36", &text)
    };
    let _ = match difference {
        Difference::Changed { expected, came, at } => {
            let (left, right) = *at;
            let minus = Row::around(&expected.bytes, left, charset);
            let plus = Row::around(&came.bytes, right, charset);
            let columns = width::width(&minus.hex).max(width::width(&plus.hex));
            let caret = minus.caret.max(plus.caret);
            writeln!(
                out,
                "{}\n{}\n{}\n  {:caret$}{}",
                head(came, right, &format!("byte {right} differs")),
                style.colour("31", &minus.line('-', columns)),
                style.colour("32", &plus.line('+', columns)),
                "",
                style.bold("^^"),
            )
        }
        Difference::Missing(unit) => {
            let row = Row::around(&unit.bytes, 0, charset);
            let line = style.colour("31", &row.line('-', 0));
            writeln!(
                out,
                "{}\n{line}",
                head(unit, 0, &format!("{} missing", bytes(unit)))
            )
        }
        Difference::Extra(unit) => {
            let row = Row::around(&unit.bytes, 0, charset);
            let line = style.colour("32", &row.line('+', 0));
            writeln!(
                out,
                "{}\n{line}",
                head(unit, 0, &format!("{} more", bytes(unit)))
            )
        }
        Difference::Moved { expected, came } => {
            let row = Row::around(&came.bytes, 0, charset);
            let what = format!("it was at {}", seconds(expected.time));
            writeln!(out, "{}\n{}", head(came, 0, &what), row.line(' ', 0))
        }
    };
}

/// Some bytes of a message: in hexadecimal, and as text.
struct Row {
    hex: String,
    text: String,
    /// In columns of `hex`: where the byte stands that it is about.
    caret: usize,
}

impl Row {
    fn around(bytes: &[u8], at: usize, charset: Charset) -> Self {
        let start = at.saturating_sub(LEAD).min(bytes.len());
        let end = start.saturating_add(ROW).min(bytes.len());
        let shown = bytes.get(start..end).unwrap_or_default();
        let mut hex = String::new();
        if start > 0 {
            hex.push_str("… ");
        }
        let lead = width::width(&hex);
        hex::write(shown, &mut hex);
        if end < bytes.len() {
            hex.push_str(" …");
        }
        Self {
            caret: lead + at.saturating_sub(start) * 3,
            text: VisibleLine(&charset.decode(shown).text).to_string(),
            hex,
        }
    }

    fn line(&self, mark: char, columns: usize) -> String {
        format!("{mark} {}  {}", width::pad(&self.hex, columns), self.text)
    }
}

fn bytes(unit: &Unit) -> String {
    plural(unit.bytes.len(), "byte")
}

fn plural(count: usize, thing: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{end}")
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
