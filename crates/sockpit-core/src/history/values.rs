//! Numbers out of messages, for a graph.

use std::str::FromStr;

use super::History;
use super::view::View;
use crate::event::{Direction, Value};
use crate::rule::Pattern;
use crate::rule::pattern::{Message, PatternError};
use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;
use crate::time::Time;

/// How numbers are found in a message.
///
/// ```text
/// re:t=(?<t>\d+) h=(\d+)   each group, or the whole match where there is none
/// csv:0,2   csv:0,2,;      columns from 0, parted by `,` or by another character (`tab`, `space`)
/// json:temp   json:/a/0    a field of an object, or a pointer (RFC 6901); several with a comma
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extractor {
    kind: Kind,
    names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Pattern(Pattern, Vec<usize>),
    Csv(Vec<usize>, char),
    Json(Vec<String>),
}

/// Why a text says no way to find numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractorError {
    /// It begins with no word that is known.
    #[error(
        "`{}` finds no numbers; write `re:t=(\\d+)`, `csv:0,2` or `json:temp`",
        VisibleLine(text)
    )]
    Unknown {
        /// As typed.
        text: String,
    },
    /// The regular expression is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A column is no number.
    #[error(
        "`{}` is no column; write their numbers from 0, such as `csv:0,2`, and last what parts \
         them where that is no comma, such as `csv:0,2,;` or `csv:1,tab`",
        VisibleLine(column)
    )]
    Column {
        /// As typed.
        column: String,
    },
    /// No field is named.
    #[error("`json:` names no field; write one such as `json:temp` or `json:/sensors/0/temp`")]
    NoField,
}

/// Groups or columns at most.
const MOST_COLUMNS: usize = 16;

impl FromStr for Extractor {
    type Err = ExtractorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(pattern) = text.strip_prefix("re:") {
            return Self::of_pattern(Pattern::regex(pattern)?);
        }
        if let Some(columns) = text.strip_prefix("csv:") {
            return Self::of_columns(columns);
        }
        let Some(fields) = text.strip_prefix("json:") else {
            return Err(ExtractorError::Unknown {
                text: text.to_owned(),
            });
        };
        let names: Vec<String> = fields
            .split(',')
            .map(|field| field.trim().to_owned())
            .filter(|field| !field.is_empty())
            .take(MOST_COLUMNS)
            .collect();
        if names.is_empty() {
            return Err(ExtractorError::NoField);
        }
        Ok(Self {
            kind: Kind::Json(names.clone()),
            names,
        })
    }
}

impl Extractor {
    fn of_pattern(pattern: Pattern) -> Result<Self, ExtractorError> {
        let groups = pattern.groups();
        let first = usize::from(groups.len() > 1);
        let places: Vec<usize> = (first..groups.len()).take(MOST_COLUMNS).collect();
        let name = |place: &usize| match groups.get(*place) {
            Some(Some(name)) => (*name).to_owned(),
            _ => place.to_string(),
        };
        let names = places.iter().map(name).collect();
        Ok(Self {
            kind: Kind::Pattern(pattern, places),
            names,
        })
    }

    fn of_columns(text: &str) -> Result<Self, ExtractorError> {
        let error = |column: &str| ExtractorError::Column {
            column: column.to_owned(),
        };
        let mut columns = Vec::new();
        let mut separator = ',';
        let mut parts = text.split(',').peekable();
        while let Some(part) = parts.next() {
            let part = part.trim();
            if let Ok(column) = part.parse() {
                columns.push(column);
                continue;
            }
            let word = part.strip_prefix("sep=").unwrap_or(part);
            let mut characters = word.chars();
            separator = match (word, characters.next(), characters.next()) {
                ("tab", ..) => '\t',
                ("space", ..) => ' ',
                (_, Some(one), None) => one,
                _ => return Err(error(part)),
            };
            if parts.peek().is_some() {
                return Err(error(part));
            }
        }
        if columns.is_empty() || columns.len() > MOST_COLUMNS {
            return Err(error(text));
        }
        let names = columns.iter().map(usize::to_string).collect();
        Ok(Self {
            kind: Kind::Csv(columns, separator),
            names,
        })
    }

    /// What it calls its columns.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The numbers of a message, one for each column; `None` where there is none.
    #[must_use]
    pub fn extract(&self, text: &str) -> Vec<Option<f64>> {
        match &self.kind {
            Kind::Pattern(pattern, groups) => {
                let found = pattern.find(Message {
                    bytes: text.as_bytes(),
                    text: Some(text),
                });
                let group = |group: &usize| {
                    let caught = found.as_ref()?.captures.group(*group)?;
                    number(str::from_utf8(caught).ok()?)
                };
                groups.iter().map(group).collect()
            }
            Kind::Csv(columns, separator) => {
                let cells: Vec<&str> = if *separator == ' ' {
                    text.split_whitespace().collect()
                } else {
                    text.split(*separator).collect()
                };
                let cell = |column: &usize| {
                    let cell = cells.get(*column)?.trim();
                    number(cell.trim_matches('"'))
                };
                columns.iter().map(cell).collect()
            }
            Kind::Json(fields) => {
                let value: Value = serde_json::from_str(text.trim()).unwrap_or_default();
                let field = |field: &String| match field_of(&value, field)? {
                    Value::Number(number) => number.as_f64(),
                    Value::Bool(is_so) => Some(f64::from(u8::from(*is_so))),
                    Value::String(text) => number(text),
                    _ => None,
                };
                fields.iter().map(field).collect()
            }
        }
    }
}

/// A field by its name, by a JSON pointer, or by names with dots between them.
fn field_of<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    if field.starts_with('/') {
        return value.pointer(field);
    }
    let nested = || value.pointer(&format!("/{}", field.replace('.', "/")));
    value.get(field).or_else(nested)
}

/// A number as people write it, `0x1F` too; none that is endless.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match digits {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
        None => text.parse().ok(),
    };
    number.filter(|number| number.is_finite())
}

/// Numbers being found in the messages of a view.
#[derive(Clone, Debug)]
pub struct Values {
    extractor: Extractor,
    from: Option<Time>,
    to: Option<Time>,
    most: usize,
    /// The row to look at next.
    at: u64,
    revision: Option<u32>,
    columns: Vec<Vec<(Time, f64)>>,
    skipped: u64,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extracted {
    /// The columns, in the order of the extractor.
    pub columns: Vec<Column>,
    /// Messages in which one of the numbers, or all, were not found.
    pub skipped: u64,
}

/// The numbers of one column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// Its points, in the order of the view.
    pub points: Vec<(Time, f64)>,
}

/// In bytes of work: what a row costs beside its bytes.
const ROW_COST: usize = 64;

/// In bytes: of a longer message only so much is looked at.
const MOST_READ: usize = 1024 * 1024;

/// As many times more points than wanted are held before they are thinned.
const SURPLUS: usize = 4;

impl Values {
    /// Begins to look at messages between two times, for at most so many points of each column.
    #[must_use]
    pub fn new(extractor: Extractor, from: Option<Time>, to: Option<Time>, most: usize) -> Self {
        let columns = vec![Vec::new(); extractor.names.len()];
        Self {
            extractor,
            from,
            to,
            most: most.max(2),
            at: 0,
            revision: None,
            columns,
            skipped: 0,
        }
    }

    /// Looks on, for about as much work as it takes to look at `budget` bytes; says whether it has
    /// seen all of the view. It begins again where the view did.
    pub fn advance(&mut self, view: &View, history: &History, budget: usize) -> bool {
        if self.revision.replace(view.revision()) != Some(view.revision()) {
            self.at = view.first();
            self.skipped = 0;
            self.columns.iter_mut().for_each(Vec::clear);
        }
        self.at = self.at.max(view.first());
        let mut left = budget.max(1);
        while left > 0 && self.at < view.next() {
            let cost = self.look(view, history, self.at);
            left = left.saturating_sub(ROW_COST + cost);
            self.at += 1;
        }
        self.at >= view.next()
    }

    /// What was found. Where there are more points than wanted, the extremes among neighbours are
    /// kept.
    #[must_use]
    pub fn finish(&self) -> Extracted {
        let columns = self.extractor.names.iter().zip(&self.columns);
        let column = |(name, points): (&String, &Vec<(Time, f64)>)| {
            let mut points = points.clone();
            thin(&mut points, self.most);
            Column {
                name: name.clone(),
                points,
            }
        };
        Extracted {
            columns: columns.map(column).collect(),
            skipped: self.skipped,
        }
    }

    fn look(&mut self, view: &View, history: &History, index: u64) -> usize {
        let Some(slot) = view.slots.get(index).filter(|slot| !slot.is_broken()) else {
            return 0;
        };
        let Some(entry) = history.entry(slot.number()).filter(|it| it.is_chunk()) else {
            return 0;
        };
        let time = entry.time;
        if self.from.is_some_and(|from| time < from) || self.to.is_some_and(|to| time > to) {
            return 0;
        }
        let Ok(bytes) = view.payload(history, index, 0, MOST_READ) else {
            self.skipped += 1;
            return 0;
        };
        let direction = entry.direction.unwrap_or(Direction::In);
        let charset = view.charset(history, entry.session, direction);
        let decoded = charset.unwrap_or(Charset::UTF_8).decode(&bytes);
        let numbers = self.extractor.extract(&decoded.text);
        self.skipped += u64::from(numbers.iter().any(Option::is_none));
        for (points, number) in self.columns.iter_mut().zip(numbers) {
            points.extend(number.map(|number| (time, number)));
            if points.len() > self.most.saturating_mul(SURPLUS) {
                thin(points, self.most);
            }
        }
        bytes.len()
    }
}

/// Keeps of each group of neighbours the least and the greatest, so that at most `most` are left.
fn thin(points: &mut Vec<(Time, f64)>, most: usize) {
    if points.len() <= most {
        return;
    }
    let group = points.len().div_ceil((most / 2).max(1));
    let mut kept = Vec::with_capacity(most);
    for group in points.chunks(group) {
        let by_number = |a: &usize, b: &usize| group[*a].1.total_cmp(&group[*b].1);
        let (Some(least), Some(greatest)) = (
            (0..group.len()).min_by(by_number),
            (0..group.len()).max_by(by_number),
        ) else {
            continue;
        };
        kept.push(group[least.min(greatest)]);
        if least != greatest {
            kept.push(group[least.max(greatest)]);
        }
    }
    *points = kept;
}
