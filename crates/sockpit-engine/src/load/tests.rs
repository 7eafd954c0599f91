use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::load::wire::{Datagram, Header};
use sockpit_core::load::{
    Answer, Mode, Options, Pace, Plan, Rate, Report, ServeOptions, ServePlan, Served, Service,
};
use sockpit_core::plan;
use sockpit_core::size::ByteSize;
use sockpit_core::time::TimeSpan;

use super::*;

mod datagram;
mod fault;
mod server;
mod stream;

/// A load that would last longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(30);

fn options(mode: Mode, connections: u32, count: u64) -> Options {
    Options {
        mode,
        connections: Some(connections),
        count: Some(count),
        duration: Some(TimeSpan(DEADLINE)),
        ..Options::default()
    }
}

fn framed(frame: &str) -> plan::Options {
    plan::Options {
        frame: Some(frame.parse().unwrap()),
        ..plan::Options::default()
    }
}

fn bound(bind: &str) -> plan::Options {
    plan::Options {
        bind: Some(bind.to_owned()),
        ..plan::Options::default()
    }
}

/// Runs a load to its end.
async fn load_with(
    endpoint: &str,
    session: plan::Options,
    options: Options,
) -> Result<Report, Error> {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let plan = Plan::resolve(&endpoint, session, options).unwrap();
    let running = Load::resolve(plan).await?.start()?;
    tokio::time::timeout(DEADLINE, running.finish())
        .await
        .expect("the load ends in time")
}

async fn load(endpoint: &str, options: Options) -> Report {
    load_with(endpoint, plan::Options::default(), options)
        .await
        .unwrap()
}

async fn serve(endpoint: &str, options: ServeOptions) -> Server {
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let plan = ServePlan::resolve(&endpoint, plan::Options::default(), options).unwrap();
    Server::open(plan).await.unwrap()
}

async fn end(server: Server) -> Served {
    server.stop();
    tokio::time::timeout(DEADLINE, server.finish())
        .await
        .expect("the server ends in time")
}

/// Loads a server of ours, and gives what both say.
async fn pair(at: &str, options: Options) -> (Report, Served) {
    let server = serve(at, ServeOptions::default()).await;
    let report = load(&server.local()[0].clone(), options).await;
    (report, end(server).await)
}

/// A listener with as many connections as it has room for; nobody accepts them.
fn full_listener() -> (TcpListener, TcpStream) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let addr = listener.local_addr().unwrap();
    // It has room for one; a further connection would wait.
    let first = TcpStream::connect(addr).unwrap();
    (listener, first)
}

fn unix_path(folder: &tempfile::TempDir) -> String {
    format!("unix://{}", folder.path().join("s").display())
}
