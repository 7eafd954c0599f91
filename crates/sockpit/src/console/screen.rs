//! Where lines for people go: to the streams, or above the line that is being typed.
//!
//! While somebody edits a line, what is to be shown waits in a queue for a thread that hands it to
//! the editor, which draws it above that line. Between two lines the editor draws nothing, and the
//! queue waits; so lines keep their order, and whoever reads the keyboard never waits for a line to
//! be drawn.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustyline::ExternalPrinter;

/// The screen belongs to the process, as its stdout does.
static SCREEN: Screen = Screen {
    state: Mutex::new(State {
        is_edited: false,
        is_beginning: false,
        is_reading: false,
        is_over: false,
        is_ending: false,
        is_drawing: false,
        lines: VecDeque::new(),
    }),
    changed: Condvar::new(),
};

/// Pieces that wait to be drawn; whoever has more waits too.
const MAX_WAITING: usize = 16;

/// Handing a piece over takes far less.
const HAND_OVER: Duration = Duration::from_millis(20);

/// How long the end waits for a terminal that takes nothing.
const LAST_WAIT: Duration = Duration::from_secs(1);

struct Screen {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Whether there is an editor.
    is_edited: bool,
    /// Whether it is about to read a line: the terminal may change its mode at any moment.
    is_beginning: bool,
    /// Whether it reads a line now, and so can draw others above it.
    is_reading: bool,
    /// Whether no further line is to be begun.
    is_over: bool,
    /// Whether it shall draw what waits, and then no more.
    is_ending: bool,
    /// Whether a piece is being handed over.
    is_drawing: bool,
    lines: VecDeque<String>,
}

/// From here on lines go above the one that is being edited.
pub(super) fn attach(mut printer: impl ExternalPrinter + Send + 'static) -> io::Result<()> {
    let mut state = lock();
    state.is_edited = true;
    state.is_over = false;
    state.is_ending = false;
    drop(state);
    thread::Builder::new()
        .name("sockpit-screen".to_owned())
        .spawn(move || {
            while let Some(lines) = next() {
                // Where the editor is gone, so is the terminal.
                let _ = printer.print(lines);
            }
        })?;
    Ok(())
}

/// The next piece to be drawn; `None` once there is no editor any more.
fn next() -> Option<String> {
    let mut state = lock();
    state.is_drawing = false;
    SCREEN.changed.notify_all();
    loop {
        if (state.is_reading || state.is_ending)
            && let Some(lines) = state.lines.pop_front()
        {
            state.is_drawing = true;
            return Some(lines);
        }
        if state.is_ending {
            state.is_edited = false;
            SCREEN.changed.notify_all();
            return None;
        }
        state = wait(state);
    }
}

/// Takes that the editor is about to read a line; `false` where the screen is to be left as it is.
pub(super) fn may_begin_line() -> bool {
    let mut state = lock();
    state.is_beginning = !state.is_over;
    state.is_beginning
}

/// Takes that the editor reads a line from here on.
pub(super) fn begin_line() {
    let mut state = lock();
    if !state.is_reading {
        state.is_beginning = false;
        state.is_reading = true;
        SCREEN.changed.notify_all();
    }
}

/// Takes that the editor has read its line, or is about to have done so: what is being handed over
/// reaches it before.
pub(super) fn end_line() {
    let mut state = lock();
    state.is_beginning = false;
    state.is_reading = false;
    SCREEN.changed.notify_all();
    // A piece that waits for the editor's next line is with it already.
    wait_while(state, HAND_OVER, |state| state.is_drawing);
}

/// Takes that no further line is read; what waits is still drawn.
pub(super) fn detach() {
    let mut state = lock();
    state.is_beginning = false;
    state.is_reading = false;
    state.is_over = true;
    state.is_ending = true;
    SCREEN.changed.notify_all();
}

/// The same, once everything is on the screen.
pub(super) fn detach_when_drawn() {
    let mut state = lock();
    state.is_over = true;
    // A line that is begun now would change the terminal behind the back of whoever restores it.
    wait_while(state, LAST_WAIT, |state| state.is_beginning);
    // The editor takes one piece after the other and has room for one more: when the second of
    // these, which leave no trace, is handed over, everything before the first is drawn.
    for _ in 0..2 {
        show("\x1b[A\n");
    }
    wait_while(lock(), LAST_WAIT, |state| {
        state.is_edited && state.is_reading && (!state.lines.is_empty() || state.is_drawing)
    });
    detach();
    wait_while(lock(), LAST_WAIT, |state| state.is_edited);
}

/// Whether somebody waits for room for what is to be shown, or soon would.
pub(super) fn is_full() -> bool {
    let state = lock();
    state.is_edited && state.lines.len() >= MAX_WAITING
}

/// Lets the line that is edited be drawn again, its prompt too, unless something is being drawn that
/// brings this about.
pub(super) fn redraw() {
    let mut state = lock();
    if state.is_edited && state.is_reading && !state.is_drawing && state.lines.is_empty() {
        // A line up, and its end: this leaves no trace.
        state.lines.push_back("\x1b[A\n".to_owned());
        SCREEN.changed.notify_all();
    }
}

/// One line of talk, in one write: threads do not tear each other's lines.
pub(super) fn write_line(text: &str) {
    let line = format!("{}\n", super::language::line(text));
    if !show(&line) {
        // Nobody can be told that stderr is closed.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Shows whole lines above the one that is edited; `false` if none is.
pub(super) fn show(lines: &str) -> bool {
    let mut state = lock();
    while state.is_edited && state.lines.len() >= MAX_WAITING {
        state = wait(state);
    }
    if state.is_edited {
        state.lines.push_back(lines.to_owned());
        SCREEN.changed.notify_all();
    }
    state.is_edited
}

/// Shows whole lines above the one that is edited, if there is room for them: for the thread that
/// reads the keyboard, without which nothing is drawn.
pub(super) fn offer(lines: &str) {
    let mut state = lock();
    if state.is_edited && state.lines.len() < MAX_WAITING {
        state.lines.push_back(lines.to_owned());
        SCREEN.changed.notify_all();
    }
}

fn lock() -> MutexGuard<'static, State> {
    // Nobody panics between two changes of it.
    SCREEN.state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait(state: MutexGuard<'static, State>) -> MutexGuard<'static, State> {
    SCREEN
        .changed
        .wait(state)
        .unwrap_or_else(PoisonError::into_inner)
}

/// Waits as long as something is so, but no longer than `most`.
fn wait_while(
    state: MutexGuard<'static, State>,
    most: Duration,
    mut is_so: impl FnMut(&State) -> bool,
) {
    let waited = SCREEN
        .changed
        .wait_timeout_while(state, most, |state| is_so(state));
    drop(waited);
}
