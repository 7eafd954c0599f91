//! Programs that run beside a test: started, fed, watched, and ended by a deadline.

use std::io::{self, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, kill_process};

pub(crate) use rustix::process::Signal;
pub(crate) use tempfile::TempDir;

/// How long anything may take before the test fails. Far more than it takes, as other work may have
/// the machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// An address for what is refused or explained before anything is opened.
// port: nothing is ever opened there
pub(crate) const NOBODY: &str = "127.0.0.1:7000";

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(3);

/// A program that is not started yet.
pub(crate) struct Program {
    command: Command,
    input: Input,
}

/// What a program finds on its stdin.
enum Input {
    /// `/dev/null`.
    Nothing,
    /// These bytes, and then the end.
    Bytes(Vec<u8>),
    /// A pipe that the test writes to and closes.
    Held,
}

/// The program under test, with `/dev/null` as its stdin.
pub(crate) fn sockpit(args: &[&str]) -> Program {
    let mut program = Program::new(env!("CARGO_BIN_EXE_sockpit"), args);
    program.command.env_remove("NO_COLOR");
    program
}

/// `sockpit listen`, started, with `/dev/null` as its stdin.
pub(crate) fn listen(args: &[&str]) -> Running {
    sockpit(&["listen"]).args(args).start()
}

/// `sockpit connect`, with `/dev/null` as its stdin.
pub(crate) fn connect(args: &[&str]) -> Program {
    sockpit(&["connect"]).args(args)
}

/// A Python script, as a beginner would write it, with `arguments` in `sys.argv[1:]`.
///
/// A server binds to port 0 and prints the port; [`Running::printed_port`] waits for it.
pub(crate) fn python(script: &str, arguments: &[&str]) -> Program {
    Program::new("python3", &["-u", "-c", script]).args(arguments)
}

impl Program {
    pub(crate) fn new(name: &str, args: &[&str]) -> Self {
        let mut command = Command::new(name);
        command.args(args);
        // What is told does not depend on the language of whoever runs the tests.
        command.env("LC_ALL", "C.UTF-8").env_remove("SOCKPIT_LANG");
        Self {
            command,
            input: Input::Nothing,
        }
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn folder(mut self, folder: &TempDir) -> Self {
        self.command.current_dir(folder.path());
        self
    }

    /// Stdin holds these bytes and then ends.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    /// Stdin stays open until [`Running::end_stdin`].
    pub(crate) fn hold_stdin(mut self) -> Self {
        self.input = Input::Held;
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let name = format!("{:?}", self.command);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.stdin(match self.input {
            Input::Nothing => Stdio::null(),
            Input::Bytes(_) | Input::Held => Stdio::piped(),
        });
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut stdin = child.stdin.take();
        if let Input::Bytes(bytes) = self.input {
            let mut stdin = stdin.take().expect("stdin is a pipe");
            // The program may end before it has read everything.
            thread::spawn(move || drop(stdin.write_all(&bytes)));
        }
        let stdout = Captured::of(child.stdout.take().expect("stdout is a pipe"));
        let stderr = Captured::of(child.stderr.take().expect("stderr is a pipe"));
        Running {
            name,
            child,
            stdin,
            stdout,
            stderr,
            started: Instant::now(),
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Finished {
        self.start().finish()
    }
}

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

/// A program that has ended.
pub(crate) struct Finished {
    name: String,
    /// `None` if a signal killed it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// From its start to its end.
    pub(crate) took: Duration,
}

impl Finished {
    /// Its stdout, which has to be UTF-8.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|_| panic!("no text\n{}", self.told()))
    }

    /// Fails with everything that the program wrote.
    #[track_caller]
    pub(crate) fn check_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "the exit code\n{}", self.told());
        self
    }

    #[track_caller]
    pub(crate) fn check_stdout(self, stdout: impl AsRef<[u8]>) -> Self {
        let stdout = stdout.as_ref();
        assert!(
            self.stdout == stdout,
            "not `{}`\n{}",
            stdout.escape_ascii(),
            self.told()
        );
        self
    }

    /// Every one of these stands in what was told on stderr.
    #[track_caller]
    pub(crate) fn check_stderr(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "`{part}` is missing\n{}",
                self.told()
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn check_silent(self) -> Self {
        assert!(
            self.stderr.is_empty(),
            "something was told on stderr\n{}",
            self.told()
        );
        self
    }

    pub(crate) fn told(&self) -> String {
        let shown = &self.stdout[..self.stdout.len().min(4096)];
        let Self {
            name, code, stderr, ..
        } = self;
        format!(
            "{name}\ncode: {code:?}\nstdout: {}\nstderr: {stderr}",
            shown.escape_ascii()
        )
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

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < until, "{what}: not within {DEADLINE:?}");
        thread::sleep(POLL); // sleep: polled, with a deadline
    }
}

/// Waits until the program at the other end of `peer` has read what was sent, or is gone.
pub(crate) fn wait_until_read(peer: &TcpStream) {
    wait_until("everything is read", || {
        other_end(peer).is_none_or(|(_, unread)| unread == 0)
    });
}

/// Waits until the program at the other end of `peer`, which reads nothing, can send no more.
pub(crate) fn wait_until_full(peer: &TcpStream) {
    let mut before = (0, 0);
    let mut since = Instant::now();
    wait_until("the way is full", || {
        let now = other_end(peer).unwrap_or_default();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        // Longer than a busy machine keeps a program that could go on from going on.
        now.0 > 0 && since.elapsed() > Duration::from_secs(1)
    });
}

/// The bytes that wait in the socket at the other end of `peer`, to be sent and to be read, as the
/// system lists them; `None` if that socket is gone.
fn other_end(peer: &TcpStream) -> Option<(u64, u64)> {
    let (ours, theirs) = (peer.local_addr().ok()?, peer.peer_addr().ok()?);
    let listed = |port: u16| format!(":{port:04X}");
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    sockets.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        let (unsent, unread) = fields.nth(1)?.split_once(':')?;
        let is_theirs = local.ends_with(&listed(theirs.port()));
        let number = |hex: &str| u64::from_str_radix(hex, 16).ok();
        (is_theirs && remote.ends_with(&listed(ours.port())))
            .then(|| Some((number(unsent)?, number(unread)?)))
            .flatten()
    })
}

/// Whether a program that others wrote is installed. Where it has to be (`SOCKPIT_REQUIRE_PEERS`),
/// its absence fails the test.
pub(crate) fn need(tool: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_installed = std::env::split_paths(&folders).any(|folder| folder.join(tool).is_file());
    if !is_installed {
        let is_required = std::env::var_os("SOCKPIT_REQUIRE_PEERS").is_some();
        assert!(
            !is_required,
            "{tool} is not installed, and SOCKPIT_REQUIRE_PEERS is set"
        );
        say(&format!("skipped: {tool} is not installed"));
    }
    is_installed
}

pub(crate) fn say(text: &str) {
    io::stdout()
        .write_all(format!("{text}\n").as_bytes())
        .expect("the test has a stdout");
}

/// A folder that goes with the test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder of our own")
}

/// A listening socket of the test, and its address as an endpoint.
pub(crate) fn server() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of our own");
    let addr = listener.local_addr().expect("it is bound");
    (listener, format!("tcp://{addr}"))
}

/// The same, whose peers are soon full: they keep little that is not read, whatever the system allows.
pub(crate) fn narrow_server() -> (TcpListener, String) {
    let (listener, address) = server();
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 64 * 1024)
        .expect("a socket of our own");
    (listener, address)
}

/// The one peer that comes, with a deadline on whatever is done with it.
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).expect("a socket of our own");
    let until = Instant::now() + DEADLINE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => return with_deadline(stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                assert!(Instant::now() < until, "nobody came");
                thread::sleep(POLL); // sleep: polled, with a deadline
            }
            Err(error) => panic!("accept: {error}"),
        }
    }
}

/// A client socket of the test, with a deadline on whatever is done with it.
pub(crate) fn client(port: u16) -> TcpStream {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    with_deadline(TcpStream::connect_timeout(&addr, DEADLINE).expect("the listener takes us"))
}

fn with_deadline(stream: TcpStream) -> TcpStream {
    stream.set_nonblocking(false).expect("a socket of our own");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    stream
        .set_write_timeout(Some(DEADLINE))
        .expect("a socket of our own");
    stream
}

/// Exactly so many bytes of a stream.
pub(crate) fn read_exactly(stream: &mut impl Read, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream
        .read_exact(&mut bytes)
        .expect("the peer sends that much");
    bytes
}

/// A stream to its end.
pub(crate) fn read_to_end(stream: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream
        .read_to_end(&mut bytes)
        .expect("the peer ends in order");
    bytes
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

/// 64 MiB, the same in every test: what is sent where all of it has to arrive.
pub(crate) fn bulk() -> &'static [u8] {
    static BULK: OnceLock<Vec<u8>> = OnceLock::new();
    BULK.get_or_init(|| pattern(64 << 20, 64))
}

/// Bytes without a period that a lost or doubled block could hide in. The same for the same seed.
pub(crate) fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Breaks a connection off: the peer gets a reset.
pub(crate) fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket of our own");
    drop(stream);
}
