//! The clock of a driver: a timer that is cheap to push further.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use sockpit_core::time::Time;
use tokio::time::Sleep;

use crate::session::Scene;

/// Who is told of a time so much later was stopped, or others had the processor.
const LATE: Duration = Duration::from_millis(20);

/// A timer that is moved only when it would ring too late: a deadline that each message pushes
/// further costs nothing until it rings early and is set anew.
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    rings: Option<Time>,
    /// Ready once the system was asked what came until now.
    look: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Timer {
    /// Whether `wake` has come; arranges to be polled again when it does. Where it came long ago, only
    /// after the system was asked what else there is: what came in time is to be found in time.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, scene: &Scene, wake: Option<Time>) -> bool {
        let Some(wake) = wake else { return false };
        let mut has_looked = false;
        if let Some(look) = &mut self.look {
            if look.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.look = None;
            has_looked = true;
        }
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
            let now = scene.now();
            if now < wake {
                continue;
            }
            if has_looked || now - wake < LATE {
                return true;
            }
            let mut look: Pin<Box<dyn Future<Output = ()>>> = Box::pin(tokio::task::yield_now());
            // It is not ready at once: it has the runtime ask the system first.
            if look.as_mut().poll(cx).is_pending() {
                self.look = Some(look);
                return false;
            }
            return true;
        }
    }
}
