//! What the user changes while a conversation runs.

use std::sync::Arc;

use super::shaper::Shaper;
use super::{Peer, Session};
use crate::plan::{Plan, Shape, Shaping};
use crate::rule::{Captures, Responder};
use crate::text::charset::Charset;
use crate::time::Time;

impl Session {
    /// Goes on as `plan` says: framing, charsets, shape of what is sent. What the old framing still
    /// holds is told as a partial message. Other rules answer from here on: what the former ones owe
    /// is not sent, and lists wait to be started. The same rules, and the script, keep the charset that
    /// they began with, and what belongs to the link stays as it was opened.
    pub fn adopt(&mut self, now: Time, plan: Arc<Plan>) {
        if self.closed {
            return;
        }
        if plan.framing != self.plan.framing || plan.max_frame != self.plan.max_frame {
            self.heard = now;
            self.push_rest();
            let decoder = plan.framing.decoder(plan.max_frame);
            self.decoder = decoder.starting_at(self.received);
        }
        if self.only_echoes {
            // When it last heard something is known to nobody, and silence counts from here on.
            self.heard = now;
        }
        let is_same_rules = match (&plan.rules, &self.plan.rules) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (None, None) => true,
            _ => false,
        };
        let listened = self.listens_to_text;
        if !is_same_rules {
            self.responder = responder(&plan, &self.peer);
            self.listens_to_text = listens_to_text(&plan, self.responder.as_deref());
        }
        let listens_anew = listened != self.listens_to_text;
        if plan.text != self.plan.text || plan.framing != self.plan.framing || listens_anew {
            self.text = stream_decoder(&plan, self.listens_to_text);
        }
        if plan.shaping != self.plan.shaping {
            self.set_shaping(now, plan.shaping.clone());
        }
        self.plan = plan;
        self.look_for_echo();
    }

    /// Takes another way of cutting what is sent into writes, for what it holds as well. A datagram
    /// is neither cut nor joined: nothing changes there.
    pub fn set_shaping(&mut self, now: Time, shaping: Shaping) {
        if self.plan.shape() == Shape::Datagram {
            return;
        }
        match &mut self.shaper {
            Some(shaper) => {
                shaper.tell(now);
                shaper.reshape(shaping);
            }
            None => self.shaper = Some(Box::new(Shaper::new(shaping, now))),
        }
        self.look_for_echo();
    }

    /// Starts a list of the rules, by its place among them, from its first item; nothing where there
    /// is no such list.
    pub fn start_list(&mut self, now: Time, list: usize) {
        self.with_responder(
            |responder, peer, act| responder.start_list(now, list, peer, act),
            &[],
        );
    }

    /// Sends one item of a list; nothing where there is none at that place.
    pub fn send_item(&mut self, now: Time, list: usize, item: usize) {
        self.send_item_in_round(now, list, item, 1);
    }

    /// The same, as that of the list's round with this number from 1.
    pub fn send_item_in_round(&mut self, now: Time, list: usize, item: usize, round: u64) {
        let payload = self.plan.rules.as_ref().and_then(|rules| {
            let item = rules.lists().get(list)?.items.get(item)?;
            Some(item.payload.clone())
        });
        if let Some(payload) = payload {
            self.render(now, &payload, &Captures::default(), round);
        }
    }

    /// Stops every list that runs.
    pub fn stop_lists(&mut self) {
        let count = self
            .plan
            .rules
            .as_ref()
            .map_or(0, |rules| rules.lists().len());
        self.with_responder(
            |responder, _, _| (0..count).for_each(|list| responder.stop_list(list)),
            &[],
        );
    }
}

/// What answers a peer, where rules do.
pub(super) fn responder(plan: &Plan, peer: &Peer) -> Option<Box<Responder>> {
    let rules = plan.rules.clone()?;
    let charset = plan.text.unwrap_or(plan.text_out);
    let responder = Responder::new(rules, charset, peer.seed);
    Some(Box::new(responder.answering_in(plan.text_out)))
}

/// Whether rules or expectations need messages decoded.
pub(super) fn listens_to_text(plan: &Plan, responder: Option<&Responder>) -> bool {
    responder.is_some_and(Responder::needs_text)
        || (plan.script.needs_text() && plan.text != Some(Charset::UTF_8))
}

/// What decodes a raw stream for rules and expectations that look at text.
pub(super) fn stream_decoder(
    plan: &Plan,
    listens_to_text: bool,
) -> Option<Box<crate::text::charset::Decoder>> {
    plan.text
        .filter(|_| plan.is_raw_stream() && listens_to_text)
        .map(|set: Charset| Box::new(set.decoder()))
}
