use std::cell::{Cell, RefCell};

use super::*;

#[test]
fn every_other_run_goes_backwards() {
    let order = RefCell::new(String::new());
    let note = |letter| {
        order.borrow_mut().push(letter);
        Ok(1.0)
    };
    let contenders = vec![
        Contender::new("ours", || note('a')),
        Contender::new("theirs", || note('b')),
    ];
    Comparison::new("title", Unit::PerSecond, contenders).run("name", 3);
    assert_eq!(*order.borrow(), "abbaab");
}

#[test]
fn short_work_has_several_turns_a_run_and_long_work_one_in_all() {
    for (turns, expected) in [(Turns::EachRun(5), 10), (Turns::Once, 1)] {
        let count = Cell::new(0);
        let measure = || {
            count.set(count.get() + 1);
            Ok(1.0)
        };
        Comparison::new(
            "title",
            Unit::Seconds,
            vec![Contender::new("ours", measure)],
        )
        .with_turns(turns)
        .run("name", 2);
        assert_eq!(count.get(), expected);
    }
}

#[test]
fn a_run_of_several_figures_makes_a_table_of_each() {
    let ours = Contender::new("ours", || Ok([3.0, 0.5]))
        .with_target(None)
        .with_target(Target::AtMost(1.0));
    let tables = Comparison::new("rate", Unit::PerSecond, vec![ours])
        .with_aspect("-p99", "latency", Unit::Seconds)
        .run("echo", 2);
    let names: Vec<_> = tables.iter().map(|table| &*table.name).collect();
    assert_eq!(names, ["echo", "echo-p99"]);
    assert_eq!(outcome(&tables[0], 0), &Outcome::Done(vec![3.0, 3.0]));
    assert_eq!(outcome(&tables[1], 0), &Outcome::Done(vec![0.5, 0.5]));
    assert_eq!(tables[0].lines[0].target, None);
    assert_eq!(tables[1].lines[0].target, Some(Target::AtMost(1.0)));
}

#[test]
fn one_failure_is_forgiven_and_a_second_one_ends_that_contender_alone() {
    let turns = Cell::new(0);
    let once_broken = || {
        turns.set(turns.get() + 1);
        match turns.get() {
            1 => Err(io::Error::other("broken")),
            _ => Ok(2.0),
        }
    };
    let table = run(vec![
        Contender::new("ours", || Err::<f64, _>(io::Error::other("broken"))),
        Contender::new("theirs", once_broken),
    ]);
    assert_eq!(outcome(&table, 0), &Outcome::Failed("broken".to_owned()));
    assert_eq!(outcome(&table, 1), &Outcome::Done(vec![2.0, 2.0]));
}

#[test]
fn a_program_that_is_not_there_is_absent_unless_it_is_ours() {
    let absent = || Err::<f64, _>(io::ErrorKind::NotFound.into());
    let table = run(vec![
        Contender::new("ours", absent),
        Contender::new("theirs", absent),
    ]);
    assert!(matches!(outcome(&table, 0), Outcome::Failed(_)));
    assert_eq!(outcome(&table, 1), &Outcome::Absent);
}

#[test]
fn what_is_no_number_is_a_failure() {
    let table = run(vec![Contender::new("ours", || Ok(f64::NAN))]);
    assert_eq!(
        outcome(&table, 0),
        &Outcome::Failed("it gave [NaN]".to_owned())
    );
}

#[test]
fn the_reason_of_a_failure_fits_into_a_table() {
    let error = io::Error::other(format!("a | b\n{}", "x".repeat(200)));
    let table = run(vec![Contender::new("ours", || {
        Err::<f64, _>(io::Error::other(error.to_string()))
    })]);
    let expected = format!("a   b {}", "x".repeat(REASON - 6));
    assert_eq!(outcome(&table, 0), &Outcome::Failed(expected));
}

fn run(contenders: Vec<Contender<'_>>) -> Table {
    Comparison::new("title", Unit::PerSecond, contenders)
        .run("name", 2)
        .remove(0)
}

fn outcome(table: &Table, line: usize) -> &Outcome {
    &table.lines[line].outcome
}
