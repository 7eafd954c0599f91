use super::*;

#[test]
fn the_one_command_that_helps_is_for_the_file_that_runs() {
    let refusal = facts().explain();
    assert_eq!(refusal.kind(), RefusalKind::Privilege);
    let command = refusal.command();
    assert_eq!(command, Some("sudo setcap cap_net_raw=ep ./target/sockpit"));
    assert!(refusal.to_string().contains("upgraded"));
    let with_space = Facts {
        program: PathBuf::from("/opt/it's here/sockpit"),
        ..facts()
    };
    assert_eq!(
        with_space.explain().command(),
        Some(r"sudo setcap cap_net_raw=ep '/opt/it'\''s here/sockpit'")
    );
}

#[test]
fn where_that_command_would_not_help_another_is_given() {
    let container = Facts {
        is_out_of_reach: true,
        is_nosuid: true,
        ..facts()
    };
    check(
        &container,
        "NET_RAW",
        Some("docker run --cap-add NET_RAW …"),
    );
    let namespace = Facts {
        is_foreign_network: true,
        ..facts()
    };
    check(&namespace, "user namespace", Some("unshare -Urn"));
    let bound = Facts {
        is_without_gain: true,
        ..facts()
    };
    check(&bound, "no_new_privs", None);
    let nosuid = Facts {
        is_nosuid: true,
        ..facts()
    };
    let copy = "/usr/local/bin/sockpit";
    let command =
        format!("sudo install ./target/sockpit {copy} && sudo setcap cap_net_raw=ep {copy}");
    check(&nosuid, "nosuid", Some(&command));
    let group = Facts {
        dumpcap: Helper::ForGroup("wireshark".to_owned()),
        ..facts()
    };
    let command = "sudo usermod -aG wireshark \"$USER\"";
    check(&group, "`wireshark`", Some(command));
    let failed = Facts {
        dumpcap: Helper::Failed("There is no device".to_owned()),
        ..facts()
    };
    let command = "sudo setcap cap_net_raw=ep ./target/sockpit";
    check(&failed, "There is no device", Some(command));
}

#[test]
fn a_file_system_without_privileges_is_found_by_its_deepest_mount() {
    let mounts = "22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/sda rw\n\
                  23 22 0:22 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw\n\
                  24 23 0:23 / /tmp/my\\040own rw - tmpfs tmpfs rw\n";
    assert!(!is_nosuid(mounts, Path::new("/usr/bin/sockpit")));
    assert!(is_nosuid(mounts, Path::new("/tmp/sockpit")));
    assert!(!is_nosuid(mounts, Path::new("/tmp/my own/sockpit")));
    assert!(!is_nosuid(mounts, Path::new("/tmpfs/sockpit")));
    assert!(!is_nosuid("", Path::new("/tmp/sockpit")));
}

#[test]
fn the_kernels_tables_are_read() {
    let status = "Name:\tsockpit\nCapEff:\t0000000000002000\nCapBnd:\t0000000000000000\n\
                  NoNewPrivs:\t1\n";
    assert_eq!(capabilities(status, "CapEff:"), Some(NET_RAW));
    assert_eq!(capabilities(status, "CapBnd:"), Some(0));
    assert_eq!(capabilities(status, "CapAmb:"), None);
    assert_eq!(field(status, "NoNewPrivs:"), Some("1"));
    assert!(is_first_namespace("         0          0 4294967295\n"));
    assert!(!is_first_namespace("         0       1000          1\n"));
    assert!(is_first_namespace(""));
    let groups = "root:x:0:\nwireshark:x:116:ada\n";
    assert_eq!(group_name(groups, 116).as_deref(), Some("wireshark"));
    assert_eq!(group_name(groups, 117), None);
}

#[test]
fn a_program_is_named_as_typed_only_if_that_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sockpit");
    fs::write(&file, "").unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let exe = Path::new("exe");
    assert_eq!(as_typed(Some(file.clone()), exe), file);
    assert_eq!(as_typed(Some(link), exe), exe);
    assert_eq!(as_typed(Some(PathBuf::from("sockpit")), exe), exe);
    assert_eq!(as_typed(None, exe), exe);
}

fn facts() -> Facts {
    Facts {
        program: PathBuf::from("./target/sockpit"),
        ..Facts::default()
    }
}

#[track_caller]
fn check(facts: &Facts, part: &str, command: Option<&str>) {
    let refusal = facts.explain();
    assert!(refusal.to_string().contains(part), "{refusal}");
    assert_eq!(refusal.command(), command);
}
