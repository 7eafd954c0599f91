use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn units(texts: &[&str]) -> Vec<Unit> {
    let mut offset = 0;
    let unit = |(index, text): (usize, &&str)| {
        let start = offset;
        offset += text.len() as u64;
        Unit {
            time: Duration::from_secs(index as u64),
            offset: start,
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    };
    texts.iter().enumerate().map(unit).collect()
}

/// What is told, with `-` for what is missing, `+` for what is more, and the place of what differs.
#[track_caller]
fn check(expected: &[&str], came: &[&str], ignore: &[&str], told: &[&str]) {
    let mut ignored = Ignore::default();
    for pattern in ignore {
        ignored.add(pattern).expect("the pattern is one");
    }
    let text = |unit: &Unit| String::from_utf8_lossy(&unit.bytes).into_owned();
    let found = compare(&units(expected), &units(came), &ignored, None);
    let found: Vec<String> = found
        .iter()
        .map(|difference| match difference {
            Difference::Changed { expected, came, at } => {
                format!("{}|{}@{}:{}", text(expected), text(came), at.0, at.1)
            }
            Difference::Missing(unit) => format!("-{}", text(unit)),
            Difference::Extra(unit) => format!("+{}", text(unit)),
            Difference::Moved { expected, came } => format!("{}~{}", text(expected), text(came)),
        })
        .collect();
    assert_eq!(found, told);
}

#[test]
fn what_is_missing_more_or_changed_is_told_in_its_place() {
    check(&["a", "b", "c"], &["a", "b", "c"], &[], &[]);
    check(&["a", "b", "c"], &["a", "c"], &[], &["-b"]);
    check(&["a", "c"], &["a", "b", "c"], &[], &["+b"]);
    check(
        &["a", "bcd", "c"],
        &["a", "bxd", "c"],
        &[],
        &["bcd|bxd@1:1"],
    );
    check(&["ab"], &["abc"], &[], &["ab|abc@2:2"]);
    check(&[], &["x"], &[], &["+x"]);
    check(&["x", "y"], &[], &[], &["-x", "-y"]);
    check(
        &["a", "b", "c", "d"],
        &["b", "c", "x", "d"],
        &[],
        &["-a", "+x"],
    );
}

#[test]
fn what_is_ignored_may_have_another_length() {
    check(&["n=1 ok"], &["n=1000 ok"], &[r"n=\d+"], &[]);
    check(
        &["n=1 ok"],
        &["n=1000 no"],
        &[r"re:n=\d+"],
        &["n=1 ok|n=1000 no@4:7"],
    );
    check(&["ok"], &["n=1 ok"], &[r"n=\d+ "], &["ok|n=1 ok@0:0"]);
    check(&["\u{1}x\r"], &["\u{1}y\r"], &["hex:01 ?? 0D"], &[]);
    check(&["a1b2c"], &["a9b8c"], &["[0-9]", "b"], &[]);
    check(&["hi\r\n"], &["ho\r\n"], &["^h.$"], &[]);
    check(
        &["Date: 1\r\n"],
        &["Date: 22\n"],
        &["Date:.*"],
        &["Date: 1\r\n|Date: 22\n@7:8"],
    );
}

#[test]
fn a_byte_ff_is_not_taken_for_what_is_ignored() {
    let unit = |bytes: &'static [u8]| Unit {
        time: Duration::ZERO,
        offset: 0,
        bytes: Bytes::from_static(bytes),
    };
    let mut ignore = Ignore::default();
    ignore.add("hex:00").expect("the pattern is one");
    let found = compare(&[unit(b"\xff\x01")], &[unit(b"\x00")], &ignore, None);
    assert_eq!(found.len(), 1);
}

#[test]
fn times_count_only_where_they_are_asked_for() {
    let (expected, mut came) = (units(&["a", "b"]), units(&["a", "b"]));
    came[1].time = Duration::from_millis(1_200);
    let told = |tolerance| compare(&expected, &came, &Ignore::default(), tolerance).len();
    assert_eq!(told(None), 0);
    assert_eq!(told(Some(Duration::from_millis(200))), 0);
    assert_eq!(told(Some(Duration::from_millis(199))), 1);
}

#[test]
fn very_long_conversations_are_compared_in_little_memory() {
    let left: Vec<String> = (0..3_000).map(|index| format!("a{index}")).collect();
    let right: Vec<String> = (0..3_000).map(|index| format!("b{index}")).collect();
    let of = |texts: &[String]| units(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let found = compare(&of(&left), &of(&right), &Ignore::default(), None);
    assert_eq!(found.len(), 3_000);
}

proptest! {
    #[test]
    fn both_sides_can_be_made_of_what_is_told(
        left in proptest::collection::vec("[ab]{0,2}", 0..12),
        right in proptest::collection::vec("[ab]{0,2}", 0..12),
    ) {
        let of = |texts: &[String]| units(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let (left, right) = (of(&left), of(&right));
        let found = compare(&left, &right, &Ignore::default(), None);
        let (mut missing, mut extra) = (0, 0);
        for difference in &found {
            match difference {
                Difference::Changed { expected, came, .. } => {
                    prop_assert_ne!(&expected.bytes, &came.bytes);
                    (missing, extra) = (missing + 1, extra + 1);
                }
                Difference::Missing(_) => missing += 1,
                Difference::Extra(_) => extra += 1,
                Difference::Moved { .. } => prop_assert!(false, "no time was compared"),
            }
        }
        // What is not told is the same on both sides.
        prop_assert_eq!(left.len() - missing, right.len() - extra);
        prop_assert_eq!(found.is_empty(), left.iter().map(|it| &it.bytes).eq(right.iter().map(|it| &it.bytes)));
    }
}
