use super::*;
use crate::chat::entry::{Entry, Id, Kind};
use crate::chat::line::{View, Voice};

fn line(text: &str) -> Arc<Line> {
    let entry = Entry {
        id: Id(0),
        at: 0,
        kind: Kind::Text,
        node: "".into(),
        room: "".into(),
        from: "".into(),
        to: "".into(),
        text: text.into(),
    };
    Arc::new(Line::of_entry(
        Arc::new(entry),
        View::Replayed,
        Voice::default(),
    ))
}

fn check(lines: usize, bytes: usize, pushed: &[&str], kept: &[&str]) {
    let mut history = History::default();
    for text in pushed {
        history.push(line(text), Limits { lines, bytes });
    }
    let texts: Vec<&str> = history
        .last(usize::MAX)
        .filter_map(|line| Some(&*line.entry()?.text))
        .collect();
    assert_eq!(texts, kept);
}

#[test]
fn b10_the_oldest_lines_give_way() {
    check(2, 100, &["a", "b", "c"], &["b", "c"]);
    check(9, 5, &["aa", "bb", "cc"], &["bb", "cc"]);
    check(9, 5, &["aa", "bbbbb"], &["bbbbb"]);
    check(9, 5, &["aa", "bbbbbb", "c"], &["c"]);
    check(0, 5, &["a"], &[]);
}

#[test]
fn the_last_lines_come_in_their_order() {
    let mut history = History::default();
    for text in ["a", "b", "c"] {
        history.push(line(text), Limits::default());
    }
    let last: Vec<&str> = history
        .last(2)
        .filter_map(|line| Some(&*line.entry()?.text))
        .collect();
    assert_eq!(last, ["b", "c"]);
    assert_eq!(history.len(), 3);
}

#[test]
fn what_is_recalled_comes_before_what_was_said_since() {
    let mut history = History::default();
    let limits = Limits {
        lines: 3,
        bytes: 100,
    };
    history.push(line("c"), limits);
    for text in ["0", "a", "b"] {
        history.recall(line(text), limits);
    }
    history.push(line("d"), limits);
    history.recall(line("e"), limits);
    let texts: Vec<&str> = history
        .last(usize::MAX)
        .filter_map(|line| Some(&*line.entry()?.text))
        .collect();
    assert_eq!(texts, ["e", "c", "d"]);
}
