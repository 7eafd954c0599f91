//! What a command means, in types: what a simulated drone obeys and a dry run draws.

use std::fmt;
use std::time::Duration;

use super::super::sdk::Sdk;
use super::super::words::ext;
use super::mistake::Mistake;
use super::table::Form;

/// What a command means.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// `command`
    Command,
    /// `takeoff`
    Takeoff,
    /// `land`
    Land,
    /// `emergency`
    Emergency,
    /// `stop`
    Stop,
    /// `keepalive`
    KeepAlive,
    /// `throwfly`
    ThrowFly,
    /// `reboot`
    Reboot,
    /// `up`, `down`, `left`, `right`, `forward`, `back`
    Move {
        /// Where to, as the drone looks.
        way: Way,
        /// How far.
        cm: i32,
    },
    /// `cw` and `ccw`
    Turn {
        /// How far, clockwise where it is positive.
        degrees: i32,
    },
    /// `flip`
    Flip(Way),
    /// `go`
    Go {
        /// Ahead, left and up, in cm: from where it is, or from the pad.
        to: [i32; 3],
        /// In cm/s.
        speed: i32,
        /// Over which pad.
        pad: Option<Pad>,
    },
    /// `curve`
    Curve {
        /// The point on the way, in cm as of `go`.
        through: [i32; 3],
        /// The point at the end.
        to: [i32; 3],
        /// In cm/s.
        speed: i32,
        /// Over which pad.
        pad: Option<Pad>,
    },
    /// `jump`
    Jump {
        /// Where, over the first pad, it looks for the second, in cm.
        to: [i32; 3],
        /// In cm/s.
        speed: i32,
        /// Where it looks in the end, in degrees of the second pad.
        yaw: i32,
        /// The first pad.
        from: Pad,
        /// The second pad.
        onto: Pad,
    },
    /// `streamon` and `streamoff`
    Stream(bool),
    /// `motoron` and `motoroff`
    Motor(bool),
    /// `downvision`
    DownVision(bool),
    /// `speed`, in cm/s
    Speed(i32),
    /// `rc`: right, ahead, up, clockwise, each from -100 to 100
    Sticks([i32; 4]),
    /// `mon` and `moff`
    Pads(bool),
    /// `mdirection`: 0 down, 1 ahead, 2 both
    PadDirection(i32),
    /// `port`
    Ports {
        /// Where the state goes.
        state: u16,
        /// Where the video goes.
        video: u16,
    },
    /// `setfps`, in frames a second
    FrameRate(u32),
    /// `setbitrate`, in Mbit/s; 0 is automatic
    BitRate(i32),
    /// `setresolution`
    Resolution {
        /// Whether it is 720P; otherwise 480P.
        is_high: bool,
    },
    /// `wifisetchannel`
    Channel(i32),
    /// `wifi`: its own network
    Wifi(Network),
    /// `ap`: a router to join
    AccessPoint(Network),
    /// `multiwifi`: the controller's network
    MultiWifi(Network),
    /// Every question.
    Query(Query),
    /// What the controller does: the text after `EXT `.
    Ext(String),
    /// What is sent as it is.
    Raw(String),
}

/// A Wi-Fi network.
#[derive(Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub ssid: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Network {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("ssid", &self.ssid)
            .finish_non_exhaustive()
    }
}

/// A direction, as the drone looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Up.
    Up,
    /// Down.
    Down,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Ahead.
    Forward,
    /// Backwards.
    Back,
}

impl Way {
    /// A centimetre that way: ahead, left and up.
    #[must_use]
    pub const fn unit(self) -> [i32; 3] {
        match self {
            Self::Up => [0, 0, 1],
            Self::Down => [0, 0, -1],
            Self::Left => [0, 1, 0],
            Self::Right => [0, -1, 0],
            Self::Forward => [1, 0, 0],
            Self::Back => [-1, 0, 0],
        }
    }
}

/// A mission pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pad {
    /// The pad of a number from 1 to 8.
    Number(u8),
    /// `m-1`: the first that is found.
    Any,
    /// `m-2`: the nearest.
    Nearest,
}

impl Pad {
    /// The pad of a word such as `m3`.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "m-1" => Some(Self::Any),
            "m-2" => Some(Self::Nearest),
            _ => {
                let number = word.strip_prefix('m')?.parse().ok()?;
                (1..=8).contains(&number).then_some(Self::Number(number))
            }
        }
    }
}

impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "m{number}"),
            Self::Any => f.write_str("m-1"),
            Self::Nearest => f.write_str("m-2"),
        }
    }
}

macro_rules! queries {
    ($($(#[$doc:meta])+ $variant:ident $text:expr,)*) => {
        /// What can be asked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Query {
            $($(#[$doc])+ $variant,)*
        }

        impl Query {
            /// Every question.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The command that asks it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

queries! {
    /// How fast it flies.
    Speed "speed?",
    /// How full the battery is.
    Battery "battery?",
    /// How long the motors have run.
    Time "time?",
    /// How high it is.
    Height "height?",
    /// How warm it is.
    Temperature "temp?",
    /// How it is inclined and turned.
    Attitude "attitude?",
    /// The height by the barometer.
    Baro "baro?",
    /// How it accelerates.
    Acceleration "acceleration?",
    /// How far the ground is.
    Tof "tof?",
    /// How good the signal is.
    Wifi "wifi?",
    /// Which SDK it speaks.
    Sdk "sdk?",
    /// Its serial number.
    SerialNumber "sn?",
    /// Whether its controller is plugged in.
    Hardware "hardware?",
    /// The version of the controller's Wi-Fi.
    WifiVersion "wifiversion?",
    /// The router that it joins.
    AccessPoint "ap?",
    /// The name of its network.
    Ssid "ssid?",
    /// Whether it has been activated.
    Active "active?",
    /// The version of its firmware.
    Version "version?",
    /// How far away what lies ahead is.
    ExtTof ext::TOF,
    /// The version of the controller.
    ExtVersion ext::VERSION,
}

impl Order {
    /// The meaning of a form with checked values.
    pub(super) fn of(form: &Form, values: &[String]) -> Self {
        let word = |index: usize| values.get(index).map_or("", String::as_str);
        let number = |index: usize| word(index).parse::<i32>().unwrap_or_default();
        let point = |index: usize| [number(index), number(index + 1), number(index + 2)];
        let pad = |index: usize| Pad::of(word(index));
        let port = |index: usize| word(index).parse().unwrap_or_default();
        let network = || Network {
            ssid: word(0).to_owned(),
            password: word(1).to_owned(),
        };
        let step = |way: Way| Self::Move { way, cm: number(0) };
        if let Some(query) = Query::ALL.iter().find(|query| query.as_str() == form.name) {
            return Self::Query(*query);
        }
        match form.name {
            "command" => Self::Command,
            "takeoff" => Self::Takeoff,
            "land" => Self::Land,
            "emergency" => Self::Emergency,
            "stop" => Self::Stop,
            "keepalive" => Self::KeepAlive,
            "throwfly" => Self::ThrowFly,
            "reboot" => Self::Reboot,
            "up" => step(Way::Up),
            "down" => step(Way::Down),
            "left" => step(Way::Left),
            "right" => step(Way::Right),
            "forward" => step(Way::Forward),
            "back" => step(Way::Back),
            "cw" => Self::Turn { degrees: number(0) },
            "ccw" => Self::Turn {
                degrees: -number(0),
            },
            "flip" => Self::Flip(match word(0) {
                "l" => Way::Left,
                "r" => Way::Right,
                "f" => Way::Forward,
                _ => Way::Back,
            }),
            "go" => Self::Go {
                to: point(0),
                speed: number(3),
                pad: pad(4),
            },
            "curve" => Self::Curve {
                through: point(0),
                to: point(3),
                speed: number(6),
                pad: pad(7),
            },
            "jump" => Self::Jump {
                to: point(0),
                speed: number(3),
                yaw: number(4),
                from: pad(5).unwrap_or(Pad::Any),
                onto: pad(6).unwrap_or(Pad::Any),
            },
            "streamon" => Self::Stream(true),
            "streamoff" => Self::Stream(false),
            "motoron" => Self::Motor(true),
            "motoroff" => Self::Motor(false),
            "downvision" => Self::DownVision(word(0) == "1"),
            "speed" => Self::Speed(number(0)),
            "rc" => Self::Sticks([number(0), number(1), number(2), number(3)]),
            "mon" => Self::Pads(true),
            "moff" => Self::Pads(false),
            "mdirection" => Self::PadDirection(number(0)),
            "port" => Self::Ports {
                state: port(0),
                video: port(1),
            },
            "setfps" => Self::FrameRate(match word(0) {
                "high" => 30,
                "middle" => 15,
                _ => 5,
            }),
            "setbitrate" => Self::BitRate(number(0)),
            "setresolution" => Self::Resolution {
                is_high: word(0) == "high",
            },
            "wifisetchannel" => Self::Channel(number(0)),
            "wifi" => Self::Wifi(network()),
            "ap" => Self::AccessPoint(network()),
            "multiwifi" => Self::MultiWifi(network()),
            name => {
                let name = name.strip_prefix("EXT ").unwrap_or(name);
                let mut text = name.to_owned();
                for value in values {
                    text.push(' ');
                    text.push_str(value);
                }
                Self::Ext(text)
            }
        }
    }

    /// Checks what no single argument can say.
    pub(super) fn check(&self, form: &Form, sdk: Sdk) -> Result<(), Mistake> {
        let _ = sdk;
        let near = |point: &[i32; 3]| point.iter().all(|part| part.abs() < SHORTEST_CM);
        let name = form.name;
        match self {
            // Over a pad a point is a place, not a way: even the pad itself can be flown to.
            Self::Go { to, pad: None, .. } if near(to) => Err(Mistake::Near { name }),
            Self::Curve {
                through,
                to,
                pad: None,
                ..
            } => {
                if near(through) || near(to) {
                    return Err(Mistake::Near { name });
                }
                let radius = radius_cm(*through, *to).ok_or(Mistake::Straight)?;
                if !(RADII_CM.0..=RADII_CM.1).contains(&radius) {
                    return Err(Mistake::Radius {
                        radius_cm: radius as u32,
                    });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// How long the drone is at it, by rule of thumb, where it flies at a speed in cm/s.
    pub(super) fn duration(&self, speed: f64) -> Duration {
        let speed = if speed.is_finite() {
            speed.clamp(10.0, 100.0)
        } else {
            10.0
        };
        let fly = |cm: f64, speed: f64| Duration::from_secs_f64(cm / speed.max(1.0)) + SETTLE;
        match self {
            Self::Takeoff | Self::ThrowFly => Duration::from_secs(6),
            Self::Land => Duration::from_secs(4),
            Self::Move { cm, .. } => fly(f64::from(*cm), speed),
            Self::Turn { degrees } => {
                Duration::from_secs_f64(f64::from(degrees.unsigned_abs()) / TURN) + SETTLE
            }
            Self::Flip(_) => Duration::from_secs(2),
            Self::Go { to, speed, .. } => fly(length(*to), f64::from(*speed)),
            Self::Curve {
                through, to, speed, ..
            } => fly(arc_cm(*through, *to), f64::from(*speed)),
            Self::Jump { to, speed, .. } => {
                fly(length(*to) * 2.0, f64::from(*speed)) + Duration::from_secs(5)
            }
            Self::Sticks(_) | Self::Emergency => Duration::ZERO,
            _ => Duration::from_millis(100),
        }
    }
}

/// The guides say that not all of x, y and z may lie between -20 and 20; 20 itself is a legal step.
const SHORTEST_CM: i32 = 20;

/// The circles that can be flown, from 0.5 to 10 m.
const RADII_CM: (f64, f64) = (50.0, 1000.0);

/// In degrees a second.
const TURN: f64 = 90.0;

/// How long it takes to come to rest.
const SETTLE: Duration = Duration::from_millis(500);

/// The distance of a point from where the drone is, in cm.
#[must_use]
pub fn length(point: [i32; 3]) -> f64 {
    let square: f64 = point.iter().map(|part| f64::from(*part).powi(2)).sum();
    square.sqrt()
}

/// The radius of the circle through where the drone is and two points, in cm; `None` where the three
/// lie on a line.
#[must_use]
pub fn radius_cm(through: [i32; 3], to: [i32; 3]) -> Option<f64> {
    let (a, b) = (through.map(f64::from), to.map(f64::from));
    let chord = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    let cross = [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ];
    let norm = |v: [f64; 3]| v.iter().map(|part| part * part).sum::<f64>().sqrt();
    // Whole centimetres: what spans an area spans at least one of half a square centimetre.
    (norm(cross) >= 0.5).then(|| norm(a) * norm(b) * norm(chord) / (2.0 * norm(cross)))
}

/// The length of the arc from where the drone is through one point to another, in cm.
#[must_use]
pub fn arc_cm(through: [i32; 3], to: [i32; 3]) -> f64 {
    let rest = [to[0] - through[0], to[1] - through[1], to[2] - through[2]];
    let (first, second) = (length(through), length(rest));
    let Some(radius) = radius_cm(through, to) else {
        return first + second;
    };
    // A chord of an arc of less than half a circle; where one is more, the other chord and the
    // triangle say so.
    let angle = |chord: f64| 2.0 * libm::asin((chord / 2.0 / radius).clamp(0.0, 1.0));
    let whole = length(to);
    let full = std::f64::consts::TAU;
    let (a, b) = (angle(first), angle(second));
    let is_first_large = second.powi(2) + whole.powi(2) < first.powi(2);
    let is_second_large = first.powi(2) + whole.powi(2) < second.powi(2);
    let a = if is_first_large { full - a } else { a };
    let b = if is_second_large { full - b } else { b };
    radius * (a + b)
}
