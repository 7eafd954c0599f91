//! What the tree of a JSON text promises: each part with its place, and nothing of what is no JSON.

use super::super::detail::Node;
use super::{DEEPEST, MOST_NODES, of};

#[test]
fn each_part_stands_at_its_bytes() {
    let text = r#" {"a": 1, "b": [true, "x\n"], "ü": {}} "#;
    let tree = of(text, 10).expect("it is JSON");
    assert_eq!(tree.value, "{3}");
    assert_eq!((tree.from, tree.to), (11, 10 + text.len() - 1));
    let [a, b, u] = &tree.children[..] else {
        panic!("{:?}", tree.children);
    };
    assert_eq!((a.name.as_str(), a.value.as_str()), ("a", "1"));
    assert_eq!(slice(text, a), r#""a": 1"#);
    assert_eq!(b.value, "[2]");
    assert_eq!(slice(text, &b.children[0]), "true");
    assert_eq!(b.children[1].name, "[1]");
    assert_eq!(b.children[1].value, "\"x\n\"");
    assert_eq!(slice(text, &b.children[1]), r#""x\n""#);
    assert_eq!(slice(text, u), r#""ü": {}"#);
}

#[test]
fn what_is_no_json_has_no_tree() {
    for text in [
        "",
        " ",
        "hello",
        "1",
        "\"x\"",
        "{",
        "{]",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "[1] x",
        "[tru]",
        "{a:1}",
        "[\"\\",
        "[\"\\u12\"]",
        "[1 2]",
        "[01]",
        "{\"a\":1,}",
        "[ü]",
    ] {
        assert_eq!(of(text, 0), None, "{text}");
    }
}

#[test]
fn deep_and_large_texts_are_cut_and_not_refused() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let mut node = &of(&deep, 0).expect("it is JSON");
    let mut depth = 0;
    while let Some(child) = node.children.first() {
        node = child;
        depth += 1;
    }
    assert_eq!(depth, DEEPEST);
    assert_eq!(node.value, "…");
    let large = format!("[{}1]", "1,".repeat(30_000));
    let tree = of(&large, 0).expect("it is JSON");
    assert!(tree.children.len() <= MOST_NODES + 1);
    assert_eq!(tree.to, large.len());
}

fn slice<'t>(text: &'t str, node: &Node) -> &'t str {
    &text[node.from - 10..node.to - 10]
}
