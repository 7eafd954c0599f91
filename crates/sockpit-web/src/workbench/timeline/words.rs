//! The words of the filter language, with which a page completes what is typed.

use serde_json::{Value, json};

use crate::workbench::page::Page;

/// A word as it is put in, and what it is true of: docs/filter.md in one line each.
const WORDS: [(&str, &str); 49] = [
    ("in", "what came in"),
    ("out", "what went out"),
    ("not ", "what is not so"),
    ("and ", "both are so"),
    ("or ", "one of both is so"),
    ("peer ", "of these peers, such as `2`, `2,3` or `2..5`"),
    ("session ", "of these sessions"),
    (
        "text ~ ",
        "messages whose text a regular expression matches",
    ),
    ("text !~ ", "messages whose text it does not match"),
    ("text ~* ", "the same in upper and lower case"),
    ("text = ", "messages that are this text"),
    ("text contains ", "messages with this text in them"),
    ("text starts ", "messages with this text at their beginning"),
    ("text ends ", "messages with this text at their end"),
    ("hex ~ ", "bytes that are found, such as `\"AA ?? 0D\"`"),
    ("hex = ", "exactly these bytes"),
    (
        "len ",
        "bytes of the message, such as `> 100` or `1..64KiB`",
    ),
    (
        "offset ",
        "the place of the first byte in its direction's stream",
    ),
    ("at ", "time, such as `> 2s`, `2s..5s` or `> 10:21:17.5`"),
    ("n ", "the number of the event"),
    ("addr ~ ", "of peers with such an address"),
    ("message ~ ", "the sentence of a fault, a note or an end"),
    ("kind = ", "faults and notes of that kind"),
    ("reason = ", "ends with that reason, such as `reset`"),
    ("count ", "the number of a fault or a gap"),
    ("partial", "messages that the end cut off"),
    ("malformed", "messages whose text is broken"),
    ("truncated", "datagrams that were longer than the buffer"),
    ("chunk", "bytes as one read or write gave them"),
    ("frame", "messages"),
    ("packet", "packets"),
    ("opened", "peers that came"),
    ("closed", "peers and sessions that ended"),
    ("fault", "what went wrong"),
    ("gap", "what was missed"),
    ("note", "what was noted"),
    ("tcp", "packets of TCP"),
    ("udp", "packets of UDP"),
    ("icmp", "packets of ICMP"),
    ("port ", "packets with that port at either end"),
    ("host ", "packets with that address at either end"),
    ("syn", "segments that open"),
    ("fin", "segments that close"),
    ("rst", "segments that reset"),
    (
        "label = ",
        "segments of which that is noteworthy, such as `retransmission`",
    ),
    ("retransmission", "segments that were sent again"),
    ("seq ", "the sequence number, counted from the beginning"),
    (
        "ack ",
        "the acknowledgement number, counted from the beginning",
    ),
    ("window ", "the window, scaled"),
];

/// Every word, in the page's language.
pub(super) fn all(page: &Page) -> Value {
    let words = WORDS
        .iter()
        .map(|(word, about)| json!({ "word": word, "about": page.say(about) }));
    words.collect()
}

#[cfg(test)]
mod tests {
    use sockpit_core::filter::Filter;

    use super::WORDS;

    #[test]
    fn every_word_is_one_of_the_language() {
        for (word, about) in WORDS {
            // What a word needs behind it.
            let value = match word.trim() {
                "and" | "or" => continue,
                "not" => "in",
                "hex ~" | "hex =" => "AA",
                "at" => "> 2s",
                "host" => "::1",
                "label =" => "reset",
                "reason =" => "fin",
                _ => "1",
            };
            let filter = match word.ends_with(' ') {
                true => format!("{word}{value}"),
                false => word.to_owned(),
            };
            let read = filter.parse::<Filter>();
            assert!(read.is_ok(), "`{filter}`: {read:?}");
            assert!(!about.is_empty());
        }
    }
}
