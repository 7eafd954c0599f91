//! What a hub wants done.

use std::sync::Arc;

use super::Member;
use crate::chat::entry::Entry;
use crate::chat::line::Line;
use crate::machine::Reason;
use crate::time::Time;

/// What a hub wants done next.
#[derive(Clone, Debug)]
pub enum Output {
    /// Deliver a line.
    Deliver {
        /// To whom.
        to: Audience,
        /// What.
        line: Arc<Line>,
    },
    /// End a visit, with a last line. The hub has forgotten the member already.
    Dismiss {
        /// Whose.
        member: Member,
        /// The last line.
        line: Option<Arc<Line>>,
        /// Why.
        why: Why,
    },
    /// Tell the world.
    Log(Arc<Entry>),
    /// Tell the other servers.
    Share(Arc<Entry>),
    /// Nothing until something happens, or until the named time.
    Wait(Option<Time>),
}

/// Who gets a line.
#[derive(Clone, Debug)]
pub enum Audience {
    /// One member.
    One(Member),
    /// The members of a room, which share their list until somebody comes or goes.
    Many {
        /// In the order of their numbers.
        members: Arc<[Member]>,
        /// Who does not get it, although in the list.
        except: Option<Member>,
    },
}

impl Audience {
    /// Everybody who gets it.
    pub fn iter(&self) -> impl Iterator<Item = Member> {
        let (one, many, except) = match self {
            Self::One(member) => (Some(*member), &[][..], None),
            Self::Many { members, except } => (None, &**members, *except),
        };
        let many = many.iter().copied();
        one.into_iter()
            .chain(many.filter(move |member| Some(*member) != except))
    }

    /// How many that are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many { members, except } => {
                let is_left_out = except.is_some_and(|it| members.binary_search(&it).is_ok());
                members.len() - usize::from(is_left_out)
            }
        }
    }
}

/// Why a visit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The visitor left, or sends nothing more.
    Left,
    /// The visitor may not come in, or said no nickname.
    Refused,
    /// The operator wants it.
    Kicked,
    /// The visitor sends too much.
    Flood,
    /// The server ends.
    Closing,
}

impl Why {
    /// The reason with which the conversation closes.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Left => Reason::Fin,
            Self::Refused | Self::Flood => Reason::Limit,
            Self::Kicked | Self::Closing => Reason::Local,
        }
    }

    /// Its word in a record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Refused => "refused",
            Self::Kicked => "kicked",
            Self::Flood => "flood",
            Self::Closing => "closing",
        }
    }
}
