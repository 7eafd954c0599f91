use super::*;

fn extract(how: &str, lines: &str, most: usize) -> Extracted {
    let mut timeline = Timeline::default();
    for line in lines.split_inclusive('\n') {
        timeline.later(1).heard(line.as_bytes());
    }
    let history = history("lines", &timeline);
    let view = view(Look::default(), &history);
    let mut values = Values::new(how.parse().unwrap(), None, None, most);
    while !values.advance(&view, &history, 1) {}
    values.finish()
}

/// What each column holds.
fn columns(found: &Extracted) -> Vec<(&str, Vec<f64>)> {
    let column = |column: &'_ Column| column.points.iter().map(|point| point.1).collect();
    found
        .columns
        .iter()
        .map(|it| (it.name.as_str(), column(it)))
        .collect()
}

#[test]
fn groups_are_columns() {
    let found = extract(
        r"re:t=(?<t>[-\d.]+) h=(\d+)",
        "t=1.5 h=7\nx\nt=-2 h=8\n",
        10,
    );
    assert_eq!(
        columns(&found),
        [("t", vec![1.5, -2.0]), ("2", vec![7.0, 8.0])]
    );
    assert_eq!(found.skipped, 1);
    let found = extract(r"re:\d+", "a 12 b\n", 10);
    assert_eq!(columns(&found), [("0", vec![12.0])]);
}

#[test]
fn columns_of_a_table_are_parted_as_told() {
    let found = extract("csv:0,2", "1,x, 3\n\"4\",y,0x10\nz,,\n", 10);
    assert_eq!(
        columns(&found),
        [("0", vec![1.0, 4.0]), ("2", vec![3.0, 16.0])]
    );
    assert_eq!(found.skipped, 1);
    let found = extract("csv:1,;", "1;2\n", 10);
    assert_eq!(columns(&found), [("1", vec![2.0])]);
    let found = extract("csv:1,space", "1   2.5\n", 10);
    assert_eq!(columns(&found), [("1", vec![2.5])]);
}

#[test]
fn fields_are_found_by_name_or_pointer() {
    let found = extract(
        "json:temp,/a/1",
        "{\"temp\":20,\"a\":[1,\"2.5\"]}\nnonsense\n{\"temp\":null}\n",
        10,
    );
    assert_eq!(columns(&found), [("temp", vec![20.0]), ("/a/1", vec![2.5])]);
    assert_eq!(found.skipped, 2);
    let lines = "{\"in\":{\"deep\":[0,-1]}}\n{\"in.deep.1\":7}\n";
    let found = extract("json:in.deep.1", lines, 10);
    assert_eq!(columns(&found), [("in.deep.1", vec![-1.0, 7.0])]);
}

#[test]
fn extremes_outlive_thinning() {
    let mut lines = String::new();
    for at in 0..5000 {
        let number = match at {
            1234 => 999,
            4321 => -999,
            _ => at % 10,
        };
        lines.push_str(&format!("{number}\n"));
    }
    let found = extract(r"re:-?\d+", &lines, 100);
    let points = &found.columns[0].points;
    assert!(points.len() <= 100, "{}", points.len());
    assert!(points.iter().any(|point| point.1 == 999.0));
    assert!(points.iter().any(|point| point.1 == -999.0));
    assert!(points.is_sorted_by_key(|point| point.0));
}

#[test]
fn a_way_to_find_numbers_that_is_none_says_what_is_one() {
    for (text, part) in [
        ("t=5", "`t=5` finds no numbers"),
        ("csv:x1", "`x1` is no column"),
        ("csv:;,0", "is no column"),
        ("csv:", "is no column"),
        ("json:", "names no field"),
        ("re:(", "regular expression"),
    ] {
        let error = text.parse::<Extractor>().unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn amounts_are_summed_in_spans_of_time() {
    let mut timeline = Timeline::default();
    for _ in 0..10 {
        timeline.later(10).heard(b"ab\nc\n").sent(b"x\n");
    }
    let history = history("lines", &timeline);
    let (from, to) = (Time::from_nanos(5_000_000), Time::from_nanos(105_000_000));
    let series = history.series(Some(1), None, from, to, 10);
    assert_eq!(series.times.len(), 10);
    assert_eq!(series.bytes, [vec![5; 10], vec![2; 10]]);
    assert_eq!(series.count, [vec![1; 10], vec![1; 10]]);
    let view = view(Look::default(), &history);
    let series = view.series(&history, from, to, 5);
    assert_eq!(series.count, [vec![4; 5], vec![2; 5]]);
    assert_eq!(series.bytes, [vec![6; 5], vec![2; 5]]);
    let none = history.series(Some(2), None, to, from, 0);
    assert_eq!(none.bytes, [vec![0], vec![0]]);
}
