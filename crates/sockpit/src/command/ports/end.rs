//! Ending whoever holds a port.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::width;
use sockpit_core::time::TimeSpan;
use sockpit_engine::cause_text;
use sockpit_engine::doctor::{self, Holder, Owner, Signal};

use super::{Args, Search, show};
use crate::console::Console;
use crate::exit::Exit;

/// A program has this long to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// In columns: so much of a command line is in a question.
const COMMAND_COLUMNS: usize = 60;

/// How often it is looked whether a program that goes on has let go.
const LOOK: Duration = Duration::from_millis(100);

/// Asks, ends every program that holds it, and waits until it is free.
pub(super) fn run(args: &Args, search: &Search, console: &Console) -> Exit {
    let names: Vec<_> = args.targets.iter().map(ToString::to_string).collect();
    let what = names.join(", ");
    let is_are = match args.targets.as_slice() {
        [super::Target::Ports(range)] if range.start() != range.end() => "are",
        [_] => "is",
        _ => "are",
    };
    let owners = search.owners();
    if owners.is_empty() {
        console.say(&format!("{what} {is_are} held by nobody"));
        return Exit::Done;
    }
    let mut programs = BTreeMap::new();
    for owner in &owners {
        if let Some(pid) = owner.pid {
            programs.entry(pid).or_insert(owner);
        }
    }
    if programs.is_empty() {
        show::table(&owners, console);
        console.error(&nobody_to_end(&owners, &what));
        if let Some(owner) = owners.iter().find(|owner| !doctor::may_end(owner.uid)) {
            let typed: Vec<_> = args.targets.iter().map(super::Target::typed).collect();
            let command = doctor::kill_command(&typed.join(" "), owner);
            console.hint(&format!("{command} ends it"));
        }
        return Exit::Usage;
    }
    if !args.yes && !console.can_ask() {
        console.error("`--kill` asks before it ends a program, and here nobody can answer");
        console.hint("`--yes` answers for you");
        return Exit::Usage;
    }
    let signal = if args.force {
        Signal::Kill
    } else {
        Signal::Terminate
    };
    let mut worst = Exit::Done;
    for (pid, owner) in programs {
        let name = doctor::name_of(owner);
        let command = owner.command.as_deref().map(|command| {
            let command = VisibleLine(command).to_string();
            format!(": {}", width::truncate(&command, COMMAND_COLUMNS))
        });
        if !args.yes && !console.confirm(&format!("end {name}{}?", command.unwrap_or_default())) {
            console.say("left as it is");
            worst = Exit::Network;
            continue;
        }
        if let Some(exit) = end(pid, &name, signal, search, console) {
            worst = exit;
        }
    }
    if worst == Exit::Usage {
        return worst;
    }
    conclude(&what, is_are, search, worst, console)
}

fn nobody_to_end(owners: &[Owner], what: &str) -> String {
    let why = doctor::explain(owners, None).unwrap_or_default();
    format!("there is no program to end for {what}: {why}")
}

/// Ends one program; gives what to exit with where that did not work.
fn end(pid: u32, name: &str, signal: Signal, search: &Search, console: &Console) -> Option<Exit> {
    let word = match signal {
        Signal::Terminate => "SIGTERM",
        Signal::Kill => "SIGKILL",
    };
    let holder = match Holder::seize(pid, || search.owners()) {
        Ok(Some(holder)) => holder,
        Ok(None) => {
            console.say(&format!("{name} has let go by itself"));
            return None;
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            console.error(&format!(
                "{name} is not ended: the system, or this very program, needs it"
            ));
            return Some(Exit::Usage);
        }
        Err(error) => {
            console.error(&format!("cannot end {name}: {}", cause_text(&error)));
            return Some(Exit::Usage);
        }
    };
    if let Err(error) = holder.signal(signal) {
        console.error(&format!("cannot end {name}: {}", cause_text(&error)));
        if error.kind() == io::ErrorKind::PermissionDenied {
            console.hint("it is another user's; the same with `sudo` ends it");
        }
        return Some(Exit::Usage);
    }
    console.say(&format!("{name}: sent {word}"));
    let began = Instant::now();
    loop {
        let took = || TimeSpan(Duration::from_millis(millis(began.elapsed())));
        match holder.wait(LOOK) {
            Ok(true) => {
                console.say(&format!("{name}: ended after {}", took()));
                return None;
            }
            Ok(false) if !holder.is_among(&search.owners()) => {
                console.say(&format!("{name}: let go after {}, and goes on", took()));
                return None;
            }
            Ok(false) if began.elapsed() < PATIENCE => {}
            Ok(false) => {
                console.error(&format!(
                    "{name} goes on, {} after {word}",
                    TimeSpan(PATIENCE)
                ));
                if signal == Signal::Terminate {
                    console.hint("`--force` sends SIGKILL, which no program can refuse");
                }
                return Some(Exit::Network);
            }
            Err(error) => {
                console.error(&format!("cannot wait for {name}: {}", cause_text(&error)));
                return Some(Exit::Usage);
            }
        }
    }
}

/// Looks again: somebody may have started the program anew.
fn conclude(what: &str, is_are: &str, search: &Search, worst: Exit, console: &Console) -> Exit {
    let left = search.owners();
    let Some(program) = left.iter().find(|owner| owner.pid.is_some()) else {
        let note = match doctor::explain(&left, None) {
            Some(note) if left.iter().any(|owner| owner.uid.is_some()) => {
                console.error(&format!("{what} {is_are} not free: {note}"));
                return Exit::Network;
            }
            Some(_) => " for servers that ask for SO_REUSEADDR, as most do; for others within 60 s",
            None => "",
        };
        console.say(&format!("{what} {is_are} free{note}"));
        return worst;
    };
    if worst == Exit::Done {
        let name = doctor::name_of(program);
        console.error(&format!("{what} {is_are} not free: {name} holds it"));
        console.hint("what starts it anew, such as systemd or a container, has to be stopped");
    }
    Exit::Network
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
