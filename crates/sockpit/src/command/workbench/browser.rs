//! A browser that is opened for whoever sits at the terminal.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sockpit_engine::cause_text;

use crate::console::Console;

/// What opens a file with the program that the user has chosen for its sort.
const OPENER: &str = "xdg-open";

/// The file that leads a browser to the page; it is removed with this.
pub(super) struct Opened(PathBuf);

impl Drop for Opened {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = fs::remove_file(&self.0);
    }
}

/// Opens a browser where somebody sits in front of one.
///
/// Everybody on the machine can read the arguments of every program, and the token is for one: the
/// browser is given a file, which its owner alone can read, and which leads on (rule F2).
pub(super) fn open(url: &str, console: &Console) -> Option<Opened> {
    let has = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if !io::stdout().is_terminal() || !(has("DISPLAY") || has("WAYLAND_DISPLAY")) {
        return None;
    }
    match lead(url) {
        Ok(opened) => Some(opened),
        Err(error) => {
            let why = cause_text(&error);
            console.hint(&format!(
                "no browser was opened: {why}; open the URL yourself"
            ));
            None
        }
    }
}

fn lead(url: &str) -> io::Result<Opened> {
    let folder = env::var_os("XDG_RUNTIME_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let path = folder.join(format!("sockpit-{}.html", std::process::id()));
    // One that a dead program left, whose number was the same.
    let _ = fs::remove_file(&path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let opened = Opened(path);
    file.write_all(page(url).as_bytes())?;
    let mut child = Command::new(OPENER)
        .arg(&opened.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Whether it found a browser is seen on the screen.
    std::thread::spawn(move || child.wait());
    Ok(opened)
}

/// A page that is left at once. The URL is one of ours: letters, digits and `:/#=[].`.
fn page(url: &str) -> String {
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0;url={url}\">\n\
         <title>Sockpit</title>\n<a href=\"{url}\">Sockpit</a>\n"
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::page;

    #[test]
    fn the_page_leads_on_with_the_token() {
        let url = "http://127.0.0.1:1/#token=abc";
        assert!(page(url).contains(&format!("content=\"0;url={url}\"")));
    }

    #[test]
    fn f2_the_file_is_its_owners_alone_and_goes_with_the_workbench() {
        // Nothing is opened: there is no such program on a search path without folders.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lead.html");
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        drop(super::Opened(path.clone()));
        assert!(!path.exists());
    }
}
