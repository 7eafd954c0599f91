use super::super::File;
use super::{ENGLISH, check};

/// What is found of a source beside a catalogue, as messages.
fn findings(catalogue: &str, source: &str) -> Vec<String> {
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let files = [
        file(ENGLISH, catalogue),
        file("crates/sockpit-core/src/plan.rs", source),
    ];
    let mut findings = Vec::new();
    check(&files, &mut findings);
    findings.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check_missing(source: &str, sentence: &str) {
    let found = findings("", source);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        finding.contains(&format!("`{sentence}` has no entry")),
        "{finding}"
    );
}

#[track_caller]
fn check_silent(source: &str) {
    assert_eq!(findings("", source), [""; 0]);
}

#[test]
fn an_error_without_an_entry_is_found() {
    check_missing(
        "#[error(\"the port {port} is taken\")]\nstruct A;\n",
        "the port {port} is taken",
    );
    check_missing("fn a() { say(\"nobody is there\"); }\n", "nobody is there");
    check_missing(
        "fn a() { format!(\"{a} waits for {b}\"); }\n",
        "{a} waits for {b}",
    );
    check_missing(
        "fn a() { b(\"over two \\\n    lines\"); }\n",
        "over two lines",
    );
}

#[test]
fn what_no_user_reads_needs_no_entry() {
    check_silent("fn a() { b.expect(\"the invariant holds\"); }\n");
    check_silent("#[arg(long, value_name = \"ONE TWO\")]\nstruct A;\n");
    check_silent("fn a() { b(\"NICK TEXT\"); }\n");
    check_silent("fn a() { b(\"word\", \"{a} {b}\", \"x-y\", \"`in a b`\"); }\n");
    check_silent(
        "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c(\"not for people\"); }\n}\n",
    );
}

#[test]
fn words_to_be_typed_need_no_entry_but_what_they_do_does() {
    check_missing(
        "const A: [(&str, &str); 1] = [(\"text contains \", \"has it in them\")];\n",
        "has it in them",
    );
    check_missing("fn a() { b(\"nobody is there \"); }\n", "nobody is there");
}

#[test]
fn what_stands_after_an_attribute_with_a_body_is_told() {
    check_missing(
        "#[derive(Clone)]\nenum A { B }\nfn c() -> Vec<&'static str> { vec![\"no such thing\"] }\n",
        "no such thing",
    );
}

#[test]
fn places_are_the_same_whatever_they_are_called() {
    let catalogue = "[a]\nb = \"the port {number} is taken\"\n";
    assert_eq!(
        findings(catalogue, "fn a() { b(\"the port {} is taken\"); }\n"),
        [""; 0]
    );
}

#[test]
fn a_label_is_no_part_of_an_entry() {
    assert_eq!(
        findings(
            "[a]\nb = \"nobody is there\"\n",
            "fn a() { b(\"warning: nobody is there\"); }\n"
        ),
        [""; 0]
    );
}

#[test]
fn an_entry_that_nobody_tells_is_found() {
    let found = findings("[a]\nb = \"nobody says this\"\n", "fn a() {}\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("`a.b` is told by nobody"), "{found:?}");
    assert_eq!(
        findings("[clap]\nb = \"nobody says this\"\n", "fn a() {}\n"),
        [""; 0]
    );
}
