//! One large file from memory through a client and a server into nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

use super::Bench;
use super::comparison::{Comparison, Contender, Target, Unit};
use super::process::{Server, free_port, wait};

/// How long a transfer may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A command for a port.
type Told = fn(u16) -> Command;

/// A program that needs a port and says nothing when it listens.
struct Peer {
    name: &'static str,
    server: Told,
    client: Told,
    /// `None` where it stands for comparison only.
    target: Option<Target>,
}

const PEERS: [Peer; 4] = [
    Peer {
        name: "nc.openbsd",
        server: |port| command("nc.openbsd", &["-l", "127.0.0.1", &port.to_string()]),
        client: |port| command("nc.openbsd", &["-N", "127.0.0.1", &port.to_string()]),
        target: Some(Target::RatioAtLeast(1.5)),
    },
    Peer {
        name: "ncat",
        server: |port| command("ncat", &["-l", "127.0.0.1", &port.to_string()]),
        client: |port| command("ncat", &["--send-only", "127.0.0.1", &port.to_string()]),
        target: Some(Target::RatioAtLeast(2.5)),
    },
    Peer {
        name: "socat -u",
        server: |port| command("socat", &["-u", &socat_listen(port), "STDOUT"]),
        client: |port| command("socat", &["-u", "STDIN", &socat_connect(port)]),
        target: Some(Target::RatioAtLeast(2.5)),
    },
    Peer {
        name: "socat -u -b 262144",
        server: |port| {
            let address = socat_listen(port);
            command("socat", &["-u", "-b", "262144", &address, "STDOUT"])
        },
        client: |port| {
            let address = socat_connect(port);
            command("socat", &["-u", "-b", "262144", "STDIN", &address])
        },
        target: None,
    },
];

pub(super) fn comparison(bench: &Bench) -> io::Result<Comparison<'_>> {
    let source = Source::new(bench.size_mib)?;
    let ours = {
        let source = source.clone()?;
        move || {
            let server = &mut bench.listen(&["tcp://127.0.0.1:0", "--once"]);
            let server = Server::announced(server)?;
            let mut client = Command::new(&bench.sockpit);
            client.args(["connect", &format!("tcp://127.0.0.1:{}", server.port)]);
            transfer(&source, server, &mut client)
        }
    };
    let mut contenders = vec![Contender::new("sockpit connect, listen --once", ours)];
    for peer in PEERS {
        let source = source.clone()?;
        let measure = move || {
            let port = free_port()?;
            let server = Server::silent(&mut (peer.server)(port), port)?;
            transfer(&source, server, &mut (peer.client)(port))
        };
        let contender = Contender::new(peer.name, measure);
        contenders.push(match peer.target {
            Some(target) => contender.with_target(target),
            None => contender,
        });
    }
    Ok(Comparison {
        title: format!("bulk: {} MiB from memory through TCP", bench.size_mib),
        unit: Unit::BytesPerSecond,
        contenders,
    })
}

/// A file in memory that is gone with the last process that has it open.
struct Source {
    file: File,
    /// In bytes.
    size: u64,
}

impl Source {
    fn new(size_mib: u64) -> io::Result<Self> {
        let path = format!("/dev/shm/sockpit-bench-{}", process::id());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        fs::remove_file(&path)?;
        // Pages of their own, all different from the kernel's page of zeros.
        let block = vec![b'x'; 1024 * 1024];
        for _ in 0..size_mib {
            file.write_all(&block)?;
        }
        Ok(Self {
            file,
            size: size_mib * 1024 * 1024,
        })
    }

    fn clone(&self) -> io::Result<Self> {
        let file = self.file.try_clone()?;
        Ok(Self { file, ..*self })
    }

    /// The file from its beginning, with a position of its own.
    fn open(&self) -> io::Result<File> {
        File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

/// Bytes per second from the client's start to the end of both.
fn transfer(source: &Source, mut server: Server, client: &mut Command) -> io::Result<f64> {
    let stdin = source.open()?;
    client
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let began = Instant::now();
    let mut client = client.spawn()?;
    let sent = wait(&mut client, LIMIT)?;
    let received = server.wait(LIMIT)?;
    let seconds = began.elapsed().as_secs_f64();
    if !sent.success() || !received.success() {
        let message = format!("the client ended with {sent}, the server with {received}");
        return Err(io::Error::other(message));
    }
    Ok(source.size as f64 / seconds)
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn socat_listen(port: u16) -> String {
    format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr")
}

fn socat_connect(port: u16) -> String {
    format!("TCP:127.0.0.1:{port}")
}
