//! What is sent again and again: `/every`.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Texts that are sent in a rhythm, each in its own.
#[derive(Default)]
pub(super) struct Beats {
    beats: Vec<Beat>,
}

struct Beat {
    every: Duration,
    text: String,
    next: Instant,
}

/// How many may run at once.
const MAX_BEATS: usize = 100;

impl Beats {
    /// Sends `text` now and after each `every`; `false` where too many run.
    pub(super) fn add(&mut self, every: Duration, text: String) -> bool {
        let has_room = self.beats.len() < MAX_BEATS;
        if has_room {
            self.beats.push(Beat {
                every,
                text,
                next: Instant::now(),
            });
        }
        has_room
    }

    /// Stops them all.
    pub(super) fn stop(&mut self) {
        self.beats.clear();
    }

    /// Waits for the next text that is due. Cancel-safe.
    pub(super) async fn due(&mut self) -> String {
        let Some(beat) = self.beats.iter_mut().min_by_key(|beat| beat.next) else {
            return std::future::pending().await;
        };
        sleep_until(beat.next).await;
        // What a slow peer made late is left out.
        beat.next = (beat.next + beat.every).max(Instant::now());
        beat.text.clone()
    }
}
