//! Bytes in bulk over TCP by hand: the least that it costs to send and to take them.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, SpliceFlags};

use super::load::Load;

/// In bytes: what one read and one write take where no system call spares them.
pub(super) const BLOCK: usize = 256 * 1024;

/// In bytes, of a line with its end.
pub(super) const LINE: usize = 1024;

/// In bytes: what one system call may move from a file.
const STRETCH: usize = 1 << 30;

/// In bytes, of the pipe between socket and output: what a system permits everybody.
const PIPE: usize = 1 << 20;

/// A silence after which the server has lost its way.
const SILENCE_LIMIT: Duration = Duration::from_secs(120);

/// Takes what one client sends to stdout, without a detour through memory.
pub(super) fn splice_sink() -> io::Result<ExitCode> {
    let client = announced()?.accept()?.0;
    let (from_pipe, to_pipe) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    rustix::pipe::fcntl_setpipe_size(&to_pipe, PIPE)?;
    let out = io::stdout();
    let flags = SpliceFlags::MOVE;
    loop {
        let mut held = rustix::pipe::splice(&client, None, &to_pipe, None, PIPE, flags)?;
        if held == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        while held != 0 {
            held -= rustix::pipe::splice(&from_pipe, None, &out, None, held, flags)?;
        }
    }
}

/// Takes what one client sends to stdout, [`BLOCK`] bytes at a time.
pub(super) fn read_sink() -> io::Result<ExitCode> {
    let mut client = announced()?.accept()?.0;
    let (mut block, mut out) = (vec![0; BLOCK], io::stdout());
    loop {
        match client.read(&mut block)? {
            0 => return Ok(ExitCode::SUCCESS),
            len => out.write_all(&block[..len])?,
        }
    }
}

/// Takes what clients send, one after the other, `size` bytes at a time, until it is killed.
pub(super) fn discard(size: usize) -> io::Result<ExitCode> {
    let listener = announced()?;
    let mut block = vec![0; size];
    loop {
        let mut client = listener.accept()?.0;
        // Whoever breaks off is gone; the next one is served.
        while client.read(&mut block).is_ok_and(|len| len != 0) {}
    }
}

/// Sends stdin, a file, from the kernel's memory into the socket.
pub(super) fn send_file(port: u16) -> io::Result<ExitCode> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    while rustix::fs::sendfile(&server, io::stdin(), None, STRETCH)? != 0 {}
    Ok(ExitCode::SUCCESS)
}

/// Sends stdin, [`BLOCK`] bytes at a time.
pub(super) fn write_file(port: u16) -> io::Result<ExitCode> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut block = vec![0; BLOCK];
    loop {
        // Not through the buffer of `io::stdin`, which is smaller.
        match rustix::io::read(io::stdin(), &mut block)? {
            0 => return Ok(ExitCode::SUCCESS),
            len => server.write_all(&block[..len])?,
        }
    }
}

/// Sends streams of `count` bytes in lines, one after the other, each until the server has closed;
/// how long one byte took.
pub(super) fn lines(load: Load) -> io::Result<f64> {
    let block = block_of_lines();
    repeated(load, |server| {
        let mut left = load.count;
        while left != 0 {
            let len = left.min(block.len());
            server.write_all(&block[..len])?;
            left -= len;
        }
        Ok(())
    })
}

/// Sends frames of `count` bytes behind their length, each on a connection of its own until the
/// server has closed it; how long one byte took.
pub(super) fn frames(load: Load) -> io::Result<f64> {
    let len = u32::try_from(load.count).map_err(io::Error::other)?;
    let frame = [&len.to_be_bytes()[..], &vec![b'x'; load.count]].concat();
    repeated(load, |server| server.write_all(&frame))
}

/// Sends lines of 64 bytes, `count` a second, each by itself; how many a second there were.
pub(super) fn paced(load: Load) -> io::Result<f64> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, load.port))?;
    server.set_nodelay(true)?;
    let mut line = [b'x'; 64];
    line[63] = b'\n';
    let (began, mut sent) = (Instant::now(), 0_u64);
    while began.elapsed() < load.time {
        let due = (began.elapsed().as_secs_f64() * load.count as f64) as u64;
        while sent < due {
            server.write_all(&line)?;
            sent += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(sent as f64 / began.elapsed().as_secs_f64())
}

/// [`BLOCK`] bytes of lines.
pub(super) fn block_of_lines() -> Vec<u8> {
    let mut line = vec![b'x'; LINE];
    line[LINE - 1] = b'\n';
    line.repeat(BLOCK / LINE)
}

/// Lets `send` do its work on one connection after the other, for as long as the load may take,
/// once at least; in seconds for each of `count` bytes.
fn repeated(load: Load, mut send: impl FnMut(&mut TcpStream) -> io::Result<()>) -> io::Result<f64> {
    let (began, mut streams) = (Instant::now(), 0_u32);
    while streams == 0 || began.elapsed() < load.time / 5 {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, load.port))?;
        server.set_read_timeout(Some(SILENCE_LIMIT))?;
        send(&mut server)?;
        server.shutdown(Shutdown::Write)?;
        // It closes when it has taken everything.
        io::copy(&mut server, &mut io::sink())?;
        streams += 1;
    }
    Ok(began.elapsed().as_secs_f64() / f64::from(streams) / load.count as f64)
}

fn announced() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    super::reference::announce("tcp", listener.local_addr()?.port())?;
    Ok(listener)
}
