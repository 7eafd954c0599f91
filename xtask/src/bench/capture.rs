//! Packets at full speed over the loopback into a capture file in memory: how many are lost, and
//! what it costs the program that captures.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::Bench;
use super::comparison::{Comparison, Contender, Target, Unit};
use super::process::wait;

/// Packets of one run.
const PACKETS: u64 = 200_000;

/// How long a program may take to begin, to catch up and to end.
const LIMIT: Duration = Duration::from_secs(20);

/// A program that has spent nothing for so long has caught up.
const QUIET: Duration = Duration::from_millis(400);

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) enum Aspect {
    /// Packets that are not in the file.
    Lost,
    /// Processor time of the program.
    Cost,
}

/// A program that captures what comes to a port into a file.
#[derive(Clone, Copy)]
enum Tool {
    Sockpit,
    Dumpcap,
    Tcpdump,
}

/// What a run gave.
struct Run {
    lost: u64,
    cpu: Duration,
}

/// `size` is that of a datagram's payload, in bytes.
pub(super) fn comparison(bench: &Bench, size: usize, aspect: Aspect) -> Comparison<'_> {
    let figure = move |tool: Tool| {
        move || {
            let run = run(bench, tool, size)?;
            Ok(match aspect {
                Aspect::Lost => run.lost as f64,
                Aspect::Cost => run.cpu.as_secs_f64(),
            })
        }
    };
    let ours = Contender::new("sockpit wire -w", figure(Tool::Sockpit));
    let dumpcap = Contender::new("dumpcap", figure(Tool::Dumpcap));
    let tcpdump = Contender::new("tcpdump", figure(Tool::Tcpdump));
    let packets = format!("{PACKETS} UDP packets of {size} B on lo into a file");
    match aspect {
        Aspect::Lost => Comparison {
            title: format!("{packets}: lost"),
            unit: Unit::Packets,
            contenders: vec![ours.with_target(Target::Below(1.0)), dumpcap, tcpdump],
        },
        Aspect::Cost => Comparison {
            title: format!("{packets}: processor time"),
            unit: Unit::Seconds,
            contenders: vec![ours, dumpcap.with_target(Target::RatioAtMost(1.0)), tcpdump],
        },
    }
}

fn run(bench: &Bench, tool: Tool, size: usize) -> io::Result<Run> {
    // Nobody reads from it, so that what does not fit is dropped behind the tap without a word.
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = sink.local_addr()?;
    let mut tap = Tap::start(bench, tool, address.port())?;
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    sender.connect(address)?;
    let payload = vec![b'x'; size];
    for _ in 0..PACKETS {
        sender.send(&payload)?;
    }
    let cpu = tap.catch_up()?;
    tap.end()?;
    let kept = packets(&tap.path)?;
    Ok(Run {
        lost: PACKETS.saturating_sub(kept),
        cpu,
    })
}

/// A capturing program and its file, which goes with it.
struct Tap {
    child: Child,
    path: PathBuf,
    /// Kept open, so that the program may go on writing to it.
    _stderr: Option<BufReader<ChildStderr>>,
}

impl Tap {
    /// Starts a program and waits until it captures.
    fn start(bench: &Bench, tool: Tool, port: u16) -> io::Result<Self> {
        let path = PathBuf::from(format!("/dev/shm/sockpit-bench-{}.cap", process::id()));
        let filter = format!("udp port {port}");
        let (mut command, begins) = match tool {
            Tool::Sockpit => {
                let mut command = Command::new(&bench.sockpit);
                command.args(["wire", "-i", "lo", "--port", &port.to_string()]);
                (command, "watching ")
            }
            Tool::Dumpcap => {
                let mut command = Command::new("dumpcap");
                command.args(["-q", "-i", "lo", "-f", &filter]);
                (command, "File: ")
            }
            Tool::Tcpdump => {
                let mut command = Command::new("tcpdump");
                command.args(["-i", "lo", &filter]);
                (command, "listening on ")
            }
        };
        let mut child = command
            .arg("-w")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().expect("stderr is piped");
        let mut tap = Self {
            child,
            path,
            _stderr: None,
        };
        let (mut stderr, mut line) = (BufReader::new(stderr), String::new());
        let mut said = String::new();
        // The line comes or the program ends; either way the loop does.
        while stderr.read_line(&mut line)? != 0 {
            if line.contains(begins) {
                tap._stderr = Some(stderr);
                return Ok(tap);
            }
            said.push_str(line.trim());
            line.clear();
        }
        Err(io::Error::other(format!("it does not capture: {said}")))
    }

    /// Waits until it has nothing to do, and gives the processor time that it has taken.
    fn catch_up(&self) -> io::Result<Duration> {
        let end = Instant::now() + LIMIT;
        let mut cpu = self.cpu()?;
        let mut since = Instant::now();
        while since.elapsed() < QUIET && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
            let then = self.cpu()?;
            // Waking up to look costs a little too.
            if cpu + Duration::from_millis(1) < then {
                (cpu, since) = (then, Instant::now());
            }
        }
        self.cpu()
    }

    /// Of all its threads, to the nanosecond.
    fn cpu(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let spent = text.split(' ').next().and_then(|word| word.parse().ok());
            nanos += spent.unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanos))
    }

    fn end(&mut self) -> io::Result<()> {
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::INT)?;
        wait(&mut self.child, LIMIT).map(|_| ())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.path);
    }
}

/// Counts the packets of a file as this machine writes it, pcap or pcapng.
fn packets(path: &Path) -> io::Result<u64> {
    const SECTION: u32 = 0x0a0d_0d0a;
    const PACKET: u32 = 6;
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let is_ng = u32_of(&mut file)? == SECTION;
    // The rest of the file's head, or of the section's.
    let rest = match is_ng {
        true => u64::from(u32_of(&mut file)?.saturating_sub(8)),
        false => 20,
    };
    pass(&mut file, rest)?;
    let mut count = 0;
    loop {
        let head = match (u32_of(&mut file), u32_of(&mut file)) {
            (Ok(first), Ok(second)) => (first, second),
            _ => return Ok(count),
        };
        let rest = match (is_ng, head) {
            (true, (kind, len)) => {
                count += u64::from(kind == PACKET);
                u64::from(len.saturating_sub(8))
            }
            // Seconds and their parts; then the length that was captured, and that it had.
            (false, _) => {
                count += 1;
                u64::from(u32_of(&mut file)?) + 4
            }
        };
        pass(&mut file, rest)?;
    }
}

fn u32_of(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_ne_bytes(bytes))
}

fn pass(file: &mut impl Read, len: u64) -> io::Result<()> {
    io::copy(&mut file.take(len), &mut io::sink()).map(|_| ())
}
