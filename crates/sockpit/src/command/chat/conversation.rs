//! The conversation: what is typed goes out, what comes is shown, until it is over.

mod hearing;
mod speaking;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sockpit_core::chat::announce::{Announcement, Neighbours};
use sockpit_core::chat::circle::{Circle, Way};
use sockpit_core::chat::partner::Me;
use sockpit_core::event::{FaultKind, What};
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::Time;
use sockpit_engine::bus::{Tap, TapLimit};
use sockpit_engine::stdio::Patient;
use sockpit_engine::{Handle, Target, addresses_to_connect, cause_text};
use tokio::time::Instant;

use super::command::{COMMANDS, Line};
use super::drawing;
use super::input::{Input, Taken};
use super::run::Sockets;
use super::settings::{Settings, address_of, check_name};
use crate::console::{Company, Console, Output};
use crate::exit::{Exit, sentence};
use crate::signals::Signals;

/// The conversation reads its events at once; sessions wait for it where it does not.
pub(super) const LIMIT: TapLimit = TapLimit {
    bytes: 4 * 1024 * 1024,
    patience: None,
};

/// How often it is looked who is gone.
const BEAT: Duration = Duration::from_secs(1);

/// One who was no Sockpit is asked again after this long, when there is something to say.
const KNOCK_PERIOD: Duration = Duration::from_secs(2);

/// Whom a line goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    /// Nobody is there yet.
    Nobody,
    One(u32),
    All,
}

/// A chat.
pub(super) struct Conversation<'a> {
    settings: &'a Settings,
    handle: &'a Handle,
    console: &'a Console,
    sockets: Sockets,
    tap: Tap,
    me: Me,
    circle: Circle,
    neighbours: Neighbours,
    company: Company,
    /// What there is to say; an editor stays until everything is shown.
    input: Input,
    to: To,
    /// Addresses of the peers of the plain session, and of the side session.
    plain_addrs: BTreeMap<u32, SocketAddr>,
    side_addrs: BTreeMap<u32, SocketAddr>,
    /// A partner's peer in the side session.
    side_peers: BTreeMap<u32, u32>,
    knocked: BTreeMap<u32, Instant>,
    /// What other Sockpits were given and have not answered: whose it is, and the text.
    outstanding: BTreeMap<u64, (u32, String)>,
    next_key: u64,
    /// When the latest datagram came, or the latest thing was said.
    stirred: Instant,
    /// Whether stdin gave anything.
    has_said: bool,
    /// Whether a message of ours did not leave, or nobody said that it came.
    has_failed: bool,
    /// Whether something of ours came to nothing, so that no answer is to be waited for where there
    /// is one partner.
    has_refused: bool,
    /// Whether it was told that strangers are not heard any more.
    has_refused_strangers: bool,
    now: Time,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        handle: &'a Handle,
        console: &'a Console,
        sockets: Sockets,
        tap: Tap,
    ) -> Self {
        Self {
            settings,
            handle,
            console,
            sockets,
            tap,
            me: settings.me.clone(),
            circle: Circle::default(),
            neighbours: Neighbours::default(),
            company: Company::new(COMMANDS),
            input: Input::Over,
            to: To::Nobody,
            plain_addrs: BTreeMap::new(),
            side_addrs: BTreeMap::new(),
            side_peers: BTreeMap::new(),
            knocked: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            next_key: 1,
            stirred: Instant::now(),
            has_said: false,
            has_failed: false,
            has_refused: false,
            has_refused_strangers: false,
            now: Time::ZERO,
        }
    }

    /// Holds it, to its end.
    ///
    /// # Errors
    ///
    /// Says why a partner's name has no address, or stdin cannot be read.
    pub(super) async fn hold(
        &mut self,
        signals: &mut Signals,
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        for address in &self.settings.partners {
            let number = self.give(address).await?;
            self.to = match self.to {
                To::Nobody => To::One(number),
                To::One(other) if other == number => self.to,
                _ => To::All,
            };
        }
        self.announce(true).await;
        self.input =
            match self.settings.edits_lines {
                true => Input::edited(&self.company, &self.prompt())?,
                false => Input::piped(Patient::stdin().map_err(|error| {
                    anyhow::anyhow!("cannot read stdin: {}", cause_text(&error))
                })?),
            };
        let mut beat = tokio::time::interval(BEAT);
        loop {
            // What is piped waits for somebody to take it, and for what was said before.
            let may_take = self.settings.is_typed
                || (self.to != To::Nobody && self.outstanding.len() < MOST_OUTSTANDING);
            let quiet = self.stirred + self.settings.plan.wait;
            let is_over = self.input.is_over();
            let is_done = is_over && self.is_done();
            tokio::select! {
                biased;
                exit = signals.next() => return Ok(exit),
                () = output.closed() => return Ok(Exit::Done),
                event = self.tap.next() => match event {
                    Some(event) => self.hear(&event).await,
                    None => return Ok(Exit::Done),
                },
                taken = self.input.next(), if may_take => {
                    match self.take(taken).await? {
                        After::More => {}
                        After::End => self.input = Input::Over,
                        After::Leave => return Ok(Exit::Done),
                    }
                    self.input.ask(|| self.prompt());
                },
                _ = beat.tick() => self.beat().await,
                () = tokio::time::sleep_until(quiet), if is_over && quiet > Instant::now() => {}
                // What is heard until then may say that it is not.
                () = self.handle.catch_up(), if is_done => return Ok(self.exit().await),
            }
        }
    }

    /// Says goodbye to those who understand it.
    pub(super) async fn leave(&mut self) {
        self.input.close();
        self.announce(false).await;
        if let Some(side) = &self.sockets.side {
            side.change(Target::All, 0, |partner, _| partner.leave())
                .await;
            side.close();
            side.outcome().await;
        }
        if let Some(discovery) = &self.sockets.discovery {
            discovery.end().await;
        }
        self.sockets.plain.close();
        self.sockets.plain.outcome().await;
    }

    /// Gives what has to stay until the last line is shown.
    pub(super) fn end(self) -> Input {
        self.input
    }

    /// What the end of piped input comes to.
    async fn exit(&self) -> Exit {
        self.sockets.plain.close();
        let outcome = self.sockets.plain.outcome().await;
        let exit = Exit::of(&outcome, &self.settings.plan);
        match exit {
            Exit::Done if self.has_failed => Exit::Network,
            exit => exit,
        }
    }

    /// Whether a chat whose input has ended is over: nothing came for a while, or can come. One that
    /// waits for whoever comes, and has said nothing, is not.
    fn is_done(&self) -> bool {
        let was_for_somebody = !self.settings.partners.is_empty() || self.has_said;
        let is_in_vain = self.has_refused && self.settings.partners.len() == 1;
        let is_quiet = self.stirred + self.settings.plan.wait <= Instant::now();
        was_for_somebody && self.outstanding.is_empty() && (is_quiet || is_in_vain)
    }

    async fn take(&mut self, taken: Taken) -> anyhow::Result<After> {
        match taken {
            Taken::Line(line) if self.settings.is_typed => {
                let line = String::from_utf8_lossy(&line).into_owned();
                return Ok(self.obey(Line::read(&line)).await);
            }
            Taken::Line(line) => match String::from_utf8(line) {
                Ok(text) => self.say(&text).await,
                Err(_) => {
                    anyhow::bail!(
                        "a line of stdin is not UTF-8; `sockpit decode` turns other charsets into it"
                    )
                }
            },
            Taken::Pasted(text) => {
                for line in text.lines() {
                    self.say(line).await;
                }
            }
            Taken::End if self.settings.is_typed => return Ok(After::Leave),
            Taken::End => {
                self.stirred = Instant::now();
                return Ok(After::End);
            }
            Taken::Failed(why) => anyhow::bail!("cannot read stdin: {why}"),
        }
        Ok(After::More)
    }

    async fn obey(&mut self, line: Line) -> After {
        match line {
            Line::Text(text) => self.say(&text).await,
            Line::To(word) => match self.circle.find(&word) {
                Ok(number) => {
                    self.to = To::One(number);
                    let shown = self.circle.shown(number);
                    self.notice(&format!("what you type goes to {}", VisibleLine(&shown)));
                }
                Err(error) => self.console.error(&error.to_string()),
            },
            Line::All => {
                self.to = To::All;
                let count = self.circle.iter().count();
                self.notice(&format!("what you type goes to all, {count} at present"));
            }
            Line::Who => self.list(),
            Line::Add(word) => match address_of(&word) {
                Ok(address) => match self.give(&address).await {
                    Ok(number) => {
                        self.to = To::One(number);
                        let shown = self.circle.shown(number);
                        self.notice(&format!("what you type goes to {}", VisibleLine(&shown)));
                    }
                    Err(error) => self.console.error(&sentence(&error)),
                },
                Err(error) => self.console.error(&sentence(&error)),
            },
            Line::Name(name) => match check_name(&name) {
                Ok(name) => self.rename(name).await,
                Err(error) => self.console.error(&sentence(&error)),
            },
            Line::Help => self.company.help(self.console),
            Line::Quit => return After::Leave,
            Line::Wrong(why) => self.console.error(&why),
        }
        After::More
    }

    async fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.me.name);
        if let Some(side) = &self.sockets.side {
            let name = name.to_owned();
            let rename = move |partner: &mut sockpit_core::chat::partner::Partner, _| {
                partner.rename(&name);
            };
            side.change(Target::All, 0, rename).await;
        }
        self.announce(true).await;
        self.notice(&format!("you are {} to other Sockpits", VisibleLine(name)));
    }

    /// Takes a partner that was named, and asks whether it is a Sockpit.
    async fn give(&mut self, address: &sockpit_core::endpoint::Address) -> anyhow::Result<u32> {
        let family = self.settings.plan.socket.family;
        let found = addresses_to_connect(address, family).await?;
        // A name of both families is reached where programs of beginners are.
        let addr = found.iter().find(|addr| addr.is_ipv4()).or(found.first());
        let addr = *addr.expect("an endpoint resolves to at least one address");
        let number = self.circle.give(addr);
        self.knock(number).await;
        self.meet_company();
        Ok(number)
    }

    /// Says who we are to the local network, or that we leave.
    async fn announce(&self, is_here: bool) {
        if let Some(discovery) = &self.sockets.discovery {
            let announcement = Announcement {
                id: self.me.id,
                name: self.me.name.clone(),
                port: self.sockets.port,
                is_here,
            };
            discovery.cry(&announcement).await;
        }
    }

    async fn beat(&mut self) {
        let beat = Time::from_nanos(self.now.as_nanos().saturating_add(BEAT.as_nanos() as u64));
        self.now = beat;
        for gone in self.neighbours.expire(beat) {
            self.tell_gone(&gone);
        }
        if !self.settings.peers.is_empty() {
            let unanswered: Vec<u32> = self
                .circle
                .iter()
                .filter(|partner| partner.way == Way::Plain)
                .map(|partner| partner.number)
                .collect();
            for number in unanswered {
                self.knock_again(number).await;
            }
        }
    }

    fn list(&self) {
        if self.circle.iter().next().is_none() {
            self.console
                .say("nobody is there yet; /add ADDR takes somebody");
        }
        for partner in self.circle.iter() {
            let mark = match self.to {
                To::One(number) if number == partner.number => '*',
                To::All => '*',
                _ => ' ',
            };
            let kind = match partner.way {
                Way::Sockpit => "Sockpit",
                Way::Plain | Way::Asking => "any program",
            };
            let shown = self.circle.shown(partner.number);
            let (number, addr) = (partner.number, partner.addr);
            let shown = if partner.name().is_empty() {
                ""
            } else {
                &shown
            };
            self.console.say(&format!(
                "{mark} {number}  {addr}  {kind}  {}",
                VisibleLine(shown)
            ));
        }
    }

    /// What stands before the line that is typed: whom it goes to, where there is a choice.
    fn prompt(&self) -> String {
        let place = match self.to {
            _ if self.circle.iter().nth(1).is_none() => String::new(),
            To::Nobody => String::new(),
            To::One(number) => self.circle.shown(number),
            To::All => "all".to_owned(),
        };
        self.company.prompt(&place, false)
    }

    fn meet_company(&self) {
        let names = self.circle.iter().map(|it| self.circle.shown(it.number));
        self.company.meet(names);
    }

    /// Something for people.
    fn notice(&self, text: &str) {
        self.note(drawing::NOTICE, text, Value::Null);
    }

    fn note(&self, kind: &str, message: &str, data: Value) {
        let note = note_of(kind, message, data);
        self.handle.publish(self.sockets.plain.number(), 0, note);
    }

    /// Tells that something is said, or how, before it is: what comes back may be a refusal.
    async fn note_first(&self, note: What) {
        let number = self.sockets.plain.number();
        self.handle.publish_first(number, 0, note).await;
    }

    fn fate(&self, key: u64, fate: &str) {
        let note = fate_of(key, fate);
        self.handle.publish(self.sockets.plain.number(), 0, note);
    }

    fn fault(&mut self, kind: FaultKind, message: String) {
        let fault = What::Fault {
            kind,
            message,
            count: None,
        };
        self.has_failed = true;
        self.handle.publish(self.sockets.plain.number(), 0, fault);
    }
}

/// Piped messages that other Sockpits may have yet to acknowledge.
const MOST_OUTSTANDING: usize = 64;

/// What comes after something was taken.
enum After {
    More,
    End,
    Leave,
}

/// What became of a message.
fn fate_of(key: u64, fate: &str) -> What {
    note_of(drawing::FATE, "", json!({ "key": key, "fate": fate }))
}

fn note_of(kind: &str, message: &str, data: Value) -> What {
    What::Note {
        kind: kind.to_owned(),
        message: message.to_owned(),
        data,
    }
}
