//! The quick-send lists (快捷发送) of llcom, from its `settings.json`, or a list exported from it.
//!
//! ```text
//! {"quickSendList": [[{"id": 1, "text": "AT", "hex": false, "commit": "发送"}, …], …],
//!  "quickListName0": "…", …, "extraEnter": false, …}
//! ```
//!
//! Ten pages, each with a name; an entry has a text, or bytes in digits, and what its button says.
//! Early versions had one list, `quickSend`; an exported list is the array of its entries alone.
//!
//! Source: `llcom/Model/ToSendData.cs`, `Settings.cs` and `Settings.QuickSend.cs` of
//! `chenxuuu/llcom`, which write the file.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::Value;

use super::{Import, Names, Place, Trouble, Unknown};
use crate::rule::{Item, List, Payload, Rules};
use crate::text::hex;

/// What a button says as long as nobody changed it, in the program's languages.
const NO_NAMES: [&str; 4] = ["", "发送", "發送", "Send"];

/// How many lists and items a rule file takes.
const PAGES: usize = 100;
const ENTRIES: usize = 1000;

/// Reads the file. Entries without anything to send are left out; what cannot be understood is told.
///
/// # Errors
///
/// Returns [`Unknown`] where it is no such file.
pub fn read(bytes: &[u8]) -> Result<Import, Unknown> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let file: Value = serde_json::from_slice(bytes).map_err(|_| Unknown)?;
    let pages: Vec<&Vec<Value>> = match &file {
        Value::Array(entries) => vec![entries],
        file => match (&file["quickSendList"], &file["quickSend"]) {
            (Value::Array(pages), _) => pages.iter().filter_map(Value::as_array).collect(),
            (_, Value::Array(entries)) => vec![entries],
            _ => return Err(Unknown),
        },
    };
    let ends_lines = file["extraEnter"] == Value::Bool(true);
    let mut troubles = Vec::new();
    let mut names = Names::default();
    let mut lists = Vec::new();
    let mut count = 0;
    if pages.len() > PAGES {
        troubles.push(Trouble {
            place: Place::Entry {
                page: PAGES + 1,
                entry: 1,
            },
            what: format!(
                "it and what follows are left out: a rule file has at most {PAGES} lists"
            ),
        });
    }
    for (index, entries) in pages.into_iter().enumerate().take(PAGES) {
        let items = items(index, entries, ends_lines, &mut troubles);
        if items.is_empty() {
            continue;
        }
        count += items.len();
        let called = file[format!("quickListName{index}")].as_str();
        let listed = file["quickListNames"][index].as_str();
        let name = called
            .or(listed)
            .map(str::trim)
            .filter(|name| !name.is_empty());
        lists.push(List {
            name: names.take(name.unwrap_or("llcom")),
            start: false,
            rounds: Some(NonZeroU32::MIN),
            items,
        });
    }
    if lists.is_empty() && troubles.is_empty() {
        return Err(Unknown);
    }
    let mut notes = vec![format!(
        "{count} entries imported from llcom; `/send NAME` at the keyboard sends one, or a list."
    )];
    if ends_lines {
        notes.push("llcom was set to end each text with a line end: `\\r\\n` is added.".to_owned());
    }
    Ok(Import {
        rules: Rules::from_lists(lists),
        troubles,
        notes,
    })
}

fn items(
    page: usize,
    entries: &[Value],
    ends_lines: bool,
    troubles: &mut Vec<Trouble>,
) -> Vec<Item> {
    let mut names = Names::default();
    let mut items = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = Place::Entry {
            page: page + 1,
            entry: index + 1,
        };
        let mut trouble = |what| troubles.push(Trouble { place, what });
        if index >= ENTRIES {
            trouble(format!(
                "it and what follows are left out: a list has at most {ENTRIES}"
            ));
            break;
        }
        let Some(text) = entry["text"].as_str() else {
            trouble("it is left out: it has no `text`".to_owned());
            continue;
        };
        if text.is_empty() {
            continue;
        }
        let payload = match entry["hex"].as_bool() {
            Some(true) => match hex::parse(text) {
                Ok(bytes) => Payload::bytes(bytes),
                Err(error) => {
                    trouble(format!("it is left out: {error}"));
                    continue;
                }
            },
            _ if ends_lines => Payload::text(&format!("{text}\r\n")),
            _ => Payload::text(text),
        };
        let called = entry["commit"].as_str().unwrap_or_default().trim();
        let number = (index + 1).to_string();
        let name = if NO_NAMES.contains(&called) {
            &number
        } else {
            called
        };
        items.push(Item {
            name: Some(names.take(name)),
            payload,
            delay: Duration::ZERO,
        });
    }
    items
}
