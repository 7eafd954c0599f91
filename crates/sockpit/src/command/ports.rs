//! `sockpit ports`: who holds a port, and who could let it go.

mod end;
mod free;
mod show;
mod target;

use std::path::Path;

use sockpit_engine::doctor::{self, Extent, Kind, Owner, Protocol, Selection};

use crate::console::Console;
use crate::exit::Exit;

pub(crate) use show::object;
pub(crate) use target::Target;

/// What `sockpit ports` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Without a PORT it lists who listens. Needs no root; programs of other users are hidden without it,
and are listed all the same. STATE is one of
  listening   accepts connections; BACKLOG is how many wait, of how many may
  bound       holds the address: a UDP socket, or a TCP socket that does not listen
  connected   one end of a connection (--all, or where nobody listens)
  closing, time-wait    a connection that ended; time-wait is gone within 60 s

Exit codes: 0 somebody holds one of the PORTs, 1 nobody does, 2 usage or this machine;
with --free: 0 one was found, 1 none is free; with --kill: 0 all are free, 1 somebody still holds one

Examples:
  sockpit ports                          who listens on this machine
  sockpit ports 8080                     who holds 8080, TCP or UDP
  sockpit ports 7000-7100 --udp
  sockpit ports 8080 --kill              asks, then ends it
  sockpit ports 8080 --kill --yes        for scripts: free the port, whoever has it
  sockpit ports /run/app.sock            who has a Unix socket, or whether it is a leftover
  sockpit listen :$(sockpit ports --free 7000-7100)
  sockpit ports --json | jq -r 'select(.user == \"root\").port'")]
pub(crate) struct Args {
    /// A port such as `8080`, a range such as `7000-7100`, or a Unix socket: its path or `@name`
    #[arg(value_name = "PORT")]
    targets: Vec<Target>,

    /// Only TCP
    #[arg(long)]
    tcp: bool,
    /// Only UDP
    #[arg(long)]
    udp: bool,
    /// Only Unix sockets
    #[arg(long)]
    unix: bool,
    /// Connections too, and what is left of them
    #[arg(long)]
    all: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,

    /// Print a port that nobody holds, by TCP unless `--udp` is given: of the range, or of the system's choice
    #[arg(long, conflicts_with_all = ["kill", "unix", "all", "json"])]
    free: bool,

    /// End the programs that hold the PORT: asks, sends SIGTERM, waits up to 5 s until it is free
    #[arg(long, conflicts_with = "json", requires = "targets")]
    kill: bool,
    /// Send SIGKILL, which no program can refuse
    #[arg(long, requires = "kill")]
    force: bool,
    /// Do not ask
    #[arg(long, short, requires = "kill")]
    yes: bool,
}

/// Shows who holds what, or finds a free port, or ends whoever holds one.
pub(crate) fn run(args: &Args, console: &Console) -> Exit {
    if args.free {
        return free::run(args, console);
    }
    let search = Search::of(args);
    if args.kill {
        return end::run(args, &search, console);
    }
    let owners = search.owners();
    if args.json {
        for owner in &owners {
            console.print(&format!("{}\n", object(owner)));
        }
    } else if !owners.is_empty() || args.targets.is_empty() {
        show::table(&owners, console);
    }
    if args.targets.is_empty() {
        return Exit::Done;
    }
    let mut is_any_held = !owners.is_empty();
    for target in &args.targets {
        // What nobody is listed for may be taken all the same, by somebody who cannot be seen.
        if !owners.iter().any(|owner| target.is_of(owner)) {
            is_any_held |= show::nobody(target, &search, args, console);
        }
    }
    if is_any_held {
        Exit::Done
    } else {
        Exit::Network
    }
}

/// What to look for.
struct Search {
    selection: Selection,
    /// Unix sockets by name.
    names: Vec<Target>,
    is_all: bool,
    has_ports: bool,
}

impl Search {
    fn of(args: &Args) -> Self {
        let is_any = !(args.tcp || args.udp || args.unix);
        let mut kinds = Vec::new();
        if args.tcp || is_any {
            kinds.push(Kind::Tcp);
        }
        if args.udp || is_any {
            kinds.push(Kind::Udp);
        }
        if args.unix && args.targets.is_empty() {
            kinds.extend([Kind::Unix, Kind::UnixDatagram, Kind::UnixPackets]);
        }
        let ports: Vec<_> = args.targets.iter().filter_map(Target::ports).collect();
        let names = args.targets.iter().filter(|target| target.name().is_some());
        Self {
            has_ports: !ports.is_empty() || args.targets.is_empty(),
            selection: Selection {
                kinds,
                ports,
                extent: Extent::Holding,
            },
            names: names.cloned().collect(),
            is_all: args.all,
        }
    }

    /// Who holds it; for ports that were asked for and that nobody holds outright, whose connections
    /// are in the way.
    fn owners(&self) -> Vec<Owner> {
        let mut owners = Vec::new();
        if self.has_ports {
            let extent = if self.is_all {
                Extent::Everything
            } else {
                Extent::Holding
            };
            owners = doctor::list(&Selection {
                extent,
                ..self.selection.clone()
            });
            if owners.is_empty() && !self.selection.ports.is_empty() {
                let extent = Extent::Everything;
                owners = doctor::list(&Selection {
                    extent,
                    ..self.selection.clone()
                });
            }
        }
        for name in self.names.iter().filter_map(Target::name) {
            let found = doctor::unix_owners(Path::new(name));
            // Found by whichever path, shown by the one asked for.
            owners.extend(found.into_iter().map(|owner| Owner {
                path: Some(name.into()),
                ..owner
            }));
        }
        owners
    }

    fn protocols(&self) -> Vec<Protocol> {
        let protocol = |kind: &Kind| match kind {
            Kind::Tcp => Some(Protocol::Tcp),
            Kind::Udp => Some(Protocol::Udp),
            _ => None,
        };
        self.selection.kinds.iter().filter_map(protocol).collect()
    }
}
