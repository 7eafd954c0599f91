//! What a drone does when it is told something.

use std::net::IpAddr;

use super::body::{CEILING, Circle, Leg, normal_angle};
use super::{
    Busy, Drone, Executed, FLIP, Fix, KEPT, LIFT_SPEED, LOWEST, News, Phase, REBOOT_DELAY, SPIN,
    TAKEOFF_BATTERY, TAKEOFF_HEIGHT, THROW, Then, Ticket,
};
use crate::tello::command::{Command, MistakeKind, Order, Pad, Way};
use crate::tello::sdk::Sdk;
use crate::tello::words;
use crate::time::Time;

/// In cm: circles of `curve` outside of these are refused (SDK 2.0 user guide).
const RADII: std::ops::RangeInclusive<f64> = 50.0..=1000.0;

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing.
    Silence,
    /// This, at once.
    Now(String),
    /// What the end of the motion brings.
    Later(Ticket),
}

impl Answer {
    fn ok() -> Self {
        Self::told(words::OK)
    }

    fn error() -> Self {
        Self::told(words::ERROR)
    }

    fn told(text: &str) -> Self {
        Self::Now(text.to_owned())
    }
}

/// What a motion is refused with, or nothing at all.
type Refusal = Answer;

impl Drone {
    /// Whether a text is a motion, which faults of the flight befall.
    pub(super) fn is_motion(&self, text: &str) -> bool {
        let command = Command::parse(text, self.settings.sdk);
        command.is_ok_and(|command| is_motion(command.order()))
    }

    /// Does what a datagram says, at a time to which it was moved on; `error` is answered in its
    /// place.
    pub(super) fn obey(
        &mut self,
        now: Time,
        client: IpAddr,
        text: &str,
        error: Option<&'static str>,
    ) -> Answer {
        if text.is_empty() {
            return Answer::Silence;
        }
        let sdk = self.settings.sdk;
        let parsed = match text.strip_prefix('!') {
            Some(_) => Err(MistakeKind::Unknown),
            None => Command::parse(text, sdk).map_err(|mistake| mistake.kind()),
        };
        // The controller answers for itself, whatever the drone is doing.
        if sdk == Sdk::Rmtt && (text == "EXT" || text.starts_with("EXT ")) {
            return self.obey_controller(text, parsed.is_ok());
        }
        let is_entry = matches!(&parsed, Ok(command) if *command.order() == Order::Command);
        if !self.is_in_sdk_mode && !is_entry {
            return Answer::Silence;
        }
        let command = match parsed {
            Ok(command) => command,
            Err(kind) => return self.refuse(text, kind),
        };
        self.heard = now;
        if let Some(error) = error {
            return Answer::told(error);
        }
        self.carry_out(now, client, &command)
    }

    /// What a text gets that is no command of this firmware.
    fn refuse(&self, text: &str, kind: MistakeKind) -> Answer {
        let word = text.split(' ').next().unwrap_or_default();
        match kind {
            MistakeKind::Empty => Answer::Silence,
            MistakeKind::Unknown | MistakeKind::NotInSdk => Answer::Now(words::unknown(word)),
            MistakeKind::Range if self.settings.sdk != Sdk::V1_3 => {
                Answer::told(words::OUT_OF_RANGE)
            }
            _ => Answer::error(),
        }
    }

    fn obey_controller(&self, text: &str, is_right: bool) -> Answer {
        let subject = text.split(' ').nth(1).unwrap_or_default();
        let done = if is_right { "ok" } else { "error" };
        match subject {
            "led" => Answer::Now(format!("led {done}")),
            "mled" => Answer::Now(format!("matrix {done}")),
            // Nothing stands before it: the sensor says that it is out of range.
            "tof?" => Answer::told("tof 8192"),
            "version?" => Answer::told("version esp32v1.0.0.11"),
            _ => Answer::Now(words::unknown(text)),
        }
    }

    fn carry_out(&mut self, now: Time, client: IpAddr, command: &Command) -> Answer {
        let order = command.order();
        match order {
            Order::Command => return self.enter(client),
            Order::Emergency => return self.stop_motors(),
            Order::Stop => return self.stop(now),
            Order::Reboot => {
                if self.phase != Phase::Ground {
                    return Answer::error();
                }
                self.restart(now);
                return Answer::Silence;
            }
            Order::Query(query) => return Answer::Now(format!("{}\r\n", self.value(*query))),
            _ => {}
        }
        if !is_motion(order) {
            return self.set(now, order);
        }
        let begun = self.begin_motion(now, order);
        if let Ok(ticket) = begun {
            if self.executed.len() >= KEPT {
                self.executed.pop_front();
            }
            self.executed.push_back(Executed {
                at: now,
                command: command.to_string(),
            });
            return Answer::Later(ticket);
        }
        begun.map_or_else(|refusal| refusal, Answer::Later)
    }

    fn enter(&mut self, client: IpAddr) -> Answer {
        if !self.settings.is_active && self.settings.sdk >= Sdk::V3_0 {
            return Answer::told(words::UNACTIVE);
        }
        let is_news = !self.is_in_sdk_mode || self.client != Some(client);
        self.is_in_sdk_mode = true;
        self.client = Some(client);
        if is_news {
            self.tell(News::Client);
        }
        Answer::ok()
    }

    fn stop_motors(&mut self) -> Answer {
        self.settle_job(words::MOTOR_STOP);
        if self.phase.is_airborne() {
            self.tell(News::Fell);
        }
        self.body.fall();
        self.draw_track();
        self.phase = Phase::Ground;
        // Firmware of the EDU carries it out and says nothing (Tello-Python, issue 85).
        match self.settings.sdk {
            Sdk::V2_0 => Answer::Silence,
            _ => Answer::ok(),
        }
    }

    fn stop(&mut self, now: Time) -> Answer {
        let may_hover = self.phase.is_airborne() && self.body.pose().at[2] >= LOWEST;
        if !may_hover {
            return Answer::ok();
        }
        if self.has_low_battery {
            return Answer::told(words::AUTO_LAND);
        }
        self.settle_job(words::FORCED_STOP);
        self.body.halt();
        self.phase = Phase::Flying;
        self.settled = now;
        Answer::ok()
    }

    /// Takes a setting, and what is done at once.
    fn set(&mut self, now: Time, order: &Order) -> Answer {
        let sdk = self.settings.sdk;
        match order {
            Order::Sticks(sticks) => {
                // A unit of the sticks is a cm/s or a degree a second here; left is positive there.
                let [right, ahead, up, turn] = sticks.map(f64::from);
                if self.phase == Phase::Flying {
                    self.body.steer([ahead, -right, up, turn]);
                }
                return Answer::Silence;
            }
            Order::Speed(speed) => self.speed = f64::from(*speed),
            Order::Stream(is_on) => {
                self.video.is_on = *is_on;
                self.tell(News::Video);
            }
            Order::Motor(is_on) => {
                if self.phase != Phase::Ground {
                    return Answer::error();
                }
                self.has_motor_on = *is_on;
            }
            Order::Pads(is_on) => self.detection.is_on = *is_on,
            Order::PadDirection(direction) => {
                if !self.detection.is_on {
                    return Answer::error();
                }
                self.detection.looks_down = *direction != 1;
            }
            Order::Ports { state, video } => {
                (self.state_port, self.video.port) = (*state, *video);
                self.tell(News::Ports);
                if self.video.is_on {
                    self.tell(News::Video);
                }
            }
            Order::FrameRate(rate) => self.video.rate = (*rate).max(1),
            Order::Wifi(_) if sdk >= Sdk::V3_0 => {
                return self.restart_soon(now, words::REBOOT_3_0);
            }
            Order::AccessPoint(network) => {
                self.access_point = format!("{} {}", network.ssid, network.password);
                let reply = match sdk {
                    Sdk::V1_3 | Sdk::V2_0 => words::REBOOT_2_0,
                    Sdk::V3_0 | Sdk::Rmtt => words::REBOOT_3_0,
                };
                return self.restart_soon(now, reply);
            }
            _ => {}
        }
        Answer::ok()
    }

    fn restart_soon(&mut self, now: Time, reply: &str) -> Answer {
        if self.phase != Phase::Ground {
            return Answer::error();
        }
        self.reboot_at = Some(now + REBOOT_DELAY);
        Answer::told(reply)
    }

    fn begin_motion(&mut self, now: Time, order: &Order) -> Result<Ticket, Refusal> {
        match (self.phase, order) {
            (Phase::Landing { by_itself: true }, _) => return Err(Answer::told(words::AUTO_LAND)),
            (Phase::Rising | Phase::Landing { .. } | Phase::Ground, Order::Land)
            | (Phase::Flying, Order::Takeoff | Order::ThrowFly) => return Err(Answer::error()),
            (Phase::Flying, Order::Land) => self.settle_job(words::FORCED_STOP),
            _ if self.manoeuvre.is_some() => {
                return Err(match self.settings.busy {
                    Busy::Refuse => Answer::told(words::NOT_JOYSTICK),
                    Busy::Ignore => Answer::Silence,
                });
            }
            (Phase::Ground, Order::Takeoff | Order::ThrowFly)
                if self.battery >= TAKEOFF_BATTERY => {}
            (Phase::Ground, _) => return Err(Answer::told(words::MOTOR_STOP)),
            _ => {}
        }
        let ticket = Ticket(self.tickets);
        let then = self.push_motion(now, order, ticket)?;
        self.tickets += 1;
        if !matches!(order, Order::Land) {
            self.begin(now, Some(ticket), then);
        }
        Ok(ticket)
    }

    /// Sets the body going.
    fn push_motion(
        &mut self,
        now: Time,
        order: &Order,
        ticket: Ticket,
    ) -> Result<Option<Then>, Refusal> {
        match order {
            Order::Takeoff | Order::ThrowFly => {
                self.has_motor_on = false;
                self.phase = Phase::Rising;
                self.body.halt();
                if *order == Order::ThrowFly {
                    self.body.push(Leg::Wait, self.hastened(THROW));
                }
                self.body.push(Leg::Wait, self.hastened(SPIN));
                let pose = self.body.pose();
                self.push_straight([pose.at[0], pose.at[1], TAKEOFF_HEIGHT], LIFT_SPEED);
                self.body.push(Leg::Wait, self.hastened(SPIN));
            }
            Order::Land => self.begin_landing(now, false, Some(ticket)),
            Order::Move { way, cm } => {
                let cm = f64::from(*cm);
                let ahead = match way {
                    Way::Up => [0.0, 0.0, cm],
                    Way::Down => [0.0, 0.0, -cm],
                    Way::Left => [0.0, cm, 0.0],
                    Way::Right => [0.0, -cm, 0.0],
                    Way::Forward => [cm, 0.0, 0.0],
                    Way::Back => [-cm, 0.0, 0.0],
                };
                let to = within_height(self.body.pose().place(ahead));
                self.push_straight(to, self.speed);
                self.push_settle();
            }
            Order::Turn { degrees } => {
                self.push_turn(f64::from(*degrees));
                self.push_settle();
            }
            Order::Flip(way) => {
                let (pitch, roll) = match way {
                    Way::Forward => (-1.0, 0.0),
                    Way::Back => (1.0, 0.0),
                    Way::Left => (0.0, -1.0),
                    _ => (0.0, 1.0),
                };
                self.body
                    .push(Leg::Flip { pitch, roll }, self.hastened(FLIP));
                self.push_settle();
            }
            Order::Go { to, speed, pad } => {
                let to = self.target(to.map(f64::from), *pad)?;
                self.push_straight(to, f64::from(*speed));
                self.push_settle();
            }
            Order::Curve {
                through,
                to,
                speed,
                pad,
            } => {
                let through = self.target(through.map(f64::from), *pad)?;
                let to = self.target(to.map(f64::from), *pad)?;
                let circle = Circle::through(self.body.pose().at, through, to);
                let circle = circle.filter(|circle| RADII.contains(&circle.radius));
                let circle = circle.ok_or_else(Answer::error)?;
                let span = self.span(circle.length() / f64::from(*speed).max(1.0));
                self.body.push(Leg::Arc(circle), span);
                self.push_settle();
            }
            Order::Jump {
                to,
                speed,
                yaw,
                from,
                onto,
            } => {
                let place = self.target(to.map(f64::from), Some(*from))?;
                self.push_straight(place, f64::from(*speed));
                return Ok(Some(Then {
                    onto: *onto,
                    height: f64::from(to[2]),
                    speed: f64::from(*speed),
                    yaw: f64::from(*yaw),
                }));
            }
            _ => {}
        }
        Ok(None)
    }

    /// The second part of a jump, over the pad that has to be there.
    pub(super) fn carry_on(
        &mut self,
        then: Then,
        ticket: Option<Ticket>,
    ) -> Result<(), &'static str> {
        let fix = self.find(then.onto).ok_or(words::NO_VALID_MARKER)?;
        let place = self.place(&fix, [0.0, 0.0, then.height]);
        self.push_straight(within_height(place), then.speed);
        self.push_turn(normal_angle(then.yaw - fix.yaw));
        self.push_settle();
        self.begin(self.now, ticket, None);
        Ok(())
    }

    /// Where a motion goes: as the drone sees it, or in the frame of a pad that it has to see.
    fn target(&self, to: [f64; 3], pad: Option<Pad>) -> Result<[f64; 3], Refusal> {
        let place = match pad {
            None => self.body.pose().place(to),
            Some(pad) => {
                let fix = self
                    .find(pad)
                    .ok_or_else(|| Answer::told(words::NO_VALID_MARKER))?;
                self.place(&fix, to)
            }
        };
        Ok(within_height(place))
    }

    fn find(&self, pad: Pad) -> Option<Fix> {
        match pad {
            Pad::Number(id) => self.fixes().find(|fix| fix.id == id),
            Pad::Any => self.fixes().next(),
            Pad::Nearest => self.seen(),
        }
    }

    /// The place in the room of a point in the frame of the pad of a fix.
    fn place(&self, fix: &Fix, at: [f64; 3]) -> [f64; 3] {
        let pose = self.body.pose();
        let seen = |pad: &&super::Pad| pad.fix(&pose).is_some_and(|other| other == *fix);
        let pad = self.settings.pads.iter().find(seen);
        pad.map_or(pose.at, |pad| pad.place(at))
    }
}

/// What takes the drone from where it is.
fn is_motion(order: &Order) -> bool {
    matches!(
        order,
        Order::Takeoff
            | Order::Land
            | Order::ThrowFly
            | Order::Move { .. }
            | Order::Turn { .. }
            | Order::Flip(_)
            | Order::Go { .. }
            | Order::Curve { .. }
            | Order::Jump { .. }
    )
}

/// It does not fly lower than it hovers, nor through the ceiling.
fn within_height(mut place: [f64; 3]) -> [f64; 3] {
    place[2] = place[2].clamp(LOWEST, CEILING);
    place
}
