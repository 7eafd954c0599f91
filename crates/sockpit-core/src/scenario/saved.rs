//! A saved session: a scenario file with one session, and nothing to do but to serve it.
//!
//! ```toml
//! [[session]]
//! name = "plc"
//! listen = "tcp://127.0.0.1:7000"
//! frame = "lines"
//!
//! [[session.rule]]
//! equals = "PING"
//! reply = "PONG"
//! ```
//!
//! What is written reads back as the same session. Where there is a file already, only what differs is
//! written anew: comments and the order of keys stay, which is pleasant in version control.

mod edit;

use crate::endpoint::Endpoint;
use crate::plan::{Options, Role};
use crate::rule::{RuleError, Rules};

use super::{Scenario, SessionPlan};

/// A session as a file keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// What it is called.
    pub name: String,
    /// Which side we are.
    pub role: Role,
    /// Where to, without options.
    pub endpoint: String,
    /// What else was asked for: keys of [`Options`] with their values as written, in the order of
    /// [`Options::KEYS`].
    pub options: Vec<(String, String)>,
    /// Whether it connects again when its peer is gone.
    pub reconnects: bool,
    /// A rule file (`docs/rules.md`), or empty.
    pub rules: String,
}

/// Why a file is no saved session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SavedError {
    /// It has a mistake.
    #[error(transparent)]
    File(#[from] RuleError),
    /// It is carried out.
    #[error("it is a scenario with steps; `sockpit run` carries it out")]
    Steps,
    /// There is not just one session in it.
    #[error("it holds {count} sessions, and a saved session is one")]
    Several {
        /// How many.
        count: usize,
    },
    /// The port of another session is not known before that is open.
    #[error("`{session}` needs the port that the system will choose for another session")]
    Port {
        /// The session.
        session: String,
    },
    /// The endpoint is none, now that the ports of others are known.
    #[error("{message}")]
    Endpoint {
        /// One sentence.
        message: String,
    },
}

impl Saved {
    /// Reads a file that is one session and nothing else; `file_name` is what errors call it, and
    /// `open` gives the rule file that it may name.
    ///
    /// # Errors
    ///
    /// Returns a [`SavedError`] where it is none.
    pub fn parse(
        source: &str,
        file_name: &str,
        open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, SavedError> {
        let (scenario, mut sessions) = read(source, file_name, open)?;
        if !scenario.is_served() {
            return Err(SavedError::Steps);
        }
        match (sessions.pop(), sessions.len()) {
            (Some(session), 0) => Ok(session),
            (_, others) => Err(SavedError::Several { count: others + 1 }),
        }
    }

    /// Reads all sessions of a scenario file, whatever its steps do with them.
    ///
    /// # Errors
    ///
    /// Returns a [`SavedError`] where the file has a mistake, or a session cannot stand alone.
    pub fn parse_all(
        source: &str,
        file_name: &str,
        open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Vec<Self>, SavedError> {
        Ok(read(source, file_name, open)?.1)
    }

    /// The file that reads back as this session.
    #[must_use]
    pub fn to_toml(&self) -> String {
        edit::fresh(self)
    }

    /// The same, made of the file as it is: what has not changed stays as it was written.
    #[must_use]
    pub fn write_over(&self, former: &str) -> String {
        let edited = edit::over(self, former);
        let reads_back = |text: &String| {
            let mut none = |_: &str| Err(String::new());
            Self::parse(text, "", &mut none).is_ok_and(|read| read == self.tidied())
        };
        edited.filter(reads_back).unwrap_or_else(|| self.to_toml())
    }

    /// Whether it can be saved: the name, the endpoint with its options, and the rules.
    ///
    /// # Errors
    ///
    /// The first mistake in what [`Self::to_toml`] gives, with its place there.
    pub fn check(&self) -> Result<(), RuleError> {
        if !self.rules.trim().is_empty() {
            // A mistake of theirs has its place in the rules themselves.
            Rules::parse(&self.rules, "rules")?;
        }
        let mut none = |_: &str| Err(String::new());
        Scenario::parse(&self.to_toml(), "session", &mut none).map(drop)
    }

    /// As it reads back: rules without empty lines around them, options in their order.
    #[must_use]
    pub fn tidied(&self) -> Self {
        let mut saved = self.clone();
        saved.rules = tidy(&self.rules);
        let place = |key: &str| Options::KEYS.iter().position(|known| *known == key);
        saved.options.sort_by_key(|(key, _)| place(key));
        saved
    }
}

/// Rules with a line end after the last line, and no empty lines around them.
fn tidy(rules: &str) -> String {
    let rules = rules.trim_matches(['\n', '\r']);
    if rules.trim().is_empty() {
        return String::new();
    }
    format!("{}\n", rules.trim_end())
}

fn read(
    source: &str,
    file_name: &str,
    open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<(Scenario, Vec<Saved>), SavedError> {
    let scenario = Scenario::parse(source, file_name, open)?;
    let written = edit::tables(source);
    let mut addresses: Vec<Option<String>> = Vec::new();
    let mut sessions = Vec::new();
    for (plan, written) in scenario.sessions.iter().zip(written) {
        let (endpoint, mut options) = written_endpoint(plan, &addresses)?;
        for (key, value) in written.options {
            options.push((key, value));
        }
        addresses.push(listened_at(plan, &endpoint));
        let rules = match written.rule_file {
            // What could be read a moment ago is a rule file.
            Some(name) => open(&name)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .unwrap_or_default(),
            None => written.rules,
        };
        let saved = Saved {
            name: plan.name.clone(),
            role: plan.role,
            endpoint,
            options,
            reconnects: plan.reconnects,
            rules,
        };
        sessions.push(saved.tidied());
    }
    Ok((scenario, sessions))
}

/// The endpoint of a session and the options of its query.
fn written_endpoint(
    plan: &SessionPlan,
    addresses: &[Option<String>],
) -> Result<(String, Vec<(String, String)>), SavedError> {
    if plan.endpoint.needs(addresses) {
        let session = plan.name.clone();
        return Err(SavedError::Port { session });
    }
    let text = plan.endpoint.plain(addresses);
    let mut endpoint: Endpoint = text.parse().map_err(|error| SavedError::Endpoint {
        message: format!("{error}"),
    })?;
    let options = std::mem::take(&mut endpoint.options);
    let options = options.into_iter().map(|(key, value)| {
        let known = Options::key_of(&key).map(ToOwned::to_owned);
        (known.unwrap_or(key), value)
    });
    Ok((bare(&text).to_owned(), options.collect()))
}

/// An endpoint as it was written, less its query.
fn bare(endpoint: &str) -> &str {
    endpoint
        .split_once('?')
        .map_or(endpoint, |(before, _)| before)
}

/// Where others find a session that listens, if that is known before it is open.
fn listened_at(plan: &SessionPlan, endpoint: &str) -> Option<String> {
    let is_known = plan.role == Role::Server && !endpoint.ends_with(":0");
    is_known.then(|| endpoint.to_owned())
}

#[cfg(test)]
mod tests;
