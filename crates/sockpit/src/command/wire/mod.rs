//! `sockpit wire`: the packets of others' conversations, live or from a capture file.

mod conversations;
mod expert;
mod follow;
mod live;
mod look;
mod open;
mod party;
mod saved;
mod source;
mod turn;
mod view;
mod work;

use clap::Subcommand;

use crate::console::Console;
use crate::exit::Exit;

/// What `sockpit wire` was told, as typed.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Each packet is a line: time, number, who to whom, protocol, and of TCP its flags, numbers, window and
length, what is noteworthy in brackets, and the beginning of the payload. A window with a `?` is not
scaled, as its SYN was not seen. Seeing others' packets needs a privilege: what it is, is said if it
is missing. Ctrl-C ends it; the end says how many packets there were, and how many were lost.

Filter words (docs/filter.md has all of them; `and` may be left out after a protocol):
  tcp  udp  icmp  arp  ip6  port 7000  port 7000,8000..8010  host 10.0.0.0/8  src port 5  dst ::1
  syn  fin  rst  ack  push  retransmission  label = zero_window,reset  conversation 3  window = 0
  len > 0  text ~ REGEX  \"err\"  hex ~ \"AA ?? 0D\"  in  out  at > 2s

Examples:
  sockpit wire --port 7000                        who talks to port 7000 of this machine, and what
  sockpit wire --for udp://10.0.0.7:9000 -x       all that goes to and comes from a device
  sockpit wire -i any tcp port 7000 and retransmission
  sockpit wire --port 7000 --ladder --teach       as a ladder, each step explained
  sockpit wire -i eth0 -w x.pcapng --for-time 1m  record a minute, for Wireshark and for `wire open`
  sockpit wire open x.pcapng port 7000            look at a capture of any tool
  sockpit wire follow x.pcapng --frame lines      what the two ends said to each other"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    live: live::Args,
}

#[derive(Subcommand)]
enum Command {
    /// Show the packets of a capture file: pcap or pcapng, of any tool
    Open(open::Args),
    /// Print what the two ends of a conversation said to each other, from a file or live
    Follow(follow::Args),
}

/// Carries the command out.
pub(crate) fn run(args: Args, console: &Console) -> Exit {
    match args.command {
        None => live::run(args.live, console),
        Some(Command::Open(args)) => open::run(args, console),
        Some(Command::Follow(args)) => follow::run(args, console),
    }
}
