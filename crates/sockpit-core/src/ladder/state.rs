//! The states of TCP at both ends of a conversation, told from the packets between them (RFC 9293
//! §3.3.2).
//!
//! A tap sees that a segment was sent, not that it arrived. An arrival is taken for granted but for
//! two: a SYN, as whoever gets it may be listening or not, and a FIN at an end that has not closed,
//! which may be closing by itself at that moment. Those count as soon as the next segment of that
//! end tells.

use std::fmt;

use crate::wire::TcpFlags;

/// A state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// There is none.
    Closed,
    /// Waits for a SYN.
    Listen,
    /// Has sent a SYN.
    SynSent,
    /// Has sent a SYN and got one.
    SynReceived,
    /// Open.
    Established,
    /// Has sent a FIN.
    FinWait1,
    /// Has sent a FIN, which was acknowledged.
    FinWait2,
    /// Both have sent a FIN before they got the other's.
    Closing,
    /// Has got a FIN.
    CloseWait,
    /// Has got a FIN and sent one.
    LastAck,
    /// Has closed first, and waits for what may come late.
    TimeWait,
}

impl State {
    /// Every state, in the order of a conversation.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::Closing,
        Self::CloseWait,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// Its name, such as `FIN_WAIT_1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT_1",
            Self::FinWait2 => "FIN_WAIT_2",
            Self::Closing => "CLOSING",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What of a segment moves states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mover {
    /// The flags.
    pub flags: TcpFlags,
    /// The sequence number, as in the header.
    pub seq: u32,
    /// The acknowledgement number, as in the header.
    pub ack: u32,
    /// Bytes of payload.
    pub len: u32,
}

impl Mover {
    const fn is(&self, flags: TcpFlags) -> bool {
        self.flags.has(flags)
    }

    /// The first number after it.
    const fn end(&self) -> u32 {
        let syn = self.is(TcpFlags::SYN) as u32;
        let fin = self.is(TcpFlags::FIN) as u32;
        self.seq
            .wrapping_add(self.len)
            .wrapping_add(syn)
            .wrapping_add(fin)
    }

    /// Whether it acknowledges everything before `number`.
    const fn covers(&self, number: u32) -> bool {
        self.is(TcpFlags::ACK) && self.ack.wrapping_sub(number).cast_signed() >= 0
    }
}

/// Which end of a conversation, by where its life line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The left one: who began.
    Left,
    /// The right one.
    Right,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// Where a segment led both ends: the states that each went through, the last one being where it
/// stays. An end without any did not move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Of the left end.
    pub left: Vec<State>,
    /// Of the right end.
    pub right: Vec<State>,
}

impl Moves {
    /// Those of a side.
    #[must_use]
    pub fn of(&self, side: Side) -> &[State] {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut Vec<State> {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

/// Both ends of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    left: End,
    right: End,
    /// A socket that is connected to itself is its own other end.
    is_one: bool,
}

impl Ends {
    /// Begins with nothing known of either.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins with a socket that is connected to itself: both ends are the left one.
    #[must_use]
    pub fn of_one() -> Self {
        Self {
            is_one: true,
            ..Self::default()
        }
    }

    /// Takes a segment that `from` sent, in the order in which a tap saw them.
    pub fn handle(&mut self, from: Side, segment: &Mover) -> Moves {
        let mut moves = Moves::default();
        let from = if self.is_one { Side::Left } else { from };
        self.end(from).send(segment, moves.of_mut(from));
        let to = if self.is_one { from } else { from.other() };
        self.end(to).receive(segment, moves.of_mut(to));
        moves
    }

    /// In which state an end is; `None` while nothing tells.
    #[must_use]
    pub const fn state(&self, side: Side) -> Option<State> {
        match side {
            Side::Left => self.left.state,
            Side::Right => self.right.state,
        }
    }

    const fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

/// What is known of an end.
#[derive(Clone, Debug, Default)]
struct End {
    state: Option<State>,
    /// The number that acknowledges its SYN.
    syn: Option<u32>,
    /// The number that acknowledges its FIN.
    fin: Option<u32>,
    /// Whether a SYN is on its way to it.
    is_called: bool,
    /// The number that acknowledges the FIN that is on its way to it.
    coming_fin: Option<u32>,
}

impl End {
    fn go(&mut self, state: State, moves: &mut Vec<State>) {
        if self.state != Some(state) {
            self.state = Some(state);
            moves.push(state);
        }
    }

    /// Takes what it sends.
    fn send(&mut self, segment: &Mover, moves: &mut Vec<State>) {
        if segment.is(TcpFlags::RST) {
            self.close(moves);
            return;
        }
        if segment.is(TcpFlags::SYN) {
            self.call(segment, moves);
            return;
        }
        // The answer to its SYN was not captured, or the conversation is older than the capture.
        if matches!(self.state, None | Some(State::SynSent)) && segment.is(TcpFlags::ACK) {
            self.go(State::Established, moves);
        }
        self.learn(segment, moves);
        if segment.is(TcpFlags::FIN) {
            self.fin = Some(segment.end());
            match self.state {
                Some(State::SynReceived | State::Established) => self.go(State::FinWait1, moves),
                Some(State::CloseWait) => self.go(State::LastAck, moves),
                _ => {}
            }
        }
    }

    /// Sends a SYN.
    fn call(&mut self, segment: &Mover, moves: &mut Vec<State>) {
        let is_again = self.syn == Some(segment.end());
        let is_asked = self.state == Some(State::SynSent);
        if is_again && is_asked != segment.is(TcpFlags::ACK) {
            return;
        }
        self.syn = Some(segment.end());
        match (segment.is(TcpFlags::ACK), self.state) {
            (true, Some(State::SynSent)) => {
                self.is_called = false;
                self.go(State::SynReceived, moves);
            }
            (true, _) => {
                self.begin_anew();
                self.go(State::Listen, moves);
                self.go(State::SynReceived, moves);
            }
            (false, _) => {
                let is_called = self.is_called;
                self.begin_anew();
                self.is_called = is_called;
                self.go(State::Closed, moves);
                self.go(State::SynSent, moves);
            }
        }
    }

    fn begin_anew(&mut self) {
        *self = Self {
            state: self.state,
            syn: self.syn,
            ..Self::default()
        };
    }

    /// Learns from what it sends what it has got.
    fn learn(&mut self, segment: &Mover, moves: &mut Vec<State>) {
        let Some(fin) = self.coming_fin.filter(|fin| segment.covers(*fin)) else {
            return;
        };
        self.coming_fin = None;
        self.get_fin(fin, moves);
    }

    fn get_fin(&mut self, fin: u32, moves: &mut Vec<State>) {
        match self.state {
            Some(State::SynReceived | State::Established) => self.go(State::CloseWait, moves),
            Some(State::FinWait1) => self.go(State::Closing, moves),
            Some(State::FinWait2) => self.go(State::TimeWait, moves),
            // It will be known by its acknowledgement.
            None => self.coming_fin = Some(fin),
            Some(_) => {}
        }
    }

    /// Takes what comes to it.
    fn receive(&mut self, segment: &Mover, moves: &mut Vec<State>) {
        if segment.is(TcpFlags::RST) {
            if self.state.is_some() {
                self.close(moves);
            }
            return;
        }
        if segment.is(TcpFlags::SYN) {
            self.answer(segment, moves);
            return;
        }
        // An end that has closed by itself gets a FIN that crossed its own before anything later.
        if matches!(self.state, Some(State::FinWait1 | State::FinWait2))
            && let Some(fin) = self.coming_fin.take()
        {
            self.get_fin(fin, moves);
        }
        if self.syn.is_some_and(|syn| segment.covers(syn)) && self.state == Some(State::SynReceived)
        {
            self.go(State::Established, moves);
        }
        let is_closed_for = self.fin.is_some_and(|fin| segment.covers(fin));
        let has_fin = segment.is(TcpFlags::FIN);
        match self.state {
            Some(State::FinWait1) if is_closed_for && has_fin => self.go(State::TimeWait, moves),
            Some(State::FinWait1) if is_closed_for => self.go(State::FinWait2, moves),
            Some(State::Closing) if is_closed_for => self.go(State::TimeWait, moves),
            Some(State::LastAck) if is_closed_for => self.go(State::Closed, moves),
            Some(State::FinWait1 | State::FinWait2) if has_fin => {
                self.get_fin(segment.end(), moves);
            }
            Some(State::Established | State::SynReceived) | None if has_fin => {
                self.coming_fin = Some(segment.end());
            }
            _ => {}
        }
    }

    /// Takes a SYN that comes to it.
    fn answer(&mut self, segment: &Mover, moves: &mut Vec<State>) {
        let is_answered = self.syn.is_some_and(|syn| segment.covers(syn));
        match self.state {
            Some(State::SynSent | State::SynReceived) if is_answered => {
                if std::mem::take(&mut self.is_called) {
                    self.go(State::SynReceived, moves);
                }
                self.go(State::Established, moves);
            }
            _ if !segment.is(TcpFlags::ACK) => self.is_called = true,
            _ => {}
        }
    }

    fn close(&mut self, moves: &mut Vec<State>) {
        let syn = self.syn;
        self.begin_anew();
        self.syn = syn;
        self.go(State::Closed, moves);
    }
}

#[cfg(test)]
mod tests;
