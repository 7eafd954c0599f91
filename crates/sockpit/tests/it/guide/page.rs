//! A page of the guide, taken apart into prose and blocks, and put together again.

use std::fs;
use std::mem;
use std::path::{Path, PathBuf};

/// A page, of which the blocks can be run.
pub(super) struct Page {
    path: PathBuf,
    role: Role,
    parts: Vec<Part>,
    /// Something else was printed than the page shows.
    pub(super) is_changed: bool,
}

/// Which blocks of a page are run.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// All.
    Whole,
    /// Those that another language does not have, which say `--lang` themselves.
    Own,
}

enum Part {
    /// Lines that are not touched, fences without a meaning included.
    Prose(Vec<String>),
    Block(Block),
}

/// A fenced block that means something.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// A file that the blocks below it find.
    File { info: String, lines: Vec<String> },
    /// What is done, and seen, at a terminal.
    Console { info: String, steps: Vec<Step> },
}

/// Something that is done, and what is shown then.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) shown: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Nothing: what has come since the last time is looked at.
    Look,
    /// A command, in the lines as they stand on the page.
    Run(Vec<String>),
    Type(String),
    Key(char),
}

impl Page {
    pub(super) fn read(path: &Path, role: Role) -> Self {
        let text =
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut parts = Vec::new();
        let mut prose = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let info = line.strip_prefix("```").unwrap_or_default();
            if info.is_empty() {
                prose.push(line.to_owned());
                continue;
            }
            let inside: Vec<String> = lines
                .by_ref()
                .take_while(|line| *line != "```")
                .map(str::to_owned)
                .collect();
            match Block::parse(info, &inside) {
                Some(block) => {
                    parts.push(Part::Prose(mem::take(&mut prose)));
                    parts.push(Part::Block(block));
                }
                None => {
                    prose.push(line.to_owned());
                    prose.extend(inside);
                    prose.push("```".to_owned());
                }
            }
        }
        parts.push(Part::Prose(prose));
        Self {
            path: path.to_owned(),
            role,
            parts,
            is_changed: false,
        }
    }

    /// The page's name, for complaints.
    pub(super) fn name(&self) -> String {
        let shown: Vec<_> = self.path.iter().rev().take(2).collect();
        let shown: Vec<_> = shown
            .iter()
            .rev()
            .map(|part| part.to_string_lossy())
            .collect();
        shown.join("/")
    }

    /// The blocks that are run, in order.
    pub(super) fn played(&mut self) -> impl Iterator<Item = &mut Block> {
        let role = self.role;
        self.parts.iter_mut().filter_map(move |part| match part {
            Part::Block(block) if role == Role::Whole || block.is_own() => Some(block),
            _ => None,
        })
    }

    /// The blocks that every language shows.
    pub(super) fn shared(&self) -> Vec<Block> {
        let blocks = self.parts.iter().filter_map(|part| match part {
            Part::Block(block) if !block.is_own() => Some(block.clone()),
            _ => None,
        });
        blocks.collect()
    }

    /// Takes the blocks that every language shows from another, and says why it cannot.
    pub(super) fn take_over(&mut self, other: &Self) -> Option<String> {
        let (name, theirs) = (self.name(), other.shared());
        let ours = self.parts.iter_mut().filter_map(|part| match part {
            Part::Block(block) if !block.is_own() => Some(block),
            _ => None,
        });
        let ours: Vec<_> = ours.collect();
        if ours.len() != theirs.len() {
            let (ours, theirs) = (ours.len(), theirs.len());
            return Some(format!(
                "{name} has {ours} blocks, and the English page {theirs}: nothing is taken over"
            ));
        }
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            self.is_changed |= *ours != theirs;
            *ours = theirs;
        }
        None
    }

    /// Writes the page to its file if it has changed.
    pub(super) fn write(self) {
        if !self.is_changed {
            return;
        }
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Prose(lines) => lines.iter().for_each(|line| push(&mut text, line)),
                Part::Block(block) => {
                    push(&mut text, &format!("```{}", block.info()));
                    block.lines().iter().for_each(|line| push(&mut text, line));
                    push(&mut text, "```");
                }
            }
        }
        fs::write(&self.path, text).unwrap();
    }
}

impl Block {
    fn parse(info: &str, lines: &[String]) -> Option<Self> {
        let language = info.split(' ').next();
        if attribute(info, "file").is_some() {
            let (info, lines) = (info.to_owned(), lines.to_vec());
            return Some(Self::File { info, lines });
        }
        if language != Some("console") {
            return None;
        }
        // What came since the last time is looked at before anything is typed.
        let mut steps = vec![Step::of(Action::Look)];
        let mut lines = lines.iter();
        while let Some(line) = lines.next() {
            let action = if line.starts_with("$ ") {
                let mut command = vec![line.clone()];
                while command.last().is_some_and(|line| line.ends_with('\\')) {
                    command.extend(lines.next().cloned());
                }
                Action::Run(command)
            } else if let Some(typed) = line.strip_prefix("> ") {
                Action::Type(typed.to_owned())
            } else if let Some(key) = line.strip_prefix('^').filter(|key| key.len() == 1) {
                Action::Key(key.chars().next()?)
            } else {
                let last = steps.last_mut().expect("there is a first");
                last.shown.push(line.clone());
                continue;
            };
            steps.push(Step::of(action));
        }
        if steps
            .get(1)
            .is_some_and(|step| matches!(step.action, Action::Run(_)))
        {
            steps.remove(0);
        }
        let info = info.to_owned();
        Some(Self::Console { info, steps })
    }

    fn info(&self) -> &str {
        match self {
            Self::File { info, .. } | Self::Console { info, .. } => info,
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::File { lines, .. } => lines.clone(),
            Self::Console { steps, .. } => steps.iter().flat_map(Step::lines).collect(),
        }
    }

    /// Whether it belongs to one language: its commands say which.
    fn is_own(&self) -> bool {
        let Self::Console { steps, .. } = self else {
            return false;
        };
        let is_own = |line: &String| line.contains("--lang ");
        let mut commands = steps.iter().filter_map(|step| match &step.action {
            Action::Run(lines) => Some(lines),
            _ => None,
        });
        commands.any(|lines| lines.iter().any(is_own))
    }

    /// The name of the file, or of the terminal.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::File { info, .. } => attribute(info, "file"),
            Self::Console { info, .. } => attribute(info, "terminal"),
        }
    }
}

impl Step {
    fn of(action: Action) -> Self {
        Self {
            action,
            shown: Vec::new(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = match &self.action {
            Action::Look => Vec::new(),
            Action::Run(lines) => lines.clone(),
            Action::Type(text) => vec![format!("> {text}")],
            Action::Key(key) => vec![format!("^{key}")],
        };
        lines.extend_from_slice(&self.shown);
        lines
    }
}

fn attribute<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut words = info.split(' ').skip(1);
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
