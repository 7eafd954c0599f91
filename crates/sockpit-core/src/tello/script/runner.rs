//! A plan as it is flown: which command is next for which drone.

use std::time::Duration;

use super::plan::{Act, Plan};
use crate::tello::command::{Command, Kind, Query};
use crate::tello::pilot::Event;
use crate::tello::reply::Verdict;
use crate::time::{Time, TimeSpan};

/// What is done where a command fails, a drone is late, or a battery too low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// All drones land, and the flight is over.
    #[default]
    Land,
    /// The flight is over, and the drones stay where they are.
    End,
    /// It is told, and the flight goes on.
    Continue,
}

/// How a flight went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was done.
    Done,
    /// It ended early; the first failure in one sentence.
    Failed(String),
}

/// What a runner wants done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Do {
    /// Give a drone's pilot a command, then say its number with [`Runner::ordered`].
    Order {
        /// Which drone, from 0.
        drone: usize,
        /// The line of the script; `None` where the runner lands it.
        line: Option<usize>,
        /// The command.
        command: Command,
    },
    /// Tell people.
    Tell(String),
    /// Nothing until a pilot tells something, or until a time.
    Wait(Option<Time>),
    /// The flight is over.
    Finished(Outcome),
}

/// A plan as it is flown.
#[derive(Debug)]
pub struct Runner {
    plan: Plan,
    on_failure: OnFailure,
    now: Time,
    drones: Vec<Progress>,
    tellings: std::collections::VecDeque<String>,
    failure: Option<String>,
    /// Meetings before this one are over: who comes late goes on.
    next_meeting: usize,
    is_landing: bool,
    is_over: bool,
}

#[derive(Clone, Debug)]
struct Progress {
    /// Its next step.
    next: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// It does the next step.
    Ready,
    /// Its pilot has a command and has not said its number.
    Given,
    /// It is at the command of this number.
    Busy(u64),
    /// It waits until a time.
    Delayed(Time),
    /// It waits for the others since a time.
    Meeting { meeting: usize, until: Option<Time> },
    /// It has done all.
    Done,
    /// Nothing can be said to it.
    Lost,
}

impl Runner {
    /// Begins a flight.
    #[must_use]
    pub fn new(plan: Plan, on_failure: OnFailure, now: Time) -> Self {
        let drone = Progress {
            next: 0,
            stage: Stage::Ready,
        };
        let drones = vec![drone; plan.programs.len()];
        Self {
            plan,
            on_failure,
            now,
            drones,
            tellings: std::collections::VecDeque::new(),
            failure: None,
            next_meeting: 0,
            is_landing: false,
            is_over: false,
        }
    }

    /// Takes the number that a pilot gave the command of [`Do::Order`].
    pub fn ordered(&mut self, drone: usize, number: u64) {
        let Some(progress) = self.drones.get_mut(drone) else {
            return;
        };
        if progress.stage != Stage::Given {
            return;
        }
        let program = self.plan.programs.get(drone);
        let step = program.and_then(|program| program.get(progress.next));
        // The sticks are never answered.
        let is_silent = !self.is_landing
            && matches!(step.map(|step| &step.act), Some(Act::Order(command)) if command.kind() == Kind::Silent);
        if is_silent {
            progress.advance();
        } else {
            progress.stage = Stage::Busy(number);
        }
    }

    /// Takes that a drone could not be given the command of [`Do::Order`], as its link is over: it
    /// does nothing more.
    pub fn is_lost(&mut self, now: Time, drone: usize) {
        self.now = self.now.max(now);
        let line = self.line(drone);
        if let Some(progress) = self.drones.get_mut(drone) {
            progress.stage = Stage::Lost;
        }
        if !self.is_landing {
            self.fail(Some((drone, line)), "the link to the drone is over");
        }
    }

    /// Takes what the pilot of a drone told.
    pub fn hear(&mut self, now: Time, drone: usize, event: &Event) {
        self.now = self.now.max(now);
        let Some(progress) = self.drones.get_mut(drone) else {
            return;
        };
        let Stage::Busy(number) = progress.stage else {
            return;
        };
        if event.ends() != Some(number) {
            return;
        }
        let program = self.plan.programs.get(drone);
        let step = program.and_then(|program| program.get(progress.next));
        let line = step.map(|step| step.line);
        let check = step.and_then(|step| match step.act {
            Act::BatteryCheck(percent) => Some(percent),
            _ => None,
        });
        let is_landing = self.is_landing;
        if is_landing {
            progress.stage = Stage::Done;
        } else {
            progress.advance();
        }
        let failure = match event {
            Event::Replied {
                verdict: Verdict::Value(value),
                ..
            } => check.and_then(|percent| {
                let full = value.number.unwrap_or_default();
                (full < f64::from(percent))
                    .then(|| format!("the battery is at {value}; the script wants {percent} %"))
            }),
            Event::Replied {
                verdict: Verdict::Done,
                ..
            }
            | Event::Unanswered { .. } => None,
            event => Some(event.sentence()),
        };
        if let (Some(failure), false) = (failure, is_landing) {
            self.fail(Some((drone, line)), &failure);
        }
    }

    /// Takes the passing of time.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Ends the flight: all drones land.
    pub fn abort(&mut self, now: Time, why: &str) {
        self.now = self.now.max(now);
        self.failure.get_or_insert_with(|| why.to_owned());
        self.land();
    }

    /// What a drone is at: the line of the script.
    #[must_use]
    pub fn line(&self, drone: usize) -> Option<usize> {
        let next = self.drones.get(drone)?.next;
        Some(self.plan.programs.get(drone)?.get(next)?.line)
    }

    /// Gives the next thing to do.
    pub fn poll(&mut self) -> Do {
        loop {
            if let Some(telling) = self.tellings.pop_front() {
                return Do::Tell(telling);
            }
            if self.is_over {
                return self.finish();
            }
            self.pass();
            if let Some(order) = (0..self.drones.len()).find_map(|drone| self.start(drone)) {
                return order;
            }
            if !self.tellings.is_empty() || self.meet() {
                continue;
            }
            if self.drones.iter().all(Progress::is_over) {
                self.is_over = true;
                continue;
            }
            if self.is_over {
                continue;
            }
            return Do::Wait(self.wake());
        }
    }

    fn finish(&self) -> Do {
        Do::Finished(match &self.failure {
            Some(failure) => Outcome::Failed(failure.clone()),
            None => Outcome::Done,
        })
    }

    /// Lets those go on whose time has come.
    fn pass(&mut self) {
        let mut late = Vec::new();
        let mut over = 0;
        for (drone, progress) in self.drones.iter_mut().enumerate() {
            match progress.stage {
                Stage::Delayed(until) if until <= self.now => progress.advance(),
                Stage::Meeting {
                    meeting,
                    until: Some(until),
                } if until <= self.now => {
                    late.push(drone);
                    over = meeting;
                    progress.stage = Stage::Meeting {
                        meeting,
                        until: None,
                    };
                }
                _ => {}
            }
        }
        if let Some(drone) = late.first() {
            let line = self.line(*drone);
            let missing: Vec<String> = self
                .drones
                .iter()
                .zip(&self.plan.drones)
                .filter(|(it, _)| !it.is_over() && !matches!(it.stage, Stage::Meeting { .. }))
                .map(|(_, name)| format!("`{name}`"))
                .collect();
            let failure = format!(
                "`sync` is over, and these are not there: {}",
                missing.join(", ")
            );
            self.fail(line.map(|line| (*drone, Some(line))), &failure);
            if self.on_failure == OnFailure::Continue {
                for drone in late {
                    if let Some(progress) = self.drones.get_mut(drone) {
                        progress.advance();
                    }
                }
                self.next_meeting = self.next_meeting.max(over.saturating_add(1));
            }
        }
    }

    /// Begins the next step of a drone that is ready.
    fn start(&mut self, drone: usize) -> Option<Do> {
        let now = self.now;
        let progress = self.drones.get_mut(drone)?;
        if progress.stage != Stage::Ready {
            return None;
        }
        if self.is_landing {
            progress.stage = Stage::Given;
            return Some(Do::Order {
                drone,
                line: None,
                command: Command::land(),
            });
        }
        let program = self.plan.programs.get(drone)?;
        while let Some(Act::Sync { meeting, .. }) = program.get(progress.next).map(|it| &it.act)
            && *meeting < self.next_meeting
        {
            progress.advance();
        }
        let Some(step) = program.get(progress.next) else {
            progress.stage = Stage::Done;
            return None;
        };
        let command = match &step.act {
            Act::Order(command) => command.clone(),
            Act::BatteryCheck(_) => Command::query(Query::Battery),
            Act::Delay(span) => {
                progress.stage = Stage::Delayed(now + *span);
                return None;
            }
            Act::Sync { meeting, within } => {
                progress.stage = Stage::Meeting {
                    meeting: *meeting,
                    until: within.map(|within: Duration| now + within),
                };
                return None;
            }
        };
        progress.stage = Stage::Given;
        Some(Do::Order {
            drone,
            line: Some(step.line),
            command,
        })
    }

    /// Lets all go on who met; says whether they did.
    fn meet(&mut self) -> bool {
        let here = self.drones.iter().filter(|it| it.stage != Stage::Lost);
        let mut meetings = here.map(|it| match it.stage {
            Stage::Meeting { meeting, .. } => Some(meeting),
            _ => None,
        });
        let Some(Some(first)) = meetings.next() else {
            return false;
        };
        if !meetings.all(|meeting| meeting == Some(first)) {
            return false;
        }
        for progress in &mut self.drones {
            if progress.stage != Stage::Lost {
                progress.advance();
            }
        }
        true
    }

    fn wake(&self) -> Option<Time> {
        let wake = |progress: &Progress| match progress.stage {
            Stage::Delayed(until) => Some(until),
            Stage::Meeting { until, .. } => until,
            _ => None,
        };
        self.drones.iter().filter_map(wake).min()
    }

    fn fail(&mut self, place: Option<(usize, Option<usize>)>, failure: &str) {
        let told = match place {
            Some((drone, Some(line))) if 1 < self.drones.len() => {
                let name = self.plan.drones.get(drone).map_or("", String::as_str);
                format!("line {line}: drone `{name}`: {failure}")
            }
            Some((_, Some(line))) => format!("line {line}: {failure}"),
            _ => failure.to_owned(),
        };
        match self.on_failure {
            OnFailure::Continue => self.tellings.push_back(told),
            OnFailure::End => {
                self.failure.get_or_insert(told);
                self.is_over = true;
            }
            OnFailure::Land => {
                self.failure.get_or_insert(told);
                self.land();
            }
        }
    }

    /// Everybody lands, whatever they are at.
    fn land(&mut self) {
        if !self.is_landing {
            self.is_landing = true;
            for progress in &mut self.drones {
                if progress.stage != Stage::Lost {
                    progress.stage = Stage::Ready;
                }
            }
        }
    }
}

impl Progress {
    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Lost)
    }

    fn advance(&mut self) {
        self.next = self.next.saturating_add(1);
        self.stage = Stage::Ready;
    }
}

impl Plan {
    /// How long the flight takes, by rule of thumb.
    #[must_use]
    pub fn duration(&self, speed: f64) -> TimeSpan {
        let timeline = self.timeline(speed);
        let ends = timeline.iter().flatten().map(|timed| timed.end);
        TimeSpan(ends.max().unwrap_or_default())
    }
}
