//! `sockpit completions` and `sockpit man`: what shells, `man` and the reference know of the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, Resettable};
use clap::{Arg, Command};

use super::words;
use crate::console::Console;
use crate::exit::{Exit, sentence};

/// In columns: help that goes into a file is as wide whatever the terminal is.
const WIDTH: usize = 100;

/// What `sockpit completions` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sockpit completions bash > ~/.local/share/bash-completion/completions/sockpit
  sockpit completions zsh > ~/.zfunc/_sockpit           (with `fpath+=~/.zfunc` in .zshrc)
  sockpit completions fish > ~/.config/fish/completions/sockpit.fish
  sockpit completions powershell | Out-String | Invoke-Expression")]
pub(crate) struct CompletionsArgs {
    /// For which shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: clap_complete::Shell,
}

/// What `sockpit man` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  sockpit man | man -l -                      the page of sockpit
  sockpit man connect | man -l -              the page of a command
  sockpit man --out ~/.local/share/man/man1   all pages, so that `man sockpit-connect` finds its own
  sockpit man --markdown --out docs/reference the help of every command, for a web page")]
pub(crate) struct ManArgs {
    /// Of which command; of sockpit itself if it is not said
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    command: Option<String>,
    /// Write one file for each command into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Markdown, in place of a page for man
    #[arg(long)]
    markdown: bool,
}

/// Prints what a shell needs to complete our words.
pub(crate) fn completions(args: &CompletionsArgs, program: Command, console: &Console) -> Exit {
    let mut script = Vec::new();
    // The parser keeps names for as long as the program runs, which is no longer than this.
    let names: Vec<&'static str> = program
        .get_subcommands()
        .map(|command| &*command.get_name().to_owned().leak())
        .collect();
    let mut program = with_words(program, &names);
    clap_complete::generate(args.shell, &mut program, "sockpit", &mut script);
    finish(
        console.data(&script).context("cannot write to stdout"),
        console,
    )
}

/// A command, its arguments and those of the commands below it with the words that may be written
/// there. They are offered, and what else is written is understood all the same: this command is
/// never run.
fn with_words(command: Command, names: &[&'static str]) -> Command {
    let name = command.get_name().to_owned();
    let offer = |argument: Arg| {
        let words = match (name.as_str(), argument.get_id().as_str()) {
            ("man", "command") => names.to_vec(),
            (name, id) => words::of_argument(name, id),
        };
        match words.is_empty() {
            true => argument,
            false => argument.value_parser(PossibleValuesParser::new(words)),
        }
    };
    command
        .mut_args(offer)
        .mut_subcommands(|inner| with_words(inner, names))
}

/// Prints a page, or writes all of them.
pub(crate) fn man(args: &ManArgs, program: Command, console: &Console) -> Exit {
    finish(write(args, program, console), console)
}

fn finish(result: anyhow::Result<()>, console: &Console) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(error) => {
            console.error(&sentence(&error));
            Exit::Usage
        }
    }
}

fn write(args: &ManArgs, program: Command, console: &Console) -> anyhow::Result<()> {
    let pages = pages(program);
    if let Some(folder) = &args.out {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for page in pages {
            let ending = if args.markdown { "md" } else { "1" };
            let path = folder.join(format!("{}.{ending}", page.name));
            write_page(&path, &page.text(args.markdown)?)?;
        }
        return Ok(());
    }
    let wanted = match &args.command {
        Some(command) => format!("sockpit-{command}"),
        None => "sockpit".to_owned(),
    };
    let names: Vec<_> = pages
        .iter()
        .filter_map(|page| page.name.strip_prefix("sockpit-").map(str::to_owned))
        .collect();
    let page = pages.into_iter().find(|page| page.name == wanted);
    let page = page.with_context(|| {
        let command = args.command.as_deref().unwrap_or_default();
        format!(
            "there is no command `{command}`; there are {}",
            names.join(", ")
        )
    })?;
    console
        .data(page.text(args.markdown)?.as_bytes())
        .context("cannot write to stdout")
}

fn write_page(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A command, or the program itself.
struct Page {
    /// Such as `sockpit-connect`.
    name: String,
    command: Command,
}

/// The program, then each of its commands.
fn pages(program: Command) -> Vec<Page> {
    let program = program.term_width(WIDTH).disable_help_subcommand(true);
    let mut pages = vec![Page {
        name: "sockpit".to_owned(),
        command: program.clone(),
    }];
    add_below(&program, "sockpit", &mut pages);
    pages
}

/// Adds the commands of a command, and those below them.
fn add_below(command: &Command, before: &str, pages: &mut Vec<Page>) {
    let commands = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    for command in commands {
        let words = format!("{before} {}", command.get_name());
        let name = words.replace(' ', "-");
        // The parser keeps names for as long as the program runs, which is no longer than this.
        let title: &'static str = name.clone().leak();
        pages.push(Page {
            command: command
                .clone()
                .name(title)
                .display_name(title)
                .bin_name(words.clone())
                .version(env!("CARGO_PKG_VERSION"))
                .term_width(WIDTH)
                .disable_help_subcommand(true)
                .disable_version_flag(true),
            name,
        });
        add_below(command, &words, pages);
    }
}

impl Page {
    fn text(mut self, is_markdown: bool) -> anyhow::Result<String> {
        if is_markdown {
            let title = self.name.replace('-', " ");
            let about = self.command.get_about().map(ToString::to_string);
            let help = self.command.render_long_help().to_string();
            let lines: Vec<_> = help.lines().map(str::trim_end).collect();
            return Ok(format!(
                "# {title}\n\n{}.\n\n```text\n{}\n```\n",
                about.unwrap_or_default().trim_end_matches('.'),
                lines.join("\n").trim_end()
            ));
        }
        let notes = self.command.get_after_help().map(ToString::to_string);
        let mut page = Vec::new();
        clap_mangen::Man::new(self.command.after_help(Resettable::Reset))
            .render(&mut page)
            .context("cannot write the page")?;
        let mut page = String::from_utf8_lossy(&page).into_owned();
        if let Some(notes) = notes {
            page.push_str(&preformatted(&notes));
        }
        Ok(page
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect())
    }
}

/// A section of a page whose lines stay as they are: examples.
fn preformatted(text: &str) -> String {
    let mut section = ".SH NOTES\n.nf\n".to_owned();
    for line in text.lines() {
        // A line that begins with a dot or a quote would be a request to the formatter.
        section.push_str("\\&");
        section.push_str(&line.replace('\\', "\\e").replace('-', "\\-"));
        section.push('\n');
    }
    section + ".fi\n"
}
