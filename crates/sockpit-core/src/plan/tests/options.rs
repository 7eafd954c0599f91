//! Every key, and the values that it takes.

use proptest::prelude::*;

use super::*;

/// Every key, a value that it takes, and one that it does not (any text will do for some).
const VALUES: [(&str, &str, Option<&str>); 35] = [
    ("frame", "len:u16be,adjust=-2", Some("letters")),
    ("text", "gbk", Some("klingon")),
    ("text-out", "big5", Some("none")),
    ("eol", "crlf", Some("lfcr")),
    ("checksum", "modbus:be,from=1", Some("md5")),
    ("read-size", "1024", Some("much")),
    ("max-frame", "64KiB", Some("-1")),
    ("warn-size", "mtu", Some("path")),
    ("split-at", "3,-1", Some("0")),
    ("split-every", "1", Some("none")),
    ("split-delay", "50ms", Some("later")),
    ("coalesce", "64,10ms", Some("all")),
    ("timeout", "3s", Some("soon")),
    ("wait", "200ms", Some("-1s")),
    ("idle", "1m", Some("1 fortnight")),
    ("linger", "2h", Some("")),
    ("once", "1", Some("maybe")),
    ("max-peers", "100", Some("all")),
    ("bind", "127.0.0.1:7853", None),
    ("backlog", "5", Some("-5")),
    ("nodelay", "off", Some("2")),
    ("keepalive", "30s", Some("often")),
    ("ttl", "64", Some("256")),
    ("tos", "184", Some("EF")),
    ("broadcast", "", Some("255.255.255.255")),
    ("join", "239.1.2.3", Some("example.org")),
    ("interface", "eth0", None),
    ("multicast-ttl", "4", Some("far")),
    ("multicast-loop", "no", Some("loud")),
    ("rcvbuf", "4MiB", Some("4 elephants")),
    ("sndbuf", "65536", Some("1e6")),
    ("reuseport", "yes", Some("ja")),
    ("family", "6", Some("5")),
    ("mode", "660", Some("888")),
    ("wire", "", Some("less")),
];

#[test]
fn every_key_takes_its_value() {
    let keys: Vec<&str> = VALUES.iter().map(|(key, ..)| *key).collect();
    assert_eq!(keys, Options::KEYS);
    for (key, value, _) in VALUES {
        let mut options = Options::default();
        options
            .set(key, value)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_ne!(options, Options::default(), "{key}");
    }
}

#[test]
fn a_value_that_fits_no_option_is_named_with_its_key() {
    for (key, _, value) in VALUES {
        let Some(value) = value else { continue };
        let mut options = Options::default();
        let error = options.set(key, value).expect_err(key).to_string();
        assert!(error.starts_with(&format!("option `{key}`: ")), "{error}");
        assert!(
            error.contains(&format!("`{value}`")),
            "{key}={value}: {error}"
        );
        assert_eq!(options, Options::default(), "{key}");
    }
}

#[test]
fn values_are_what_they_say() {
    let query = "?frame=delim:hex:0D0A&text=gbk&text-out=big5&eol=cr&read-size=1k&max-frame=2KiB\
                 &timeout=1s&idle=3s&linger=4s&bind=:9&backlog=5&nodelay=0&keepalive=7s&ttl=8\
                 &tos=9&rcvbuf=10&sndbuf=11&reuseport=1&family=ipv4&once=1&max-peers=12";
    let plan = server(&format!("tcp://h:1{query}"));
    let secs = Duration::from_secs;
    assert_eq!(
        plan.framing,
        Framing::Delimited(bytes::Bytes::from_static(b"\r\n"))
    );
    assert_eq!(plan.text, Some("gbk".parse().unwrap()));
    assert_eq!(plan.text_out, "big5".parse().unwrap());
    assert_eq!(plan.eol, Eol::Cr);
    assert_eq!(plan.read_size.get(), 1024);
    assert_eq!(plan.max_frame, 2048);
    assert_eq!(plan.timeout, secs(1));
    assert_eq!(plan.idle, Some(secs(3)));
    assert_eq!(plan.linger, Some(secs(4)));
    assert!(plan.once);
    assert_eq!(plan.max_peers, Some(12));
    let socket = plan.socket;
    assert_eq!(socket.bind.as_deref(), Some(":9"));
    assert_eq!(socket.backlog, 5);
    assert!(!socket.nodelay);
    assert_eq!(socket.keepalive, Some(secs(7)));
    assert_eq!((socket.ttl, socket.tos), (Some(8), Some(9)));
    assert_eq!((socket.rcvbuf, socket.sndbuf), (Some(10), Some(11)));
    assert!(socket.reuseport);
    assert_eq!(socket.family, Some(Family::V4));

    let plan = client("udp://h:1?wait=2s&warn-size=512&broadcast=1");
    assert_eq!(plan.wait, secs(2));
    assert_eq!(plan.warn_size, Some(WarnSize::Bytes(512)));
    assert!(plan.socket.broadcast);
    assert_eq!(
        client("udp://h:1?warn-size=MTU").warn_size,
        Some(WarnSize::PathMtu)
    );
}

#[test]
fn an_unknown_option_is_answered_with_those_that_there_are() {
    let error = resolve(Role::Client, "tcp://h:1?fraem=lines")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("unknown option `fraem`; there are "),
        "{error}"
    );
    for key in Options::KEYS {
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn a_key_may_be_written_with_underscores_and_the_last_one_told_wins() {
    let plan = client("tcp://h:1?read_size=10&read-size=20&text_out=gbk");
    assert_eq!(plan.read_size.get(), 20);
    assert_eq!(plan.text_out, "gbk".parse().unwrap());
}

#[test]
fn other_names_of_a_group_are_understood() {
    for key in ["join", "multicast", "multicast-join", "multicast_join"] {
        let plan = server(&format!("udp://:1?{key}=239.1.2.3"));
        let group: IpAddr = "239.1.2.3".parse().unwrap();
        assert_eq!(plan.socket.multicast.unwrap().group, Some(group), "{key}");
    }
    let plan = server("udp://239.1.2.3:1?multicast-interface=eth0");
    assert_eq!(
        plan.socket.multicast.unwrap().interface.as_deref(),
        Some("eth0")
    );
}

#[test]
fn a_switch_is_what_people_write() {
    for on in ["", "1", "on", "ON", "yes", "true", "True"] {
        assert_eq!(on.parse(), Ok(Switch(true)), "{on}");
    }
    for off in ["0", "off", "no", "No", "false"] {
        assert_eq!(off.parse(), Ok(Switch(false)), "{off}");
    }
    assert_eq!(
        "perhaps".parse::<Switch>().unwrap_err().to_string(),
        "`perhaps` is not one of `1`, `0`, `on`, `off`"
    );
}

#[test]
fn flags_win_over_the_query_and_the_query_over_defaults() {
    let endpoint = "tcp://h:1?frame=lines&eol=crlf".parse().unwrap();
    let flags = Options {
        eol: Some(Eol::Cr),
        ..Options::default()
    };
    let plan = Plan::resolve(Role::Client, &endpoint, flags).unwrap();
    assert_eq!(plan.eol, Eol::Cr);
    assert_eq!(plan.framing, Framing::Lines);
    assert_eq!(plan.text, Some(Charset::UTF_8));
}

proptest! {
    #[test]
    fn any_value_of_any_key_is_taken_or_refused_in_one_line(
        key in prop::sample::select(Options::KEYS),
        value in "\\PC{0,20}|[0-9]{1,40}|[0-9a-z:.,=-]{0,12}",
        server: bool,
    ) {
        let mut options = Options::default();
        match options.set(key, &value) {
            Ok(()) => {
                let role = if server { Role::Server } else { Role::Client };
                for endpoint in ["tcp://h:1", "udp://h:1", "unix:///s", "unixgram:///s"] {
                    let endpoint = endpoint.parse().unwrap();
                    if let Ok(plan) = Plan::resolve(role, &endpoint, options.clone()) {
                        prop_assert!(plan.to_string().lines().count() > 4);
                    }
                }
            }
            Err(error) => prop_assert_eq!(error.to_string().lines().count(), 1),
        }
    }

    #[test]
    fn any_key_is_known_or_named(key in "\\PC{0,20}") {
        let mut options = Options::default();
        if let Err(error) = options.set(&key, "1") {
            let names = Options::KEYS.contains(&key.replace('_', "-").as_str());
            prop_assert!(names || error.to_string().contains(&key));
        }
    }
}
