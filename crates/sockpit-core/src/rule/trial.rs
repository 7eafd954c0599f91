//! What rules would answer, tried without a link and in virtual time.

use std::sync::Arc;
use std::time::Duration;

use super::{Action, Message, Peer, Responder, Rules};
use crate::text::charset::Charset;
use crate::time::Time;

/// Answers that are shown; endless ones would never be done.
const MOST_STEPS: usize = 200;

/// How far into the future is looked.
const HORIZON: Duration = Duration::from_secs(3600);

/// What came of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// What would be done, in order.
    pub steps: Vec<TrialStep>,
    /// The rules that fitted, by their places from 0, each once, in the order of the file.
    pub matched: Vec<usize>,
    /// Whether more would be done than is shown.
    pub goes_on: bool,
}

/// One thing that would be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialStep {
    /// When, from the first message on.
    pub at: Time,
    /// By which rule, by its place from 0.
    pub rule: usize,
    /// What.
    pub act: TrialAct,
}

/// What a rule would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialAct {
    /// Send these bytes as a message.
    Send(Vec<u8>),
    /// End the conversation.
    Close,
    /// Nothing, because something is wrong.
    Fault(String),
}

impl Rules {
    /// Tries what they answer to `messages`, one right after the other, in a charset for each
    /// direction. Lists are not started.
    #[must_use]
    pub fn try_on(&self, messages: &[&[u8]], charsets: [Charset; 2], peer: &Peer<'_>) -> Trial {
        let rules = Arc::new(self.clone().counted());
        let [input, output] = charsets;
        // A seed is as good as another where somebody looks at one draw.
        let mut responder = Responder::new(rules.clone(), input, 1).answering_in(output);
        let mut steps = Vec::new();
        let mut goes_on = false;
        let mut push = |at: Time, heard: &[u8], action: Action| {
            let act = match action {
                Action::Send(bytes) => TrialAct::Send(bytes.to_vec()),
                Action::Echo => TrialAct::Send(heard.to_vec()),
                Action::Close => TrialAct::Close,
                Action::Fault(withheld) => TrialAct::Fault(withheld.to_string()),
            };
            let rule = rules.hits().map(super::Hits::speaking);
            let rule = rule.unwrap_or_default();
            if steps.len() < MOST_STEPS {
                steps.push(TrialStep { at, rule, act });
            } else {
                goes_on = true;
            }
            steps.len()
        };
        for bytes in messages {
            let message = Message { bytes, text: None };
            responder.handle_message(Time::ZERO, message, peer, &mut |action| {
                push(Time::ZERO, bytes, action);
            });
        }
        let mut is_cut = false;
        while let Some(due) = responder.deadline() {
            let mut count = 0;
            if due > Time::ZERO + HORIZON {
                is_cut = true;
                break;
            }
            responder.handle_timeout(due, peer, &mut |action| {
                count = push(due, &[], action);
            });
            if count >= MOST_STEPS {
                is_cut = responder.deadline().is_some();
                break;
            }
        }
        let counts = rules.hits().map(super::Hits::counts).unwrap_or_default();
        let fitted = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        Trial {
            matched: fitted.map(|(place, _)| place).collect(),
            steps,
            goes_on: goes_on || is_cut,
        }
    }
}

#[cfg(test)]
mod tests;
