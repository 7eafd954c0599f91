//! What is told of a session becomes a plan, and a mistake names its field.

use std::sync::Arc;

use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{OptionError, Options, Plan, PlanError, Role, Shape};
use sockpit_core::rule::{RuleError, Rules};
use sockpit_core::scenario::Saved;
use sockpit_core::session::Script;

use crate::workbench::complaint::Complaint;

/// Keys of options that an open session takes up at once.
const ADOPTED: [&str; 11] = [
    "frame",
    "max-frame",
    "text",
    "text-out",
    "eol",
    "checksum",
    "rules",
    "split-at",
    "split-every",
    "split-delay",
    "coalesce",
];

/// The plan of a session as it is told. Nothing in it runs a program (rule F5).
pub(super) fn of(saved: &Saved) -> Result<Plan, Complaint> {
    let endpoint: Endpoint = saved
        .endpoint
        .parse()
        .map_err(|error| Complaint::new(format!("{error}")).field("endpoint"))?;
    let options = Options::from_pairs(&saved.options).map_err(|error| option_mistake(&error))?;
    let mut plan =
        Plan::resolve(saved.role, &endpoint, options).map_err(|error| plan_mistake(&error))?;
    if saved.reconnects && (plan.role == Role::Server || plan.shape() == Shape::Datagram) {
        let message = "`reconnect` is for clients of streams; a listener or a datagram has no \
                       connection to lose";
        return Err(Complaint::new(message).field("reconnect"));
    }
    plan.rules = rules_of(&saved.rules)?;
    if let Some(rules) = &plan.rules {
        rules
            .check(plan.text_out)
            .map_err(|error| Complaint::new(error.to_string()).field("rules"))?;
        plan.script = Arc::new(Script::of_rules(rules));
    }
    Ok(plan)
}

/// The rules of a text, whose hits are counted; none where it is empty.
pub(super) fn rules_of(text: &str) -> Result<Option<Arc<Rules>>, Complaint> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let rules = Rules::parse(text, "rules").map_err(|error| rule_mistake(&error, text))?;
    Ok(Some(Arc::new(rules.counted())))
}

/// A mistake in rules, at its place.
pub(super) fn rule_mistake(error: &RuleError, text: &str) -> Complaint {
    let line = text.split_inclusive('\n').nth(error.line.saturating_sub(1));
    let line = line.unwrap_or_default();
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line.saturating_sub(1))
        .map(str::len)
        .sum();
    let column = error.column.saturating_sub(1);
    let within = line
        .char_indices()
        .nth(column)
        .map_or(line.len(), |(at, _)| at);
    let from = before + within;
    let end = before + line.trim_end().len();
    Complaint::new(error.mistake.to_string())
        .field("rules")
        .at_bytes(text, from..end.max(from))
}

/// The current plan of an open session with what it can take up of a new one.
pub(super) fn adopted(current: &Plan, new: &Plan, keeps_rules: bool) -> Plan {
    let mut plan = current.clone();
    plan.framing = new.framing.clone();
    plan.max_frame = new.max_frame;
    plan.text = new.text;
    plan.text_out = new.text_out;
    plan.eol = new.eol;
    plan.checksum = new.checksum;
    if current.shape() == new.shape() {
        plan.shaping = new.shaping.clone();
    }
    if !keeps_rules {
        plan.rules.clone_from(&new.rules);
    }
    plan
}

/// What differs, by the names that pages know.
pub(super) fn changed(former: &Saved, saved: &Saved) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let mut push = |key, differs: bool| {
        if differs {
            keys.push(key);
        }
    };
    push("name", former.name != saved.name);
    push("role", former.role != saved.role);
    push("endpoint", former.endpoint != saved.endpoint);
    push("rules", former.rules != saved.rules);
    push("reconnect", former.reconnects != saved.reconnects);
    for key in Options::KEYS {
        let value = |saved: &Saved| {
            let told = saved.options.iter().rfind(|(told, _)| told == key);
            told.map(|(_, value)| value.clone())
        };
        push(key, value(former) != value(saved));
    }
    keys
}

/// Whether an open session takes up something of what was changed.
pub(super) fn is_adopted(changed: &[&str]) -> bool {
    changed.iter().any(|key| ADOPTED.contains(key))
}

/// What of the changes waits for the next opening.
pub(super) fn for_later(changed: Vec<&'static str>) -> Vec<&'static str> {
    let mut later = changed;
    // A name is of the session as such, and whether it connects again is asked at its end.
    later.retain(|key| !ADOPTED.contains(key) && !["name", "reconnect"].contains(key));
    later
}

fn option_mistake(error: &OptionError) -> Complaint {
    let field = match error {
        OptionError::Unknown { key } => key.clone(),
        OptionError::Value { key, .. } => (*key).to_owned(),
        _ => "options".to_owned(),
    };
    Complaint::new(error.to_string()).field(field)
}

fn plan_mistake(error: &PlanError) -> Complaint {
    let field = match error {
        PlanError::Option(error) => return option_mistake(error),
        PlanError::Unfit { key, .. } | PlanError::Whole { key, .. } => key,
        PlanError::ReadSize { .. } => "read-size",
        PlanError::MaxFrame { .. } => "max-frame",
        PlanError::SplitTwice | PlanError::SplitEvery => "split-every",
        PlanError::LoneDelay => "split-delay",
        PlanError::NoPeers => "max-peers",
        PlanError::NoGroup { .. } => "join",
        _ => "endpoint",
    };
    Complaint::new(error.to_string()).field(field)
}

/// A role as pages say it.
pub(super) fn role_of(word: &str) -> Result<Role, Complaint> {
    match word {
        "client" => Ok(Role::Client),
        "server" => Ok(Role::Server),
        _ => Err(Complaint::new("a session is a `client` or a `server`").field("role")),
    }
}

pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}
