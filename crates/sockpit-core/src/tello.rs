//! The Tello drone's text protocol: its words, a console that flies one, and a drone to fly.

pub mod again;
pub mod command;
pub mod drone;
pub mod path;
pub mod pilot;
pub mod reply;
pub mod script;
pub mod sdk;
pub mod state;
pub mod video;
mod words;

/// The port on which a drone takes commands.
pub const COMMAND_PORT: u16 = 8889;

/// The port to which a drone sends its state, unless it is told another.
pub const STATE_PORT: u16 = 8890;

/// The port to which a drone sends its video, unless it is told another.
pub const VIDEO_PORT: u16 = 11111;
