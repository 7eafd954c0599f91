//! The script of `--send` and `--expect`: what is sent and what must come back, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Message;
use crate::rule::{self, Captures, Message as Heard, Pattern, Payload, Place, Rules};
use crate::text::escape::VisibleLine;
use crate::time::{Time, TimeSpan};

/// In bytes: how far back an expectation looks in a raw stream. A match that spans more is missed.
const WINDOW: usize = 64 * 1024;

/// In characters: how much of what came instead a failed expectation shows.
const SHOWN: usize = 120;

/// One step of a script.
#[derive(Clone, Debug)]
pub enum Step {
    /// Send this.
    Send {
        /// The message.
        message: Message,
        /// How long to wait before it is sent.
        delay: Duration,
    },
    /// Send what becomes known only then: a template of a rule file.
    Render {
        /// The template.
        payload: Payload,
        /// How long to wait before it is sent.
        delay: Duration,
    },
    /// Go on only when this has come.
    Expect {
        /// What must come.
        pattern: Pattern,
        /// How long it may take.
        within: Duration,
        /// The pattern as the user wrote it.
        label: String,
        /// The exit code when it does not come.
        exit: u8,
    },
}

/// What is sent and expected, in order, and how often.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The steps of one round.
    pub steps: Vec<Step>,
    /// From the beginning of one round to the beginning of the next.
    pub every: Option<Duration>,
    /// Rounds; `None` is one without `every`, and endless with it.
    pub count: Option<u64>,
}

/// As long as an expectation of a rule file waits that names no time, as on the command line.
const WITHIN: Duration = Duration::from_secs(5);

impl Step {
    /// A step of a rule file; an expectation that names no time waits for `within`.
    #[must_use]
    pub fn of_rule(step: &rule::Step, within: Duration) -> Self {
        match step.clone() {
            rule::Step::Send { payload, after } => Self::Render {
                payload,
                delay: after,
            },
            rule::Step::Expect {
                pattern,
                within: own,
                label,
                exit,
            } => Self::Expect {
                pattern,
                within: own.unwrap_or(within),
                label,
                exit,
            },
        }
    }
}

impl Script {
    /// The script of a rule file, carried out once.
    #[must_use]
    pub fn of_rules(rules: &Rules) -> Self {
        let steps = rules.script().iter();
        Self {
            steps: steps.map(|step| Step::of_rule(step, WITHIN)).collect(),
            ..Self::default()
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether a step expects something.
    #[must_use]
    pub fn expects(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Expect { .. }))
    }

    /// Whether the last thing is an expectation, so that there is nothing to stay for once it is met.
    #[must_use]
    pub fn ends_expecting(&self) -> bool {
        matches!(self.steps.last(), Some(Step::Expect { .. }))
    }

    /// Whether an expectation looks at text.
    #[must_use]
    pub fn needs_text(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Expect { pattern, .. } if pattern.needs_text()))
    }

    /// The script in words, one step a line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.steps.iter().map(Step::to_line).collect();
        let rounds = match (self.count, self.every) {
            (Some(count), _) => format!("{count} rounds"),
            (None, Some(_)) => "endless rounds".to_owned(),
            (None, None) => return lines,
        };
        let pause = self
            .every
            .map(|every| format!(", one every {}", TimeSpan(every)));
        lines.push(format!("repeat: {rounds}{}", pause.unwrap_or_default()));
        lines
    }

    fn has_round(&self, round: u64) -> bool {
        match (self.count, self.every) {
            (Some(count), _) => round < count,
            (None, Some(_)) => true,
            (None, None) => round == 0,
        }
    }
}

impl Step {
    /// What a step that sends comes to.
    fn to_progress(&self) -> Progress {
        match self {
            Self::Send { message, .. } => Progress::Send(message.clone()),
            Self::Render { payload, .. } => Progress::Render(payload.clone()),
            Self::Expect { .. } => Progress::Pending,
        }
    }

    fn to_line(&self) -> String {
        match self {
            Self::Send { message, delay } => {
                format!("{}send {} bytes", after(*delay), message.wire.len())
            }
            Self::Render { delay, .. } => format!("{}send a template", after(*delay)),
            Self::Expect { within, label, .. } => {
                format!(
                    "expect `{}` within {}",
                    VisibleLine(label),
                    TimeSpan(*within)
                )
            }
        }
    }
}

fn after(delay: Duration) -> String {
    if delay.is_zero() {
        String::new()
    } else {
        format!("after {} ", TimeSpan(delay))
    }
}

/// What the script wants next.
pub(crate) enum Progress {
    /// Send this and go on.
    Send(Message),
    /// Fill this in, send it and go on.
    Render(Payload),
    /// Something must come, or time must pass.
    Pending,
    /// What was expected did not come.
    Unmet { message: String, exit: u8 },
    /// All rounds are over.
    Done {
        /// Whether an expectation was among the steps.
        expected: bool,
    },
}

/// A script being carried out.
pub(crate) struct Run {
    script: Arc<Script>,
    index: usize,
    round: u64,
    /// When the round began; `None` before the first.
    began: Option<Time>,
    /// When the current step's time is over.
    deadline: Option<Time>,
    /// What came since the last match and may still hold the next one.
    bytes: Vec<u8>,
    text: String,
    /// In bytes: how much of that the current step has looked at in vain.
    known: usize,
    /// Messages that came while nothing was expected.
    waiting: VecDeque<(Vec<u8>, String)>,
    /// In bytes, at most [`WINDOW`] if there are several: what they take, and an empty one takes a
    /// byte.
    kept: usize,
    received: u64,
    /// Bytes of a message that is not whole yet.
    unfinished: usize,
    /// Whether no further round begins.
    is_ending: bool,
    /// What the last expectation caught.
    captures: Captures,
}

impl Run {
    pub(crate) fn new(script: Arc<Script>) -> Self {
        Self {
            script,
            index: 0,
            round: 0,
            began: None,
            deadline: None,
            bytes: Vec::new(),
            text: String::new(),
            known: 0,
            waiting: VecDeque::new(),
            kept: 0,
            received: 0,
            unfinished: 0,
            is_ending: false,
            captures: Captures::default(),
        }
    }

    /// Goes on with these steps; what came and was not used up is still there for them.
    pub(crate) fn go_on(&mut self, script: Arc<Script>) {
        self.script = script;
        self.index = 0;
        self.round = 0;
        self.began = None;
        self.deadline = None;
        self.is_ending = false;
        self.known = 0;
    }

    /// The beginning of what came and was not used up: of a raw stream, anything but line ends; else
    /// a whole message.
    pub(crate) fn unused(&self, is_raw: bool) -> Option<String> {
        let (bytes, text) = if is_raw {
            (&self.bytes, &self.text)
        } else {
            let (bytes, text) = self.waiting.front()?;
            (bytes, text)
        };
        let shown = match text.as_str() {
            "" => String::from_utf8_lossy(bytes),
            text => text.into(),
        };
        let is_nothing = is_raw && shown.trim_matches(['\r', '\n']).is_empty();
        (!is_nothing).then(|| shown.chars().take(SHOWN).collect())
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Whether it goes on only when something has come.
    pub(crate) fn is_listening(&self) -> bool {
        let step = self.script.steps.get(self.index);
        matches!(step, Some(Step::Expect { .. }))
    }

    pub(crate) fn captures(&self) -> &Captures {
        &self.captures
    }

    /// Takes the next piece of a raw stream.
    pub(crate) fn hear_stream(&mut self, chunk: &[u8], text: Option<&str>) {
        self.received += chunk.len() as u64;
        self.bytes.extend_from_slice(chunk);
        if self.bytes.len() > 2 * WINDOW {
            self.bytes.drain(..self.bytes.len() - WINDOW);
            self.known = 0;
        }
        if let Some(text) = text {
            self.text.push_str(text);
            if self.text.len() > 2 * WINDOW {
                self.known = 0;
                let surplus = self.text.len() - WINDOW;
                let cut = (surplus..=self.text.len())
                    .find(|&at| self.text.is_char_boundary(at))
                    .unwrap_or(self.text.len());
                self.text.drain(..cut);
            }
        }
    }

    /// Takes a whole message; a match never spans two. One that comes while nothing is expected is
    /// kept for the next expectation.
    pub(crate) fn hear_frame(&mut self, payload: &[u8], text: Option<&str>) {
        self.received += payload.len() as u64;
        self.waiting
            .push_back((payload.to_vec(), text.unwrap_or_default().to_owned()));
        self.kept += payload.len().max(1);
        while self.kept > WINDOW && self.waiting.len() > 1 {
            self.next_message();
        }
    }

    /// Takes the oldest of the messages that are kept.
    fn next_message(&mut self) -> Option<(Vec<u8>, String)> {
        let (bytes, text) = self.waiting.pop_front()?;
        self.kept -= bytes.len().max(1);
        Some((bytes, text))
    }

    /// Takes how many bytes of an unfinished message have come.
    pub(crate) fn hear_part(&mut self, bytes: usize) {
        self.unfinished = bytes;
    }

    /// Takes the peer's end; says which expectation can no longer be met. What is still to be sent
    /// is sent; rounds without a number end with the peer.
    pub(crate) fn hear_end(&mut self) -> Option<(String, u8)> {
        let is_endless = self.script.count.is_none();
        self.is_ending = is_endless;
        let rest = self.script.steps.get(self.index..).unwrap_or_default();
        let later: &[Step] = if !is_endless && self.script.has_round(self.round + 1) {
            &self.script.steps
        } else {
            &[]
        };
        rest.iter().chain(later).find_map(|step| match step {
            Step::Expect { label, exit, .. } => {
                Some((self.unmet(label, "before the peer ended"), *exit))
            }
            Step::Send { .. } | Step::Render { .. } => None,
        })
    }

    /// Goes as far as it can.
    pub(crate) fn advance(&mut self, now: Time) -> Progress {
        let script = self.script.clone();
        loop {
            let Some(step) = script.steps.get(self.index) else {
                if let Some(progress) = self.end_round(now) {
                    return progress;
                }
                continue;
            };
            let began = *self.began.get_or_insert(now);
            match step {
                Step::Send { delay, .. } | Step::Render { delay, .. } => {
                    let due = *self.deadline.get_or_insert(now + *delay);
                    if now < due.max(began) {
                        return Progress::Pending;
                    }
                    self.next_step();
                    return step.to_progress();
                }
                Step::Expect {
                    pattern,
                    within,
                    label,
                    exit,
                } => {
                    let due = *self.deadline.get_or_insert(now + *within);
                    let heard = Heard {
                        bytes: &self.bytes,
                        text: (!self.text.is_empty()).then_some(self.text.as_str()),
                    };
                    // Which of the two a pattern looks at is the same each time.
                    let looked_at = match heard.text {
                        Some(text) if pattern.needs_text() => text.len(),
                        _ => heard.bytes.len(),
                    };
                    if let Some(found) = pattern.find_grown(heard, self.known) {
                        self.forget(found.place, found.range.end);
                        self.captures = found.captures;
                        self.next_step();
                    } else if let Some((bytes, text)) = self.next_message() {
                        self.bytes = bytes;
                        self.text = text;
                        self.known = 0;
                    } else if now >= due {
                        let within = format!("within {}", TimeSpan(*within));
                        return Progress::Unmet {
                            message: self.unmet(label, &within),
                            exit: *exit,
                        };
                    } else {
                        self.known = looked_at;
                        return Progress::Pending;
                    }
                }
            }
        }
    }

    /// Takes that what came is used up to `end`. What the other form of it holds cannot be told from
    /// the place in one of them, and counts as used up too.
    fn forget(&mut self, place: Place, end: usize) {
        self.known = 0;
        match place {
            Place::Text => {
                self.text.drain(..end.min(self.text.len()));
                self.bytes.clear();
            }
            Place::Bytes => {
                self.bytes.drain(..end.min(self.bytes.len()));
                self.text.clear();
            }
        }
    }

    fn next_step(&mut self) {
        self.index += 1;
        self.known = 0;
        self.deadline = None;
    }

    /// Begins the next round when it is due; `None` once it has begun.
    fn end_round(&mut self, now: Time) -> Option<Progress> {
        if self.is_ending || !self.script.has_round(self.round + 1) {
            return Some(Progress::Done {
                expected: self.script.expects(),
            });
        }
        let pause = self.script.every.unwrap_or_default();
        let due = self.began.unwrap_or(now) + pause;
        if now < due {
            self.deadline = Some(due);
            return Some(Progress::Pending);
        }
        self.round += 1;
        self.index = 0;
        self.deadline = None;
        // Rounds keep their beat; those that a slow answer made impossible are not made up for.
        self.began = Some(if now < due + pause { due } else { now });
        None
    }

    fn unmet(&self, label: &str, when: &str) -> String {
        let instead = self.came();
        format!("expected `{}` {when}; {instead}", VisibleLine(label))
    }

    /// What came in place of what is expected, in words.
    pub(crate) fn came(&self) -> String {
        let shown: String = if self.text.is_empty() {
            String::from_utf8_lossy(&self.bytes)
                .chars()
                .take(SHOWN)
                .collect()
        } else {
            self.text.chars().take(SHOWN).collect()
        };
        match (self.received, shown.is_empty()) {
            (0, _) if self.unfinished > 0 => format!(
                "{} bytes of an unfinished message came, does `--frame` fit?",
                self.unfinished
            ),
            (0, _) => "nothing came".to_owned(),
            (received, true) => format!("{received} bytes came, none after the last match"),
            (_, false) => format!("instead came `{}`", VisibleLine(&shown)),
        }
    }
}

#[cfg(test)]
mod tests;
