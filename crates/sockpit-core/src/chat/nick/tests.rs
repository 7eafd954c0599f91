use proptest::prelude::*;

use super::*;

#[test]
fn a_name_is_the_same_in_either_case_and_however_its_accent_is_written() {
    for (one, other) in [
        ("Anna", "aNNA"),
        ("Ren\u{e9}", "RENE\u{301}"),
        ("Straße", "STRASSE"),
        (" 小明 ", "小明"),
        ("ΣΑΣ", "σας"),
    ] {
        assert_eq!(Name::new(one), Name::new(other), "{one} {other}");
    }
    assert_ne!(Name::new("anna"), Name::new("anna-2"));
}

#[test]
fn what_could_mislead_is_no_name() {
    for text in [
        "a b",
        "a\tb",
        "a\u{3000}b",
        "a:b",
        "a@b",
        "#a",
        "/a",
        "a\\x1b",
        "a\x1b[2J",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{feff}",
        "a\u{9b}31m",
        "a\u{2800}",
        "a\u{1d159}",
        "a\u{fe0f}",
        "\u{301}a",
        "a\0",
    ] {
        assert!(
            matches!(Name::new(text), Err(NameError::Character(_))),
            "{text:?}"
        );
    }
    assert_eq!(Name::new(" \t"), Err(NameError::Empty));
    assert_eq!(Name::new(&"a".repeat(33)), Err(NameError::Long));
    assert_eq!(Name::new(&"a".repeat(1 << 20)), Err(NameError::Long));
    assert_eq!(
        Name::new("a\u{1b}").unwrap_err().to_string(),
        "a name has no `\\x1b`"
    );
}

#[test]
fn a_number_keeps_a_name_within_its_length() {
    let name = Name::new(&"长".repeat(32)).unwrap();
    let numbered = name.numbered(12);
    assert_eq!(numbered.as_str(), format!("{}-12", "长".repeat(29)));
    assert_eq!(Name::new("a").unwrap().numbered(2).as_str(), "a-2");
}

proptest! {
    #[test]
    fn a_name_is_a_name_again(text in ".{0,40}") {
        if let Ok(name) = Name::new(&text) {
            let again = Name::new(name.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), name.as_str());
            prop_assert_eq!(again, name);
        }
    }
}
