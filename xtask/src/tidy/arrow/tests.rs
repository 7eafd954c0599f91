use super::check;
use crate::tidy::File;

/// The messages about a manifest of package `name` with these further lines.
fn messages(name: &str, rest: &str) -> Vec<String> {
    let text = format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{rest}");
    let mut findings = Vec::new();
    check(
        &[File {
            path: format!("crates/{name}/Cargo.toml"),
            text,
        }],
        &mut findings,
    );
    findings
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn arrows_go_down() {
    let rest = "[dependencies]\nsockpit-core.workspace = true\nsockpit-sys.workspace = true\n\
                bytes.workspace = true\n";
    assert!(messages("sockpit-engine", rest).is_empty());
}

#[test]
fn an_arrow_up_is_refused_wherever_it_stands() {
    for rest in [
        "[dependencies]\nsockpit-engine.workspace = true\n",
        "[dev-dependencies]\nsockpit-engine = { path = \"../sockpit-engine\" }\n",
        "[target.'cfg(unix)'.dependencies]\nsockpit-engine.workspace = true\n",
        "[dependencies]\nbench = { package = \"sockpit-engine\", path = \"x\" }\n",
    ] {
        let messages = messages("sockpit-core", rest);
        assert_eq!(
            messages,
            ["`sockpit-core` may not use `sockpit-engine` (ARCHITECTURE.md)"]
        );
    }
}

#[test]
fn a_front_end_does_not_reach_the_system() {
    let rest = "[dependencies]\nsockpit-sys.workspace = true\n";
    assert_eq!(messages("sockpit-web", rest).len(), 1);
    assert_eq!(messages("sockpit", rest).len(), 1);
}

#[test]
fn only_its_crate_has_a_reach() {
    for (name, reach) in [
        ("sockpit-core", "tokio"),
        ("sockpit-engine", "libc"),
        ("sockpit-engine", "clap"),
        ("sockpit-engine", "hyper"),
        ("sockpit-tui", "socket2"),
    ] {
        assert_eq!(
            messages(name, &format!("[dependencies]\n{reach} = \"1\"\n")).len(),
            1
        );
    }
    assert!(messages("sockpit", "[dependencies]\nclap = \"4\"\n").is_empty());
}

#[test]
fn a_seventh_crate_needs_a_reason() {
    assert!(messages("sockpit-util", "")[0].contains("is in no layer"));
}

#[test]
fn a_package_is_called_as_its_folder_and_keeps_the_lints() {
    let mut findings = Vec::new();
    let text = "[package]\nname = \"sockpit-core\"\n".to_owned();
    check(
        &[File {
            path: "crates/core/Cargo.toml".to_owned(),
            text,
        }],
        &mut findings,
    );
    assert_eq!(findings.len(), 2, "{findings:?}");
}
