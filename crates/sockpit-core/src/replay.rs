//! A recording as more than a log: cut again, compared, and played against a live peer.
//!
//! Its chunks are the truth, and everything here goes back to them. [`Recut`] makes other messages
//! of them than the session did, [`Conversations`] puts each peer's together, [`compare()`] says where
//! two of them differ, and [`Player`] says one side of one again.

mod compare;
mod conversation;
mod player;
mod recut;

pub use compare::{Difference, Ignore, compare};
pub(crate) use conversation::shape_of;
pub use conversation::{Conversation, Conversations, Cut, Piece, TooMuch, Unit};
pub use player::{Counted, Pace, Part, Player, Side, Step};
pub use recut::Recut;
