//! A recording on stdout, with its timing: one thread reads ahead, one writes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::filter::Sieve;
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::record::Epoch;
use sockpit_core::replay::Recut;
use sockpit_engine::recording::{Recording, RecordingError};
use sockpit_engine::stdio::Departure;
use tokio::sync::oneshot;

use super::Args;
use crate::console::{Console, Form, Playback, Talk, departure};
use crate::exit::{Exit, sentence};
use crate::signals::Signals;

/// Events that the reader is ahead at most, beside what is looked ahead at.
const AHEAD: usize = 64;

/// Events looked ahead at to find out whether a session has messages, and whether there are several
/// peers: the message that a chunk completes follows it.
const WINDOW: usize = 64;

/// In bytes: looked ahead at most.
const WINDOW_SIZE: usize = 4 * 1024 * 1024;

/// What is looked ahead at may still have to be written to stdin: longer than this, nobody waits.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is looked ahead at is there as long as the reader finds more; this is for a machine so busy
/// that the reader does not have its turn.
const READER_PATIENCE: Duration = Duration::from_secs(2);

/// What the reader hands over.
enum Read {
    /// When the first record was made, before all events.
    Epoch(Epoch),
    Event(Box<Event>),
    /// Stdin holds no more at present.
    Waits,
    Failed(RecordingError),
    /// The end, and what is to be said of it.
    End(Vec<String>),
}

/// Shows the recording.
pub(super) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let (sender, reads) = sync_channel(AHEAD);
    let waiting = sender.clone();
    // Whoever left does not hear it.
    let tell = move || drop(waiting.send(Read::Waits));
    let recording = Recording::open_telling(&args.file, tell)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut signals, gone) = {
        let _entered = runtime.enter();
        let gone = match args.form {
            Some(Form::None) => Departure::never(),
            _ => departure()?,
        };
        (Signals::new()?, gone)
    };
    let framing = args.frame.clone();
    let recut = Recut::new(framing, args.max_frame.0, args.text.map(|text| text.0));
    let path = args.file.clone();
    thread::Builder::new()
        .name("sockpit-read".to_owned())
        .spawn(move || read_all(recording, &path, recut, &sender))?;
    let player = Settings::of(args)?;
    let console_copy = Console::new();
    let (done_sender, done) = oneshot::channel();
    thread::Builder::new()
        .name("sockpit-replay".to_owned())
        .spawn(move || {
            // Who could not wait any longer has left.
            let _ = done_sender.send(player.play(&reads, &console_copy));
        })?;
    let exit = runtime.block_on(async {
        tokio::select! {
            biased;
            exit = signals.next() => Ok(exit),
            result = done => result.context("the replay ended early")?,
            () = gone.told() => Ok(Exit::Done),
        }
    });
    // A thread that still reads stdin must not keep the process.
    runtime.shutdown_background();
    exit.or_else(|error| {
        console.error(&sentence(&error));
        Ok(Exit::Usage)
    })
}

/// Reads ahead until nobody wants more.
fn read_all(mut recording: Recording, path: &Path, mut recut: Recut, sender: &SyncSender<Read>) {
    let mut is_first = true;
    let last = loop {
        let event = match recording.next_event() {
            Ok(Some(event)) => event,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        if std::mem::take(&mut is_first) {
            let epoch = recording.epoch().unwrap_or_default();
            if sender.send(Read::Epoch(epoch)).is_err() {
                return;
            }
        }
        let mut is_wanted = true;
        recut.take(event, |event| {
            is_wanted &= sender.send(Read::Event(Box::new(event))).is_ok();
        });
        if !is_wanted {
            return;
        }
    };
    // Whoever left does not hear the end.
    recut.finish(|event| drop(sender.send(Read::Event(Box::new(event)))));
    let _ = sender.send(match last {
        Some(error) => Read::Failed(error),
        None => Read::End(super::warnings(&recording, path)),
    });
}

/// How the recording is shown.
struct Settings {
    path: PathBuf,
    form: Option<Form>,
    talk: Talk,
    options: Options,
    /// Nothing is waited for if `None`.
    speed: Option<f64>,
    from: Option<sockpit_core::filter::Moment>,
    to: Option<sockpit_core::filter::Moment>,
    filter: Option<sockpit_core::filter::Filter>,
    direction: Option<Direction>,
}

impl Settings {
    fn of(args: &Args) -> anyhow::Result<Self> {
        Ok(Self {
            path: args.file.clone(),
            form: if args.json {
                Some(Form::Json)
            } else {
                args.form
            },
            talk: if args.quiet {
                Talk::Errors
            } else {
                Talk::Usual
            },
            options: Options {
                text: args.text,
                ..Options::default()
            },
            speed: (!args.fast).then_some(args.speed),
            from: args.from,
            to: args.to,
            filter: args.filter.clone(),
            direction: args.dir,
        })
    }

    /// Shows everything; on a thread of its own.
    fn play(self, reads: &Receiver<Read>, console: &Console) -> anyhow::Result<Exit> {
        let mut ahead = Ahead::new(reads);
        let epoch = ahead.epoch();
        ahead.fill();
        let plan = self.plan(&ahead)?;
        let playback = Playback::new(console, self.form, self.talk, &plan, epoch)
            .context("cannot write to stdout")?;
        let mut stage = Stage::new(&self, playback, plan.text);
        if ahead.sessions() > 1 {
            stage.playback.show_sessions();
        }
        let result = stage.play(&mut ahead);
        let finished = result.and_then(|()| stage.playback.finish());
        match finished {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
            Err(error) => return Err(anyhow::Error::new(error).context("cannot write to stdout")),
        }
        match ahead.last {
            Some(Read::Failed(error)) => {
                console.error(&sentence(&error.into()));
                Ok(Exit::Usage)
            }
            Some(Read::End(warnings)) => {
                for warning in warnings.iter().filter(|_| self.talk != Talk::Errors) {
                    console.say(warning);
                }
                Ok(Exit::Done)
            }
            // Nobody reads on where the rest is later than what is wanted.
            _ => Ok(Exit::Done),
        }
    }

    /// A plan as the session may have had it, which the timeline looks at.
    fn plan(&self, ahead: &Ahead<'_>) -> anyhow::Result<Plan> {
        let role = if ahead.has_many_peers() {
            Role::Server
        } else {
            Role::Client
        };
        // Any stream will do: what is shown depends on its role, its text and its being raw.
        let endpoint = "unix:///recording".parse()?;
        let plan = Plan::resolve(role, &endpoint, self.options.clone());
        plan.with_context(|| format!("`{}`", self.path.display()))
    }
}

/// What was read and is not shown yet.
struct Ahead<'r> {
    reads: &'r Receiver<Read>,
    events: VecDeque<Event>,
    /// In bytes.
    held: usize,
    /// What the reader said last, once it has.
    last: Option<Read>,
    /// Whether what comes next is still to be written to stdin.
    is_unwritten: bool,
}

impl<'r> Ahead<'r> {
    fn new(reads: &'r Receiver<Read>) -> Self {
        Self {
            reads,
            events: VecDeque::new(),
            held: 0,
            last: None,
            is_unwritten: false,
        }
    }

    /// When the first record was made; waits for it.
    fn epoch(&mut self) -> Epoch {
        loop {
            match self.reads.recv() {
                Ok(Read::Epoch(epoch)) => return epoch,
                Ok(Read::Waits) => {}
                Ok(other) => {
                    self.take(other);
                    return Epoch::default();
                }
                Err(_) => return Epoch::default(),
            }
        }
    }

    /// Looks as far ahead as is done, or as there is something to see.
    fn fill(&mut self) {
        let began = Instant::now();
        while self.last.is_none() && self.events.len() < WINDOW && self.held < WINDOW_SIZE {
            let rest = self.patience().saturating_sub(began.elapsed());
            match self.reads.recv_timeout(rest) {
                Ok(read) => self.take(read),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => return self.take(Read::End(Vec::new())),
            }
        }
    }

    /// The next event, as soon as there is one.
    fn next(&mut self) -> Option<Event> {
        while self.events.is_empty() && self.last.is_none() {
            let read = self.reads.recv().unwrap_or(Read::End(Vec::new()));
            self.take(read);
        }
        let event = self.events.pop_front()?;
        self.held = self.held.saturating_sub(len_of(&event));
        Some(event)
    }

    /// Whether the next event must be waited for.
    fn is_idle(&self) -> bool {
        self.events.is_empty() && self.last.is_none()
    }

    fn take(&mut self, read: Read) {
        self.is_unwritten = matches!(read, Read::Waits);
        match read {
            Read::Event(event) => {
                self.held += len_of(&event);
                self.events.push_back(*event);
            }
            Read::Epoch(_) | Read::Waits => {}
            last => self.last = Some(last),
        }
    }

    /// How long it is waited for what is looked ahead at.
    fn patience(&self) -> Duration {
        match self.is_unwritten {
            true => PATIENCE,
            false => READER_PATIENCE,
        }
    }

    fn has_many_peers(&self) -> bool {
        let is_many =
            |event: &Event| event.peer > 1 || matches!(event.what, What::Listening { .. });
        self.events.iter().any(is_many)
    }

    fn sessions(&self) -> usize {
        let sessions = self.events.iter().map(|event| event.session);
        sessions
            .filter(|session| *session > 0)
            .collect::<BTreeSet<_>>()
            .len()
    }

    fn has_frame_of(&self, session: u32) -> bool {
        let is_frame =
            |event: &Event| event.session == session && matches!(event.what, What::Frame { .. });
        self.events.iter().any(is_frame)
    }
}

fn len_of(event: &Event) -> usize {
    match &event.what {
        What::Chunk { bytes, .. } => bytes.len(),
        What::Frame { payload, .. } => payload.len().saturating_mul(2),
        _ => 0,
    }
}

/// Events on their way to stdout.
struct Stage<'s> {
    settings: &'s Settings,
    playback: Playback,
    sieve: Option<Sieve>,
    /// In nanoseconds since the recording began.
    from: i128,
    to: i128,
    /// Whether a session has messages, so that its chunks are not shown where messages are.
    framed: BTreeMap<u32, bool>,
    /// When the first event was shown, and what its time was.
    began: Option<(Instant, Duration)>,
}

/// In nanoseconds: a record may be this much earlier than the one before it, which read it first.
const DISORDER: i128 = 5_000_000_000;

impl<'s> Stage<'s> {
    fn new(
        settings: &'s Settings,
        playback: Playback,
        charset: Option<sockpit_core::text::charset::Charset>,
    ) -> Self {
        let clock = playback.clock();
        let place = |moment: sockpit_core::filter::Moment| moment.since_beginning(clock);
        Self {
            sieve: settings
                .filter
                .clone()
                .map(|filter| Sieve::new(filter, clock).in_charset(charset)),
            from: settings.from.map_or(i128::MIN, place),
            to: settings.to.map_or(i128::MAX, place),
            settings,
            playback,
            framed: BTreeMap::new(),
            began: None,
        }
    }

    fn play(&mut self, ahead: &mut Ahead<'_>) -> io::Result<()> {
        while let Some(event) = ahead.next() {
            let time = i128::from(event.time.as_nanos());
            if time > self.to.saturating_add(DISORDER) {
                return Ok(());
            }
            let is_kept = self.sieve.as_mut().is_none_or(|sieve| sieve.keeps(&event));
            let is_due = (self.from..=self.to).contains(&time);
            let is_shown = is_kept && is_due && self.is_shown(&event, ahead);
            match is_shown.then(|| self.turned(event.clone())).flatten() {
                Some(event) => {
                    self.wait(&event)?;
                    self.playback.take(event)?;
                }
                None => self.playback.pass(&event),
            }
            if ahead.is_idle() {
                self.playback.flush()?;
            }
        }
        Ok(())
    }

    /// Whether this form shows it: of a session with messages, chunks are not.
    fn is_shown(&mut self, event: &Event, ahead: &mut Ahead<'_>) -> bool {
        if matches!(
            self.settings.form,
            Some(Form::Raw | Form::Json | Form::None)
        ) {
            return true;
        }
        match &event.what {
            What::Frame { .. } => {
                self.framed.insert(event.session, true);
                true
            }
            What::Chunk { .. } => {
                let is_framed = self.framed.get(&event.session).copied();
                !is_framed.unwrap_or_else(|| {
                    ahead.fill();
                    let is_framed = ahead.has_frame_of(event.session);
                    self.framed.insert(event.session, is_framed);
                    is_framed
                })
            }
            _ => true,
        }
    }

    /// What of it is wanted of one direction. Data is written as what came in is.
    fn turned(&self, mut event: Event) -> Option<Event> {
        let (What::Chunk { direction, .. } | What::Frame { direction, .. }) = &mut event.what
        else {
            return Some(event);
        };
        match self.settings.direction {
            Some(wanted) if *direction != wanted => return None,
            Some(_) if !matches!(self.settings.form, None | Some(Form::Json)) => {
                *direction = Direction::In;
            }
            _ => {}
        }
        Some(event)
    }

    /// Waits until it is the event's turn.
    fn wait(&mut self, event: &Event) -> io::Result<()> {
        let Some(speed) = self.settings.speed else {
            return Ok(());
        };
        let time = Duration::from_nanos(event.time.as_nanos());
        let (began, first) = *self.began.get_or_insert((Instant::now(), time));
        let span = time.saturating_sub(first).as_secs_f64() / speed;
        let due = Duration::try_from_secs_f64(span).unwrap_or(Duration::MAX);
        let rest = due.saturating_sub(began.elapsed());
        if !rest.is_zero() {
            self.playback.flush()?;
            thread::sleep(rest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
