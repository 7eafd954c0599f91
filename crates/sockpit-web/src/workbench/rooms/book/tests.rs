//! What a server tells that is out to fill the memory.

use serde_json::json;
use sockpit_core::chat::guest::Told;

use super::{LONGEST_LINE, MOST_LINES, MOST_ROOMS, MOST_WORDS, Said};

fn told(kind: &str, data: serde_json::Value) -> Told {
    Told {
        kind: kind.to_owned(),
        data,
    }
}

#[test]
fn lines_of_a_server_take_no_more_than_their_share() {
    let mut said = Said::default();
    let long = "好".repeat(LONGEST_LINE);
    for _ in 0..100 {
        said.take(0, &told("text", json!({ "from": "a", "text": long })));
    }
    let words: usize = said.lines.iter().map(super::Line::words).sum();
    assert_eq!(said.words, words);
    assert!(words <= MOST_WORDS && words > MOST_WORDS / 2, "{words}");
    assert_eq!(said.gone + said.lines.len() as u64, 100);
    for _ in 0..2 * MOST_LINES {
        said.take(0, &told("text", json!({ "from": "a", "text": "b" })));
    }
    assert_eq!(said.lines.len(), MOST_LINES);
}

#[test]
fn rooms_without_end_are_not_all_remembered() {
    let mut said = Said::default();
    for room in 0..2 * MOST_ROOMS {
        let joined = json!({ "room": room.to_string(), "from": "a" });
        said.take(0, &told("joined", joined));
        let entered = json!({ "room": format!("e{room}"), "members": ["a", "b".repeat(5000)] });
        said.take(0, &told("entered", entered));
    }
    assert_eq!(said.members.len(), MOST_ROOMS);
    assert_eq!(said.members["e0"].len(), 1);
}
