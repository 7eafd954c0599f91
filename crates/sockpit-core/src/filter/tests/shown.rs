//! How a filter is written by us.

use super::*;

#[test]
fn what_is_shown_is_the_shortest_that_means_the_same() {
    check_shown(
        "peer = 2 && in&&text~err",
        "peer 2 and in and text ~ \"err\"",
    );
    check_shown("((in))", "in");
    check_shown("in and (chunk or frame)", "in and (chunk or frame)");
    check_shown("(in and chunk) or frame", "in and chunk or frame");
    check_shown("!(in or out)", "not (in or out)");
    check_shown("not not in", "not not in");
    check_shown("text ~ \"a\\\"\\d\\\\\"", "text ~ \"a\\\"\\d\\\\\"");
    check_shown("text = 'say \"hi\"\\n'", "text = \"say \\\"hi\\\"\\n\"");
    check_shown("hex ~ AA ?? 0D and in", "hex ~ \"AA ?? 0D\" and in");
    check_shown("len > 1KiB", "len > 1024");
    check_shown("at > 10:21:17.500", "at > 10:21:17.5");
    check_shown("at 2s..1m", "at 2s..1m");
    check_shown("at > 2026-11-21T10:21:17.5", "at > 2026-11-21T10:21:17.5");
    check_shown("at > 2026-11-21T10:21:17Z", "at > 2026-11-21T10:21:17Z");
    check_shown("kind reset, refused", "kind = reset,refused");
    check_shown(
        "\"err\" or 'it''s'and in"
            .replace("'it''s'", "\"it's\" ")
            .as_str(),
        "\"err\" or \"it's\" and in",
    );
}
