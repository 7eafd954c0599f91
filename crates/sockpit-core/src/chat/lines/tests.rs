use proptest::prelude::*;

use super::*;

fn cut(limit: usize, pieces: &[&str]) -> Vec<(String, bool)> {
    let (mut lines, mut cuts) = (Lines::new(limit), Vec::new());
    for piece in pieces {
        lines.push(piece, &mut cuts);
    }
    cuts.extend(lines.finish());
    cuts.into_iter().map(|cut| (cut.text, cut.is_cut)).collect()
}

fn check(pieces: &[&str], expected: &[&str]) {
    let texts: Vec<String> = cut(9, pieces).into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, expected);
}

#[test]
fn a_line_ends_as_netcat_windows_and_telnet_end_it() {
    check(&["a\nb\r\nc\r\0d\0e\rf\n"], &["a", "b", "c", "d\0e\rf"]);
    check(&["a\r", "\nb\r", "\0", "c\r"], &["a", "b", "c"]);
    check(&["\n\n", "", "\r\n"], &["", "", ""]);
}

#[test]
fn the_last_line_needs_no_end() {
    check(&["a\nb"], &["a", "b"]);
    check(&["a\n"], &["a"]);
    check(&[], &[]);
}

#[test]
fn a_byte_order_mark_begins_no_line() {
    check(&["", "\u{feff}a\n\u{feff}b\n"], &["a", "\u{feff}b"]);
}

#[test]
fn b1_a_line_is_no_longer_than_its_limit() {
    let cuts = cut(
        4,
        &["abcd\nabcd\r\nabcde\nab", &"c".repeat(1 << 16), "\r\nx\n"],
    );
    let expected = [
        ("abcd", false),
        ("abcd", false),
        ("abcd", true),
        ("abcc", true),
        ("x", false),
    ];
    assert_eq!(
        cuts,
        expected.map(|(text, is_cut)| (text.to_owned(), is_cut))
    );
    // No character is cut in two.
    assert_eq!(cut(4, &["你好\n"]), [("你".to_owned(), true)]);
}

proptest! {
    #[test]
    fn lines_do_not_depend_on_the_pieces(
        pieces in proptest::collection::vec("[ab你\r\n\0]{0,6}", 0..8),
        limit in 0_usize..9,
    ) {
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        let whole = pieces.concat();
        prop_assert_eq!(cut(limit, &pieces), cut(limit, &[&whole]));
    }
}
