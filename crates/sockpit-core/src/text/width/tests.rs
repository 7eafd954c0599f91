use proptest::prelude::*;

use super::*;

#[test]
fn an_ideograph_takes_two_columns_and_a_mark_none() {
    for (text, columns) in [
        ("", 0),
        ("abc", 3),
        ("你好", 4),
        ("e\u{301}", 1),
        ("ｆｕ", 4),
    ] {
        assert_eq!(width(text), columns, "{text}");
    }
}

#[test]
fn padding_counts_columns() {
    assert_eq!(pad("你", 4), "你  ");
    assert_eq!(pad("abcd", 4), "abcd");
    assert_eq!(pad("abcde", 4), "abcde");
    assert_eq!(pad("", 2), "  ");
}

#[test]
fn what_was_cut_is_marked() {
    assert_eq!(truncate("abcd", 4), "abcd");
    assert_eq!(truncate("abcde", 4), "abc…");
    assert_eq!(truncate("你好世界", 6), "你好…");
    assert_eq!(truncate("你好世界", 7), "你好世…");
    assert_eq!(truncate("abc", 1), "…");
    assert_eq!(truncate("abc", 0), "");
}

proptest! {
    #[test]
    fn a_cut_text_fits(text in any::<String>(), emoji in "[a你❤😀👩\u{fe0f}\u{200d}\u{301}ﻻلا]{0,12}", columns in 0..20usize) {
        for text in [text, emoji] {
            prop_assert!(width(&truncate(&text, columns)) <= columns, "{:?}", text);
            prop_assert!(width(&pad(&text, columns)) >= columns);
        }
    }
}
