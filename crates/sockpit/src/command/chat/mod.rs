//! `sockpit chat`: datagrams with anybody's program, and a little more with another Sockpit.

mod ask;
mod command;
mod conversation;
mod discovery;
mod drawing;
mod input;
mod run;
mod settings;

use std::path::PathBuf;

use sockpit_core::chat::announce;
use sockpit_core::plan::{Options, Switch, TextChoice};
use sockpit_core::text::charset::Charset;
use sockpit_core::time::TimeSpan;

use crate::command::family::FamilyArgs;
use crate::console::Console;
use crate::exit::{Exit, sentence};

/// What `sockpit chat` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
With any program: one datagram is one message, in the charset you say, and
nothing else is sent. Programs that listen on one port and send from another
are understood; your answers go to the port that you gave. Between two Sockpits
there are names, ticks (✓✓ it has arrived) and messages of up to 64 KiB as well;
those go from and to the port 10,000 higher, so that no other program gets them.

While you type:
  /to N|NAME|ADDR   talk to one          /all      talk to everybody
  /add ADDR         one more             /who      who is there
  /name N           be called N          /quit     leave
  //text            text that begins with a slash

Examples:
  sockpit chat                             asks for the other's address and port
  sockpit chat --bind :7853 udp://192.168.1.7:7852    a UDP program's other end
  sockpit chat --bind :7853 192.168.1.7:7852 --text gbk    the same, in GBK
  sockpit chat --bind :8752                whoever speaks first
  sockpit chat --discover --name Lily      whoever is on the local network
  echo hello | sockpit chat udp://192.168.1.7:7852    a message, and its answer")]
pub(crate) struct Args {
    /// Whom to talk to, such as `udp://192.168.1.7:7852` or `192.168.1.7:7852`; several are possible
    #[arg(value_name = "ENDPOINT")]
    endpoints: Vec<String>,
    /// Where to be reached, such as `:7853` or `127.0.0.1:7853` [default: the system's choice]
    #[arg(long, value_name = "ADDR")]
    bind: Option<String>,
    /// Charset of what other programs send, such as `utf-8`, `gbk`, `big5`
    #[arg(long, value_name = "CHARSET")]
    text: Option<TextChoice>,
    /// Charset of what is sent to them, where it is another
    #[arg(long, value_name = "CHARSET")]
    text_out: Option<Charset>,
    /// What you are called, to other Sockpits [default: your user name]
    #[arg(long, visible_alias = "nick", value_name = "NICK")]
    name: Option<String>,

    /// Be found, and find others, on the local network: announcements by multicast and broadcast
    #[arg(
        long,
        value_name = "PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = announce::PORT_TEXT,
        help_heading = "Local network"
    )]
    discover: Option<u16>,
    /// The interface to be found on, by name; repeatable [default: all but loopback]
    #[arg(
        long,
        value_name = "NAME",
        requires = "discover",
        help_heading = "Local network"
    )]
    interface: Vec<String>,
    /// Another Sockpit where multicast is filtered; it is asked until it answers
    #[arg(long, value_name = "ADDR", help_heading = "Local network")]
    peer: Vec<String>,
    /// Treat everybody as any program: no names, no ticks, nothing but what you type
    #[arg(long, conflicts_with_all = ["discover", "peer"], help_heading = "Local network")]
    plain: bool,

    /// How long to wait for answers once stdin has ended [default: 1s]
    #[arg(long, value_name = "TIME")]
    wait: Option<TimeSpan>,
    /// Every event as a record on stdout
    #[arg(long)]
    json: bool,
    /// Record every event to this file, as `.jsonl`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Ring the terminal's bell where you are named
    #[arg(long)]
    bell: bool,
    /// Tell only errors
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    family: FamilyArgs,
}

impl Args {
    /// What the flags say of the plan.
    fn options(&self) -> Options {
        Options {
            text: self.text,
            text_out: self.text_out,
            wait: self.wait,
            family: self.family.choice(),
            max_peers: Some(MOST_PEERS),
            broadcast: Some(Switch(true)),
            ..Options::default()
        }
    }
}

/// Addresses that may speak to us.
const MOST_PEERS: usize = 1024;

/// Carries the command out.
pub(crate) fn run(mut args: Args, console: &Console) -> Exit {
    if ask::is_wanted(&args)
        && let Err(error) = ask::fill(&mut args, console)
    {
        console.error(&sentence(&error));
        return Exit::Usage;
    }
    let settings = match settings::Settings::resolve(args) {
        Ok(settings) => settings,
        Err(error) => {
            console.error(&sentence(&error));
            return Exit::Usage;
        }
    };
    run::run(&settings, console)
        .unwrap_or_else(|error| super::talk::explain_error(&error, &settings.plan, console))
}
