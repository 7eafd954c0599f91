//! A table of a rule file, read key by key; what is not known is a mistake.

use std::num::NonZeroU32;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Mistake;
use super::position::{Located, place_in_string};
use crate::time::TimeSpan;

/// A table all of whose keys are known.
pub(crate) struct Fields<'a> {
    source: &'a str,
    entries: &'a DeTable<'a>,
    start: usize,
    /// What it is, for people: `a rule`.
    what: &'static str,
    /// The keys that it may have.
    known: &'static [&'static str],
}

/// A text, and where it stands.
pub(crate) struct Text<'a> {
    pub(crate) value: &'a str,
    source: &'a str,
    span: Range<usize>,
}

impl Text<'_> {
    /// Where it begins in the file, its quotes included.
    pub(crate) fn start(&self) -> usize {
        self.span.start
    }

    /// Where its byte number `offset` stands in the file.
    pub(crate) fn place(&self, offset: usize) -> usize {
        let raw = self.source.get(self.span.clone()).unwrap_or_default();
        self.span.start + place_in_string(raw, offset)
    }
}

/// A value that has a short form.
pub(crate) enum TableOrText<'a> {
    Table(Fields<'a>),
    Text(Text<'a>),
}

impl<'a> Fields<'a> {
    pub(crate) fn of_file(
        source: &'a str,
        entries: &'a DeTable<'a>,
        what: &'static str,
        known: &'static [&'static str],
    ) -> Result<Self, Located> {
        Self {
            source,
            entries,
            start: 0,
            what,
            known,
        }
        .with_known(known)
    }

    fn with_known(mut self, known: &'static [&'static str]) -> Result<Self, Located> {
        self.known = known;
        let is_known = |key: &str| known.contains(&key);
        let strangers = self.entries.iter().map(|(key, _)| key);
        let first = strangers
            .filter(|key| !is_known(key.get_ref()))
            .min_by_key(|key| key.span().start);
        let Some(key) = first else { return Ok(self) };
        let (offset, key, what) = (key.span().start, key.get_ref().to_string(), self.what);
        let mistake = match nearest(&key, known) {
            Some(nearest) => Mistake::NearKey { key, what, nearest },
            None => Mistake::Key { key, what, known },
        };
        Err(Located::new(offset, mistake))
    }

    /// Where it begins.
    pub(crate) const fn start(&self) -> usize {
        self.start
    }

    /// What it is, for people.
    pub(crate) const fn what(&self) -> &'static str {
        self.what
    }

    /// Where a value begins, or the table if there is none.
    pub(crate) fn place(&self, key: &str) -> usize {
        self.value(key)
            .map_or(self.start, |value| value.span().start)
    }

    /// A mistake in the value of a key.
    pub(crate) fn at(&self, key: &str, mistake: Mistake) -> Located {
        Located::new(self.place(key), mistake)
    }

    /// The only one of some keys that is there; `false` counts as not there.
    pub(crate) fn one_of(
        &self,
        keys: &'static [&'static str],
    ) -> Result<Option<&'static str>, Located> {
        let mut found: Option<&'static str> = None;
        for key in keys {
            let is_there = match self.value(key).map(Spanned::get_ref) {
                None => false,
                Some(DeValue::Boolean(value)) if !is_text_key(key) => *value,
                Some(_) if !is_text_key(key) => self.flag(key)?,
                Some(_) => true,
            };
            match found {
                Some(first) if is_there => {
                    let (first, second) = if self.key_place(first) < self.key_place(key) {
                        (first, *key)
                    } else {
                        (*key, first)
                    };
                    let mistake = Mistake::Both {
                        what: self.what,
                        first,
                        second,
                        of: keys,
                    };
                    return Err(Located::new(self.key_place(second), mistake));
                }
                None if is_there => found = Some(key),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Refuses the keys that do not go with the one that says what this is.
    pub(crate) fn only(&self, allowed: &[&str], with: &'static str) -> Result<(), Located> {
        let keys = self.entries.iter().map(|(key, _)| key);
        let first = keys
            .filter(|key| !allowed.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        match first {
            None => Ok(()),
            Some(key) => {
                let offset = key.span().start;
                let mut known = self.known.iter();
                let key = known.find(|known| **known == key.get_ref().as_ref());
                let key = key.copied().unwrap_or_default();
                Err(Located::new(offset, Mistake::Apart { key, with }))
            }
        }
    }

    pub(crate) fn text(&self, key: &'static str) -> Result<Option<Text<'a>>, Located> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        match value.get_ref() {
            DeValue::String(text) => Ok(Some(Text {
                value: text,
                source: self.source,
                span: value.span(),
            })),
            _ => Err(self.wrong_type(key, "a text in quotes")),
        }
    }

    pub(crate) fn required(&self, key: &'static str) -> Result<Text<'a>, Located> {
        self.text(key)?.ok_or_else(|| {
            Located::new(
                self.start,
                Mistake::Missing {
                    what: self.what,
                    key,
                },
            )
        })
    }

    /// The `name`, which is not empty if it is there.
    pub(crate) fn name(&self) -> Result<Option<String>, Located> {
        match self.text("name")? {
            Some(name) if name.value.is_empty() => Err(self.at("name", Mistake::NoName)),
            name => Ok(name.map(|name| name.value.to_owned())),
        }
    }

    pub(crate) fn flag(&self, key: &'static str) -> Result<bool, Located> {
        match self.value(key).map(Spanned::get_ref) {
            None => Ok(false),
            Some(DeValue::Boolean(value)) => Ok(*value),
            Some(_) => Err(self.wrong_type(key, "`true` or `false`")),
        }
    }

    pub(crate) fn time(&self, key: &'static str) -> Result<Option<Duration>, Located> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.wrong_type(key, "a time in quotes, such as \"200ms\""));
        };
        match text.parse::<TimeSpan>() {
            Ok(span) => Ok(Some(span.0)),
            Err(error) => Err(self.at(key, Mistake::Time(error))),
        }
    }

    pub(crate) fn number(
        &self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, Located> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let DeValue::Integer(number) = value.get_ref() else {
            return Err(self.wrong_type(key, "a number"));
        };
        match u32::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (first, last) = range.into_inner();
                let found = number.to_string();
                Err(self.at(
                    key,
                    Mistake::Range {
                        key,
                        first,
                        last,
                        found,
                    },
                ))
            }
        }
    }

    /// How often something runs: once if nothing is said or `false`, without end if `true`.
    pub(crate) fn rounds(&self, key: &'static str) -> Result<Option<NonZeroU32>, Located> {
        match self.value(key).map(Spanned::get_ref) {
            None | Some(DeValue::Boolean(false)) => Ok(Some(NonZeroU32::MIN)),
            Some(DeValue::Boolean(true)) => Ok(None),
            Some(DeValue::Integer(_)) => {
                let number = self.number(key, 1..=u32::MAX)?;
                Ok(Some(
                    number.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
                ))
            }
            Some(_) => Err(self.wrong_type(key, "`true` or a number")),
        }
    }

    pub(crate) fn table(
        &self,
        key: &'static str,
        what: &'static str,
        known: &'static [&'static str],
    ) -> Result<Option<Self>, Located> {
        match self.value(key) {
            None => Ok(None),
            Some(value) => self.inner(value, key, what)?.with_known(known).map(Some),
        }
    }

    pub(crate) fn table_or_text(
        &self,
        key: &'static str,
        what: &'static str,
        known: &'static [&'static str],
    ) -> Result<TableOrText<'a>, Located> {
        if let Some(DeValue::Table(_)) = self.value(key).map(Spanned::get_ref)
            && let Some(table) = self.table(key, what, known)?
        {
            return Ok(TableOrText::Table(table));
        }
        self.required(key).map(TableOrText::Text)
    }

    pub(crate) fn tables(
        &self,
        key: &'static str,
        what: &'static str,
        known: &'static [&'static str],
        limit: usize,
    ) -> Result<Vec<Self>, Located> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(values) = value.get_ref() else {
            return Err(self.wrong_type(key, "a list of tables, each under `[[…]]` or in `{ }`"));
        };
        if let Some(first) = values.get(limit) {
            return Err(Located::new(
                first.span().start,
                Mistake::Many { key, limit },
            ));
        }
        values
            .iter()
            .map(|value| self.inner(value, key, what)?.with_known(known))
            .collect()
    }

    fn inner(
        &self,
        value: &'a Spanned<DeValue<'a>>,
        key: &'static str,
        what: &'static str,
    ) -> Result<Self, Located> {
        match value.get_ref() {
            DeValue::Table(entries) => Ok(Self {
                source: self.source,
                entries,
                start: value.span().start,
                what,
                known: &[],
            }),
            other => Err(Located::new(
                value.span().start,
                Mistake::Type {
                    key,
                    wanted: "a table",
                    found: type_name(other),
                },
            )),
        }
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries.get(key)
    }

    fn key_place(&self, key: &str) -> usize {
        let found = self
            .entries
            .iter()
            .find(|(known, _)| known.get_ref() == key);
        found.map_or(self.start, |(key, _)| key.span().start)
    }

    pub(crate) fn wrong_type(&self, key: &'static str, wanted: &'static str) -> Located {
        let found = self
            .value(key)
            .map_or("nothing", |value| type_name(value.get_ref()));
        self.at(key, Mistake::Type { key, wanted, found })
    }
}

/// Whether the value of a key is a text; that of others is `true`.
fn is_text_key(key: &str) -> bool {
    !matches!(key, "any" | "echo" | "upper" | "discard")
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The known key that a typing mistake or two away would be this one.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let key = key.to_lowercase().replace('-', "_");
    let near = known.iter().map(|known| (distance(&key, known), *known));
    // A word of three letters is not two letters away from another.
    near.min()
        .filter(|(distance, known)| *distance <= known.len().min(key.len()) / 3)
        .map(|(_, known)| known)
}

/// How many letters must be put in, taken out or exchanged (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
