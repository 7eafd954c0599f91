//! What belongs together, by the place of its bytes in a stream: writes, packets and reads.

use std::collections::VecDeque;

/// Pieces that are remembered of each sort.
const MOST: usize = 256;

/// Frames that are named where more than these belong to a call.
pub(super) const MOST_NAMED: usize = 6;

/// Pieces of a stream with their numbers, the latest ones.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pieces: VecDeque<Piece>,
    /// Where the last one so far ends.
    end: u64,
    /// How many there have been.
    count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    number: u64,
    start: u64,
    end: u64,
}

impl Pieces {
    /// Adds the next piece and gives it the next number.
    pub(super) fn push_next(&mut self, (start, end): (u64, u64)) -> u64 {
        let number = self.count.saturating_add(1);
        self.push(number, (start, end));
        number
    }

    /// Adds a piece with a number of its own.
    pub(super) fn push(&mut self, number: u64, (start, end): (u64, u64)) {
        self.count = self.count.saturating_add(1);
        self.end = self.end.max(end);
        if self.pieces.len() == MOST {
            self.pieces.pop_front();
        }
        self.pieces.push_back(Piece { number, start, end });
    }

    /// The numbers of those that share bytes with a range, in their order.
    pub(super) fn within(&self, (start, end): (u64, u64)) -> impl Iterator<Item = u64> {
        let is_within = move |piece: &&Piece| piece.start < end && start < piece.end;
        self.pieces
            .iter()
            .filter(is_within)
            .map(|piece| piece.number)
    }

    /// The first and the last of those.
    pub(super) fn span(&self, range: (u64, u64)) -> Option<(u64, u64)> {
        let mut within = self.within(range);
        let first = within.next()?;
        Some((first, within.last().unwrap_or(first)))
    }

    /// Where the last one so far ends.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// How many there have been.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }
}

/// Frames as `#4 #5`, and `…` for further ones.
pub(super) fn frames(frames: &[u64]) -> String {
    let mut text = String::new();
    for (index, frame) in frames.iter().enumerate() {
        if index == MOST_NAMED {
            text.push_str(" …");
            break;
        }
        if index != 0 {
            text.push(' ');
        }
        text.push('#');
        text.push_str(&frame.to_string());
    }
    text
}
