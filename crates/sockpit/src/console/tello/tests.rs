use super::*;

#[test]
fn a_row_is_as_wide_as_its_prompt_whatever_it_holds() {
    for (text, row) in [
        ("", "    "),
        ("ab", "ab  "),
        ("abcdef", "abcd"),
        ("\x1b[31mabcdef\x1b[0m", "\x1b[31mabcd\x1b[0m"),
        ("电池电", "电池"),
        ("a电池", "a电 "),
    ] {
        assert_eq!(cut(text, 4), row, "{text}");
    }
}

#[test]
fn a_prompt_keeps_its_rows_and_its_last_one() {
    assert_eq!(fit("    \n    \n> ", &["ab".to_owned()]), "ab  \n    \n> ");
    assert_eq!(fit("> ", &["ab".to_owned()]), "> ");
}

#[test]
fn the_sticks_stand_where_they_were_put() {
    assert_eq!(field(0, 0), ["   |   ", "---O---", "   |   "]);
    assert_eq!(field(-40, 100), ["O  |   ", "---+---", "   |   "]);
    assert_eq!(field(1, -1), ["   |   ", "---+---", "   |  O"]);
}
