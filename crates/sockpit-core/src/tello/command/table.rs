//! The table of all commands: names, arguments with their units and ranges, and since when.

use std::fmt::Write;

use super::super::sdk::Sdk;
use super::super::words::ext;

/// What a command does to the drone, and what is to be expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It moves the drone, and answers once the manoeuvre has ended. Sent twice, it moves twice.
    Motion,
    /// It changes how the drone is set up, and answers at once.
    Setting,
    /// It asks for a value.
    Query,
    /// It ends what the drone does, at any time. Sent twice, it does no harm.
    Immediate,
    /// It has no answer.
    Silent,
}

/// One way to write a command.
#[derive(Debug, PartialEq)]
pub struct Form {
    /// Its fixed words, such as `forward`, `battery?` or `EXT led br`.
    pub name: &'static str,
    /// What follows the name.
    pub parameters: &'static [Parameter],
    /// The first version that knows it.
    pub since: Sdk,
    /// What it does.
    pub kind: Kind,
    /// One line for people.
    pub help: &'static str,
}

/// One argument of a command.
#[derive(Debug, PartialEq)]
pub struct Parameter {
    /// What it is called in the guides.
    pub name: &'static str,
    /// Its unit, or empty.
    pub unit: &'static str,
    /// What it takes.
    pub domain: Domain,
}

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// A whole number, both ends included: in SDK 1.3, in 2.0, since 3.0.
    Whole([(i32, i32); 3]),
    /// A number with a fraction, both ends included.
    Decimal(f64, f64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A mission pad, `m1` to `m8`; since 3.0 `m-1` and `m-2` too.
    Pad,
    /// A word of so many bytes at most.
    Word(usize),
    /// A word of so many bytes at most that nobody may see.
    Secret(usize),
    /// The rest of the line, of so many characters at most.
    Text(usize),
    /// Up to 64 of the letters `r`, `b`, `p` and `0`, a dot each.
    Pattern,
    /// One character, or `heart`.
    Glyph,
}

impl Domain {
    /// The range of whole numbers in a version.
    #[must_use]
    pub fn range(self, sdk: Sdk) -> Option<(i32, i32)> {
        let Self::Whole([first, second, third]) = self else {
            return None;
        };
        Some(match sdk {
            Sdk::V1_3 => first,
            Sdk::V2_0 => second,
            Sdk::V3_0 | Sdk::Rmtt => third,
        })
    }
}

impl Form {
    /// Whether a version knows it.
    #[must_use]
    pub fn is_in(&self, sdk: Sdk) -> bool {
        self.since <= sdk
    }

    /// How it is written, such as `go x y z speed`.
    #[must_use]
    pub fn usage(&self) -> String {
        let mut usage = self.name.to_owned();
        for parameter in self.parameters {
            usage.push(' ');
            usage.push_str(parameter.name);
        }
        usage
    }

    /// What its arguments take in a version, such as `x 20–500 cm`; empty where it has none.
    #[must_use]
    pub fn ranges(&self, sdk: Sdk) -> String {
        let mut told = String::new();
        let mut names = Vec::new();
        for (index, parameter) in self.parameters.iter().enumerate() {
            names.push(parameter.name);
            let next = self.parameters.get(index.saturating_add(1));
            if next
                .is_some_and(|next| (next.domain, next.unit) == (parameter.domain, parameter.unit))
            {
                continue;
            }
            if !told.is_empty() {
                told.push_str(", ");
            }
            let _ = write!(told, "{} {}", names.join(" "), parameter.takes(sdk));
            names.clear();
        }
        told
    }
}

impl Parameter {
    /// What it takes in a version: `20–500 cm`, `l|r|f|b`.
    #[must_use]
    pub fn takes(&self, sdk: Sdk) -> String {
        let unit = match self.unit {
            "" => String::new(),
            unit => format!(" {unit}"),
        };
        match self.domain {
            Domain::Whole(_) => {
                let (from, to) = self.domain.range(sdk).unwrap_or_default();
                format!("{}{unit}", span(from, to))
            }
            Domain::Decimal(from, to) => format!("{from}–{to}{unit}"),
            Domain::OneOf(words) => words.join("|"),
            Domain::Pad if sdk < Sdk::V3_0 => "m1–m8".to_owned(),
            Domain::Pad => "m1–m8 m-1 m-2".to_owned(),
            Domain::Word(longest) | Domain::Secret(longest) => format!("≤ {longest} B"),
            Domain::Text(longest) => format!("≤ {longest}"),
            Domain::Pattern => "≤ 64 × r b p 0".to_owned(),
            Domain::Glyph => "A … ~, heart".to_owned(),
        }
    }
}

/// A range as it is read best: a dash beside a sign would be a riddle.
pub(super) fn span(from: i32, to: i32) -> String {
    match from {
        ..0 => format!("{from}…{to}"),
        _ => format!("{from}–{to}"),
    }
}

/// The commands that a version knows, in the order of the table.
pub fn forms(sdk: Sdk) -> impl Iterator<Item = &'static Form> {
    FORMS.iter().filter(move |form| form.is_in(sdk))
}

const fn whole(from: i32, to: i32) -> Domain {
    Domain::Whole([(from, to); 3])
}

const fn parameter(name: &'static str, unit: &'static str, domain: Domain) -> Parameter {
    Parameter { name, unit, domain }
}

const fn form(
    name: &'static str,
    parameters: &'static [Parameter],
    since: Sdk,
    kind: Kind,
    help: &'static str,
) -> Form {
    Form {
        name,
        parameters,
        since,
        kind,
        help,
    }
}

const DISTANCE: &[Parameter] = &[parameter("x", "cm", whole(20, 500))];
const ANGLE: &[Parameter] = &[parameter(
    "x",
    "°",
    Domain::Whole([(1, 3600), (1, 360), (1, 360)]),
)];
/// SDK 1.3 flies only ahead, left and up.
const STEP: Domain = Domain::Whole([(20, 500), (-500, 500), (-500, 500)]);
const COORDINATE: Domain = whole(-500, 500);
/// Above a pad, since 3.0 the height may not be below it.
const PAD_HEIGHT: Domain = Domain::Whole([(-500, 500), (-500, 500), (0, 500)]);
const SPEED: Parameter = parameter("speed", "cm/s", whole(10, 100));
const CURVE_SPEED: Parameter = parameter("speed", "cm/s", whole(10, 60));
const GO: &[Parameter] = &[
    parameter("x", "cm", STEP),
    parameter("y", "cm", STEP),
    parameter("z", "cm", STEP),
    SPEED,
];
const GO_PAD: &[Parameter] = &[
    parameter("x", "cm", COORDINATE),
    parameter("y", "cm", COORDINATE),
    parameter("z", "cm", PAD_HEIGHT),
    SPEED,
    parameter("mid", "", Domain::Pad),
];
const CURVE: &[Parameter] = &[
    parameter("x1", "cm", COORDINATE),
    parameter("y1", "cm", COORDINATE),
    parameter("z1", "cm", COORDINATE),
    parameter("x2", "cm", COORDINATE),
    parameter("y2", "cm", COORDINATE),
    parameter("z2", "cm", COORDINATE),
    CURVE_SPEED,
];
const CURVE_PAD: &[Parameter] = &[
    parameter("x1", "cm", COORDINATE),
    parameter("y1", "cm", COORDINATE),
    parameter("z1", "cm", PAD_HEIGHT),
    parameter("x2", "cm", COORDINATE),
    parameter("y2", "cm", COORDINATE),
    parameter("z2", "cm", PAD_HEIGHT),
    CURVE_SPEED,
    parameter("mid", "", Domain::Pad),
];
const JUMP: &[Parameter] = &[
    parameter("x", "cm", COORDINATE),
    parameter("y", "cm", COORDINATE),
    // The drone looks for the second pad from above.
    parameter("z", "cm", whole(1, 500)),
    SPEED,
    parameter("yaw", "°", whole(-360, 360)),
    parameter("mid1", "", Domain::Pad),
    parameter("mid2", "", Domain::Pad),
];
const STICKS: &[Parameter] = &[
    parameter("a", "", whole(-100, 100)),
    parameter("b", "", whole(-100, 100)),
    parameter("c", "", whole(-100, 100)),
    parameter("d", "", whole(-100, 100)),
];
/// IEEE 802.11 has 32 bytes for a name, WPA2 63 characters for a password.
const NETWORK: &[Parameter] = &[
    parameter("ssid", "", Domain::Word(32)),
    parameter("pass", "", Domain::Secret(63)),
];
const RED: Parameter = parameter("r", "", whole(0, 255));
const GREEN: Parameter = parameter("g", "", whole(0, 255));
const BLUE: Parameter = parameter("b", "", whole(0, 255));
const COLOUR: &[Parameter] = &[RED, GREEN, BLUE];
const BREATHE: &[Parameter] = &[
    parameter("t", "Hz", Domain::Decimal(0.1, 2.5)),
    RED,
    GREEN,
    BLUE,
];
const BLINK: &[Parameter] = &[
    parameter("t", "Hz", Domain::Decimal(0.1, 10.0)),
    parameter("r1", "", whole(0, 255)),
    parameter("g1", "", whole(0, 255)),
    parameter("b1", "", whole(0, 255)),
    parameter("r2", "", whole(0, 255)),
    parameter("g2", "", whole(0, 255)),
    parameter("b2", "", whole(0, 255)),
];
const PATTERN: &[Parameter] = &[parameter("pattern", "", Domain::Pattern)];
const DOTS: Domain = Domain::OneOf(&["r", "b", "p"]);
const ROLL_TEXT: &[Parameter] = &[
    parameter("colour", "", DOTS),
    parameter("t", "Hz", Domain::Decimal(0.1, 2.5)),
    parameter("text", "", Domain::Text(70)),
];
const ROLL_PATTERN: &[Parameter] = &[
    parameter("t", "Hz", Domain::Decimal(0.1, 2.5)),
    parameter("pattern", "", Domain::Pattern),
];
const PORT: Domain = whole(1025, 65535);
const SWITCH: Domain = Domain::OneOf(&["0", "1"]);
const GRADES: Domain = Domain::OneOf(&["high", "middle", "low"]);

/// Every command, in the order in which people look for them. Ranges and versions are those of the
/// SDK guides 1.3, 2.0 and 3.0, and for `EXT` those of the controller's firmware.
#[rustfmt::skip]
pub static FORMS: &[Form] = {
    use Kind::{Immediate, Motion, Query, Setting, Silent};
    use Sdk::{Rmtt, V1_3, V2_0, V3_0};

    &[
        form("command", &[], V1_3, Setting, "begin to take commands; the first that a drone wants"),
        form("takeoff", &[], V1_3, Motion, "take off, and hover at about 80 cm"),
        form("land", &[], V1_3, Immediate, "land where it is"),
        form("emergency", &[], V1_3, Immediate, "stop the motors at once: it falls"),
        form("stop", &[], V2_0, Immediate, "stop moving and hover, at any time"),
        form("up", DISTANCE, V1_3, Motion, "rise"),
        form("down", DISTANCE, V1_3, Motion, "sink"),
        form("left", DISTANCE, V1_3, Motion, "fly to the left"),
        form("right", DISTANCE, V1_3, Motion, "fly to the right"),
        form("forward", DISTANCE, V1_3, Motion, "fly ahead"),
        form("back", DISTANCE, V1_3, Motion, "fly backwards"),
        form("cw", ANGLE, V1_3, Motion, "turn clockwise"),
        form("ccw", ANGLE, V1_3, Motion, "turn counter-clockwise"),
        form("flip", &[parameter("x", "", Domain::OneOf(&["l", "r", "f", "b"]))], V1_3, Motion, "flip to the left, right, front or back"),
        form("go", GO, V1_3, Motion, "fly to a point: x ahead, y left, z up"),
        form("go", GO_PAD, V2_0, Motion, "fly to a point above a mission pad"),
        form("curve", CURVE, V1_3, Motion, "fly an arc through one point to another"),
        form("curve", CURVE_PAD, V2_0, Motion, "fly an arc above a mission pad"),
        form("jump", JUMP, V2_0, Motion, "fly from one mission pad to the next, and turn"),
        form("throwfly", &[], V3_0, Motion, "take off from a throw within 5 s"),
        form("rc", STICKS, V1_3, Silent, "set the sticks: right, ahead, up, clockwise"),
        form("speed", &[parameter("x", "cm/s", whole(10, 100))], V1_3, Setting, "set how fast it flies"),
        form("speed?", &[], V1_3, Query, "how fast it flies"),
        form("battery?", &[], V1_3, Query, "how full the battery is"),
        form("time?", &[], V1_3, Query, "how long the motors have run"),
        form("height?", &[], V1_3, Query, "how high it is"),
        form("temp?", &[], V1_3, Query, "how warm it is inside"),
        form("attitude?", &[], V1_3, Query, "how it is inclined and turned"),
        form("baro?", &[], V1_3, Query, "the height by the barometer"),
        form("acceleration?", &[], V1_3, Query, "how it accelerates"),
        form("tof?", &[], V1_3, Query, "how far the ground is"),
        form("wifi?", &[], V1_3, Query, "how good the Wi-Fi signal is"),
        form("sdk?", &[], V2_0, Query, "which SDK it speaks"),
        form("sn?", &[], V2_0, Query, "its serial number"),
        form("hardware?", &[], V3_0, Query, "whether its controller is plugged in"),
        form("wifiversion?", &[], Rmtt, Query, "the version of the controller's Wi-Fi"),
        form("ap?", &[], Rmtt, Query, "the router it joins, with its password"),
        form("ssid?", &[], Rmtt, Query, "the name of its Wi-Fi, with its password"),
        form("active?", &[], V3_0, Query, "whether it has been activated; in no guide"),
        form("version?", &[], V3_0, Query, "the version of its firmware; in no guide"),
        form("streamon", &[], V1_3, Setting, "begin to send video"),
        form("streamoff", &[], V1_3, Setting, "send no more video"),
        form("downvision", &[parameter("x", "", SWITCH)], V3_0, Setting, "choose the camera: 0 ahead, 1 down; in no guide"),
        form("setfps", &[parameter("fps", "", GRADES)], V3_0, Setting, "set the frame rate: 30, 15 or 5 a second"),
        form("setbitrate", &[parameter("n", "Mbit/s", whole(0, 5))], V3_0, Setting, "set the bit rate of the video; 0 is automatic"),
        form("setresolution", &[parameter("size", "", Domain::OneOf(&["high", "low"]))], V3_0, Setting, "set the size of the video: 720P or 480P"),
        form("mon", &[], V2_0, Setting, "begin to look for mission pads"),
        form("moff", &[], V2_0, Setting, "look for no more mission pads"),
        form("mdirection", &[parameter("x", "", whole(0, 2))], V2_0, Setting, "look for pads 0 below, 1 ahead, 2 both"),
        form("motoron", &[], V3_0, Setting, "turn the propellers slowly on the ground, to cool"),
        form("motoroff", &[], V3_0, Setting, "stop the propellers on the ground"),
        form("port", &[parameter("info", "", PORT), parameter("video", "", PORT)], V3_0, Setting, "set to which ports state and video go"),
        form("wifi", NETWORK, V1_3, Setting, "rename its Wi-Fi; it reboots"),
        form("ap", NETWORK, V2_0, Setting, "join a router; it reboots"),
        form("multiwifi", NETWORK, Rmtt, Setting, "name the controller's Wi-Fi for several drones"),
        form("wifisetchannel", &[parameter("n", "", whole(1, 13))], Rmtt, Setting, "set the channel of the controller's Wi-Fi"),
        form("reboot", &[], V3_0, Silent, "start anew"),
        form("keepalive", &[], V3_0, Setting, "say that somebody is there; in no guide"),
        form(ext::LED, COLOUR, Rmtt, Setting, "light the lamp of the controller"),
        form(ext::LED_BREATHE, BREATHE, Rmtt, Setting, "let the lamp breathe"),
        form(ext::LED_BLINK, BLINK, Rmtt, Setting, "let the lamp blink in two colours"),
        form(ext::DRAW, PATTERN, Rmtt, Setting, "draw on the 8 by 8 dots, row by row"),
        form(ext::TEXT_LEFT, ROLL_TEXT, Rmtt, Setting, "let a text run to the left"),
        form(ext::TEXT_RIGHT, ROLL_TEXT, Rmtt, Setting, "let a text run to the right"),
        form(ext::TEXT_UP, ROLL_TEXT, Rmtt, Setting, "let a text run upwards"),
        form(ext::TEXT_DOWN, ROLL_TEXT, Rmtt, Setting, "let a text run downwards"),
        form(ext::DRAW_LEFT, ROLL_PATTERN, Rmtt, Setting, "let a drawing run to the left"),
        form(ext::DRAW_RIGHT, ROLL_PATTERN, Rmtt, Setting, "let a drawing run to the right"),
        form(ext::DRAW_UP, ROLL_PATTERN, Rmtt, Setting, "let a drawing run upwards"),
        form(ext::DRAW_DOWN, ROLL_PATTERN, Rmtt, Setting, "let a drawing run downwards"),
        form(ext::SIGN, &[parameter("colour", "", DOTS), parameter("sign", "", Domain::Glyph)], Rmtt, Setting, "show one character"),
        form(ext::START_SET, PATTERN, Rmtt, Setting, "set the drawing it shows when it starts"),
        form(ext::START_CLEAR, &[], Rmtt, Setting, "clear the drawing it shows when it starts"),
        form(ext::BRIGHTNESS, &[parameter("n", "", whole(0, 255))], Rmtt, Setting, "set how bright the dots are"),
        form(ext::TOF, &[], Rmtt, Query, "how far away what lies ahead is"),
        form(ext::VERSION, &[], Rmtt, Query, "the version of the controller"),
        form(ext::DIY, &[parameter("text", "", Domain::Text(256))], Rmtt, Setting, "speak to a program of your own on the controller"),
    ]
};
