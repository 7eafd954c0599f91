use clap::Parser;

use super::*;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: Args,
}

fn task(words: &[&str]) -> anyhow::Result<Task> {
    let words = ["load"].iter().chain(words);
    Program::try_parse_from(words)?.args.resolve()
}

#[track_caller]
fn load(words: &[&str]) -> load::Plan {
    match task(words) {
        Ok(Task::Load(settings)) => settings.load,
        Ok(Task::Serve(_)) => panic!("it serves"),
        Err(error) => panic!("{}", sentence(&error)),
    }
}

#[track_caller]
fn mistake(words: &[&str]) -> String {
    match task(words) {
        Ok(_) => panic!("it was understood"),
        Err(error) => sentence(&error),
    }
}

#[test]
fn one_connection_asks_for_ten_seconds_unless_told_otherwise() {
    assert_eq!(
        load(&["127.0.0.1:7000"]).headline(),
        "tcp://127.0.0.1:7000: request, 1 connection, messages of 64B, as fast as it goes, for 10s"
    );
}

#[test]
fn a_rate_is_kept_by_each_connection_or_by_all_together() {
    let paced = load(&[":7000", "--rate", "20k"]);
    assert_eq!(paced.pace, Pace::Paced(Rate(20_000)));
    let open = load(&[":7000", "--rate", "20k", "--open-loop"]);
    assert_eq!(open.pace, Pace::Open(Rate(20_000)));
    assert_eq!(load(&[":7000", "--max"]).pace, Pace::Max);
    assert!(mistake(&[":7000", "--open-loop"]).contains("--rate"));
    assert!(mistake(&[":7000", "--max", "--rate", "5"]).contains("cannot be used with"));
}

#[test]
fn what_is_sent_may_be_text_with_escapes_or_bytes() {
    let text = load(&[":7000", "--send", r"a\r\n", "--escape"]);
    assert_eq!(text.payload.as_deref(), Some(&b"a\r\n"[..]));
    let text = load(&[":7000", "--send", r"a\r\n"]);
    assert_eq!(text.payload.as_deref(), Some(&br"a\r\n"[..]));
    let bytes = load(&[":7000", "--send-hex", "01 FF"]);
    assert_eq!(bytes.payload.as_deref(), Some(&[1, 255][..]));
    assert_eq!(bytes.size, 2);
    assert!(mistake(&[":7000", "--send", r"\q", "--escape"]).starts_with("--send `"));
    assert!(mistake(&[":7000", "--send", ""]).contains("empty"));
}

#[test]
fn limits_are_told() {
    for (words, part) in [
        (&[":7000", "--connections", "0"][..], "from 1 to 20000"),
        (&[":7000", "--connections", "20001"], "from 1 to 20000"),
        (&[":7000", "--rate", "0"], "from 1 to 10000000"),
        (&[":7000", "--rate", "11M"], "from 1 to 10000000"),
        (&[":7000", "--rate", "1e9"], "`1e9` is not a rate"),
        (&[":7000", "--size", "0"], "from 1 to"),
        (&["udp://:7000", "--size", "70000"], "to 65507"),
        (&["udp://:7000", "--size", "8"], "from 36"),
        (&["udp://:7000", "--mode", "churn"], "no meaning on udp"),
        (&[":7000", "--duration", "2h"], "to 1h"),
        (&[":0"], "port 0 names no server"),
        (&["udp://239.1.2.3:7000"], "not to a group"),
        (&[":7000", "--mode", "x"], "`x` is no mode"),
    ] {
        let told = mistake(words);
        assert!(told.contains(part), "{words:?}: {told}");
    }
}

#[test]
fn a_server_takes_no_words_of_a_client() {
    assert!(matches!(task(&["--serve", ":0"]), Ok(Task::Serve(_))));
    assert!(mistake(&["--serve", ":0", "--rate", "5"]).contains("cannot be used with"));
    assert!(mistake(&[":7000", "--echo"]).contains("--serve"));
    assert!(mistake(&["--serve", ":0", "--echo", "--sink"]).contains("cannot be used with"));
}
