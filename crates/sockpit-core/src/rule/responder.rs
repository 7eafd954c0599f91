//! What rules come to in one conversation.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::pattern::{Captures, Message};
use super::payload::{Charsets, Payload, Peer, Scope};
use super::random::Random;
use super::{Answer, Repeat, Rule, Rules};
use crate::event::FaultKind;
use crate::text::charset::{Charset, EncodeError};
use crate::time::Time;

mod pending;
mod upper;

use pending::{AnswerJob, ItemJob, Job, PENDING_BYTES, PENDING_LIMIT, Pending};

/// Answers the messages of one conversation by rules, and runs their lists.
///
/// It follows the contract of a [machine](crate::machine::Machine) for time; what to do is given to
/// the function `act`, in order. After [`Action::Close`] it does nothing any more.
#[derive(Debug)]
pub struct Responder {
    rules: Arc<Rules>,
    state: State,
}

/// What a responder wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes as a message.
    Send(Bytes),
    /// Send the message back that was just handed in, as it came.
    Echo,
    /// End the conversation once everything before is sent.
    Close,
    /// Nothing was sent, because something was wrong.
    Fault(Withheld),
}

/// Why an answer was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Withheld {
    /// What the peer sent cannot be said in the charset of the answer.
    #[error("{rule} did not answer: {error}")]
    Text {
        /// Which rule or list, as people call it.
        rule: String,
        /// What cannot be said.
        error: EncodeError,
    },
    /// Too many answers wait for their time.
    #[error("{rule} did not answer: more than {PENDING_LIMIT} answers or {} MiB of them wait for their time", PENDING_BYTES >> 20)]
    Pending {
        /// Which rule, as people call it.
        rule: String,
    },
}

impl Withheld {
    /// Which sort of fault it is.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Text { .. } => FaultKind::Text,
            Self::Pending { .. } => FaultKind::Limit,
        }
    }
}

impl Responder {
    /// Starts a conversation in a charset. `seed` decides what `${random}` gives.
    #[must_use]
    pub fn new(rules: Arc<Rules>, charset: Charset, seed: u64) -> Self {
        let charsets = Charsets {
            input: charset,
            output: charset,
        };
        let state = State {
            charsets,
            needs_text: charset != Charset::UTF_8 && rules.needs_text(),
            random: Random::new(seed),
            counters: Vec::new(),
            pending: Pending::default(),
            is_closed: false,
        };
        Self { rules, state }
    }

    /// The same, where answers have a charset of their own (`--text-out`).
    #[must_use]
    pub fn answering_in(mut self, charset: Charset) -> Self {
        self.state.charsets.output = charset;
        // Between two charsets, what a rule catches must be known as text.
        self.state.needs_text =
            !self.state.charsets.are_utf_8() && self.rules.rules.iter().any(Rule::may_need_text);
        self
    }

    /// Takes the opening of the conversation: lists with `start = true` begin.
    pub fn handle_open(
        &mut self,
        now: Time,
        peer: &Peer<'_>,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) {
        for index in 0..self.rules.lists.len() {
            if self.rules.lists[index].start {
                self.state.pending.start_list(&self.rules, index, now);
            }
        }
        self.handle_timeout(now, peer, act);
    }

    /// Takes a message: the first rule that fits answers it, and those after it as long as rules
    /// say `continue = true`.
    pub fn handle_message(
        &mut self,
        now: Time,
        message: Message<'_>,
        peer: &Peer<'_>,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) {
        if self.state.is_closed {
            return;
        }
        let decoded;
        let text = match message.text {
            _ if !self.state.needs_text => None,
            Some(text) => Some(text),
            None => {
                decoded = self.state.charsets.input.decode(message.bytes).text;
                Some(decoded.as_str())
            }
        };
        let message = Message { text, ..message };
        for (index, rule) in self.rules.rules.iter().enumerate() {
            let captures = if rule.needs_captures() {
                rule.pattern.find(message).map(|found| found.captures)
            } else {
                rule.pattern.is_match(message).then(Captures::default)
            };
            let Some(captures) = captures else { continue };
            if let Some(hits) = self.rules.hits() {
                hits.add(index);
            }
            let ask = Ask {
                now,
                message,
                captures: &captures,
                peer,
            };
            self.state.take_match(index, rule, &ask, act);
            if self.state.is_closed || !rule.continues {
                break;
            }
        }
    }

    /// Takes the passing of time: answers and items that are due are sent.
    pub fn handle_timeout(
        &mut self,
        now: Time,
        peer: &Peer<'_>,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) {
        while !self.state.is_closed
            && let Some((due, job)) = self.state.pending.pop(now)
        {
            match job {
                Job::Answer(job) => {
                    self.state
                        .answer_later(&self.rules, &Turn { due, now, peer }, job, act);
                }
                Job::Item(job) => {
                    self.state
                        .send_item(&self.rules, &Turn { due, now, peer }, job, act);
                }
            }
        }
    }

    /// Takes the end of the peer's stream: what is promised without end is over, since the peer
    /// asks for nothing more; what is counted is still sent.
    pub fn handle_end(&mut self) {
        self.state.pending.stop_endless(&self.rules);
    }

    /// Starts a list, from its first item if it is running; nothing where there is no such list.
    pub fn start_list(
        &mut self,
        now: Time,
        index: usize,
        peer: &Peer<'_>,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) {
        if !self.state.is_closed && index < self.rules.lists.len() {
            self.state.pending.start_list(&self.rules, index, now);
            self.handle_timeout(now, peer, act);
        }
    }

    /// Stops a list; nothing where it is not running.
    pub fn stop_list(&mut self, index: usize) {
        self.state.pending.stop_list(index);
    }

    /// Fills in a step of the script; `captures` are those of the last expectation.
    ///
    /// # Errors
    ///
    /// The charset has not all of it.
    pub fn render(
        &mut self,
        now: Time,
        payload: &Payload,
        captures: &Captures,
        peer: &Peer<'_>,
    ) -> Result<Bytes, EncodeError> {
        self.render_in_round(now, payload, captures, peer, 1)
    }

    /// The same for what is sent again and again: `count` is what `${counter}` says.
    ///
    /// # Errors
    ///
    /// The charset has not all of it.
    pub fn render_in_round(
        &mut self,
        now: Time,
        payload: &Payload,
        captures: &Captures,
        peer: &Peer<'_>,
        count: u64,
    ) -> Result<Bytes, EncodeError> {
        let message = Message {
            bytes: &[],
            text: None,
        };
        let ask = Ask {
            now,
            message,
            captures,
            peer,
        };
        self.state.render(payload, &ask, count)
    }

    /// When it wants to be told the time.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        if self.state.is_closed {
            None
        } else {
            self.state.pending.deadline()
        }
    }

    /// Whether all that comes of any message is that it is sent back at once, as it came.
    #[must_use]
    pub fn only_echoes(&self) -> bool {
        let first = self.rules.rules.first();
        first.is_some_and(Rule::only_echoes) && self.rules.hits().is_none()
    }

    /// Whether messages must be decoded for it; where nobody did, it does so itself.
    #[must_use]
    pub const fn needs_text(&self) -> bool {
        self.state.needs_text
    }
}

/// What an answer is made from.
struct Ask<'a> {
    now: Time,
    message: Message<'a>,
    captures: &'a Captures,
    peer: &'a Peer<'a>,
}

/// The time of a job that is due.
struct Turn<'a> {
    due: Time,
    now: Time,
    peer: &'a Peer<'a>,
}

#[derive(Debug)]
struct State {
    charsets: Charsets,
    needs_text: bool,
    random: Random,
    /// How often each rule has sent its payload; shorter than the rules until one counts.
    counters: Vec<u64>,
    pending: Pending,
    is_closed: bool,
}

impl State {
    fn take_match(
        &mut self,
        index: usize,
        rule: &Rule,
        ask: &Ask<'_>,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) {
        // A rule repeats one answer at a time: a peer that asks again gets it from the beginning.
        if rule.repeat.is_some() {
            self.pending.stop_answer(index);
        }
        let left = rule
            .repeat
            .map_or(Some(1), |repeat| repeat.count.map(NonZeroU32::get));
        if !rule.delay.is_zero() {
            let job = AnswerJob::new(index, rule, ask, left);
            self.delay(rule, ask.now + rule.delay, job, act);
            return;
        }
        let is_sent = match rule.answer {
            Answer::Echo => {
                act(Action::Echo);
                true
            }
            _ => self.answer(index, rule, ask, act),
        };
        match rule.repeat {
            Some(repeat) if is_sent && left != Some(1) => {
                let job = AnswerJob::new(index, rule, ask, left.map(|left| left.saturating_sub(1)));
                self.delay(rule, ask.now + repeat.every, job, act);
            }
            _ => self.close_after(rule, act),
        }
    }

    fn answer_later(
        &mut self,
        rules: &Rules,
        turn: &Turn<'_>,
        mut job: AnswerJob,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) {
        let Some(rule) = rules.rules.get(job.rule) else {
            return;
        };
        if let Some(hits) = rules.hits() {
            hits.speak(job.rule);
        }
        let message = Message {
            bytes: &job.bytes,
            text: job.text.as_deref(),
        };
        let Turn { due, now, peer } = *turn;
        let ask = Ask {
            now,
            message,
            captures: &job.captures,
            peer,
        };
        let is_sent = self.answer(job.rule, rule, &ask, act);
        job.left = job.left.map(|left| left.saturating_sub(1));
        match rule.repeat {
            Some(repeat) if is_sent && job.left != Some(0) => {
                self.pending
                    .push(next_beat(due, now, repeat), Job::Answer(job));
            }
            _ => self.close_after(rule, act),
        }
    }

    /// Whether the answer could be given.
    fn answer(
        &mut self,
        index: usize,
        rule: &Rule,
        ask: &Ask<'_>,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) -> bool {
        let sent = match &rule.answer {
            Answer::Nothing => return true,
            Answer::Echo => Bytes::copy_from_slice(ask.message.bytes),
            Answer::Upper => upper::upper(ask.message, self.charsets),
            Answer::Payload(payload) => {
                let count = if payload.counts() {
                    self.count(index)
                } else {
                    0
                };
                match self.render(payload, ask, count) {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        act(Action::Fault(Withheld::Text {
                            rule: rule.called(index),
                            error,
                        }));
                        return false;
                    }
                }
            }
        };
        act(Action::Send(sent));
        true
    }

    fn send_item(
        &mut self,
        rules: &Rules,
        turn: &Turn<'_>,
        mut job: ItemJob,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) {
        let Some(list) = rules.lists.get(job.list) else {
            return;
        };
        let Some(item) = list.items.get(job.item) else {
            return;
        };
        let message = Message {
            bytes: &[],
            text: None,
        };
        let Turn { due, now, peer } = *turn;
        let ask = Ask {
            now,
            message,
            captures: &Captures::default(),
            peer,
        };
        match self.render(&item.payload, &ask, job.round) {
            Ok(bytes) => act(Action::Send(bytes)),
            Err(error) => {
                let rule = format!("the list `{}`", list.name);
                act(Action::Fault(Withheld::Text { rule, error }));
            }
        }
        job.item += 1;
        if job.item == list.items.len() {
            job.item = 0;
            job.round += 1;
            if list
                .rounds
                .is_some_and(|rounds| job.round > u64::from(rounds.get()))
            {
                return;
            }
        }
        if let Some(next) = list.items.get(job.item) {
            // Items that are late do not pile up, but keep their distances from here on.
            self.pending
                .push((due + next.delay).max(now), Job::Item(job));
        }
    }

    fn delay(
        &mut self,
        rule: &Rule,
        due: Time,
        job: AnswerJob,
        act: &mut (impl FnMut(Action) + ?Sized),
    ) {
        if self.pending.has_room(job.len()) {
            self.pending.push(due, Job::Answer(job));
        } else {
            act(Action::Fault(Withheld::Pending {
                rule: rule.called(job.rule),
            }));
        }
    }

    fn close_after(&mut self, rule: &Rule, act: &mut (impl FnMut(Action) + ?Sized)) {
        if rule.closes {
            self.is_closed = true;
            self.pending = Pending::default();
            act(Action::Close);
        }
    }

    fn render(
        &mut self,
        payload: &Payload,
        ask: &Ask<'_>,
        count: u64,
    ) -> Result<Bytes, EncodeError> {
        payload.render(&mut Scope {
            charsets: self.charsets,
            message: ask.message,
            captures: ask.captures,
            peer: ask.peer,
            now: ask.now,
            count,
            random: &mut self.random,
        })
    }

    fn count(&mut self, index: usize) -> u64 {
        if self.counters.len() <= index {
            self.counters.resize(index + 1, 0);
        }
        let counter = &mut self.counters[index];
        *counter = counter.saturating_add(1);
        *counter
    }
}

/// The next moment of a rhythm that began before `due` and is kept: what was missed is left out.
fn next_beat(due: Time, now: Time, repeat: Repeat) -> Time {
    let every = repeat.every.as_nanos().max(1);
    let missed = (now - due).as_nanos() / every;
    let beats = u64::try_from((missed + 1) * every).unwrap_or(u64::MAX);
    due + Duration::from_nanos(beats)
}

impl Rule {
    fn needs_captures(&self) -> bool {
        matches!(&self.answer, Answer::Payload(payload) if payload.needs_captures())
    }

    fn needs_message(&self) -> bool {
        match &self.answer {
            Answer::Nothing => false,
            Answer::Echo | Answer::Upper => true,
            Answer::Payload(payload) => payload.needs_message(),
        }
    }

    fn only_echoes(&self) -> bool {
        self.answer == Answer::Echo
            && self.pattern.is_any()
            && self.delay.is_zero()
            && self.repeat.is_none()
            && !self.closes
            && !self.continues
    }

    fn may_need_text(&self) -> bool {
        self.pattern.needs_text() || (self.answer != Answer::Echo && self.needs_message())
    }

    /// What people call it.
    fn called(&self, index: usize) -> String {
        match &self.name {
            Some(name) => format!("the rule `{name}`"),
            None => format!("rule {}", index + 1),
        }
    }
}

#[cfg(test)]
mod tests;
