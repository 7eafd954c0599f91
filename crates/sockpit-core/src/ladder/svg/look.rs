//! What each thing in a picture looks like.

use super::paper::Look;
use crate::ladder::state::State;

pub(super) const NAME: Look = &[
    ("font-family", "fixed"),
    ("font-size", "13"),
    ("font-weight", "700"),
];
pub(super) const TIME: Look = &[("font-family", "fixed"), ("fill", "#3c4a59")];
pub(super) const SMALL: Look = &[
    ("font-family", "fixed"),
    ("font-size", "11"),
    ("fill", "#5f6d7b"),
];
pub(super) const LABEL: Look = &[
    ("font-family", "fixed"),
    ("font-weight", "600"),
    ("fill", "#1d2733"),
];
pub(super) const RED_LABEL: Look = &[
    ("font-family", "fixed"),
    ("font-weight", "600"),
    ("fill", "#b3202a"),
];
pub(super) const DETAIL: Look = &[
    ("font-family", "fixed"),
    ("font-size", "11.5"),
    ("fill", "#3c4a59"),
];
pub(super) const AMBER: Look = &[
    ("font-family", "fixed"),
    ("font-size", "11.5"),
    ("fill", "#8a5a00"),
];
pub(super) const RED: Look = &[
    ("font-family", "fixed"),
    ("font-size", "11.5"),
    ("fill", "#b3202a"),
];
pub(super) const PAYLOAD: Look = &[
    ("font-family", "fixed"),
    ("font-size", "11.5"),
    ("fill", "#7a2e8e"),
];
pub(super) const STATE: Look = &[
    ("font-family", "fixed"),
    ("font-size", "11"),
    ("font-weight", "700"),
];
pub(super) const BOX_NAME: Look = &[
    ("font-family", "fixed"),
    ("font-size", "11.5"),
    ("font-weight", "700"),
];
pub(super) const BOX_TEXT: Look = &[("font-family", "fixed"), ("font-size", "11.5")];
pub(super) const LESSON_TEXT: Look = &[("fill", "#3a3210")];
pub(super) const NOTE: Look = &[("fill", "#3c4a59")];

pub(super) const ARROW: Look = &[("stroke", "#24507a"), ("stroke-width", "1.6")];
pub(super) const AGAIN: Look = &[
    ("stroke", "#c0272d"),
    ("stroke-width", "1.8"),
    ("stroke-dasharray", "7 4"),
];
pub(super) const BROKEN: Look = &[("stroke", "#c0272d"), ("stroke-width", "2.8")];
pub(super) const LIFE: Look = &[
    ("stroke", "#8b96a2"),
    ("stroke-width", "1.4"),
    ("stroke-dasharray", "3 3"),
];
pub(super) const RULE: Look = &[("stroke", "#d5dbe1")];

pub(super) const HEAD: Look = &[
    ("fill", "#e9eff6"),
    ("stroke", "#24507a"),
    ("stroke-width", "1.2"),
];
pub(super) const CALL: Look = &[("fill", "#eef7ee"), ("stroke", "#2f7d4f")];
pub(super) const TOLD: Look = &[("fill", "#f4f4f4"), ("stroke", "#9aa3ad")];
pub(super) const FAULT: Look = &[("fill", "#fdecec"), ("stroke", "#c0272d")];
pub(super) const LESSON: Look = &[("fill", "#fff8dc"), ("stroke", "#e6d69a")];

/// A colour for each state: grey without a conversation, blue and amber before it, green in it,
/// violet where an end has closed first, pink where it has not.
pub(super) const fn colour(state: State) -> &'static str {
    match state {
        State::Closed => "#9aa3ad",
        State::Listen => "#5b8def",
        State::SynSent | State::SynReceived => "#e0a100",
        State::Established => "#2f9e63",
        State::FinWait1 | State::FinWait2 | State::Closing => "#8657d6",
        State::CloseWait | State::LastAck => "#c2559d",
        State::TimeWait => "#5a3d94",
    }
}
