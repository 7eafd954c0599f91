//! Packets at full speed over the loopback into a capture file in memory: how many are lost, and
//! what it costs the program that captures.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::process::{self, wait};
use super::scratch::Scratch;
use super::table::{Target, Unit};

/// Packets of one run.
const PACKETS: u64 = 200_000;

/// How long a program may take to end.
const LIMIT: Duration = Duration::from_secs(20);

/// A program that captures what comes to a port into a file.
#[derive(Clone, Copy)]
enum Tool {
    Sockpit,
    Dumpcap,
    Tcpdump,
}

/// `size` is that of a datagram's payload, in bytes.
pub(super) fn comparison(bench: &Bench, size: usize) -> Comparison<'_> {
    let measure = move |tool: Tool| move || run(bench, tool, size);
    let packets = format!("{PACKETS} UDP packets of {size} B on lo into a file");
    let contenders = vec![
        Contender::new("sockpit wire -w", measure(Tool::Sockpit)).with_target(Target::AtMost(0.0)),
        Contender::new("dumpcap", measure(Tool::Dumpcap))
            .with_target(None)
            .with_target(Target::RatioAtMost(1.0)),
        Contender::new("tcpdump", measure(Tool::Tcpdump)),
    ];
    Comparison::new(format!("{packets}: lost"), Unit::Packets, contenders).with_aspect(
        "-time",
        format!("{packets}: processor time"),
        Unit::Seconds,
    )
}

/// How many packets are missing, and the processor time that it took.
fn run(bench: &Bench, tool: Tool, size: usize) -> io::Result<[f64; 2]> {
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
    let cpu = process::settled_time(tap.child.id())?;
    tap.end()?;
    let kept = packets(tap.file.path())?;
    let lost = PACKETS.saturating_sub(kept);
    Ok([lost as f64, cpu.as_secs_f64()])
}

/// A capturing program and its file, which goes with it.
struct Tap {
    child: Child,
    file: Scratch,
    /// Kept open, so that the program may go on writing to it.
    _stderr: Option<BufReader<ChildStderr>>,
}

impl Tap {
    /// Starts a program and waits until it captures.
    fn start(bench: &Bench, tool: Tool, port: u16) -> io::Result<Self> {
        let file = Scratch::in_memory("capture");
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
            .arg(file.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().expect("stderr is piped");
        let mut tap = Self {
            child,
            file,
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
