//! The guide under `docs/guide`: every command on its pages is run, and what it prints has to be
//! what the page shows.
//!
//! A ```` ```console ```` block is what somebody sees on a terminal:
//!
//! | line | is |
//! |---|---|
//! | `$ command` | run by `sh` on a terminal of its own; a `\` at its end goes on in the next line |
//! | `> text` | typed at the prompt, and Return |
//! | `^C`, `^D` | that key |
//! | `...` | any lines |
//! | another | what is shown |
//!
//! ```` ```console terminal=server ```` is a terminal with a name: its program goes on running, and a
//! later block of that name shows what came since. ```` ```toml file=a.toml ```` is a file that is
//! there for the blocks below it. Ports of the page are exchanged for free ones. What may differ
//! from run to run stands in [`same`].
//!
//! `SOCKPIT_WRITE_GUIDE=all` (or a page's name, such as `talk`) writes what is printed into the
//! pages, in both languages.

mod page;
mod same;
mod stage;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use crate::support::need;
use page::Page;

/// Pages that are tried at the same time. They mostly wait.
const AT_ONCE: usize = 3;

#[test]
fn the_guide_shows_what_the_program_prints() {
    if !need("python3") {
        return;
    }
    let wanted = std::env::var("SOCKPIT_WRITE_GUIDE").ok();
    let is_wanted = |name: &str| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted == "all" || wanted == name)
    };
    let mut names = names(&folder());
    names.retain(|name| is_wanted(name));
    let left = Mutex::new(names.into_iter());
    let complaints = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some(name) = next else { return };
                    for complaint in try_page(&name, wanted.is_some()) {
                        complaints.lock().unwrap().push(complaint);
                    }
                }
            });
        }
    });
    let complaints = complaints.into_inner().unwrap();
    assert!(
        complaints.is_empty(),
        "{}\nIf the program is right: SOCKPIT_WRITE_GUIDE=all cargo test -p sockpit --test it guide",
        complaints.join("\n")
    );
}

#[test]
fn both_languages_show_the_same() {
    if std::env::var_os("SOCKPIT_WRITE_GUIDE").is_some() {
        return;
    }
    let (english, chinese) = (names(&folder()), names(&folder().join("zh-CN")));
    assert_eq!(chinese, english, "the pages of the guide");
    for name in english {
        let (english, chinese) = pages(&name);
        let (english, chinese) = (english.shared(), chinese.shared());
        for (english, chinese) in english.iter().zip(&chinese) {
            assert_eq!(chinese, english, "a block of zh-CN/{name}.md");
        }
        assert_eq!(chinese.len(), english.len(), "blocks of zh-CN/{name}.md");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut files: Vec<PathBuf> = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"]
        .map(|name| root().join(name))
        .into();
    for folder in [root().join("docs"), folder(), folder().join("zh-CN")] {
        files.extend(markdown(&folder));
    }
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().expect("a split has a first part");
            let path = link.split('#').next().expect("a split has a first part");
            if path.is_empty() || path.contains("://") || path.contains(' ') {
                continue;
            }
            let target = file.parent().expect("a file is in a folder").join(path);
            assert!(target.exists(), "{} links to {link}", file.display());
        }
    }
}

/// Runs both languages of a page, and says where they are wrong. Told to, it writes them anew.
fn try_page(name: &str, is_written: bool) -> Vec<String> {
    let (mut english, mut chinese) = pages(name);
    let mut complaints = Vec::new();
    let patience = if is_written {
        stage::Patience::UntilQuiet
    } else {
        stage::Patience::UntilRight
    };
    for page in [&mut english, &mut chinese] {
        let told = stage::play(page, patience);
        if !is_written {
            complaints.extend(told);
        } else if !told.is_empty() {
            page.is_changed = true;
        }
    }
    if is_written {
        complaints.extend(chinese.take_over(&english));
        for page in [english, chinese] {
            page.write();
        }
    }
    complaints
}

fn pages(name: &str) -> (Page, Page) {
    let file = format!("{name}.md");
    let english = Page::read(&folder().join(&file), page::Role::Whole);
    let chinese = Page::read(&folder().join("zh-CN").join(&file), page::Role::Own);
    (english, chinese)
}

/// The names of the pages in a folder.
fn names(folder: &Path) -> Vec<String> {
    let names: BTreeMap<String, ()> = markdown(folder)
        .iter()
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), ())))
        .collect();
    names.into_keys().collect()
}

fn markdown(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect()
}

fn folder() -> PathBuf {
    root().join("docs/guide")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
