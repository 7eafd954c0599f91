use super::*;
use crate::bench::growth::{Curve, Growth};
use crate::bench::table::Target;

#[test]
fn a_bar_is_as_long_as_its_median_and_the_longest_run_fills_the_width() {
    let picture = bars(&table(&[1.0, 2.0, 4.0]));
    // The median is half of the most.
    let half = (BARS.1 - BARS.0) / 2.0;
    assert!(
        picture.contains(&format!("width=\"{half}\" height=\"18\"")),
        "{picture}"
    );
    assert!(picture.contains(&format!("x2=\"{}\"", BARS.1)), "{picture}");
}

#[test]
fn a_ratio_stands_beside_its_target_with_a_mark() {
    let picture = bars(&table(&[1.0]));
    assert!(picture.contains("✗ × 0.50, at least 0.95"), "{picture}");
    assert!(picture.contains("&lt;theirs&gt;"), "{picture}");
}

#[test]
fn a_failure_says_why_in_the_place_of_its_bar() {
    let mut table = table(&[1.0]);
    table.lines[0].outcome = Outcome::Failed("it fell silent".to_owned());
    table.lines[1].outcome = Outcome::Absent;
    let picture = bars(&table);
    assert!(picture.contains(">it fell silent</text>"), "{picture}");
    assert!(picture.contains(">not installed</text>"), "{picture}");
    assert!(
        !picture.contains("NaN") && !picture.contains("inf"),
        "{picture}"
    );
}

#[test]
fn nothing_at_all_is_no_bar() {
    let picture = bars(&table(&[0.0]));
    assert!(picture.contains("width=\"0\" height=\"18\""), "{picture}");
}

#[test]
fn a_growth_has_a_line_a_program_within_the_picture() {
    for costs in [vec![1e-6, 1.1e-6], vec![1e-3, 1e-9], vec![0.0, 0.0]] {
        let growth = Growth {
            name: "growth",
            title: "title",
            count: "bytes",
            numbers: vec![10, 10_000],
            curves: vec![
                Curve {
                    name: "ours".to_owned(),
                    costs: costs.clone(),
                },
                Curve {
                    name: "theirs".to_owned(),
                    costs,
                },
            ],
        };
        let picture = lines(&growth);
        assert_eq!(picture.matches("<path").count(), 2);
        assert_eq!(picture.matches("<circle").count(), 4);
        assert!(
            picture.contains(">10,000</text>") && !picture.contains("\"-"),
            "{picture}"
        );
    }
}

/// Ours with these figures beside one that is twice as good.
fn table(figures: &[f64]) -> Table {
    Table {
        name: "name".to_owned(),
        title: "title".to_owned(),
        unit: Unit::PerSecond,
        lines: vec![
            Line::new("ours", None, Outcome::Done(figures.to_vec())),
            Line::new(
                "<theirs>",
                Some(Target::RatioAtLeast(0.95)),
                Outcome::Done(figures.iter().map(|figure| figure * 2.0).collect()),
            ),
        ],
    }
}
