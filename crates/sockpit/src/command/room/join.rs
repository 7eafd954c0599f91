//! `sockpit room join`: the comfortable way into a room.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sockpit_core::chat::guest;
use sockpit_core::chat::nick::Name;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role, Shape};
use sockpit_core::text::charset::Charset;
use sockpit_core::time::TimeSpan;
use sockpit_engine::recorder::Recorder;

use crate::command::talk::explain_for;
use crate::console::{ChatCommand, Console, Editor, Form, Takes, Talk};
use crate::exit::{Exit, sentence};

mod stay;
mod view;

/// What `sockpit room join` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Somebody at a terminal types lines; /help lists the commands, Tab completes
them, names and rooms, Ctrl-R looks through what was typed, F1 to F9 turn to
your other rooms. From a pipe each line of stdin is said, whatever it begins
with; what others say goes to stdout as `[room] nick: text`.

A room of `sockpit room serve` is known by its greeting. With any other chat
(`ncat --chat`, `nc -l`) lines go to and fro as they are, and nothing else is
sent there.

Examples:
  sockpit room join :7000                       as the user that you are
  sockpit room join 10.0.0.5:7000 --nick anna --room dev --room lobby
  echo 'the build is green' | sockpit room join :7000 --nick ci
  sockpit room join :7000 --nick log --stay --json </dev/null >chat.jsonl
  sockpit room join old-chat:9000 --text gbk    a server that is no such room")]
pub(crate) struct Args {
    /// The room's server, such as `tcp://host:7000` or `unix:///run/room.sock`
    #[arg(required = true, num_args = 1..=2, value_name = "ENDPOINT")]
    endpoint: Vec<String>,
    /// What you want to be called [default: the name of the user]
    #[arg(long, value_name = "NAME", help_heading = "Rooms")]
    nick: Option<String>,
    /// A room to be in; the first is the one you talk in [default: the server's own]
    #[arg(long, value_name = "NAME", help_heading = "Rooms")]
    room: Vec<String>,
    /// Lines of what was said before [default: as many as the server gives]
    #[arg(long, value_name = "N", help_heading = "Rooms")]
    history: Option<usize>,
    /// Ring the terminal's bell when you are meant
    #[arg(long, help_heading = "Rooms")]
    bell: bool,
    /// Stay when stdin has ended
    #[arg(long, help_heading = "Rooms")]
    stay: bool,
    /// Charset of a server that is no room of Sockpit, such as `gbk` [default: utf-8]
    #[arg(long, value_name = "CHARSET", help_heading = "Rooms")]
    text: Option<Charset>,

    /// What stdout gets: text, raw, json, none
    #[arg(long = "as", value_name = "FORM", help_heading = "Output")]
    form: Option<Form>,
    /// The same as `--as json`: every event as a record
    #[arg(long, conflicts_with = "form", help_heading = "Output")]
    json: bool,
    /// Record every event to this file
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Output")]
    record: Option<PathBuf>,
    /// Tell only errors
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    /// How long connecting may take [default: 10s]
    #[arg(long, value_name = "TIME", help_heading = "Link")]
    timeout: Option<TimeSpan>,
}

/// What it will do, as decided.
struct Settings {
    plan: Arc<Plan>,
    guest: guest::Settings,
    form: Form,
    talk: Talk,
    record: Option<PathBuf>,
    rings: bool,
    stays: bool,
    /// Whether somebody types lines at a terminal that can show them being edited.
    edits_lines: bool,
}

/// In bytes: a line of stdin that is longer is no message.
const LONGEST_LINE: usize = 1024 * 1024;

/// What can be typed.
const COMMANDS: &[ChatCommand] = &[
    ChatCommand::new("/help", "", "this list", Takes::Anything),
    ChatCommand::new("/msg", "NICK TEXT", "say it to one alone", Takes::Name),
    ChatCommand::new("/me", "TEXT", "tell what you do", Takes::Anything),
    ChatCommand::new("/who", "[ROOM]", "who is in the room", Takes::Room),
    ChatCommand::new("/rooms", "", "which rooms there are", Takes::Anything),
    ChatCommand::new("/join", "ROOM", "enter another room as well", Takes::Room),
    ChatCommand::new(
        "/room",
        "NAME|N",
        "talk in another of your rooms; F1 to F9 too",
        Takes::Room,
    ),
    ChatCommand::new("/leave", "[ROOM]", "leave a room", Takes::Room),
    ChatCommand::new("/nick", "NAME", "be called something else", Takes::Anything),
    ChatCommand::new(
        "/topic",
        "[TEXT|-]",
        "what the room is about",
        Takes::Anything,
    ),
    ChatCommand::new(
        "/history",
        "[N]",
        "what was said last, N lines",
        Takes::Anything,
    ),
    ChatCommand::new("/ping", "", "whether the server is there", Takes::Anything),
    ChatCommand::new("/quit", "", "leave", Takes::Anything),
];

impl Settings {
    fn resolve(args: Args) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_words(&args.endpoint)?;
        let options = Options {
            timeout: args.timeout,
            ..Options::default()
        };
        let plan = Plan::resolve(Role::Client, &endpoint, options)?;
        if plan.shape() != Shape::Stream {
            bail!("a room is reached over tcp or unix; `sockpit chat` talks over udp");
        }
        if let Some(path) = args
            .record
            .as_deref()
            .filter(|it| Recorder::holds_packets(it))
        {
            let path = path.display();
            bail!("`{path}` would hold packets; a room is recorded as `.jsonl`");
        }
        let nick = match args.nick {
            Some(nick) => {
                Name::new(&nick).with_context(|| format!("the nickname `{nick}`"))?;
                nick
            }
            None => user(),
        };
        for room in &args.room {
            Name::new(room).with_context(|| format!("the room `{room}`"))?;
        }
        let form = match (args.json, args.form) {
            (true, _) => Form::Json,
            (false, form) => form.unwrap_or(Form::Text),
        };
        Ok(Self {
            guest: guest::Settings {
                nick,
                rooms: args.room,
                history: args.history,
                charset: args.text.or(plan.text).unwrap_or(Charset::UTF_8),
            },
            plan: Arc::new(plan),
            talk: match args.quiet {
                true => Talk::Errors,
                false => Talk::Usual,
            },
            record: args.record,
            rings: args.bell,
            stays: args.stay,
            edits_lines: form != Form::None && Editor::is_possible(),
            form,
        })
    }

    /// Whether somebody types, line editor or not.
    fn is_typed(&self) -> bool {
        io::stdin().is_terminal()
    }
}

/// What the user is called, as far as that is a nickname.
fn user() -> String {
    let names = ["USER", "LOGNAME"].map(|name| std::env::var(name).ok());
    let names = names.into_iter().flatten();
    let mut fit = names.filter(|name| Name::new(name).is_ok());
    fit.next().unwrap_or_else(|| "guest".to_owned())
}

/// Carries the command out.
pub(crate) fn run(args: Args, console: &Console) -> Exit {
    let settings = match Settings::resolve(args) {
        Ok(settings) => settings,
        Err(error) => {
            console.error(&sentence(&error));
            return Exit::Usage;
        }
    };
    match stay::run(&settings, console) {
        Ok(exit) => exit,
        Err(error) => explain_for("sockpit room serve", &error, &settings.plan, console),
    }
}
