//! The hash of peers' addresses, which are looked up for every datagram.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes by two multiplications with numbers that nobody else knows. Peers choose their addresses,
/// so that a hash that they could reckon would let them make each look-up slow.
#[derive(Clone)]
pub(super) struct Keyed {
    start: u64,
    factor: u64,
}

impl Default for Keyed {
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            start: random.hash_one(0),
            factor: random.hash_one(1) | 1,
        }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded {
            state: self.start,
            factor: self.factor,
        }
    }
}

/// A hash under way.
pub(super) struct Folded {
    state: u64,
    factor: u64,
}

impl Folded {
    /// Both halves of the product: the upper one depends on every bit.
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.factor);
        self.state = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.fold(u64::from_ne_bytes(word));
        }
        self.fold(bytes.len() as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    fn write_u128(&mut self, word: u128) {
        self.fold(word as u64);
        self.fold((word >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        let product = u128::from(self.state) * u128::from(self.factor.rotate_left(32));
        product as u64 ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests;
