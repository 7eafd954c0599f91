use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{FileName, MAX_FILE, Project};

fn project() -> (TempDir, Project) {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::open(&folder.path().join("project")).unwrap();
    (folder, project)
}

fn name(text: &str) -> FileName {
    text.parse().unwrap()
}

fn names(project: &Project) -> Vec<String> {
    let entries = project.list().unwrap();
    entries.iter().map(|entry| entry.name.to_string()).collect()
}

#[test]
fn what_is_written_is_read_and_listed() {
    let (_folder, project) = project();
    project.write(&name("plc.toml"), "one").unwrap();
    project.write(&name("plc.toml"), "two").unwrap();
    project.create(&name("温度 1.toml"), "three").unwrap();
    assert_eq!(project.read(&name("plc.toml")).unwrap(), "two");
    assert_eq!(names(&project), ["plc.toml", "温度 1.toml"]);
    assert_eq!(project.list().unwrap()[0].len, 3);
    project.remove(&name("plc.toml")).unwrap();
    assert_eq!(names(&project), ["温度 1.toml"]);
    // Nothing that was being written is left.
    assert_eq!(fs::read_dir(project.path()).unwrap().count(), 1);
}

#[test]
fn what_is_there_is_not_written_over_by_create() {
    let (_folder, project) = project();
    project.write(&name("a.toml"), "one").unwrap();
    let error = project.create(&name("a.toml"), "two").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(project.read(&name("a.toml")).unwrap(), "one");
    assert_eq!(fs::read_dir(project.path()).unwrap().count(), 1);
}

#[test]
fn f5_a_link_leads_nowhere() {
    let (folder, project) = project();
    let secret = folder.path().join("secret.toml");
    fs::write(&secret, "secret").unwrap();
    symlink(&secret, project.path().join("a.toml")).unwrap();
    symlink("..", project.path().join("b.toml")).unwrap();
    let error = project.read(&name("a.toml")).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot read `a.toml`: it is a link, and a link may lead out of the project"
    );
    assert!(project.read(&name("b.toml")).is_err());
    assert!(names(&project).is_empty());
    // The link is replaced, not what it leads to.
    project.write(&name("a.toml"), "mine").unwrap();
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(project.read(&name("a.toml")).unwrap(), "mine");
}

#[test]
fn f5_what_is_no_regular_file_is_neither_read_nor_waited_for() {
    let (_folder, project) = project();
    fs::create_dir(project.path().join("folder.toml")).unwrap();
    let pipe = project.path().join("pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for text in ["folder.toml", "pipe.toml"] {
        assert!(project.read(&name(text)).is_err(), "{text}");
    }
    assert!(names(&project).is_empty());
}

#[test]
fn f5_a_folder_that_is_exchanged_changes_nothing() {
    let (folder, project) = project();
    project.write(&name("a.toml"), "mine").unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("a.toml"), "theirs").unwrap();
    fs::rename(project.path(), folder.path().join("moved")).unwrap();
    symlink(&other, project.path()).unwrap();
    assert_eq!(project.read(&name("a.toml")).unwrap(), "mine");
}

#[test]
fn what_is_too_large_or_no_text_is_refused() {
    let (_folder, project) = project();
    let large = "x".repeat(usize::try_from(MAX_FILE).unwrap() + 1);
    assert!(project.write(&name("a.toml"), &large).is_err());
    fs::write(project.path().join("a.toml"), &large).unwrap();
    let error = project.read(&name("a.toml")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    fs::write(project.path().join("b.toml"), [0xff]).unwrap();
    let error = project.read(&name("b.toml")).unwrap_err().to_string();
    assert_eq!(error, "cannot read `b.toml`: it is not UTF-8");
}

#[test]
fn a_folder_that_was_missing_is_its_owners_alone() {
    let (_folder, project) = project();
    let mode = fs::metadata(project.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(project.name(), "project");
    assert!(project.is_writable());
}

#[test]
fn f5_no_name_leads_out() {
    for text in [
        "",
        ".toml",
        "..toml",
        "../a.toml",
        "a/b.toml",
        "/a.toml",
        "a",
        "a.toml/",
        "a.toml\0",
        "-a.toml",
        ".a.toml",
        " a.toml",
        "a .toml",
        "a..toml",
        "a\n.toml",
        "a\u{202e}.toml",
        "~.toml",
        "a.TOML",
        "a\\b.toml",
    ] {
        assert!(text.parse::<FileName>().is_err(), "{text:?}");
    }
    assert!(
        format!("{}.toml", "x".repeat(61))
            .parse::<FileName>()
            .is_err()
    );
    assert_eq!(
        FileName::of_name("../../etc/passwd").as_str(),
        "etc-passwd.toml"
    );
    assert_eq!(FileName::of_name("").as_str(), "session.toml");
    assert_eq!(
        FileName::of_name("PLC 2 (hall)").as_str(),
        "PLC 2 (hall).toml"
    );
}

proptest! {
    #[test]
    fn the_name_of_any_thing_is_a_name(text in any::<String>()) {
        let name = FileName::of_name(&text);
        prop_assert_eq!(name.as_str().parse::<FileName>(), Ok(name.clone()));
    }
}
