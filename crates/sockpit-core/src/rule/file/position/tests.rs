use proptest::prelude::*;

use super::{Position, place_in_string};

#[test]
fn columns_count_characters_and_lines_begin_after_each_newline() {
    let at = |source: &str, offset| {
        let Position { line, column } = Position::of(source, offset);
        (line, column)
    };
    assert_eq!(at("", 0), (1, 1));
    assert_eq!(at("ab\nc", 1), (1, 2));
    assert_eq!(at("ab\nc", 3), (2, 1));
    assert_eq!(at("你好=1\r\n你x", "你好=1\r\n你".len()), (2, 2));
    assert_eq!(at("ab", 99), (1, 3));
}

#[test]
fn a_byte_of_a_string_is_found_in_its_source() {
    let check = |raw: &str, offset: usize, expected: &str| {
        assert_eq!(
            &raw[place_in_string(raw, offset)..],
            expected,
            "{raw} at {offset}"
        );
    };
    check("'abc'", 1, "bc'");
    check(r"'a\tc'", 2, r"tc'");
    check(r#""a\tc""#, 2, r#"c""#);
    check(r#""\u4F60c""#, 3, r#"c""#);
    check(r#""\U0001F600c""#, 4, r#"c""#);
    check(r#""\x41c""#, 1, r#"c""#);
    check("'''\nab'''", 1, "b'''");
    check("\"\"\"\r\nab\"\"\"", 1, "b\"\"\"");
    check("\"\"\"a\\\n   b\"\"\"", 1, "b\"\"\"");
    check("'ab'", 99, "");
}

proptest! {
    #[test]
    fn every_place_in_what_is_quoted_leads_to_its_character(text in "[a-c\"\\\\\n\té你]{0,12}") {
        let raw = toml::Value::String(text.clone()).to_string();
        for (offset, character) in text.char_indices() {
            let rest = &raw[place_in_string(&raw, offset)..];
            prop_assert!(rest.starts_with(character) || rest.starts_with('\\'), "{} {}", raw, offset);
        }
    }
}
