use super::*;

#[test]
fn the_ratio_is_the_median_of_the_pairs() {
    // The pairs are 2, 4 and 1; the ratio of the medians would be 2.5.
    let table = compare(&[20.0, 40.0, 50.0], &[10.0, 10.0, 50.0], 2.0);
    assert_eq!(
        table.lines().last(),
        Some("| theirs | 10/s | 10/s | 50/s | 2.00 | at least 2 | yes |")
    );
}

#[test]
fn a_missed_target_shows() {
    let table = compare(&[10.0], &[10.0], 1.5);
    assert_eq!(
        table.lines().last(),
        Some("| theirs | 10/s | 10/s | 10/s | 1.00 | at least 1.5 | **no** |")
    );
}

#[test]
fn the_first_line_is_ours_and_has_no_ratio() {
    let table = compare(&[10.0, 30.0], &[10.0, 10.0], 1.5);
    assert_eq!(
        table.lines().nth(4),
        Some("| ours | 20/s | 10/s | 30/s | | | |")
    );
}

#[test]
fn a_program_that_is_not_there_misses_no_target() {
    let absent = || Err(io::ErrorKind::NotFound.into());
    let table = comparison(vec![
        Contender::new("ours", || Ok(1.0)),
        Contender::new("theirs", absent).with_target(Target::RatioAtLeast(1.5)),
    ]);
    let table = table.run(2).unwrap();
    assert!(table.is_met());
    assert_eq!(
        table.to_string().lines().last(),
        Some("| theirs | not installed | | | | at least 1.5 | |")
    );
}

#[test]
fn a_program_that_fails_proves_no_target() {
    let broken = || Err(io::Error::other("broken"));
    let table = comparison(vec![
        Contender::new("ours", || Ok(1.0)),
        Contender::new("theirs", broken).with_target(Target::RatioAtLeast(1.5)),
    ]);
    let table = table.run(2).unwrap();
    assert!(!table.is_met());
    assert_eq!(
        table.to_string().lines().last(),
        Some("| theirs | broken | | | | at least 1.5 | **no** |")
    );
}

#[test]
fn a_failure_of_ours_is_an_error() {
    let broken = || Err(io::Error::other("broken"));
    let table = comparison(vec![Contender::new("ours", broken)]);
    assert!(table.run(1).is_err());
}

#[test]
fn a_limit_holds_for_the_figure_itself() {
    for (figure, is_met) in [(4095.0, true), (4096.0, false)] {
        let ours = Contender::new("ours", || Ok(figure)).with_target(Target::Below(4096.0));
        assert_eq!(comparison(vec![ours]).run(1).unwrap().is_met(), is_met);
    }
}

#[test]
fn every_other_run_goes_backwards() {
    let order = std::cell::RefCell::new(String::new());
    let note = |letter| {
        order.borrow_mut().push(letter);
        Ok(1.0)
    };
    comparison(vec![
        Contender::new("ours", || note('a')),
        Contender::new("theirs", || note('b')),
    ])
    .run(3)
    .unwrap();
    assert_eq!(*order.borrow(), "abbaab");
}

/// The table of two programs with these figures, run by run.
fn compare(ours: &[f64], theirs: &[f64], least: f64) -> String {
    let table = comparison(vec![
        Contender::new("ours", replay(ours)),
        Contender::new("theirs", replay(theirs)).with_target(Target::RatioAtLeast(least)),
    ]);
    table.run(ours.len()).unwrap().to_string()
}

/// A program that gives these figures, one a run.
fn replay(figures: &[f64]) -> impl FnMut() -> io::Result<f64> + '_ {
    let mut figures = figures.iter().copied();
    move || Ok(figures.next().expect("a figure a run"))
}

fn comparison(contenders: Vec<Contender<'_>>) -> Comparison<'_> {
    Comparison {
        title: "title".to_owned(),
        unit: Unit::PerSecond,
        contenders,
    }
}
