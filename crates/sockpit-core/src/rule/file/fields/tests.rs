use super::{distance, nearest};

#[test]
fn the_nearest_key_is_a_typing_mistake_away() {
    const KNOWN: &[&str] = &["reply", "reply_hex", "any", "regex", "repeat", "close"];
    let check =
        |key: &str, expected: Option<&str>| assert_eq!(nearest(key, KNOWN), expected, "{key}");
    check("replay", Some("reply"));
    check("Reply", Some("reply"));
    check("regexp", Some("regex"));
    check("repaet", Some("repeat"));
    check("an", None);
    check("url", None);
    check("", None);
}

#[test]
fn distance_counts_letters() {
    assert_eq!(distance("", "abc"), 3);
    assert_eq!(distance("kitten", "sitting"), 3);
    assert_eq!(distance("你好", "你"), 1);
}
