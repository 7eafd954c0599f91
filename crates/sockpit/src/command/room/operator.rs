//! What the operator types: words for everybody, and commands.

use std::time::Duration;

use sockpit_core::chat::room::{Ban, Hub, OrderError};
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::Time;
use sockpit_engine::room::Room;

use crate::console::{ChatCommand, Company, Console, Takes};

/// What can be typed as `/command`.
pub(super) const COMMANDS: &[ChatCommand] = &[
    ChatCommand::new("/help", "", "this list", Takes::Anything),
    ChatCommand::new(
        "/rooms",
        "",
        "the rooms, and how many are in each",
        Takes::Anything,
    ),
    ChatCommand::new(
        "/who",
        "[ROOM]",
        "who is there, and from where",
        Takes::Room,
    ),
    ChatCommand::new(
        "/notice",
        "[ROOM] TEXT",
        "tell a room something, or everybody",
        Takes::Room,
    ),
    ChatCommand::new("/topic", "ROOM TEXT", "what a room is about", Takes::Room),
    ChatCommand::new("/kick", "NICK [WHY]", "throw somebody out", Takes::Name),
    ChatCommand::new(
        "/ban",
        "NICK|ADDRESS|NET [WHY]",
        "throw somebody out, and let nobody of that name or address in",
        Takes::Name,
    ),
    ChatCommand::new(
        "/unban",
        "NICK|ADDRESS|NET",
        "let them in again",
        Takes::Anything,
    ),
    ChatCommand::new("/bans", "", "who is not let in", Takes::Anything),
    ChatCommand::new(
        "/stat",
        "",
        "members, messages, what was held up",
        Takes::Anything,
    ),
    ChatCommand::new(
        "/quit",
        "",
        "say goodbye to everybody, and end",
        Takes::Anything,
    ),
];

/// Of larger rooms names are not completed: it would cost more than it helps.
const MOST_NAMES: usize = 1000;

/// How often names are looked up for whoever types.
pub(super) const REFRESH: Duration = Duration::from_secs(1);

/// Whether the operator stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Stay,
    Leave,
}

/// Somebody who runs the rooms.
pub(super) struct Operator<'a> {
    pub(super) room: &'a Room,
    pub(super) console: &'a Console,
    pub(super) company: Company,
}

impl Operator<'_> {
    /// Carries out a line that was typed: a command, or words for everybody.
    pub(super) async fn obey(&self, line: &str) -> Then {
        let line = line.trim_end();
        if line.trim_start().is_empty() {
            return Then::Stay;
        }
        let Some(command) = line.strip_prefix('/').filter(|rest| !rest.starts_with('/')) else {
            self.tell_all(line.strip_prefix('/').unwrap_or(line)).await;
            return Then::Stay;
        };
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        if word == "quit" {
            return Then::Leave;
        }
        if let Err(message) = self.carry_out(word, rest.trim()).await {
            self.console.error(&message);
        }
        Then::Stay
    }

    /// Tells everybody.
    pub(super) async fn tell_all(&self, text: &str) {
        let text = text.to_owned();
        let told = self
            .room
            .ask(move |hub, now| hub.notify(now, None, &text))
            .await;
        if let Some(Err(error)) = told {
            self.console.error(&error.to_string());
        }
    }

    /// Looks up who can be named in a line.
    pub(super) async fn refresh(&self) {
        let known = self.room.ask(|hub, _| {
            let names = match hub.stat().members {
                0..=MOST_NAMES => hub.members(None),
                _ => Vec::new(),
            };
            (names, hub.rooms())
        });
        if let Some((members, rooms)) = known.await {
            self.company.meet(members.into_iter().map(|it| it.nick));
            self.company.visit(rooms.into_iter().map(|it| it.name));
        }
    }

    async fn carry_out(&self, word: &str, rest: &str) -> Result<(), String> {
        match word {
            "help" => {
                self.company.help(self.console);
                self.say("  anything else is told to everybody; `//x` tells `/x`");
            }
            "rooms" => self.list_rooms().await,
            "who" => self.list_members(rest).await,
            "notice" => self.notify(rest).await?,
            "topic" => self.set_topic(rest).await?,
            "kick" => self.kick(rest).await?,
            "ban" => self.ban(rest).await?,
            "unban" => self.unban(rest).await?,
            "bans" => self.list_bans().await,
            "stat" => self.tell_figures().await,
            _ => {
                let word = VisibleLine(word);
                return Err(format!(
                    "no command `/{word}`; `/help` lists them, and `//` tells a line that begins \
                     with `/`"
                ));
            }
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        self.console.say(text);
    }

    /// Has the hub do something that may be refused.
    async fn order<T: Send + 'static>(
        &self,
        order: impl FnOnce(&mut Hub, Time) -> Result<T, OrderError> + Send + 'static,
    ) -> Result<T, String> {
        match self.room.ask(order).await {
            Some(done) => done.map_err(|error| error.to_string()),
            None => Err("the room is closed".to_owned()),
        }
    }

    async fn list_rooms(&self) {
        for room in self
            .room
            .ask(|hub, _| hub.rooms())
            .await
            .unwrap_or_default()
        {
            let topic = match room.topic.is_empty() {
                true => String::new(),
                false => format!("  {}", VisibleLine(&room.topic)),
            };
            let members = room.members + room.remote;
            self.say(&format!("{}  {members}{topic}", VisibleLine(&room.name)));
        }
    }

    async fn list_members(&self, room: &str) {
        let name = room.to_owned();
        let members = self
            .room
            .ask(move |hub, _| hub.members(Some(name.as_str()).filter(|name| !name.is_empty())))
            .await
            .unwrap_or_default();
        if members.is_empty() {
            self.say("nobody is there");
        }
        for member in members {
            let place = match member.node.is_empty() {
                true => member.addr,
                false => member.node,
            };
            let rooms = member.rooms.join(" ");
            self.say(&format!(
                "{}  {}  {}",
                VisibleLine(&member.nick),
                VisibleLine(&place),
                VisibleLine(&rooms)
            ));
        }
    }

    async fn notify(&self, rest: &str) -> Result<(), String> {
        if rest.is_empty() {
            return Err("write `/notice TEXT`, or `/notice ROOM TEXT`".to_owned());
        }
        let rest = rest.to_owned();
        let told = self.order(move |hub, now| {
            let rooms = hub.rooms();
            match rest.split_once(' ') {
                Some((room, text)) if rooms.iter().any(|it| it.name == room) => {
                    hub.notify(now, Some(room), text)
                }
                _ => hub.notify(now, None, &rest),
            }
        });
        told.await.map(drop)
    }

    async fn set_topic(&self, rest: &str) -> Result<(), String> {
        let (room, text) = rest.split_once(' ').unwrap_or((rest, ""));
        if room.is_empty() {
            return Err("write `/topic ROOM TEXT`".to_owned());
        }
        let (room, text) = (room.to_owned(), text.trim().to_owned());
        self.order(move |hub, now| hub.set_topic(now, &room, &text))
            .await
    }

    async fn kick(&self, rest: &str) -> Result<(), String> {
        let (who, why) = rest.split_once(' ').unwrap_or((rest, ""));
        if who.is_empty() {
            return Err("write `/kick NICK`, or `/kick NICK WHY`".to_owned());
        }
        let (who, why) = (who.to_owned(), why.trim().to_owned());
        let nick = self
            .order(move |hub, now| hub.kick(now, &who, &why))
            .await?;
        self.say(&format!("`{}` is thrown out", VisibleLine(&nick)));
        Ok(())
    }

    async fn ban(&self, rest: &str) -> Result<(), String> {
        let (who, why) = rest.split_once(' ').unwrap_or((rest, ""));
        if who.is_empty() {
            return Err(
                "write `/ban NICK`, `/ban 10.0.0.7` or `/ban 10.0.0.0/8`, and why after it"
                    .to_owned(),
            );
        }
        let ban: Ban = who.parse().map_err(|error| format!("{error}"))?;
        let (named, why) = (ban.to_string(), why.trim().to_owned());
        let out = self
            .order(move |hub, now| Ok(hub.ban(now, ban, &why)))
            .await?;
        let named = VisibleLine(&named);
        match &out[..] {
            [] => self.say(&format!("`{named}` is not let in")),
            out => {
                let out = out.join(", ");
                let out = VisibleLine(&out);
                self.say(&format!("`{named}` is not let in; thrown out: {out}"));
            }
        }
        Ok(())
    }

    async fn unban(&self, rest: &str) -> Result<(), String> {
        if rest.is_empty() {
            return Err("write `/unban` and what `/bans` lists".to_owned());
        }
        let ban: Ban = rest.parse().map_err(|error| format!("{error}"))?;
        let named = ban.to_string();
        self.order(move |hub, _| hub.unban(&ban)).await?;
        self.say(&format!("`{}` may come in again", VisibleLine(&named)));
        Ok(())
    }

    async fn list_bans(&self) {
        let bans = self.room.ask(|hub, _| hub.bans()).await.unwrap_or_default();
        if bans.is_empty() {
            self.say("everybody is let in");
        }
        for ban in bans {
            self.say(&VisibleLine(&ban.to_string()).to_string());
        }
    }

    async fn tell_figures(&self) {
        let Some(stat) = self.room.ask(|hub, _| hub.stat()).await else {
            return;
        };
        self.say(&format!(
            "{} members in {} rooms, {} without a name yet",
            stat.members, stat.rooms, stat.unnamed
        ));
        self.say(&format!(
            "{} messages, delivered {} times; {} refused as a flood",
            stat.said, stat.delivered, stat.refused
        ));
        self.say(&format!("{} bans", stat.bans));
        if stat.remote > 0 {
            self.say(&format!("{} members on other servers", stat.remote));
        }
    }
}
