//! Why there is no capture, and what helps.

use std::io;

use sockpit_sys::route::Link;

use super::command;
use super::place::Spot;
use crate::error::cause_text;

/// Why there is no capture: a sentence, and a command that helps where there is one.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Refusal {
    kind: RefusalKind,
    sentence: String,
    command: Option<String>,
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// This user may not capture. All that needs no packets still works.
    Privilege,
    /// There is no such interface, or it is down.
    Interface,
    /// The system cannot capture.
    System,
}

impl Refusal {
    pub(super) fn new(kind: RefusalKind, sentence: impl Into<String>) -> Self {
        Self {
            kind,
            sentence: sentence.into(),
            command: None,
        }
    }

    pub(super) fn with_command(self, command: impl Into<String>) -> Self {
        Self {
            command: Some(command.into()),
            ..self
        }
    }

    /// The system refused something for which there is no advice.
    pub(crate) fn failed(error: &io::Error) -> Self {
        let cause = cause_text(error);
        Self::new(
            RefusalKind::System,
            format!("cannot capture packets: {cause}"),
        )
    }

    /// An interface that is not there.
    pub(super) fn no_interface(name: &str, links: &[Link]) -> Self {
        let names: Vec<String> = links
            .iter()
            .map(|link| format!("`{}`", link.name))
            .collect();
        let sentence = format!(
            "there is no interface `{name}`; there are {} and `any`",
            names.join(", ")
        );
        Self::new(RefusalKind::Interface, sentence)
    }

    /// What the kernel said of a tap, privileges apart.
    pub(super) fn of_tap(spot: &Spot, error: &io::Error) -> Self {
        let name = spot.name();
        match error.raw_os_error() {
            Some(NO_DEVICE) => Self::new(
                RefusalKind::Interface,
                format!("the interface `{name}` is gone"),
            ),
            Some(NO_FAMILY) => Self::new(
                RefusalKind::System,
                "this kernel has no packet sockets; they are in its module `af_packet`",
            )
            .with_command(command::LOAD_MODULE),
            _ if error.kind() == io::ErrorKind::NetworkDown => {
                let sentence = format!("the interface `{name}` is down");
                Self::new(RefusalKind::Interface, sentence).with_command(command::switch_on(name))
            }
            _ => Self::failed(error),
        }
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// The command that helps, as it is typed into a shell.
    #[must_use]
    pub fn command(&self) -> Option<&str> {
        self.command.as_deref()
    }
}

/// `ENODEV` and `EAFNOSUPPORT` of Linux, for which there is no word in [`io::ErrorKind`].
const NO_DEVICE: i32 = 19;
const NO_FAMILY: i32 = 97;
