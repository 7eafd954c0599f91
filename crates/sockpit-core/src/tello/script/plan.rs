//! A script with every command checked, as a program for each drone, with estimated times.

use std::time::Duration;

use super::{Item, Mistake, Script, Target};
use crate::tello::command::{self, Command, Order};
use crate::tello::sdk::Sdk;
use crate::text::escape::VisibleLine;

/// Why a line cannot be flown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is nothing behind `>`.
    #[error("there is no command behind `>`")]
    Nothing,
    /// The network would have to be searched.
    #[error("`scan` would search the network, which is not done; name the drones with `--host`")]
    Scan,
    /// Addresses are not guessed.
    #[error("`correct_ip` has no meaning here; leave the line out")]
    CorrectIp,
    /// It is a matter of all drones.
    #[error("`{word}` is for all drones; leave out what stands before `>`")]
    ForAll {
        /// The word.
        word: String,
    },
    /// No serial number.
    #[error(
        "`{}` is no serial number; `sn?` asks a drone for its own",
        VisibleLine(text)
    )]
    Serial {
        /// What stands there.
        text: String,
    },
    /// No length of time.
    #[error("`{text}` is no time up to an hour; write seconds, such as `2.5`, or `500ms`")]
    Span {
        /// What stands there.
        text: String,
    },
    /// No percentage.
    #[error("`{}` is no percentage from 0 to 100", VisibleLine(text))]
    Percent {
        /// What stands there.
        text: String,
    },
    /// There is no such drone.
    #[error("there is no drone `{drone}`; there are {known}")]
    Drone {
        /// Its name.
        drone: String,
        /// The drones that there are.
        known: String,
    },
    /// The version has no `Re`.
    #[error("the `Re` prefix came with SDK 2.0; this drone speaks SDK {sdk}")]
    Again {
        /// The version.
        sdk: Sdk,
    },
    /// It is no command for these drones.
    #[error("{0}")]
    Command(command::Mistake),
    /// It says too much.
    #[error("a script has at most {most} lines")]
    TooLong {
        /// The limit.
        most: usize,
    },
}

/// A script with every command checked: a program for each drone.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What the drones are called.
    pub drones: Vec<String>,
    /// What each does, in their order.
    pub programs: Vec<Vec<Step>>,
    /// Whether the `Re` prefix is wanted.
    pub wants_again: bool,
}

/// One thing that a drone does.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The line of the script, from 1.
    pub line: usize,
    /// What.
    pub act: Act,
}

/// What a drone does.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// It is sent a command.
    Order(Command),
    /// It waits.
    Delay(Duration),
    /// It waits for all others.
    Sync {
        /// Which meeting it is, from 0.
        meeting: usize,
        /// How long at most.
        within: Option<Duration>,
    },
    /// Its battery is looked at, in percent.
    BatteryCheck(u8),
}

/// A step with its estimated time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// The step.
    pub step: Step,
    /// When it begins, from the start of the flight.
    pub begin: Duration,
    /// When it is done.
    pub end: Duration,
}

impl Plan {
    pub(super) fn new(script: &Script, sdk: Sdk, drones: &[String]) -> Result<Self, Vec<Mistake>> {
        let mut plan = Self {
            drones: drones.to_vec(),
            programs: vec![Vec::new(); drones.len()],
            wants_again: script.wants_again(),
        };
        let mut mistakes = Vec::new();
        let mut meeting = 0;
        for line in &script.lines {
            let acted = match &line.item {
                Item::Name { drone, .. } => plan.find(drone).map(|_| None),
                Item::BatteryCheck(percent) => Ok(Some((Target::All, Act::BatteryCheck(*percent)))),
                Item::Sync(within) => {
                    let act = Act::Sync {
                        meeting,
                        within: *within,
                    };
                    meeting = meeting.saturating_add(1);
                    Ok(Some((Target::All, act)))
                }
                Item::Delay { to, span } => Ok(Some((to.clone(), Act::Delay(*span)))),
                Item::Order { is_again: true, .. } if !sdk.has_again() => Err(Fault::Again { sdk }),
                Item::Order { to, text, .. } => Command::parse(text, sdk)
                    .map(|command| Some((to.clone(), Act::Order(command))))
                    .map_err(Fault::Command),
            };
            let pushed = acted.and_then(|acted| match acted {
                Some((to, act)) => plan.push(line.number, &to, &act),
                None => Ok(()),
            });
            if let Err(fault) = pushed {
                mistakes.push(Mistake {
                    line: line.number,
                    fault,
                });
            }
        }
        match mistakes.is_empty() {
            true => Ok(plan),
            false => Err(mistakes),
        }
    }

    /// Every step with its estimated time, where the drones fly at a speed in cm/s until the script
    /// sets another.
    #[must_use]
    pub fn timeline(&self, speed: f64) -> Vec<Vec<Timed>> {
        let mut drones: Vec<Clock> = vec![Clock::new(speed); self.programs.len()];
        let mut timed: Vec<Vec<Timed>> = vec![Vec::new(); self.programs.len()];
        loop {
            // Each drone goes on to its next meeting, all of them leave it together.
            let mut meeting = None;
            for ((program, clock), timed) in self.programs.iter().zip(&mut drones).zip(&mut timed) {
                while let Some(step) = program.get(clock.next) {
                    if matches!(step.act, Act::Sync { .. }) {
                        meeting = Some(clock.now.max(meeting.unwrap_or_default()));
                        break;
                    }
                    timed.push(clock.take(step));
                }
            }
            let Some(together) = meeting else {
                return timed;
            };
            for ((program, clock), timed) in self.programs.iter().zip(&mut drones).zip(&mut timed) {
                if let Some(step) = program.get(clock.next) {
                    let begin = clock.now;
                    clock.now = together;
                    clock.next = clock.next.saturating_add(1);
                    timed.push(Timed {
                        step: step.clone(),
                        begin,
                        end: together,
                    });
                }
            }
        }
    }

    fn push(&mut self, line: usize, to: &Target, act: &Act) -> Result<(), Fault> {
        let step = Step {
            line,
            act: act.clone(),
        };
        match to {
            Target::All => {
                for program in &mut self.programs {
                    program.push(step.clone());
                }
            }
            Target::One(drone) => {
                let index = self.find(drone)?;
                if let Some(program) = self.programs.get_mut(index) {
                    program.push(step);
                }
            }
        }
        Ok(())
    }

    /// The place of a drone of this name.
    fn find(&self, drone: &str) -> Result<usize, Fault> {
        let found = self.drones.iter().position(|known| known == drone);
        found.ok_or_else(|| {
            let known: Vec<String> = self
                .drones
                .iter()
                .map(|known| format!("`{known}`"))
                .collect();
            Fault::Drone {
                drone: drone.to_owned(),
                known: known.join(", "),
            }
        })
    }
}

#[derive(Clone, Debug)]
struct Clock {
    now: Duration,
    next: usize,
    speed: f64,
}

impl Clock {
    const fn new(speed: f64) -> Self {
        Self {
            now: Duration::ZERO,
            next: 0,
            speed,
        }
    }

    fn take(&mut self, step: &Step) -> Timed {
        let begin = self.now;
        let span = match &step.act {
            Act::Order(command) => {
                if let Order::Speed(speed) = command.order() {
                    self.speed = f64::from(*speed);
                }
                command.expected(self.speed) + SPACING
            }
            Act::Delay(span) => *span,
            Act::Sync { .. } => Duration::ZERO,
            Act::BatteryCheck(_) => SPACING,
        };
        self.now = self.now.saturating_add(span);
        self.next = self.next.saturating_add(1);
        Timed {
            step: step.clone(),
            begin,
            end: self.now,
        }
    }
}

/// From one command to the next.
const SPACING: Duration = Duration::from_millis(100);
