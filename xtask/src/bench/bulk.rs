//! One large file from memory through a client and a server into nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::process::{self, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::process::{Server, free_port, wait};
use super::stream;
use super::table::{Target, Unit};

/// How long a transfer may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A command for a port.
type Told = fn(u16) -> Command;

/// A program that needs a port and says nothing when it listens.
struct Peer {
    name: &'static str,
    server: Told,
    client: Told,
    target: Target,
}

/// socat has several sizes of blocks, of which the best must be beaten.
const PEERS: [Peer; 6] = [
    Peer {
        name: "nc.openbsd",
        server: |port| command("nc.openbsd", &["-l", "127.0.0.1", &port.to_string()]),
        client: |port| command("nc.openbsd", &["-N", "127.0.0.1", &port.to_string()]),
        target: Target::RatioAtLeast(2.5),
    },
    Peer {
        name: "ncat",
        server: |port| command("ncat", &["-l", "127.0.0.1", &port.to_string()]),
        client: |port| command("ncat", &["--send-only", "127.0.0.1", &port.to_string()]),
        target: Target::RatioAtLeast(2.5),
    },
    socat::<8192>("socat -u", 2.5),
    socat::<65_536>("socat -u -b 65536", 1.5),
    socat::<262_144>("socat -u -b 262144", 1.5),
    socat::<1_048_576>("socat -u -b 1048576", 1.5),
];

/// As it is: no message is cut, nothing is looked at.
pub(super) fn raw(bench: &Bench) -> io::Result<Comparison<'_>> {
    let source = Rc::new(Source::new(bench.size_mib)?);
    let mut contenders = vec![
        ours(bench, &source, "sockpit connect, listen --once", &[]),
        by_hand(
            bench,
            &source,
            "sendfile, splice by hand",
            ["send-file", "splice-sink"],
        )
        .with_target(Target::RatioAtLeast(0.95)),
    ];
    for peer in PEERS {
        let source = source.clone();
        let measure = move || {
            let port = free_port()?;
            let server = Server::silent(&mut (peer.server)(port), port)?;
            transfer(&source, server, &mut (peer.client)(port))
        };
        contenders.push(Contender::new(peer.name, measure).with_target(peer.target));
    }
    Ok(Comparison::new(
        format!("bulk: {} MiB from memory through TCP", bench.size_mib),
        Unit::BytesPerSecond,
        contenders,
    ))
}

/// Cut into messages, of which nobody sees any.
pub(super) fn lines(bench: &Bench) -> io::Result<Comparison<'_>> {
    let source = Rc::new(Source::new(bench.size_mib)?);
    let framed = &["--frame", "lines", "--as", "none"];
    let contenders = vec![
        ours(
            bench,
            &source,
            "sockpit connect, listen --once --frame lines",
            framed,
        ),
        by_hand(
            bench,
            &source,
            "reads and writes of 256 KiB by hand",
            ["write-file", "read-sink"],
        )
        .with_target(Target::RatioAtLeast(0.5)),
    ];
    Ok(Comparison::new(
        format!(
            "bulk-lines: {} MiB in lines of 1 KiB through TCP",
            bench.size_mib
        ),
        Unit::BytesPerSecond,
        contenders,
    ))
}

/// `connect` and a `listen` with these options besides.
fn ours<'a>(
    bench: &'a Bench,
    source: &Rc<Source>,
    name: &'static str,
    options: &'static [&'static str],
) -> Contender<'a> {
    let source = source.clone();
    Contender::new(name, move || {
        let listen = [&["tcp://127.0.0.1:0", "--once"], options].concat();
        let server = Server::announced(&mut bench.listen(&listen))?;
        let mut client = Command::new(&bench.sockpit);
        client.args(["connect", &format!("tcp://127.0.0.1:{}", server.port)]);
        transfer(&source, server, &mut client)
    })
}

/// A client and a server of this program.
fn by_hand<'a>(
    bench: &'a Bench,
    source: &Rc<Source>,
    name: &'static str,
    [client, server]: [&'static str; 2],
) -> Contender<'a> {
    let source = source.clone();
    Contender::new(name, move || {
        let server = Server::announced(&mut bench.reference(&[server]))?;
        let client = &mut bench.load(client, server.port, 0);
        transfer(&source, server, client)
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
        let block = stream::block_of_lines();
        let size = size_mib * 1024 * 1024;
        for _ in 0..size / stream::BLOCK as u64 {
            file.write_all(&block)?;
        }
        Ok(Self { file, size })
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

/// socat with blocks of so many bytes; 8192 is its own choice.
const fn socat<const BLOCK: u32>(name: &'static str, least: f64) -> Peer {
    Peer {
        name,
        server: |port| {
            let address = format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr");
            command(
                "socat",
                &["-u", "-b", &BLOCK.to_string(), &address, "STDOUT"],
            )
        },
        client: |port| {
            let address = format!("TCP:127.0.0.1:{port}");
            command(
                "socat",
                &["-u", "-b", &BLOCK.to_string(), "STDIN", &address],
            )
        },
        target: Target::RatioAtLeast(least),
    }
}
