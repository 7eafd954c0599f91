//! What the user changes while a conversation runs.

use std::sync::Arc;

use super::Session;
use super::shaper::Shaper;
use crate::plan::{Plan, Shape, Shaping};
use crate::rule::Captures;
use crate::text::charset::Charset;
use crate::time::Time;

impl Session {
    /// Goes on as `plan` says: framing, charsets, shape of what is sent. What the old framing still
    /// holds is told as a partial message. Rules and the script keep the charset that they began
    /// with, and what belongs to the link stays as it was opened.
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
        if plan.text != self.plan.text || plan.framing != self.plan.framing {
            self.text = stream_decoder(&plan, self.listens_to_text);
        }
        if plan.shaping != self.plan.shaping {
            self.set_shaping(now, plan.shaping.clone());
        }
        if plan.shaping != self.plan.shaping {
            self.set_shaping(now, plan.shaping.clone());
        }
        self.plan = plan;
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
        let payload = self.plan.rules.as_ref().and_then(|rules| {
            let item = rules.lists().get(list)?.items.get(item)?;
            Some(item.payload.clone())
        });
        if let Some(payload) = payload {
            self.render(now, &payload, &Captures::default());
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

/// What decodes a raw stream for rules and expectations that look at text.
pub(super) fn stream_decoder(
    plan: &Plan,
    listens_to_text: bool,
) -> Option<Box<crate::text::charset::Decoder>> {
    plan.text
        .filter(|_| plan.is_raw_stream() && listens_to_text)
        .map(|set: Charset| Box::new(set.decoder()))
}
