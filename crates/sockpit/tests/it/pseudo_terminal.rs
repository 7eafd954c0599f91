//! A terminal of its own for a program: the one harness of every test that needs somebody at a
//! keyboard.

use crate::support::{Program, python};

/// The exit code of a program that left its terminal in another state than it found.
const CHANGED: &str = "99";

/// Runs a program on a terminal. What comes on stdin is typed, as fast as the terminal takes it; what
/// the terminal gets is printed; a signal is passed on, and so is the exit code.
const HARNESS: &str = "
import fcntl, os, pty, select, signal, struct, sys, termios
rows, columns, changed = map(int, sys.argv[1:4])
screen, held = pty.openpty()
fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
before = termios.tcgetattr(held)
program = os.fork()
if program == 0:
    os.close(screen)
    os.login_tty(held)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.execv(sys.argv[4], sys.argv[4:])
for passed_on in (signal.SIGINT, signal.SIGTERM):
    signal.signal(passed_on, lambda number, _: os.kill(program, number))
sources = [0, screen]
typed, last, ended = b'', b'', 0
mark = rest_of_mark = b'\\0that was all\\0'
while True:
    ready, wanted, _ = select.select(sources, [screen] if typed else [], [], 0.02)
    if 0 in ready:
        more = os.read(0, 65536)
        if more: typed += more
        else: sources.remove(0)
    if wanted: typed = typed[os.write(screen, typed[:1024]):]
    if screen in ready:
        got = os.read(screen, 65536)
        if not ended:
            os.write(1, got)
            continue
        last += got
        if mark in last:
            os.write(1, last[:last.index(mark)])
            break
    elif not ended:
        ended, status = os.waitpid(program, os.WNOHANG)
        # It is the program's stdin too, while there is one.
        if ended: os.set_blocking(held, False)
    # What it wrote last may be on its way still: it comes before what is written behind it.
    elif rest_of_mark:
        try: rest_of_mark = rest_of_mark[os.write(held, rest_of_mark):]
        except BlockingIOError: pass
if termios.tcgetattr(held) != before: sys.exit(changed)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
";

/// How large a terminal says that it is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
}

impl Size {
    /// As a window is when it is opened.
    pub(crate) const USUAL: Self = Self::new(24, 80);
    /// As a serial line says, which does not know: nothing is ever wrapped.
    pub(crate) const UNKNOWN: Self = Self::new(0, 0);

    pub(crate) const fn new(rows: u16, columns: u16) -> Self {
        Self { rows, columns }
    }
}

/// A command, its program by its path, on a terminal with nobody at the keyboard: what a held stdin
/// is fed is typed. It ends with 99 if it leaves the terminal in another state than it found.
pub(crate) fn on_a_terminal(size: Size, command: &[&str]) -> Program {
    let (rows, columns) = (size.rows.to_string(), size.columns.to_string());
    python(HARNESS, &[&rows, &columns, CHANGED]).args(command)
}

/// The program under test on a terminal.
pub(crate) fn sockpit_on_a_terminal(size: Size, args: &[&str]) -> Program {
    on_a_terminal(size, &[env!("CARGO_BIN_EXE_sockpit")]).args(args)
}
