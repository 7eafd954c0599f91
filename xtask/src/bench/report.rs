//! Everything that was measured, as a file of figures and as a part of docs/benchmarks.md.

use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::growth;
use super::machine;
use super::plot;
use super::table::Table;

/// The page that holds the figures.
const PAGE: &str = "docs/benchmarks.md";

/// Where the pictures lie, as the page says it.
const PICTURES: &str = "picture";

/// What the measured part of the page stands between.
const BEGIN: &str = "<!-- what `cargo xtask bench --write` measured: begin -->\n";
const END: &str = "<!-- end -->\n";

/// What was measured, where and how.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    /// The commands that measured it, the first one first.
    pub(super) commands: Vec<String>,
    pub(super) machine: String,
    /// The programs with their versions.
    pub(super) programs: String,
    /// In the order of the benchmarks.
    pub(super) tables: Vec<Table>,
}

impl Report {
    /// Reads figures of before.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// Notes what measures from here on, and on what.
    pub(super) fn begin(&mut self, command: String, sockpit: &Path) {
        self.commands.push(command);
        self.machine = machine::machine();
        self.programs = machine::programs(sockpit);
    }

    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        fs::write(path, text)
    }

    /// Takes a table in, in the place of an older one of its name.
    pub(super) fn put(&mut self, table: Table) {
        match self.tables.iter_mut().find(|old| old.name == table.name) {
            Some(old) => *old = table,
            None => self.tables.push(table),
        }
    }

    /// Brings the tables into the order in which the benchmarks stand.
    pub(super) fn sort_by(&mut self, names: &[&str]) {
        let place = |table: &Table| {
            // A benchmark's further tables begin with its name.
            let of = |name: &&str| table.name.starts_with(*name);
            let longest = names.iter().filter(|name| of(name)).max_by_key(|n| n.len());
            names.iter().position(|name| Some(name) == longest)
        };
        self.tables.sort_by_key(place);
    }

    /// Whether every target is met.
    pub(super) fn is_met(&self) -> bool {
        self.tables.iter().all(Table::is_met)
            && growth::among(&self.tables)
                .iter()
                .all(growth::Growth::is_met)
    }

    /// Draws every table and every growth into a folder.
    pub(super) fn draw(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for table in self.shown() {
            fs::write(folder.join(file(&table.name)), plot::bars(table))?;
        }
        for growth in growth::among(&self.tables) {
            fs::write(folder.join(file(growth.name)), plot::lines(&growth))?;
        }
        Ok(())
    }

    /// Puts the figures into the page and the pictures beside it.
    pub(super) fn write(&self, root: &Path) -> io::Result<()> {
        let page = root.join(PAGE);
        let text = fs::read_to_string(&page)?;
        let text = replaced(&text, &self.text()).ok_or_else(|| {
            io::Error::other(format!("`{PAGE}` has no place for what was measured"))
        })?;
        self.draw(&root.join("docs").join(PICTURES))?;
        fs::write(page, text)
    }

    /// In Markdown: what ran where, every target, then every table with its picture.
    fn text(&self) -> String {
        let mut out = format!("\n{self}\n");
        self.write_targets(&mut out);
        for growth in growth::among(&self.tables) {
            let picture = file(growth.name);
            let _ = writeln!(
                out,
                "### {}\n\n![{0}]({PICTURES}/{picture})\n",
                growth.title
            );
            let _ = writeln!(out, "{growth}");
        }
        for table in self.shown() {
            let picture = file(&table.name);
            let _ = writeln!(out, "### {}\n\n![{0}]({PICTURES}/{picture})\n", table.title);
            let _ = writeln!(out, "{table}");
        }
        out
    }

    /// Every line that has a target.
    fn write_targets(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| benchmark | program | ours / its, or figure | target | met |"
        );
        let _ = writeln!(out, "|---|---|--:|---|---|");
        for table in &self.tables {
            for line in &table.lines {
                let Some(target) = line.target else { continue };
                let figure = match (table.ratio(line), line.spread()) {
                    (Some(ratio), _) => format!("{ratio:.2}"),
                    (None, Some(spread)) => table.unit.show(spread.median),
                    (None, None) => "–".to_owned(),
                };
                let met = match table.verdict(line) {
                    None => "",
                    Some(true) => "yes",
                    Some(false) => "**no**",
                };
                let target = target.show(table.unit);
                let _ = writeln!(
                    out,
                    "| {} | {} | {figure} | {target} | {met} |",
                    table.name, line.name
                );
            }
        }
        for growth in growth::among(&self.tables) {
            let rise = growth.curves.first().map_or(f64::NAN, growth::Curve::rise);
            let _ = writeln!(
                out,
                "| {} | | rise × {rise:.2} | {} | {} |",
                growth.name,
                growth.target(),
                if growth.is_met() { "yes" } else { "**no**" }
            );
        }
        out.push('\n');
    }

    /// The tables that stand for themselves.
    fn shown(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| !growth::is_point(table))
    }
}

/// What ran where, in Markdown.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "```text")?;
        for command in &self.commands {
            writeln!(f, "{command}")?;
        }
        writeln!(f, "```\n\n{}; {}.", self.machine, self.programs)
    }
}

/// What a picture's file is called.
fn file(name: &str) -> String {
    format!("bench-{name}.svg")
}

/// A page with another text between its marks; `None` where it has none.
fn replaced(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, BEGIN, text, END, after].concat())
}

#[cfg(test)]
mod tests;
