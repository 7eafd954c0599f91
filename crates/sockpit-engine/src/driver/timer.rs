//! The clock of a driver: a timer that is cheap to push further.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;

use sockpit_core::time::Time;
use tokio::time::Sleep;

use crate::session::Scene;

/// A timer that is moved only when it would ring too late: a deadline that each message pushes
/// further costs nothing until it rings early and is set anew.
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    rings: Option<Time>,
}

impl Timer {
    /// Whether `wake` has come; arranges to be polled again when it does.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, scene: &Scene, wake: Option<Time>) -> bool {
        let Some(wake) = wake else { return false };
        loop {
            if self.rings.is_none_or(|rings| rings > wake) {
                let at = tokio::time::Instant::from_std(scene.shard.bus.clock().instant(wake));
                match &mut self.sleep {
                    Some(sleep) => sleep.as_mut().reset(at),
                    none => *none = Some(Box::pin(tokio::time::sleep_until(at))),
                }
                self.rings = Some(wake);
            }
            let sleep = self.sleep.as_mut().expect("it was made above");
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.rings = None;
            if scene.now() >= wake {
                return true;
            }
        }
    }
}
