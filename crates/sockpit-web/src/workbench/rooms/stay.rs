//! A stay in a room: one guest, and links one after the other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use sockpit_core::chat::ask::{Ask, Request};
use sockpit_core::chat::guest::{Guest, Settings, Told};
use sockpit_core::chat::nick::Name;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::machine::{Fault, Machine, Output};
use sockpit_core::plan::{Options, Plan, Role, Shape};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::backoff::Backoff;
use sockpit_core::time::{Time, TimeSpan};
use sockpit_engine::room::Seat;
use sockpit_engine::{Error, Handle, Session, Target};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::super::Shared;
use super::super::call::refusal;
use super::super::complaint::Complaint;
use super::book::{Book, State};

/// So long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// In bytes: the longest line that may be said.
const LONGEST_LINE: usize = 64 * 1024;

/// Lines that wait to be said, at most.
const MOST_UNSAID: usize = 256;

/// What a page wants joined.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    endpoint: String,
    nick: String,
    #[serde(default)]
    rooms: Vec<String>,
    charset: Option<String>,
}

/// A stay.
pub(super) struct Stay {
    pub(super) book: Arc<Book>,
    seat: Seat,
    nudges: mpsc::UnboundedSender<Nudge>,
    over: Mutex<Option<oneshot::Receiver<()>>>,
}

/// What the task of a stay is told.
enum Nudge {
    /// The guest has something to do.
    GoOn,
    /// It leaves.
    Leave,
}

impl Stay {
    /// Joins a room.
    ///
    /// # Errors
    ///
    /// Says why it cannot be reached, and what would help.
    pub(super) async fn begin(bench: &Shared, join: Join) -> Result<Self, Complaint> {
        let endpoint: Endpoint = (join.endpoint.trim().parse())
            .map_err(|error| Complaint::new(format!("{error}")).field("endpoint"))?;
        let plan = Plan::resolve(Role::Client, &endpoint, Options::default())
            .map_err(|error| Complaint::new(error.to_string()).field("endpoint"))?;
        if plan.shape() != Shape::Stream {
            let complaint = Complaint::new("a room is reached over tcp or unix");
            return Err(complaint.field("endpoint"));
        }
        let nick = join.nick.trim().to_owned();
        Name::new(&nick).map_err(|error| {
            let nick = VisibleLine(&nick);
            Complaint::new(format!("the nickname `{nick}`: {error}")).field("nick")
        })?;
        for room in &join.rooms {
            Name::new(room).map_err(|error| {
                let room = VisibleLine(room);
                Complaint::new(format!("the room `{room}`: {error}")).field("rooms")
            })?;
        }
        let charset = match join.charset.as_deref().filter(|label| !label.is_empty()) {
            Some(label) => (label.parse::<Charset>())
                .map_err(|error| Complaint::new(error.to_string()).field("charset"))?,
            None => plan.text.unwrap_or(Charset::UTF_8),
        };
        let plan = Arc::new(plan);
        let seat = Seat::new(Guest::new(Settings {
            nick: nick.clone(),
            rooms: join.rooms,
            history: None,
            charset,
        }));
        let (tell, told) = mpsc::unbounded_channel();
        let book = Book::new(endpoint.to_string(), false, &nick, Arc::downgrade(bench));
        let book = Arc::new(book);
        let links = Links {
            handle: bench.handle.clone(),
            plan: plan.clone(),
            seat: seat.clone(),
            tell,
        };
        let session = match links.open().await {
            Ok(session) => session,
            Err(error) => return Err(refusal(error, plan).await),
        };
        let (nudges, nudged) = mpsc::unbounded_channel();
        let (done, over) = oneshot::channel();
        let run = Run {
            links,
            told,
            nudged,
            book: book.clone(),
            is_ready: false,
        };
        tokio::spawn(async move {
            run.stay(session).await;
            // Who waits for the end may have left.
            let _ = done.send(());
        });
        Ok(Self {
            book,
            seat,
            nudges,
            over: Mutex::new(Some(over)),
        })
    }

    /// Says a line, or carries out a command, in a room.
    pub(super) async fn say(&self, text: &str, room: Option<String>) -> Result<(), Complaint> {
        let said = self.ask(text, room.as_ref());
        // What was asked before a mistake leaves all the same.
        self.nudge(Nudge::GoOn)?;
        said
    }

    fn ask(&self, text: &str, room: Option<&String>) -> Result<(), Complaint> {
        if text.len() > LONGEST_LINE {
            return Err(Complaint::new("a line has 64 KiB at most").field("text"));
        }
        // A text of several lines is as many messages.
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let Some(mut request) = Request::of_line(line) else {
                continue;
            };
            if let Ask::Text { room: place, .. }
            | Ask::Me { room: place, .. }
            | Ask::Leave(place)
            | Ask::Who(place)
            | Ask::Topic { room: place, .. }
            | Ask::History { room: place, .. } = &mut request.ask
                && place.is_none()
            {
                *place = room.cloned();
            }
            let mut guest = self.seat.guest();
            if MOST_UNSAID <= guest.unsaid() {
                return Err(Complaint::new(
                    "the room takes lines more slowly than you say them",
                ));
            }
            let asked = guest.ask(request.ask);
            asked.map_err(|error| Complaint::new(error.to_string()).field("text"))?;
        }
        Ok(())
    }

    /// Talks in another of its rooms.
    pub(super) async fn turn(&self, room: &str) -> Result<(), Complaint> {
        let turned = self.seat.guest().turn(room);
        turned.map_err(|error| Complaint::new(error.to_string()))?;
        self.nudge(Nudge::GoOn)
    }

    /// Leaves.
    pub(super) async fn close(&self) {
        self.seat.guest().finish();
        // A stay that is over has left.
        let _ = self.nudge(Nudge::Leave);
        let over = self.over.lock().expect("no holder panics").take();
        if let Some(over) = over {
            let _ = timeout(FAREWELL + FAREWELL, over).await;
        }
    }

    fn nudge(&self, nudge: Nudge) -> Result<(), Complaint> {
        let sent = self.nudges.send(nudge);
        sent.map_err(|_| Complaint::new("you have left that room"))
    }
}

/// How links are made.
struct Links {
    handle: Handle,
    plan: Arc<Plan>,
    seat: Seat,
    tell: mpsc::UnboundedSender<Told>,
}

impl Links {
    async fn open(&self) -> Result<Session<Ear>, Error> {
        let (seat, tell) = (self.seat.clone(), self.tell.clone());
        let make = move |_, now: Time| {
            seat.guest().begin(now);
            Ear {
                seat: seat.clone(),
                tell: tell.clone(),
            }
        };
        self.handle.open(self.plan.clone(), make).await
    }
}

/// The task of a stay.
struct Run {
    links: Links,
    told: mpsc::UnboundedReceiver<Told>,
    nudged: mpsc::UnboundedReceiver<Nudge>,
    book: Arc<Book>,
    /// Whether there was a link on which something could be said.
    is_ready: bool,
}

impl Run {
    async fn stay(mut self, mut session: Session<Ear>) {
        loop {
            // The waits begin anew with each link.
            let mut backoff = Backoff::default();
            let reason = self.hold(&session).await;
            let is_leaving = {
                let mut guest = self.links.seat.guest();
                guest.part();
                guest.is_leaving()
            };
            // A server that ends what it has not begun does so again.
            if is_leaving || !self.is_ready {
                return self.book.be(State::Ended, &reason);
            }
            session = loop {
                let pause = backoff.next_pause();
                let text = format!("{reason}; connecting again in {}", TimeSpan(pause));
                self.book.be(State::Away, &text);
                if self.wait(pause).await {
                    return self.book.be(State::Ended, "");
                }
                self.book.be(State::Connecting, "");
                match self.links.open().await {
                    Ok(session) => break session,
                    Err(error) if error.may_pass() => {}
                    Err(error) => {
                        let why = Complaint::from(&error);
                        return self.book.be(State::Ended, why.message());
                    }
                }
            };
        }
    }

    /// Holds a link to its end; gives why that came.
    async fn hold(&mut self, session: &Session<Ear>) -> String {
        loop {
            tokio::select! {
                biased;
                Some(told) = self.told.recv() => self.take(&told),
                nudge = self.nudged.recv() => {
                    let go_on = |ear: &mut Ear, now: Time| ear.seat.guest().go_on(now);
                    session.change(Target::First, 0, go_on).await;
                    if !matches!(nudge, Some(Nudge::GoOn)) {
                        if timeout(FAREWELL, session.outcome()).await.is_err() {
                            session.close();
                            // The engine ends it within five seconds.
                            session.outcome().await;
                        }
                        return String::new();
                    }
                }
                outcome = session.outcome() => {
                    while let Ok(told) = self.told.try_recv() {
                        self.take(&told);
                    }
                    return format!("the connection has ended ({})", outcome.reason.as_str());
                }
            }
        }
    }

    fn take(&mut self, told: &Told) {
        self.is_ready |= told.kind == "place" && told.data["is_ready"] == true;
        self.book.take(told);
    }

    /// Waits for so long; `true` where somebody leaves meanwhile.
    async fn wait(&mut self, pause: Duration) -> bool {
        let over = sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return false,
                nudge = self.nudged.recv() => match nudge {
                    Some(Nudge::GoOn) => {}
                    Some(Nudge::Leave) | None => return true,
                },
            }
        }
    }
}

/// A seat that tells its stay, too, what is heard.
struct Ear {
    seat: Seat,
    tell: mpsc::UnboundedSender<Told>,
}

impl Machine for Ear {
    type Event = Told;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.seat.handle_input(now, chunk);
    }

    fn handle_end(&mut self, now: Time) {
        self.seat.handle_end(now);
    }

    fn handle_fault(&mut self, now: Time, fault: Fault) {
        self.seat.handle_fault(now, fault);
    }

    fn handle_timeout(&mut self, now: Time) {
        self.seat.handle_timeout(now);
    }

    fn handle_stop(&mut self, now: Time) {
        self.seat.handle_stop(now);
    }

    fn poll_output(&mut self) -> Output<Told> {
        let output = self.seat.poll_output();
        if let Output::Event(told) = &output {
            // A stay that is over hears nothing.
            let _ = self.tell.send(told.clone());
        }
        output
    }
}
