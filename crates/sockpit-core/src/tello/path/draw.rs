//! The drawing of a flight: from above, and from the side.

use super::{Flight, Options, Track};
use crate::strings::Catalogue;
use crate::svg::{Path, Svg};
use crate::text::width;

/// Colours that differ for those who do not see red and green, each with a pattern of dashes.
const COLOURS: [(&str, &str); 6] = [
    ("#0969da", ""),
    ("#bc4c00", "8 3"),
    ("#8250df", "2 3"),
    ("#1a7f37", "10 3 2 3"),
    ("#bf3989", "5 5"),
    ("#57606a", "1 4"),
];

const GRID: &str = "#d8dee4";
const FAINT: &str = "#57606a";

/// In pixels.
const WIDTH: f64 = 900.0;
const MARGIN: f64 = 56.0;
const LINE: f64 = 17.0;
const ABOVE: f64 = 480.0;
const SIDE: f64 = 220.0;

/// More numbers than this nobody tells apart; the others have a dot with a tip.
const NUMBERED: usize = 99;

/// One of the two views: which axis goes to the right, and which up.
struct View {
    left: f64,
    top: f64,
    size: (f64, f64),
    /// Of the place: the axis, and 1 or -1.
    across: (usize, f64),
    up: (usize, f64),
    /// Values at the left and the lower edge, in cm, and pixels for each cm.
    from: (f64, f64),
    scale: f64,
}

impl View {
    fn new(flight: &Flight, top: f64, height: f64, across: (usize, f64), up: (usize, f64)) -> Self {
        let size = (WIDTH - 2.0 * MARGIN, height);
        let range = |(axis, sign): (usize, f64)| {
            let values = flight
                .tracks
                .iter()
                .flat_map(|track| &track.points)
                .map(|point| point.place[axis] * sign);
            let range = values.fold((0.0_f64, 0.0_f64), |(low, high), value| {
                (low.min(value), high.max(value))
            });
            (range.0 - 50.0, range.1 + 50.0)
        };
        let (x, y) = (range(across), range(up));
        // Both directions at one scale, or a square would be none.
        let scale = (size.0 / (x.1 - x.0)).min(size.1 / (y.1 - y.0));
        let spare = (size.0 / scale - (x.1 - x.0), size.1 / scale - (y.1 - y.0));
        Self {
            left: MARGIN,
            top,
            size,
            across,
            up,
            from: (x.0 - spare.0 / 2.0, y.0 - spare.1 / 2.0),
            scale,
        }
    }

    fn at(&self, place: [f64; 3]) -> (f64, f64) {
        let x = place[self.across.0] * self.across.1 - self.from.0;
        let y = place[self.up.0] * self.up.1 - self.from.1;
        (
            self.left + x * self.scale,
            self.top + self.size.1 - y * self.scale,
        )
    }

    fn grid(&self, svg: &mut Svg) {
        let wanted = 80.0 / self.scale;
        let step = [
            20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0,
        ];
        let step = step
            .into_iter()
            .find(|step| wanted <= *step)
            .unwrap_or(20_000.0);
        let label = |value: f64| {
            let metres = (value / 100.0 * 10.0).round() / 10.0;
            format!("{metres} m")
        };
        let ticks = |from: f64, span: f64| {
            let first = (from / step).ceil();
            let count = ((from + span) / step).floor() - first;
            let ticks = (0..200_u32).map(f64::from);
            ticks
                .take_while(move |n| *n <= count)
                .map(move |n| (first + n) * step)
        };
        let span = (self.size.0 / self.scale, self.size.1 / self.scale);
        let bottom = self.top + self.size.1;
        svg.element("g").word("stroke", GRID).open();
        for value in ticks(self.from.0, span.0) {
            let x = self.left + (value - self.from.0) * self.scale;
            svg.line((x, self.top), (x, bottom)).end();
        }
        for value in ticks(self.from.1, span.1) {
            let y = bottom - (value - self.from.1) * self.scale;
            svg.line((self.left, y), (self.left + self.size.0, y)).end();
        }
        svg.close();
        svg.rect((self.left, self.top), self.size)
            .word("fill", "none")
            .word("stroke", "#8c959f")
            .end();
        svg.element("g")
            .word("fill", FAINT)
            .word("font-size", "11")
            .open();
        svg.element("g").word("text-anchor", "middle").open();
        for value in ticks(self.from.0, span.0) {
            let x = self.left + (value - self.from.0) * self.scale;
            svg.text((x, bottom + 14.0), &label(value));
        }
        svg.close();
        svg.element("g").word("text-anchor", "end").open();
        for value in ticks(self.from.1, span.1) {
            let y = bottom - (value - self.from.1) * self.scale;
            svg.text((self.left - 5.0, y + 4.0), &label(value));
        }
        svg.close();
        svg.close();
    }

    fn track(&self, svg: &mut Svg, track: &Track, (colour, dashes): (&str, &str)) {
        let mut path = Path::new();
        for point in &track.points {
            path.line_to(self.at(point.place));
        }
        svg.path(&path)
            .word("fill", "none")
            .word("stroke", colour)
            .word("stroke-width", "2")
            .word("stroke-dasharray", dashes)
            .word("stroke-linejoin", "round")
            .end();
        svg.element("g")
            .word("fill", colour)
            .word("font-size", "11")
            .open();
        let steps = track
            .points
            .iter()
            .filter_map(|point| Some((point, point.step.as_ref()?)));
        let mut before = None;
        let mut lane = 0_u32;
        for (number, (point, (line, text))) in steps.enumerate() {
            let at = self.at(point.place);
            let place = point.place.map(|part| (part / 10.0).round() / 10.0);
            let [x, y, z] = place;
            let tip = format!("{line}: {text} ({:.1} s; {x} {y} {z} m)", point.at);
            svg.circle(at, 3.5).tip(&tip);
            // What ends in the same place is told beside it, one after the other.
            let is_same = before.is_some_and(|(x, y): (f64, f64)| {
                (x - at.0).abs() < 12.0 && (y - at.1).abs() < 12.0
            });
            lane = if is_same { lane.saturating_add(1) } else { 0 };
            before = Some(at);
            if number < NUMBERED && lane < 4 {
                let shift = 6.0 + 16.0 * f64::from(lane);
                svg.text(
                    (at.0 + shift, at.1 - 6.0),
                    &number.saturating_add(1).to_string(),
                );
            }
        }
        if let Some(first) = track.points.first() {
            let (x, y) = self.at(first.place);
            svg.rect((x - 5.0, y - 5.0), (10.0, 10.0))
                .word("fill", "none")
                .word("stroke", colour)
                .tip(&track.name);
        }
        svg.close();
    }
}

pub(super) fn svg(flight: &Flight, options: &Options) -> String {
    let words = Catalogue::new(options.language);
    let columns = ((WIDTH - 2.0 * MARGIN) / 6.7) as usize;
    let legend = flight.tracks.len() as f64 * LINE;
    let above_top = 62.0 + legend + 2.0 * LINE;
    let side_top = above_top + ABOVE + 3.0 * LINE;
    let notes = flight.warnings.len() as f64 * LINE;
    let height = side_top + SIDE + 2.5 * LINE + notes + 8.0;
    let title = words.say("the flight as it is expected to be");
    let mut svg = Svg::new(WIDTH, height, &title);
    svg.element("desc").text(
        &words.say(
            "each drone's path from above and from the side, with a number where each step ends",
        ),
    );
    svg.element("g")
        .word("font-size", "14")
        .word("font-weight", "600")
        .open();
    svg.text((20.0, 24.0), &title);
    svg.close();
    let seconds = flight.seconds.round();
    let mut facts = words.say(&format!("about {seconds} s")).into_owned();
    if let Some(nearest) = &flight.nearest {
        let [a, b] = &nearest.drones;
        let (cm, at) = (nearest.cm.round(), nearest.at.round());
        facts.push_str(" · ");
        let fact = format!("`{a}` and `{b}` come nearest after {at} s: {cm} cm");
        facts.push_str(&words.say(&fact));
    }
    svg.element("g").word("fill", FAINT).open();
    svg.text((20.0, 42.0), &facts);
    svg.close();
    for (index, track) in flight.tracks.iter().enumerate() {
        let look = look(index);
        let y = 62.0 + LINE * index as f64;
        svg.line((20.0, y - 4.0), (50.0, y - 4.0))
            .word("stroke", look.0)
            .word("stroke-width", "2")
            .word("stroke-dasharray", look.1)
            .end();
        let metres = (track.length_cm / 10.0).round() / 10.0;
        let told = words
            .say(&format!("drone `{}`, {metres} m", track.name))
            .into_owned();
        svg.text((58.0, y), &width::truncate(&told, columns));
    }
    let above = View::new(flight, above_top, ABOVE, (1, -1.0), (0, 1.0));
    let side = View::new(flight, side_top, SIDE, (0, 1.0), (2, 1.0));
    let views = [
        (&above, "from above: ahead is up"),
        (&side, "from the right side: ahead is to the right"),
    ];
    for (view, name) in views {
        let name = words.say(name);
        svg.text((MARGIN, view.top - 7.0), &name);
        svg.element("g")
            .word("role", "group")
            .word("aria-label", &name)
            .open();
        view.grid(&mut svg);
        for (index, track) in flight.tracks.iter().enumerate() {
            view.track(&mut svg, track, look(index));
        }
        svg.close();
    }
    let mut y = side_top + SIDE + 2.5 * LINE;
    for warning in &flight.warnings {
        let told = words.say(warning);
        svg.text((20.0, y), &width::truncate(&format!("! {told}"), columns));
        y += LINE;
    }
    svg.finish()
}

fn look(index: usize) -> (&'static str, &'static str) {
    COLOURS
        .get(index % COLOURS.len())
        .copied()
        .unwrap_or(("#000000", ""))
}
