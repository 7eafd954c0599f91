//! Reading a scenario file.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::template::{Expectation, Flaw, Names, Template};
use super::{Act, Case, Mistake, Scenario, Sent, SessionPlan, Step};
use crate::endpoint::Endpoint;
use crate::machine::Reason;
use crate::plan::{Options, Plan, Role, Shape};
use crate::rule::file::fields::{Fields, Text};
use crate::rule::file::position::{Located, Position};
use crate::rule::file::{self, Reader};
use crate::rule::payload::RESERVED;
use crate::rule::{self, RuleError, Rules};

/// In bytes: far more than people write, little enough to read at once.
const FILE_LIMIT: usize = 1 << 20;
/// Each is a socket in every case.
const SESSION_LIMIT: usize = 100;
const CASE_LIMIT: usize = 1000;
const STEP_LIMIT: usize = 1000;

/// A case without a `timeout` takes at most this long.
const TIMEOUT: Duration = Duration::from_secs(30);
/// An expectation without `within` waits this long, as on the command line.
const WITHIN: Duration = Duration::from_secs(5);

const EXITS: RangeInclusive<u32> = 1..=125;

const FILE: &[&str] = &["name", "timeout", "within", "session", "step", "case"];
const CASE: &[&str] = &["name", "timeout", "step"];
const ACTS: &[&str] = &[
    "send",
    "send_hex",
    "send_file",
    "expect",
    "expect_silence",
    "expect_closed",
    "sleep",
    "finish",
    "close",
    "open",
];
const STEP: &[&str] = &[
    "session",
    "peer",
    "send",
    "send_hex",
    "send_file",
    "delay",
    "expect",
    "expect_silence",
    "expect_closed",
    "within",
    "name",
    "exit",
    "sleep",
    "finish",
    "close",
    "open",
];

pub(super) const OWN: &[&str] = &[
    "name",
    "connect",
    "listen",
    "rules",
    "rule",
    "list",
    "script",
    "start",
    "reconnect",
];

/// What only a session has that no step speaks for.
const SERVED: [&str; 2] = ["script", "reconnect"];

/// The keys of a session: its own, and every option of an endpoint, with `_` as well as with `-`.
static SESSION: LazyLock<&'static [&'static str]> = LazyLock::new(|| {
    let options = Options::KEYS.iter().flat_map(|key| {
        let other: Option<&'static str> = key
            .contains('-')
            .then(|| &*Box::leak(key.replace('-', "_").into_boxed_str()));
        std::iter::once(*key).chain(other)
    });
    Box::leak(OWN.iter().copied().chain(options).collect())
});

pub(super) fn parse(
    source: &str,
    file_name: &str,
    open: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Scenario, RuleError> {
    let mut script = Script {
        source,
        file_name,
        open,
        within: WITHIN,
        sessions: Vec::new(),
    };
    script
        .read()
        .map_err(|error| error.in_file(source, file_name))
}

/// A scenario file being read.
struct Script<'a, 'o> {
    source: &'a str,
    file_name: &'a str,
    open: &'o mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    within: Duration,
    /// The sessions, each with a plan such as it may have.
    sessions: Vec<(SessionPlan, Plan)>,
}

fn at(offset: usize, mistake: Mistake) -> Located {
    Located::new(offset, file::Mistake::Scenario(mistake))
}

impl Script<'_, '_> {
    fn read(&mut self) -> Result<Scenario, Located> {
        if self.source.len() > FILE_LIMIT {
            return Err(Located::new(0, file::Mistake::Long { limit: FILE_LIMIT }));
        }
        let table = DeTable::parse(self.source).map_err(|error| {
            let offset = error.span().map_or(self.source.len(), |span| span.start);
            let reason = error.message().to_owned();
            Located::new(offset, file::Mistake::Toml { reason })
        })?;
        let fields = Fields::of_file(self.source, table.get_ref(), "a scenario", FILE)?;
        let timeout = positive(&fields, "timeout")?.unwrap_or(TIMEOUT);
        self.within = positive(&fields, "within")?.unwrap_or(WITHIN);
        let sessions = fields.tables("session", "a session", *SESSION, SESSION_LIMIT)?;
        for session in &sessions {
            let session = self.session(session)?;
            self.sessions.push(session);
        }
        if self.sessions.is_empty() {
            return Err(at(0, Mistake::NoSession));
        }
        let name = fields
            .name()?
            .unwrap_or_else(|| stem(self.file_name).to_owned());
        let setup = fields.tables("step", "a step", STEP, STEP_LIMIT)?;
        let mut cases = Vec::new();
        let mut names = BTreeSet::new();
        for case in fields.tables("case", "a case", CASE, CASE_LIMIT)? {
            let name = case.required("name")?.value.to_owned();
            if case.name()?.is_some() && !names.insert(name.clone()) {
                return Err(case.at("name", file::Mistake::Twice { name }));
            }
            let own = case.tables("step", "a step", STEP, STEP_LIMIT)?;
            // What all cases share may be all that one does.
            if own.is_empty() && setup.is_empty() {
                return Err(at(case.start(), Mistake::NoStep));
            }
            cases.push(Case {
                name,
                timeout: positive(&case, "timeout")?.unwrap_or(timeout),
                steps: self.steps(setup.iter().chain(&own))?,
            });
        }
        if cases.is_empty() && !setup.is_empty() {
            cases.push(Case {
                name: name.clone(),
                timeout,
                steps: self.steps(setup.iter())?,
            });
        }
        for session in sessions.iter().filter(|_| !cases.is_empty()) {
            if let Some(key) = SERVED.iter().find(|key| session.value(key).is_some()) {
                return Err(session.at(key, file::Mistake::Scenario(Mistake::Served { key })));
            }
        }
        let sessions = std::mem::take(&mut self.sessions);
        Ok(Scenario {
            name,
            sessions: sessions.into_iter().map(|(session, _)| session).collect(),
            cases,
        })
    }

    fn session(&mut self, fields: &Fields<'_>) -> Result<(SessionPlan, Plan), Located> {
        let name = fields.required("name")?.value.to_owned();
        fields.name()?;
        if self.sessions.iter().any(|(known, _)| known.name == name) {
            return Err(fields.at("name", file::Mistake::Twice { name }));
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(at(fields.place("name"), Mistake::Reserved { name }));
        }
        let (key, role) = match fields.one_of(&["connect", "listen"])? {
            Some("connect") => ("connect", Role::Client),
            Some(_) => ("listen", Role::Server),
            None => return Err(at(fields.start(), Mistake::NoEndpoint)),
        };
        let text = fields.required(key)?;
        let endpoint = self.template(&text, false, &[])?;
        let options = options(fields)?;
        // Whatever the ports will be, the endpoint is one, or is none.
        let addresses: Vec<_> = self
            .sessions
            .iter()
            .map(|(session, _)| Some(sample(&session.endpoint.source)))
            .collect();
        let plain: Endpoint = endpoint
            .plain(&addresses)
            .parse()
            .map_err(|error| at(text.start(), Mistake::Endpoint(error)))?;
        for (key, value) in given_options(fields)? {
            if plain.options.iter().any(|(other, _)| other == key) {
                return Err(at(value.span().start, Mistake::InEndpoint { key }));
            }
        }
        let mut plan = Plan::resolve(role, &plain, options.clone())
            .map_err(|error| at(text.start(), Mistake::Plan(error)))?;
        let rules = self.rules(fields, &plan)?;
        plan.rules.clone_from(&rules);
        let reconnects = fields.flag("reconnect")?;
        if reconnects && (role == Role::Server || plan.shape() == Shape::Datagram) {
            return Err(fields.at("reconnect", file::Mistake::Scenario(Mistake::Reconnect)));
        }
        let session = SessionPlan {
            name,
            role,
            endpoint,
            options,
            rules,
            reconnects,
            starts: fields.value("start").is_none() || fields.flag("start")?,
        };
        Ok((session, plan))
    }

    /// What a session answers: its rule file, or the rules that stand in the scenario.
    fn rules(&mut self, fields: &Fields<'_>, plan: &Plan) -> Result<Option<Arc<Rules>>, Located> {
        let charset = plan.text.unwrap_or(plan.text_out);
        let charset_mistake = |offset, error: &rule::CheckError| {
            at(
                offset,
                Mistake::Check {
                    message: error.to_string(),
                },
            )
        };
        let Some(file) = fields.text("rules")? else {
            let rules = Reader::new(self.source, self.file_name).rules(fields)?;
            if rules == Rules::default() {
                return Ok(None);
            }
            // What a check says begins with the place.
            rules
                .check(charset)
                .map_err(|error| charset_mistake(fields.start(), &error))?;
            return Ok(Some(Arc::new(rules)));
        };
        for key in ["rule", "list", "script"] {
            if fields.value(key).is_some() {
                return Err(fields.at(key, file::Mistake::Apart { key, with: "rules" }));
            }
        }
        let name = file.value.to_owned();
        let bytes = self.open_file(&file)?;
        let source = String::from_utf8(bytes).map_err(|_| {
            let reason = "it is not UTF-8".to_owned();
            at(
                file.start(),
                Mistake::File {
                    name: name.clone(),
                    reason,
                },
            )
        })?;
        let rules = Rules::parse(&source, &name).map_err(|error| {
            let error = Box::new(error);
            at(file.start(), Mistake::Rules { error })
        })?;
        if !rules.script().is_empty() {
            return Err(at(file.start(), Mistake::Script { name }));
        }
        rules
            .check(charset)
            .map_err(|error| charset_mistake(file.start(), &error))?;
        Ok(Some(Arc::new(rules)))
    }

    fn open_file(&mut self, file: &Text<'_>) -> Result<Vec<u8>, Located> {
        (self.open)(file.value).map_err(|reason| {
            let name = file.value.to_owned();
            at(file.start(), Mistake::File { name, reason })
        })
    }

    fn steps<'f>(
        &mut self,
        all: impl Iterator<Item = &'f Fields<'f>>,
    ) -> Result<Vec<Step>, Located> {
        let mut steps: Vec<Step> = Vec::new();
        let mut expectations = Vec::new();
        for fields in all {
            let step = self.step(fields, &expectations)?;
            if let Act::Expect { pattern, .. } = &step.act {
                expectations.push(Expectation {
                    step: steps.len(),
                    name: fields.name()?,
                    pattern: pattern.clone(),
                });
            }
            steps.push(step);
        }
        Ok(steps)
    }

    fn step(&mut self, fields: &Fields<'_>, before: &[Expectation]) -> Result<Step, Located> {
        let Some(key) = act_of(fields)? else {
            return Err(at(fields.start(), Mistake::NoAct));
        };
        let with: &[&str] = match key {
            "send" | "send_hex" | "send_file" => &["delay"],
            "expect" => &["within", "name", "exit"],
            "expect_closed" => &["within", "exit"],
            "expect_silence" => &["exit"],
            _ => &[],
        };
        let mut allowed = vec!["session", "peer", key];
        allowed.extend(with);
        if matches!(key, "sleep" | "open") {
            allowed.retain(|key| *key != "peer");
        }
        fields.only(&allowed, key)?;
        let session = self.session_of(fields, key)?;
        let role = session.and_then(|session| self.sessions.get(session));
        if role.is_some_and(|(session, _)| session.role == Role::Client)
            && fields.value("peer").is_some()
        {
            let mistake = file::Mistake::Apart {
                key: "peer",
                with: "connect",
            };
            return Err(fields.at("peer", mistake));
        }
        let act = match (key, session) {
            ("sleep", _) => Act::Sleep(fields.time("sleep")?.unwrap_or_default()),
            ("open", _) => Act::Open,
            ("finish", _) => Act::Finish,
            ("close", _) => Act::Close,
            ("expect", _) => self.expectation(fields)?,
            ("expect_silence", _) => Act::Silence {
                span: fields.time("expect_silence")?.unwrap_or_default(),
                exit: exit(fields)?,
            },
            ("expect_closed", _) => Act::Ended {
                reason: reason(fields)?,
                within: positive(fields, "within")?.unwrap_or(self.within),
                exit: exit(fields)?,
            },
            (key, session) => Act::Send {
                what: self.sent(fields, key, session.unwrap_or_default(), before)?,
                delay: fields.time("delay")?.unwrap_or_default(),
            },
        };
        Ok(Step {
            session,
            peer: fields.number("peer", 1..=u32::MAX)?,
            act,
            line: Position::of(self.source, fields.start()).line,
        })
    }

    fn session_of(&self, fields: &Fields<'_>, key: &str) -> Result<Option<usize>, Located> {
        let names = || {
            self.sessions
                .iter()
                .map(|(session, _)| session.name.clone())
        };
        match fields.text("session")? {
            Some(text) => match names().position(|name| name == text.value) {
                Some(session) => Ok(Some(session)),
                None => {
                    let name = text.value.to_owned();
                    let names = names().map(|name| format!("`{name}`")).collect();
                    Err(at(text.start(), Mistake::Session { name, names }))
                }
            },
            None if key == "sleep" => Ok(None),
            None if self.sessions.len() == 1 => Ok(Some(0)),
            None => {
                let first = names().next().unwrap_or_default();
                Err(at(fields.start(), Mistake::WhichSession { first }))
            }
        }
    }

    fn expectation(&mut self, fields: &Fields<'_>) -> Result<Act, Located> {
        let step = Reader::new(self.source, self.file_name).expectation(fields)?;
        match step {
            rule::Step::Expect {
                pattern,
                within,
                label,
                exit,
            } => Ok(Act::Expect {
                pattern,
                within: within.unwrap_or(self.within),
                label,
                exit,
            }),
            rule::Step::Send { .. } => Err(at(fields.start(), Mistake::NoAct)),
        }
    }

    fn sent(
        &mut self,
        fields: &Fields<'_>,
        key: &'static str,
        session: usize,
        before: &[Expectation],
    ) -> Result<Sent, Located> {
        let text = fields.required(key)?;
        if key == "send_file" {
            let bytes = self.open_file(&text)?.into();
            let name = text.value.to_owned();
            return Ok(Sent::File { name, bytes });
        }
        let template = self.template(&text, key == "send_hex", before)?;
        let blank = template.blank();
        if blank.as_ref().is_some_and(rule::Payload::needs_message) {
            return Err(fields.at(key, file::Mistake::NoMessage));
        }
        if let (Some(payload), Some((_, plan))) = (blank, self.sessions.get(session)) {
            payload
                .check(plan.text_out)
                .map_err(|error| at(text.start(), Mistake::Charset(error)))?;
        }
        Ok(Sent::Template(template))
    }

    fn template(
        &self,
        text: &Text<'_>,
        is_hex: bool,
        expectations: &[Expectation],
    ) -> Result<Template, Located> {
        let names = Names {
            sessions: self
                .sessions
                .iter()
                .map(|(session, _)| (session.name.as_str(), session.role == Role::Server))
                .collect(),
            expectations,
        };
        Template::read(text.value, is_hex, &names).map_err(|flaw| match flaw {
            Flaw::Scenario(offset, mistake) => at(text.place(offset), mistake),
            Flaw::Payload(error) => {
                Located::new(text.place(error.offset()), file::Mistake::Payload(error))
            }
        })
    }
}

/// The one key that says what a step does; a flag that is `false` counts as not there.
fn act_of(fields: &Fields<'_>) -> Result<Option<&'static str>, Located> {
    let mut found: Option<&'static str> = None;
    for key in ACTS {
        let is_there = match *key {
            "finish" | "close" | "open" => fields.flag(key)?,
            key => fields.value(key).is_some(),
        };
        match found {
            _ if !is_there => {}
            Some(first) => {
                let mistake = file::Mistake::Both {
                    what: "a step",
                    first,
                    second: key,
                    of: ACTS,
                };
                return Err(fields.at(key, mistake));
            }
            None => found = Some(key),
        }
    }
    Ok(found)
}

/// Reads the keys of a session that are options of its endpoint.
fn options(fields: &Fields<'_>) -> Result<Options, Located> {
    let mut options = Options::default();
    for (key, value) in given_options(fields)? {
        let text = match Spanned::get_ref(value) {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            _ => return Err(at(value.span().start, Mistake::Value { key })),
        };
        options
            .set(key, &text)
            .map_err(|error| at(value.span().start, Mistake::Option(error)))?;
    }
    Ok(options)
}

/// The keys of a session that are options of its endpoint, as the endpoint spells them.
fn given_options<'f>(
    fields: &Fields<'f>,
) -> Result<Vec<(&'static str, &'f Spanned<DeValue<'f>>)>, Located> {
    let mut given = Vec::new();
    for key in Options::KEYS {
        let spelled = key.replace('-', "_");
        let (value, other) = (fields.value(key), fields.value(&spelled));
        if let (Some(_), Some(other)) = (value, other.filter(|_| spelled != *key)) {
            return Err(at(other.span().start, Mistake::Spelled { key, spelled }));
        }
        given.extend(value.or(other).map(|value| (*key, value)));
    }
    Ok(given)
}

/// How a conversation shall have ended; in any way if `None`.
fn reason(fields: &Fields<'_>) -> Result<Option<Reason>, Located> {
    if let Some(DeValue::Boolean(true)) = fields.value("expect_closed").map(Spanned::get_ref) {
        return Ok(None);
    }
    let text = fields.required("expect_closed")?;
    let known = Reason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == text.value);
    match known {
        _ if text.value == "any" => Ok(None),
        Some(reason) if reason != Reason::Local => Ok(Some(reason)),
        _ => {
            let word = text.value.to_owned();
            Err(at(text.start(), Mistake::End { word }))
        }
    }
}

fn exit(fields: &Fields<'_>) -> Result<u8, Located> {
    let exit = fields.number("exit", EXITS)?;
    let exit = exit.and_then(|exit| u8::try_from(exit).ok());
    Ok(exit.unwrap_or(rule::Step::UNMET))
}

/// A time that is not zero.
fn positive(fields: &Fields<'_>, key: &'static str) -> Result<Option<Duration>, Located> {
    let time = fields.time(key)?;
    if time.is_some_and(|time| time.is_zero()) {
        let least = crate::time::TimeSpan::from_str("1ms").unwrap_or_default();
        return Err(fields.at(key, file::Mistake::Short { key, least }));
    }
    Ok(time)
}

/// An address such as a session that listens there may have.
fn sample(endpoint: &str) -> String {
    let bare = endpoint.split('?').next().unwrap_or_default();
    match bare.rsplit_once(':') {
        _ if bare.contains("${") => "tcp://127.0.0.1:1".to_owned(),
        Some((before, "0")) => format!("{before}:1"),
        _ => bare.to_owned(),
    }
}

/// The file's name without folder and ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// Every key there is, but the options of endpoints.
#[cfg(test)]
pub(super) fn keys() -> Vec<&'static str> {
    let mut keys = [FILE, CASE, STEP, OWN].concat();
    keys.retain(|key| !SERVED.contains(key));
    keys
}
