use super::*;

#[test]
fn the_kernel_is_told_by_its_number_alone() {
    let machine = machine();
    let (_, kernel) = machine.rsplit_once(", Linux ").unwrap();
    assert!(
        kernel.chars().all(|c| c == '.' || c.is_ascii_digit()),
        "{kernel}"
    );
}

#[test]
fn a_version_is_found_among_other_words() {
    for (word, expected) in [
        ("1.219-1)", Some("1.219")),
        ("v4.1.0-3+b2", Some("4.1.0")),
        ("debian/4.1.0-3+b2", Some("4.1.0")),
        ("7.93", Some("7.93")),
        ("3.7-no.git", Some("3.7")),
        ("netcat", None),
        ("2023", None),
        ("...", None),
        ("(https://nmap.org/ncat", None),
    ] {
        assert_eq!(number(word), expected, "{word}");
    }
}
