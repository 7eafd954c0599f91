//! A port that nobody holds.

use std::io;

use sockpit_engine::cause_text;
use sockpit_engine::doctor::{self, Protocol};

use super::{Args, Target};
use crate::console::Console;
use crate::exit::Exit;

/// Prints the number alone, for scripts.
pub(super) fn run(args: &Args, console: &Console) -> Exit {
    let range = match args.targets.as_slice() {
        [] => None,
        [Target::Ports(range)] => Some(range.clone()),
        _ => {
            console.error("`--free` takes one range, such as `--free 7000-7100`");
            return Exit::Usage;
        }
    };
    let mut protocols = Vec::new();
    if args.tcp || !args.udp {
        protocols.push(Protocol::Tcp);
    }
    if args.udp {
        protocols.push(Protocol::Udp);
    }
    match doctor::free_port(&protocols, range) {
        Ok(Some(port)) => {
            console.print(&format!("{port}\n"));
            Exit::Done
        }
        Ok(None) => {
            let what = args
                .targets
                .first()
                .map_or_else(|| "any port".to_owned(), ToString::to_string);
            console.error(&format!("of {what} none is free"));
            Exit::Network
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let first = doctor::first_free_for_all();
            console.error(&format!("ports below {first} belong to root"));
            console.hint(&format!("take a range from {first} on"));
            Exit::Usage
        }
        Err(error) => {
            console.error(&format!(
                "cannot look for a free port: {}",
                cause_text(&error)
            ));
            Exit::Usage
        }
    }
}
