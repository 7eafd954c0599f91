//! `sockpit import`: what comes out works with `--rules`.

use std::fs;

use crate::support::{Signal, folder, listen, sockpit};

const SSCOM: &[u8] = include_bytes!("../../../../testdata/import/sscom51.ini");

#[test]
fn a_list_of_sscom_is_written_and_taken_by_rules() {
    let folder = folder();
    fs::write(folder.path().join("sscom51.ini"), SSCOM).unwrap();
    let import = |args: &[&str]| {
        sockpit(&["import", "sscom51.ini"])
            .args(args)
            .folder(&folder)
            .run()
    };
    import(&["-o", "device.toml"])
        .check_code(0)
        .check_stdout("")
        .check_stderr(&[
            "sscom51.ini: line 20: entry 6 is left out: `G`",
            "sscom51.ini: line 26: entry 8 is left out: `Q,what`",
            "5 entries are in device.toml",
        ]);
    let written = fs::read_to_string(folder.path().join("device.toml")).unwrap();
    import(&[]).check_code(0).check_stdout(&written);
    // What somebody may have changed since is not written over.
    import(&["-o", "device.toml"])
        .check_code(2)
        .check_stderr(&["cannot make device.toml: "]);
    let path = folder.path().join("device.toml");
    let rules = path.to_str().unwrap();
    let server = listen(&["127.0.0.1:0", "--rules", rules, "--text", "gbk"]);
    server.address();
    server.signal(Signal::INT);
    server.finish().check_code(130);
}

#[test]
fn what_is_no_list_is_refused() {
    let folder = folder();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("noise", &[0xFF; 2000]),
        ("hollow", b"N1=A,\nN1057=,N\n"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let finished = sockpit(&["import", path.to_str().unwrap()]).run();
        finished.check_code(2).check_stdout("");
    }
    sockpit(&["import", "nothing.ini"])
        .folder(&folder)
        .run()
        .check_code(2)
        .check_stderr(&["cannot read nothing.ini"]);
}

#[test]
fn a_dash_is_stdin_and_stdout() {
    let finished = sockpit(&["import", "-", "-o", "-"])
        .stdin(SSCOM)
        .run()
        .check_code(0);
    assert!(finished.text().contains("[[list]]"), "{}", finished.told());
}
