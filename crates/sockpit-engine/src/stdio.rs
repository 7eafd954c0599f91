//! The ends of stdio that only the system can tell of.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use sockpit_sys::poll::{Interest, wait};
use tokio::sync::oneshot;

/// Rings when nobody can read any more what is written to `output`. It never does for files,
/// devices and terminals.
///
/// # Errors
///
/// Returns the system's error where it gives no thread.
pub fn reader_gone(output: OwnedFd) -> io::Result<oneshot::Receiver<()>> {
    let (sender, gone) = oneshot::channel();
    // A thread, because a descriptor that others share cannot be waited for by a runtime without
    // being changed for them. It waits as long as the process lives.
    std::thread::Builder::new()
        .name("sockpit-stdout".to_owned())
        .spawn(move || {
            let mut interests = [Interest::to_close(output.as_fd())];
            if wait(&mut interests, None).is_ok() && interests[0].is_gone() {
                // The session may be over by then.
                let _ = sender.send(());
            }
        })?;
    Ok(gone)
}
