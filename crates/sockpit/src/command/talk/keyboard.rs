//! What can be typed as `/command`.

use std::path::PathBuf;
use std::time::Duration;

use sockpit_core::filter::Filter;
use sockpit_core::frame::Framing;
use sockpit_core::plan::{Eol, Role, Shape, Shaping, TextChoice};
use sockpit_core::rule::Rules;
use sockpit_core::session::Session as Machine;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::checksum::ChecksumSpec;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::hex;
use sockpit_core::time::TimeSpan;
use sockpit_engine::recorder::Recorder;
use sockpit_engine::{Session, Target, cause_text};

use super::conversation::{Conversation, Given};
use super::queue::{Outgoing, Upload};
use crate::command::words;
use crate::console::{Completion, Form, Words};
use crate::exit::sentence;

/// A command: what is typed, what it takes, what it does.
struct Command {
    word: &'static str,
    usage: &'static str,
    about: &'static str,
}

const fn command(word: &'static str, usage: &'static str, about: &'static str) -> Command {
    Command { word, usage, about }
}

const COMMANDS: &[Command] = &[
    command("/help", "", "this list"),
    command("/peers", "", "who is there"),
    command("/to", "N", "lines go to peer N"),
    command("/all", "", "lines go to every peer"),
    command("/latest", "", "lines go to the peer that came last"),
    command("/hex", "01 03 0A", "send these bytes"),
    command("/file", "PATH", "send a file"),
    command("/every", "TIME TEXT", "send a text again and again"),
    command("/stop", "", "stop what repeats: /every and lists"),
    command(
        "/send",
        "NAME",
        "send a saved message or list of the rule file",
    ),
    command(
        "/split",
        "at N|every N|coalesce N|off",
        "cut what is sent into pieces",
    ),
    command(
        "/checksum",
        "modbus|off",
        "append a checksum to what is sent",
    ),
    command("/eol", "none|lf|crlf|cr", "what ends a typed line"),
    command(
        "/escape",
        "on|off",
        "understand \\r \\n \\xNN in typed lines",
    ),
    command("/as", "text|hex|both", "how messages are shown"),
    command(
        "/text",
        "CHARSET [OUT]",
        "the charset, and that of what is sent",
    ),
    command("/frame", "FRAMING", "how messages are cut"),
    command(
        "/filter",
        "EXPRESSION|off",
        "show only what fits, such as `in and text ~ err`",
    ),
    command(
        "/lens",
        "on|off",
        "show how writes, reads and messages lie over the same bytes",
    ),
    command("/record", "FILE|off", "record everything to a file"),
    command("/stats", "", "bytes and messages so far"),
    command("/close", "[N]", "close the connection, or that with peer N"),
    command("/reconnect", "", "close, and connect again"),
    command("/quit", "", "leave"),
];

/// What is no command and looks like one.
const SLASH: Command = command("//x", "", "send `/x`");

/// The shortest rhythm of `/every`, as for `--every`.
const SHORTEST: Duration = Duration::from_millis(1);

/// What completes each command.
pub(super) fn completions(rules: Option<&Rules>) -> Vec<Completion> {
    let one_of = |lists: &[&[&str]]| {
        let words = lists.concat();
        Words::OneOf(words.into_iter().map(str::to_owned).collect())
    };
    let completion = |command: &Command| Completion {
        command: command.word,
        usage: command.usage,
        words: match command.word {
            "/file" | "/record" => Words::Path,
            "/send" => Words::OneOf(names(rules)),
            "/eol" => one_of(&[words::ENDS_OF_LINE]),
            "/checksum" => one_of(&[words::CHECKSUMS, &["off"]]),
            "/escape" | "/lens" => one_of(&[&["on", "off"]]),
            "/as" => one_of(&[words::FORMS]),
            "/split" => one_of(&[&["every", "at", "coalesce", "off"]]),
            "/filter" => one_of(&[&["in", "out", "text", "hex", "len", "peer", "off"]]),
            "/text" => one_of(&[words::CHARSETS, &["none"]]),
            "/frame" => one_of(&[words::FRAMINGS]),
            _ => Words::Any,
        },
    };
    COMMANDS.iter().map(completion).collect()
}

/// What `/send` knows: lists, and items as `list.item`.
fn names(rules: Option<&Rules>) -> Vec<String> {
    let mut names = Vec::new();
    for list in rules.map(Rules::lists).unwrap_or_default() {
        names.push(list.name.clone());
        let items = list.items.iter().filter_map(|item| item.name.as_ref());
        names.extend(items.map(|item| format!("{}.{item}", list.name)));
    }
    names
}

/// What a name of `/send` means.
enum Saved {
    List(usize),
    Item(usize, usize),
}

/// Looks a name up: a list, `list.item`, or an item of the first list that has one of that name.
fn find(rules: Option<&Rules>, name: &str) -> Option<Saved> {
    let lists = rules.map(Rules::lists).unwrap_or_default();
    if let Some(list) = lists.iter().position(|list| list.name == name) {
        return Some(Saved::List(list));
    }
    let item_of = |list: usize, name: &str| {
        let items = &lists[list].items;
        let item = items
            .iter()
            .position(|it| it.name.as_deref() == Some(name))?;
        Some(Saved::Item(list, item))
    };
    let dotted = lists.iter().enumerate().find_map(|(index, list)| {
        let item = name.strip_prefix(&list.name)?.strip_prefix('.')?;
        item_of(index, item)
    });
    dotted.or_else(|| (0..lists.len()).find_map(|list| item_of(list, name)))
}

impl Conversation<'_> {
    /// Carries out a command that was typed, while there is a session or none.
    pub(super) async fn obey(&mut self, line: &str, session: Option<&Session<Machine>>) -> Given {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let result = match (word, self.settings.plan.role) {
            ("/quit", _) => return Given::Quit,
            ("/close", Role::Client) if rest.is_empty() => return Given::Close,
            ("/reconnect", Role::Client) => return Given::Again,
            ("/reconnect", Role::Server) => {
                Err("a listener waits for its peers to connect".to_owned())
            }
            ("/hex" | "/file" | "/send" | "/peers" | "/to" | "/close", _) => match session {
                Some(session) => self.obey_with(word, rest, session).await,
                None => Err("not connected; `/reconnect` connects now".to_owned()),
            },
            _ => self.arrange(word, rest, session).await,
        };
        if let Err(message) = result {
            self.console.error(&message);
        }
        Given::More
    }

    /// Carries out a command about what a session has or sends.
    async fn obey_with(
        &mut self,
        word: &str,
        rest: &str,
        session: &Session<Machine>,
    ) -> Result<(), String> {
        match word {
            "/hex" => {
                let bytes = hex::parse(rest).map_err(|error| error.to_string())?;
                let message = self.manner.bytes(bytes.into());
                self.send(message);
                Ok(())
            }
            "/file" => {
                let upload = Upload::open(rest, self.manner.plan.clone())?;
                self.enqueue(Outgoing::File(upload));
                Ok(())
            }
            "/send" => self.send_saved(rest, session).await,
            "/to" => self.aim(rest, session).await,
            "/close" => {
                let peer = rest
                    .parse()
                    .map_err(|_| "write `/close 2`: the number of a peer")?;
                session.disconnect(peer);
                Ok(())
            }
            _ => {
                self.list_peers(session).await;
                Ok(())
            }
        }
    }

    /// Carries out a command about how things are sent and shown.
    async fn arrange(
        &mut self,
        word: &str,
        rest: &str,
        session: Option<&Session<Machine>>,
    ) -> Result<(), String> {
        match word {
            "/help" => self.help(),
            "/all" => {
                self.console.set_target(Target::All);
                self.say("lines go to every peer");
            }
            "/latest" => {
                self.console.set_target(Target::Latest);
                self.say("lines go to the peer that came last");
            }
            "/every" => self.repeat(rest)?,
            "/stop" => self.stop_all(session).await,
            "/split" => self.split(rest)?,
            "/checksum" => self.check(rest)?,
            "/eol" => self.end_lines(rest)?,
            "/escape" => self.manner.escape = switch(rest)?,
            "/as" => {
                let form: Form = rest.parse().map_err(|error| format!("{error}"))?;
                self.remote.change(|look| look.form = form);
            }
            "/text" => self.read_as(rest)?,
            "/frame" => self.cut_by(rest)?,
            "/filter" => self.filter(rest)?,
            "/lens" => self.watch_through_lens(rest).await?,
            "/record" => self.record(rest).await?,
            "/stats" => self.remote.stats().iter().for_each(|line| self.say(line)),
            _ => {
                let word = VisibleLine(word);
                return Err(format!(
                    "no command `{word}`; `/help` lists them, and `//` sends a line that begins \
                     with `/`"
                ));
            }
        }
        if let (Some(session), "/split" | "/checksum" | "/text" | "/frame") = (session, word) {
            session.adopt(self.manner.plan.clone()).await;
        }
        if let "/text" | "/frame" = word {
            self.renew_lens().await?;
        }
        Ok(())
    }

    fn say(&self, text: &str) {
        self.console.say(text);
    }

    fn help(&self) {
        let all = || COMMANDS.iter().chain([&SLASH]);
        let typed = |it: &Command| format!("{} {}", it.word, it.usage);
        let column = all().map(|it| typed(it).len()).max().unwrap_or_default();
        for it in all() {
            self.say(&format!("{:<column$}  {}", typed(it), it.about));
        }
    }

    async fn list_peers(&self, session: &Session<Machine>) {
        let peers = session.peers().await;
        if peers.is_empty() {
            self.say("no peers");
        }
        for peer in peers {
            self.say(&format!("{}  {}", peer.number, VisibleLine(&peer.addr)));
        }
    }

    async fn aim(&self, rest: &str, session: &Session<Machine>) -> Result<(), String> {
        let peer = rest
            .parse()
            .map_err(|_| "write `/to 2`: the number of a peer, as `/peers` lists them")?;
        if session.peers().await.iter().all(|it| it.number != peer) {
            return Err(format!(
                "peer {peer} is not there; `/peers` lists those who are"
            ));
        }
        self.console.set_target(Target::Peer(peer));
        self.say(&format!("lines go to peer {peer}"));
        Ok(())
    }

    fn repeat(&mut self, rest: &str) -> Result<(), String> {
        let (time, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let every = Duration::from(
            time.parse::<TimeSpan>()
                .map_err(|error| format!("{error}; write `/every 1s PING`"))?,
        );
        if every < SHORTEST {
            return Err(format!("`/every` takes {} or more", TimeSpan(SHORTEST)));
        }
        // What cannot be sent is better known now.
        self.manner.typed(text)?;
        if !self.beats.add(every, text.to_owned()) {
            return Err("too many texts repeat; `/stop` stops them".to_owned());
        }
        self.say(&format!("sent every {}; `/stop` stops it", TimeSpan(every)));
        Ok(())
    }

    async fn stop_all(&mut self, session: Option<&Session<Machine>>) {
        self.beats.stop();
        let dropped = self.queue.clear();
        if let Some(session) = session {
            session
                .change(Target::All, 0, |session, _| session.stop_lists())
                .await;
        }
        self.say(&match dropped {
            0 => "stopped: `/every`, and lists".to_owned(),
            count => format!("stopped: `/every`, lists, and {count} things that waited to be sent"),
        });
    }

    async fn send_saved(&self, name: &str, session: &Session<Machine>) -> Result<(), String> {
        let rules = self.manner.plan.rules.as_deref();
        match find(rules, name) {
            Some(Saved::List(list)) => {
                session
                    .change(self.target(), 0, move |session, now| {
                        session.start_list(now, list);
                    })
                    .await;
            }
            Some(Saved::Item(list, item)) => {
                session
                    .change(self.target(), 0, move |session, now| {
                        session.send_item(now, list, item);
                    })
                    .await;
            }
            None => {
                let names = names(rules);
                return Err(if names.is_empty() {
                    "nothing is saved; `--rules FILE.toml` with a `[[list]]` does it".to_owned()
                } else {
                    format!("`{}` is none of {}", VisibleLine(name), names.join(", "))
                });
            }
        }
        Ok(())
    }

    fn split(&mut self, rest: &str) -> Result<(), String> {
        let shaping: Shaping = rest.parse().map_err(|error| format!("{error}"))?;
        if self.manner.plan.shape() == Shape::Datagram {
            return Err("a datagram is sent whole; only a stream is cut into pieces".to_owned());
        }
        self.manner.change(|plan| plan.shaping = shaping);
        Ok(())
    }

    fn check(&mut self, rest: &str) -> Result<(), String> {
        let checksum = match rest {
            "off" => None,
            text => Some(
                text.parse::<ChecksumSpec>()
                    .map_err(|error| error.to_string())?,
            ),
        };
        self.manner.recast(|plan| plan.checksum = checksum);
        Ok(())
    }

    fn end_lines(&mut self, rest: &str) -> Result<(), String> {
        let eol: Eol = rest.parse().map_err(|error| format!("{error}"))?;
        self.manner.end_lines_with(eol);
        Ok(())
    }

    fn read_as(&mut self, rest: &str) -> Result<(), String> {
        let (text, text_out) = rest.split_once(' ').unwrap_or((rest, ""));
        let choice: TextChoice = text.parse().map_err(|error| format!("{error}"))?;
        let charset = choice.0;
        let out = match text_out.trim() {
            "" => charset,
            label => Some(
                label
                    .parse::<Charset>()
                    .map_err(|error| error.to_string())?,
            ),
        };
        self.manner.change(|plan| {
            plan.text = charset;
            plan.text_out = out.unwrap_or(plan.text_out);
        });
        self.remote.change(|look| look.charset = charset);
        Ok(())
    }

    fn cut_by(&mut self, rest: &str) -> Result<(), String> {
        let framing: Framing = rest.parse().map_err(|error| format!("{error}"))?;
        self.manner.recast(|plan| plan.framing = framing);
        let is_raw_stream = self.manner.plan.is_raw_stream();
        self.remote
            .change(|look| look.is_raw_stream = is_raw_stream);
        Ok(())
    }

    fn filter(&self, rest: &str) -> Result<(), String> {
        let filter = match rest {
            "off" => None,
            "" => return Err("write `/filter in and text ~ err`, or `/filter off`".to_owned()),
            text => Some(text.parse::<Filter>().map_err(|error| error.to_string())?),
        };
        self.remote.change(|look| look.filter = filter);
        Ok(())
    }

    async fn watch_through_lens(&mut self, rest: &str) -> Result<(), String> {
        match (switch(rest)?, self.watchers.lens.take()) {
            (false, Some(lens)) => {
                if let Some(failure) = lens.stop(self.handle).await {
                    return Err(failure);
                }
            }
            (false, None) => {}
            (true, Some(lens)) => self.watchers.lens = Some(lens),
            (true, None) => {
                let lens = self
                    .settings
                    .lens_beside(self.handle, &self.manner.plan, &self.watchers.cuts)
                    .await;
                self.watchers.lens = Some(lens.map_err(|error| cause_text(&error))?);
            }
        }
        Ok(())
    }

    /// Bytes that are cut or read in another way are drawn under a heading of their own.
    async fn renew_lens(&mut self) -> Result<(), String> {
        if self.watchers.lens.is_some() {
            self.watch_through_lens("off").await?;
            self.watch_through_lens("on").await?;
        }
        Ok(())
    }

    async fn record(&mut self, rest: &str) -> Result<(), String> {
        if rest.is_empty() {
            return Err("write `/record FILE.jsonl` or `FILE.pcapng`, or `/record off`".to_owned());
        }
        if let Some(recorder) = self.watchers.recorder.take() {
            recorder.stop().await;
            self.say("the recording is closed");
        }
        if rest == "off" {
            return Ok(());
        }
        let path = PathBuf::from(rest);
        let started =
            Recorder::start(&path, self.settings.recording_form(&path), self.handle).await;
        let recorder = started.map_err(|error| sentence(&error.into()))?;
        self.watchers.recorder = Some(recorder);
        self.say(&format!("recording to `{}`", VisibleLine(rest)));
        Ok(())
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("write `on` or `off`".to_owned()),
    }
}

#[cfg(test)]
mod tests;
