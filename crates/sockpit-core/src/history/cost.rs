//! What things take in memory beside themselves.

use std::collections::{BTreeMap, VecDeque};

use crate::event::{Event, Value, What};
use crate::sighting::Kept;

/// In bytes: what an allocator takes for a piece beside what was asked for.
pub(super) const ALLOCATION: usize = 16;

/// Places that a list has at least, once it has one.
const LEAST_PLACES: usize = 64;

/// What a map takes about, in bytes, without what its keys and values have elsewhere. A node of it
/// has eleven places, of which six are full where keys come in order, and a share of the nodes above.
pub(super) fn map_cost<K, V>(map: &BTreeMap<K, V>) -> usize {
    map.len() * (2 * size_of::<(K, V)>() + ALLOCATION)
}

/// Makes room for one more: an eighth of what there is rather than as much again.
pub(super) fn reserve_one<T>(list: &mut VecDeque<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(LEAST_PLACES));
    }
}

/// What an event takes in memory, in bytes, without the bytes of a packet.
pub(super) fn event_cost(event: &Event) -> usize {
    // The two counts of an `Arc` stand before it.
    let fixed = size_of::<Event>() + 2 * size_of::<usize>() + ALLOCATION;
    fixed
        + match &event.what {
            What::Listening { local } => text_cost(local),
            What::Opened { addr, local } => text_cost(addr) + text_cost(local),
            What::Closed { message, .. } | What::Fault { message, .. } => text_cost(message),
            What::Packet { .. } => size_of::<Kept>() + ALLOCATION,
            What::Note {
                kind,
                message,
                data,
            } => text_cost(kind) + text_cost(message) + value_cost(data),
            What::Chunk { .. } | What::Frame { .. } | What::Gap { .. } => 0,
        }
}

/// What a text takes beside its `String`, in bytes.
pub(super) const fn text_cost(text: &str) -> usize {
    text.len() + ALLOCATION
}

fn value_cost(value: &Value) -> usize {
    /// In bytes: what an entry of a map takes beside its key and value.
    const LINK: usize = 32;
    size_of::<Value>()
        + match value {
            Value::String(text) => text_cost(text),
            Value::Array(values) => values.iter().map(value_cost).sum::<usize>() + ALLOCATION,
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| LINK + text_cost(key) + value_cost(value))
                .sum(),
            _ => 0,
        }
}
