//! The processes that a benchmark starts, each with an end: a server by its pid, a client by itself
//! or at its deadline.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::thread;
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
        while !is_listening(&fs::read_to_string("/proc/net/tcp")?, port) {
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
pub(super) fn wait(child: &mut Child, limit: Duration) -> io::Result<ExitStatus> {
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

/// Runs a load generator to its end and takes the figure that it prints.
pub(super) fn figure(command: &mut Command) -> io::Result<f64> {
    let Output { status, stdout, .. } = command.stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&stdout);
    match text.trim().parse() {
        Ok(figure) if status.success() => Ok(figure),
        _ => Err(io::Error::other(format!(
            "the load generator gave `{text}`, {status}"
        ))),
    }
}

/// Without a terminal's input, and its output thrown away.
fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// The port in `listening on tcp://127.0.0.1:10140`.
fn announced_port(line: &str) -> Option<u16> {
    let (_, address) = line.split_once("listening on ")?;
    let (_, port) = address.trim_end().rsplit_once(':')?;
    port.parse().ok()
}

/// Whether `/proc/net/tcp` shows a listener on `port`, in state 0A.
fn is_listening(table: &str, port: u16) -> bool {
    let suffix = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().unwrap_or_default();
        local.ends_with(&suffix) && words.nth(1) == Some("0A")
    })
}

#[cfg(test)]
mod tests;
