//! `decode --repair`: text that was read in a wrong charset, brought back.

use serde_json::json;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::repair::{self, Loss};

use super::{OTHERS, UNMET, choose, show_text};
use crate::command::paste;
use crate::console::Console;
use crate::exit::Exit;

pub(super) fn run(given: &[u8], is_json: bool, console: &Console) -> anyhow::Result<Exit> {
    let Ok(text) = std::str::from_utf8(given) else {
        // It is not wrongly decoded, but not decoded at all.
        return show_text(given, &choose(given, None), console);
    };
    let found = repair::repairs(text);
    let lost = Loss::of(text);
    if is_json {
        let repairs: Vec<_> = found
            .iter()
            .map(|repair| {
                let pair = |charset: Charset| charset.to_string();
                let mistakes: Vec<_> = repair
                    .mistakes
                    .iter()
                    .map(|mistake| {
                        json!({
                            "meant": pair(mistake.meant),
                            "taken_for": pair(mistake.taken_for),
                        })
                    })
                    .collect();
                json!({ "text": repair.text, "mistakes": mistakes, "score": repair.score })
            })
            .collect();
        let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
        let object = json!({ "repairs": repairs, "lost": lost });
        paste::write(format!("{object}\n").as_bytes(), console)?;
    } else {
        if let Some(best) = found.first() {
            let line = if best.text.ends_with('\n') { "" } else { "\n" };
            paste::write(format!("{}{line}", best.text).as_bytes(), console)?;
            console.hint(&best.to_string());
        }
        for other in found.iter().skip(1).take(OTHERS) {
            let shown = repair::excerpt(&other.text);
            console.say(&format!("  or {other}: `{shown}`"));
        }
        for loss in &lost {
            console.error(&loss.to_string());
        }
        if found.is_empty() && lost.is_empty() {
            console.error("no pair of charsets makes a better text of it; it may be well as it is");
        }
    }
    Ok(if found.is_empty() {
        Exit::Unmet(UNMET)
    } else {
        Exit::Done
    })
}
