//! The processes that a benchmark starts, each with an end: a server by its pid, a client by itself
//! or at its deadline.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Resource};

/// A server process, killed and awaited when it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    /// Kept open, so that the server may go on writing to it.
    _stderr: Option<BufReader<ChildStderr>>,
}

/// How long a server may take to be there.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How long a load generator may take, which ends by itself long before.
const LOAD_LIMIT: Duration = Duration::from_secs(120);

/// A process that has spent nothing for so long has caught up.
const QUIET: Duration = Duration::from_millis(400);

/// How long it may take until it has.
const SETTLE_LIMIT: Duration = Duration::from_secs(20);

impl Server {
    /// Starts a server that says on stderr where it listens.
    pub(super) fn announced(command: &mut Command) -> io::Result<Self> {
        let mut child = quiet(command).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().expect("stderr is piped");
        let mut server = Self {
            child,
            port: 0,
            _stderr: None,
        };
        let mut stderr = BufReader::new(stderr);
        let mut line = String::new();
        // The line comes or the server ends; either way the loop does.
        while stderr.read_line(&mut line)? != 0 {
            if let Some(port) = announced_port(&line) {
                server.port = port;
                server._stderr = Some(stderr);
                return Ok(server);
            }
            line.clear();
        }
        Err(io::Error::other(format!("{} ended", name(command))))
    }

    /// Starts a server that was told `port` and says nothing.
    pub(super) fn silent(command: &mut Command, port: u16) -> io::Result<Self> {
        let child = quiet(command).stderr(Stdio::null()).spawn()?;
        let mut server = Self {
            child,
            port,
            _stderr: None,
        };
        let deadline = Instant::now() + START_LIMIT;
        // A connection would be taken for the client, so the kernel is asked.
        while !is_listening(&sockets()?, port) {
            if deadline < Instant::now() || server.child.try_wait()?.is_some() {
                return Err(io::Error::other(format!(
                    "{} does not listen",
                    name(command)
                )));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(server)
    }

    /// Processor time that it has taken so far.
    pub(super) fn processor_time(&self) -> io::Result<Duration> {
        processor_time(self.pid())
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a server that ends with its only client.
    pub(super) fn wait(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        wait(&mut self.child, limit)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets this process and its children open as many files as the system permits.
pub(super) fn raise_open_files() -> io::Result<()> {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(rustix::process::setrlimit(Resource::Nofile, limit)?)
}

/// A TCP port that was free a moment ago, for the programs that cannot choose one themselves.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Waits for the end of a process, and kills it when `limit` has passed.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> io::Result<ExitStatus> {
    let pid = Pid::from_child(child);
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let mut ends = [PollFd::new(&handle, PollFlags::IN)];
    let limit = Timespec::try_from(limit).expect("a limit is far below 2^63 s");
    if rustix::event::poll(&mut ends, Some(&limit))? == 0 {
        child.kill()?;
        child.wait()?;
        return Err(io::Error::other("it did not end in time"));
    }
    child.wait()
}

/// Runs a load generator to its end and takes the figures that it prints.
pub(super) fn figures<const N: usize>(command: &mut Command) -> io::Result<[f64; N]> {
    let text = output(command, LOAD_LIMIT)?;
    let figures: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    figures
        .ok()
        .and_then(|figures| figures.try_into().ok())
        .ok_or_else(|| io::Error::other(format!("the load generator gave `{text}`")))
}

/// Runs a program without input to its end, which must be good, and takes what it says on stdout.
pub(super) fn output(command: &mut Command, limit: Duration) -> io::Result<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // Read beside the waiting: a program whose output nobody takes does not end.
    let out = collected(child.stdout.take().expect("stdout is piped"));
    let err = collected(child.stderr.take().expect("stderr is piped"));
    let status = wait(&mut child, limit);
    let text = |reader: JoinHandle<String>| reader.join().unwrap_or_default();
    let (out, err) = (text(out), text(err));
    match status {
        Ok(status) if status.success() => Ok(out),
        Ok(status) => {
            let last = err.lines().last().or(out.lines().last());
            let last = last.unwrap_or_default();
            let message = format!("{} ended with {status}: {last}", name(command));
            Err(io::Error::other(message))
        }
        Err(error) => Err(error),
    }
}

/// Processor time of all threads that a process has, to the nanosecond.
///
/// What a thread took goes with it when it ends. Only short ones end in a server that is measured.
pub(super) fn processor_time(pid: u32) -> io::Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        let text = match fs::read_to_string(task.join("schedstat")) {
            // It has ended since it was found.
            Err(_) if !task.exists() => continue,
            text => text?,
        };
        let spent = text.split(' ').next().and_then(|word| word.parse().ok());
        nanos += spent.unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

/// A size in a process's status, such as its `VmRSS`, in bytes.
pub(super) fn status(pid: u32, name: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let size = |line: &str| {
        let size = line.strip_prefix(name)?.strip_prefix(':')?;
        size.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    status
        .lines()
        .find_map(size)
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| io::Error::other("the process has ended"))
}

/// Waits until a process has nothing to do, and gives the processor time that it has taken.
pub(super) fn settled_time(pid: u32) -> io::Result<Duration> {
    let end = Instant::now() + SETTLE_LIMIT;
    let mut time = processor_time(pid)?;
    let mut since = Instant::now();
    while since.elapsed() < QUIET && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
        let then = processor_time(pid)?;
        // Waking up to look costs a little too.
        if time + Duration::from_millis(1) < then {
            (time, since) = (then, Instant::now());
        }
    }
    processor_time(pid)
}

/// Everything that comes from a program, in the end.
fn collected(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before it broke off is as much as there is.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Without a terminal's input, and its output thrown away.
fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

fn name(command: &Command) -> String {
    let path = Path::new(command.get_program());
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The port in `listening on tcp://127.0.0.1:10140`.
fn announced_port(line: &str) -> Option<u16> {
    let (_, address) = line.split_once("listening on ")?;
    let (_, port) = address.trim_end().rsplit_once(':')?;
    port.parse().ok()
}

/// The kernel's tables of TCP and UDP sockets.
fn sockets() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/net/tcp")? + &fs::read_to_string("/proc/net/udp")?)
}

/// Whether a table shows a listener on `port`: TCP in state 0A, or UDP, where an unconnected socket
/// is in state 07.
fn is_listening(table: &str, port: u16) -> bool {
    let suffix = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().unwrap_or_default();
        local.ends_with(&suffix) && matches!(words.nth(1), Some("0A" | "07"))
    })
}

#[cfg(test)]
mod tests;
