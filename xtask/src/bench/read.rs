//! A large capture file, read and analysed: how long it takes, and what it takes of memory.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::process;
use super::scratch::Scratch;
use super::table::{Target, Unit};

/// Packets of the file, and of the small one beside it.
const PACKETS: u64 = 1_000_000;
const FEW: u64 = 100_000;

/// Conversations that take turns in it.
const CONVERSATIONS: u64 = 200;

/// Bytes of payload of each segment that has some.
const PAYLOAD: usize = 100;

/// How often the memory of a program is looked at.
const PACE: Duration = Duration::from_millis(2);

/// `sockpit wire open` beside those who do the same.
pub(super) fn time(bench: &Bench) -> Comparison<'_> {
    let capture = std::rc::Rc::new(OnceCell::new());
    let seconds = move |program: PathBuf, arguments: &'static [&'static str], at: usize| {
        let capture = capture.clone();
        move || {
            let file = made(&capture, PACKETS)?;
            let mut command = Command::new(&program);
            command
                .args(&arguments[..at])
                .arg(file)
                .args(&arguments[at..]);
            let began = Instant::now();
            let status = command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            match status.success() {
                true => Ok(began.elapsed().as_secs_f64()),
                false => Err(io::Error::other(format!("it ended with {status}"))),
            }
        }
    };
    let ours = seconds(bench.sockpit.clone(), &["wire", "open"], 2);
    let tcpdump = seconds("tcpdump".into(), &["-nr"], 1);
    let fields = &["-r", "-T", "fields", "-e", "tcp.analysis.flags"];
    let tshark = seconds("tshark".into(), fields, 1);
    Comparison::new(
        format!("read: a pcapng of {PACKETS} TCP segments, analysed, to /dev/null"),
        Unit::Seconds,
        vec![
            Contender::new("sockpit wire open", ours),
            Contender::new("tcpdump -nr", tcpdump).with_target(Target::RatioAtMost(1.0)),
            Contender::new("tshark -T fields", tshark).with_target(Target::RatioAtMost(0.1)),
        ],
    )
}

/// The most memory that it takes, of a large file and of a small one.
pub(super) fn memory(bench: &Bench) -> Comparison<'_> {
    let peak = |packets| {
        let capture = OnceCell::new();
        move || {
            let file = made(&capture, packets)?;
            let mut child = Command::new(&bench.sockpit)
                .args(["wire", "open"])
                .arg(file)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()?;
            let mut peak = 0.0;
            while child.try_wait()?.is_none() {
                if let Ok(most) = process::status(child.id(), "VmHWM") {
                    peak = most as f64;
                }
                thread::sleep(PACE);
            }
            Ok(peak)
        }
    };
    Comparison::new(
        "read-memory: the most that `wire open` takes",
        Unit::Bytes,
        vec![
            Contender::new("1,000,000 packets", peak(PACKETS)).with_target(Target::AtMost(16e6)),
            Contender::new("100,000 packets", peak(FEW)),
        ],
    )
}

fn made(capture: &OnceCell<Scratch>, packets: u64) -> io::Result<&Path> {
    if capture.get().is_none() {
        let scratch = Scratch::new("packets.pcapng");
        write(scratch.path(), packets)?;
        // It was looked at just before.
        let _ = capture.set(scratch);
    }
    Ok(capture.get().expect("it was set just before").path())
}

/// Writes handshakes, then segments with payload and their acknowledgements; one in a hundred is
/// sent again.
fn write(path: &Path, packets: u64) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    block(&mut out, 0x0a0d_0d0a, &section())?;
    block(&mut out, 1, &interface())?;
    let mut sent = vec![0_u32; CONVERSATIONS as usize];
    for pair in 0..packets / 2 {
        let number = pair % CONVERSATIONS;
        let ports = (40_000 + number as u16, 7000);
        let sent = &mut sent[number as usize];
        let at = 1_700_000_000_000_000_000 + pair * 3000;
        let is_first = pair < CONVERSATIONS;
        let is_again = pair % 100 == 99 && *sent > PAYLOAD as u32;
        let (seq, flags, len) = match (is_first, is_again) {
            (true, _) => (0, 0x02, 0),
            (false, true) => (*sent - PAYLOAD as u32, 0x18, PAYLOAD),
            (false, false) => (*sent, 0x18, PAYLOAD),
        };
        *sent = match (is_first, is_again) {
            (true, _) => 1,
            (false, true) => *sent,
            (false, false) => *sent + PAYLOAD as u32,
        };
        let answer = if is_first { 0x12 } else { 0x10 };
        let answered = u32::from(!is_first);
        packet(&mut out, at, &segment(ports, (seq, answered), flags, len))?;
        let back = (ports.1, ports.0);
        packet(
            &mut out,
            at + 1500,
            &segment(back, (answered, *sent), answer, 0),
        )?;
    }
    out.flush()
}

fn section() -> Vec<u8> {
    let mut body = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    body.extend([1, 0, 0, 0]);
    body.extend([0xff; 8]);
    body
}

fn interface() -> Vec<u8> {
    let mut body = vec![1, 0, 0, 0];
    body.extend(262_144_u32.to_le_bytes());
    // Times in nanoseconds, and the end of the options.
    body.extend([9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    body
}

fn packet(out: &mut impl Write, at: u64, bytes: &[u8]) -> io::Result<()> {
    let mut body = 0_u32.to_le_bytes().to_vec();
    body.extend(((at >> 32) as u32).to_le_bytes());
    body.extend((at as u32).to_le_bytes());
    for _ in 0..2 {
        body.extend((bytes.len() as u32).to_le_bytes());
    }
    body.extend(bytes);
    body.resize(body.len().next_multiple_of(4), 0);
    block(out, 6, &body)
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let len = (body.len() as u32 + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&len)?;
    out.write_all(body)?;
    out.write_all(&len)
}

/// A TCP segment in IPv4 in Ethernet.
fn segment(ports: (u16, u16), (seq, ack): (u32, u32), flags: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; 12];
    bytes.extend([8, 0, 0x45, 0]);
    bytes.extend((40 + len as u16).to_be_bytes());
    bytes.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
    let ends = match ports.1 {
        7000 => [10, 0, 0, 1, 10, 0, 0, 2],
        _ => [10, 0, 0, 2, 10, 0, 0, 1],
    };
    bytes.extend(ends);
    bytes.extend(ports.0.to_be_bytes());
    bytes.extend(ports.1.to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([0x50, flags, 2, 0, 0, 0, 0, 0]);
    bytes.resize(bytes.len() + len, b'x');
    bytes
}
