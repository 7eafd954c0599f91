//! How long the bytes of one end took to be acknowledged.

use std::collections::VecDeque;

use super::axis::{Axis, Measure};
use super::paper::{Key, Look, Paper};
use super::sequence::{curve, merged_note};
use super::series::{Series, Span};
use super::track::{Passage, Seen};
use super::{Part, Picture};
use crate::svg::Path;

/// Segments on the way that are remembered.
const MOST_ON_THE_WAY: usize = 65_536;

const SAMPLES: Key = Key {
    look: Look::Dot,
    colour: "#0969da",
    text: "round trips, each up to its acknowledgement",
};
const INITIAL: Key = Key {
    look: Look::Dashes,
    colour: "#1a7f37",
    text: "the handshake's round trip",
};

/// The round trips of one end's bytes.
#[derive(Debug, Default)]
pub(super) struct Rtt {
    samples: Series,
    /// Segments that are not acknowledged, in the order of their places.
    on_the_way: VecDeque<Segment>,
    /// The place after the highest byte sent.
    top: u64,
    /// Acknowledgements that were not measured, as their bytes were sent again.
    unmeasured: u64,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    start: u64,
    end: u64,
    at: u64,
    /// Whether it is not known which of several was acknowledged.
    is_again: bool,
    is_selected: bool,
}

impl Rtt {
    pub(super) fn push(&mut self, seen: &Seen, part: Part) {
        match part {
            Part::Carries => self.carry(seen),
            Part::Answers => self.answer(seen),
        }
    }

    fn carry(&mut self, seen: &Seen) {
        if seen.start == seen.end || seen.passage == Passage::Probe {
            return;
        }
        if seen.start < self.top || seen.passage == Passage::Again {
            // Karn's algorithm (RFC 6298 §3): which of both was acknowledged cannot be told.
            let first = self
                .on_the_way
                .partition_point(|segment| segment.end <= seen.start);
            let overlapping = self.on_the_way.range_mut(first..);
            let overlapping = overlapping.take_while(|segment| segment.start < seen.end);
            overlapping.for_each(|segment| segment.is_again = true);
        }
        if seen.end <= self.top {
            return;
        }
        if self.on_the_way.len() == MOST_ON_THE_WAY {
            self.on_the_way.pop_front();
        }
        self.on_the_way.push_back(Segment {
            start: seen.start.max(self.top),
            end: seen.end,
            at: seen.at,
            is_again: seen.passage == Passage::Again || seen.start < self.top,
            is_selected: false,
        });
        self.top = seen.end;
    }

    fn answer(&mut self, seen: &Seen) {
        let Some(ack) = seen.ack else { return };
        let mut latest = None;
        while let Some(segment) = self.on_the_way.front().filter(|first| first.end <= ack) {
            if !segment.is_selected {
                latest = Some(*segment);
            }
            self.on_the_way.pop_front();
        }
        // The first block is the one that has come last (RFC 2018 §4).
        if let Some((start, end)) = seen.sack.into_iter().flatten().next() {
            let first = self
                .on_the_way
                .partition_point(|segment| segment.start < start);
            let after = self
                .on_the_way
                .partition_point(|segment| segment.end <= end);
            let selected = self.on_the_way.range_mut(first.min(after)..after);
            for segment in selected.rev() {
                if segment.is_selected {
                    break;
                }
                segment.is_selected = true;
                latest = latest
                    .filter(|known: &Segment| known.at >= segment.at)
                    .or(Some(*segment));
            }
        }
        let Some(latest) = latest else { return };
        if latest.is_again {
            self.unmeasured = self.unmeasured.saturating_add(1);
            return;
        }
        let span = seen.at.saturating_sub(latest.at);
        self.samples.push(Span::value(seen.at, span));
    }

    pub(super) fn draw(&self, picture: Picture<'_>, initial_rtt: Option<u64>) -> String {
        let mut heading = picture.heading;
        let mut legend = Vec::new();
        if let Some((low, high)) = self.samples.extremes() {
            let tell = |span: u64| Measure::Time.tell(span as f64);
            heading
                .facts
                .push(format!("round trips {} to {}", tell(low), tell(high)));
            legend.push(SAMPLES);
        } else {
            heading
                .notes
                .push("no byte of this end was seen to be acknowledged".to_owned());
        }
        if let Some(initial_rtt) = initial_rtt {
            legend.push(INITIAL);
            let told = Measure::Time.tell(initial_rtt as f64);
            heading.facts.push(format!("handshake {told}"));
        }
        if self.unmeasured > 0 {
            heading.notes.push(format!(
                "{} acknowledgements of bytes that were sent again are not measured",
                self.unmeasured
            ));
        }
        if self.samples.width() > 0 {
            heading.notes.push(merged_note(self.samples.width()));
        }
        let mut paper = Paper::new(picture.size, picture.words, &heading, &legend);
        let area = paper.area;
        let across = paper.time_axis(picture.until);
        let (_, high) = self.samples.extremes().unwrap_or((0, 0));
        let top = high.max(initial_rtt.unwrap_or(0)).max(1);
        let up = Axis::new(Measure::Time, (0, top), (area.bottom, area.top), true);
        paper.axes(picture.words, &area, (&across, &up), "round trip", true);
        if let Some(initial_rtt) = initial_rtt {
            let y = up.at(initial_rtt);
            let mut path = Path::new();
            path.line_to((area.left, y));
            path.line_to((area.right, y));
            curve(&mut paper, &path, INITIAL);
        }
        let svg = &mut paper.svg;
        svg.element("g")
            .word("stroke", SAMPLES.colour)
            .word("fill", SAMPLES.colour)
            .open();
        for span in self.samples.spans() {
            let x = across.at(span.from);
            let tell = |span: u64| Measure::Time.tell(span as f64);
            let tip = format!("{} · {}", tell(span.from), tell(span.last));
            if span.count == 1 {
                svg.circle((x, up.at(span.last)), 2.0).tip(&tip);
                continue;
            }
            let tip = format!(
                "{tip} · {}–{} · ×{}",
                tell(span.low),
                tell(span.high),
                span.count
            );
            svg.line((x, up.at(span.low)), (x, up.at(span.high)))
                .tip(&tip);
        }
        svg.close();
        paper.svg.finish()
    }
}
