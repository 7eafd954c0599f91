//! The catalogue: sentences in two languages, under the same keys.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Language;
use super::template::{Template, joints};

pub(super) const ENGLISH: &str = include_str!("en.toml");
pub(super) const CHINESE: &str = include_str!("zh-CN.toml");
const CHINESE_HELP: &str = include_str!("zh-CN.help.toml");

/// In bytes: what is longer is no sentence of ours, and stays as it is.
const LONGEST: usize = 4096;

/// How deep sentences stand in the places of others.
const DEEPEST: usize = 5;

/// Parts of a chain such as `cannot read a: line 3: no such key` that are looked at.
const PARTS: usize = 8;

/// In bytes: a template with so little text of its own says too little by itself.
const WEAK: usize = 4;

/// Before a sentence: what it is about.
const ARROWS: [&str; 3] = ["↑ ", "→ ", "← "];

/// What the program says, in one language.
pub struct Catalogue {
    /// The most telling one first.
    entries: Vec<Entry>,
    /// Sentences without places.
    whole: BTreeMap<String, String>,
    help: BTreeMap<String, BTreeMap<String, String>>,
}

struct Entry {
    english: Template,
    other: Template,
}

/// A place that holds what a user has called something: it stays as it is.
const TITLE: &str = "title";

impl Catalogue {
    /// The catalogue of a language; in English it has no entry, and everything stays as it is.
    #[must_use]
    pub fn new(language: Language) -> Self {
        match language {
            Language::English => Self::of(&BTreeMap::new()),
            Language::Chinese => Self {
                help: tables(CHINESE_HELP),
                ..Self::of(&texts(CHINESE))
            },
        }
    }

    /// A catalogue that says before each sentence which entry it is, such as `<talk.leave>`.
    #[cfg(test)]
    pub(crate) fn of_names() -> Self {
        let named = |(key, english)| {
            let said = format!("<{key}>{english}");
            (key, said)
        };
        Self::of(&texts(ENGLISH).into_iter().map(named).collect())
    }

    /// The names of all entries of a table.
    #[cfg(test)]
    pub(crate) fn names(table: &str) -> impl Iterator<Item = String> {
        let start = format!("{table}.");
        let names = texts(ENGLISH).into_keys();
        names.filter(move |name| name.starts_with(&start))
    }

    /// Without help; `other` is what is said for each entry.
    fn of(other: &BTreeMap<String, String>) -> Self {
        let mut catalogue = Self {
            entries: Vec::new(),
            whole: BTreeMap::new(),
            help: BTreeMap::new(),
        };
        for (key, english) in texts(ENGLISH) {
            let Some(other) = other.get(&key) else {
                continue;
            };
            let (english, other) = (Template::new(&english), Template::new(other));
            if let Some(sentence) = english.plain() {
                catalogue
                    .whole
                    .insert(sentence, other.render(|_| String::new()));
            } else {
                catalogue.entries.push(Entry { english, other });
            }
        }
        let telling = |entry: &Entry| (entry.english.weight(), entry.english.numbers());
        catalogue
            .entries
            .sort_by_key(|entry| Reverse(telling(entry)));
        catalogue
    }

    /// Says an English sentence in this language: as a whole, or else the parts of a chain of causes
    /// one by one. What has no entry stays as it is.
    #[must_use]
    pub fn say<'t>(&self, sentence: &'t str) -> Cow<'t, str> {
        if self.whole.is_empty() || LONGEST < sentence.len() {
            return Cow::Borrowed(sentence);
        }
        let start = sentence.trim_start();
        let start = ARROWS.iter().find_map(|arrow| start.strip_prefix(arrow));
        let start = start.unwrap_or(sentence).trim_start();
        let Some(said) = self.translate(start, 0) else {
            return Cow::Borrowed(sentence);
        };
        let before = sentence.len() - start.len();
        let before = sentence.get(..before).unwrap_or_default();
        Cow::Owned(format!("{before}{said}"))
    }

    /// The help of a command, such as `connect`, on one of its arguments, or on `about` or
    /// `after_help`; `None` where it stays English.
    #[must_use]
    pub fn help(&self, command: &str, argument: &str) -> Option<&str> {
        Some(self.help.get(command)?.get(argument)?.as_str())
    }

    /// Every command and argument that has a help in this language.
    pub fn helps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.help.iter().flat_map(|(command, arguments)| {
            let command = command.as_str();
            arguments
                .keys()
                .map(move |argument| (command, argument.as_str()))
        })
    }

    fn translate(&self, sentence: &str, depth: usize) -> Option<String> {
        let trimmed = sentence.trim();
        if trimmed.is_empty() || DEEPEST < depth {
            return None;
        }
        self.translate_whole(trimmed, depth)
            .or_else(|| self.translate_parts(trimmed, depth))
            .or_else(|| self.translate_weak(trimmed, depth))
    }

    fn translate_whole(&self, sentence: &str, depth: usize) -> Option<String> {
        if let Some(said) = self.whole.get(sentence) {
            return Some(said.clone());
        }
        let strong = self
            .entries
            .iter()
            .take_while(|entry| WEAK < entry.english.weight());
        let mut found = strong.filter_map(|entry| self.render(entry, sentence, depth));
        found.next().map(|(said, _)| said)
    }

    /// A template that would fit many a sentence counts only where what stands in it is known.
    fn translate_weak(&self, sentence: &str, depth: usize) -> Option<String> {
        let weak = self
            .entries
            .iter()
            .skip_while(|entry| WEAK < entry.english.weight());
        let mut found = weak.filter_map(|entry| self.render(entry, sentence, depth));
        found.find(|(_, is_known)| *is_known).map(|(said, _)| said)
    }

    /// The sentence by the template of an entry, and whether a value of it was said otherwise too.
    fn render(&self, entry: &Entry, sentence: &str, depth: usize) -> Option<(String, bool)> {
        let values = entry.english.values(sentence)?;
        let mut is_known = false;
        let said = entry.other.render(|name| {
            let Some(value) = values.iter().find(|value| value.name == name) else {
                return String::new();
            };
            let said = match value.is_quoted || value.name == TITLE {
                true => None,
                false => self.translate(value.text, depth + 1),
            };
            is_known |= said.is_some() || value.text.parse::<f64>().is_ok();
            said.unwrap_or_else(|| value.text.to_owned())
        });
        Some((said, is_known))
    }

    /// Causes stand after colons, and what may be done after semicolons.
    fn translate_parts(&self, sentence: &str, depth: usize) -> Option<String> {
        let parts = parts(sentence);
        if parts.len() < 2 {
            return None;
        }
        let mut said = String::new();
        let mut is_said = false;
        let mut first = 0;
        while let Some((start, _)) = parts.get(first) {
            // The most that is a sentence together; a part that is none stays as it is.
            let longest = (first..parts.len()).rev().find_map(|last| {
                let is_whole = first == 0 && last + 1 == parts.len();
                let end = parts.get(last)?.1;
                let part = sentence.get(*start..end).filter(|_| !is_whole)?;
                Some((last, self.translate_whole(part, depth)?))
            });
            let last = match longest {
                Some((last, part)) => {
                    is_said = true;
                    said.push_str(&part);
                    last
                }
                None => {
                    let end = parts.get(first).map_or(*start, |part| part.1);
                    said.push_str(sentence.get(*start..end)?);
                    first
                }
            };
            let end = parts.get(last).map_or(sentence.len(), |part| part.1);
            match sentence.as_bytes().get(end) {
                Some(b':') => said.push('：'),
                Some(b';') => said.push('；'),
                _ => {}
            }
            first = last + 1;
        }
        is_said.then_some(said)
    }
}

impl Template {
    /// The sentence, if it has no places.
    fn plain(&self) -> Option<String> {
        let is_plain = self.names().next().is_none();
        is_plain.then(|| self.render(|_| String::new()))
    }
}

/// Where the parts of a chain begin and end.
fn parts(sentence: &str) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in joints(sentence).take(PARTS - 1) {
        parts.push((start, at));
        start = at + 2;
    }
    parts.push((start, sentence.len()));
    parts
}

/// Sentences by `table.key`.
pub(super) fn texts(source: &str) -> BTreeMap<String, String> {
    let named = |(table, keys): (String, BTreeMap<String, String>)| {
        keys.into_iter()
            .map(move |(key, text)| (format!("{table}.{key}"), text))
    };
    tables(source).into_iter().flat_map(named).collect()
}

fn tables(source: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    toml::from_str(source).expect("the catalogue is TOML of texts in tables")
}
