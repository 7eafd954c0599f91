//! What was noteworthy in a capture, by how much it is to trouble the reader.

use sockpit_core::flow::{Label, Labels, Severity};

use crate::console::Console;

/// Frames that are named of each sort.
const NAMED: usize = 8;

/// Counts what is noteworthy.
pub(super) struct Expert {
    found: [Found; Label::ALL.len()],
    malformed: Found,
    lost: Found,
}

#[derive(Clone, Debug, Default)]
struct Found {
    count: u64,
    frames: Vec<u64>,
}

impl Found {
    fn take(&mut self, frame: u64, count: u64) {
        self.count = self.count.saturating_add(count);
        if self.frames.len() < NAMED {
            self.frames.push(frame);
        }
    }

    fn cells(&self, severity: &str, name: &str) -> Vec<String> {
        let mut frames: Vec<String> = self
            .frames
            .iter()
            .map(|frame| format!("#{frame}"))
            .collect();
        if self.count > frames.len() as u64 {
            frames.push("…".to_owned());
        }
        vec![
            severity.to_owned(),
            self.count.to_string(),
            name.to_owned(),
            frames.join(" "),
        ]
    }
}

impl Expert {
    pub(super) fn new() -> Self {
        Self {
            found: std::array::from_fn(|_| Found::default()),
            malformed: Found::default(),
            lost: Found::default(),
        }
    }

    pub(super) fn take(&mut self, frame: u64, labels: Labels, is_malformed: bool, lost: u64) {
        for label in labels.iter() {
            if let Some(found) = self.found.get_mut(label as usize) {
                found.take(frame, 1);
            }
        }
        if is_malformed {
            self.malformed.take(frame, 1);
        }
        if lost > 0 {
            self.lost.take(frame, lost);
        }
    }

    /// Shows what there was, the gravest first.
    pub(super) fn show(&self, console: &Console) {
        let mut rows = Vec::new();
        if self.malformed.count > 0 {
            rows.push(self.malformed.cells("error", "malformed"));
        }
        if self.lost.count > 0 {
            rows.push(
                self.lost
                    .cells("warn", "packets lost by the capture before"),
            );
        }
        let grades = [
            (Severity::Error, "error"),
            (Severity::Warn, "warn"),
            (Severity::Note, "note"),
            (Severity::Chat, "chat"),
        ];
        for (severity, word) in grades {
            let labels = Label::ALL
                .iter()
                .filter(|label| label.severity() == severity);
            for label in labels {
                match self.found.get(*label as usize) {
                    Some(found) if found.count > 0 => rows.push(found.cells(word, label.name())),
                    _ => {}
                }
            }
        }
        if rows.is_empty() {
            console.tell("nothing noteworthy\n");
            return;
        }
        console.table(&["SEVERITY", "COUNT", "WHAT", "PACKETS"], &rows);
    }
}
