//! Axes: which values lie at which pixels, and where the ticks are.

/// What an axis measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// In nanoseconds.
    Time,
    /// In bytes.
    Bytes,
    /// In bits a second.
    Rate,
    /// In bytes a second.
    ByteRate,
    /// In datagrams a second.
    Datagrams,
}

/// A unit: from how many on it is used, and its name.
type Unit = (f64, &'static str);

const TIMES: [Unit; 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
const BYTES: [Unit; 4] = [
    (1.0, "B"),
    (1024.0, "KiB"),
    (1_048_576.0, "MiB"),
    (1_073_741_824.0, "GiB"),
];
const RATES: [Unit; 4] = [
    (1.0, "bit/s"),
    (1e3, "kbit/s"),
    (1e6, "Mbit/s"),
    (1e9, "Gbit/s"),
];
const BYTE_RATES: [Unit; 4] = [(1.0, "B/s"), (1e3, "kB/s"), (1e6, "MB/s"), (1e9, "GB/s")];
const DATAGRAMS: [Unit; 1] = [(1.0, "1/s")];

impl Measure {
    const fn units(self) -> &'static [Unit] {
        match self {
            Self::Time => &TIMES,
            Self::Bytes => &BYTES,
            Self::Rate => &RATES,
            Self::ByteRate => &BYTE_RATES,
            Self::Datagrams => &DATAGRAMS,
        }
    }

    /// The unit in which a value is a number of one to four digits, as far as there are such units.
    fn unit(self, value: f64) -> Unit {
        let units = self.units();
        let fit = units.iter().rev().find(|(size, _)| *size <= value);
        fit.or(units.first()).copied().unwrap_or((1.0, ""))
    }

    /// A value with its unit, to four digits: `12.5 ms`.
    pub(super) fn tell(self, value: f64) -> String {
        let (size, name) = self.unit(value);
        let number = value / size;
        let digits = match number {
            _ if size <= 1.0 => 0,
            ..10.0 => 3,
            10.0..100.0 => 2,
            _ => 1,
        };
        let number = format!("{number:.digits$}");
        let short = match number.contains('.') {
            true => number.trim_end_matches('0').trim_end_matches('.'),
            false => &number,
        };
        format!("{short} {name}")
    }
}

/// A range of values, spread over pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    step: f64,
    unit: Unit,
    first_pixel: f64,
    last_pixel: f64,
}

/// In pixels: ticks are about so far apart, side by side and one above the other.
const APART: (f64, f64) = (80.0, 45.0);

impl Axis {
    /// From one value to another, over pixels from `pixels.0` to `pixels.1`, which may be the lower
    /// one. With `is_rounded` it goes on to the next tick at both ends.
    pub(super) fn new(
        measure: Measure,
        values: (u64, u64),
        pixels: (f64, f64),
        is_rounded: bool,
    ) -> Self {
        let (from, to) = (values.0 as f64, values.1 as f64);
        let to = if from < to { to } else { from + 1.0 };
        let unit = measure.unit(to - from);
        let room = (pixels.1 - pixels.0).abs();
        let apart = match pixels.0 < pixels.1 {
            true => APART.0,
            false => APART.1,
        };
        let wanted = (room / apart).clamp(2.0, 16.0);
        let step = nice((to - from) / unit.0 / wanted) * unit.0;
        // A byte and a nanosecond have no parts.
        let step = step.max(1.0);
        let (from, to) = match is_rounded {
            true => ((from / step).floor() * step, (to / step).ceil() * step),
            false => (from, to),
        };
        Self {
            from,
            to,
            step,
            unit,
            first_pixel: pixels.0,
            last_pixel: pixels.1,
        }
    }

    /// The name of the unit of its ticks.
    pub(super) const fn unit(&self) -> &'static str {
        self.unit.1
    }

    /// The pixel of a value; what lies outside is at the nearer end.
    pub(super) fn at(&self, value: u64) -> f64 {
        self.pixel(value as f64)
    }

    /// Whether a value lies on it.
    pub(super) fn holds(&self, value: u64) -> bool {
        (self.from..=self.to).contains(&(value as f64))
    }

    /// The pixel and the number of each tick.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let first = (self.from / self.step).ceil();
        let count = ((self.to - first * self.step) / self.step + 1e-6).floor();
        let digits = match self.step / self.unit.0 {
            ..0.0099 => 3,
            0.0099..0.099 => 2,
            0.099..0.99 => 1,
            _ => 0,
        };
        // More than any picture has room for would be an error of this file, not of the data.
        let ticks = (0_u32..64).map(f64::from).take_while(move |n| *n <= count);
        ticks.map(move |n| {
            let value = (first + n) * self.step;
            let number = value / self.unit.0;
            (self.pixel(value), format!("{number:.digits$}"))
        })
    }

    fn pixel(&self, value: f64) -> f64 {
        let share = ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.first_pixel + share * (self.last_pixel - self.first_pixel)
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below.
pub(super) fn nice(value: f64) -> f64 {
    let value = if value.is_finite() && value > 0.0 {
        value
    } else {
        1.0
    };
    let power = libm::pow(10.0, libm::log10(value).floor());
    let digit = value / power;
    let digit = match digit {
        ..=1.000_001 => 1.0,
        ..=2.000_001 => 2.0,
        ..=5.000_001 => 5.0,
        _ => 10.0,
    };
    digit * power
}
