use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use crate::rule::{Answer, Item, List, Pattern, Payload, Repeat, Rule, Rules, Step};

fn parse(source: &str) -> Rules {
    Rules::parse(source, "rules.toml").unwrap_or_else(|error| panic!("{error}"))
}

/// The mistake in a file, with its place.
fn check(source: &str, expected: &str) {
    let error = Rules::parse(source, "rules.toml").expect_err(source);
    assert_eq!(error.to_string(), expected, "{source}");
}

#[test]
fn every_key_is_read() {
    let rules = parse(
        r#"
        [[rule]]
        name = "login"
        regex = '^login (?<who>\w+)$'
        reply = "hi ${who}"
        delay = "200ms"
        repeat = { every = "1s", count = 3 }
        close = true
        continue = true

        [[rule]]
        hex = "^AA ?? 0D"
        reply_hex = "AA ${1} 0A"

        [[script]]
        send = "PING\r\n"
        delay = "100ms"

        [[script]]
        expect = "re:PONG (\\d+)"
        within = "5s"
        exit = 9
        name = "the pong"

        [[script]]
        send_hex = "${1} 0D"

        [[script]]
        expect = { ends = "bye" }

        [[list]]
        name = "poll"
        start = true
        loop = 3
        items = [
          { name = "first", send = "A" },
          { send_hex = "0D", delay = "1s" },
        ]
        "#,
    );
    let login = Pattern::regex(r"^login (?<who>\w+)$").unwrap();
    let hex = Pattern::hex("^AA ?? 0D").unwrap();
    let pong = Pattern::regex(r"PONG (\d+)").unwrap();
    let expected = Rules {
        rules: vec![
            Rule {
                name: Some("login".into()),
                answer: Answer::Payload(Payload::template("hi ${who}", Some(&login)).unwrap()),
                pattern: login,
                delay: Duration::from_millis(200),
                repeat: Some(Repeat {
                    every: Duration::from_secs(1),
                    count: NonZeroU32::new(3),
                }),
                closes: true,
                continues: true,
            },
            Rule {
                name: None,
                answer: Answer::Payload(Payload::hex_template("AA ${1} 0A", Some(&hex)).unwrap()),
                pattern: hex,
                delay: Duration::ZERO,
                repeat: None,
                closes: false,
                continues: false,
            },
        ],
        script: vec![
            Step::Send {
                payload: Payload::text("PING\r\n"),
                after: Duration::from_millis(100),
            },
            Step::Expect {
                pattern: pong.clone(),
                within: Some(Duration::from_secs(5)),
                label: "the pong".into(),
                exit: 9,
            },
            Step::Send {
                payload: Payload::hex_template("${1} 0D", Some(&pong)).unwrap(),
                after: Duration::ZERO,
            },
            Step::Expect {
                pattern: Pattern::ends("bye").unwrap(),
                within: None,
                label: "ends bye".into(),
                exit: 3,
            },
        ],
        lists: vec![List {
            name: "poll".into(),
            start: true,
            rounds: NonZeroU32::new(3),
            items: vec![
                Item {
                    name: Some("first".into()),
                    payload: Payload::text("A"),
                    delay: Duration::ZERO,
                },
                Item {
                    name: None,
                    payload: Payload::bytes(&b"\r"[..]),
                    delay: Duration::from_secs(1),
                },
            ],
        }],
        ..Rules::default()
    };
    assert_eq!(rules, expected);
}

#[test]
fn a_list_runs_once_unless_it_loops() {
    let rounds = |line: &str| {
        let source =
            format!("[[list]]\nname = 'a'\n{line}\nitems = [{{ send = 'x', delay = '1ms' }}]");
        parse(&source).lists()[0].rounds.map(NonZeroU32::get)
    };
    assert_eq!(rounds(""), Some(1));
    assert_eq!(rounds("loop = false"), Some(1));
    assert_eq!(rounds("loop = 1_000"), Some(1000));
    assert_eq!(rounds("loop = 0x10"), Some(16));
    assert_eq!(rounds("loop = true"), None);
}

#[test]
fn a_mistake_in_toml_is_at_its_place() {
    check(
        "[[rule]]\nany = \n",
        "rules.toml:2:7: string values must be quoted, expected literal string",
    );
    check(
        "[[rule]\nany = true",
        "rules.toml:1:8: unclosed array table, expected `]`",
    );
    check(
        "[[rule]]\nany = true\nany = true",
        "rules.toml:3:1: duplicate key",
    );
    check(
        "[[rule]]\nreply = \"ab",
        "rules.toml:2:12: invalid basic string, expected `\"`",
    );
}

#[test]
fn an_unknown_key_is_at_its_place_with_the_nearest_known_one() {
    check(
        "[[rule]]\nany = true\n  replay = 'x'\n",
        "rules.toml:3:3: `replay` is no key of a rule; did you mean `reply`?",
    );
    check(
        "[[rule]]\nany = true\nreply-hex = '0D'\n",
        "rules.toml:3:1: `reply-hex` is no key of a rule; did you mean `reply_hex`?",
    );
    check(
        "[[rules]]\nany = true\n",
        "rules.toml:1:3: `rules` is no key of a rule file; did you mean `rule`?",
    );
    check(
        "[[list]]\nname = 'a'\nitems = [{ send = 'x', wait = '1s' }]\n",
        "rules.toml:3:24: `wait` is no key of an item, which has `name`, `send`, `send_hex` and `delay`",
    );
    check(
        "[[rule]]\nany = true\nrepeat = { evry = '1s' }",
        "rules.toml:3:12: `evry` is no key of `repeat`; did you mean `every`?",
    );
    // The first one in the file, not in the alphabet.
    check(
        "[[rule]]\nzzz = 1\naaa = 1\n",
        "rules.toml:2:1: `zzz` is no key of a rule, which has `name`, `equals`, `starts`, `ends`, \
         `contains`, `regex`, `hex`, `any`, `reply`, `reply_hex`, `echo`, `upper`, `discard`, `delay`, \
         `repeat`, `close` and `continue`",
    );
}

#[test]
fn a_wrong_value_is_at_its_place() {
    check(
        "[[rule]]\nany = 'x'",
        "rules.toml:2:7: `any` is `true` or `false`, not a text",
    );
    check(
        "[[rule]]\nany = true\nreply = 5",
        "rules.toml:3:9: `reply` is a text in quotes, not a number",
    );
    check(
        "[[rule]]\nany = true\necho = true\ndelay = 5",
        "rules.toml:4:9: `delay` is a time in quotes, such as \"200ms\", not a number",
    );
    check(
        "[[rule]]\nany = true\necho = true\ndelay = 'soon'",
        "rules.toml:4:9: `soon` is not a time; write a number with a unit, such as `500ms`, `5s`, `1m` or `2h`",
    );
    check(
        "[[rule]]\nany = true\necho = true\nrepeat = { every = '10us' }",
        "rules.toml:4:20: `every` is at least 1ms",
    );
    check(
        "[[rule]]\nany = true\necho = true\nrepeat = { every = '1s', count = 0 }",
        "rules.toml:4:34: `count` is a number from 1 to 4294967295, not 0",
    );
    check(
        "[[script]]\nexpect = 'x'\nexit = 300",
        "rules.toml:3:8: `exit` is a number from 1 to 125, not 300",
    );
    check(
        "rule = 5",
        "rules.toml:1:8: `rule` is a list of tables, each under `[[…]]` or in `{ }`, not a number",
    );
    check(
        "rule = [5]",
        "rules.toml:1:9: `rule` is a table, not a number",
    );
}

#[test]
fn a_mistake_inside_a_text_is_at_its_character() {
    // Columns count characters: 你 is one.
    check(
        "[[rule]]\nregex = '你好(a'\necho = true",
        "rules.toml:2:12: the regular expression cannot be read: unclosed group",
    );
    check(
        "[[rule]]\nany = true\nreply = \"a\\tb\\u4F60${pear}\"",
        "rules.toml:3:20: `${pear}` is not known; there are `${message}`, `${peer}`, `${peer.addr}`, \
         `${time}`, `${time.unix}`, `${time.ms}`, `${counter}`, `${random}`, `${random:1-100}`, \
         `${random.hex:8}`, `${hex:0D 0A}`, `${0}` and the groups of the pattern, and `$$` for a dollar sign",
    );
    check(
        "[[rule]]\nany = true\nreply = '''\nline\n  ${1}'''",
        "rules.toml:5:3: `${1}` catches nothing: the pattern has no groups, only `${0}`",
    );
    check(
        "[[rule]]\nhex = 'AA G0'\necho = true",
        "rules.toml:2:11: `G` is no hexadecimal digit and not `??`; write bytes such as `AA ?? 0D`",
    );
    check(
        "[[script]]\nexpect = 'hex:AA ?'",
        "rules.toml:2:18: a byte with a wildcard has two places, such as `??`, `A?` or `?A`",
    );
    check(
        "[[rule]]\nregex = '(?<time>.)'\necho = true",
        "rules.toml:2:9: a group cannot be called `time`: `${time}` is something else",
    );
}

#[test]
fn what_does_not_go_together_is_a_mistake() {
    check(
        "[[rule]]\nstarts = 'a'\nequals = 'a'\n",
        "rules.toml:3:1: a rule has one of `equals`, `starts`, `ends`, `contains`, `regex`, `hex` and `any`, \
         not both `starts` and `equals`",
    );
    check(
        "[[rule]]\nany = true\necho = true\nreply = ''\n",
        "rules.toml:4:1: a rule has one of `reply`, `reply_hex`, `echo`, `upper` and `discard`, \
         not both `echo` and `reply`",
    );
    check(
        "# rules\n[[rule]]\necho = true",
        "rules.toml:2:1: a rule needs a pattern: `equals`, `starts`, `ends`, `contains`, `regex`, `hex` or `any = true`",
    );
    check(
        "[[rule]]\nany = true\necho = false",
        "rules.toml:1:1: the rule does nothing; it needs `reply`, `reply_hex`, `echo`, `upper`, `close` or `discard = true`",
    );
    check(
        "[[rule]]\nany = true\nclose = true\nrepeat = { every = '1s' }",
        "rules.toml:4:10: there is nothing to repeat",
    );
    check(
        "[[rule]]\nany = true\necho = true\nclose = true\nrepeat = { every = '1s' }",
        "rules.toml:4:9: `close` comes after the last repetition; give `repeat` a `count`",
    );
    check(
        "[[rule]]\nany = true\necho = true\nrepeat = { count = 2 }",
        "rules.toml:4:10: `repeat` needs `every`",
    );
    check(
        "[[script]]\nexpect = 'x'\ndelay = '1s'",
        "rules.toml:3:1: `delay` does not go with `expect`",
    );
    check(
        "[[script]]\nsend = 'x'\n\n[[script]]\nwithin = '1s'",
        "rules.toml:4:1: nothing is sent; write `send` or `send_hex`, or in a script `expect`",
    );
    check(
        "[[script]]\nsend = '${1}'",
        "rules.toml:2:9: `${1}` catches nothing: no pattern comes before it",
    );
    check(
        "[[list]]\nname = 'a'\nloop = true\nitems = [{ send = 'x' }]",
        "rules.toml:3:8: a list that repeats takes at least 1ms; give an item a `delay`",
    );
    check(
        "[[list]]\nname = 'a'\nitems = [{ send = 'x' }]\n[[list]]\nname = 'a'\nitems = [{ send = 'x' }]",
        "rules.toml:5:8: there are two called `a`",
    );
    check(
        "[[list]]\nname = 'a'",
        "rules.toml:1:1: a list needs `items`, such as `items = [{ send = \"hello\" }]`",
    );
    check(
        "# nothing\n",
        "rules.toml:1:1: the file has no `[[rule]]`, no `[[script]]` and no `[[list]]`",
    );
}

#[test]
fn a_file_has_limits() {
    let rules = "[[rule]]\nany = true\necho = true\n".repeat(1001);
    check(
        &rules,
        "rules.toml:3001:1: there are more than 1000 of `rule`",
    );
    let long = format!("[[rule]]\nany = true\nreply = '{}'", "a".repeat(1 << 20));
    check(&long, "rules.toml:1:1: the file is longer than 1024 KiB");
    let deep = format!("rule = {}", "[".repeat(10_000));
    assert!(Rules::parse(&deep, "rules.toml").is_err());
}

#[test]
fn the_sample_of_the_reference_is_a_rule_file() {
    let page = include_str!("../../../../../docs/rules.md");
    let samples: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(sample, _)| sample)
        .collect();
    assert!(samples.len() > 1, "the page has samples");
    for sample in &samples {
        parse(sample);
    }
    // The complete one uses every key there is.
    let keys = [
        super::RULE,
        super::REPEAT,
        super::STEP,
        super::LIST,
        super::ITEM,
    ]
    .concat();
    for key in keys {
        let is_used = samples[0].lines().any(|line| {
            let code = line.trim_start();
            code.starts_with(&format!("{key} =")) || code.contains(&format!(" {key} ="))
        });
        assert!(is_used, "{key}");
    }
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let text = ".{1,12}";
    prop_oneof![
        Just(Pattern::any()),
        ".{0,12}".prop_map(|text| Pattern::equals(&text)),
        text.prop_map(|text| Pattern::starts(&text).unwrap()),
        text.prop_map(|text| Pattern::ends(&text).unwrap()),
        text.prop_map(|text| Pattern::contains(&text).unwrap()),
        "\\^?[a-z\"'é]{1,5}(\\([a-z]\\))?".prop_map(|text| Pattern::regex(&text).unwrap()),
        "\\^?([0-9A-F?]{2} ){1,5}\\$?".prop_map(|text| Pattern::hex(&text).unwrap()),
    ]
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        ".{0,12}".prop_map(|text| Payload::text(&text)),
        any::<Vec<u8>>().prop_map(Payload::bytes),
        Just(Payload::template("a${counter}$$${random:1-6}\"\\\n", None).unwrap()),
    ]
}

fn span() -> impl Strategy<Value = Duration> {
    (1..u64::from(u32::MAX)).prop_map(|millis| Duration::from_micros(millis + 1000))
}

fn rule() -> impl Strategy<Value = Rule> {
    let answer = prop_oneof![
        Just(Answer::Nothing),
        Just(Answer::Echo),
        Just(Answer::Upper),
        payload().prop_map(Answer::Payload),
    ];
    let repeat = (span(), 1..u32::MAX).prop_map(|(every, count)| Repeat {
        every,
        count: NonZeroU32::new(count),
    });
    let name = prop::option::of(".{1,12}");
    let flags = (any::<bool>(), any::<bool>());
    (
        name,
        pattern(),
        answer,
        prop::option::of(span()),
        prop::option::of(repeat),
        flags,
    )
        .prop_map(
            |(name, pattern, answer, delay, repeat, (closes, continues))| Rule {
                name,
                pattern,
                delay: delay.unwrap_or_default(),
                repeat: repeat.filter(|_| answer != Answer::Nothing),
                answer,
                closes,
                continues,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (payload(), span()).prop_map(|(payload, after)| Step::Send { payload, after }),
        (pattern(), prop::option::of(span()), ".{1,12}", 1..126u8).prop_map(
            |(pattern, within, label, exit)| Step::Expect {
                pattern,
                within,
                label,
                exit
            }
        ),
    ]
}

fn list() -> impl Strategy<Value = List> {
    let item = (prop::bool::ANY, payload(), span());
    (
        ".{1,12}",
        any::<bool>(),
        prop::option::of(1..u32::MAX),
        prop::collection::vec(item, 1..4),
    )
        .prop_map(|(name, start, rounds, items)| List {
            name,
            start,
            rounds: rounds.and_then(NonZeroU32::new),
            items: items
                .into_iter()
                .enumerate()
                .map(|(index, (named, payload, delay))| Item {
                    name: named.then(|| format!("item {index}")),
                    payload,
                    delay,
                })
                .collect(),
        })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        rules in prop::collection::vec(rule(), 1..4),
        script in prop::collection::vec(step(), 0..4),
        list in prop::option::of(list()),
    ) {
        let lists = list.into_iter().collect();
        let rules = Rules { rules, script, lists, ..Rules::default() };
        let file = rules.to_toml();
        prop_assert_eq!(Rules::parse(&file, "rules.toml"), Ok(rules), "{}", file);
    }

    #[test]
    fn no_file_makes_the_reader_panic(source in "(\\[\\[(rule|script|list)\\]\\]|[a-z]+ ?= ?['\"0-9{\\[]|[^a-z]|\n|any = true|\"|\\\\|\\$\\{)*") {
        let _ = Rules::parse(&source, "rules.toml");
    }
}
