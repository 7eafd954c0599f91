//! `sockpit ports`, `nets` and `doctor`: who holds what, and why it fails.

use std::fs;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Finished, Program, Running, contains, folder, free_port, listen, need, python, server, sockpit,
    wait_until,
};

/// Holds a port by TCP, over IPv4 and by UDP too, and prints its number. Who says that all who hold a
/// number are ended gives it a free one.
const HOLDER: &str = "
import socket, signal, sys, time
if 'deaf' in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
port = int(sys.argv[1])
t = socket.socket(); t.bind(('127.0.0.1', port)); t.listen(5)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', port))
print(port, flush=True)
time.sleep(60)
";

fn holder(arguments: &[&str]) -> Running {
    python(HOLDER, &[&free_port().to_string()])
        .args(arguments)
        .start()
}

fn ports(args: &[&str]) -> Program {
    sockpit(&["ports"]).args(args)
}

fn doctor(args: &[&str]) -> Program {
    sockpit(&["doctor"]).args(args)
}

/// The objects that were printed, a line each.
fn objects(finished: &Finished) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("one object a line");
    finished.text().lines().map(parse).collect()
}

fn pid(running: &Running) -> u64 {
    running
        .pid()
        .as_raw_nonzero()
        .get()
        .try_into()
        .expect("a number of a process")
}

/// Skips what only root can set up: a process of another user, a network of its own.
fn is_root() -> bool {
    let is_root = rustix::process::getuid().is_root();
    if !is_root {
        crate::support::say("skipped: only root has other users and networks at hand");
    }
    is_root
}

#[test]
fn the_program_that_holds_a_port_is_named_with_all_that_is_known_of_it() {
    let holder = holder(&[]);
    let port = holder.printed_port();
    let found = ports(&[&port.to_string(), "--json"])
        .run()
        .check_code(0)
        .check_silent();
    let found = objects(&found);
    let protocols: Vec<_> = found
        .iter()
        .map(|owner| owner["protocol"].as_str())
        .collect();
    assert_eq!(protocols, [Some("tcp"), Some("udp")]);
    for owner in &found {
        assert_eq!(owner["pid"], pid(&holder));
        assert_eq!(owner["port"], port);
        assert_eq!(owner["address"], "127.0.0.1");
        assert_eq!(owner["hidden"], false);
        assert!(
            owner["command"]
                .as_str()
                .is_some_and(|command| command.contains("python"))
        );
        assert!(
            owner["user"].is_string() && owner["since"].is_string(),
            "{owner}"
        );
    }
    assert_eq!(found[0]["state"], "listening");
    assert_eq!(found[0]["backlog"]["limit"], 5);
    assert_eq!(found[1]["state"], "bound");

    let table = ports(&[&port.to_string(), "--tcp"])
        .run()
        .check_code(0)
        .check_silent();
    let lines: Vec<_> = table.text().lines().collect();
    assert_eq!(lines.len(), 2, "a head and a row\n{}", table.told());
    let row: Vec<_> = lines[1].split_whitespace().collect();
    assert_eq!(
        row[..5],
        [
            "tcp",
            &format!("127.0.0.1:{port}"),
            "listening",
            "0/5",
            &pid(&holder).to_string()
        ]
    );
    // And so it is among all.
    let all = ports(&[]).run().check_code(0);
    assert!(
        all.text().contains(&format!("127.0.0.1:{port}")),
        "{}",
        all.told()
    );
}

#[test]
fn a_free_port_is_said_to_be_free_with_exit_1() {
    let port = free_port();
    ports(&[&port.to_string()])
        .run()
        .check_code(1)
        .check_stdout(format!("port {port} is free\n"));
    ports(&[&port.to_string(), "--json"])
        .run()
        .check_code(1)
        .check_stdout("");
    // One that was found can be taken, unless another test is given it first.
    let can_be_taken = (0..10).any(|_| {
        let found = ports(&["--free"]).run().check_code(0).check_silent();
        let found: u16 = found.text().trim().parse().expect("a number alone");
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, found)).is_ok()
    });
    assert!(can_be_taken, "what is found is not free");
}

#[test]
fn the_first_free_port_of_a_range_is_found_and_none_is_exit_1() {
    let port = free_port();
    let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let one = format!("{port}-{port}");
    ports(&["--free", &one])
        .run()
        .check_code(1)
        .check_stdout("")
        .check_stderr(&["free"]);
    ports(&["--free", &one, "--udp"])
        .run()
        .check_code(0)
        .check_stdout(format!("{port}\n"));
    let next = port + 20;
    let range = format!("{port}-{next}");
    let found = ports(&["--free", &range]).run().check_code(0);
    let found: u16 = found.text().trim().parse().expect("a number alone");
    assert!((port + 1..=next).contains(&found), "{found} of {range}");
}

#[test]
fn what_is_no_port_is_a_mistake() {
    for wrong in ["0", "65536", "http", "9000-8000", ""] {
        ports(&[wrong]).run().check_code(2).check_stderr(&[wrong]);
    }
    ports(&["--kill"]).run().check_code(2);
    ports(&["--force", "1"]).run().check_code(2);
    ports(&["--free", "/run/a.sock"]).run().check_code(2);
}

#[test]
fn an_ipv6_wildcard_that_takes_ipv4_says_so() {
    let script = "
import socket, time
s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(('::', 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)
";
    let holder = python(script, &[]).start();
    let port = holder.printed_port();
    let table = ports(&[&port.to_string()]).run().check_code(0);
    assert!(table.text().contains("+IPv4"), "{}", table.told());
    let refused = listen(&[&format!("127.0.0.1:{port}")])
        .finish()
        .check_code(2);
    refused.check_stderr(&["which takes IPv4 too", &pid(&holder).to_string()]);
}

#[test]
fn a_socket_that_is_bound_and_does_not_listen_is_never_free() {
    let script = "
import socket, time
s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); time.sleep(60)
";
    let holder = python(script, &[]).start();
    let port = holder.printed_port();
    let found = ports(&[&port.to_string()]).run().check_code(0);
    let is_listed = found.text().contains(&pid(&holder).to_string());
    // An older system does not list it, and that is said.
    assert!(
        is_listed || found.text().contains("is taken"),
        "{}",
        found.told()
    );
    let refused = listen(&[&format!("127.0.0.1:{port}")])
        .finish()
        .check_code(2);
    if is_listed {
        refused.check_stderr(&[
            "without listening",
            &format!("`sockpit ports {port} --kill`"),
        ]);
    }
}

#[test]
fn a_connection_that_ended_is_held_by_no_program() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (server, _) = listener.accept().unwrap();
    // A program that another test starts just then holds them too, until it has begun.
    server.shutdown(Shutdown::Both).unwrap();
    assert_eq!(std::io::Read::read(&mut client, &mut [0]).unwrap(), 0);
    client.shutdown(Shutdown::Both).unwrap();
    drop((server, client, listener));
    let mut found = None;
    wait_until("a connection that ended, and nobody who listens", || {
        let table = ports(&[&port.to_string()]).run().check_code(0);
        let is_it = table.text().contains("time-wait");
        found = Some(table);
        is_it
    });
    let found = found.expect("it was waited for");
    assert!(
        found.text().contains("gone within 60 s"),
        "{}",
        found.told()
    );
    let kill = ports(&[&port.to_string(), "--kill", "--yes"])
        .run()
        .check_code(2);
    kill.check_stderr(&["no program holds it"]);
}

#[test]
fn unix_sockets_are_found_by_path_and_by_abstract_name_and_leftovers_are_told() {
    let folder = folder();
    let path = folder.path().join("a 你.sock");
    let path = path.to_str().unwrap();
    let script = "
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(7)
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind('\\0' + sys.argv[2])
print('ready', flush=True); time.sleep(60)
";
    let name = format!("sockpit-it-{}", std::process::id());
    let holder = python(script, &[path, &name]).start();
    holder.wait_for_stdout(b"ready");
    let abstract_name = format!("@{name}");
    for (target, kind) in [(path, "unix"), (&abstract_name, "unixgram")] {
        let found = ports(&[target, "--json"]).run().check_code(0);
        let found = objects(&found);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["pid"], pid(&holder));
        assert_eq!(
            (&found[0]["path"], &found[0]["protocol"]),
            (&target.into(), &kind.into())
        );
    }
    let all = ports(&["--unix"]).run().check_code(0);
    assert!(
        all.text().contains(path) && all.text().contains(&abstract_name),
        "{}",
        all.told()
    );
    let refused = listen(&[&format!("unix:{path}")]).finish().check_code(2);
    refused.check_stderr(&["in use", &pid(&holder).to_string(), "--kill"]);
    drop(holder);
    let found = ports(&[path]).run().check_code(1);
    assert!(found.text().contains("leftover"), "{}", found.told());
    ports(&[&abstract_name]).run().check_code(1);
    let examined = doctor(&[&format!("unix:{path}")]).run().check_code(1);
    examined.check_stderr(&["leftover", "\nhint: "]);
}

#[test]
fn kill_ends_the_program_and_waits_until_the_port_is_free() {
    let mut holder = holder(&[]);
    let port = holder.printed_port().to_string();
    // Nobody can answer the question.
    ports(&[&port, "--kill"])
        .run()
        .check_code(2)
        .check_stderr(&["`--yes`"]);
    assert!(!holder.has_ended());
    let killed = ports(&[&port, "--kill", "--yes"])
        .run()
        .check_code(0)
        .check_stdout("");
    killed.check_stderr(&["SIGTERM", "ended after", &format!("port {port} is free")]);
    wait_until("its end", || holder.has_ended());
    // Nothing is left to do.
    ports(&[&port, "--kill", "--yes"])
        .run()
        .check_code(0)
        .check_stderr(&["nobody"]);
}

#[test]
fn a_program_that_ignores_sigterm_is_told_and_ended_by_force() {
    let mut holder = holder(&["deaf"]);
    let port = holder.printed_port().to_string();
    let asked = ports(&[&port, "--kill", "--yes"]).run().check_code(1);
    asked.check_stderr(&["goes on", "`--force`"]);
    assert!(!holder.has_ended());
    let forced = ports(&[&port, "--kill", "--force", "--yes"])
        .run()
        .check_code(0);
    forced.check_stderr(&["SIGKILL", "ended after"]);
    wait_until("its end", || holder.has_ended());
}

/// As user nobody, with a copy of the program where that user can read it.
fn as_nobody(folder: &crate::support::TempDir, args: &[&str]) -> Program {
    let copy = folder.path().join("sockpit");
    if !copy.exists() {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // By another program: a child of another test would have our file open for writing until it is
        // the program that it becomes, and what is open for writing cannot be run (ETXTBSY).
        Program::new("cp", &[env!("CARGO_BIN_EXE_sockpit")])
            .args(&[copy.to_str().unwrap()])
            .run()
            .check_code(0);
    }
    let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    Program::new("setpriv", &user)
        .args(&[copy.to_str().unwrap()])
        .args(args)
}

#[test]
fn an_owner_that_is_hidden_is_told_as_such_and_never_as_free() {
    if !is_root() || !need("setpriv") {
        return;
    }
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let folder = folder();
    let found = as_nobody(&folder, &["ports", &port]).run().check_code(0);
    assert!(
        found.text().contains("(hidden)") && found.text().contains("root"),
        "{}",
        found.told()
    );
    found.check_stderr(&["sudo"]);
    let refused = as_nobody(&folder, &["listen", &format!("127.0.0.1:{port}")]).run();
    refused
        .check_code(2)
        .check_stderr(&["user `root`", "hidden", "sudo"]);
    let kill = as_nobody(&folder, &["ports", &port, "--kill", "--yes"])
        .run()
        .check_code(2);
    kill.check_stderr(&[&format!("`sudo sockpit ports {port} --kill`")]);
    // Its own process is seen by an ordinary user.
    let mut own = as_nobody(&folder, &["listen", "127.0.0.1:0"])
        .hold_stdin()
        .start();
    let port = own.port().to_string();
    let found = as_nobody(&folder, &["ports", &port]).run().check_code(0);
    assert!(found.text().contains("sockpit"), "{}", found.told());
    as_nobody(&folder, &["ports", &port, "--kill", "--yes"])
        .run()
        .check_code(0);
    wait_until("its end", || own.has_ended());
}

#[test]
fn nets_agrees_with_ip() {
    let found = sockpit(&["nets", "--json"])
        .run()
        .check_code(0)
        .check_silent();
    let found = objects(&found);
    let interfaces: Vec<_> = found
        .iter()
        .filter(|one| one["interface"].is_string() && one["index"].is_number())
        .collect();
    assert_eq!(
        interfaces.last().map(|last| &last["loopback"]),
        Some(&Value::Bool(true))
    );
    let table = sockpit(&["nets"]).run().check_code(0).check_silent();
    assert!(
        table.text().contains("127.0.0.1/8") && table.text().contains("default route, IPv4"),
        "{}",
        table.told()
    );
    if !need("ip") {
        return;
    }
    let expected = Program::new("ip", &["-j", "addr"]).run().check_code(0);
    let expected: Vec<Value> = serde_json::from_slice(&expected.stdout).expect("ip speaks JSON");
    for other in expected {
        let name = &other["ifname"];
        let ours = interfaces.iter().find(|one| one["interface"] == *name);
        let ours = ours.unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(
            (&ours["mtu"], &ours["index"]),
            (&other["mtu"], &other["ifindex"])
        );
        let addresses = other["addr_info"].as_array().cloned().unwrap_or_default();
        for address in addresses
            .iter()
            .filter(|address| address["tentative"].is_null())
        {
            let is_there = |own: &Value| {
                own["address"] == address["local"] && own["prefix"] == address["prefixlen"]
            };
            assert!(
                ours["addresses"]
                    .as_array()
                    .is_some_and(|own| own.iter().any(is_there)),
                "{address}"
            );
        }
    }
}

#[test]
fn doctor_shows_each_step_of_what_is_reachable() {
    let (_listener, address) = server();
    let found = doctor(&[&address]).run().check_code(0).check_silent();
    for part in ["route", "this machine", "answer", "open", "is reachable"] {
        assert!(found.text().contains(part), "`{part}`\n{}", found.told());
    }
    let steps = doctor(&[&address, "--json"])
        .run()
        .check_code(0)
        .check_silent();
    let steps = objects(&steps);
    let kinds: Vec<_> = steps
        .iter()
        .filter_map(|step| step["step"].as_str())
        .collect();
    assert_eq!(kinds, ["name", "route", "answer", "holders", "verdict"]);
    assert_eq!(steps[4]["reach"], "reachable");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    doctor(&[&format!("udp://{}", socket.local_addr().unwrap())])
        .run()
        .check_code(0);
}

#[test]
fn doctor_tells_who_listens_near_a_port_that_refuses() {
    let holder = holder(&[]);
    let port = holder.printed_port();
    let refused = doctor(&[&format!("127.0.0.2:{port}")]).run().check_code(1);
    refused.check_stderr(&["refused", &format!("connect to `tcp://127.0.0.1:{port}`")]);
    // Both addresses of the name are tried.
    let half = doctor(&["localhost", &port.to_string()])
        .run()
        .check_code(0);
    assert!(
        half.text().contains(&format!("[::1]:{port}: ")),
        "{}",
        half.told()
    );
    half.check_stderr(&["[::1]"]);
    // The same hint where a session is refused.
    let refused = sockpit(&["connect", &format!("127.0.0.2:{port}")])
        .run()
        .check_code(1);
    refused.check_stderr(&[&pid(&holder).to_string(), &format!("127.0.0.1:{port}")]);
    drop(holder);
    for scheme in ["tcp", "udp"] {
        let refused = doctor(&[&format!("{scheme}://127.0.0.1:{port}")])
            .run()
            .check_code(1);
        refused.check_stderr(&["refused", "nobody listens there"]);
    }
}

#[test]
fn doctor_names_the_name_that_means_nothing() {
    let name = "a".repeat(64);
    let found = doctor(&[&format!("{name}.invalid"), "80"])
        .run()
        .check_code(1);
    found.check_stderr(&[&name, "\nhint: "]);
    doctor(&["127.0.0.1:0"])
        .run()
        .check_code(2)
        .check_stderr(&["port 0"]);
    doctor(&["127.0.0.1"]).run().check_code(2);
}

/// A listener that accepts nobody, and the connections that fill its backlog.
fn full() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
    }
    (listener, waiting, address)
}

#[test]
fn doctor_sees_that_a_full_backlog_is_why_nobody_answers() {
    let (_listener, _waiting, address) = full();
    let found = doctor(&[&address.to_string(), "--timeout", "300ms"])
        .run()
        .check_code(4);
    found.check_stderr(&["within 300ms", "does not accept"]);
    let found = sockpit(&["connect", &address.to_string(), "--timeout", "300ms"]).run();
    found
        .check_code(4)
        .check_stderr(&["no answer within 300ms", "does not accept"]);
}

#[test]
fn doctor_ends_at_once_by_ctrl_c() {
    let (_listener, _waiting, address) = full();
    let running = doctor(&[&address.to_string(), "--timeout", "10m"]).start();
    running.wait("the first step", |running| {
        contains(&running.stdout(), b"route")
    });
    let finished = running.interrupt().check_code(130);
    assert!(
        finished.took < Duration::from_secs(20),
        "it took {:?}",
        finished.took
    );
}

/// A network of its own: a neighbour that is a router, and one that is not there.
#[test]
fn doctor_tells_which_router_says_no_and_what_is_silent() {
    if !is_root() || !need("unshare") || !need("nsenter") || !need("ip") {
        return;
    }
    let script = r#"
ip link set lo up && ip link add v0 type veth peer name v1 || exit 77
unshare -n sleep 30 & router=$!
until [ "$(readlink /proc/$router/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link set v1 netns $router || exit 77
ip addr add 198.51.100.1/24 dev v0; ip link set v0 up
nsenter -t $router -n sh -c 'ip addr add 198.51.100.9/24 dev v1; ip link set v1 up; ip link set lo up
  echo 1 > /proc/sys/net/ipv4/ip_forward; ip route add unreachable 203.0.113.0/24'
ip route add 203.0.113.0/24 via 198.51.100.9
ip route add prohibit 198.51.101.0/24
ip neigh add 198.51.100.7 lladdr 02:00:00:00:00:07 dev v0
for target in tcp://198.51.100.9:80 tcp://203.0.113.1:80 udp://203.0.113.1:80 \
  tcp://198.51.101.1:80 tcp://192.0.2.1:80 tcp://198.51.100.7:80 udp://198.51.100.7:80
do "$0" doctor --timeout 500ms $target 2>&1 >/dev/null | grep error: ; done
"$0" connect tcp://203.0.113.1:80 2>&1 | grep error:
kill $router
"#;
    let found = Program::new("unshare", &["-n", "sh", "-c", script])
        .args(&[env!("CARGO_BIN_EXE_sockpit")])
        .run();
    if found.text().is_empty() {
        crate::support::say("skipped: no network of its own is to be had");
        return;
    }
    let text = found.text();
    let expected = [
        "tcp://198.51.100.9:80 refused: the host is there",
        "tcp://203.0.113.1:80 cannot be reached: 198.51.100.9 says",
        "udp://203.0.113.1:80 cannot be reached: 198.51.100.9 says",
        "tcp://198.51.101.1:80 cannot be reached: a route of this machine refuses it",
        "tcp://192.0.2.1:80 cannot be reached: this machine has no route to it",
        "tcp://198.51.100.7:80 did not answer within 500ms",
        "udp://198.51.100.7:80 did not answer within 500ms, and nobody refused",
        "cannot connect to tcp://203.0.113.1:80: no route to the host, says 198.51.100.9",
    ];
    for (line, part) in text.lines().zip(expected) {
        assert!(
            line.contains(part),
            "`{part}` is not in `{line}`\n{}",
            found.told()
        );
    }
    assert_eq!(text.lines().count(), expected.len(), "{}", found.told());
}
