//! What a command runs on while it waits.

use std::future::Future;

use tokio::time::Instant;

/// Carries something out on one thread. One that still reads a terminal or looks up a name when it
/// is done does not keep the process.
///
/// # Errors
///
/// What the work gives, and the system's where it gives no runtime.
pub(crate) fn carry_out<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// Waits until `time`, which never comes where there is none. Cancel-safe.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
