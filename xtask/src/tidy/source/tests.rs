use super::lines;

/// Asserts the code, text and comment of a source of one line.
#[track_caller]
fn check(source: &str, code: &str, text: &str, comment: &str) {
    let lines = lines(source);
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!(
        (&*line.code, &*line.text, &*line.comment),
        (code, text, comment)
    );
}

#[test]
fn comments_are_not_code() {
    check("a(); // b", "a(); ", "", "// b");
    check("a /* b /* c */ d */ e", "a  e", "", "/* b /* c */ d */");
    check("//! \"a", "", "", "//! \"a");
}

#[test]
fn strings_are_not_code() {
    check(r#"f("a // b", c)"#, r#"f("", c)"#, "a // b", "");
    check(r#"f("a\"b\\", c)"#, r#"f("", c)"#, r#"a\"b\\"#, "");
    check(r##"f(br#"a"b"#, c)"##, r#"f(b"", c)"#, "a\"b", "");
    check(r#"for"a""#, r#"for"""#, "a", "");
}

#[test]
fn characters_are_not_strings_and_lifetimes_not_characters() {
    check(r#"a('"', b"c")"#, r#"a('', b"")"#, "c", "");
    check(r#"a('\'', "b")"#, r#"a('', "")"#, "b", "");
    check(r#"a('\u{1F600}', "b")"#, r#"a('', "")"#, "b", "");
    check(
        "fn a<'b>(c: &'b str) // d",
        "fn a<'b>(c: &'b str) ",
        "",
        "// d",
    );
}

#[test]
fn what_goes_over_a_line_stays_what_it_is() {
    let lines = lines("let a = \"b\n  c\\\n d\"; e();\n/* f\ng */ h();\n");
    let codes: Vec<_> = lines.iter().map(|line| &*line.code).collect();
    assert_eq!(codes, ["let a = \"", "", "\"; e();", "", " h();"]);
    assert_eq!(lines[1].text, "  c\\");
}
