//! Options, the defaults that fill them up, what is refused, and the plan in words.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Eol, Family, Multicast, Options, Plan, PlanError, Role, Switch, TextChoice, WarnSize};
use crate::frame::Framing;
use crate::rule::Rules;
use crate::session::{Script, Step};
use crate::text::charset::Charset;

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

fn resolve(role: Role, endpoint: &str) -> Result<Plan, PlanError> {
    Plan::resolve(role, &endpoint.parse().unwrap(), Options::default())
}

fn client(endpoint: &str) -> Plan {
    resolve(Role::Client, endpoint).unwrap_or_else(|error| panic!("{endpoint}: {error}"))
}

fn server(endpoint: &str) -> Plan {
    resolve(Role::Server, endpoint).unwrap_or_else(|error| panic!("{endpoint}: {error}"))
}

/// Checks why an endpoint makes no plan.
#[track_caller]
fn check_refused(role: Role, endpoint: &str, expected: &str) {
    let error = resolve(role, endpoint).expect_err(endpoint);
    assert_eq!(error.to_string(), expected);
}

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

// Defaults.

#[test]
fn an_end_of_line_is_for_raw_streams() {
    for endpoint in ["tcp://h:1", "unix:///s", "unix:@s", "tcp://h:1?frame=raw"] {
        assert_eq!(client(endpoint).eol, Eol::Lf, "{endpoint}");
        assert_eq!(server(endpoint).eol, Eol::Lf, "{endpoint}");
    }
    for endpoint in [
        "udp://h:1",
        "unixgram:///s",
        "tcp://h:1?frame=lines",
        "udp://h:1?frame=lines",
    ] {
        assert_eq!(client(endpoint).eol, Eol::None, "{endpoint}");
    }
    assert_eq!(client("udp://h:1?eol=lf").eol, Eol::Lf);
}

#[test]
fn only_datagram_listeners_forget_silent_peers_by_default() {
    assert_eq!(server("udp://h:1").idle, Some(Duration::from_secs(60)));
    assert_eq!(server("unixgram:///s").idle, Some(Duration::from_secs(60)));
    assert_eq!(
        server("udp://h:1?idle=5m").idle,
        Some(Duration::from_secs(300))
    );
    assert_eq!(client("udp://h:1").idle, None);
    assert_eq!(client("tcp://h:1").idle, None);
    assert_eq!(server("tcp://h:1").idle, None);
}

#[test]
fn the_rest_of_the_defaults_follows_from_the_shape() {
    let stream = client("tcp://h:1");
    assert_eq!(stream.read_size.get(), 256 * 1024);
    assert_eq!(stream.max_peers, None);
    let datagram = client("udp://h:1");
    assert_eq!(datagram.read_size.get(), 65_536);
    assert_eq!(datagram.max_peers, Some(65_536));
    for plan in [stream, datagram] {
        assert_eq!(plan.framing, Framing::Raw);
        assert_eq!(plan.text, Some(Charset::UTF_8));
        assert_eq!(plan.text_out, Charset::UTF_8);
        assert_eq!(plan.max_frame, 16 * 1024 * 1024);
        assert_eq!(plan.timeout, Duration::from_secs(10));
        assert_eq!(plan.wait, Duration::from_secs(1));
        assert_eq!(plan.linger, None);
        assert_eq!(plan.warn_size, None);
        assert!(!plan.once);
        assert!(plan.rules.is_none() && plan.script.is_empty());
        let socket = &plan.socket;
        assert!(socket.nodelay && !socket.broadcast && !socket.reuseport);
        assert_eq!(socket.multicast, None);
        assert_eq!(socket.family, None);
    }
}

#[test]
fn what_goes_out_is_in_the_charset_of_what_comes_in_unless_told_otherwise() {
    let gbk: Charset = "gbk".parse().unwrap();
    assert_eq!(client("tcp://h:1?text=gbk").text_out, gbk);
    let plan = client("tcp://h:1?text-out=gbk");
    assert_eq!((plan.text, plan.text_out), (Some(Charset::UTF_8), gbk));
    let plan = client("tcp://h:1?text=none");
    assert_eq!((plan.text, plan.text_out), (None, Charset::UTF_8));
    assert_eq!("None".parse(), Ok(TextChoice(None)));
}

#[test]
fn a_raw_stream_is_a_stream_without_framing() {
    assert!(client("tcp://h:1").is_raw_stream());
    assert!(!client("tcp://h:1?frame=lines").is_raw_stream());
    assert!(!client("udp://h:1").is_raw_stream());
}

#[test]
fn the_longest_datagram_depends_on_the_family() {
    assert_eq!(client("udp://127.0.0.1:1").max_datagram(), Some(65_507));
    assert_eq!(client("udp://[::1]:1").max_datagram(), Some(65_527));
    assert_eq!(client("udp://[fe80::1%lo]:1").max_datagram(), Some(65_527));
    // A name may be of either family; the system has the last word.
    assert_eq!(client("udp://localhost:1").max_datagram(), Some(65_527));
    assert_eq!(
        client("udp://localhost:1?family=4").max_datagram(),
        Some(65_507)
    );
    assert_eq!(client("unixgram:///s").max_datagram(), None);
    assert_eq!(client("tcp://127.0.0.1:1").max_datagram(), None);
}

// Groups and broadcast.

#[test]
fn a_listener_joins_the_group_that_it_is_told_or_listens_on() {
    let group: IpAddr = "239.1.2.3".parse().unwrap();
    let joined = Multicast {
        group: Some(group),
        interface: None,
        ttl: None,
        loops_back: None,
    };
    assert_eq!(
        server("udp://239.1.2.3:7").socket.multicast,
        Some(joined.clone())
    );
    assert_eq!(
        server("udp://:7?join=239.1.2.3").socket.multicast,
        Some(joined.clone())
    );
    // What is told wins over where it listens.
    assert_eq!(
        server("udp://239.9.9.9:7?join=239.1.2.3").socket.multicast,
        Some(joined)
    );
    let v6 = server("udp://[ff02::1]:7?interface=lo")
        .socket
        .multicast
        .unwrap();
    assert_eq!(v6.group, Some("ff02::1".parse().unwrap()));
    assert_eq!(v6.interface.as_deref(), Some("lo"));
}

#[test]
fn a_client_that_only_sends_to_a_group_joins_none() {
    let plan = client("udp://239.1.2.3:7?multicast-ttl=4&multicast-loop=0&interface=127.0.0.1");
    assert_eq!(
        plan.socket.multicast,
        Some(Multicast {
            group: None,
            interface: Some("127.0.0.1".into()),
            ttl: Some(4),
            loops_back: Some(false),
        })
    );
    let plan = client("udp://h:7?join=ff02::1");
    assert_eq!(
        plan.socket.multicast.unwrap().group,
        Some("ff02::1".parse().unwrap())
    );
    assert_eq!(client("udp://h:7").socket.multicast, None);
}

#[test]
fn the_limited_broadcast_address_allows_broadcast_by_itself() {
    assert!(client("udp://255.255.255.255:9").socket.broadcast);
    assert!(
        !client("udp://255.255.255.255:9?broadcast=0")
            .socket
            .broadcast
    );
    assert!(!client("udp://192.168.1.255:9").socket.broadcast);
}

#[test]
fn answers_come_from_many_where_many_are_asked() {
    let many = [
        "udp://255.255.255.255:9",
        "udp://10.0.0.255:9?broadcast=1",
        "udp://239.1.1.1:9",
    ];
    for endpoint in many {
        assert!(client(endpoint).has_many_answerers(), "{endpoint}");
    }
    for endpoint in ["udp://h:9", "tcp://h:9", "unixgram:///s"] {
        assert!(!client(endpoint).has_many_answerers(), "{endpoint}");
    }
}

// What is refused.

#[test]
fn an_option_of_another_transport_is_refused_by_name() {
    let cases = [
        (
            "udp://h:1?nodelay=1",
            "`nodelay` has no meaning on udp; it belongs to tcp",
        ),
        (
            "unix:///s?keepalive=1s",
            "`keepalive` has no meaning on unix; it belongs to tcp",
        ),
        (
            "udp://h:1?backlog=5",
            "`backlog` has no meaning on udp; it belongs to tcp and unix",
        ),
        (
            "udp://h:1?linger=5s",
            "`linger` has no meaning on udp; it belongs to tcp and unix",
        ),
        (
            "tcp://h:1?wait=5s",
            "`wait` has no meaning on tcp; it belongs to udp and unixgram",
        ),
        (
            "tcp://h:1?warn-size=512",
            "`warn-size` has no meaning on tcp; it belongs to udp and unixgram",
        ),
        (
            "unix:///s?ttl=5",
            "`ttl` has no meaning on unix; it belongs to tcp and udp",
        ),
        (
            "unixgram:///s?tos=5",
            "`tos` has no meaning on unixgram; it belongs to tcp and udp",
        ),
        (
            "unix:///s?family=4",
            "`family` has no meaning on unix; it belongs to tcp and udp",
        ),
        (
            "unix:///s?reuseport=1",
            "`reuseport` has no meaning on unix; it belongs to tcp and udp",
        ),
        (
            "tcp://h:1?broadcast=1",
            "`broadcast` has no meaning on tcp; it belongs to udp",
        ),
        (
            "tcp://h:1?join=239.1.1.1",
            "`join` has no meaning on tcp; it belongs to udp",
        ),
        (
            "tcp://h:1?interface=lo",
            "`interface` has no meaning on tcp; it belongs to udp",
        ),
        (
            "unixgram:///s?interface=lo",
            "`interface` has no meaning on unixgram; it belongs to udp",
        ),
        (
            "tcp://h:1?multicast-ttl=1",
            "`multicast-ttl` has no meaning on tcp; it belongs to udp",
        ),
        (
            "tcp://h:1?multicast-loop=1",
            "`multicast-loop` has no meaning on tcp; it belongs to udp",
        ),
    ];
    for (endpoint, expected) in cases {
        check_refused(Role::Client, endpoint, expected);
        check_refused(Role::Server, endpoint, expected);
    }
}

#[test]
fn a_client_needs_a_port() {
    let told = "port 0 names no server; give the port that it listens on";
    check_refused(Role::Client, "tcp://h:0", told);
    check_refused(Role::Client, "udp://127.0.0.1:0", told);
    assert!(resolve(Role::Server, "tcp://h:0").is_ok());
}

#[test]
fn only_udp_reaches_groups_and_only_groups_are_joined() {
    check_refused(
        Role::Server,
        "tcp://239.1.2.3:7",
        "`239.1.2.3` is a multicast address, which TCP cannot reach; write `udp://`",
    );
    check_refused(
        Role::Client,
        "udp://h:7?join=10.0.0.1",
        "`10.0.0.1` is not a multicast address; groups are 224.0.0.0/4 and ff00::/8",
    );
}

#[test]
fn a_read_takes_a_byte_at_least_and_a_gibibyte_at_most() {
    for size in ["0", "1073741825", "100GiB"] {
        let error = resolve(Role::Client, &format!("tcp://h:1?read-size={size}")).expect_err(size);
        assert!(
            error.to_string().starts_with("option `read-size`: `"),
            "{error}"
        );
    }
    assert_eq!(client("tcp://h:1?read-size=1").read_size.get(), 1);
    assert_eq!(client("tcp://h:1?read-size=1GiB").read_size.get(), 1 << 30);
}

#[test]
fn both_sides_can_share_an_endpoint() {
    let endpoint = "tcp://h:1?bind=:9&timeout=1s&backlog=5&max-peers=3";
    assert_eq!(client(endpoint).endpoint(), server(endpoint).endpoint());
}

// The plan in words.

#[test]
fn a_plain_client_explains_itself() {
    insta::assert_snapshot!(client("tcp://localhost:7000"), @r"
    session     connect to tcp://localhost:7000
    link        stream: bytes without boundaries, either side may end first
    framing     raw
    text        in utf-8, out utf-8, end of line lf
    read        at most 256KiB at once
    socket      nodelay on
    timeout     10s to connect
    ");
}

#[test]
fn a_listener_with_everything_explains_itself() {
    let mut plan = server(
        "tcp://:7000?frame=len:u16be&text=gbk&once=1&max-peers=3&idle=30s&linger=1s&keepalive=10s\
         &ttl=3&tos=16&rcvbuf=1MiB&sndbuf=1000&reuseport=1&nodelay=0&read-size=1024",
    );
    plan.rules = Some(Arc::new(Rules::from_reply("echo".parse().unwrap())));
    insta::assert_snapshot!(plan, @r"
    session     listen on tcp://:7000
    link        stream: bytes without boundaries, either side may end first
    framing     len:u16be, at most 16MiB a message
    text        in gbk, out gbk, end of line none
    read        at most 1KiB at once
    socket      backlog 4096, nodelay off, keepalive 10s, ttl 3, tos 16, rcvbuf 1MiB, sndbuf 1000B, reuseport on
    peers       at most 3 at once, ends with the first
    idle        a peer silent for 30s is ended
    linger      1s for the peer's end once ours is sent
    rules       messages are answered
    ");
}

#[test]
fn a_script_explains_its_steps() {
    let mut plan = client("udp://239.1.2.3:7?interface=lo&multicast-ttl=2&warn-size=mtu&bind=:9");
    let send = Step::Send {
        message: plan.message(bytes::Bytes::from_static(b"ping")).unwrap(),
        delay: Duration::from_millis(200),
    };
    let expect = Step::Expect {
        pattern: crate::rule::Pattern::parse_expectation("pong").unwrap(),
        within: Duration::from_secs(5),
        label: "pong\u{1b}[2J".to_owned(),
        exit: 3,
    };
    plan.script = Arc::new(Script {
        steps: vec![send, expect],
        every: Some(Duration::from_secs(1)),
        count: Some(3),
    });
    insta::assert_snapshot!(plan, @r"
    session     connect to udp://239.1.2.3:7
    link        datagram: every send is one message
    framing     raw
    text        in utf-8, out utf-8, end of line none
    read        at most 64KiB at once
    bind        :9
    multicast   interface lo, ttl 2
    timeout     10s to connect
    wait        1s without a datagram once the input has ended
    warn        datagrams longer than the path MTU are marked
    script      after 200ms send 4 bytes
    script      expect `pong\x1b[2J` within 5s
    script      repeat: 3 rounds, one every 1s
    ");
}

#[test]
fn a_checksum_is_written_into_every_message_before_it_is_framed() {
    let message = |endpoint: &str, payload: &'static [u8]| {
        let message = client(endpoint).message(bytes::Bytes::from_static(payload));
        message.map(|message| (message.wire.to_vec(), message.payload.to_vec()))
    };
    let request = b"\x01\x03\x00\x00\x00\x0a";
    let checked = b"\x01\x03\x00\x00\x00\x0a\xc5\xcd".to_vec();
    assert_eq!(
        message("tcp://h:1?checksum=modbus", request),
        Ok((checked.clone(), checked.clone()))
    );
    let framed = [&[8], &checked[..]].concat();
    assert_eq!(
        message("tcp://h:1?checksum=crc16&frame=len:u8", request),
        Ok((framed, checked))
    );
    let error = message("udp://h:1?checksum=xor,at=9", request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checksum's `at=9` lies outside a message of 6 bytes"
    );
}

#[test]
fn a_checksum_explains_itself_by_the_bytes_of_what_is_sent() {
    let mut plan = client("tcp://h:1?checksum=modbus");
    insta::assert_snapshot!(plan, @r"
    session     connect to tcp://h:1
    link        stream: bytes without boundaries, either side may end first
    framing     raw
    text        in utf-8, out utf-8, end of line none
    checksum    CRC-16/MODBUS, little-endian, of the whole message, appended in 2 bytes
                `123456789` is sent as 31 32 33 34 35 36 37 38 39 | 37 4B
    read        at most 256KiB at once
    socket      nodelay on
    timeout     10s to connect
    ");
    let request = bytes::Bytes::from_static(b"\x01\x03\x00\x00\x00\x0a");
    plan.script = Arc::new(Script {
        steps: vec![Step::Send {
            message: plan.message(request).unwrap(),
            delay: Duration::ZERO,
        }],
        every: None,
        count: None,
    });
    let explained = plan.to_string();
    assert!(
        explained.contains("sends 01 03 00 00 00 0A | C5 CD\n"),
        "{explained}"
    );
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
