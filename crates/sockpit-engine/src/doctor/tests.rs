use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use std::collections::BTreeMap;
use std::ffi::OsStr;

use super::explain::explain_to;
use super::nets::{parse_igmp, parse_igmp6};
use super::process::{Host, parse_users, program_name};
use super::table::{parse_inet, parse_unix};
use super::*;

/// The first of `owners` is this very process; gives it.
fn is_us(owners: &[Owner]) -> &Owner {
    let owner = owners
        .first()
        .expect("an address that we hold has an owner");
    assert_eq!(owner.pid, Some(std::process::id()), "{owners:?}");
    let (program, command) = (
        owner.program.as_ref().unwrap(),
        owner.command.as_ref().unwrap(),
    );
    assert!(
        command.contains(program.as_str()),
        "`{program}` is not of `{command}`"
    );
    assert!(owner.since.unwrap() < Duration::from_secs(3600));
    assert!(owner.uid.is_some() && owner.user.is_some());
    owner
}

#[test]
fn a_listener_of_this_process_is_found() {
    for addr in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
        let listener = TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        let owners = owners(Protocol::Tcp, addr);
        let owner = is_us(&owners);
        assert_eq!((owner.local, owner.state), (Some(addr), State::Listening));
    }
}

#[test]
fn a_udp_socket_of_this_process_is_found() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let socket = UdpSocket::bind(addr).unwrap();
        let addr = socket.local_addr().unwrap();
        let owners = owners(Protocol::Udp, addr);
        let owner = is_us(&owners);
        assert_eq!((owner.local, owner.state), (Some(addr), State::Bound));
    }
}

#[test]
fn a_listener_at_all_addresses_is_in_the_way_of_one() {
    for all in ["0.0.0.0:0", "[::]:0"] {
        let listener = TcpListener::bind(all).unwrap();
        let port = listener.local_addr().unwrap().port();
        let owners = owners(
            Protocol::Tcp,
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
        );
        assert_eq!(is_us(&owners).local, listener.local_addr().ok());
    }
}

#[test]
fn a_listener_at_one_address_is_in_the_way_of_all() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let owners = owners(
        Protocol::Tcp,
        SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port),
    );
    assert_eq!(is_us(&owners).local, listener.local_addr().ok());
}

#[test]
fn connections_come_behind_their_listener_and_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..5).map(|_| TcpStream::connect(addr).unwrap()).collect();
    let accepted: Vec<_> = (0..5).map(|_| listener.accept().unwrap()).collect();
    let owners = owners(Protocol::Tcp, addr);
    is_us(&owners);
    let states: Vec<_> = owners.iter().map(|owner| owner.state).collect();
    assert_eq!(states, [State::Listening, State::Connected]);
    drop((clients, accepted));
}

#[test]
fn a_connection_that_ended_is_held_by_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(addr).unwrap();
    let (server, _) = listener.accept().unwrap();
    drop((server, listener));
    // The end has arrived, so that this side's end is the last of the connection.
    assert_eq!(std::io::Read::read(&mut client, &mut [0]).unwrap(), 0);
    drop(client);
    let owners = owners(Protocol::Tcp, addr);
    let owner = owners.first().expect("the system remembers the connection");
    assert_eq!(
        (owner.state, owner.pid, owner.uid),
        (State::TimeWait, None, None)
    );
    assert!(
        explain(&owners, None)
            .unwrap()
            .starts_with("no program holds it")
    );
}

/// The tables of `/proc` do not have it, and bind(2) fails all the same.
#[test]
fn a_socket_that_is_bound_and_does_not_listen_is_found() {
    for addr in ["127.0.0.1:0", "[::1]:0"] {
        let addr: SocketAddr = addr.parse().unwrap();
        let domain = socket2::Domain::for_address(addr);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
        socket.bind(&addr.into()).unwrap();
        let addr = socket.local_addr().unwrap().as_socket().unwrap();
        let owners = owners(Protocol::Tcp, addr);
        if owners.is_empty() {
            assert!(
                !lists_bound_sockets(),
                "the system tells them, and this one was not found"
            );
            continue;
        }
        let owner = is_us(&owners);
        assert_eq!((owner.local, owner.state), (Some(addr), State::Bound));
    }
}

#[test]
fn a_free_port_has_no_owner() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    // Nobody else gets the port from the system within the moment.
    drop(socket);
    assert_eq!(owners(Protocol::Udp, addr), []);
    assert_eq!(explain(&[], None), None);
}

#[test]
fn a_unix_listener_is_found_by_any_path_that_leads_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("with space.sock");
    let listener = UnixListener::bind(&path).unwrap();
    // Connections bear the listener's name without holding it.
    let client = UnixStream::connect(&path).unwrap();
    let accepted = listener.accept().unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    for path in [
        path.clone(),
        dir.path().join("./with space.sock"),
        link.join("with space.sock"),
    ] {
        let owners = unix_owners(&path);
        assert_eq!(is_us(&owners).state, State::Listening);
        assert_eq!(owners.len(), 1);
    }
    drop((client, accepted, listener));
    assert!(path.exists());
    assert_eq!(unix_owners(&path), []);
}

#[test]
fn an_abstract_name_and_a_datagram_socket_are_found() {
    use std::os::linux::net::SocketAddrExt;

    let name = format!("sockpit-doctor-test-{}", std::process::id());
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&addr).unwrap();
    assert_eq!(
        is_us(&unix_owners(Path::new(&format!("@{name}")))).state,
        State::Bound
    );
    drop(socket);
    assert_eq!(unix_owners(Path::new(&format!("@{name}"))), []);
}

#[cfg(target_endian = "little")]
#[test]
fn the_tables_of_the_internet_are_read() {
    let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1B58 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0
   1: 0100007F:B914 0100007F:AE6F 06 00000000:00000000 03:00000480 00000000     0        0 0 3 0
   2: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 33 0 7
   3: 0100007F:zzzz 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0
   4: 01007F:1B58 00000000:0000 0A
   5:
é
";
    let entry = |local: &str, state, uid, inode| Entry {
        local: Some(local.parse().unwrap()),
        uid,
        ..Entry::new(Kind::Tcp, state, inode)
    };
    assert_eq!(
        parse_inet(Protocol::Tcp, table),
        [
            // port: only compared
            entry("127.0.0.1:7000", State::Listening, Some(1000), 4242),
            // port: only compared
            entry("127.0.0.1:47380", State::TimeWait, None, 0),
            entry("[2001:db8::1]:80", State::Listening, Some(33), 7),
        ]
    );
}

#[test]
fn the_table_of_unix_sockets_is_read() {
    let table = b"Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 44693 /run/a b.sock
0000000000000000: 00000003 00000000 00000000 0001 03 44694 /run/a b.sock
0000000000000000: 00000002 00000000 00000000 0002 01  1057 @name
0000000000000000: 00000003 00000000 00000000 0001 03   777
0000000000000000: 00000002 00000000 00010000 0001 01 1 /run/\xff
0000000000000000: 00000002 00000000 0001
b
";
    let entry = |kind, state, inode, name: &[u8]| Entry {
        path: Some(OsStr::from_bytes(name).into()),
        ..Entry::new(kind, state, inode)
    };
    assert_eq!(
        parse_unix(table),
        [
            entry(Kind::Unix, State::Listening, 44_693, b"/run/a b.sock"),
            entry(Kind::Unix, State::Connected, 44_694, b"/run/a b.sock"),
            entry(Kind::UnixDatagram, State::Bound, 1057, b"@name"),
            entry(Kind::Unix, State::Listening, 1, b"/run/\xff"),
        ]
    );
}

#[test]
fn addresses_are_in_each_other_s_way() {
    let check = |held: &str, wanted: &str, expected| {
        let (held, wanted) = (held.parse().unwrap(), wanted.parse().unwrap());
        assert_eq!(overlaps(held, wanted), expected, "{held} and {wanted}");
        assert_eq!(overlaps(wanted, held), expected, "{wanted} and {held}");
    };
    // port: only compared
    check("127.0.0.1:7", "127.0.0.1:7", true);
    // port: only compared
    check("127.0.0.1:7", "127.0.0.1:8", false);
    // port: only compared
    check("127.0.0.1:7", "127.0.0.2:7", false);
    // port: only compared
    check("0.0.0.0:7", "127.0.0.2:7", true);
    // port: only compared
    check("0.0.0.0:7", "[::]:7", true);
    // port: only compared
    check("[::]:7", "127.0.0.1:7", true);
    // port: only compared
    check("0.0.0.0:7", "[::1]:7", false);
    // port: only compared
    check("[::ffff:127.0.0.1]:7", "127.0.0.1:7", true);
    // port: only compared
    check("[::ffff:0.0.0.0]:7", "127.0.0.1:7", true);
    check("[fe80::1%3]:7", "[fe80::1]:7", true);
}

#[test]
fn the_start_of_a_process_is_behind_a_name_that_may_hold_anything() {
    let host = Host {
        uptime: Some(Duration::from_secs(1000)),
        ticks_per_second: Some(100),
        users: BTreeMap::new(),
    };
    let stat = b"42 (a) 1 (b\n) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4000 20 21";
    assert_eq!(host.since(stat), Some(Duration::from_secs(960)));
    assert_eq!(host.since(b"42 (a) S 1 2 3"), None);
    assert_eq!(host.since(b"42"), None);
    assert_eq!(host.since(b""), None);
}

#[test]
fn a_name_that_the_system_cut_is_whole_again() {
    let name = |comm: &[u8], arguments: &[u8]| program_name(comm, arguments);
    assert_eq!(
        name(b"python3\n", b"/usr/bin/python3\0-m\0http.server\0"),
        "python3"
    );
    assert_eq!(
        name(b"a-rather-long-n\n", b"/opt/a-rather-long-name\0-v\0"),
        "a-rather-long-name"
    );
    assert_eq!(
        name(b"another-long-na\n", b"/opt/a-rather-long-name\0"),
        "another-long-na"
    );
    assert_eq!(name(b"renamed\n", b"/opt/program\0"), "renamed");
    assert_eq!(name(b"kworker", b""), "kworker");
}

#[test]
fn users_have_names_or_numbers() {
    let users = parse_users(b"root:x:0:0:root:/root:/bin/sh\nalso:x:0:0::/:\nww\xff:x:33:\nbad\n");
    let host = Host {
        uptime: None,
        ticks_per_second: None,
        users,
    };
    assert_eq!(host.user(0), "root");
    assert_eq!(host.user(33), "ww\u{fffd}");
    assert_eq!(host.user(7), "7");
}

fn owner(pid: Option<u32>, state: State) -> Owner {
    Owner {
        program: pid.map(|_| "python3".to_owned()),
        pid,
        command: None,
        since: pid.map(|_| Duration::from_secs(12 * 60 + 59)),
        uid: Some(0),
        user: Some("root".to_owned()),
        // port: only compared
        local: Some("0.0.0.0:7000".parse().unwrap()),
        kind: Kind::Tcp,
        path: None,
        state,
        backlog: None,
        is_v6_only: None,
        sockets: 1,
    }
}

fn explained(owners: &[Owner]) -> String {
    explain_to(owners, None, false).unwrap()
}

#[test]
fn the_owner_is_explained_in_one_sentence() {
    let python = owner(Some(4121), State::Listening);
    let expected = "`python3` (pid 4121, user root) has held it for 12 min";
    assert_eq!(explained(std::slice::from_ref(&python)), expected);
    let connection = Owner {
        state: State::Connected,
        ..python.clone()
    };
    assert_eq!(explained(&[python.clone(), connection]), expected);

    let workers = [4121, 4122, 4123].map(|pid| owner(Some(pid), State::Listening));
    assert_eq!(
        explained(&workers[..2]),
        "`python3` (pid 4121, user root) and 1 more process have held it for 12 min"
    );
    assert_eq!(
        explained(&workers),
        "`python3` (pid 4121, user root) and 2 more processes have held it for 12 min"
    );
    let ageless = Owner {
        since: None,
        user: None,
        ..python
    };
    assert_eq!(explained(&[ageless]), "`python3` (pid 4121) holds it");
}

#[test]
fn an_owner_that_is_hidden_is_never_free() {
    let hidden = owner(None, State::Listening);
    assert_eq!(
        explained(std::slice::from_ref(&hidden)),
        "a process of user `root` holds it; its name is hidden from you, `sudo` shows it"
    );
    assert_eq!(
        explain_to(std::slice::from_ref(&hidden), None, true).unwrap(),
        "a process of user `root` holds it; it is outside of what can be seen from here, such as \
         in a container"
    );
    let nameless = Owner {
        user: None,
        uid: None,
        ..hidden
    };
    assert!(explained(&[nameless]).starts_with("a process holds it; "));
}

#[test]
fn what_the_system_keeps_is_explained() {
    let left = |state| Owner {
        user: None,
        uid: None,
        ..owner(None, state)
    };
    assert_eq!(
        explained(&[left(State::TimeWait)]),
        "no program holds it; the system keeps it for up to 60 s after a connection has ended"
    );
    assert_eq!(
        explained(&[left(State::Closing)]),
        "no program holds it; the system keeps it until a connection has ended"
    );
}

/// D2: a program chooses its own name.
#[test]
fn a_hostile_name_is_escaped() {
    let hostile = Owner {
        program: Some("\x1b[2J\n".to_owned()),
        user: Some("\u{202e}root".to_owned()),
        ..owner(Some(1), State::Listening)
    };
    let said = explained(&[hostile]);
    assert!(
        said.chars().all(|c| c.is_ascii_graphic() || c == ' '),
        "{said:?}"
    );
}

#[test]
fn spans_are_said_in_their_largest_unit() {
    let said = [0, 59, 60, 3599, 3600, 172_799, 172_800].map(|s| rough(Duration::from_secs(s)));
    assert_eq!(
        said,
        ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days"]
    );
}

#[cfg(target_endian = "little")]
#[test]
fn the_tables_of_groups_are_read() {
    let table = "\
Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
12\teth0      :     2      V3
\t\t\t\tFB0000E0     1 0:00000000\t\t0
\t\t\t\tzz0000E0     1 0:00000000\t\t0
";
    let v4 = |index, text: &str| (index, text.parse::<IpAddr>().unwrap());
    assert_eq!(
        parse_igmp(table),
        [v4(1, "224.0.0.1"), v4(12, "224.0.0.251")]
    );
    let table = "1    lo              ff020000000000000000000000000001     1 0000000C 0\nbad\n\n";
    assert_eq!(parse_igmp6(table), [v4(1, "ff02::1")]);
}

#[test]
fn the_interfaces_end_with_loopback() {
    let interfaces = interfaces().unwrap();
    let last = interfaces.last().unwrap();
    assert_eq!((last.name.as_str(), last.is_loopback), ("lo", true));
    assert!(last.addresses.contains(&(Ipv4Addr::LOCALHOST.into(), 8)));
    assert!(default_routes().is_ok());
}

fn selection(port: u16, extent: Extent) -> Selection {
    Selection {
        kinds: vec![Kind::Tcp, Kind::Udp],
        ports: vec![port..=port],
        extent,
    }
}

#[test]
fn a_listener_is_listed_with_its_backlog_and_its_connections_on_demand() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let waiting = [
        TcpStream::connect(addr).unwrap(),
        TcpStream::connect(addr).unwrap(),
    ];
    let accepted = listener.accept().unwrap();
    let owners = list(&selection(addr.port(), Extent::Holding));
    assert_eq!(owners.len(), 1);
    assert_eq!(
        is_us(&owners).backlog.map(|backlog| backlog.waiting),
        Some(1)
    );
    let owners = list(&selection(addr.port(), Extent::Everything));
    let states: Vec<_> = owners
        .iter()
        .map(|owner| (owner.state, owner.sockets))
        .collect();
    assert_eq!(states, [(State::Listening, 1), (State::Connected, 1)]);
    drop((waiting, accepted));
}

#[test]
fn a_port_is_free_or_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = listener.local_addr().unwrap().port();
    assert_eq!(
        free_port(&[Protocol::Tcp], Some(held..=held)).unwrap(),
        None
    );
    assert_eq!(
        free_port(&[Protocol::Udp], Some(held..=held)).unwrap(),
        Some(held)
    );
    let both = [Protocol::Tcp, Protocol::Udp];
    let free = free_port(&both, None).unwrap().unwrap();
    assert_eq!(list(&selection(free, Extent::Everything)), []);
    assert_eq!(free_port(&both, Some(0..=0)).unwrap(), None);
}

/// One that leaves IPv4 to others is not in its way.
#[test]
fn an_ipv6_listener_is_in_the_way_of_ipv4_where_it_takes_that() {
    for only in [true, false] {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None).unwrap();
        socket.set_only_v6(only).unwrap();
        let any: SocketAddr = "[::]:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(1).unwrap();
        let port = socket.local_addr().unwrap().as_socket().unwrap().port();
        let wanted = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let owners = owners(Protocol::Tcp, wanted);
        assert_eq!(owners.is_empty(), only);
        if let Some(said) = explain(&owners, Some(wanted)) {
            assert!(said.ends_with(", which takes IPv4 too"), "{said}");
        }
    }
}

#[test]
fn neither_the_first_process_nor_this_one_is_seized() {
    for pid in [0, 1, std::process::id()] {
        let error = Holder::seize(pid, Vec::new).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[test]
fn a_process_that_holds_nothing_of_it_is_let_go() {
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    assert!(Holder::seize(child.id(), Vec::new).unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

fn examined(endpoint: &str) -> (Reach, Vec<Step>) {
    let examination = Examination {
        endpoint: endpoint.parse().unwrap(),
        family: None,
        timeout: Duration::from_secs(10),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut steps = Vec::new();
    let reach = runtime.block_on(examine(&examination, |step, _| steps.push(step)));
    (reach, steps)
}

fn answers<'a>(steps: &'a [Step]) -> Vec<&'a Answer> {
    let answer = |step: &'a Step| match step {
        Step::Asked { answer, .. } => Some(answer),
        _ => None,
    };
    steps.iter().filter_map(answer).collect()
}

#[test]
fn a_listener_is_reachable_and_a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (reach, steps) = examined(&format!("tcp://{addr}"));
    assert_eq!(reach, Reach::Reachable);
    assert!(matches!(answers(&steps)[..], [Answer::Open]), "{steps:?}");
    let Some(Step::Holders(holders)) = steps.last() else {
        panic!("it is here: {steps:?}");
    };
    is_us(holders);
    // Bound and not listening, so that nobody else gets it.
    drop(listener);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&addr.into()).unwrap();
    let (reach, steps) = examined(&format!("tcp://{addr}"));
    assert_eq!(reach, Reach::Unreachable);
    assert!(
        matches!(answers(&steps)[..], [Answer::Refused(_)]),
        "{steps:?}"
    );
}

#[test]
fn a_datagram_is_taken_or_refused_by_whom() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    let (reach, steps) = examined(&format!("udp://{addr}"));
    assert_eq!(reach, Reach::Reachable);
    assert!(matches!(answers(&steps)[..], [Answer::Taken]), "{steps:?}");
    assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 0);
    drop(socket);
    let (reach, steps) = examined(&format!("udp://{addr}"));
    assert_eq!(reach, Reach::Unreachable);
    let [Answer::Refused(Some(by))] = answers(&steps)[..] else {
        panic!("{steps:?}");
    };
    assert_eq!(*by, addr.ip());
}

#[test]
fn a_unix_path_is_alive_stale_missing_or_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let endpoint = format!("unix://{}", path.display());
    let (reach, steps) = examined(&endpoint);
    assert_eq!(reach, Reach::Unreachable);
    assert!(
        matches!(&steps[..], [Step::File { found: Err(_), .. }]),
        "{steps:?}"
    );
    let listener = UnixListener::bind(&path).unwrap();
    assert_eq!(examined(&endpoint).0, Reach::Reachable);
    let (reach, steps) = examined(&endpoint.replace("unix:", "unixgram:"));
    assert_eq!(reach, Reach::Unreachable);
    assert!(
        matches!(answers(&steps)[..], [Answer::OtherKind]),
        "{steps:?}"
    );
    drop(listener);
    let (reach, steps) = examined(&endpoint);
    assert_eq!(reach, Reach::Unreachable);
    assert!(
        matches!(answers(&steps)[..], [Answer::Refused(None)]),
        "{steps:?}"
    );
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    let (_, steps) = examined(&endpoint);
    assert!(
        matches!(&steps[..], [Step::File { found: Ok(file), .. }] if !file.is_socket),
        "{steps:?}"
    );
}
