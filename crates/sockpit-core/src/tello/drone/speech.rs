//! What a drone says of itself: the values that are asked for, and its state.

use super::{Drone, Phase};
use crate::tello::command::Query;
use crate::tello::sdk::Sdk;
use crate::tello::state::{PadView, State};
use crate::time::Time;

/// In cm: the sensor below reads no less on the floor.
const LEAST_TOF: f64 = 10.0;

/// In metres: what the barometer says on the floor, which is of no place in particular.
const BARO: f64 = 150.12;

/// In milli-g: what the accelerometer says of the earth.
const GRAVITY: f64 = -999.0;

/// In degrees Celsius: by how much the higher of the two temperatures is above the lower one.
const WARMER: i32 = 3;

impl Drone {
    /// Its state as it is sent ten times a second, or `None` while it sends none: before it is in
    /// SDK mode, while it is off, and where a fault says so.
    pub fn state_text(&mut self, now: Time) -> Option<String> {
        self.advance(now);
        let is_off = matches!(self.phase, Phase::Off { .. });
        let is_told = self.is_in_sdk_mode && !is_off && self.now >= self.mute_until;
        is_told.then(|| self.state().to_string())
    }

    /// In whole percent, as it says it.
    pub(super) fn battery_percent(&self) -> u8 {
        // It is between 0 and 100.
        self.battery.ceil() as u8
    }

    /// The value that a query asks for, without what ends it.
    pub(super) fn value(&self, query: Query) -> String {
        let state = self.state();
        let sdk = self.settings.sdk;
        match query {
            Query::Speed => format!("{:.1}", self.speed),
            Query::Battery => state.battery_percent.to_string(),
            Query::Time => format!("{}s", state.motor_s),
            Query::Height => format!("{}dm", whole(self.height() / 10.0)),
            Query::Temperature => format!("{}~{}C", state.low_celsius, state.high_celsius),
            Query::Attitude => format!(
                "pitch:{};roll:{};yaw:{};",
                state.pitch_degrees, state.roll_degrees, state.yaw_degrees
            ),
            Query::Baro => format!("{:.6}", self.baro()),
            Query::Acceleration => {
                let [x, y, z] = self.acceleration();
                format!("agx:{x:.2};agy:{y:.2};agz:{z:.2};")
            }
            Query::Tof => format!("{}mm", whole(self.tof() * 10.0)),
            Query::Wifi => "90".to_owned(),
            Query::Sdk => sdk.answer().unwrap_or_default().to_owned(),
            Query::SerialNumber => format!("0TQSIM{:08}", self.settings.number),
            Query::Hardware => match sdk {
                Sdk::Rmtt => "RMTT".to_owned(),
                _ => "TELLO".to_owned(),
            },
            Query::WifiVersion => "wifiv1.0.0.35".to_owned(),
            Query::AccessPoint => self.access_point.clone(),
            Query::Ssid => format!("RMTT-SIM{:03}", self.settings.number),
            Query::Active => match self.settings.is_active {
                true => "active".to_owned(),
                false => "unactive".to_owned(),
            },
            Query::Version => "1.0.0.1".to_owned(),
            Query::ExtTof | Query::ExtVersion => String::new(),
        }
    }

    /// What it would tell of itself, whether or not somebody is told.
    #[must_use]
    pub fn state(&self) -> State {
        let [pitch, roll] = self.body.tilt();
        let [vx, vy, vz] = self.body.speed();
        let [ax, ay, az] = self.acceleration();
        let low = whole(self.warmth);
        State {
            pad: self.pad_view(),
            pitch_degrees: whole(pitch),
            roll_degrees: whole(roll),
            yaw_degrees: whole(self.body.pose().yaw),
            vx_dm_per_s: whole(vx / 10.0),
            vy_dm_per_s: whole(vy / 10.0),
            vz_dm_per_s: whole(vz / 10.0),
            low_celsius: low,
            high_celsius: low + WARMER,
            tof_cm: whole(self.tof()),
            height_cm: whole(self.height()),
            battery_percent: i32::from(self.battery_percent()),
            baro_m: self.baro(),
            motor_s: whole(self.motor.floor()),
            ax_milli_g: ax,
            ay_milli_g: ay,
            az_milli_g: az,
        }
    }

    /// What it says of pads: firmware 1.3 nothing, and each other one its own numbers for "none".
    fn pad_view(&self) -> Option<PadView> {
        let sdk = self.settings.sdk;
        if !sdk.has_pads() {
            return None;
        }
        let nowhere = |id, at| PadView {
            id,
            x_cm: at,
            y_cm: at,
            z_cm: at,
            pitch_degrees: 0,
            yaw_degrees: 0,
            roll_degrees: 0,
        };
        let Some(fix) = self.seen() else {
            return Some(match sdk {
                Sdk::V1_3 | Sdk::V2_0 => nowhere(-1, 0),
                _ if self.detection.is_on => nowhere(-1, -100),
                _ => nowhere(-2, -200),
            });
        };
        let [pitch, roll] = self.body.tilt();
        Some(PadView {
            id: i32::from(fix.id),
            x_cm: whole(fix.at[0]),
            y_cm: whole(fix.at[1]),
            z_cm: whole(fix.at[2]),
            pitch_degrees: whole(pitch),
            yaw_degrees: whole(fix.yaw),
            roll_degrees: whole(roll),
        })
    }

    /// In cm above where it took off; the floor is flat.
    fn height(&self) -> f64 {
        self.body.pose().at[2]
    }

    /// In cm to the floor.
    fn tof(&self) -> f64 {
        self.height().max(LEAST_TOF)
    }

    /// In metres.
    fn baro(&self) -> f64 {
        BARO + self.height() / 100.0
    }

    /// In milli-g, along its own axes: of the earth alone, by how much it leans.
    fn acceleration(&self) -> [f64; 3] {
        let [pitch, roll] = self.body.tilt().map(f64::to_radians);
        [
            GRAVITY * libm::sin(pitch),
            GRAVITY * libm::sin(roll),
            GRAVITY * libm::cos(pitch) * libm::cos(roll),
        ]
        // A negative zero would be written with its sign.
        .map(|part| part + 0.0)
    }
}

/// The nearest whole number.
fn whole(value: f64) -> i32 {
    // The cast keeps to the limits of the type.
    value.round() as i32
}
