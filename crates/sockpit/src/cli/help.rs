//! The help of the commands in another language: what the catalogue has takes the place of what the
//! arguments say of themselves.

use clap::{Arg, ArgAction, Command};
use sockpit_core::strings::Catalogue;

/// As the parser's own, with words of the catalogue.
const TEMPLATE: &str = "{about-with-newline}\n{usage}\n\n{all-args}{after-help}";

/// The program with its help in the language of `catalogue`.
pub(super) fn translate(program: Command, catalogue: &Catalogue) -> Command {
    let version = Arg::new("version")
        .short('V')
        .long("version")
        .display_order(902)
        .action(ArgAction::Version);
    let program = program.disable_version_flag(true).arg(version);
    let about = catalogue.help("help", "about").unwrap_or_default();
    let program = translate_one(program, "sockpit", catalogue);
    let mut program = translate_commands(program, "", catalogue);
    // The parser makes the command `help` itself, and not before it is built.
    program.build();
    translate_helps(program, about)
}

/// The commands `help` of a command, and of those below it.
fn translate_helps(command: Command, about: &str) -> Command {
    names(&command).into_iter().fold(command, |command, name| {
        let is_help = name == "help";
        command.mut_subcommand(name, |command| match is_help {
            true => command.about(about.to_owned()),
            false => translate_helps(command, about),
        })
    })
}

fn names(command: &Command) -> Vec<String> {
    let names = command.get_subcommands().map(Command::get_name);
    names.map(str::to_owned).collect()
}

/// The commands of a command, whose names begin with `before`, and those below them.
fn translate_commands(command: Command, before: &str, catalogue: &Catalogue) -> Command {
    names(&command).into_iter().fold(command, |command, name| {
        let path = format!("{before}{name}");
        command.mut_subcommand(name, |command| {
            let command = translate_one(command, &path, catalogue);
            translate_commands(command, &format!("{path}-"), catalogue)
        })
    })
}

/// One command, the program itself among them.
fn translate_one(command: Command, name: &str, catalogue: &Catalogue) -> Command {
    let word = |id| word(id, catalogue);
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .display_order(901)
        .action(ArgAction::Help);
    let mut command = command
        .disable_help_flag(true)
        .arg(help)
        .subcommand_help_heading(word("Commands"))
        .subcommand_value_name(word("COMMAND"))
        .help_template(TEMPLATE.replace("{usage}", &format!("{}{{usage}}", word("Usage:"))))
        .mut_args(|argument| translate_argument(argument, name, catalogue));
    if let Some(about) = help_of(name, "about", catalogue) {
        command = command.about(about.to_owned());
    }
    if let Some(after) = help_of(name, "after_help", catalogue) {
        command = command.after_help(after.to_owned());
    }
    command
}

fn translate_argument(argument: Arg, command: &str, catalogue: &Catalogue) -> Arg {
    let id = argument.get_id().as_str().to_owned();
    let text = help_of(command, &id, catalogue);
    let heading = match argument.get_help_heading() {
        Some(heading) => word(heading, catalogue),
        None if argument.is_positional() => word("Arguments", catalogue),
        None => word("Options", catalogue),
    };
    let Some(text) = text else {
        return argument.help_heading(heading);
    };
    let argument = argument.help_heading(heading);
    if !argument.get_action().takes_values() {
        return argument.help(text.to_owned());
    }
    let mut text = text.to_owned();
    let mut add = |label: &str, values: Vec<String>| {
        if !values.is_empty() {
            text.push_str(&format!(
                " [{}{}]",
                word(label, catalogue),
                values.join(", ")
            ));
        }
    };
    if !argument.is_hide_default_value_set() {
        let values = argument.get_default_values().iter();
        let values = values.map(|value| value.to_string_lossy().into_owned());
        add("default: ", values.collect());
    }
    if !argument.is_hide_possible_values_set() {
        let values = argument.get_possible_values();
        let shown = values.iter().filter(|value| !value.is_hide_set());
        let names = shown.map(|value| value.get_name().to_owned());
        add("possible values: ", names.collect());
    }
    argument
        .help(text)
        .hide_default_value(true)
        .hide_possible_values(true)
}

/// The help of an argument, where it has one of its own or shares one with others.
fn help_of<'c>(command: &str, id: &str, catalogue: &'c Catalogue) -> Option<&'c str> {
    let shared = match command {
        "listen" => "connect",
        command => command,
    };
    // Looking at packets is the same, live and from a file.
    let looked = if command.starts_with("wire-") {
        "wire"
    } else {
        command
    };
    let tables = [command, shared, looked, "every"];
    tables.iter().find_map(|table| catalogue.help(table, id))
}

/// A word of the help itself. The parser keeps headings for as long as the program runs.
fn word(id: &str, catalogue: &Catalogue) -> &'static str {
    catalogue.help("word", id).unwrap_or(id).to_owned().leak()
}

#[cfg(test)]
mod tests;
