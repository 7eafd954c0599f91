//! Recordings and `--json`: one schema, whole lines, nothing lost in silence.

use serde_json::Value;

/// The records of a stdout or a file, whose lines all have to be whole.
pub(crate) fn records(lines: &[u8]) -> Vec<Value> {
    let whole = lines
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"));
    whole
        .map(|line| {
            serde_json::from_slice(line)
                .unwrap_or_else(|error| panic!("{error}: {}", line.escape_ascii()))
        })
        .collect()
}

/// Those of one event.
pub(crate) fn of_event<'a>(records: &'a [Value], event: &str) -> Vec<&'a Value> {
    records
        .iter()
        .filter(|record| record["event"] == event)
        .collect()
}
