//! Measures a pump over TCP on loopback, for several sizes of block and pipe.
//!
//! ```text
//! cargo run --release -p sockpit-sys --example pump_rate -- FILE
//! ```
//!
//! FILE is what is sent; it should lie in memory and be some gigabytes long, such as
//! `head -c 2G /dev/urandom >/dev/shm/bytes` makes one.
//! Receiver and sender are threads.

use std::env;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::Instant;

use sockpit_sys::poll::{self, Interest};
use sockpit_sys::pump::{Pump, Side, Sizes, Step};

fn main() -> io::Result<()> {
    let path = env::args_os()
        .nth(1)
        .ok_or_else(|| io::Error::other("name a file to send"))?;
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    let (path, null) = (&path, &null);

    let mut pumps: Vec<Case<'_>> = Vec::new();
    for block in [256 << 10, 1 << 20, 4 << 20] {
        for pipe in [64 << 10, 256 << 10, 1 << 20] {
            let sizes = Sizes {
                block,
                pipe,
                ..Sizes::default()
            };
            let name = format!("block {}k, pipe {}k", block >> 10, pipe >> 10);
            let run = move || {
                transfer(
                    |socket| pump(File::open(path)?.as_fd(), socket.as_fd(), sizes),
                    |socket| pump(socket.as_fd(), null.as_fd(), sizes),
                )
            };
            pumps.push((name, Box::new(run)));
        }
    }
    report("file -> tcp -> /dev/null", &pumps)?;

    let mut copies: Vec<Case<'_>> = Vec::new();
    for buffer in [64 << 10, 256 << 10, 512 << 10, 1 << 20] {
        let run = move || {
            transfer(
                |socket| copy(&File::open(path)?, socket, buffer),
                |socket| copy(socket, null, buffer),
            )
        };
        copies.push((format!("buffer {}k", buffer >> 10), Box::new(run)));
    }
    report("the same by read and write", &copies)?;

    let mut pipes: Vec<Case<'_>> = Vec::new();
    for block in [64 << 10, 1 << 20] {
        let sizes = Sizes {
            block,
            ..Sizes::default()
        };
        let run = move || {
            transfer(
                |socket| from_pipe(path, |read| pump(read.as_fd(), socket.as_fd(), sizes)),
                |socket| to_pipe(null, |write| pump(socket.as_fd(), write.as_fd(), sizes)),
            )
        };
        pipes.push((format!("block {}k", block >> 10), Box::new(run)));
    }
    let run = move || {
        transfer(
            |socket| {
                from_pipe(path, |read| {
                    copy(&File::from(OwnedFd::from(read)), socket, BUFFER)
                })
            },
            |socket| {
                to_pipe(null, |write| {
                    copy(socket, &File::from(OwnedFd::from(write)), BUFFER)
                })
            },
        )
    };
    pipes.push(("read and write".to_owned(), Box::new(run)));
    report("pipe -> tcp -> pipe", &pipes)
}

/// In bytes: of a copy that stands beside a pump.
const BUFFER: usize = 256 << 10;

/// A name, and what gives one figure of it.
type Case<'a> = (String, Box<dyn Fn() -> io::Result<f64> + 'a>);

/// Runs the cases in turn, seven times, so that a disturbance does not fall on one alone.
fn report(title: &str, cases: &[Case<'_>]) -> io::Result<()> {
    let mut rates = vec![Vec::new(); cases.len()];
    for _ in 0..7 {
        for ((_, run), rates) in cases.iter().zip(&mut rates) {
            rates.push(run()?);
        }
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{title}, GB/s: median (lowest to highest)")?;
    for ((name, _), rates) in cases.iter().zip(&mut rates) {
        rates.sort_by(f64::total_cmp);
        writeln!(
            out,
            "{name:>26}  {:.2} ({:.2} to {:.2})",
            rates[3], rates[0], rates[6]
        )?;
    }
    writeln!(out)
}

/// Runs `send` with a pipe that another program, here a thread, writes the file to.
fn from_pipe(path: &OsStr, send: impl FnOnce(PipeReader) -> io::Result<u64>) -> io::Result<u64> {
    let (read, write) = io::pipe()?;
    let file = File::open(path)?;
    thread::scope(|scope| {
        scope.spawn(move || copy(&file, &File::from(OwnedFd::from(write)), BUFFER));
        send(read)
    })
}

/// Runs `receive` with a pipe that another program, here a thread, reads and throws away.
fn to_pipe(null: &File, receive: impl FnOnce(PipeWriter) -> io::Result<u64>) -> io::Result<u64> {
    let (read, write) = io::pipe()?;
    thread::scope(|scope| {
        scope.spawn(move || copy(&File::from(OwnedFd::from(read)), null, BUFFER));
        receive(write)
    })
}

/// Runs `send` on one end of a connection and `receive` on the other; gives 10^9 bytes a second.
fn transfer(
    send: impl FnOnce(&TcpStream) -> io::Result<u64> + Send,
    receive: impl FnOnce(&TcpStream) -> io::Result<u64>,
) -> io::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let sender = TcpStream::connect(listener.local_addr()?)?;
    let (receiver, _) = listener.accept()?;
    sender.set_nonblocking(true)?;
    receiver.set_nonblocking(true)?;
    let start = Instant::now();
    let total = thread::scope(|scope| {
        scope.spawn(move || {
            let sent = send(&sender);
            drop(sender);
            sent
        });
        receive(&receiver)
    })?;
    Ok(total as f64 / start.elapsed().as_secs_f64() / 1e9)
}

fn pump(from: BorrowedFd<'_>, to: BorrowedFd<'_>, sizes: Sizes) -> io::Result<u64> {
    let mut pump = Pump::with_sizes(from, to, sizes)?;
    let mut total = 0;
    loop {
        let awaited = match pump.step()? {
            Step::Moved(taken) => {
                total += taken as u64;
                continue;
            }
            Step::End => return Ok(total),
            Step::Blocked(Side::From) => Interest::to_read(from),
            Step::Blocked(Side::To) => Interest::to_write(to),
        };
        poll::wait(&mut [awaited], None)?;
    }
}

fn copy<F: AsFd, T: AsFd>(from: &F, to: &T, size: usize) -> io::Result<u64>
where
    for<'a> &'a F: Read,
    for<'a> &'a T: Write,
{
    let mut buffer = vec![0; size];
    let mut total = 0;
    loop {
        let mut from_side = from;
        let len = match from_side.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll::wait(&mut [Interest::to_read(from.as_fd())], None)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut given = 0;
        while given < len {
            let mut to_side = to;
            match to_side.write(&buffer[given..len]) {
                Ok(len) => given += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll::wait(&mut [Interest::to_write(to.as_fd())], None)?;
                }
                Err(error) => return Err(error),
            }
        }
        total += len as u64;
    }
}
