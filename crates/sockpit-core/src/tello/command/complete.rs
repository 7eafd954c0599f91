//! What may follow what somebody has typed so far.

use super::super::sdk::Sdk;
use super::table::{Domain, Form, forms};

/// A line that what was typed may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The whole line up to there.
    pub text: String,
    /// What it is, for people: a help line, or what the next argument takes.
    pub help: String,
}

/// The lines that what was typed may become, each with a word more or a word finished. Where the
/// next argument is a number there is one candidate that is what was typed, and says its range.
#[must_use]
pub fn complete(typed: &str, sdk: Sdk) -> Vec<Candidate> {
    let typed = typed.trim_start();
    let mut found: Vec<Candidate> = Vec::new();
    for form in forms(sdk) {
        let is_known = found.iter().any(|candidate| candidate.text == form.name);
        if form.name.starts_with(typed) && !is_known {
            found.push(Candidate {
                text: form.name.to_owned(),
                help: form.help.to_owned(),
            });
        }
    }
    for form in forms(sdk) {
        if let Some(rest) = typed.strip_prefix(form.name)
            && rest.starts_with(' ')
        {
            found.extend(arguments(form, rest, sdk));
        }
    }
    found
}

/// What may follow the name of a form, where `rest` was typed after it.
fn arguments(form: &'static Form, rest: &str, sdk: Sdk) -> Vec<Candidate> {
    let mut words: Vec<&str> = rest.split_whitespace().collect();
    let begun = match rest.ends_with(' ') {
        true => "",
        false => words.pop().unwrap_or_default(),
    };
    let Some(parameter) = form.parameters.get(words.len()) else {
        return Vec::new();
    };
    let line = |word: &str| {
        let mut line = form.name.to_owned();
        for word in words.iter().copied().chain(Some(word)) {
            line.push(' ');
            line.push_str(word);
        }
        line
    };
    let offered: &[&str] = match parameter.domain {
        Domain::OneOf(words) => words,
        Domain::Pad if sdk < Sdk::V3_0 => &["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"],
        Domain::Pad => &["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m-1", "m-2"],
        Domain::Glyph => &["heart"],
        _ => {
            return vec![Candidate {
                text: line(begun),
                help: format!("{} {}", parameter.name, parameter.takes(sdk)),
            }];
        }
    };
    let words = offered.iter().filter(|word| word.starts_with(begun));
    words
        .map(|word| Candidate {
            text: line(word),
            help: parameter.name.to_owned(),
        })
        .collect()
}
