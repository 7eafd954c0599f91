use std::sync::Arc;

use super::{Pattern, Payload, Reply, Responder, Rules};
use crate::text::charset::Charset;

#[test]
fn reply_is_one_of_four_words() {
    assert_eq!("echo".parse(), Ok(Reply::Echo));
    assert_eq!("upper".parse(), Ok(Reply::Upper));
    assert_eq!("discard".parse(), Ok(Reply::Discard));
    assert_eq!("fixed:".parse(), Ok(Reply::Fixed(Payload::text(""))));
    assert_eq!(
        "fixed:a: b".parse(),
        Ok(Reply::Fixed(Payload::text("a: b")))
    );
    let template = Payload::template("you said ${0}", Some(&Pattern::any())).unwrap();
    assert_eq!(
        "fixed:you said ${message}".parse(),
        Ok(Reply::Fixed(template))
    );
}

#[test]
fn what_is_no_reply_says_what_is() {
    let message = |text: &str| text.parse::<Reply>().unwrap_err().to_string();
    assert_eq!(
        message("ehco"),
        "`ehco` is no reply; write `echo`, `upper`, `discard` or `fixed:TEXT`"
    );
    assert!(message("fixed:${HOME}").starts_with("`${HOME}` is not known; there are `${message}`"));
}

#[test]
fn a_reply_is_sugar_for_a_rule_file() {
    for (word, line) in [
        ("echo", "echo = true"),
        ("upper", "upper = true"),
        ("discard", "discard = true"),
        ("fixed:OK ${counter}", "reply = \"OK ${counter}\""),
    ] {
        let file = format!("[[rule]]\nany = true\n{line}\n");
        let rules = Rules::from_reply(word.parse().unwrap());
        assert_eq!(rules, Rules::parse(&file, "rules.toml").unwrap());
        assert_eq!(rules.to_toml(), file);
    }
}

#[test]
fn only_what_looks_at_text_in_another_charset_needs_it() {
    let gbk: Charset = "gbk".parse().unwrap();
    let check = |lines: &str, needs_text: bool| {
        let rules = Rules::parse(&format!("[[rule]]\n{lines}"), "rules.toml").unwrap();
        let rules = Arc::new(rules);
        assert_eq!(rules.needs_text(), needs_text, "{lines}");
        let needs_text_in = |charset| Responder::new(Arc::clone(&rules), charset, 1).needs_text();
        assert_eq!(needs_text_in(gbk), needs_text, "{lines}");
        assert!(!needs_text_in(Charset::UTF_8), "{lines}");
    };
    check("any = true\necho = true", false);
    check("any = true\nreply = '${message}'", false);
    check("hex = 'AA'\nreply_hex = 'BB'", false);
    check("contains = 'AA'\necho = true", true);
    check("any = true\nupper = true", true);
}

#[test]
fn rules_are_shown_in_a_few_words() {
    let source =
        "[[rule]]\nany = true\necho = true\n[[script]]\nsend = 'a'\n[[script]]\nexpect = 'a'";
    assert_eq!(
        Rules::parse(source, "rules.toml").unwrap().to_string(),
        "1 rule, 2 steps"
    );
}

#[test]
fn a_charset_that_cannot_say_a_text_is_told_with_its_place() {
    let source = "[[rule]]\nany = true\nreply = 'ok'\n\n[[rule]]\ncontains = '你好'\nreply = 'é'\n";
    let rules = Rules::parse(source, "rules.toml").unwrap();
    let check = |charset: &str| {
        rules
            .check(charset.parse().unwrap())
            .map_err(|error| error.to_string())
    };
    assert_eq!(check("utf-8"), Ok(()));
    assert_eq!(
        check("latin1"),
        Err(
            "rules.toml:6:12: `你` at column 1 cannot be said in windows-1252; \
             a charset that has everything is `utf-8`"
                .to_owned()
        )
    );
    assert_eq!(
        check("gb2312").and(check("big5")),
        Err("rules.toml:7:9: `é` at column 1 cannot be said in big5; \
             a charset that has everything is `utf-8`"
            .to_owned())
    );
}

#[test]
fn rules_that_never_speak_are_silent() {
    let is_silent = |source: &str| Rules::parse(source, "rules.toml").unwrap().is_silent();
    assert!(Rules::from_reply(Reply::Discard).is_silent());
    assert!(!Rules::from_reply(Reply::Echo).is_silent());
    assert!(!is_silent("[[rule]]\nany = true\nclose = true"));
    assert!(is_silent("[[list]]\nname = 'a'\nitems = [{ send = 'x' }]"));
    assert!(!is_silent(
        "[[list]]\nname = 'a'\nstart = true\nitems = [{ send = 'x' }]"
    ));
}
