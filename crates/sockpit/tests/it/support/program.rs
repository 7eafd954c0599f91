//! Programs that are to run beside a test.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use super::{Finished, Running, TempDir};

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
        // A program may have run for a while before whoever started it goes on.
        let started = Instant::now();
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
        Running::of(name, child, stdin, started)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Finished {
        self.start().finish()
    }
}
