//! Programs that run beside a test: fed, watched, and ended by a deadline.

use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};

use super::{DEADLINE, Finished, POLL, Signal, contains};

/// A program that runs. Dropped, it is killed.
pub(crate) struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Captured,
    stderr: Captured,
    started: Instant,
}

impl Running {
    /// A child whose stdout and stderr are pipes; `stdin` is what is held of its stdin. It was not
    /// there before `started`.
    pub(super) fn of(
        name: String,
        mut child: Child,
        stdin: Option<ChildStdin>,
        started: Instant,
    ) -> Self {
        let stdout = Captured::of(child.stdout.take().expect("stdout is a pipe"));
        let stderr = Captured::of(child.stderr.take().expect("stderr is a pipe"));
        Self {
            name,
            child,
            stdin,
            stdout,
            stderr,
            started,
        }
    }

    /// Writes to a held stdin.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let stdin = self
            .stdin
            .as_mut()
            .expect("stdin is held and has not ended");
        stdin.write_all(bytes).expect("the program reads its stdin");
    }

    pub(crate) fn end_stdin(&mut self) {
        self.stdin = None;
    }

    /// Closes our end of its stdout, as `head` does when it has seen enough.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout.close();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the program still runs");
    }

    /// Ends a listener as Ctrl-C does, and waits for it.
    pub(crate) fn interrupt(self) -> Finished {
        self.signal(Signal::INT);
        self.finish()
    }

    /// What the listener announced, such as `tcp://127.0.0.1:41234`.
    pub(crate) fn address(&self) -> String {
        const ANNOUNCED: &str = "listening on ";
        self.wait_for_stderr(ANNOUNCED);
        let mut address = String::new();
        self.wait(&format!("a whole line with `{ANNOUNCED}`"), |running| {
            let stderr = running.stderr();
            let line = stderr
                .split_inclusive('\n')
                .find_map(|line| line.strip_prefix(ANNOUNCED));
            match line.and_then(|line| line.strip_suffix('\n')) {
                Some(line) => address = line.to_owned(),
                None => return false,
            }
            true
        });
        address
    }

    /// The number of the port that the listener announced.
    pub(crate) fn port(&self) -> u16 {
        let address = self.address();
        let port = address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("no port in `{address}`"))
    }

    /// The port that a Python server printed as its first line.
    pub(crate) fn printed_port(&self) -> u16 {
        self.wait_for_stdout(b"\n");
        let stdout = self.stdout();
        let line = stdout
            .split(|byte| *byte == b'\n')
            .next()
            .expect("a first line");
        let line = std::str::from_utf8(line).expect("a port is ASCII");
        line.trim()
            .parse()
            .unwrap_or_else(|_| panic!("`{line}` is no port"))
    }

    pub(crate) fn wait_for_stdout(&self, part: &[u8]) {
        let what = format!("`{}` on stdout", part.escape_ascii());
        self.wait(&what, |running| contains(&running.stdout(), part));
    }

    pub(crate) fn wait_for_stderr(&self, part: &str) {
        self.wait(&format!("`{part}` on stderr"), |running| {
            running.stderr().contains(part)
        });
    }

    /// Waits until `condition` holds; fails with everything that the program wrote.
    pub(crate) fn wait(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let until = Instant::now() + DEADLINE;
        while !condition(self) {
            assert!(
                Instant::now() < until,
                "{what} did not come\n{}",
                self.told()
            );
            thread::sleep(POLL); // sleep: polled, with a deadline
        }
    }

    /// Waits for its end. A held stdin stays open until then.
    pub(crate) fn finish(mut self) -> Finished {
        let until = Instant::now() + DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                break status;
            }
            assert!(Instant::now() < until, "it did not end\n{}", self.told());
            thread::sleep(POLL); // sleep: polled, with a deadline
        };
        let took = self.started.elapsed();
        // A grandchild may hold the pipes for longer.
        while !(self.stdout.has_ended() && self.stderr.has_ended()) && Instant::now() < until {
            thread::sleep(POLL); // sleep: polled, with a deadline
        }
        Finished {
            name: self.name.clone(),
            code: status.code(),
            stdout: self.stdout.bytes(),
            stderr: self.stderr(),
            took,
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the child is ours").is_some()
    }

    /// Whether it has ended, and all that it wrote to stdout is read.
    pub(crate) fn is_over(&mut self) -> bool {
        self.has_ended() && self.stdout.has_ended()
    }

    /// Its exit code, once it has ended by itself.
    pub(crate) fn code(&mut self) -> Option<i32> {
        self.child
            .try_wait()
            .expect("the child is ours")
            .and_then(|status| status.code())
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What it has written so far.
    pub(crate) fn stdout(&self) -> Vec<u8> {
        self.stdout.bytes()
    }

    /// What it has written so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.bytes()).into_owned()
    }

    fn told(&self) -> String {
        let stdout = self.stdout();
        let shown = &stdout[..stdout.len().min(4096)];
        let stderr = self.stderr();
        format!(
            "{}\nstdout: {}\nstderr: {stderr}",
            self.name,
            shown.escape_ascii()
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a thread has read of a pipe.
struct Captured {
    shared: Arc<Mutex<Capture>>,
}

#[derive(Default)]
struct Capture {
    bytes: Vec<u8>,
    has_ended: bool,
    is_closed: bool,
}

impl Captured {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new(Mutex::new(Capture::default()));
        let capture = Arc::clone(&shared);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let read = pipe.read(&mut buffer);
                let mut capture = capture.lock().expect("no holder panics");
                match read {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => {
                        capture.has_ended = true;
                        return;
                    }
                    Ok(len) => capture.bytes.extend_from_slice(&buffer[..len]),
                }
                if capture.is_closed {
                    capture.has_ended = true;
                    return;
                }
            }
        });
        Self { shared }
    }

    fn bytes(&self) -> Vec<u8> {
        self.shared.lock().expect("no holder panics").bytes.clone()
    }

    fn has_ended(&self) -> bool {
        self.shared.lock().expect("no holder panics").has_ended
    }

    /// The pipe is closed after the next bytes.
    fn close(&self) {
        self.shared.lock().expect("no holder panics").is_closed = true;
    }
}

/// How many descriptors a process has open beside `/dev/null`: as its stdin, that is let go by a
/// thread of its own, sooner or later.
pub(crate) fn descriptors(pid: Pid) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_pid()))
        .expect("it runs")
        // One that was closed meanwhile has no target any more.
        .filter_map(|entry| std::fs::read_link(entry.expect("it runs").path()).ok())
        .filter(|target| target != Path::new("/dev/null"))
        .count()
}

/// Processor time that a process has used.
pub(crate) fn processor_time(pid: Pid) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap();
    let fields = stat.rsplit(") ").next().unwrap().split(' ');
    let ticks = fields
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap());
    // The kernel counts in hundredths of a second for everybody.
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
