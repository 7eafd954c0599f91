//! Numbers for `${random}` that the same seed gives again.

/// A generator of numbers that look random: SplitMix64 (Steele, Lea and Flood, 2014).
///
/// It is for test data, never for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // The constants are those of the publication.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Gives a number from `first` to `last`, both included; `first` where `last` is below it.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        let span = u128::from(last.saturating_sub(first)) + 1;
        // The upper half of the product is below `span`, which fits where the difference did.
        let offset = u64::try_from((u128::from(self.next()) * span) >> 64).unwrap_or_default();
        first.saturating_add(offset)
    }
}

#[cfg(test)]
mod tests;
