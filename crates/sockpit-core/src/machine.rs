//! The one trait: a conversation with one peer, as a pure state machine.

use bytes::Bytes;

use crate::time::Time;

/// One conversation with one peer: bytes and time go in, output is drained.
///
/// # The contract
///
/// A driver changes the machine by one call of `handle_*`, then calls [`poll_output`] until it
/// returns [`Output::Wait`], and only then changes it again. In detail:
///
/// 1. `now` never goes back from one call to the next.
/// 2. After `Wait(Some(time))` the driver calls `handle_timeout(now)` with `now >= time`, unless
///    another change comes first and `poll_output` then names another time. A machine that is called
///    early, or for a time it has dropped, does nothing.
/// 3. A machine that asked to be woken at `time` and is woken then must not ask for the same time
///    again without having produced output: that would be a busy loop.
/// 4. Outputs are carried out in order. One [`Output::Transmit`] is one write, unless the plan
///    coalesces; on a datagram link it is one datagram.
/// 5. After [`Output::Shutdown`] nothing more may be transmitted; input may still arrive.
/// 6. After [`Output::Close`] the machine is not called again.
/// 7. `handle_end` is called at most once, and no input follows it. A datagram link never ends.
/// 8. After a fatal [`Fault`] the machine should close; the driver closes for it if it does not.
///
/// On a stream link a chunk is what one read gave: any cut of the peer's bytes. On a datagram link
/// it is one datagram, which may be empty.
///
/// [`poll_output`]: Machine::poll_output
pub trait Machine {
    /// What it tells the world; applications that publish notes use [`What`](crate::event::What).
    type Event;

    /// Takes the bytes of one read, or one datagram.
    fn handle_input(&mut self, now: Time, chunk: &[u8]);

    /// Takes the end of the peer's stream: it will send nothing more, but may still read.
    fn handle_end(&mut self, now: Time);

    /// Takes a failure of the link.
    fn handle_fault(&mut self, now: Time, fault: Fault);

    /// Takes the passing of the time that was asked for.
    fn handle_timeout(&mut self, now: Time);

    /// Gives the next thing to carry out.
    fn poll_output(&mut self) -> Output<Self::Event>;

    /// Takes whether anybody gets its events from here on. A machine that is not watched may skip
    /// the work of building them; what it transmits must not change. Watched until told otherwise.
    fn handle_watch(&mut self, watched: bool) {
        let _ = watched;
    }

    /// Takes input of `len` bytes, where all that comes of it is that they are transmitted as they
    /// came: `true` where that is so, and the driver does that much by itself. Otherwise nothing has
    /// changed, and `handle_input` takes them.
    fn handle_echo(&mut self, len: usize) -> bool {
        let _ = len;
        false
    }

    /// The same for a datagram, which came at `now`, whole.
    fn handle_datagram_echo(&mut self, now: Time, len: usize) -> bool {
        let _ = (now, len);
        false
    }

    /// Takes that the conversation is about to be ended from outside: what it holds back is to leave
    /// with the outputs that follow.
    fn handle_stop(&mut self, now: Time) {
        let _ = now;
    }

    /// What it was given to send and transmits later. A driver gives it no more while that is much.
    fn held(&self) -> Held {
        Held::default()
    }
}

/// Bytes that a machine holds back on purpose, and will transmit when their time comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Of what the user sends, in bytes.
    pub user: usize,
    /// Of what answers the peer, in bytes.
    pub replies: usize,
    /// How many of all these wait for more to come; the plan bounds them.
    pub gathered: usize,
}

impl Held {
    /// All of it, in bytes.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.user.saturating_add(self.replies)
    }
}

/// What a machine wants done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<E> {
    /// Tell the world.
    Event(E),
    /// Send these bytes to the peer, in one write.
    Transmit(Bytes),
    /// End our side of a stream once everything before is sent; go on reading.
    Shutdown,
    /// End the conversation once everything before is sent.
    Close(Reason),
    /// Nothing until more input arrives, or until the named time.
    Wait(Option<Time>),
}

/// Why a conversation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Both sides ended their streams in order, or the peer did.
    Fin,
    /// The peer reset the connection.
    Reset,
    /// The peer's machine answered that nobody listens there.
    Refused,
    /// There is no way to the peer.
    Unreachable,
    /// No connection within the time allowed.
    Timeout,
    /// The peer was silent for the time allowed.
    Idle,
    /// A limit of the plan was reached.
    Limit,
    /// This side decided.
    Local,
    /// Something else failed; the fault before it says what.
    Error,
}

impl Reason {
    /// Every reason, in the order of the record schema.
    pub const ALL: [Self; 9] = [
        Self::Fin,
        Self::Reset,
        Self::Refused,
        Self::Unreachable,
        Self::Timeout,
        Self::Idle,
        Self::Limit,
        Self::Local,
        Self::Error,
    ];

    /// Its word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Idle => "idle",
            Self::Limit => "limit",
            Self::Local => "local",
            Self::Error => "error",
        }
    }
}

/// A failure that the link reports to its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The stream was reset; fatal.
    Reset,
    /// An ICMP message said that nobody listens at the peer's port. The link goes on.
    Refused,
    /// An ICMP message or the routing table said that there is no way to the peer. The link goes on.
    Unreachable,
    /// A write failed because the peer had closed; what was not written is lost. Fatal.
    BrokenPipe,
    /// The datagram whose bytes follow was longer than the buffer: `full_len` bytes.
    Truncated {
        /// Length of the datagram as it arrived, in bytes.
        full_len: usize,
    },
    /// The link failed in another way; fatal.
    Failed,
}

impl Fault {
    /// Whether the link is unusable afterwards.
    #[must_use]
    pub const fn is_fatal(self) -> bool {
        matches!(self, Self::Reset | Self::BrokenPipe | Self::Failed)
    }

    /// The reason with which a conversation ends that this fault ended.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Reset | Self::BrokenPipe => Reason::Reset,
            Self::Refused => Reason::Refused,
            Self::Unreachable => Reason::Unreachable,
            Self::Truncated { .. } | Self::Failed => Reason::Error,
        }
    }
}
