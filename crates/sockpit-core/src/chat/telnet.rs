//! Telnet beneath the lines: commands are taken out, and every option is refused.
//!
//! A telnet client is served as the network virtual terminal of RFC 854, which needs no option.
//!
//! ```text
//!  IAC IAC             the byte 0xff
//!  IAC WILL option  ─▶ IAC DONT option
//!  IAC DO option    ─▶ IAC WONT option
//!  IAC SB … IAC SE     left out
//!  IAC command         left out
//! ```

use std::borrow::Cow;

use memchr::memchr;

const SE: u8 = 240;
const SB: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DO: u8 = 253;
const DONT: u8 = 254;
const IAC: u8 = 255;

/// Takes telnet commands out of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Telnet {
    state: State,
    is_telnet: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    /// After IAC.
    Command,
    /// After WILL, WONT, DO or DONT.
    Option(u8),
    /// After SB.
    Parameters,
    /// After an IAC among parameters.
    ParametersCommand,
}

impl Telnet {
    /// Whether the peer has negotiated, which only a telnet client does.
    #[must_use]
    pub const fn is_telnet(&self) -> bool {
        self.is_telnet
    }

    /// Whether a command is not complete.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.state != State::Data
    }

    /// Gives the bytes without commands, and appends the answers to these.
    pub fn strip<'a>(&mut self, bytes: &'a [u8], answers: &mut Vec<u8>) -> Cow<'a, [u8]> {
        if self.state == State::Data && memchr(IAC, bytes).is_none() {
            return Cow::Borrowed(bytes);
        }
        let mut kept = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Data, IAC) => State::Command,
                (State::Data, byte) => {
                    kept.push(byte);
                    State::Data
                }
                (State::Command, IAC) => {
                    kept.push(IAC);
                    State::Data
                }
                (State::Command, WILL..=DONT) => State::Option(byte),
                (State::Command, SB) => State::Parameters,
                (State::Command, SE..SB) | (State::ParametersCommand, SE) => State::Data,
                (State::Command, byte) => {
                    // No command: the byte before was none either.
                    kept.extend([IAC, byte]);
                    State::Data
                }
                (State::Option(verb), option) => {
                    self.is_telnet = true;
                    match verb {
                        WILL => answers.extend([IAC, DONT, option]),
                        DO => answers.extend([IAC, WONT, option]),
                        _ => {}
                    }
                    State::Data
                }
                (State::Parameters, IAC) => State::ParametersCommand,
                (State::Parameters | State::ParametersCommand, _) => State::Parameters,
            };
        }
        Cow::Owned(kept)
    }
}

#[cfg(test)]
mod tests;
