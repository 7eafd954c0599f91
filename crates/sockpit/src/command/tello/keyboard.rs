//! What can be typed as `/command` while drones are flown.

use sockpit_core::tello::command;
use sockpit_core::tello::sdk::Sdk;
use sockpit_core::text::escape::VisibleLine;
use sockpit_engine::tello::Origin;

use super::cockpit::{Cockpit, Given};
use super::links::SdkChoice;

/// A command: what is typed, what it takes, what it does.
pub(super) struct Word {
    pub(super) word: &'static str,
    pub(super) usage: &'static str,
    about: &'static str,
}

const fn word(word: &'static str, usage: &'static str, about: &'static str) -> Word {
    Word { word, usage, about }
}

pub(super) const COMMANDS: &[Word] = &[
    word(
        "/help",
        "[COMMAND]",
        "this list, or what a drone's command takes",
    ),
    word("/status", "", "what the drones said last"),
    word("/queue", "", "commands that wait for the one before"),
    word("/cancel", "", "forget the commands that wait"),
    word("/stick", "", "steer with the keys: W A S D and the arrows"),
    word(
        "/video",
        "FILE.h264|play CMD|off",
        "save the video, or give it to a player",
    ),
    word(
        "/sdk",
        "[auto|1.3|2.0|3.0|rmtt]",
        "which commands the drone understands",
    ),
    word("/drones", "", "the drones and their addresses"),
    word("/quit", "", "land, and leave"),
];

/// What is no command of ours and looks like one.
const AIMED: [Word; 2] = [
    word(
        "2>COMMAND",
        "",
        "a command for drone 2; `2>` alone: for all that follow",
    ),
    word("*>COMMAND", "", "a command for every drone"),
];

impl Cockpit<'_> {
    /// Carries out a command of ours.
    pub(super) async fn obey(&mut self, line: &str) -> Given {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let result = match word {
            "/quit" => return Given::Quit,
            "/help" => self.help(rest),
            "/status" => {
                self.flight.show_status();
                Ok(())
            }
            "/queue" => {
                self.list_queue();
                Ok(())
            }
            "/cancel" => {
                self.cancel().await;
                Ok(())
            }
            "/stick" => self.take_sticks(),
            "/video" => self.obey_video(rest).await,
            "/sdk" => self.choose_sdk(rest).await,
            "/drones" => {
                self.list_drones();
                Ok(())
            }
            _ => Err(format!(
                "no command `{}`; `/help` lists them",
                VisibleLine(word)
            )),
        };
        if let Err(message) = result {
            self.console.error(&message);
            return Given::Wrong;
        }
        Given::More
    }

    fn help(&self, name: &str) -> Result<(), String> {
        let sdk = self.sdk();
        if name.is_empty() {
            let aimed = match self.flight.count() {
                1 => &AIMED[..0],
                _ => &AIMED[..],
            };
            let all = || COMMANDS.iter().chain(aimed);
            let typed = |it: &Word| format!("{} {}", it.word, it.usage);
            let column = all().map(|it| typed(it).len()).max().unwrap_or_default();
            for it in all() {
                self.console
                    .say(&format!("{:<column$}  {}", typed(it), it.about));
            }
            let names: Vec<&str> = command::forms(sdk).map(|form| form.name).collect();
            self.console.say(&format!(
                "commands of SDK {sdk}, of which `/help NAME` says more:"
            ));
            for line in wrap(&names) {
                self.console.say(&format!("  {line}"));
            }
            return Ok(());
        }
        let known = command::forms(Sdk::Rmtt).filter(|form| form.name == name);
        let known: Vec<_> = known.collect();
        if known.is_empty() {
            return Err(format!(
                "no drone has a command `{}`; `/help` lists them",
                VisibleLine(name)
            ));
        }
        for form in known {
            self.console
                .say(&format!("`{}`  {}", form.usage(), form.ranges(sdk)));
            let since = match form.is_in(sdk) {
                true => String::new(),
                false => format!(" (since SDK {}; this drone has {sdk})", form.since),
            };
            self.console
                .say(&format!("    {}{since}", self.console.said(form.help)));
        }
        Ok(())
    }

    fn list_queue(&self) {
        let waiting = self.flight.waiting();
        if waiting.is_empty() {
            self.console.say("nothing waits");
        }
        for (drone, given) in waiting {
            self.console
                .say(&format!("{}: {}", drone + 1, VisibleLine(&given)));
        }
    }

    async fn cancel(&mut self) {
        for drone in self.aim.drones(self.flight.count()) {
            self.flight.swarm.drones[drone].clear().await;
        }
        self.console
            .say("what waited is forgotten; what a drone does now, it ends; `stop` stops it");
    }

    fn list_drones(&self) {
        for (index, drone) in self.flight.swarm.drones.iter().enumerate() {
            let (number, addr, sdk) = (index + 1, drone.addr, drone.sdk);
            let doing = match self.flight.doing(index) {
                doing if doing.is_empty() => doing,
                doing => format!(": {doing}"),
            };
            self.console
                .say(&format!("{number}  {addr}  SDK {sdk}{doing}"));
        }
    }

    async fn choose_sdk(&mut self, rest: &str) -> Result<(), String> {
        let choice: SdkChoice = match rest {
            "" => {
                self.list_drones();
                return Ok(());
            }
            text => text.parse()?,
        };
        for drone in self.aim.drones(self.flight.count()) {
            match choice {
                SdkChoice::Auto => {
                    self.flight.is_auto = true;
                    let question = command::Command::query(command::Query::Sdk);
                    self.flight
                        .order(drone, question, Origin::Acquaintance)
                        .await;
                }
                SdkChoice::Is(sdk) => {
                    self.flight.is_auto = false;
                    self.flight.swarm.drones[drone].learn(sdk).await;
                }
            }
        }
        self.refresh_copilot();
        Ok(())
    }
}

/// In columns: lists of names are no wider.
const LIST_WIDTH: usize = 72;

/// Names in lines of a list.
fn wrap(names: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut seen = "";
    for name in names.iter().copied() {
        // A command with two forms stands there once.
        if std::mem::replace(&mut seen, name) == name {
            continue;
        }
        match lines.last_mut() {
            Some(line) if line.len() + 2 + name.len() <= LIST_WIDTH => {
                line.push_str(", ");
                line.push_str(name);
            }
            _ => lines.push(name.to_owned()),
        }
    }
    lines
}
