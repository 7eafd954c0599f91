//! What leaves: commands with their copies, sentinels, the sticks.

use std::time::Duration;

use bytes::Bytes;

use super::super::again::{self, COPIES};
use super::super::command::{Command, Kind, Order};
use super::super::reply::Shape;
use super::{Event, Origin, Outstanding, Pilot, SENTINELS, USUAL_SPEED, Waiting};
use crate::machine::Output;
use crate::time::Time;

impl Pilot {
    pub(super) fn send(&mut self, waiting: Waiting) {
        let Waiting {
            number,
            command,
            origin,
        } = waiting;
        let speed = self.speed.unwrap_or(USUAL_SPEED);
        let patience = match origin {
            // A drone that answers slowly is given more time with each question.
            Origin::Sentinel => {
                let tries = self.quarantine.as_ref().map_or(0, |it| it.tries);
                SENTINEL_PATIENCE.saturating_mul(tries.saturating_add(1).min(MOST_PATIENT))
            }
            _ => command.patience(speed),
        };
        let is_labelled = matches!(command.kind(), Kind::Motion | Kind::Setting)
            && origin == Origin::User
            && self.settings.sdk.has_again();
        let label = self.settings.again.filter(|_| is_labelled);
        let label = label.map(|form| {
            self.label = form.next(self.label);
            (form, self.label)
        });
        // Nothing else leaves while an answer is owed that could be taken for its own.
        let doubt_until = match command.kind() {
            Kind::Immediate => self.debts.last(),
            _ => self.now,
        };
        let next_copy = match (command.kind(), label) {
            (Kind::Immediate, _) => Some(self.now + COPY_INTERVAL),
            (_, Some(_)) => Some(self.now + LABELLED_INTERVAL),
            _ => None,
        };
        let deadline = doubt_until.max(self.now) + patience;
        let outstanding = Outstanding {
            number,
            origin,
            first_sent: self.now,
            last_sent: self.now,
            deadline,
            attempt: 1,
            next_copy,
            label,
            doubt_until,
            refused: None,
            command,
        };
        self.transmit(&outstanding);
        if outstanding.command.kind() == Kind::Silent {
            // It may answer after all.
            self.owe(&outstanding);
        } else {
            self.outstanding = Some(outstanding);
        }
    }

    /// Sends the outstanding command again: a question, or what does no harm twice.
    pub(super) fn send_again(&mut self) {
        let Some(mut outstanding) = self.outstanding.take() else {
            return;
        };
        outstanding.attempt = outstanding.attempt.saturating_add(1);
        outstanding.last_sent = self.now;
        let interval = match outstanding.label {
            Some(_) => LABELLED_INTERVAL,
            None if outstanding.attempt < BLIND_COPIES => COPY_INTERVAL,
            None => SLOW_COPY_INTERVAL,
        };
        let is_copied = outstanding.next_copy.is_some();
        let is_enough =
            outstanding.command.order() == &Order::Emergency && BLIND_COPIES <= outstanding.attempt;
        outstanding.next_copy = (is_copied && !is_enough).then(|| self.now + interval);
        self.transmit(&outstanding);
        self.outstanding = Some(outstanding);
    }

    fn transmit(&mut self, outstanding: &Outstanding) {
        let text = outstanding.command.to_string();
        let mut copies = 1;
        match outstanding.label {
            Some((form, label)) => {
                let attempts = match outstanding.attempt {
                    1 => 1..=COPIES,
                    _ => COPIES..=COPIES,
                };
                copies = u8::try_from(attempts.clone().count()).unwrap_or(COPIES);
                for attempt in attempts {
                    let datagram = again::wrap(form, label, attempt, text.as_bytes());
                    self.outputs
                        .push_back(Output::Transmit(Bytes::from(datagram)));
                }
            }
            None => self.outputs.push_back(Output::Transmit(Bytes::from(text))),
        }
        self.last_sent = self.now;
        self.tell(&Event::Sent {
            number: outstanding.number,
            text: outstanding.command.masked().to_owned(),
            attempt: outstanding.attempt,
            copies,
            origin: outstanding.origin,
        });
    }

    pub(super) fn send_sentinel(&mut self) {
        let unanswered = self.quarantine.as_ref().map_or(0, |it| it.unanswered);
        if unanswered % BEGIN_EVERY == BEGIN_EVERY - 1 {
            // A drone that was switched off and on has forgotten that it was greeted.
            self.outputs
                .push_back(Output::Transmit(Bytes::from_static(b"command")));
            self.debts
                .add(Shape::Ok, self.now + SENTINEL_PATIENCE, "command", true);
            if let Some(quarantine) = &mut self.quarantine {
                quarantine.unanswered = 0;
            }
        }
        for turn in 0..SENTINELS.len() {
            let index = self.next_sentinel.wrapping_add(turn) % SENTINELS.len();
            let Some((query, shape)) = SENTINELS.get(index) else {
                continue;
            };
            if self.debts.overlaps(*shape) {
                continue;
            }
            self.next_sentinel = index.wrapping_add(1);
            let number = self.take_number();
            self.send(Waiting {
                number,
                command: Command::query(*query),
                origin: Origin::Sentinel,
            });
            return;
        }
    }

    /// When the sticks that are wanted may leave.
    pub(super) fn stick_time(&self) -> Option<Time> {
        self.sticks.wanted?;
        let is_silent = !self.sticks.is_answered && SILENT <= self.sticks.unanswered;
        // An answer to them would be taken for that of a command.
        if !is_silent && (self.outstanding.is_some() || !self.queue.is_empty()) {
            return None;
        }
        let interval = self.settings.timing.stick_interval;
        Some(
            self.sticks
                .last_sent
                .map_or(self.now, |sent| sent + interval),
        )
    }

    pub(super) fn send_sticks(&mut self) {
        let Some(sticks) = self.sticks.wanted.take() else {
            return;
        };
        let text = Command::sticks(sticks).to_string();
        self.outputs.push_back(Output::Transmit(Bytes::from(text)));
        self.last_sent = self.now;
        self.sticks.last_sent = Some(self.now);
        if self.sticks.is_answered || self.sticks.unanswered < SILENT {
            self.sticks.unanswered = self.sticks.unanswered.saturating_add(1);
            let until = self.now + self.settings.timing.spacing.max(self.slowest);
            self.debts.add_sticks(until);
        }
        if self.sticks.told.replace(sticks) != Some(sticks) {
            self.tell(&Event::Sticks { sticks });
        }
    }
}

const SENTINEL_PATIENCE: Duration = Duration::from_secs(1);
const MOST_PATIENT: u32 = 5;
/// Every so many sentinels without an answer, `command` goes before.
const BEGIN_EVERY: u32 = 3;
/// How soon `stop`, `land` and `emergency` are sent again, and how often that soon.
const COPY_INTERVAL: Duration = Duration::from_millis(300);
const BLIND_COPIES: u32 = 4;
const SLOW_COPY_INTERVAL: Duration = Duration::from_secs(2);
/// The controller of the RoboMaster TT sends a command with a label again as soon.
const LABELLED_INTERVAL: Duration = Duration::from_secs(1);
/// After so many without an answer, the sticks count as silent.
const SILENT: u32 = 5;
