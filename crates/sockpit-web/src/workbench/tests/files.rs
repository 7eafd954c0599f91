//! No call runs a program, nor reads or writes a file outside of the project (rule F5).

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

/// A session of a scenario, with more.
fn scenario(more: &str) -> String {
    format!("[[session]]\nname = 's'\nlisten = 'tcp://127.0.0.1:0'\n{more}")
}

#[tokio::test]
async fn f5_a_file_of_rules_is_one_of_the_project() {
    let site = start().await;
    let project = site.folder.path().join("project");
    let rules = "[[rule]]\nequals = 'a'\nreply = 'secret'\n";
    let secret = site.folder.path().join("secret.toml");
    fs::write(&secret, rules).unwrap();
    fs::write(project.join("Good.toml"), rules).unwrap();
    symlink(&secret, project.join("link.toml")).unwrap();
    symlink(site.folder.path(), project.join("folder")).unwrap();
    fs::create_dir(project.join("in.toml")).unwrap();
    let (mut page, _) = site.page().await;
    let mut import = async |name: &str| {
        let toml = scenario(&format!("rules = {}", Value::from(name)));
        let with = json!({ "name": "../x", "toml": toml });
        page.call(json!({ "id": 1, "op": "session.import", "with": with }))
            .await
    };
    assert!(import("Good.toml").await["ok"].is_object());
    let absolute = secret.to_str().unwrap();
    let long = format!("{}.toml", "a".repeat(5000));
    for name in [
        "../secret.toml",
        "./Good.toml",
        "folder/secret.toml",
        "..\\secret.toml",
        "%2e%2e/secret.toml",
        "link.toml",
        "in.toml",
        "good.toml",
        "Good.toml\0",
        "Good.toml ",
        "",
        ".",
        "..",
        "/dev/stdin",
        "/proc/self/environ",
        "file:///etc/passwd",
        "~/.profile",
        absolute,
        &long,
    ] {
        let told = import(name).await;
        assert_eq!(told["error"]["field"], "toml", "{name}: {told}");
        assert!(!told.to_string().contains("secret'"), "{name}: {told}");
    }
}

#[tokio::test]
async fn f5_no_session_is_saved_outside_of_the_project() {
    let site = start().await;
    let project = site.folder.path().join("project");
    let outside = site.folder.path().join("secret.toml");
    fs::write(&outside, "secret").unwrap();
    symlink(&outside, project.join("link.toml")).unwrap();
    fs::write(project.join("Cargo.toml"), "[package]\n").unwrap();
    let (mut page, _) = site.page().await;
    for name in [
        "../secret",
        "/etc/passwd",
        "..",
        ".",
        ".profile",
        "a\0b",
        "-rf",
        "link",
        "Cargo",
        "<img src=x onerror=alert(1)>",
        "\u{202e}txt",
        &"x".repeat(100),
    ] {
        let with = json!({ "name": name, "role": "server", "endpoint": "tcp://127.0.0.1:0" });
        let made = page
            .call(json!({ "id": 1, "op": "session.create", "with": with }))
            .await;
        let key = made["ok"]["key"].clone();
        let with = json!({ "key": key, "force": true });
        let told = page
            .call(json!({ "id": 2, "op": "session.save", "with": with }))
            .await;
        let file = told["ok"]["file"]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {made} {told}"));
        assert!(fs::symlink_metadata(project.join(file)).unwrap().is_file());
        assert!(
            !file.starts_with(['.', '-']) && !file.contains('/'),
            "{file}"
        );
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "secret");
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    assert_eq!(manifest, "[package]\n");
    let names = fs::read_dir(site.folder.path()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["history", "project", "secret.toml"]);
    // Nor is what is not a session removed, whatever it is called.
    let with = json!({ "key": "../secret", "file": true });
    let told = page
        .call(json!({ "id": 3, "op": "session.remove", "with": with }))
        .await;
    assert_eq!(told["error"]["field"], "key");
}

#[tokio::test]
async fn f5_nothing_that_a_call_says_runs_a_program_or_names_a_file() {
    let site = start().await;
    let (mut page, _) = site.page().await;
    for more in [
        "exec = 'id'",
        "record = '/tmp/x'",
        "send-file = '/etc/passwd'",
        "tee = '/tmp/x'",
        "[[session.rule]]\nequals = 'a'\nexec = 'id'",
        "[[session.rule]]\nequals = 'a'\nreply_file = '/etc/passwd'",
        "[[session.list]]\nname = 'l'\nitem = [{ send_file = '/etc/passwd' }]",
        "[[session.script]]\nsend_file = '/etc/passwd'",
        "[[step]]\nsession = 's'\nsend_file = '/etc/passwd'",
        "[[step]]\nsession = 's'\nsend_file = '../secret'",
        "[[step]]\nexec = 'id'",
    ] {
        let with = json!({ "name": "x", "toml": scenario(more) });
        let told = page
            .call(json!({ "id": 1, "op": "session.import", "with": with }))
            .await;
        assert_eq!(told["error"]["field"], "toml", "{more}: {told}");
    }
    for key in [
        "exec",
        "record",
        "send-file",
        "rules",
        "tee",
        "allow-exec",
        "control",
    ] {
        let options = json!({ key: "/etc/passwd" });
        let with = json!({ "role": "server", "endpoint": "tcp://:0", "options": options });
        let told = page
            .call(json!({ "id": 1, "op": "session.check", "with": with }))
            .await;
        assert_eq!(told["error"]["field"], key, "{told}");
        let endpoint = format!("tcp://127.0.0.1:0?{key}=id");
        let with = json!({ "role": "server", "endpoint": endpoint });
        let told = page
            .call(json!({ "id": 1, "op": "session.check", "with": with }))
            .await;
        assert!(told["error"].is_object(), "{told}");
    }
    for op in [
        "exec",
        "session.exec",
        "file.read",
        "project.read",
        "page.bind",
        "ports.kill",
    ] {
        let told = page.call(json!({ "id": 1, "op": op, "with": {} })).await;
        assert_eq!(told["error"]["message"], format!("there is no call `{op}`"));
    }
}

#[tokio::test]
async fn f5_a_path_to_listen_at_replaces_nothing_but_a_socket_of_the_dead() {
    let site = start().await;
    let place = |name: &str| site.folder.path().join(name);
    fs::write(place("file"), "kept").unwrap();
    symlink(place("file"), place("link")).unwrap();
    let _alive = std::os::unix::net::UnixListener::bind(place("alive")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(place("dead")).unwrap());
    let (mut page, _) = site.page().await;
    for (name, is_taken) in [
        ("file", true),
        ("link", true),
        ("project", true),
        ("alive", true),
        ("dead", false),
        ("new", false),
    ] {
        let endpoint = format!("unix://{}", place(name).display());
        let with = json!({ "name": name, "role": "server", "endpoint": endpoint });
        page.call(json!({ "id": 1, "op": "session.create", "with": with }))
            .await;
        let told = page
            .call(json!({ "id": 2, "op": "session.open", "with": { "key": name } }))
            .await;
        assert_eq!(told["error"].is_object(), is_taken, "{name}: {told}");
        if !is_taken {
            let mode = fs::metadata(place(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
    assert_eq!(fs::read_to_string(place("file")).unwrap(), "kept");
    assert!(std::os::unix::net::UnixStream::connect(place("alive")).is_ok());
}
