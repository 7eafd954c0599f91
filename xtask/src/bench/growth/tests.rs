use super::*;

#[test]
fn points_are_put_together_by_their_number() {
    let tables = [
        table("echo-100", &[("ours", 10.0), ("theirs", 20.0)]),
        table("echo-10", &[("ours", 20.0), ("theirs", 25.0)]),
        table("echo-10-p99", &[("ours", 1.0)]),
        table("echo-1", &[("ours", 1.0)]),
    ];
    let growths = among(&tables);
    let [growth] = &growths[..] else {
        panic!("{growths:?}");
    };
    assert_eq!(growth.numbers, [10, 100]);
    assert_eq!(growth.curves[0].costs, [0.05, 0.1]);
    assert_eq!(growth.curves[1].costs, [0.04, 0.05]);
}

#[test]
fn one_point_is_no_growth() {
    assert_eq!(among(&[table("echo-10", &[("ours", 1.0)])]), []);
}

#[test]
fn a_program_without_a_figure_somewhere_has_no_curve() {
    let mut tables = [
        table("echo-10", &[("ours", 1.0), ("theirs", 1.0)]),
        table("echo-100", &[("ours", 1.0), ("theirs", 1.0)]),
    ];
    tables[1].lines[1].outcome = Outcome::Absent;
    assert_eq!(among(&tables)[0].curves.len(), 1);
    assert!(!among(&tables)[0].is_met());
}

#[test]
fn a_rise_is_counted_from_the_lowest_point_before_it() {
    for (costs, rise) in [
        (&[1.0, 1.0][..], 1.0),
        (&[4.0, 2.0, 1.0], 1.0),
        (&[4.0, 1.0, 3.0, 2.0], 3.0),
    ] {
        let curve = Curve {
            name: String::new(),
            costs: costs.to_vec(),
        };
        assert_eq!(curve.rise(), rise, "{costs:?}");
    }
}

#[test]
fn our_rise_is_measured_by_the_references() {
    for (ours, is_met) in [(0.8, true), (0.45, true), (0.35, false)] {
        let tables = [
            table("echo-10", &[("ours", 1.0), ("theirs", 1.0)]),
            table("echo-100", &[("ours", ours), ("theirs", 0.5)]),
        ];
        assert_eq!(among(&tables)[0].is_met(), is_met, "{ours}");
    }
}

#[test]
fn a_table_without_a_target_is_but_a_point() {
    let mut point = table("echo-10", &[("ours", 1.0)]);
    assert!(is_point(&point));
    point.lines[0].target = Some(super::super::table::Target::AtMost(1.0));
    assert!(!is_point(&point));
    assert!(!is_point(&table("bulk", &[("ours", 1.0)])));
}

/// A table of rates.
fn table(name: &str, lines: &[(&str, f64)]) -> Table {
    Table {
        name: name.to_owned(),
        title: String::new(),
        unit: Unit::PerSecond,
        lines: lines
            .iter()
            .map(|(name, figure)| Line::new(name, None, Outcome::Done(vec![*figure])))
            .collect(),
    }
}
