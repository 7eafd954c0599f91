use std::fs;

use super::{File, check, files};
use crate::root;

/// The messages about one file with its lines, as `line: message`.
fn findings(path: &str, text: &str) -> Vec<String> {
    let file = File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    check(&[file], "/a/clone")
        .into_iter()
        .map(|f| format!("{}: {}", f.line, f.message))
        .collect()
}

/// Asserts that `text` at `path` breaks one rule, at `line`, with a message that holds `part`.
#[track_caller]
fn check_refused(path: &str, text: &str, line: usize, part: &str) {
    let findings = findings(path, text);
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert!(
        finding.starts_with(&format!("{line}: ")) && finding.contains(part),
        "{finding}"
    );
}

#[track_caller]
fn check_accepted(path: &str, text: &str) {
    assert_eq!(findings(path, text), [""; 0]);
}

const CODE: &str = "crates/sockpit-engine/src/bus.rs";
const TEST: &str = "crates/sockpit-engine/src/bus/tests.rs";

#[test]
fn the_repository_is_tidy() {
    let root = root();
    let found = check(&files(&root).unwrap(), &root.to_string_lossy());
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(
        found.is_empty(),
        "{} findings:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn the_walk_leaves_out_what_others_made() {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        "a/b.rs",
        "a/target/c.rs",
        ".ci/run",
        ".git/config",
        "fuzz/corpus/wire/arp",
        "fuzz/artifacts/wire/crash",
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text").unwrap();
    }
    fs::write(folder.path().join("picture"), [0xFF, 0xFE]).unwrap();
    let found: Vec<_> = files(folder.path())
        .unwrap()
        .into_iter()
        .map(|f| f.path)
        .collect();
    assert_eq!(found, [".ci/run", "a/b.rs"]);
}

#[test]
fn a_file_has_one_subject() {
    let long = format!("//! Long.\n{}", "\n".repeat(600));
    check_refused(CODE, &long, 0, "601 lines, of 600 at most");
    check_accepted(TEST, &long);
}

#[test]
fn a_file_says_what_it_is() {
    check_refused(CODE, "use std::fmt;\n", 1, "`//!` paragraph");
    check_accepted(TEST, "use std::fmt;\n");
}

#[test]
fn white_space_is_plain() {
    check_refused("a.md", "a\r\n", 1, "CR LF");
    check_refused("a.md", "a\nb \n", 2, "white space");
    check_refused("a.md", "a\tb\n", 1, "a tab");
    check_refused("a.md", "a", 0, "no end");
    check_accepted("Cargo.lock", "a ");
}

#[test]
fn nothing_is_left_unfinished() {
    for word in [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ] {
        check_refused("a.md", &format!("{word}: more\n"), 1, "unfinished");
    }
    check_refused(CODE, "//! A.\nfn a() { todo!() }\n", 2, "unfinished");
    check_refused(
        CODE,
        "//! A.\nfn a() { unimplemented!(\"b\") }\n",
        2,
        "unfinished",
    );
    check_refused(TEST, "#[test]\n#[ignore = \"slow\"]\n", 2, "does not run");
    check_accepted(CODE, "//! A.\nlet a = \"todo!(\"; // unimplemented!(\n");
}

#[test]
fn unsafe_code_stands_in_one_crate() {
    let text = "//! A.\nunsafe { b() }\n";
    check_refused(CODE, text, 2, "sockpit-sys");
    check_accepted("crates/sockpit-sys/src/poll.rs", text);
    check_accepted(
        "crates/sockpit-core/src/lib.rs",
        "//! A.\n#![forbid(unsafe_code)]\n",
    );
}

#[test]
fn only_the_console_prints_and_only_main_exits() {
    for printer in ["print!", "println!", "eprint!", "eprintln!"] {
        let text = format!("//! A.\nfn a() {{ {printer}(\"b\") }}\n");
        check_refused(CODE, &text, 2, "only the console prints");
        check_accepted("crates/sockpit/src/console/view.rs", &text);
    }
    let text = "//! A.\nstd::process::exit(1);\n";
    check_refused("crates/sockpit/src/lib.rs", text, 2, "only main exits");
    check_accepted("crates/sockpit/src/main.rs", text);
}

#[test]
fn no_path_of_one_machine_is_written() {
    check_refused("a.md", concat!("see /ho", "me/me/x\n"), 1, "one machine");
    check_refused("a.md", concat!("see /ro", "ot/x\n"), 1, "one machine");
    check_refused("a.md", "see /a/clone/x\n", 1, "one machine");
    check_accepted("a.md", concat!("see ~/x and /ro", "otless/\n"));
}

#[test]
fn a_test_does_not_sleep_and_hope() {
    for call in [
        "thread::sleep(d)",
        "tokio::time::sleep(d).await",
        "sleep_until(t).await",
    ] {
        check_refused(TEST, &format!("{call};\n"), 1, "sleeps and hopes");
        check_refused(TEST, &format!("{call}; // sleep:\n"), 1, "sleeps and hopes");
        check_accepted(TEST, &format!("{call}; // sleep: virtual time\n"));
        check_accepted(
            TEST,
            &format!("// sleep: polled until the deadline\n{call};\n"),
        );
    }
    check_accepted(CODE, "//! A.\ntokio::time::sleep(d).await;\n");
    check_accepted(TEST, "fn oversleep(a: u8) {}\n");
}

#[test]
fn a_test_has_no_fixed_port() {
    for line in [
        "bind(\"127.0.0.1:7000\");",
        "bind(\"tcp://:7000\");",
        "bind(\"[::1]:80\");",
        "bind((Ipv4Addr::LOCALHOST, 7000));",
    ] {
        check_refused(TEST, &format!("{line}\n"), 1, "a fixed port");
        check_accepted(TEST, &format!("{line} // port: never opened\n"));
        for pure in ["endpoint/tests.rs", "plan/tests/words.rs"] {
            let path = format!("crates/sockpit-core/src/{pure}");
            check_accepted(&path, &format!("{line}\n"));
        }
    }
    check_accepted(TEST, "bind(\"127.0.0.1:0\"); bind(\"127.0.0.1:{port}\");\n");
    check_refused(
        "crates/sockpit/tests/it/talk.rs",
        "a(\"localhost:80\");\n",
        1,
        "a fixed port",
    );
}

#[test]
fn a_test_asks_nobody_else() {
    check_refused(
        TEST,
        "connect(\"example.com:{port}\");\n",
        1,
        "a public name",
    );
    check_accepted(TEST, "connect(\"nobody.invalid:{port}\", \"a.common\");\n");
}
