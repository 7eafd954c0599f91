//! Where the hub and its members' posts are, on the room's thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sockpit_core::chat::ask::Request;
use sockpit_core::chat::entry::Entry;
use sockpit_core::chat::line::{Form, Line, View, Voice};
use sockpit_core::chat::room::{Facts, Hub, Member, Output, Why};
use sockpit_core::chat::visitor::{self, Visitor};
use sockpit_core::event::What;
use sockpit_core::machine::Reason;
use sockpit_core::session::Peer;
use sockpit_core::text::charset::Charset;
use sockpit_core::time::Time;
use tokio::sync::{Notify, mpsc, oneshot};

use super::Opening;
use super::guest::Guest;
use crate::bus::Scope;
use crate::driver::{Inbox, Post};
use crate::listen::Arrival;
use crate::session::Scene;

/// In bytes: what a line in a post costs beside its text.
const LINE_COST: usize = 64;

/// In bytes: what a driver takes of a post at once. More of it stays where the oldest can be dropped.
const BATCH: usize = 32 * 1024;

/// How often it is looked who takes nothing, in a member's patience.
const LOOKS: u8 = 12;

/// Something to ask the hub, or to have it do.
pub(crate) type Asked = Box<dyn FnOnce(&mut Hub, Time) + Send>;

/// Asks or changes the hub; `None` where the room is over.
pub(crate) async fn ask<T: Send + 'static>(
    hub: &mpsc::UnboundedSender<Asked>,
    question: impl FnOnce(&mut Hub, Time) -> T + Send + 'static,
) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    let asked: Asked = Box::new(move |hub, now| {
        // Whoever asked may have left.
        let _ = reply.send(question(hub, now));
    });
    hub.send(asked).ok()?;
    answer.await.ok()
}

/// The hub, and the way to its members.
pub(crate) struct Hall {
    scene: Rc<Scene>,
    hub: RefCell<Hub>,
    /// A member's place is in the lower half of its number.
    places: RefCell<Vec<Option<Place>>>,
    free: RefCell<Vec<u32>>,
    visitors: Arc<visitor::Settings>,
    /// In bytes: what a post may hold.
    post: usize,
    patience: Duration,
    share: Option<mpsc::UnboundedSender<Arc<Entry>>>,
    /// When the hub wants to be woken, and for when that is arranged.
    wake: Cell<Option<Time>>,
    armed: Cell<Option<Time>>,
    earlier: Notify,
}

/// One member, as far as the room has to do with it.
struct Place {
    member: Member,
    inbox: Rc<Inbox<Guest>>,
    seat: Rc<Seat>,
}

/// What waits for one member.
#[derive(Default)]
struct Seat {
    lines: RefCell<VecDeque<(Arc<Line>, usize)>>,
    /// In bytes: what these cost.
    bytes: Cell<usize>,
    /// Lines that were dropped since the member was told.
    lost: Cell<u64>,
    dismissal: RefCell<Option<(Option<Arc<Line>>, Why)>>,
    /// Whether the peer took something since the last look.
    has_moved: Cell<bool>,
    /// Looks in a row at which it had taken nothing.
    stuck: Cell<u8>,
}

impl Hall {
    /// `share` is where entries go that other servers are to know of.
    pub(super) fn new(
        scene: Rc<Scene>,
        mut opening: Opening,
        share: Option<mpsc::UnboundedSender<Arc<Entry>>>,
    ) -> Self {
        // What is said has the times of the timeline.
        let epoch = scene.shard.bus.clock().epoch();
        opening.hub.epoch = epoch;
        opening.visitors.epoch = epoch;
        Self {
            scene,
            hub: RefCell::new(Hub::new(opening.hub)),
            places: RefCell::default(),
            free: RefCell::default(),
            visitors: Arc::new(opening.visitors),
            post: opening.post,
            patience: opening.patience,
            share,
            wake: Cell::new(None),
            armed: Cell::new(None),
            earlier: Notify::new(),
        }
    }

    /// Makes the machine of somebody who has come.
    pub(super) fn let_in(hall: &Rc<Self>, peer: &Peer, arrival: &Arrival<'_, Guest>) -> Guest {
        let seat = Rc::new(Seat::default());
        arrival.inbox.attach(seat.clone());
        let member = hall.place(peer.number, arrival.inbox, seat);
        let addr: Option<SocketAddr> = peer.addr.parse().ok();
        let ip = addr.map(|addr| addr.ip().to_canonical());
        let facts = Facts {
            addr: arrival.link.endpoint_of(&peer.addr),
            ip,
            // Who is on a Unix socket is on this machine.
            is_loopback: ip.is_none_or(|ip| ip.is_loopback()),
        };
        hall.change(|hub, now| hub.enter(now, member, facts));
        Guest::new(Visitor::new(hall.visitors.clone()), member, hall.clone())
    }

    /// Gives a number that is never used again, and says where its member is.
    fn place(&self, number: u32, inbox: &Rc<Inbox<Guest>>, seat: Rc<Seat>) -> Member {
        let mut places = self.places.borrow_mut();
        let index = self.free.borrow_mut().pop().unwrap_or_else(|| {
            places.push(None);
            u32::try_from(places.len() - 1).expect("there are fewer members than files")
        });
        let member = Member(u64::from(number) << 32 | u64::from(index));
        places[index as usize] = Some(Place {
            member,
            inbox: inbox.clone(),
            seat,
        });
        member
    }

    /// Takes what a visitor wants.
    pub(super) fn hear(&self, member: Member, request: Request) {
        self.change(|hub, now| hub.hear(now, member, request));
    }

    /// Takes that a member is gone; may be told again.
    pub(super) fn leave(&self, member: Member, cause: Reason) {
        if self.has(member) {
            self.change(|hub, now| hub.leave(now, member, cause));
        }
    }

    /// Gives a member's place to somebody else.
    pub(super) fn forget(&self, member: Member) {
        let mut places = self.places.borrow_mut();
        let Some(place) = places.get_mut(index_of(member)) else {
            return;
        };
        if place.as_ref().is_some_and(|place| place.member == member) {
            *place = None;
            self.free.borrow_mut().push(member.0 as u32);
        }
    }

    /// Wakes the hub in time, answers those who ask, and looks who takes nothing. It never ends.
    pub(super) async fn tend(&self, mut questions: mpsc::UnboundedReceiver<Asked>) -> Infallible {
        let mut looks = tokio::time::interval(
            (self.patience / u32::from(LOOKS)).max(Duration::from_millis(10)),
        );
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut has_handle = true;
        loop {
            let wake = self.wake.get();
            self.armed.set(wake);
            let due = async {
                match wake {
                    Some(wake) => {
                        let at = self.scene.shard.bus.clock().instant(wake);
                        tokio::time::sleep_until(at.into()).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                asked = questions.recv(), if has_handle => match asked {
                    Some(asked) => self.change(asked),
                    None => has_handle = false,
                },
                () = due => self.change(Hub::handle_timeout),
                () = self.earlier.notified() => {}
                _ = looks.tick() => self.look(),
            }
        }
    }

    /// Dismisses those who have taken nothing for too long.
    fn look(&self) {
        let mut stuck = Vec::new();
        for place in self.places.borrow().iter().flatten() {
            let seat = &place.seat;
            let has_moved = seat.has_moved.replace(false);
            if has_moved || !seat.waits() {
                seat.stuck.set(0);
                continue;
            }
            seat.stuck.set(seat.stuck.get() + 1);
            // The first look may have come right after it had moved.
            if seat.stuck.get() > LOOKS {
                stuck.push(place.member);
                seat.lines.take();
                seat.bytes.set(0);
                place.inbox.stop();
            }
        }
        for member in stuck {
            self.leave(member, Reason::Limit);
        }
    }

    /// Changes the hub, and carries out what it then wants.
    fn change(&self, change: impl FnOnce(&mut Hub, Time)) {
        let now = self.scene.now();
        let mut hub = self.hub.borrow_mut();
        change(&mut hub, now);
        loop {
            match hub.poll_output() {
                Output::Deliver { to, line } => {
                    let cost = cost_of(&line);
                    let places = self.places.borrow();
                    for member in to.iter() {
                        if let Some(place) = place_of(&places, member) {
                            place.seat.push(&line, cost, self.post);
                            place.inbox.wake();
                        }
                    }
                }
                Output::Dismiss { member, line, why } => {
                    if let Some(place) = place_of(&self.places.borrow(), member) {
                        *place.seat.dismissal.borrow_mut() = Some((line, why));
                        place.inbox.stop();
                    }
                }
                Output::Log(entry) => self.log(&entry),
                Output::Share(entry) => {
                    if let Some(share) = &self.share {
                        // It is gone only with the room.
                        let _ = share.send(entry);
                    }
                }
                Output::Wait(wake) => {
                    self.wake.set(wake);
                    let is_earlier = match (wake, self.armed.get()) {
                        (Some(wake), Some(armed)) => wake < armed,
                        (wake, None) => wake.is_some(),
                        (None, Some(_)) => false,
                    };
                    if is_earlier {
                        self.armed.set(wake);
                        self.earlier.notify_one();
                    }
                    return;
                }
            }
        }
    }

    fn log(&self, entry: &Arc<Entry>) {
        if self.scene.wants(Scope::Faults) {
            let note = What::Note {
                kind: entry.note_kind().to_owned(),
                message: sentence(entry),
                data: entry.data(),
            };
            self.scene.publish(0, note);
        }
    }

    fn has(&self, member: Member) -> bool {
        place_of(&self.places.borrow(), member).is_some()
    }
}

impl Seat {
    fn push(&self, line: &Arc<Line>, cost: usize, most: usize) {
        let mut lines = self.lines.borrow_mut();
        lines.push_back((line.clone(), cost));
        let mut bytes = self.bytes.get() + cost;
        // The newest is kept, however long it is.
        while bytes > most
            && lines.len() > 1
            && let Some((_, cost)) = lines.pop_front()
        {
            bytes -= cost;
            self.lost.set(self.lost.get() + 1);
        }
        self.bytes.set(bytes);
    }
}

impl Post<Guest> for Seat {
    fn waits(&self) -> bool {
        !self.lines.borrow().is_empty()
    }

    fn give(&self, guest: &mut Guest, now: Time, all: bool) {
        let visitor = &mut guest.visitor;
        let lost = self.lost.take();
        if lost > 0 {
            visitor.lost(now, lost);
        }
        let mut lines = self.lines.borrow_mut();
        let mut given = 0;
        while (all || given < BATCH)
            && let Some((line, cost)) = lines.pop_front()
        {
            given += cost;
            visitor.deliver(&line);
        }
        self.bytes.set(self.bytes.get() - given);
        if lines.is_empty() {
            // An idle member keeps no room for what once waited for it.
            *lines = VecDeque::new();
        }
        if all && let Some((line, why)) = self.dismissal.take() {
            visitor.dismiss(line.as_deref(), why);
        }
    }

    fn moved(&self) {
        self.has_moved.set(true);
    }
}

fn place_of(places: &[Option<Place>], member: Member) -> Option<&Place> {
    let place = places.get(index_of(member))?.as_ref()?;
    (place.member == member).then_some(place)
}

/// An entry as people read it.
fn sentence(entry: &Arc<Entry>) -> String {
    let line = Line::of_entry(entry.clone(), View::Live, Voice::default());
    let line = line.bytes(Form::Plain(Charset::UTF_8));
    let line = String::from_utf8_lossy(&line);
    let line = line.strip_prefix("* ").unwrap_or(&line);
    line.trim_end().to_owned()
}

/// The place that a member's number says.
fn index_of(member: Member) -> usize {
    (member.0 & u64::from(u32::MAX)) as usize
}

/// In bytes: what a line costs in a post, whatever form its member gets.
fn cost_of(line: &Line) -> usize {
    LINE_COST + line.bytes(Form::Plain(Charset::UTF_8)).len()
}
