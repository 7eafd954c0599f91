//! The command link of one drone: what is sent when, and which reply answers it.
//!
//! A reply names no command, so all rests on what can be under way when it comes. Two things are
//! taken for granted: a reply comes at most the patience and the grace of its command after that was
//! sent, and copies that the link makes of it come at most the [spacing](Timing::spacing) after it.
//!
//! 1. One command is outstanding at a time, and the next one leaves the spacing after its reply:
//!    copies of the reply come while nothing is outstanding, and are strays.
//! 2. A command without its reply leaves a *debt*: the shape of the reply, and until when it may
//!    come. While there are debts nothing is sent but *sentinels*: questions whose answers have a
//!    shape in which nothing is owed. So whatever is taken as an answer has no other command that it
//!    could belong to. This is the quarantine; it ends once all debts are over and a sentinel was
//!    answered.
//! 3. A refusal has the same words for all commands: while there are debts it answers nothing,
//!    unless it names its command.
//! 4. `stop`, `land` and `emergency` leave at once, debts or not, and are sent again until the drone
//!    answers, as they do no harm twice. What comes while a debt is open does not count as theirs.
//! 5. With the [`Re` prefix](super::again) a reply names its command: there are no debts.
//!
//! A motion is never sent again without that prefix.
//!
//! ```text
//!  order ──▶ queue ──▶ outstanding ──▶ reply ──▶ spacing ──▶ next
//!                          └──▶ time-out ──▶ debt ──▶ sentinels … ──▶ next
//! ```

mod debt;
mod event;
mod hear;
mod send;
mod settings;

use std::collections::VecDeque;
use std::time::Duration;

use debt::Debts;
pub use event::{Event, Origin};
pub use settings::{KeepAlive, Settings, Timing};

use super::again::Again;
use super::command::{Command, Kind, Order, Query};
use super::reply::{Refusal, Shape, Verdict};
use super::sdk::Sdk;
use crate::event::{FaultKind, What};
use crate::machine::{Fault, Machine, Output, Reason};
use crate::time::Time;

/// The command link of one drone.
#[derive(Debug)]
pub struct Pilot {
    settings: Settings,
    now: Time,
    queue: VecDeque<Waiting>,
    outstanding: Option<Outstanding>,
    debts: Debts,
    quarantine: Option<Quarantine>,
    /// No command leaves before: spacing.
    not_before: Time,
    last_sent: Time,
    /// Of the answers to questions, fading.
    slowest: Duration,
    /// In cm/s, where the drone has said it or taken it.
    speed: Option<f64>,
    has_begun: bool,
    sticks: Sticks,
    label: u16,
    last_label: Option<(Again, u16)>,
    next_number: u64,
    next_sentinel: usize,
    has_asked_secret: bool,
    is_unreachable: bool,
    outputs: VecDeque<Output<What>>,
}

/// A command that waits for its turn.
#[derive(Debug)]
struct Waiting {
    number: u64,
    command: Command,
    origin: Origin,
}

/// The command that the drone is at.
#[derive(Debug)]
struct Outstanding {
    number: u64,
    command: Command,
    origin: Origin,
    first_sent: Time,
    last_sent: Time,
    deadline: Time,
    attempt: u32,
    /// When it is sent again without being asked.
    next_copy: Option<Time>,
    label: Option<(Again, u16)>,
    /// Until then an answer may be that of another command.
    doubt_until: Time,
    /// A refusal that one of several copies got.
    refused: Option<(String, Refusal)>,
}

#[derive(Debug)]
struct Quarantine {
    since: Time,
    is_answered: bool,
    /// Sentinels in a row without an answer.
    unanswered: u32,
    /// Sentinels without an answer.
    tries: u32,
}

#[derive(Debug, Default)]
struct Sticks {
    wanted: Option<[i32; 4]>,
    told: Option<[i32; 4]>,
    last_sent: Option<Time>,
    /// How often they were set without an answer: most firmware gives none.
    unanswered: u32,
    is_answered: bool,
}

impl Pilot {
    /// Begins a conversation.
    #[must_use]
    pub fn new(settings: Settings, now: Time) -> Self {
        let mut pilot = Self {
            settings,
            now,
            queue: VecDeque::new(),
            outstanding: None,
            debts: Debts::default(),
            quarantine: None,
            not_before: now,
            last_sent: now,
            slowest: Duration::ZERO,
            speed: None,
            has_begun: !settings.begin,
            sticks: Sticks::default(),
            label: 0,
            last_label: None,
            next_number: 1,
            next_sentinel: 0,
            has_asked_secret: false,
            is_unreachable: false,
            outputs: VecDeque::new(),
        };
        if settings.begin {
            pilot.begin();
            pilot.enqueue(Command::query(Query::Speed), Origin::Begin);
        }
        pilot.step();
        pilot
    }

    /// Takes a command to send; gives the number by which events name it.
    ///
    /// `stop`, `land` and `emergency` leave at once, and what waits is dropped. The sticks leave as
    /// soon as they may. Everything else waits for its turn.
    pub fn order(&mut self, now: Time, command: Command) -> u64 {
        self.now = self.now.max(now);
        if let Order::Sticks(sticks) = command.order() {
            let number = self.take_number();
            self.sticks.wanted = Some(*sticks);
            self.step();
            return number;
        }
        self.has_asked_secret |= command.is_answer_secret();
        let number = match command.kind() {
            Kind::Immediate => self.interrupt(command),
            _ => self.enqueue(command, Origin::User),
        };
        self.step();
        number
    }

    /// Sets the sticks: right, ahead, up, clockwise, each from -100 to 100. Those that could not
    /// leave yet are replaced.
    pub fn sticks(&mut self, now: Time, sticks: [i32; 4]) {
        self.now = self.now.max(now);
        self.sticks.wanted = Some(sticks.map(|stick| stick.clamp(-100, 100)));
        self.step();
    }

    /// Takes what the drone speaks, as it has said it.
    pub fn set_sdk(&mut self, sdk: Sdk) {
        self.settings.sdk = sdk;
    }

    /// Forgets what waits.
    pub fn clear(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.drop_waiting("", |_| true);
        self.step();
    }

    /// Tells of a datagram that somebody else sent to the link's port.
    pub fn hear_foreign(&mut self, now: Time, from: &str, len: usize) {
        self.now = self.now.max(now);
        let from = from.to_owned();
        self.tell(&Event::Foreign { from, len });
    }

    /// How many commands wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The number and the text of the command that the drone is at.
    #[must_use]
    pub fn outstanding(&self) -> Option<(u64, &str)> {
        let outstanding = self.outstanding.as_ref()?;
        Some((outstanding.number, outstanding.command.masked()))
    }

    /// Whether nothing is outstanding, nothing waits, and the line is clear.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.outstanding.is_none() && self.queue.is_empty() && self.quarantine.is_none()
    }

    /// How fast the drone flies, in cm/s, where that is known.
    #[must_use]
    pub const fn speed(&self) -> Option<f64> {
        self.speed
    }

    fn begin(&mut self) {
        let number = self.take_number();
        self.queue.push_front(Waiting {
            number,
            command: Command::begin(),
            origin: Origin::Begin,
        });
    }

    fn enqueue(&mut self, command: Command, origin: Origin) -> u64 {
        let number = self.take_number();
        self.queue.push_back(Waiting {
            number,
            command,
            origin,
        });
        number
    }

    /// Sends a command now, whatever the drone is at.
    fn interrupt(&mut self, command: Command) -> u64 {
        let text = command.masked().to_owned();
        self.drop_waiting(&text, |waiting| waiting.origin == Origin::User);
        self.sticks.wanted = None;
        if let Some(outstanding) = self.outstanding.take() {
            self.owe(&outstanding);
            match outstanding.origin {
                Origin::User => self.tell(&Event::Interrupted {
                    number: outstanding.number,
                    text: outstanding.command.masked().to_owned(),
                    by: text,
                }),
                Origin::Begin if outstanding.command.order() == &Order::Command => self.begin(),
                _ => {}
            }
        }
        let number = self.take_number();
        self.send(Waiting {
            number,
            command,
            origin: Origin::User,
        });
        number
    }

    /// Does all that is due.
    fn step(&mut self) {
        self.debts.expire(self.now);
        if self
            .outstanding
            .as_ref()
            .is_some_and(|it| it.deadline <= self.now)
        {
            self.give_up();
        }
        let copy = self.outstanding.as_ref().and_then(|it| it.next_copy);
        if copy.is_some_and(|copy| copy <= self.now) {
            self.send_again();
        }
        if self.outstanding.is_none() {
            self.next();
        }
        if self.stick_time().is_some_and(|time| time <= self.now) {
            self.send_sticks();
        }
    }

    /// Sends what is next, if it may leave.
    fn next(&mut self) {
        let is_over = |quarantine: &mut Quarantine| quarantine.is_answered;
        if self.debts.is_empty()
            && let Some(quarantine) = self.quarantine.take_if(is_over)
        {
            let took_ms = millis(self.now - quarantine.since);
            self.tell(&Event::Recovered { took_ms });
        }
        if self.next_time().is_none_or(|time| self.now < time) {
            return;
        }
        if self.quarantine.is_some() {
            self.send_sentinel();
        } else if let Some(waiting) = self.queue.pop_front() {
            self.send(waiting);
        } else if self.settings.keep_alive == KeepAlive::Sticks {
            self.sticks.wanted = Some([0; 4]);
            self.last_sent = self.now;
        } else {
            let number = self.take_number();
            self.send(Waiting {
                number,
                command: Command::begin(),
                origin: Origin::KeepAlive,
            });
        }
    }

    /// When something leaves by itself while nothing is outstanding.
    fn next_time(&self) -> Option<Time> {
        let quiet = self.last_sent + self.settings.timing.silence;
        if let Some(quarantine) = &self.quarantine {
            // A question that was answered needs no other, unless the drone would land.
            let begin = if quarantine.is_answered {
                quiet
            } else {
                self.not_before
            };
            let free = self.debts.free(&SENTINELS.map(|(_, shape)| shape));
            return Some(begin.max(free).max(self.not_before));
        }
        let begin = match self.queue.is_empty() {
            false => self.not_before,
            true if !self.has_begun || self.settings.keep_alive == KeepAlive::Off => return None,
            true => quiet.max(self.not_before),
        };
        Some(begin.max(self.debts.last()))
    }

    /// Stops waiting for the outstanding command, or asks once more.
    fn give_up(&mut self) {
        let Some(mut outstanding) = self.outstanding.take() else {
            return;
        };
        let took_ms = millis(self.now - outstanding.first_sent);
        let is_begin =
            outstanding.origin == Origin::Begin && outstanding.command.order() == &Order::Command;
        let is_asked = matches!(outstanding.command.kind(), Kind::Query)
            || outstanding.command.order() == &Order::Command;
        let is_sentinel = outstanding.origin == Origin::Sentinel;
        if is_asked && !is_sentinel && (is_begin || outstanding.attempt < ATTEMPTS) {
            if is_begin && outstanding.attempt == ATTEMPTS {
                self.tell(&Event::TimedOut {
                    number: outstanding.number,
                    text: outstanding.command.masked().to_owned(),
                    took_ms,
                    origin: outstanding.origin,
                });
            }
            outstanding.deadline = self.now + QUERY_PATIENCE;
            self.outstanding = Some(outstanding);
            return self.send_again();
        }
        self.owe(&outstanding);
        let number = outstanding.number;
        let text = outstanding.command.masked().to_owned();
        if is_sentinel {
            if let Some(quarantine) = &mut self.quarantine {
                quarantine.unanswered = quarantine.unanswered.saturating_add(1);
                quarantine.tries = quarantine.tries.saturating_add(1);
            }
            return;
        }
        if let Some((reply, refusal)) = outstanding.refused.take() {
            self.tell(&Event::Replied {
                number,
                text: text.clone(),
                reply,
                verdict: Verdict::Refused(refusal),
                took_ms,
                origin: outstanding.origin,
            });
        } else if outstanding.command.order() == &Order::Emergency {
            let text = text.clone();
            self.tell(&Event::Unanswered { number, text });
        } else {
            self.tell(&Event::TimedOut {
                number,
                text: text.clone(),
                took_ms,
                origin: outstanding.origin,
            });
        }
        self.after_failure(&outstanding.command);
        if outstanding.label.is_none() && self.quarantine.is_none() {
            self.quarantine = Some(Quarantine {
                since: self.now,
                is_answered: false,
                unanswered: 0,
                tries: 0,
            });
            let within_ms = millis(self.debts.last() - self.now);
            self.tell(&Event::Quarantined { text, within_ms });
        }
    }

    /// A motion that failed leaves the drone elsewhere than those behind it think.
    fn after_failure(&mut self, command: &Command) {
        if command.kind() == Kind::Motion {
            let cause = command.masked().to_owned();
            self.drop_waiting(&cause, |waiting| waiting.command.kind() == Kind::Motion);
        }
    }

    fn drop_waiting(&mut self, cause: &str, is_dropped: impl Fn(&Waiting) -> bool) {
        let queue = std::mem::take(&mut self.queue);
        for waiting in queue {
            if waiting.origin == Origin::User && is_dropped(&waiting) {
                self.tell(&Event::Dropped {
                    number: waiting.number,
                    text: waiting.command.masked().to_owned(),
                    cause: cause.to_owned(),
                });
            } else {
                self.queue.push_back(waiting);
            }
        }
    }

    /// Notes that an answer may still come.
    fn owe(&mut self, outstanding: &Outstanding) {
        if outstanding.label.is_some() {
            return;
        }
        let command = &outstanding.command;
        // What was flown at an unknown speed may have been flown at the lowest.
        let speed = self.speed.unwrap_or(LOWEST_SPEED);
        let patience = command.patience(speed);
        let until = outstanding.last_sent + patience + self.settings.timing.grace;
        let is_single = outstanding.attempt == 1;
        self.debts
            .add(Shape::of(command), until, command.masked(), is_single);
    }

    fn tell(&mut self, event: &Event) {
        self.outputs.push_back(Output::Event(What::from(event)));
    }

    fn take_number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        number
    }

    /// When something is due.
    fn wake(&self) -> Option<Time> {
        let outstanding = self.outstanding.as_ref();
        let next = match outstanding {
            Some(outstanding) => Some(outstanding.deadline),
            None if self.quarantine.as_ref().is_some_and(|it| it.is_answered) => {
                let over = self.debts.last().max(self.now);
                Some(self.next_time().map_or(over, |time| time.min(over)))
            }
            None => self.next_time(),
        };
        [
            next,
            outstanding.and_then(|it| it.next_copy),
            self.stick_time(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Machine for Pilot {
    type Event = What;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        self.now = self.now.max(now);
        self.debts.expire(self.now);
        self.hear(chunk);
        self.step();
    }

    fn handle_end(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    fn handle_fault(&mut self, now: Time, fault: Fault) {
        self.now = self.now.max(now);
        let (kind, message) = match fault {
            Fault::Refused => (FaultKind::Refused, "nobody listens at the drone's port"),
            Fault::Unreachable => (FaultKind::Unreachable, "there is no way to the drone"),
            _ if fault.is_fatal() => {
                return self.outputs.push_back(Output::Close(fault.reason()));
            }
            _ => return,
        };
        // Each datagram may come back; once is enough to know.
        if !std::mem::replace(&mut self.is_unreachable, true) {
            self.outputs.push_back(Output::Event(What::Fault {
                kind,
                message: message.to_owned(),
                count: None,
            }));
        }
    }

    fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.step();
    }

    fn poll_output(&mut self) -> Output<What> {
        let output = self.outputs.pop_front();
        output.unwrap_or_else(|| Output::Wait(self.wake()))
    }

    fn handle_stop(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.outputs.push_back(Output::Close(Reason::Local));
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Questions whose answers look like nothing else, in the order in which they are asked.
const SENTINELS: [(Query, Shape); 4] = [
    (Query::Battery, Shape::Number),
    (Query::Attitude, Shape::Attitude),
    (Query::Temperature, Shape::Temperature),
    (Query::Acceleration, Shape::Acceleration),
];

const QUERY_PATIENCE: Duration = Duration::from_secs(2);

/// How often a question is sent before it counts as not answered.
const ATTEMPTS: u32 = 3;

/// In cm/s: how fast a drone flies while nobody has said anything else.
const USUAL_SPEED: f64 = 50.0;

/// In cm/s: the lowest speed that there is.
const LOWEST_SPEED: f64 = 10.0;

#[cfg(test)]
mod tests;
