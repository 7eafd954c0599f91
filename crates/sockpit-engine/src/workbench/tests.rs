//! Machines of one's own, over real sockets.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::event::{FaultKind, What};
use sockpit_core::machine::{Fault, Machine, Output, Reason};
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::time::Time;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::LocalSet;

use super::{Handle, Workbench};
use crate::bus::{Scope, TapLimit};
use crate::session::Session;

const DEADLINE: Duration = Duration::from_secs(10);

/// Sends back what it hears, unless that is `boom`.
#[derive(Default)]
struct Fragile {
    outputs: VecDeque<Output<What>>,
}

impl Machine for Fragile {
    type Event = What;

    fn handle_input(&mut self, _now: Time, chunk: &[u8]) {
        assert_ne!(chunk, b"boom", "this machine was made to fall");
        let bytes = Bytes::copy_from_slice(chunk);
        self.outputs.push_back(Output::Transmit(bytes));
    }

    fn handle_end(&mut self, _now: Time) {
        self.outputs.push_back(Output::Close(Reason::Fin));
    }

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<What> {
        self.outputs.pop_front().unwrap_or(Output::Wait(None))
    }
}

#[tokio::test]
async fn g3_a_veil_takes_out_what_nobody_may_be_told() {
    let bench = Workbench::start().unwrap();
    bench.handle().veil(|event| {
        if let What::Chunk { bytes, .. } = &mut event.what {
            *bytes = Bytes::from(vec![b'*'; bytes.len()]);
        }
    });
    let mut tap = bench.handle().tap(ROOMY, Scope::Everything).await;
    let (_session, addr) = serve(bench.handle(), "tcp://127.0.0.1:0").await;
    let mut peer = peer(addr);
    assert_eq!(ask(&mut peer, b"secret"), b"secret", "the wire has it");
    let mut chunks = 0;
    while chunks < 2 {
        if let What::Chunk { bytes, .. } = &tap.next().await.unwrap().what {
            assert_eq!(bytes, "******");
            chunks += 1;
        }
    }
}

#[tokio::test]
async fn b6_a_machine_that_panics_ends_its_own_stream_and_no_other() {
    let bench = Workbench::start().unwrap();
    let mut faults = bench.handle().tap(ROOMY, Scope::Faults).await;
    let (session, addr) = serve(bench.handle(), "tcp://127.0.0.1:0").await;
    let mut one = peer(addr);
    let mut other = peer(addr);
    assert_eq!(ask(&mut other, b"before"), b"before");
    one.write_all(b"boom").unwrap();
    let mut rest = Vec::new();
    // The system may say that it was reset, since nobody had read what it sent.
    let _ = one.read_to_end(&mut rest);
    assert_eq!(rest, b"");
    assert_eq!(ask(&mut other, b"after"), b"after");
    let told = tokio::time::timeout(DEADLINE, faults.next()).await.unwrap();
    assert!(matches!(
        told.unwrap().what,
        What::Fault {
            kind: FaultKind::Program,
            ..
        }
    ));
    assert_eq!(session.peers().await.len(), 1);
}

#[tokio::test]
async fn b6_a_machine_that_panics_ends_its_own_datagrams_and_no_others() {
    let bench = Workbench::start().unwrap();
    let (_session, addr) = serve(bench.handle(), "udp://127.0.0.1:0").await;
    let sockets = [(); 2].map(|()| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(addr).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket
    });
    sockets[0].send(b"boom").unwrap();
    for text in [b"first", b"again"] {
        let mut answer = [0; 16];
        sockets[1].send(text).unwrap();
        let len = sockets[1].recv(&mut answer).unwrap();
        assert_eq!(&answer[..len], text);
    }
}

#[tokio::test]
async fn an_outcome_is_told_as_often_as_it_is_asked_for() {
    let bench = Workbench::start().unwrap();
    let (session, addr) = serve(bench.handle(), "tcp://127.0.0.1:0").await;
    let mut peer = peer(addr);
    assert_eq!(ask(&mut peer, b"hello"), b"hello");
    session.close();
    let outcome = session.outcome().await;
    assert_eq!(
        (outcome.reason, outcome.received, outcome.sent),
        (Reason::Local, 5, 5)
    );
    assert_eq!(session.outcome().await, outcome);
}

#[tokio::test]
async fn a_workbench_without_a_thread_ends_its_sessions_when_it_is_dropped() {
    let talk = async {
        let bench = Workbench::start_here();
        let mut tap = bench.handle().tap(ROOMY, Scope::Everything).await;
        let (session, addr) = serve(bench.handle(), "tcp://127.0.0.1:0").await;
        let mut peer = tokio::net::TcpStream::connect(addr).await.unwrap();
        peer.write_all(b"hello").await.unwrap();
        let mut answer = [0; 5];
        peer.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hello");
        drop(bench);
        while tap.next().await.is_some() {}
        assert_eq!(peer.read(&mut answer).await.unwrap(), 0);
        assert_eq!(session.outcome().await.reason, Reason::Error);
    };
    let tasks = LocalSet::new();
    tokio::time::timeout(DEADLINE, tasks.run_until(talk))
        .await
        .unwrap();
}

const ROOMY: TapLimit = TapLimit {
    bytes: usize::MAX,
    patience: None,
};

/// A server of fragile machines, and where it is.
async fn serve(handle: &Handle, endpoint: &str) -> (Session<Fragile>, SocketAddr) {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let plan = Plan::resolve(Role::Server, &endpoint, Options::default()).unwrap();
    let session = handle
        .open(Arc::new(plan), |_, _| Fragile::default())
        .await
        .unwrap();
    let (_, addr) = session.local()[0].split_once("://").unwrap();
    let addr = addr.parse().unwrap();
    (session, addr)
}

fn peer(addr: SocketAddr) -> TcpStream {
    let peer = TcpStream::connect(addr).unwrap();
    peer.set_read_timeout(Some(DEADLINE)).unwrap();
    peer
}

fn ask(peer: &mut TcpStream, question: &[u8]) -> Vec<u8> {
    peer.write_all(question).unwrap();
    let mut answer = vec![0; question.len()];
    peer.read_exact(&mut answer).unwrap();
    answer
}
