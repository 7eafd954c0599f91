//! What happened over time, in a bounded amount of memory: neighbours are merged as it grows.

/// Spans that a series holds at most: more than a picture has columns of pixels.
pub(super) const MOST_SPANS: usize = 4096;

/// A value, or several close to each other in time, with their extremes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// When the first of them was, in nanoseconds since the conversation began.
    pub(super) from: u64,
    /// When the last of them was.
    pub(super) to: u64,
    /// The lowest value, or the first byte.
    pub(super) low: u64,
    /// The highest value, or the place after the last byte.
    pub(super) high: u64,
    /// The last value.
    pub(super) last: u64,
    /// How many.
    pub(super) count: u64,
}

impl Span {
    /// One value.
    pub(super) const fn value(at: u64, value: u64) -> Self {
        Self::range(at, value, value)
    }

    /// Bytes from a place to before another.
    pub(super) const fn range(at: u64, low: u64, high: u64) -> Self {
        Self {
            from: at,
            to: at,
            low,
            high,
            last: high,
            count: 1,
        }
    }

    fn merge(&mut self, later: &Self) {
        self.from = self.from.min(later.from);
        self.to = self.to.max(later.to);
        self.low = self.low.min(later.low);
        self.high = self.high.max(later.high);
        self.last = later.last;
        self.count = self.count.saturating_add(later.count);
    }
}

/// Spans in the order of the capture.
#[derive(Debug, Default)]
pub(super) struct Series {
    spans: Vec<Span>,
    /// In nanoseconds: those that fall into one such interval are merged; 0 while none are.
    width: u64,
}

impl Series {
    pub(super) fn push(&mut self, span: Span) {
        match self.spans.last_mut() {
            Some(last) if is_near(last, &span, self.width) => last.merge(&span),
            _ => self.spans.push(span),
        }
        while self.spans.len() > MOST_SPANS {
            self.widen();
        }
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    pub(super) fn last(&self) -> Option<&Span> {
        self.spans.last()
    }

    /// In nanoseconds: what one span may stand for; 0 where nothing was merged.
    pub(super) fn width(&self) -> u64 {
        self.width
    }

    /// The lowest and the highest value.
    pub(super) fn extremes(&self) -> Option<(u64, u64)> {
        let low = self.spans.iter().map(|span| span.low).min()?;
        let high = self.spans.iter().map(|span| span.high).max()?;
        Some((low, high))
    }

    fn widen(&mut self) {
        self.width = match self.width {
            0 => {
                let to = self.spans.iter().map(|span| span.to).max().unwrap_or(0);
                to.div_ceil(MOST_SPANS as u64).max(1)
            }
            width => width.saturating_mul(2),
        };
        let width = self.width;
        self.spans.dedup_by(|later, earlier| {
            let is_merged = is_near(earlier, later, width);
            if is_merged {
                earlier.merge(later);
            }
            is_merged
        });
    }
}

fn is_near(earlier: &Span, later: &Span, width: u64) -> bool {
    // All of time is one interval at last, so that widening comes to an end.
    let interval = |span: &Span| span.from.checked_div(width);
    width == u64::MAX || interval(earlier).is_some() && interval(earlier) == interval(later)
}
