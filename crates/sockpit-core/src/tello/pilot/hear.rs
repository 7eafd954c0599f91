//! What comes: which reply answers the outstanding command, and what answers nothing.

use std::time::Duration;

use super::super::again;
use super::super::command::{Kind, MASK, Order, Query};
use super::super::reply::{self, Refusal, Said, Shape, Verdict};
use super::{Event, Origin, Pilot, USUAL_SPEED, millis};

impl Pilot {
    pub(super) fn hear(&mut self, datagram: &[u8]) {
        self.is_unreachable = false;
        if let Some(copy) = again::unwrap(datagram) {
            return self.hear_labelled(copy);
        }
        match reply::read(datagram) {
            Said::Junk { is_app } => self.tell(&Event::Junk {
                len: datagram.len(),
                is_app,
            }),
            Said::Text(text) => self.hear_text(text),
        }
    }

    fn hear_labelled(&mut self, copy: again::Wrapped<'_>) {
        let Said::Text(text) = reply::read(copy.text) else {
            let len = copy.text.len();
            return self.tell(&Event::Junk { len, is_app: false });
        };
        let label = Some((copy.form, copy.label));
        let outstanding = self.outstanding.as_ref();
        match outstanding.filter(|outstanding| outstanding.label == label) {
            Some(outstanding) => match reply::judge(&outstanding.command, text) {
                Verdict::Stray => self.stray(text),
                verdict => self.accept(text, &verdict),
            },
            // Every copy of a command is answered.
            None if self.last_label == label => {}
            None => self.stray(text),
        }
    }

    fn hear_text(&mut self, text: &str) {
        let Some(outstanding) = &mut self.outstanding else {
            self.learn_of_sticks(text);
            return self.stray(text);
        };
        let named = text.split_once(':').map(|(_, name)| name.trim());
        let verdict = reply::judge(&outstanding.command, text);
        let is_named = matches!(verdict, Verdict::Refused(Refusal::UnknownCommand))
            && named.is_some_and(|name| !name.is_empty());
        if outstanding.label.is_some() {
            // A drone that does not know the prefix says so.
            return match named.is_some_and(|name| name.starts_with("Re")) {
                true => self.accept(text, &Verdict::Refused(Refusal::UnknownCommand)),
                false => self.stray(text),
            };
        }
        let is_clear = self.debts.is_empty() && outstanding.doubt_until <= self.now;
        match verdict {
            Verdict::Stray => self.stray(text),
            Verdict::Refused(_) if is_named => self.accept(text, &verdict),
            Verdict::Refused(_) if !is_clear || outstanding.origin == Origin::Sentinel => {
                self.stray(text);
            }
            Verdict::Refused(refusal)
                if outstanding.command.kind() == Kind::Immediate && 1 < outstanding.attempt =>
            {
                // It may be the answer to a copy, while the drone does what another one said.
                outstanding.refused = Some((text.to_owned(), refusal));
                self.stray(text);
            }
            Verdict::Done | Verdict::Value(_)
                if self.debts.overlaps(Shape::of(&outstanding.command))
                    || self.now < outstanding.doubt_until =>
            {
                self.stray(text);
            }
            verdict => self.accept(text, &verdict),
        }
    }

    fn accept(&mut self, text: &str, verdict: &Verdict) {
        let Some(outstanding) = self.outstanding.take() else {
            return;
        };
        let took = self.now - outstanding.first_sent;
        let command = &outstanding.command;
        let timing = self.settings.timing;
        match (command.order(), verdict) {
            (Order::Command, Verdict::Done) => self.has_begun = true,
            (Order::Speed(speed), Verdict::Done) => self.speed = Some(f64::from(*speed)),
            (Order::Query(Query::Speed), Verdict::Value(value)) => self.speed = value.number,
            (_, Verdict::Refused(Refusal::NotJoystick)) if outstanding.label.is_none() => {
                // It is at something, perhaps at a copy of this very command, and will say so.
                let speed = self.speed.unwrap_or(USUAL_SPEED);
                let until = outstanding.last_sent + command.expected(speed).mul_f64(1.5);
                let until = until + timing.spacing;
                self.debts.add(Shape::Ok, until, command.masked(), true);
            }
            _ => {}
        }
        if outstanding.attempt == 1 && command.kind() != Kind::Motion {
            self.slowest = took.max(self.slowest.mul_f64(FADING)).min(MAX_SPACING);
        } else if 1 < outstanding.attempt && outstanding.label.is_none() {
            // The other copies are answered too.
            let speed = self.speed.unwrap_or(USUAL_SPEED);
            let until = outstanding.last_sent + command.patience(speed) + timing.grace;
            self.debts
                .add(Shape::of(command), until, command.masked(), false);
        }
        self.not_before = self.now + timing.spacing.max(self.slowest);
        self.last_label = outstanding.label.or(self.last_label);
        let took_ms = millis(took);
        let event = match outstanding.origin {
            Origin::KeepAlive if *verdict == Verdict::Done => Event::KeptAlive { took_ms },
            origin => {
                let is_secret = command.is_answer_secret();
                Event::Replied {
                    number: outstanding.number,
                    text: command.masked().to_owned(),
                    reply: if is_secret { MASK } else { text }.to_owned(),
                    verdict: if is_secret {
                        masked(verdict.clone())
                    } else {
                        verdict.clone()
                    },
                    took_ms,
                    origin,
                }
            }
        };
        self.tell(&event);
        if let Some(quarantine) = &mut self.quarantine
            && outstanding.origin == Origin::Sentinel
        {
            quarantine.is_answered = true;
            quarantine.unanswered = 0;
        }
        if matches!(verdict, Verdict::Refused(_)) {
            self.after_failure(&outstanding.command);
        }
    }

    fn stray(&mut self, text: &str) {
        let until = self.now + self.settings.timing.spacing.max(self.slowest);
        let of = self.debts.settle(text, until).unwrap_or_default();
        // The answer to a question for a password may come late.
        let is_secret = self.has_asked_secret && Shape::Word.fits(text);
        let text = if is_secret { MASK } else { text };
        self.tell(&Event::Stray {
            text: text.to_owned(),
            of,
        });
    }

    /// Some firmware answers when the sticks are set.
    fn learn_of_sticks(&mut self, text: &str) {
        let is_soon = self
            .sticks
            .last_sent
            .is_some_and(|sent| self.now - sent < STICK_ANSWER);
        let is_answer = Shape::Ok.fits(text) || Refusal::of(text).is_some();
        self.sticks.is_answered |= is_soon && is_answer && !self.debts.owes(Shape::Ok);
    }
}

fn masked(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Value(value) => Verdict::Value(reply::Value {
            text: MASK.to_owned(),
            ..value
        }),
        verdict => verdict,
    }
}

/// What is left of the slowest answer with the next one.
const FADING: f64 = 0.95;
/// However slow the drone answers, the next command waits no longer than this.
const MAX_SPACING: Duration = Duration::from_secs(1);
/// Within this after the sticks were set an answer may be theirs.
const STICK_ANSWER: Duration = Duration::from_secs(1);
