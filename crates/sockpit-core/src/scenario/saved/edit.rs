//! The text of a saved session: taken apart, put together, and changed where it has to be.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Key, Table, Value, value};

use super::Saved;
use crate::plan::{Options, Role};

/// The keys of a session that make up a rule file.
const RULES: [&str; 3] = ["rule", "list", "script"];

/// One `[[session]]` as it is written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) options: Vec<(String, String)>,
    /// The rules that stand in it, as a rule file.
    pub(super) rules: String,
    /// The file that has them instead.
    pub(super) rule_file: Option<String>,
}

/// All sessions of a file that is a scenario.
pub(super) fn tables(source: &str) -> Vec<Written> {
    let Ok(document) = source.parse::<DocumentMut>() else {
        return Vec::new();
    };
    let trailing = document.trailing().as_str().unwrap_or_default();
    let sessions: Vec<Table> = match document.get("session") {
        Some(Item::ArrayOfTables(tables)) => tables.iter().cloned().collect(),
        Some(Item::Value(Value::Array(tables))) => tables
            .iter()
            .filter_map(Value::as_inline_table)
            .map(|table| table.clone().into_table())
            .collect(),
        _ => Vec::new(),
    };
    let last = sessions.len().saturating_sub(1);
    let is_all = document.len() == 1;
    sessions
        .iter()
        .enumerate()
        .map(|(place, session)| Written {
            options: options(session),
            rules: rules(
                session,
                if place == last && is_all {
                    trailing
                } else {
                    ""
                },
            ),
            rule_file: session
                .get("rules")
                .and_then(Item::as_str)
                .map(ToOwned::to_owned),
        })
        .collect()
}

/// A file of its own.
pub(super) fn fresh(saved: &Saved) -> String {
    let mut sessions = ArrayOfTables::new();
    sessions.push(Table::new());
    let mut document = DocumentMut::new();
    document.insert("session", Item::ArrayOfTables(sessions));
    fill(saved, &mut document);
    document.to_string()
}

/// The former file with what is different now; `None` where it is not one session.
pub(super) fn over(saved: &Saved, former: &str) -> Option<String> {
    let mut document = former.parse::<DocumentMut>().ok()?;
    let sessions = document.get("session")?.as_array_of_tables()?;
    if sessions.len() != 1 {
        return None;
    }
    fill(saved, &mut document);
    Some(document.to_string())
}

/// Has the one session of `document` say what `saved` says.
fn fill(saved: &Saved, document: &mut DocumentMut) {
    let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
    let Some(session) = document
        .get_mut("session")
        .and_then(Item::as_array_of_tables_mut)
        .and_then(|sessions| sessions.get_mut(0))
    else {
        return;
    };
    let count = session.len();
    set(session, "name", &saved.name);
    let (key, other) = match saved.role {
        Role::Client => ("connect", "listen"),
        Role::Server => ("listen", "connect"),
    };
    session.remove(other);
    set(session, key, &saved.endpoint.replace('$', "$$"));
    for known in Options::KEYS {
        let told = saved.options.iter().rfind(|(key, _)| key == known);
        let spelled = known.replace('-', "_");
        let written = [*known, spelled.as_str()]
            .into_iter()
            .find(|key| session.contains_key(key))
            .map(ToOwned::to_owned);
        match (told, written) {
            (Some((_, told)), Some(key)) => set(session, &key, told),
            (Some((_, told)), None) => set(session, known, told),
            (None, Some(key)) => drop(session.remove(&key)),
            (None, None) => {}
        }
    }
    let reconnects = session.get("reconnect").and_then(Item::as_bool);
    match saved.reconnects {
        true if reconnects != Some(true) => drop(session.insert("reconnect", value(true))),
        false if reconnects.is_some() => drop(session.remove("reconnect")),
        _ => {}
    }
    if session.len() != count || session.contains_key(key) {
        session.sort_values_by(|a, _, b, _| rank(a.get()).cmp(&rank(b.get())));
    }
    let wanted = super::tidy(&saved.rules);
    if session.contains_key("rules") || super::tidy(&rules(session, &trailing)) != wanted {
        session.remove("rules");
        RULES.iter().for_each(|key| drop(session.remove(key)));
        let end = put_rules(&wanted, session);
        document.set_trailing(end);
    }
}

/// Sets a text, leaving what stands around it, and leaving all of it where it says so already.
fn set(session: &mut Table, key: &str, text: &str) {
    match session.get_mut(key) {
        Some(Item::Value(written)) => {
            if text_of(written).as_deref() != Some(text) {
                let decor = written.decor().clone();
                *written = Value::from(text);
                *written.decor_mut() = decor;
            }
        }
        _ => drop(session.insert(key, value(text))),
    }
}

/// Where a key stands among the others.
fn rank(key: &str) -> usize {
    let own = ["name", "connect", "listen", "rules", "start", "reconnect"];
    let spelled = key.replace('_', "-");
    let option = Options::KEYS.iter().position(|known| *known == spelled);
    match (own.iter().position(|known| *known == key), option) {
        (Some(place @ 0..=2), _) => place,
        (_, Some(place)) => own.len() + place,
        (Some(place), _) => own.len() + Options::KEYS.len() + place,
        (None, None) => usize::MAX,
    }
}

fn options(session: &Table) -> Vec<(String, String)> {
    let told = session.iter().filter_map(|(key, item)| {
        let known = Options::KEYS
            .iter()
            .find(|known| **known == key.replace('_', "-"))?;
        Some(((*known).to_owned(), text_of(item.as_value()?)?))
    });
    told.collect()
}

/// A value as an option takes it.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Boolean(flag) => Some(flag.value().to_string()),
        _ => None,
    }
}

/// What a session answers, as a rule file; `trailing` is what stands after it.
fn rules(session: &Table, trailing: &str) -> String {
    let mut file = DocumentMut::new();
    for (key, item) in session.iter().filter(|(key, _)| RULES.contains(key)) {
        let mut item = item.clone();
        unplace(&mut item);
        let key = session.key(key).cloned().unwrap_or_else(|| Key::new(key));
        file.insert_formatted(&key, item);
    }
    if file.is_empty() {
        return String::new();
    }
    file.set_trailing(trailing);
    file.to_string()
}

/// Puts a rule file into a session; gives what stands after its last table.
fn put_rules(rules: &str, session: &mut Table) -> String {
    let Ok(mut file) = rules.parse::<DocumentMut>() else {
        return String::new();
    };
    let trailing = file.trailing().as_str().unwrap_or_default().to_owned();
    let keys: Vec<String> = file.iter().map(|(key, _)| key.to_owned()).collect();
    for key in keys {
        let Some((key, mut item)) = file.remove_entry(&key) else {
            continue;
        };
        unplace(&mut item);
        if let Item::ArrayOfTables(tables) = &mut item {
            tables.iter_mut().for_each(stand_apart);
        }
        session.insert_formatted(&key, item);
    }
    trailing
}

/// Puts an empty line before a table that has none.
fn stand_apart(table: &mut Table) {
    let decor = table.decor_mut();
    let before = decor.prefix().and_then(|before| before.as_str());
    let before = before.unwrap_or_default();
    if !before.starts_with(['\n', '\r']) {
        decor.set_prefix(format!("\n{before}"));
    }
}

/// Forgets where a table stood in another file: it follows the one that it is put into.
fn unplace(item: &mut Item) {
    match item {
        Item::Table(table) => unplace_table(table),
        Item::ArrayOfTables(tables) => tables.iter_mut().for_each(unplace_table),
        Item::Value(_) | Item::None => {}
    }
}

fn unplace_table(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        unplace(item);
    }
}
