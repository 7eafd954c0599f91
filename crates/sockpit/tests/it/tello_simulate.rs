//! `sockpit tello simulate`: programs that fly drones, against drones that are not there.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use crate::support::{
    DEADLINE, Program, Running, contains, folder, free_port, need, python, say, sockpit,
};

/// A simulator of fast drones whose state and video go to sockets of the test's.
struct Sky {
    running: Running,
    drone: SocketAddr,
    state: UdpSocket,
    video: UdpSocket,
}

impl Sky {
    fn new(args: &[&str]) -> Self {
        Self::over(socket(), args)
    }

    /// The state goes to this socket.
    fn over(state: UdpSocket, args: &[&str]) -> Self {
        let video = socket();
        let (state_port, video_port) = (port(&state), port(&video));
        let running = sockpit(&["tello", "simulate", "--bind", "127.0.0.1:0"])
            .args(&["--state-port", &state_port, "--video-port", &video_port])
            .args(&["--speed-up", "50"])
            .args(args)
            .start();
        let drone = SocketAddr::from((Ipv4Addr::LOCALHOST, running.port()));
        Self {
            running,
            drone,
            state,
            video,
        }
    }
}

fn socket() -> UdpSocket {
    socket_at(0)
}

fn socket_at(port: u16) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

fn port(socket: &UdpSocket) -> String {
    socket.local_addr().unwrap().port().to_string()
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2048];
    let (len, from) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..len].to_vec(), from)
}

fn ask(client: &UdpSocket, drone: SocketAddr, text: &str) -> String {
    client.send_to(text.as_bytes(), drone).unwrap();
    let (reply, from) = receive(client);
    assert_eq!(from, drone);
    String::from_utf8(reply).unwrap()
}

/// The vendor's demonstration of the text protocol, in its style: one socket, a thread that prints
/// what comes, lines from the keyboard until `end`.
const DEMO: &str = r"
import socket, sys, threading
host = ('127.0.0.1', int(sys.argv[1]))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('127.0.0.1', 0))
def recv():
    while True:
        try:
            data, server = sock.recvfrom(1518)
            print(data.decode(encoding='utf-8'))
        except Exception:
            print('\nExit . . .\n')
            break
threading.Thread(target=recv, daemon=True).start()
while True:
    msg = input('')
    if not msg:
        break
    if 'end' in msg:
        print('...')
        sock.close()
        break
    sock.sendto(msg.encode(encoding='utf-8'), host)
";

#[test]
fn the_vendors_demonstration_flies() {
    if !need("python3") {
        return;
    }
    let sky = Sky::new(&[]);
    let mut demo = python(DEMO, &[&sky.drone.port().to_string()])
        .hold_stdin()
        .start();
    let mut heard = Vec::new();
    for (order, reply) in [
        ("command", "ok\n"),
        ("takeoff", "ok\n"),
        ("forward 100", "ok\n"),
        ("height?", "8dm\r\n\n"),
        ("forward 10", "out of range\n"),
        ("land", "ok\n"),
    ] {
        demo.feed(format!("{order}\n").as_bytes());
        heard.extend_from_slice(reply.as_bytes());
        demo.wait(order, |demo| demo.stdout().len() >= heard.len());
        assert_eq!(demo.stdout(), heard, "after `{order}`");
    }
    demo.feed(b"end\n");
    demo.finish().check_code(0);
    let sim = sky.running.interrupt().check_code(130);
    let lines: Vec<&str> = sim.text().lines().collect();
    assert!(lines.contains(&"drone 1: command -> ok"), "{lines:?}");
    assert!(lines.contains(&"drone 1: takeoff"), "{lines:?}");
    assert!(!contains(&sim.stdout, b"\x1b"));
}

#[test]
fn state_and_video_come_from_the_drones_own_address() {
    let sky = Sky::new(&["--sdk", "3.0"]);
    let client = socket();
    assert_eq!(ask(&client, sky.drone, "command"), "ok");
    let (state, from) = receive(&sky.state);
    assert_eq!(from.ip(), sky.drone.ip());
    let state = String::from_utf8(state).unwrap();
    assert!(
        state.starts_with("mid:-2;x:-200;") && state.ends_with(";\r\n"),
        "{state}"
    );
    assert_eq!(ask(&client, sky.drone, "streamon"), "ok");
    let (first, from) = receive(&sky.video);
    assert_eq!(from.ip(), sky.drone.ip());
    // The parameters without which nothing can be decoded.
    assert!(first.starts_with(&[0, 0, 0, 1, 0x67]));
    let mut ended = first.len() < 1460;
    while !ended {
        ended = receive(&sky.video).0.len() < 1460;
    }
}

#[test]
fn a_state_that_nobody_hears_goes_on() {
    let port = free_port();
    let sky = Sky::over(socket_at(port), &[]);
    drop(sky.state);
    let client = socket();
    assert_eq!(ask(&client, sky.drone, "command"), "ok");
    assert_eq!(ask(&client, sky.drone, "takeoff"), "ok");
    // By now several states came to nothing.
    let (state, _) = receive(&socket_at(port));
    assert!(contains(&state, b";h:80;"), "{}", state.escape_ascii());
    let sim = sky.running.interrupt().check_code(130);
    assert!(!sim.stderr.contains("error"), "{}", sim.told());
}

#[test]
fn each_drone_has_an_address_of_its_own() {
    let sim = sockpit(&["tello", "simulate", "--bind", "127.0.0.5:0", "--count", "3"]).start();
    sim.wait("three addresses", |sim| {
        sim.stderr().matches("listening on ").count() == 3
    });
    let told = sim.stderr();
    for ip in ["127.0.0.5", "127.0.0.6", "127.0.0.7"] {
        assert!(
            told.contains(&format!("listening on udp://{ip}:")),
            "{told}"
        );
    }
}

#[test]
fn what_goes_wrong_on_demand_is_told() {
    let sky = Sky::new(&["--json", "--fault", "junk-first", "--fault", "imu@takeoff"]);
    let client = socket();
    client.send_to(b"command", sky.drone).unwrap();
    assert_eq!(receive(&client).0[0], 0xCC);
    assert_eq!(receive(&client).0, b"ok");
    assert_eq!(ask(&client, sky.drone, "takeoff"), "error No valid imu");
    let sim = sky.running;
    sim.wait_for_stdout(b"error No valid imu");
    let sim = sim.interrupt().check_code(130);
    let kinds: Vec<String> = sim
        .text()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|record| record["kind"].as_str().map(str::to_owned))
        .collect();
    assert!(kinds.iter().any(|kind| kind == "drone.fault"), "{kinds:?}");
    assert!(
        kinds.iter().any(|kind| kind == "drone.answered"),
        "{kinds:?}"
    );
}

#[test]
fn the_flight_is_drawn_at_the_end() {
    let folder = folder();
    let path = folder.path().join("flight.svg");
    let sky = Sky::new(&[
        "--quiet",
        "--svg",
        path.to_str().unwrap(),
        "--pad",
        "m1@100,0",
    ]);
    let client = socket();
    for order in ["command", "takeoff", "forward 200", "land"] {
        assert_eq!(ask(&client, sky.drone, order), "ok");
    }
    sky.running.interrupt().check_code(130).check_stdout("");
    let svg = std::fs::read_to_string(path).unwrap();
    assert!(svg.ends_with("</svg>\n") && svg.contains("m1") && svg.contains("<path"));
}

#[test]
fn mistakes_are_told_before_anything_is_opened() {
    for (args, part) in [
        (["--fault", "lose"], "`lose-command`"),
        (["--pad", "m9@1,2"], "`m1@100,50`"),
        // port: the one that the mistake recommends
        (["--bind", "drone"], "127.0.0.1:8889"),
        (["--sdk", "4.0"], "4.0"),
        (["--speed-up", "0"], "0.1 to 100"),
        (["--battery", "101"], "101"),
        (["--svg", "/nowhere/flight.svg"], "/nowhere/flight.svg"),
    ] {
        sockpit(&["tello", "simulate"])
            .args(&args)
            .run()
            .check_code(2)
            .check_stderr(&[part]);
    }
}

#[test]
fn a_port_in_use_is_explained() {
    let taken = socket();
    let addr = taken.local_addr().unwrap().to_string();
    sockpit(&["tello", "simulate", "--bind", &addr])
        .run()
        .check_code(2)
        .check_stderr(&["cannot listen on", "hint: "]);
}

/// Flies one drone and then two at once, with the library as it is published. It binds the client's
/// side of the drone's own ports, so this has a network of its own.
const DJITELLOPY: &str = r#"
import logging, subprocess, sys, time
from djitellopy import Tello, TelloSwarm
logging.getLogger('djitellopy').setLevel(logging.ERROR)
sim = subprocess.Popen([sys.argv[1], 'tello', 'simulate', '--count', '3', '--speed-up', '20', '--quiet',
                        '--pad', 'm1@100,0'], stderr=subprocess.PIPE)
for _ in range(3):
    sim.stderr.readline()
# On one host the library's own port is the drone's.
Tello.CONTROL_UDP_PORT = 9000
def tello(host):
    drone = Tello(host)
    drone.address = (host, 8889)
    return drone
# What the library knows of the height is what the last state said.
def wait_for_height(height):
    for _ in range(50):
        if one.get_height() == height:
            break
        time.sleep(0.02)
one = tello('127.0.0.1')
one.connect()
print('battery', abs(one.get_battery() - one.query_battery()) <= 1)
print('sdk', one.query_sdk_version(), one.query_serial_number())
one.takeoff()
wait_for_height(80)
print('height', one.get_height(), one.query_distance_tof())
one.enable_mission_pads()
one.move_forward(100)
one.rotate_clockwise(90)
one.move_up(40)
wait_for_height(120)
print('state', one.get_height(), one.get_yaw(), one.get_mission_pad_id())
one.go_xyz_speed_mid(0, 0, 100, 50, 1)
one.curve_xyz_speed(100, 100, 0, 200, 0, 0, 60)
one.flip_left()
one.streamon()
frames = one.get_frame_read()
for _ in range(200):
    if frames.frame.mean() > 0:
        break
    time.sleep(0.05)
print('frame', frames.frame.shape, frames.frame.mean() > 0)
frames.stop()
one.streamoff()
one.land()
swarm = TelloSwarm([tello('127.0.0.2'), tello('127.0.0.3')])
swarm.connect()
swarm.takeoff()
swarm.move_up(50)
swarm.parallel(lambda index, drone: drone.move_left(50 * (index + 1)))
swarm.land()
print('swarm', [drone.query_battery() > 10 for drone in swarm])
sim.send_signal(2)
print('simulator', sim.wait())
"#;

#[test]
fn djitellopy_flies_one_drone_and_a_swarm() {
    let python = std::env::var("SOCKPIT_DJITELLOPY_PYTHON").unwrap_or_else(|_| "python3".into());
    if !need("python3") || !need("unshare") || !need("ip") {
        return;
    }
    let is_there = Program::new(&python, &["-c", "import djitellopy"]).run();
    if is_there.code != Some(0) {
        say(
            "skipped: djitellopy is not installed; SOCKPIT_DJITELLOPY_PYTHON names a Python that has it",
        );
        return;
    }
    let script = "ip link set lo up && exec \"$0\" -c \"$1\" \"$2\"";
    let found = Program::new("unshare", &["-Urn", "sh", "-c", script])
        .args(&[&python, DJITELLOPY, env!("CARGO_BIN_EXE_sockpit")])
        .run()
        .check_code(0);
    let told: Vec<&str> = found.text().lines().collect();
    assert_eq!(
        told,
        [
            "battery True",
            "sdk 20 0TQSIM00000001",
            "height 80 80.0",
            "state 120 90 1",
            "frame (720, 960, 3) True",
            "swarm [True, True]",
            "simulator 130",
        ],
        "{}",
        found.told()
    );
}
