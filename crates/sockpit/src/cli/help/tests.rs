use std::collections::BTreeSet;

use clap::Command;
use sockpit_core::strings::{Catalogue, Language};

use super::{help_of, translate};
use crate::cli::whole;

/// Tables that are no command's.
const SHARED: [&str; 3] = ["word", "every", "help"];

fn chinese() -> Catalogue {
    Catalogue::new(Language::Chinese)
}

/// The program and its commands, each with what it is called in the catalogue.
fn commands() -> Vec<(String, Command)> {
    let program = whole();
    let mut commands = vec![("sockpit".to_owned(), program.clone())];
    add_below(&program, "", &mut commands);
    commands
}

fn add_below(command: &Command, before: &str, commands: &mut Vec<(String, Command)>) {
    for below in command.get_subcommands() {
        let name = format!("{before}{}", below.get_name());
        commands.push((name.clone(), below.clone()));
        add_below(below, &format!("{name}-"), commands);
    }
}

/// What a command has a help for: its arguments, and itself.
fn ids(command: &Command) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = command
        .get_arguments()
        .map(|argument| argument.get_id().to_string())
        .collect();
    ids.insert("about".to_owned());
    if command.get_after_help().is_some() {
        ids.insert("after_help".to_owned());
    }
    ids
}

#[test]
fn every_command_and_argument_has_a_chinese_help() {
    let catalogue = chinese();
    let mut missing = Vec::new();
    for (name, command) in commands() {
        for id in ids(&command) {
            if help_of(&name, &id, &catalogue).is_none() {
                missing.push(format!("{name}.{id}"));
            }
        }
    }
    assert!(missing.is_empty(), "no Chinese help: {missing:?}");
}

#[test]
fn every_chinese_help_is_of_a_command_or_an_argument() {
    let commands = commands();
    let catalogue = chinese();
    let is_known = |(command, id): &(&str, &str)| {
        let found = commands.iter().find(|(name, _)| name == command);
        SHARED.contains(command) || found.is_some_and(|(_, found)| ids(found).contains(*id))
    };
    let unknown: Vec<_> = catalogue.helps().filter(|pair| !is_known(pair)).collect();
    assert!(unknown.is_empty(), "no such argument: {unknown:?}");
}

#[test]
fn every_heading_has_a_chinese_word() {
    let catalogue = chinese();
    for (name, command) in commands() {
        let headings = command
            .get_arguments()
            .filter_map(|argument| argument.get_help_heading());
        for heading in headings {
            assert!(
                catalogue.help("word", heading).is_some(),
                "{name}: {heading}"
            );
        }
    }
}

/// In words: what of an example is compared; what is said of it may follow.
const TYPED: usize = 5;

/// What is typed is the same in both.
#[test]
fn the_examples_are_the_same_in_both_languages() {
    let catalogue = chinese();
    for (name, command) in commands() {
        let Some(english) = command.get_after_help().map(ToString::to_string) else {
            continue;
        };
        let chinese = help_of(&name, "after_help", &catalogue).unwrap_or_default();
        let typed = |line: &&str| line.starts_with("  sockpit ") || line.contains(" | sockpit ");
        for line in english.lines().filter(typed) {
            let example = line.trim().split("  ").next().unwrap();
            let words: Vec<_> = example.split(' ').take(TYPED).collect();
            let example = words.join(" ");
            assert!(chinese.contains(&example), "{name}: {example}");
        }
    }
}

#[test]
fn the_translated_command_line_is_consistent() {
    translate(whole(), &chinese()).debug_assert();
}

#[test]
fn a_translated_command_takes_what_the_english_one_takes() {
    let words = [
        "sockpit",
        "connect",
        "localhost",
        "7000",
        "--send",
        "a",
        "--lang",
        "zh",
    ];
    let program = translate(whole(), &chinese());
    let matches = program.try_get_matches_from(words).unwrap();
    let (name, inner) = matches.subcommand().unwrap();
    assert_eq!(name, "connect");
    let endpoint: Vec<_> = inner.get_many::<String>("endpoint").unwrap().collect();
    assert_eq!(endpoint, ["localhost", "7000"]);
}
