//! What the ticks of a capture's clock are in nanoseconds since 1970.

const NANOS: u128 = 1_000_000_000;

/// The unit and the beginning of an interface's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// As in the option `if_tsresol`: 10 to the minus of it, or 2 with the highest bit set.
    pub(super) resolution: u8,
    /// Seconds to be added, as in the option `if_tsoffset`.
    pub(super) offset: i64,
}

impl Default for Clock {
    /// Microseconds since 1970.
    fn default() -> Self {
        Self {
            resolution: 6,
            offset: 0,
        }
    }
}

impl Clock {
    /// Clamped to what 64 bits of nanoseconds hold: from 1970 to 2554.
    pub(super) fn nanos(self, ticks: u64) -> u64 {
        if self.resolution == 9 && self.offset == 0 {
            return ticks;
        }
        let ticks = u128::from(ticks);
        let exponent = u32::from(self.resolution & 0x7f);
        let nanos = if self.resolution & 0x80 != 0 {
            // 64 bits of ticks are less than one second from here on, and few nanoseconds.
            ticks
                .saturating_mul(NANOS)
                .checked_shr(exponent)
                .unwrap_or_default()
        } else if exponent <= 9 {
            let times = 10_u128.saturating_pow(9_u32.saturating_sub(exponent));
            ticks.saturating_mul(times)
        } else {
            let parts = 10_u128.saturating_pow(exponent.saturating_sub(9));
            ticks.checked_div(parts).unwrap_or_default()
        };
        let offset = u128::from(self.offset.unsigned_abs()).saturating_mul(NANOS);
        let nanos = match self.offset {
            0.. => nanos.saturating_add(offset),
            _ => nanos.saturating_sub(offset),
        };
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}
