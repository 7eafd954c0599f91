//! Rules become fields and rules again.

use super::{Outline, RuleOutline};
use crate::rule::Rules;

const FILE: &str = r#"
[[rule]]
name = "greeting"
regex = '^hello (?<who>\w+)$'
reply = "hi ${who}\r\n"
delay = "20ms"
repeat = { every = "1s", count = 3 }
continue = true

[[rule]]
hex = "AA ?? 0D"
reply_hex = "01 02"

[[rule]]
equals = "bye"
close = true

[[rule]]
any = true
discard = true

[[script]]
send = "login \"x\""
delay = "5ms"

[[script]]
expect = { contains = "ok" }
within = "2s"
name = "ok"
exit = 7

[[list]]
name = "boot"
start = true
loop = true
items = [
  { name = "first", send_hex = "01", delay = "10ms" },
  { send = "two" },
]
"#;

#[test]
fn what_is_taken_apart_is_put_together_again() {
    let rules = Rules::parse(FILE, "f").expect("it is one");
    let outline = Outline::of(&rules);
    let text = outline.to_toml().expect("it is one again");
    assert_eq!(Rules::parse(&text, "g"), Ok(rules), "{text}");
    let first = &outline.rules[0];
    assert_eq!(first.when, r#"regex "^hello (?<who>\\w+)$""#);
    assert_eq!(
        first.then,
        r#"reply "hi ${who}\r\n", delay 20ms, repeat 1s × 3, continue"#
    );
    let json = serde_json::to_string(&outline).expect("it is plain");
    let mut read: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    for rule in read["rules"].as_array_mut().expect("a list") {
        let rule = rule.as_object_mut().expect("an object");
        rule.remove("when");
        rule.remove("then");
    }
    let read: Outline = serde_json::from_value(read).expect("it reads back");
    assert_eq!(read.to_toml(), Ok(text));
}

#[test]
fn nothing_is_an_empty_file() {
    assert_eq!(Outline::default().to_toml(), Ok(String::new()));
}

#[test]
fn a_mistake_names_its_field() {
    let rule = |matcher: &str, pattern: &str| RuleOutline {
        matcher: matcher.to_owned(),
        pattern: pattern.to_owned(),
        answer: "echo".to_owned(),
        ..RuleOutline::default()
    };
    let field = |rules: Vec<RuleOutline>| {
        let outline = Outline {
            rules,
            ..Outline::default()
        };
        outline.to_toml().expect_err("it is wrong").field
    };
    let good = rule("equals", "x");
    assert_eq!(
        field(vec![good.clone(), rule("regex", "(")]),
        "rules.1.pattern"
    );
    assert_eq!(
        field(vec![good.clone(), good.clone(), rule("nonsense", "x")]),
        "rules.2.pattern"
    );
    assert_eq!(field(vec![rule("equals]\n[x", "")]), "rules.0.pattern");
    let reply = RuleOutline {
        answer: "reply".to_owned(),
        payload: "${nobody}".to_owned(),
        ..good
    };
    assert_eq!(field(vec![reply]), "rules.0.payload");
}
