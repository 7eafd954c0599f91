//! What is heard of the writing from elsewhere: that it has failed, that it is done.

use std::io;

use tokio::sync::oneshot;

/// What is rung at the end of the writing.
pub(super) struct Bells {
    /// When it has failed.
    pub(super) closed: oneshot::Sender<()>,
    pub(super) done: oneshot::Sender<io::Result<()>>,
}

impl Bells {
    pub(super) fn ring(self, result: io::Result<()>) {
        if result.is_err() {
            // The session may be over already.
            let _ = self.closed.send(());
        }
        // Who could not wait any longer has left.
        let _ = self.done.send(result);
    }
}

/// Writes on a thread of its own.
pub(super) fn on_thread(
    bells: Bells,
    write: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    std::thread::Builder::new()
        .name("sockpit-console".to_owned())
        .spawn(move || bells.ring(write()))
        .map(drop)
}

/// Waits for a bell; one that was taken away never rings.
pub(super) async fn rung(bell: &mut Option<oneshot::Receiver<()>>) {
    if let Some(waiting) = bell {
        let has_rung = waiting.await.is_ok();
        *bell = None;
        if has_rung {
            return;
        }
    }
    std::future::pending::<()>().await;
}
