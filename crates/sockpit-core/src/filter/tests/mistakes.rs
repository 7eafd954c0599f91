//! What is no filter, and what is said of it.

use super::*;

#[test]
fn mistakes_name_the_column_and_the_way_out() {
    check_mistake("", 1, "empty");
    check_mistake("  ", 1, "empty");
    check_mistake(
        "peer 2 and peer",
        16,
        "expected a number such as `2`, `2,3` or `2..5` at column 16, found the end",
    );
    check_mistake(
        "text ~ err peer 2",
        12,
        "expected `and`, `or` or the end at column 12, found `peer`",
    );
    check_mistake("in and", 7, "expected a term");
    check_mistake(
        "(in or out",
        11,
        "expected `and`, `or` or `)` at column 11, found the end",
    );
    check_mistake("in )", 4, "found `)`");
    check_mistake("err", 1, "quote what a message shall contain: `\"err\"`");
    check_mistake("chunck", 1, "(`chunk` is one)");
    check_mistake("peer x", 6, "found `x`");
    check_mistake("peer 5..2", 6, "smaller end first");
    check_mistake("text err", 6, "expected `~`");
    check_mistake("text ~ \"err", 8, "no closing `\"`");
    check_mistake("text ~ \"(\"", 9, "regular expression");
    check_mistake("text contains ''", 16, "is empty");
    check_mistake("text = \"a\\q\"", 10, "`\\q` at column 10 is no escape");
    check_mistake("hex ~ \"AA 0G\"", 12, "`G` is no hexadecimal digit");
    check_mistake("hex = \"AA 0G\"", 12, "`G` is no hexadecimal digit");
    check_mistake("hex = \"\"", 8, "len = 0");
    check_mistake("len > 99999999999999999999999", 7, "a number of bytes");
    check_mistake("at > tea", 6, "`tea` is no moment");
    check_mistake("at 2s", 4, "a range such as");
    check_mistake("reason = gone", 10, "one of fin, reset");
    check_mistake("event = x", 9, "one of listening");
    check_mistake(
        "text ~ 你 和",
        10,
        "expected `and`, `or` or the end at column 10, found `和`",
    );
    check_mistake(&"(".repeat(100), 65, "more than 64");
    check_mistake(&"not ".repeat(100), 257, "more than 64");
    check_mistake(&"x".repeat(20_000), 1, "20000 bytes");
    check_mistake("text ~ a{1000}{1000}{1000}", 8, "KiB");
}

#[test]
fn habits_of_other_tools_are_told_what_is_written_here() {
    let told = |text: &str| text.parse::<Filter>().unwrap_err().to_string();
    for text in ["tcp.port == 80", "ip.addr == 10.0.0.7", "tcp[13] & 2 != 0"] {
        assert!(
            told(text).contains("write `tcp port 7000`"),
            "{}",
            told(text)
        );
    }
    assert!(told("portrange 80-90").contains("(`port` is one)"));
    assert!(told("greater 100").contains("(`len` is one)"));
    assert!(told("host 10.0.0.300").contains("found `10.0.0.300`"));
    assert!(told("host").contains("found the end"));
}
