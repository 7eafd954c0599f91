//! `decode --checksum`: whether a checksum holds, or which one a paste ends in.

use serde_json::{Map, json};
use sockpit_core::text::checksum::{Algorithm, ChecksumSpec, search};
use sockpit_core::text::hex::Hex;

use super::{Args, UNMET, exit};
use crate::command::paste;
use crate::console::Console;
use crate::exit::Exit;

/// Checksums found that are told.
const MOST: usize = 6;

/// `--checksum` may stand alone, before the data: what is no checksum then is the first of it.
pub(super) fn give_back_data(args: &mut Args) -> anyhow::Result<()> {
    let Some(told) = args.checksum.as_mut().filter(|told| !told.is_empty()) else {
        return Ok(());
    };
    let Err(error) = told.parse::<ChecksumSpec>() else {
        return Ok(());
    };
    let is_hex = told
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b' ');
    if args.file.is_some() || !(is_hex || args.words.is_empty()) {
        return Err(error.into());
    }
    args.words.insert(0, std::mem::take(told));
    Ok(())
}

pub(super) fn run(
    spec: &str,
    bytes: &[u8],
    is_json: bool,
    console: &Console,
) -> anyhow::Result<Exit> {
    if spec.is_empty() {
        return list(bytes, is_json, console);
    }
    let spec: ChecksumSpec = spec.parse()?;
    let verdict = spec.verify(bytes)?;
    let (stated, computed) = (Hex(&verdict.stated), Hex(&verdict.computed));
    if is_json {
        let object = json!({
            "spec": spec.to_string(),
            "holds": verdict.holds(),
            "stated": stated.to_string(),
            "computed": computed.to_string(),
        });
        paste::write(format!("{object}\n").as_bytes(), console)?;
    } else if verdict.holds() {
        let text = format!("{spec} holds: {stated}\n");
        paste::write(console.said(&text).as_bytes(), console)?;
    } else {
        console.error(&format!(
            "{spec} does not hold: the message says {stated}, its bytes give {computed}"
        ));
    }
    Ok(exit(verdict.holds()))
}

/// Every checksum that the bytes end in, and what the common ones of all bytes are.
fn list(bytes: &[u8], is_json: bool, console: &Console) -> anyhow::Result<Exit> {
    let found = search(bytes);
    let sums: Vec<(Algorithm, String)> = Algorithm::common()
        .map(|algorithm| {
            let field = algorithm.field(algorithm.natural_order(), bytes);
            (algorithm, Hex(&field).to_string())
        })
        .collect();
    if is_json {
        let found: Vec<_> = found
            .iter()
            .map(|found| {
                json!({
                    "algorithm": found.algorithm.name(),
                    "order": found.order.as_str(),
                    "from": found.range.start,
                    "to": found.range.end,
                    "at": found.field.start,
                    "len": found.field.len(),
                })
            })
            .collect();
        let sums: Map<String, serde_json::Value> = sums
            .iter()
            .map(|(algorithm, hex)| (algorithm.name().to_owned(), json!(hex)))
            .collect();
        let object = json!({ "len": bytes.len(), "found": found, "checksums": sums });
        paste::write(format!("{object}\n").as_bytes(), console)?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for found in found.iter().take(MOST) {
        text.push_str(&format!("{found}\n"));
    }
    match found.len().checked_sub(MOST) {
        Some(more) if more > 0 => text.push_str(&format!("and {more} more, less likely\n")),
        _ if found.is_empty() => text.push_str("the bytes end in no checksum that is known here\n"),
        _ => {}
    }
    text.push_str(&format!("\nof all {} bytes:\n", bytes.len()));
    for (algorithm, hex) in &sums {
        let order = match algorithm.field_len() {
            1 => "",
            _ => algorithm.natural_order().words(),
        };
        text.push_str(format!("  {:<20}{hex:<13}{order}", algorithm.name()).trim_end());
        text.push('\n');
    }
    paste::write(console.said(&text).as_bytes(), console)?;
    Ok(if found.is_empty() {
        Exit::Unmet(UNMET)
    } else {
        Exit::Done
    })
}
