//! What we say: to whom, by which way.

use std::net::IpAddr;

use bytes::Bytes;
use serde_json::json;
use sockpit_core::chat::circle::Way;
use sockpit_core::chat::partner::Partner;
use sockpit_core::event::{FaultKind, What};
use sockpit_core::plan::{MAX_UDP4_PAYLOAD, MAX_UDP6_PAYLOAD};
use sockpit_core::session::MessageError;
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::Target;
use tokio::time::Instant;

use super::super::drawing;
use super::{Conversation, KNOCK_PERIOD, To, fate_of, note_of};

impl Conversation<'_> {
    /// Says a line to whom lines go at present.
    pub(super) async fn say(&mut self, text: &str) {
        let numbers: Vec<u32> = match self.to {
            To::One(number) => vec![number],
            To::All => self.circle.iter().map(|partner| partner.number).collect(),
            To::Nobody => Vec::new(),
        };
        if numbers.is_empty() {
            return self
                .console
                .error("nobody is there yet, and nothing was sent; /add ADDR takes somebody");
        }
        self.has_said = true;
        self.stirred = Instant::now();
        for number in numbers {
            self.tell(number, text).await;
        }
    }

    /// Says something to one partner.
    async fn tell(&mut self, number: u32, text: &str) {
        let Some(partner) = self.circle.partner(number) else {
            return;
        };
        let is_aside = partner.is_spoken_to_aside();
        let peer = self.side_peers.get(&number).copied();
        let key = self.next_key;
        self.next_key += 1;
        let has_one = self.circle.iter().count() == 1;
        let to = (!has_one && self.to != To::All).then(|| self.circle.shown(number));
        let is_first = !matches!(self.to, To::All)
            || self.circle.iter().next().map(|it| it.number) == Some(number);
        let mut data = json!({
            "dir": "out",
            "partner": number,
            "addr": partner.addr.to_string(),
            "from": "",
            "text": text,
        });
        if let Some(to) = to {
            data["to"] = to.into();
        }
        if is_aside && is_first {
            data["key"] = key.into();
        }
        match (is_aside, peer, &self.sockets.side) {
            (true, Some(peer), Some(side)) => {
                if is_first {
                    self.note_first(note_of(drawing::MESSAGE, "", data)).await;
                }
                self.outstanding.insert(key, (number, text.to_owned()));
                if let Some(partner) = self.circle.partner_mut(number) {
                    partner.outstanding += 1;
                }
                let text = text.to_owned();
                let say = move |partner: &mut Partner, now| partner.say(now, key, &text);
                side.change(Target::Peer(peer), 0, say).await;
            }
            _ => {
                let said = note_of(drawing::MESSAGE, "", data);
                self.send_plain(number, text, is_first.then_some(said))
                    .await;
                self.knock_again(number).await;
            }
        }
    }

    /// Sends one datagram with nothing but the text; tells whether that could be. The note is
    /// told before it leaves.
    pub(super) async fn send_plain(
        &mut self,
        number: u32,
        text: &str,
        first: Option<What>,
    ) -> bool {
        let Some(partner) = self.circle.partner(number) else {
            return false;
        };
        let addr = partner.addr;
        let plan = &self.settings.plan;
        let bytes = match plan.text_out.encode(text) {
            Ok(bytes) => Bytes::copy_from_slice(&bytes),
            Err(error) => {
                self.fault(FaultKind::Text, error.to_string());
                return false;
            }
        };
        let most = match addr.is_ipv4() {
            true => MAX_UDP4_PAYLOAD,
            false => MAX_UDP6_PAYLOAD,
        };
        let len = bytes.len();
        let message = match plan.message(bytes) {
            _ if len > most => Err(MessageError::TooLong { len, most }),
            message => message,
        };
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                self.fault(FaultKind::Unsent, error.to_string());
                return false;
            }
        };
        match self.sockets.plain.reach(addr).await {
            Some(peer) => {
                if let Some(note) = first {
                    self.note_first(note).await;
                }
                self.sockets.plain.send(Target::Peer(peer), message).await
            }
            None => {
                let family = if addr.is_ipv4() { "IPv4" } else { "IPv6" };
                let message = format!("{addr} cannot be reached: no socket of ours is of {family}");
                self.fault(FaultKind::Unsent, message);
                false
            }
        }
    }

    /// Asks whether a partner is a Sockpit.
    pub(super) async fn knock(&mut self, number: u32) {
        let (Some(side), Some(addr)) = (&self.sockets.side, self.circle.side(number)) else {
            return;
        };
        let is_group = match addr.ip() {
            IpAddr::V4(ip) => ip.is_multicast() || ip.is_unspecified() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_multicast() || ip.is_unspecified(),
        };
        let is_known = |way| way != Way::Plain;
        if is_group
            || self
                .circle
                .partner(number)
                .is_some_and(|it| is_known(it.way))
        {
            return;
        }
        let Some(peer) = side.reach(addr).await else {
            return;
        };
        side.change(Target::Peer(peer), 0, Partner::knock).await;
        self.side_addrs.insert(peer, addr);
        self.side_peers.insert(number, peer);
        self.knocked.insert(number, Instant::now());
        if let Some(partner) = self.circle.partner_mut(number) {
            partner.way = Way::Asking;
        }
    }

    /// The same for one that did not answer, after a while. One that came by itself would have
    /// knocked.
    pub(super) async fn knock_again(&mut self, number: u32) {
        let is_due = |knocked: &Instant| knocked.elapsed() >= KNOCK_PERIOD;
        if self.knocked.get(&number).is_some_and(is_due) {
            self.knock(number).await;
        }
    }

    /// Sends what another way could not take, in its order.
    pub(super) async fn resend(&mut self, key: u64) {
        if let Some((number, text)) = self.settle(key) {
            let sent = fate_of(key, "sent");
            if !self.send_plain(number, &text, Some(sent)).await {
                self.fate(key, "unconfirmed");
            }
        }
    }

    /// Takes that a message has an outcome.
    pub(super) fn settle(&mut self, key: u64) -> Option<(u32, String)> {
        let (number, text) = self.outstanding.remove(&key)?;
        if let Some(partner) = self.circle.partner_mut(number) {
            partner.outstanding = partner.outstanding.saturating_sub(1);
        }
        self.stirred = Instant::now();
        Some((number, text))
    }

    /// How a partner is named in a sentence.
    pub(super) fn called(&self, number: u32) -> String {
        VisibleLine(&self.circle.shown(number)).to_string()
    }
}
