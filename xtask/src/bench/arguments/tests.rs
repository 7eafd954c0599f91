use super::*;

const KNOWN: [&str; 4] = ["bulk", "echo-1", "echo-50", "udp"];

#[test]
fn without_words_everything_is_measured_seven_times() {
    let arguments = parse("").unwrap();
    assert_eq!(
        (arguments.runs, arguments.size_mib, arguments.time),
        (7, 2048, Duration::from_secs(2))
    );
    assert!(KNOWN.iter().all(|name| arguments.wants(name)));
}

#[test]
fn names_and_options_come_in_any_order() {
    let arguments = parse("bulk --runs 3 udp --size 64 --seconds 0.5 --write").unwrap();
    assert_eq!(arguments.names, ["bulk", "udp"]);
    assert_eq!((arguments.runs, arguments.size_mib), (3, 64));
    assert_eq!(arguments.time, Duration::from_millis(500));
    assert!(arguments.is_written);
}

#[test]
fn a_command_tells_what_figures_depend_on_and_no_place() {
    let arguments = parse("bulk --program /a/b --json c --runs 3 --seconds 0.5 --write").unwrap();
    let command = "cargo xtask bench bulk --runs 3 --seconds 0.5 --size 2048";
    assert_eq!(arguments.command(), command);
}

#[test]
fn a_group_is_called_by_how_its_names_begin() {
    let arguments = parse("echo").unwrap();
    assert!(arguments.wants("echo-1") && arguments.wants("echo-50"));
    assert!(!arguments.wants("udp"));
    let arguments = parse("echo-5").unwrap_err();
    assert!(arguments.starts_with("no benchmark is called `echo-5`"));
}

#[test]
fn with_figures_of_before_only_what_is_named_is_measured() {
    assert!(!parse("--from old.json").unwrap().wants("bulk"));
    let arguments = parse("--from old.json bulk").unwrap();
    assert!(arguments.wants("bulk") && !arguments.wants("udp"));
}

#[test]
fn an_unknown_name_is_told_the_known_ones() {
    assert_eq!(
        parse("ehco").unwrap_err(),
        "no benchmark is called `ehco`; there are bulk, echo-1, echo-50, udp"
    );
}

#[test]
fn an_option_without_its_value_is_a_mistake() {
    for (words, mistake) in [
        ("--runs", "`--runs` needs a number above 0"),
        ("--runs 0", "`--runs` needs a number above 0"),
        ("--size big", "`--size` needs a number above 0"),
        ("--seconds nan", "`--seconds` needs a number above 0"),
        ("--seconds 1e99", "`--seconds` does not go so far"),
        ("--json", "`--json` needs a path"),
    ] {
        assert_eq!(parse(words).unwrap_err(), mistake);
    }
}

fn parse(words: &str) -> Result<Arguments, String> {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    Arguments::parse(&words, &KNOWN)
}
