use super::super::table::{Line, Outcome, Target, Unit};
use super::*;

#[test]
fn what_stands_between_the_marks_is_replaced_and_nothing_else() {
    let page = format!("before\n{BEGIN}old\n{END}after\n");
    let expected = format!("before\n{BEGIN}new\n{END}after\n");
    assert_eq!(replaced(&page, "new\n"), Some(expected));
    assert_eq!(replaced("a page without marks", "new\n"), None);
}

#[test]
fn the_page_has_a_place_for_what_is_measured() {
    let page = fs::read_to_string(crate::root().join(PAGE)).unwrap();
    assert!(replaced(&page, "").is_some());
}

#[test]
fn figures_survive_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("figures.json");
    let report = report(&["bulk", "echo-50"]);
    report.save(&path).unwrap();
    assert_eq!(Report::read(&path).unwrap(), report);
}

#[test]
fn a_table_takes_the_place_of_its_predecessor_and_all_stand_in_order() {
    let mut report = report(&["echo-50", "bulk", "echo-50-p99", "echo-5"]);
    let mut newer = table("bulk");
    newer.title = "newer".to_owned();
    report.put(newer);
    report.sort_by(&["bulk", "echo-5", "echo-50"]);
    let names: Vec<_> = report.tables.iter().map(|table| &*table.name).collect();
    assert_eq!(names, ["bulk", "echo-5", "echo-50", "echo-50-p99"]);
    assert_eq!(report.tables[0].title, "newer");
}

#[test]
fn every_table_has_its_picture_in_the_text_and_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let report = report(&["bulk", "frame-1"]);
    report.draw(folder.path()).unwrap();
    assert!(folder.path().join("bench-bulk.svg").exists());
    let text = report.text();
    assert!(text.contains("### title of bulk\n\n![title of bulk](picture/bench-bulk.svg)\n"));
    assert!(text.contains("| bulk | theirs | 0.50 | at least 1 | **no** |"));
    assert!(!report.is_met());
}

fn report(names: &[&str]) -> Report {
    Report {
        commands: vec!["cargo xtask bench".to_owned()],
        machine: "2 cores".to_owned(),
        programs: "nc 1".to_owned(),
        tables: names.iter().map(|name| table(name)).collect(),
    }
}

fn table(name: &str) -> Table {
    let line = |name, target, figure| Line::new(name, target, Outcome::Done(vec![figure]));
    Table {
        name: name.to_owned(),
        title: format!("title of {name}"),
        unit: Unit::PerSecond,
        lines: vec![
            line("ours", None, 1.0),
            line("theirs", Some(Target::RatioAtLeast(1.0)), 2.0),
        ],
    }
}
