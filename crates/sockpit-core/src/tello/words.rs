//! What stands on the wire, as drones and their guides write it.

pub(super) const OK: &str = "ok";
pub(super) const ERROR: &str = "error";
pub(super) const OUT_OF_RANGE: &str = "out of range";
pub(super) const MOTOR_STOP: &str = "error Motor stop";
pub(super) const NOT_JOYSTICK: &str = "error Not joystick";
pub(super) const NO_VALID_IMU: &str = "error No valid imu";
pub(super) const NO_VALID_MARKER: &str = "error No valid marker";
pub(super) const AUTO_LAND: &str = "error Auto land";
pub(super) const RUN_TIMEOUT: &str = "error Run timeout";
pub(super) const FORCED_STOP: &str = "forced stop";
pub(super) const UNACTIVE: &str = "unactive";
pub(super) const UNKNOWN_COMMAND: &str = "unknown command";

/// Before it starts anew: firmware 2.0 leaves the blank out.
pub(super) const REBOOT_2_0: &str = "OK,drone will reboot in 3s";
pub(super) const REBOOT_3_0: &str = "OK, drone will reboot in 3s";

/// What the controller of a RoboMaster TT says. Its guide has `mled`, its firmware `matrix`.
pub(super) const LED_OK: &str = "led ok";
pub(super) const LED_ERROR: &str = "led error";
pub(super) const MATRIX_OK: [&str; 2] = ["matrix ok", "mled ok"];
pub(super) const MATRIX_ERROR: [&str; 2] = ["matrix error", "mled error"];

/// What the controller is told.
pub(super) mod ext {
    pub(in super::super) const LED: &str = "EXT led";
    pub(in super::super) const LED_BREATHE: &str = "EXT led br";
    pub(in super::super) const LED_BLINK: &str = "EXT led bl";
    pub(in super::super) const DRAW: &str = "EXT mled g";
    pub(in super::super) const TEXT_LEFT: &str = "EXT mled l";
    pub(in super::super) const TEXT_RIGHT: &str = "EXT mled r";
    pub(in super::super) const TEXT_UP: &str = "EXT mled u";
    pub(in super::super) const TEXT_DOWN: &str = "EXT mled d";
    pub(in super::super) const DRAW_LEFT: &str = "EXT mled l g";
    pub(in super::super) const DRAW_RIGHT: &str = "EXT mled r g";
    pub(in super::super) const DRAW_UP: &str = "EXT mled u g";
    pub(in super::super) const DRAW_DOWN: &str = "EXT mled d g";
    pub(in super::super) const SIGN: &str = "EXT mled s";
    pub(in super::super) const START_SET: &str = "EXT mled sg";
    pub(in super::super) const START_CLEAR: &str = "EXT mled sc";
    pub(in super::super) const BRIGHTNESS: &str = "EXT mled sl";
    pub(in super::super) const TOF: &str = "EXT tof?";
    pub(in super::super) const VERSION: &str = "EXT version?";
    pub(in super::super) const DIY: &str = "EXT DIY";
}

/// What a word gets that is no command, as far as it may be one.
pub(super) fn unknown(word: &str) -> String {
    let word: String = word.chars().take(LONGEST).collect();
    format!("{UNKNOWN_COMMAND}: {word}")
}

/// In characters: what is longer is no word of anybody's, and not sent back to where it may not have
/// come from.
const LONGEST: usize = 64;
