//! The pictures of the README: what the real program prints on a terminal, drawn as SVG.
//!
//! `docs/picture/demo.svg` is the beginning of `sockpit demo`, `docs/picture/talk.svg` a talk with a
//! server and what is said when something is wrong. Each holds its words as a description, for readers who
//! cannot see it and for the test that they still are what the program prints. `docs/picture/ladder.svg`
//! the program draws by itself, where it may capture packets, and `docs/picture/tello.svg` too.

use std::env::consts::EXE_SUFFIX;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use rustix::pty::{self, OpenptFlags};

mod svg;
mod terminal;

use crate::bench::wait;
use terminal::Screen;

/// Where the pictures lie, below the workspace.
const FOLDER: &str = "docs/picture";

/// How long a command may take that is drawn.
const LIMIT: Duration = Duration::from_secs(60);

/// Paragraphs of the demo that are drawn: the server, sticky, half, and cut in a character. All of it
/// would be two screens high.
const DEMO_PARAGRAPHS: usize = 4;

/// What stands for the port that the system chose.
const SHOWN_PORT: &str = "7000";

/// The script of the README.
const FLIGHT: &str = "takeoff\nforward 200\ncw 90\nforward 100\ncurve 60 60 0 120 0 0 40\nland\n";

/// A picture: its file, what stands over it, and what makes it.
struct Picture {
    file: &'static str,
    title: &'static str,
    make: fn(&Path) -> io::Result<Screen>,
}

const PICTURES: [Picture; 2] = [
    Picture {
        file: "demo.svg",
        title: "sockpit demo",
        make: demo,
    },
    Picture {
        file: "talk.svg",
        title: "sockpit listen · sockpit connect",
        make: talk,
    },
];

/// Builds the program, runs it, and draws what it printed.
pub(crate) fn run(root: &Path) -> io::Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--package", "sockpit"])
        .current_dir(root);
    if !build.status()?.success() {
        return Ok(ExitCode::FAILURE);
    }
    let program = program()?;
    for picture in &PICTURES {
        let screen = (picture.make)(&program)?;
        let path = root.join(FOLDER).join(picture.file);
        std::fs::write(path, svg::draw(picture.title, &screen))?;
    }
    flight(&program, &root.join(FOLDER).join("tello.svg"))?;
    ladder(&program, &root.join(FOLDER).join("ladder.svg"))
}

/// The path of a short flight, which nobody flies.
fn flight(program: &Path, path: &Path) -> io::Result<()> {
    let script = path.with_extension("new");
    std::fs::write(&script, FLIGHT)?;
    let drawn = Command::new(program)
        .args(["tello", "run", "--dry-run", "--svg"])
        .args([path, &script])
        .stdout(Stdio::null())
        .status();
    std::fs::remove_file(&script)?;
    if !drawn?.success() {
        return Err(io::Error::other("the flight cannot be drawn"));
    }
    Ok(())
}

/// Where cargo puts the program: beside this one, or above the folder of a test's.
fn program() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().expect("a program lies in a folder");
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    Ok(folder.join(format!("sockpit{EXE_SUFFIX}")))
}

/// The demo's first paragraphs.
fn demo(program: &Path) -> io::Result<Screen> {
    let mut screen = Screen::default();
    screen.prompt("sockpit demo");
    let text = on_terminal(program, &["demo"])?.text;
    let paragraphs: Vec<&str> = text.split("\r\n\r\n").take(DEMO_PARAGRAPHS).collect();
    screen.print(&paragraphs.join("\r\n\r\n"));
    Ok(screen)
}

/// The packets of a short conversation, as a sequence diagram.
fn ladder(program: &Path, path: &Path) -> io::Result<ExitCode> {
    let endpoint = format!("127.0.0.1:{}", free_port()?);
    let (mut server, _) = serve(program, &["listen", &endpoint, "--reply", "upper"])?;
    let drawn = path.with_extension("new");
    let words = [
        "--send", "hello", "--expect", "HELLO", "--as", "none", "--svg",
    ];
    let client = Command::new(program)
        .args(["connect", &endpoint])
        .args(words)
        .arg(&drawn)
        .status()?;
    server.kill()?;
    server.wait()?;
    let picture = std::fs::read_to_string(&drawn)?;
    std::fs::remove_file(&drawn)?;
    if !client.success() || !picture.contains("[SYN]") {
        writeln!(
            io::stderr(),
            "{} stays: no packets could be captured",
            path.display()
        )?;
        return Ok(ExitCode::FAILURE);
    }
    std::fs::write(path, picture)?;
    Ok(ExitCode::SUCCESS)
}

/// Starts a listener; gives it with what it says first.
fn serve(program: &Path, arguments: &[&str]) -> io::Result<(Child, String)> {
    let mut server = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut announced = String::new();
    let stderr = server.stderr.take().expect("stderr is a pipe");
    BufReader::new(stderr).read_line(&mut announced)?;
    Ok((server, announced))
}

/// A server, a client, and three ways to go wrong.
fn talk(program: &Path) -> io::Result<Screen> {
    let port = free_port()?;
    let mut screen = Screen::default();

    let endpoint = format!("127.0.0.1:{port}");
    let arguments = [
        "listen", &endpoint, "--frame", "lines", "--text", "gbk", "--reply", "upper",
    ];
    let (mut server, announced) = serve(program, &arguments)?;
    screen.prompt(&format!("sockpit {} &", shown(&arguments.join(" "), port)));
    screen.print(&shown(&announced, port));

    let client = ["connect", &endpoint, "--frame", "lines"];
    let attempts: [&[&str]; 3] = [
        &[
            &client[..],
            &["--text", "gbk", "--send", "你好", "--expect", "你好"],
        ]
        .concat(),
        &[
            &client[..],
            &["--send", "ping", "--expect", "pong", "--within", "2s"],
        ]
        .concat(),
        &["listen", &endpoint],
    ];
    let tried = attempts
        .into_iter()
        .try_for_each(|arguments| screen.attempt(program, arguments, port));
    server.kill()?;
    server.wait()?;
    tried?;
    screen.attempt(program, &["connect", &endpoint], port)?;
    Ok(screen)
}

impl Screen {
    /// Types a command, prints what it prints, and asks for its exit code.
    fn attempt(&mut self, program: &Path, arguments: &[&str], port: u16) -> io::Result<()> {
        let printed = on_terminal(program, arguments)?;
        self.print("\n");
        self.prompt(&format!("sockpit {}", shown(&arguments.join(" "), port)));
        self.print(&shown(&printed.text, port));
        self.prompt("echo $?");
        self.print(&format!("{}\n", printed.code));
        Ok(())
    }
}

/// A text with the port that readers expect.
fn shown(text: &str, port: u16) -> String {
    text.replace(&format!(":{port}"), &format!(":{SHOWN_PORT}"))
        .replace(&format!(" ports {port} "), &format!(" ports {SHOWN_PORT} "))
}

/// A port that nobody holds.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What a command left behind.
struct Printed {
    text: String,
    code: i32,
}

/// Runs a command with a terminal as its stdout and stderr, and nothing to read.
fn on_terminal(program: &Path, arguments: &[&str]) -> io::Result<Printed> {
    let master = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    pty::grantpt(&master)?;
    pty::unlockpt(&master)?;
    let name = pty::ptsname(&master, Vec::new())?;
    let name = name.to_str().map_err(io::Error::other)?;
    let slave = File::options().read(true).write(true).open(name)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("TERM", "xterm-256color")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("SOCKPIT_LANG")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .stdout(slave.try_clone()?)
        .stderr(slave);
    let mut child = command.spawn()?;
    // The command holds our ends of its terminal until it is dropped.
    drop(command);
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        // A terminal that everybody has left ends with an error, after its last byte.
        let _ = File::from(master).read_to_end(&mut bytes);
        bytes
    });
    let code = wait(&mut child, LIMIT)?.code().unwrap_or(-1);
    let bytes = reading.join().expect("reading does not panic");
    Ok(Printed {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        code,
    })
}

#[cfg(test)]
mod tests;
