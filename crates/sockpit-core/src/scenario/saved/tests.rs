//! What is written reads back, and what has not changed stays as it was.

use proptest::prelude::*;

use super::{Saved, SavedError};
use crate::plan::{Options, Role};

const RULES: &str = "\
# What the device says.
[[rule]]
equals = \"PING\" # at once
reply = \"PONG ${counter}\"

# Slowly.
[[rule]]
any = true
echo = true
delay = \"20ms\"

[[list]]
name = \"boot\"
items = [
  { send = \"a\" }, # first
  { send = \"b\", delay = \"1s\" },
]
";

fn plc() -> Saved {
    Saved {
        name: "plc".to_owned(),
        role: Role::Server,
        endpoint: "tcp://127.0.0.1:7000".to_owned(),
        options: vec![
            ("frame".to_owned(), "lines".to_owned()),
            ("text".to_owned(), "gbk".to_owned()),
        ],
        reconnects: false,
        rules: RULES.to_owned(),
    }
}

fn parse(source: &str) -> Result<Saved, SavedError> {
    let mut open = |name: &str| match name {
        "rules.toml" => Ok(RULES.into()),
        _ => Err("no such file".to_owned()),
    };
    Saved::parse(source, "plc.toml", &mut open)
}

#[test]
fn a_session_is_written_as_people_would() {
    let text = plc().to_toml();
    let head = "\
[[session]]
name = \"plc\"
listen = \"tcp://127.0.0.1:7000\"
frame = \"lines\"
text = \"gbk\"

# What the device says.
[[session.rule]]
equals = \"PING\" # at once
";
    assert!(text.starts_with(head), "{text}");
    assert!(text.contains("\n# Slowly.\n[[session.rule]]"), "{text}");
    assert!(text.contains("  { send = \"a\" }, # first\n"), "{text}");
    assert_eq!(parse(&text), Ok(plc()));
    assert_eq!(plc().check(), Ok(()));
}

#[test]
fn only_what_differs_is_written_anew() {
    let file = format!("# Ours.\nwithin = \"1s\"\n\n{}", plc().to_toml()).replace(
        "frame = \"lines\"",
        "frame = 'lines' # as the manual has it",
    );
    let read = parse(&file).expect("it is a session");
    assert_eq!(read, plc());
    assert_eq!(read.write_over(&file), file);
    let mut changed = read;
    changed.options[1].1 = "utf-8".to_owned();
    changed
        .options
        .insert(1, ("max-frame".to_owned(), "1KiB".to_owned()));
    let text = changed.write_over(&file);
    let wanted = file.replace("\"gbk\"", "\"utf-8\"");
    let lines = |text: &str| text.lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    let added: Vec<_> = lines(&text)
        .into_iter()
        .filter(|line| !lines(&wanted).contains(line))
        .collect();
    assert_eq!(added, ["max-frame = \"1KiB\""]);
    assert_eq!(lines(&text).len(), lines(&file).len() + 1);
    assert_eq!(parse(&text), Ok(changed.tidied()));
}

#[test]
fn a_change_of_sides_and_of_rules_leaves_the_rest() {
    let file = format!("# Ours.\n{}", plc().to_toml());
    let changed = Saved {
        role: Role::Client,
        reconnects: true,
        rules: "[[rule]]\nany = true\necho = true\n# The end.\n".to_owned(),
        ..plc()
    };
    let text = changed.write_over(&file);
    assert_eq!(
        text,
        "# Ours.\n[[session]]\nname = \"plc\"\nconnect = \"tcp://127.0.0.1:7000\"\n\
         frame = \"lines\"\ntext = \"gbk\"\nreconnect = true\n\n\
         [[session.rule]]\nany = true\necho = true\n# The end.\n"
    );
    assert_eq!(parse(&text), Ok(changed));
}

#[test]
fn options_of_the_query_and_rules_of_a_file_come_to_the_session() {
    let file = "[[session]]\nname = 'a$'\nconnect = 'unix:/run/$$x?frame=lines'\n\
                text_out = 'gbk'\nrules = 'rules.toml'\n";
    let read = parse(file).expect("it is a session");
    assert_eq!(read.endpoint, "unix:/run/$x");
    let pairs = [("frame", "lines"), ("text-out", "gbk")];
    let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(read.options, pairs);
    assert_eq!(read.rules, RULES);
    assert_eq!(parse(&read.write_over(file)), Ok(read));
}

#[test]
fn what_is_no_saved_session_says_why() {
    let two = "[[session]]\nname = 'a'\nlisten = ':7000'\n\
               [[session]]\nname = 'b'\nconnect = '${a.endpoint}'\n";
    assert_eq!(parse(two), Err(SavedError::Several { count: 2 }));
    let mut none = |_: &str| Err(String::new());
    let all = Saved::parse_all(two, "x", &mut none).expect("both stand alone");
    assert_eq!(all[1].endpoint, ":7000");
    let free = two.replace("7000", "0");
    let error = Saved::parse_all(&free, "x", &mut none).expect_err("the port is not known");
    assert!(
        error.to_string().contains("the system will choose"),
        "{error}"
    );
    let steps = "[[session]]\nname = 'a'\nlisten = ':7000'\n[[step]]\nsend = 'x'\n";
    assert_eq!(parse(steps), Err(SavedError::Steps));
    assert!(matches!(parse("[[rule]]"), Err(SavedError::File(_))));
    assert!(matches!(parse("\0"), Err(SavedError::File(_))));
}

#[test]
fn a_script_is_for_a_session_that_is_served() {
    let saved = Saved {
        rules: "[[script]]\nsend = \"hello\"\n\n[[script]]\nexpect = \"ok\"\n".to_owned(),
        ..plc()
    };
    assert_eq!(saved.check(), Ok(()));
    assert_eq!(parse(&saved.to_toml()), Ok(saved.clone()));
    let error = Saved {
        name: "peer".to_owned(),
        ..saved
    };
    assert!(error.check().is_err(), "`${{peer}}` is something else");
}

fn some_option() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        Just(("frame", "len:u16be,adjust=-2")),
        Just(("text-out", "big5")),
        Just(("checksum", "modbus,from=1")),
        Just(("backlog", "5")),
        Just(("nodelay", "0")),
        Just(("mode", "660")),
        Just(("bind", "a \"b\" $c\\")),
    ]
    .prop_map(|(key, value)| (key.to_owned(), value.to_owned()))
}

prop_compose! {
    fn some_saved()(
        name in "[a-zA-Z\u{4e00}-\u{4f00} \"'\\\\#=\\[\\]]{1,12}x",
        role in prop_oneof![Just(Role::Client), Just(Role::Server)],
        endpoint in prop_oneof![
            Just("unix:/run/$a $${b}".to_owned()),
            Just("unix:@name".to_owned()),
            (1_u16..).prop_map(|port| format!("unix:///tmp/{port}")),
        ],
        options in prop::collection::btree_map(0..7_usize, some_option(), 0..7),
        with_rules in any::<bool>(),
    ) -> Saved {
        let mut options: Vec<_> = options.into_values().collect();
        options.retain(|(key, _)| Options::KEYS.contains(&key.as_str()));
        options.sort();
        options.dedup_by(|a, b| a.0 == b.0);
        options.retain(|(key, _)| !matches!(key.as_str(), "nodelay"));
        Saved {
            name,
            role,
            endpoint,
            options,
            reconnects: false,
            rules: if with_rules { RULES.to_owned() } else { String::new() },
        }
        .tidied()
    }
}

proptest! {
    #[test]
    fn a_saved_session_survives_being_written(saved in some_saved()) {
        prop_assert_eq!(parse(&saved.to_toml()), Ok(saved));
    }

    #[test]
    fn whatever_is_written_over_gives_the_same_session(saved in some_saved(), former in some_saved()) {
        let text = saved.write_over(&former.to_toml());
        prop_assert_eq!(parse(&text), Ok(saved));
    }

    #[test]
    fn whatever_the_file_is_the_session_is_saved(former in "\\PC*") {
        prop_assert_eq!(parse(&plc().write_over(&former)), Ok(plc()));
    }
}

#[test]
fn the_sample_of_the_documentation_is_a_saved_session() {
    let page = include_str!("../../../../../docs/workbench.md");
    let sample = page.split("```toml\n").nth(1).unwrap();
    let sample = sample.split("```").next().unwrap();
    let saved = parse(sample).unwrap();
    assert_eq!(saved.name, "gateway");
    assert_eq!(saved.write_over(sample), sample);
}
