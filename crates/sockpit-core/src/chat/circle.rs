//! The partners of a chat: who they are, whose a datagram is, and by which way they are spoken to.
//!
//! A partner is where its program listens. Many programs of beginners have two sockets: they listen
//! on the port that the user was told and send from another, which the system gives. So what comes
//! from a partner's machine, from a port that nobody knows, is that partner's *voice*, as long as
//! the partner was never heard from its own port; answers go to the port that was told.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::partner::{side_of, with_port};

/// Partners that come by themselves; addresses cost their senders nothing.
pub const MAX_ADOPTED: usize = 256;

/// Ports of one partner that are remembered as its voices.
const MAX_VOICES: usize = 64;

/// How a partner is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// It is not known yet whether a Sockpit is there: it is being asked.
    Asking,
    /// It is any program: one datagram a message.
    #[default]
    Plain,
    /// It is a Sockpit.
    Sockpit,
}

/// One partner.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Its number, from 1.
    pub number: u32,
    /// Where it listens.
    pub addr: SocketAddr,
    /// How it is spoken to.
    pub way: Way,
    /// Messages that were given to its conversation as a Sockpit, and have no outcome yet.
    pub outstanding: usize,
    name: String,
    /// Whether the user named its address, so that it has a voice.
    is_given: bool,
    has_own_voice: bool,
    voices: BTreeSet<SocketAddr>,
}

/// All partners.
#[derive(Debug, Default)]
pub struct Circle {
    partners: Vec<Partner>,
}

/// Why nobody, or not just one, is meant by some words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Nobody is.
    #[error("nobody is called `{word}`; `/who` lists the partners")]
    Nobody {
        /// What was said.
        word: String,
    },
    /// Several are.
    #[error("several are called `{word}`; say the number, as `/who` lists it")]
    Several {
        /// What was said.
        word: String,
    },
}

impl Circle {
    /// Takes a partner that announced itself; `None` where there are too many.
    pub fn take_announced(&mut self, addr: SocketAddr) -> Option<u32> {
        let is_full = self.partners.len() >= 2 * MAX_ADOPTED;
        (!is_full || self.at(addr).is_some()).then(|| self.give(addr))
    }

    /// Takes a partner whose address the user named; gives its number.
    pub fn give(&mut self, addr: SocketAddr) -> u32 {
        let addr = canonical(addr);
        if let Some(partner) = self.partners.iter_mut().find(|it| it.addr == addr) {
            partner.is_given = true;
            return partner.number;
        }
        self.add(addr, true)
    }

    /// Whose a datagram is that came to the chat's port, and whether that partner is new; `None`
    /// where there are too many.
    pub fn hear(&mut self, from: SocketAddr) -> Option<(u32, bool)> {
        let from = canonical(from);
        if let Some(partner) = self.partners.iter_mut().find(|it| it.addr == from) {
            partner.has_own_voice = true;
            return Some((partner.number, false));
        }
        let is_voice = |partner: &&mut Partner| partner.voices.contains(&from);
        if let Some(partner) = self.partners.iter_mut().find(is_voice) {
            return Some((partner.number, false));
        }
        let may_be = |partner: &&mut Partner| {
            let is_there = same_host(partner.addr.ip(), from.ip());
            partner.is_given && !partner.has_own_voice && partner.way != Way::Sockpit && is_there
        };
        let mut candidates = self.partners.iter_mut().filter(may_be);
        if let (Some(partner), None) = (candidates.next(), candidates.next()) {
            if partner.voices.len() >= MAX_VOICES {
                // A program that takes a new port for each message; the old ones are past.
                partner.voices.pop_first();
            }
            partner.voices.insert(from);
            return Some((partner.number, false));
        }
        if self.partners.iter().filter(|it| !it.is_given).count() >= MAX_ADOPTED {
            return None;
        }
        Some((self.add(from, false), true))
    }

    /// Takes that a Sockpit answers at a side port; gives its number and whether it is new.
    pub fn meet(&mut self, chat: SocketAddr, name: &str) -> Option<(u32, bool)> {
        let chat = canonical(chat);
        let known = self.partners.iter().find(|it| it.addr == chat);
        let (number, is_new) = match known {
            Some(partner) => (partner.number, false),
            None if self.partners.len() >= 2 * MAX_ADOPTED => return None,
            None => (self.add(chat, false), true),
        };
        if let Some(partner) = self.partner_mut(number) {
            partner.way = Way::Sockpit;
            partner.name = clean(name);
        }
        Some((number, is_new))
    }

    /// Where it may be asked whether a partner is a Sockpit; `None` where something else is known
    /// to be there, which must not get our protocol.
    #[must_use]
    pub fn side(&self, number: u32) -> Option<SocketAddr> {
        let side = with_port(self.partner(number)?.addr, side_of);
        let is_taken = |partner: &Partner| partner.addr == side || partner.voices.contains(&side);
        (!self.partners.iter().any(is_taken)).then_some(side)
    }

    /// Who is meant: a number, a name as it is shown, or an address.
    ///
    /// # Errors
    ///
    /// Returns a [`FindError`] where that is nobody, or not just one.
    pub fn find(&self, word: &str) -> Result<u32, FindError> {
        let word = word.trim();
        let bare = word.strip_prefix('#').unwrap_or(word);
        if let Some(partner) = bare.parse().ok().and_then(|number| self.partner(number)) {
            return Ok(partner.number);
        }
        let addr = word.strip_prefix("udp://").unwrap_or(word);
        if let Some(partner) = addr
            .parse()
            .ok()
            .and_then(|addr| self.partners.iter().find(|it| it.addr == canonical(addr)))
        {
            return Ok(partner.number);
        }
        let shown = self
            .partners
            .iter()
            .find(|it| self.shown(it.number) == word);
        if let Some(partner) = shown {
            return Ok(partner.number);
        }
        let folded = word.to_lowercase();
        let is_called = |partner: &&Partner| {
            partner.name.to_lowercase() == folded || partner.addr.ip().to_string() == word
        };
        let mut called = self.partners.iter().filter(is_called);
        let word = word.to_owned();
        match (called.next(), called.next()) {
            (Some(partner), None) => Ok(partner.number),
            (None, _) => Err(FindError::Nobody { word }),
            _ => Err(FindError::Several { word }),
        }
    }

    /// What a partner is shown as: its name, with its number where another has the same one, or its
    /// address.
    #[must_use]
    pub fn shown(&self, number: u32) -> String {
        let Some(partner) = self.partner(number) else {
            return String::new();
        };
        if partner.name.is_empty() {
            return partner.addr.to_string();
        }
        let folded = partner.name.to_lowercase();
        let is_same =
            |other: &Partner| other.number != number && other.name.to_lowercase() == folded;
        if self.partners.iter().any(is_same) {
            format!("{}#{number}", partner.name)
        } else {
            partner.name.clone()
        }
    }

    /// Calls a partner so.
    pub fn name(&mut self, number: u32, name: &str) {
        if let Some(partner) = self.partner_mut(number) {
            partner.name = clean(name);
        }
    }

    /// A partner.
    #[must_use]
    pub fn partner(&self, number: u32) -> Option<&Partner> {
        self.partners.iter().find(|it| it.number == number)
    }

    /// A partner, to be changed.
    pub fn partner_mut(&mut self, number: u32) -> Option<&mut Partner> {
        self.partners.iter_mut().find(|it| it.number == number)
    }

    /// The partner with this address.
    #[must_use]
    pub fn at(&self, addr: SocketAddr) -> Option<u32> {
        let addr = canonical(addr);
        let partner = self.partners.iter().find(|it| it.addr == addr)?;
        Some(partner.number)
    }

    /// All, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Partner> {
        self.partners.iter()
    }

    fn add(&mut self, addr: SocketAddr, is_given: bool) -> u32 {
        let last = self.partners.last().map_or(0, |partner| partner.number);
        let number = last.saturating_add(1);
        self.partners.push(Partner {
            number,
            addr,
            way: Way::default(),
            outstanding: 0,
            name: String::new(),
            is_given,
            has_own_voice: !is_given,
            voices: BTreeSet::new(),
        });
        number
    }
}

impl Partner {
    /// What it calls itself; empty where it does not.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether what it is told goes to its conversation as a Sockpit: also while that has something
    /// of ours, so that nothing overtakes it.
    #[must_use]
    pub const fn is_spoken_to_aside(&self) -> bool {
        !matches!(self.way, Way::Plain) || self.outstanding > 0
    }
}

/// A name without what could pass for something else: another's mark, or a control character.
fn clean(name: &str) -> String {
    let is_kept = |character: &char| *character != '#' && !character.is_control();
    name.chars()
        .filter(is_kept)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// An IPv4 address as an IPv6 socket says it is the IPv4 address.
fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V6(v6) if v6.ip().to_ipv4_mapped().is_some() => {
            SocketAddr::new(addr.ip().to_canonical(), addr.port())
        }
        _ => addr,
    }
}

/// Whether two addresses are of one machine. A loopback address may answer with another one.
fn same_host(one: IpAddr, other: IpAddr) -> bool {
    one == other || (one.is_loopback() && other.is_loopback() && one.is_ipv4() == other.is_ipv4())
}

#[cfg(test)]
mod tests;
