//! What can be typed beside text.

use crate::console::{ChatCommand, Takes};

/// The commands, as they are completed and listed.
pub(super) const COMMANDS: &[ChatCommand] = &[
    ChatCommand::new(
        "/to",
        "N|NAME|ADDR",
        "talk to one partner from here on",
        Takes::Name,
    ),
    ChatCommand::new(
        "/all",
        "",
        "talk to all partners from here on",
        Takes::Anything,
    ),
    ChatCommand::new(
        "/who",
        "",
        "list the partners, and who is on the local network",
        Takes::Anything,
    ),
    ChatCommand::new(
        "/add",
        "ADDR",
        "one more partner, such as `192.168.1.7:7852`",
        Takes::Anything,
    ),
    ChatCommand::new(
        "/name",
        "NICK",
        "be called so by other Sockpits",
        Takes::Anything,
    ),
    ChatCommand::new("/help", "", "list these commands", Takes::Anything),
    ChatCommand::new("/quit", "", "leave; so does Ctrl-D", Takes::Anything),
];

/// A line that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// To be said.
    Text(String),
    To(String),
    All,
    Who,
    Add(String),
    Name(String),
    Help,
    Quit,
    /// A command that is none, or lacks something; the sentence says what.
    Wrong(String),
}

impl Line {
    /// Reads a line of somebody who types; `//` is a slash.
    pub(super) fn read(line: &str) -> Self {
        if let Some(text) = line.strip_prefix("//") {
            return Self::Text(format!("/{text}"));
        }
        if !line.starts_with('/') {
            return Self::Text(line.to_owned());
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let needs = |make: fn(String) -> Self| {
            let usage = COMMANDS.iter().find(|command| command.word == word);
            match (rest.is_empty(), usage) {
                (true, Some(command)) => Self::Wrong(format!("{word} needs {}", command.usage)),
                _ => make(rest.to_owned()),
            }
        };
        match word {
            "/to" => needs(Self::To),
            "/add" => needs(Self::Add),
            "/name" => needs(Self::Name),
            "/all" => Self::All,
            "/who" => Self::Who,
            "/help" => Self::Help,
            "/quit" => Self::Quit,
            _ => Self::Wrong(format!(
                "there is no `{word}`; /help lists the commands, and //text sends /text"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slashes_are_text_that_begins_with_one() {
        assert_eq!(Line::read("//quit"), Line::Text("/quit".into()));
        assert_eq!(Line::read("exit"), Line::Text("exit".into()));
        assert_eq!(Line::read(""), Line::Text(String::new()));
        assert_eq!(Line::read("/to  Lily "), Line::To("Lily".into()));
    }

    #[test]
    fn a_command_that_is_none_is_never_sent() {
        for line in ["/", "/exit", "/to", "/add  ", "/to\tx"] {
            assert!(matches!(Line::read(line), Line::Wrong(_)), "{line}");
        }
    }

    #[test]
    fn every_command_that_is_listed_is_understood() {
        for command in COMMANDS {
            let line = format!("{} x", command.word);
            assert!(
                !matches!(Line::read(&line), Line::Wrong(_) | Line::Text(_)),
                "{line}"
            );
        }
    }
}
