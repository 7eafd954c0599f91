//! How a flight ends: the drones land, or their motors are stopped.

use std::time::Duration;

use sockpit_core::tello::command::{Command, Order};
use tokio::time::{Instant, sleep_until};

use super::Audience;
use super::flight::{End, Flight, Origin};

/// How often a drone that refuses is told to land. To land twice does no harm.
const LANDINGS: usize = 3;

/// Who relays signals may relay one twice: so soon after the first it is the same. Long enough for a
/// busy machine, on which one must not become two, as the drones would fall.
const SAME_SIGNAL: Duration = Duration::from_millis(300);

/// How long a drone is waited for at whose port nobody listens.
const GONE: Duration = Duration::from_secs(10);

/// A landing takes a few seconds; no drone takes as long as this for one.
const LANDING_TIME: Duration = Duration::from_secs(20);

/// How often it is looked whether a drone says that it stands on the ground.
const LOOK: Duration = Duration::from_millis(200);

/// Real drones often do not answer `emergency`; the datagrams have left by then.
const EMERGENCY_TIME: Duration = Duration::from_millis(700);

/// What somebody wants who does not wait for a landing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// That the motors stop, and the drones fall.
    StopMotors,
    /// To leave at once.
    Leave,
}

/// Where such wishes come from.
pub trait Wishes {
    /// Waits for the next one. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Wish> + Send;
}

/// How the drones came down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// All are on the ground.
    All,
    /// At least one did not say that it is.
    Unsure,
    /// The motors were stopped.
    Stopped,
    /// Nobody waited for it.
    Left,
}

impl<A: Audience> Flight<A> {
    /// Lands every drone that flies and waits for it, unless somebody wishes otherwise meanwhile.
    pub async fn land(&mut self, wishes: &mut impl Wishes) -> Landed {
        let up: Vec<usize> = (0..self.count())
            .filter(|drone| self.is_up(*drone))
            .collect();
        if up.is_empty() {
            return Landed::All;
        }
        self.show.landing(up.len());
        for &drone in &up {
            self.swarm.drones[drone].clear().await;
            self.order(drone, Command::land(), Origin::Landing).await;
        }
        let mut left = vec![LANDINGS; self.count()];
        let mut waiting = up;
        let mut is_sure = true;
        let began = Instant::now();
        let mut until = began + LANDING_TIME;
        while !waiting.is_empty() {
            let event = tokio::select! {
                biased;
                wish = wishes.next() => match wish {
                    Wish::StopMotors if began.elapsed() < SAME_SIGNAL => continue,
                    Wish::StopMotors => {
                        self.stop_motors().await;
                        return Landed::Stopped;
                    }
                    Wish::Leave => return Landed::Left,
                },
                event = self.next() => Some(event),
                () = sleep_until(until.min(Instant::now() + LOOK)) => None,
            };
            let Some(event) = event else {
                for (drone, _) in self.notice_landings() {
                    waiting.retain(|it| *it != drone);
                }
                let are_gone = waiting.iter().all(|drone| self.is_gone(*drone));
                if Instant::now() < until && !(are_gone && began.elapsed() >= GONE) {
                    continue;
                }
                for drone in waiting.drain(..) {
                    is_sure &= self.is_down(drone);
                }
                break;
            };
            let Some(heard) = self.hear(&event).await else {
                continue;
            };
            let drone = heard.drone;
            let Some((given, end)) = heard.ended else {
                continue;
            };
            if given.origin != Origin::Landing || *given.command.order() != Order::Land {
                continue;
            }
            match end {
                End::Done => waiting.retain(|it| *it != drone),
                // A drone on the ground refuses to land.
                End::Refused if self.is_down(drone) => waiting.retain(|it| *it != drone),
                End::Refused if left[drone] > 1 => {
                    left[drone] -= 1;
                    until = Instant::now() + LANDING_TIME;
                    // It may be busy; it is asked again as soon as it answers.
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    self.order(drone, Command::land(), Origin::Landing).await;
                }
                _ => {
                    is_sure &= self.is_down(drone);
                    waiting.retain(|it| *it != drone);
                }
            }
        }
        if is_sure {
            self.show.say("landed");
            Landed::All
        } else {
            self.show.error(
                "a drone did not say that it has landed; it lands by itself 15 s after the last command",
            );
            Landed::Unsure
        }
    }

    /// Stops the motors of every drone.
    pub async fn stop_motors(&mut self) {
        self.show.error("emergency: the motors stop");
        for drone in 0..self.count() {
            self.order(drone, Command::emergency(), Origin::Landing)
                .await;
        }
        let until = Instant::now() + EMERGENCY_TIME;
        loop {
            tokio::select! {
                event = self.next() => drop(self.hear(&event).await),
                () = sleep_until(until) => return,
            }
        }
    }
}
