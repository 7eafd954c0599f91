//! Completions, manual pages, and the reference under `docs/reference`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{folder, need, sockpit};

/// The files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn the_reference_is_what_the_program_would_write() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    for (form, folder_name) in [(&["--markdown"][..], ""), (&[], "man")] {
        let fresh = folder();
        let out = fresh.path().to_str().unwrap();
        sockpit(&["man", "--out", out])
            .args(form)
            // The reference is in English, whoever tests it.
            .env("LC_ALL", "C")
            .env("LANG", "C")
            .run()
            .check_code(0);
        let (fresh, kept) = (files(fresh.path()), files(&root.join(folder_name)));
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&kept), names(&fresh), "run `cargo xtask gen`");
        for (name, text) in &fresh {
            assert!(
                kept.get(name) == Some(text),
                "docs/reference has another `{name}` than the program: run `cargo xtask gen`"
            );
        }
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let finished = sockpit(&["completions", shell])
            .run()
            .check_code(0)
            .check_silent();
        assert!(finished.text().contains("max-frame"), "{shell}");
    }
    sockpit(&["completions", "tcsh"]).run().check_code(2);
}

#[test]
fn bash_completes_a_command() {
    if !need("bash") {
        return;
    }
    let folder = folder();
    let script = sockpit(&["completions", "bash"]).run().check_code(0);
    fs::write(folder.path().join("sockpit"), &script.stdout).unwrap();
    let ask = "source ./sockpit; COMP_WORDS=(sockpit con); COMP_CWORD=1; \
               _sockpit sockpit con sockpit; echo \"${COMPREPLY[*]}\"";
    let program = crate::support::Program::new("bash", &["-c", ask]);
    program
        .folder(&folder)
        .run()
        .check_code(0)
        .check_stdout("connect\n");
}

#[test]
fn bash_offers_what_may_be_written_for_an_option() {
    if !need("bash") {
        return;
    }
    let folder = folder();
    let script = sockpit(&["completions", "bash"]).run().check_code(0);
    fs::write(folder.path().join("sockpit"), &script.stdout).unwrap();
    for (words, offered) in [
        (
            "connect --frame l",
            "lines len:u8 len:u16be len:u16le len:u32be len:u32le len:varint",
        ),
        ("listen --reply ''", "echo upper discard fixed:"),
        ("listen --checksum m", "modbus"),
        ("connect --text g", "gbk gb18030"),
        ("connect --as j", "json"),
        ("encode --from b", "base64"),
        ("replay --side ''", "us peer"),
        ("man con", "connect"),
        ("--lang ''", "en zh"),
    ] {
        let count = words.split(' ').count();
        let ask = format!(
            "source ./sockpit; COMP_WORDS=(sockpit {words}); COMP_CWORD={count}; \
             _sockpit sockpit \"${{COMP_WORDS[{count}]}}\" \"${{COMP_WORDS[{count}-1]}}\"; \
             echo \"${{COMPREPLY[*]}}\""
        );
        crate::support::Program::new("bash", &["-c", &ask])
            .folder(&folder)
            .run()
            .check_code(0)
            .check_stdout(format!("{offered}\n"));
    }
}

#[test]
fn a_page_is_printed_for_man() {
    let page = sockpit(&["man", "run"]).run().check_code(0);
    assert!(page.text().contains(".TH sockpit-run 1"), "{}", page.told());
    sockpit(&["man", "sing"])
        .run()
        .check_code(2)
        .check_stderr(&["there is no command `sing`; there are workbench, demo, "]);
}
