//! Datagrams that come several at a time, by real sockets.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use sockpit_core::event::{Direction, FaultKind, What};
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::rule::Rules;
use sockpit_core::session::{Input, Session as Talk};
use sockpit_sys::datagram::SendBatch;

use crate::bus::{Scope, Tap, TapLimit};
use crate::session::Session;
use crate::workbench::{Handle, Workbench};

const DEADLINE: Duration = Duration::from_secs(10);

const ROOMY: TapLimit = TapLimit {
    bytes: usize::MAX,
    patience: None,
};

/// Lengths of datagrams that one peer sends side by side.
const TRAINS: [&[usize]; 8] = [
    &[64; 16],
    &[100, 100, 100, 7],
    &[100, 100, 7, 100, 100],
    &[0, 0, 5, 0],
    &[9, 8, 7, 8, 9],
    &[1400; 60],
    &[20_000, 20_000, 1],
    &[65_507],
];

#[tokio::test]
async fn what_comes_in_trains_goes_back_as_it_came() {
    for endpoint in ["udp://127.0.0.1:0", "udp://[::1]:0"] {
        for is_watched in [false, true] {
            let bench = Workbench::start().unwrap();
            let scope = if is_watched {
                Scope::Everything
            } else {
                Scope::Faults
            };
            let mut tap = bench.handle().tap(ROOMY, scope).await;
            let (session, addr) = serve(bench.handle(), endpoint, "echo = true").await;
            let mut total = 0;
            for lens in TRAINS {
                let pair = [peer(addr), peer(addr)];
                for (mark, socket) in (1..).zip(&pair) {
                    send(socket, mark, lens);
                }
                for (mark, socket) in (1..).zip(&pair) {
                    for (index, &len) in lens.iter().enumerate() {
                        let answer = receive(socket);
                        let expected = datagram(mark, index, len);
                        assert!(answer == expected, "{lens:?} {index}: {}", answer.len());
                    }
                }
                total += 2 * lens.iter().sum::<usize>() as u64;
                if is_watched {
                    check_chunks(&mut tap, lens).await;
                }
            }
            session.close();
            let outcome = session.outcome().await;
            assert_eq!((outcome.received, outcome.sent), (total, total));
        }
    }
}

/// Each datagram is an event of its own, in order, with its place among the peer's bytes.
async fn check_chunks(tap: &mut Tap, lens: &[usize]) {
    let mut missing = 4 * lens.len();
    let mut peers = std::collections::BTreeMap::<_, [Vec<(u64, usize)>; 2]>::new();
    while missing > 0 {
        let event = tokio::time::timeout(DEADLINE, tap.next()).await;
        let event = event.expect("all chunks are told").unwrap();
        if let What::Chunk {
            direction,
            offset,
            bytes,
            ..
        } = &event.what
        {
            let way = usize::from(*direction == Direction::Out);
            peers.entry(event.peer).or_default()[way].push((*offset, bytes.len()));
            missing -= 1;
        }
    }
    let mut at = 0;
    let expected: Vec<_> = lens
        .iter()
        .map(|&len| {
            at += len as u64;
            (at - len as u64, len)
        })
        .collect();
    assert_eq!(peers.len(), 2);
    assert!(peers.values().flatten().all(|seen| *seen == expected));
}

#[tokio::test]
async fn a_datagram_of_a_train_that_is_cut_is_told_alone() {
    let bench = Workbench::start().unwrap();
    let mut tap = bench.handle().tap(ROOMY, Scope::Faults).await;
    let endpoint = "udp://127.0.0.1:0?read-size=10";
    let (_session, addr) = serve(bench.handle(), endpoint, "echo = true").await;
    let socket = peer(addr);
    send(&socket, 1, &[10, 10, 20, 20, 10]);
    for _ in 0..5 {
        assert_eq!(receive(&socket).len(), 10);
    }
    for _ in 0..2 {
        let event = tokio::time::timeout(DEADLINE, tap.next()).await;
        let event = event.expect("both are told").unwrap();
        let is_told = matches!(
            event.what,
            What::Fault {
                kind: FaultKind::Truncated,
                count: Some(20),
                ..
            }
        );
        assert!(is_told, "{:?}", event.what);
    }
}

#[tokio::test]
async fn a_conversation_that_ends_within_a_train_begins_anew_with_the_next_datagram() {
    let bench = Workbench::start().unwrap();
    let mut tap = bench.handle().tap(ROOMY, Scope::Life).await;
    let rule = "echo = true\nclose = true";
    let (_session, addr) = serve(bench.handle(), "udp://127.0.0.1:0", rule).await;
    let socket = peer(addr);
    send(&socket, 1, &[8; 5]);
    for index in 0..5 {
        assert_eq!(receive(&socket), datagram(1, index, 8));
    }
    let (mut opened, mut closed) = (0, 0);
    while closed < 5 {
        let event = tokio::time::timeout(DEADLINE, tap.next()).await;
        match &event.expect("each is told").unwrap().what {
            What::Opened { .. } => opened += 1,
            What::Closed { .. } => closed += 1,
            _ => {}
        }
    }
    assert_eq!(opened, 5);
}

#[tokio::test]
async fn who_is_turned_away_is_counted_by_datagrams() {
    let bench = Workbench::start().unwrap();
    let mut tap = bench.handle().tap(ROOMY, Scope::Faults).await;
    let endpoint = "udp://127.0.0.1:0?max-peers=1";
    let (_session, addr) = serve(bench.handle(), endpoint, "echo = true").await;
    let first = peer(addr);
    send(&first, 1, &[8]);
    assert_eq!(receive(&first).len(), 8);
    send(&peer(addr), 1, &[8; 4]);
    // The first one is told, and then each power of two.
    for expected in [1, 2, 4] {
        let event = tokio::time::timeout(DEADLINE, tap.next()).await;
        let event = event.expect("it is told").unwrap();
        let What::Fault { count, .. } = event.what else {
            panic!("{:?}", event.what)
        };
        assert_eq!(count, Some(expected));
    }
}

/// B8: what goes straight back is not lost by news of what went elsewhere.
#[tokio::test]
async fn b8_a_peer_that_is_gone_costs_no_other_its_answer() {
    let bench = Workbench::start().unwrap();
    let endpoint = "udp://127.0.0.1:0";
    let (_session, addr) = serve_icmp(bench.handle(), endpoint, "echo = true").await;
    let stays = peer(addr);
    for index in 0..100 {
        send(&peer(addr), 2, &[8, 8]);
        send(&stays, index, &[16, 16, 3]);
        for (at, len) in [16, 16, 3].into_iter().enumerate() {
            assert_eq!(receive(&stays), datagram(index, at, len));
        }
    }
}

async fn serve(handle: &Handle, endpoint: &str, rule: &str) -> (Session<Talk>, SocketAddr) {
    open(handle, plan(endpoint, rule)).await
}

/// The same, by a socket that hears what ICMP messages say.
async fn serve_icmp(handle: &Handle, endpoint: &str, rule: &str) -> (Session<Talk>, SocketAddr) {
    let mut plan = plan(endpoint, rule);
    plan.socket.hears_icmp = true;
    open(handle, plan).await
}

fn plan(endpoint: &str, rule: &str) -> Plan {
    let options = Options::default();
    let mut plan = Plan::resolve(Role::Server, &endpoint.parse().unwrap(), options).unwrap();
    let rules = Rules::parse(&format!("[[rule]]\nany = true\n{rule}"), "rules.toml");
    plan.rules = Some(Arc::new(rules.unwrap()));
    // Two of the longest trains fit in.
    plan.socket.rcvbuf = Some(212_992);
    plan
}

async fn open(handle: &Handle, plan: Plan) -> (Session<Talk>, SocketAddr) {
    let session = handle.talk(Arc::new(plan), Input::Closed, None).await;
    let session = session.unwrap();
    let (_, addr) = session.local()[0].split_once("://").unwrap();
    let addr = addr.parse().unwrap();
    (session, addr)
}

fn peer(addr: SocketAddr) -> UdpSocket {
    let own = if addr.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    };
    let socket = UdpSocket::bind(own).unwrap();
    socket.connect(addr).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// Sends datagrams of these lengths, side by side where the system can.
fn send(socket: &UdpSocket, mark: u8, lens: &[usize]) {
    let mut batch = SendBatch::new();
    batch.enable_runs(socket.as_fd());
    for (index, &len) in lens.iter().enumerate() {
        batch.push(datagram(mark, index, len), None, None).unwrap();
    }
    let flushed = batch.flush(socket.as_fd());
    assert_eq!(flushed.sent, lens.len(), "{:?}", flushed.stop);
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut answer = vec![0; 65_536];
    let len = socket.recv(&mut answer).expect("an answer comes in time");
    answer.truncate(len);
    answer
}

/// Bytes of which no two datagrams are alike.
fn datagram(mark: u8, index: usize, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at / 3 + 31 * index) as u8 ^ mark)
        .collect()
}
