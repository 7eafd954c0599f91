//! The state that a drone sends ten times a second: parsed, and written as drones do.
//!
//! ```text
//! 1.3   pitch:1;roll:5;yaw:0;vgx:0;vgy:0;vgz:0;templ:43;temph:46;tof:10;h:0;bat:83;baro:150.12;
//!       time:0;agx:15.00;agy:-97.00;agz:-988.00;\r\n
//! 2.0+  mid:-1;x:0;y:0;z:0;mpry:0,0,0;  and the same behind it
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a drone says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What it says of mission pads; drones before SDK 2.0 say nothing.
    pub pad: Option<PadView>,
    /// How far the nose is up, in degrees.
    pub pitch_degrees: i32,
    /// How far it leans to the right, in degrees.
    pub roll_degrees: i32,
    /// How far it has turned clockwise, in degrees from -180 to 180.
    pub yaw_degrees: i32,
    /// How fast it flies ahead, in dm/s.
    pub vx_dm_per_s: i32,
    /// How fast it flies to the left, in dm/s.
    pub vy_dm_per_s: i32,
    /// How fast it rises, in dm/s.
    pub vz_dm_per_s: i32,
    /// How warm it is at least, in °C.
    pub low_celsius: i32,
    /// How warm it is at most, in °C.
    pub high_celsius: i32,
    /// How far the ground is, in cm; about 10 at least.
    pub tof_cm: i32,
    /// How high it is above where it took off, in cm.
    pub height_cm: i32,
    /// How full the battery is, in percent.
    pub battery_percent: i32,
    /// The height by the barometer, in m.
    pub baro_m: f64,
    /// How long the motors have run, in seconds.
    pub motor_s: i32,
    /// The acceleration ahead, in thousandths of g.
    pub ax_milli_g: f64,
    /// The acceleration to the left, in thousandths of g.
    pub ay_milli_g: f64,
    /// The acceleration upwards, in thousandths of g: about -1000 at rest.
    pub az_milli_g: f64,
}

/// Where a drone is as a mission pad sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PadView {
    /// The pad, 1 to 8; -1 where there is none, -2 where none is looked for.
    pub id: i32,
    /// Ahead of the pad, in cm; -100 and -200 where there is none.
    pub x_cm: i32,
    /// Left of the pad, in cm.
    pub y_cm: i32,
    /// Above the pad, in cm.
    pub z_cm: i32,
    /// The pitch on the pad, in degrees.
    pub pitch_degrees: i32,
    /// The yaw on the pad, in degrees.
    pub yaw_degrees: i32,
    /// The roll on the pad, in degrees.
    pub roll_degrees: i32,
}

/// In bytes: no drone says more.
const LONGEST: usize = 1024;

impl State {
    /// Reads a datagram; `None` where it says nothing of a state, such as a lone `ok`. Unknown names
    /// are passed over, and so is what is no number.
    #[must_use]
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(datagram.get(..datagram.len().min(LONGEST))?).ok()?;
        let mut state = Self::default();
        let mut known = 0_u32;
        for part in text.trim_matches(['\0', '\r', '\n', ' ']).split(';') {
            // The guides have `vgy%d` without a colon; no drone has.
            let Some((name, value)) = part.split_once(':') else {
                continue;
            };
            known =
                known.saturating_add(u32::from(state.take(name.trim(), value.trim()).is_some()));
        }
        (known >= LEAST).then_some(state)
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        if matches!(name, "mid" | "x" | "y" | "z" | "mpry") {
            let pad = self.pad.get_or_insert_default();
            return pad.take(name, value);
        }
        match name {
            "baro" => self.baro_m = decimal(value)?,
            "agx" => self.ax_milli_g = decimal(value)?,
            "agy" => self.ay_milli_g = decimal(value)?,
            "agz" => self.az_milli_g = decimal(value)?,
            _ => {
                let place = match name {
                    "pitch" => &mut self.pitch_degrees,
                    "roll" => &mut self.roll_degrees,
                    "yaw" => &mut self.yaw_degrees,
                    "vgx" => &mut self.vx_dm_per_s,
                    "vgy" => &mut self.vy_dm_per_s,
                    "vgz" => &mut self.vz_dm_per_s,
                    "templ" => &mut self.low_celsius,
                    "temph" => &mut self.high_celsius,
                    "tof" => &mut self.tof_cm,
                    "h" => &mut self.height_cm,
                    "bat" => &mut self.battery_percent,
                    "time" => &mut self.motor_s,
                    _ => return None,
                };
                *place = whole(value)?;
            }
        }
        Some(())
    }
}

/// How many fields make a state: a text with one colon is none yet.
const LEAST: u32 = 3;

impl PadView {
    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "mid" => self.id = whole(value)?,
            "x" => self.x_cm = whole(value)?,
            "y" => self.y_cm = whole(value)?,
            "z" => self.z_cm = whole(value)?,
            _ => {
                let mut parts = value.split(',').map(|part| whole(part.trim()));
                self.pitch_degrees = parts.next()??;
                self.yaw_degrees = parts.next()??;
                self.roll_degrees = parts.next()??;
            }
        }
        Some(())
    }
}

/// A number, whole or not: some firmware writes `h:10.0`.
fn whole(text: &str) -> Option<i32> {
    text.parse().ok().or_else(|| {
        let number = decimal(text)?;
        (number.abs() < f64::from(i32::MAX)).then_some(number as i32)
    })
}

fn decimal(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

impl fmt::Display for State {
    /// As a drone writes it, the line end included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pad) = &self.pad {
            let PadView {
                id,
                x_cm,
                y_cm,
                z_cm,
                ..
            } = pad;
            write!(f, "mid:{id};x:{x_cm};y:{y_cm};z:{z_cm};")?;
            let (pitch, yaw, roll) = (pad.pitch_degrees, pad.yaw_degrees, pad.roll_degrees);
            write!(f, "mpry:{pitch},{yaw},{roll};")?;
        }
        write!(
            f,
            "pitch:{};roll:{};yaw:{};vgx:{};vgy:{};vgz:{};templ:{};temph:{};tof:{};h:{};bat:{};\
             baro:{:.2};time:{};agx:{:.2};agy:{:.2};agz:{:.2};\r\n",
            self.pitch_degrees,
            self.roll_degrees,
            self.yaw_degrees,
            self.vx_dm_per_s,
            self.vy_dm_per_s,
            self.vz_dm_per_s,
            self.low_celsius,
            self.high_celsius,
            self.tof_cm,
            self.height_cm,
            self.battery_percent,
            self.baro_m,
            self.motor_s,
            self.ax_milli_g,
            self.ay_milli_g,
            self.az_milli_g,
        )
    }
}

#[cfg(test)]
mod tests;
