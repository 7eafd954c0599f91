use rustyline::completion::{Completer as _, FilenameCompleter};
use rustyline::hint::Hinter as _;
use rustyline::history::MemHistory;

use super::{Completion, Context, Guide, Words, rows};

fn guide() -> Guide {
    let completion = |command, usage, words| Completion {
        command,
        usage,
        words,
    };
    let forms = Words::OneOf(vec!["text".to_owned(), "hex".to_owned(), "both".to_owned()]);
    Guide {
        completions: vec![
            completion("/as", "FORM", forms),
            completion("/all", "", Words::Any),
            completion("/every", "TIME TEXT", Words::Any),
        ],
        files: FilenameCompleter::new(),
        aid: None,
    }
}

/// Where what is typed is replaced from, and by what.
fn completed(line: &str) -> (usize, Vec<String>) {
    let history = MemHistory::new();
    let (start, pairs) = guide()
        .complete(line, line.len(), &Context::new(&history))
        .unwrap();
    (
        start,
        pairs.into_iter().map(|pair| pair.replacement).collect(),
    )
}

#[test]
fn commands_and_their_words_are_completed() {
    assert_eq!(
        completed("/a"),
        (0, vec!["/as ".to_owned(), "/all ".to_owned()])
    );
    assert_eq!(completed("/as h"), (4, vec!["hex ".to_owned()]));
    assert_eq!(completed("/as x").1, Vec::<String>::new());
    assert_eq!(completed("/every ").1, Vec::<String>::new());
}

#[test]
fn what_is_no_command_is_left_alone() {
    assert_eq!(completed("a").1, Vec::<String>::new());
    assert_eq!(completed("").1, Vec::<String>::new());
    assert_eq!(completed("//").1, Vec::<String>::new());
}

#[test]
fn a_command_tells_what_it_takes_until_it_is_typed() {
    let history = MemHistory::new();
    let hint = |line: &str| guide().hint(line, line.len(), &Context::new(&history));
    assert_eq!(hint("/every ").as_deref(), Some("TIME TEXT"));
    assert_eq!(hint("/every 1s"), None);
    assert_eq!(hint("/all "), None);
    assert_eq!(hint("every "), None);
}

#[test]
fn rows_are_counted_as_a_terminal_wraps_them() {
    assert_eq!(rows("> ", "", 10), 1);
    assert_eq!(rows("> ", "1234567", 10), 1);
    // The cursor has no room behind the eighth.
    assert_eq!(rows("> ", "12345678", 10), 2);
    assert_eq!(rows("> ", "123456789", 10), 2);
    // A wide character is not cut in two.
    assert_eq!(rows("> ", "1234567你", 10), 2);
    assert_eq!(rows("> ", "你你你", 10), 1);
    assert_eq!(rows("> ", "a\nb\nc", 10), 3);
}
