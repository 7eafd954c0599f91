//! What is done here, as a command for elsewhere: the exact `sockpit` line, one for `nc`, a program.
//!
//! All three send the same bytes. Where `nc` cannot do what the session does, it is said why.

mod netcat;
mod python;
mod shell;

use bytes::Bytes;

pub use shell::quote;

use crate::composer::{Composed, Content, Draft};
use crate::endpoint::Endpoint;
use crate::plan::{Plan, Role};
use crate::text::escape::Escaped;
use crate::text::hex::Hex;
use crate::time::TimeSpan;

/// A session, and what is sent in it.
#[derive(Clone, Debug)]
pub struct Snippet<'a> {
    /// The session as decided.
    pub plan: &'a Plan,
    /// Its endpoint as it was written, without options.
    pub endpoint: &'a str,
    /// Its options as they were written: keys of [`Options`](crate::plan::Options) and values.
    pub options: &'a [(String, String)],
    /// Whether it connects again when its peer is gone.
    pub reconnects: bool,
    /// The file that has its rules, if it has any.
    pub rules: Option<&'a str>,
    /// What is sent.
    pub sends: Option<Sends<'a>>,
}

/// What is sent, and how often.
#[derive(Clone, Debug)]
pub struct Sends<'a> {
    /// As it was written.
    pub draft: &'a Draft,
    /// What it comes to.
    pub composed: &'a Composed,
    /// The rhythm in which it is sent again.
    pub every: Option<TimeSpan>,
    /// How often in all.
    pub count: Option<u64>,
}

/// Options that are flags of the command line; all others stand in the endpoint's query.
const FLAGS: [&str; 18] = [
    "frame",
    "text",
    "text-out",
    "eol",
    "checksum",
    "max-frame",
    "split-at",
    "split-every",
    "split-delay",
    "coalesce",
    "bind",
    "timeout",
    "wait",
    "idle",
    "linger",
    "max-peers",
    "read-size",
    "warn-size",
];

impl Snippet<'_> {
    /// The `sockpit` line.
    #[must_use]
    pub fn sockpit(&self) -> String {
        let role = match self.plan.role {
            Role::Client => "connect",
            Role::Server => "listen",
        };
        let mut words = vec!["sockpit".to_owned(), role.to_owned(), self.endpoint_word()];
        let draft = self.sends.as_ref().map(|sends| sends.draft);
        // What the draft says stands on the line once, in place of what the session says.
        let replaced = |key: &str| match (key, draft) {
            ("checksum", Some(draft)) => draft.checksum.is_some(),
            ("eol", Some(_)) => true,
            ("text-out", Some(draft)) => draft.charset.is_some(),
            _ => false,
        };
        for (key, value) in self.flags().filter(|(key, _)| !replaced(key)) {
            words.push(format!("--{key}"));
            words.push(value.to_owned());
        }
        for (key, flag) in [("wire", "--wire"), ("once", "--once")] {
            if self.is_on(key) {
                words.push(flag.to_owned());
            }
        }
        match self.option("family") {
            Some("4" | "ipv4") => words.push("-4".to_owned()),
            Some(_) => words.push("-6".to_owned()),
            None => {}
        }
        if self.reconnects {
            words.push("--reconnect".to_owned());
        }
        if let Some(rules) = self.rules {
            words.push("--rules".to_owned());
            words.push(rules.to_owned());
        }
        if let Some(sends) = &self.sends {
            self.push_sends(sends, &mut words);
        }
        let words: Vec<_> = words.iter().map(|word| quote(word)).collect();
        words.join(" ")
    }

    /// The `nc` line, as the netcat of OpenBSD and Debian takes it.
    ///
    /// # Errors
    ///
    /// One sentence that says what `nc` cannot do.
    pub fn nc(&self) -> Result<String, String> {
        netcat::line(self)
    }

    /// A program in Python 3 that needs nothing but what comes with it.
    #[must_use]
    pub fn python(&self) -> String {
        python::program(self)
    }

    /// The endpoint with those options that have no flag.
    fn endpoint_word(&self) -> String {
        let rest: Vec<_> = self
            .options
            .iter()
            .filter(|(key, _)| {
                !FLAGS.contains(&key.as_str())
                    && !matches!(key.as_str(), "wire" | "once" | "family")
            })
            .cloned()
            .collect();
        match self.endpoint.parse::<Endpoint>() {
            Ok(mut endpoint) if !rest.is_empty() => {
                endpoint.options = rest;
                endpoint.to_string()
            }
            _ => self.endpoint.to_owned(),
        }
    }

    fn flags(&self) -> impl Iterator<Item = (&str, &str)> {
        let told = self.options.iter();
        let told = told.map(|(key, value)| (key.as_str(), value.as_str()));
        told.filter(|(key, _)| FLAGS.contains(key))
    }

    fn option(&self, key: &str) -> Option<&str> {
        let told = self.options.iter().rfind(|(told, _)| told == key);
        told.map(|(_, value)| value.as_str())
    }

    fn is_on(&self, key: &str) -> bool {
        let switch = self.option(key).map(str::parse::<crate::plan::Switch>);
        switch.is_some_and(|switch| switch.is_ok_and(|switch| switch.0))
    }

    fn push_sends(&self, sends: &Sends<'_>, words: &mut Vec<String>) {
        let Sends {
            draft, composed, ..
        } = sends;
        let mut push = |flag: &str, value: String| {
            words.push(flag.to_owned());
            words.push(value);
        };
        if let Some(Some(checksum)) = draft.checksum {
            push("--checksum", checksum.to_string());
        }
        let text = match &draft.content {
            // A word of a command line has room for everything but a zero byte.
            Content::Text { text, has_escapes } if !text.contains('\0') => {
                Some((text, *has_escapes))
            }
            _ => None,
        };
        match text {
            Some((text, has_escapes)) => {
                if let Some(charset) = draft.charset {
                    push("--text-out", charset.to_string());
                }
                let eol = draft.eol.unwrap_or(self.plan.eol);
                let mut plan = self.plan.clone();
                plan.checksum = draft.checksum.unwrap_or(plan.checksum);
                if eol != plan.usual_eol() {
                    push("--eol", eol.to_string());
                }
                let is_hard = !has_escapes && text.chars().any(char::is_control);
                if has_escapes || is_hard {
                    words.push("--escape".to_owned());
                }
                words.push("--send".to_owned());
                words.push(match is_hard {
                    true => Escaped(text).to_string(),
                    false => text.clone(),
                });
            }
            None => push("--send-hex", Hex(&composed.plain).to_string()),
        }
        if let Some(every) = sends.every {
            words.push("--every".to_owned());
            words.push(every.to_string());
        }
        if let Some(count) = sends.count {
            words.push("--count".to_owned());
            words.push(count.to_string());
        }
    }

    /// The bytes that leave, if any are sent.
    fn wire(&self) -> Option<&Bytes> {
        let sends = self.sends.as_ref()?;
        Some(&sends.composed.message.wire)
    }
}

#[cfg(test)]
mod tests;
