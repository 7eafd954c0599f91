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
        table.lines().nth(2),
        Some("| ours | 20/s | 10/s | 30/s | | | |")
    );
}

#[test]
fn a_program_that_is_not_there_misses_no_target() {
    let table = table(done(&[1.0]), Outcome::Absent, Target::RatioAtLeast(1.5));
    assert!(table.is_met());
    assert_eq!(
        table.to_string().lines().last(),
        Some("| theirs | not installed | | | | at least 1.5 | |")
    );
}

#[test]
fn a_program_that_fails_proves_no_target() {
    let broken = Outcome::Failed("broken".to_owned());
    let table = table(done(&[1.0]), broken, Target::RatioAtLeast(1.5));
    assert!(!table.is_met());
    assert_eq!(
        table.to_string().lines().last(),
        Some("| theirs | broken | | | | at least 1.5 | **no** |")
    );
}

#[test]
fn without_our_own_figure_no_target_is_met() {
    let broken = Outcome::Failed("broken".to_owned());
    let table = table(broken, done(&[1.0]), Target::RatioAtMost(1.5));
    assert_eq!(table.verdict(&table.lines[1]), Some(false));
    let table = Table {
        lines: table.lines[..1].to_vec(),
        ..table
    };
    assert!(!table.is_met());
}

#[test]
fn a_limit_holds_for_the_figure_itself() {
    for (figure, is_met) in [(4096.0, true), (4097.0, false)] {
        let mut table = table(done(&[figure]), Outcome::Absent, Target::RatioAtLeast(1.0));
        table.lines[0].target = Some(Target::AtMost(4096.0));
        table.unit = Unit::Bytes;
        assert_eq!(table.is_met(), is_met, "{figure}");
    }
}

#[test]
fn agreement_has_two_sides() {
    for (theirs, is_met) in [(1.0, true), (1.2, false), (0.9, true), (0.8, false)] {
        let table = table(done(&[1.0]), done(&[theirs]), Target::RatioWithin(0.15));
        assert_eq!(table.is_met(), is_met, "{theirs}");
    }
}

#[test]
fn figures_are_told_in_units_that_suit_them() {
    for (unit, figure, told) in [
        (Unit::PerSecond, 1_234_567.4, "1,234,567/s"),
        (Unit::Bytes, 123.0, "123 B"),
        (Unit::Bytes, -1234.0, "-1,234 B"),
        (Unit::Packets, 0.0, "0"),
        (Unit::Seconds, 0.0, "0 s"),
        (Unit::Seconds, 2.5, "2.50 s"),
        (Unit::Seconds, 0.001_18, "1.18 ms"),
        (Unit::Seconds, 7e-6, "7.00 µs"),
        (Unit::Seconds, 2.5e-10, "0.25 ns"),
        (Unit::BytesPerSecond, 7.29e9, "7.29 GB/s"),
        (Unit::Share, 0.3, "30.0 %"),
    ] {
        assert_eq!(unit.show(figure), told);
    }
}

#[test]
fn a_table_survives_json() {
    let table = table(done(&[1.5]), Outcome::Absent, Target::RatioWithin(0.15));
    let text = serde_json::to_string(&table).unwrap();
    assert_eq!(serde_json::from_str::<Table>(&text).unwrap(), table);
}

/// The table of two programs with these figures, run by run.
fn compare(ours: &[f64], theirs: &[f64], least: f64) -> String {
    table(done(ours), done(theirs), Target::RatioAtLeast(least)).to_string()
}

fn done(figures: &[f64]) -> Outcome {
    Outcome::Done(figures.to_vec())
}

fn table(ours: Outcome, theirs: Outcome, target: Target) -> Table {
    Table {
        name: "name".to_owned(),
        title: "title".to_owned(),
        unit: Unit::PerSecond,
        lines: vec![
            Line::new("ours", None, ours),
            Line::new("theirs", Some(target), theirs),
        ],
    }
}
