//! Where the drones are, from above and from the side: in characters while they fly, as a drawing of
//! their tracks when they have flown.

use std::fmt::Write as _;

use super::{Glance, Pad};
use crate::svg::{Path, Svg};

/// In cm: what a column of characters stands for, the finest that shows everything.
const SCALES: [f64; 10] = [
    5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0,
];

/// Characters are about twice as high as wide.
const ASPECT: f64 = 2.0;

/// In cm: the room is shown this far around where the drones start, at least.
const ROOM: f64 = 150.0;

/// In columns: between the two views.
const GAP: usize = 3;

/// In columns: what a view needs to show anything.
const LEAST: usize = 16;

/// The room in characters, from above and from the side, which grows as the drones need it.
#[derive(Clone, Debug)]
pub struct Picture {
    pads: Vec<Pad>,
    /// The least and the greatest x, y and height that were seen, in cm.
    low: [f64; 3],
    high: [f64; 3],
}

impl Picture {
    /// A room with its pads.
    #[must_use]
    pub fn new(pads: &[Pad]) -> Self {
        let mut picture = Self {
            pads: pads.to_vec(),
            low: [-ROOM, -ROOM, 0.0],
            high: [ROOM, ROOM, ROOM],
        };
        for pad in pads {
            picture.reach([pad.x, pad.y, 0.0]);
        }
        picture
    }

    /// Draws the drones in so many columns and rows: two views beside each other, each below its
    /// title, in characters of ASCII. A drone is its number with a mark of where its nose points, a
    /// pad is `m` and its number.
    pub fn draw(&mut self, drones: &[Glance], columns: usize, rows: usize) -> Vec<String> {
        for drone in drones {
            self.reach(drone.pose.at);
        }
        let rows = rows.max(4);
        let width = (columns.saturating_sub(GAP) / 2).max(LEAST);
        let height = rows - 1;
        let scale = self.scale(width, height);
        let mut above = View::new(width, height);
        let mut side = View::new(width, height);
        let middle = [0, 1].map(|axis: usize| f64::midpoint(self.low[axis], self.high[axis]));
        for pad in &self.pads {
            let name = format!("m{}", pad.id);
            above.put(
                [middle[1] - pad.y, pad.x - middle[0]],
                scale,
                Ground::Middle,
                &name,
            );
            side.put([pad.x - middle[0], 0.0], scale, Ground::Bottom, &name);
        }
        for drone in drones {
            let [x, y, z] = drone.pose.at;
            let name = mark(drone.number);
            let nose = nose(drone.pose.yaw);
            let from_above = format!("{name}{nose}");
            above.put(
                [middle[1] - y, x - middle[0]],
                scale,
                Ground::Middle,
                &from_above,
            );
            side.put([x - middle[0], z], scale, Ground::Bottom, &name.to_string());
        }
        let title = format!("from above, a column is {scale} cm");
        let beside = "from the side, ahead is right";
        let mut lines = vec![format!("{title:width$.width$}{:GAP$}{beside}", "")];
        for (left, right) in above.rows.iter().zip(&side.rows) {
            let mut line: String = left.iter().collect();
            let _ = write!(line, "{:GAP$}", "");
            line.extend(right);
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    fn reach(&mut self, at: [f64; 3]) {
        let limits = self.low.iter_mut().zip(&mut self.high);
        for ((low, high), at) in limits.zip(at) {
            *low = low.min(at);
            *high = high.max(at);
        }
    }

    fn scale(&self, width: usize, height: usize) -> f64 {
        let [x, y, z] = [0, 1, 2].map(|axis: usize| self.high[axis] - self.low[axis]);
        // Names are up to three characters wide.
        let columns = width.saturating_sub(4).max(1) as f64;
        let rows = height.saturating_sub(2).max(1) as f64 * ASPECT;
        let needed = (y / columns).max(x / rows).max(x / columns).max(z / rows);
        let fits = SCALES.into_iter().find(|scale| *scale >= needed);
        fits.unwrap_or(needed)
    }
}

/// Where the second coordinate of a view is zero.
#[derive(Clone, Copy)]
enum Ground {
    Middle,
    Bottom,
}

/// A field of characters.
struct View {
    rows: Vec<Vec<char>>,
}

impl View {
    fn new(width: usize, height: usize) -> Self {
        Self {
            rows: vec![vec!['.'; width]; height],
        }
    }

    /// Puts a name at a place in cm, right of the middle and up.
    fn put(&mut self, at: [f64; 2], scale: f64, ground: Ground, name: &str) {
        let height = self.rows.len();
        let width = self.rows.first().map_or(0, Vec::len);
        let column = (width as f64 / 2.0 + at[0] / scale).round();
        let up = (at[1] / (scale * ASPECT)).round();
        let row = match ground {
            Ground::Middle => (height as f64 / 2.0).floor() - up,
            Ground::Bottom => height as f64 - 1.0 - up,
        };
        // What lies outside is shown at the edge.
        let row = row.clamp(0.0, height.saturating_sub(1) as f64) as usize;
        let last = width.saturating_sub(name.len());
        let column = column.clamp(0.0, last as f64) as usize;
        let cells = self.rows.get_mut(row).and_then(|row| row.get_mut(column..));
        for (cell, c) in cells.into_iter().flatten().zip(name.chars()) {
            *cell = c;
        }
    }
}

/// A drone's number as one character, as long as there are some.
fn mark(number: u32) -> char {
    char::from_digit(number, 36).unwrap_or('#')
}

/// Where a nose points, seen from above.
fn nose(yaw: f64) -> char {
    match yaw {
        yaw if yaw.abs() <= 45.0 => '^',
        yaw if yaw.abs() >= 135.0 => 'v',
        yaw if yaw > 0.0 => '>',
        _ => '<',
    }
}

/// In pixels: one view of the drawing, without its edge.
const SIDE: f64 = 420.0;
const EDGE: f64 = 40.0;

/// The colours of tracks, which are told apart without colours by the numbers at their ends.
const COLOURS: [&str; 6] = [
    "#1f6feb", "#cf222e", "#1a7f37", "#8250df", "#bf8700", "#0e7490",
];

/// Draws where drones have been as SVG, from above and from the side. A track is the number of its
/// drone and its points, as [`Drone::track`](super::Drone::track) gives them.
#[must_use]
pub fn draw_tracks(tracks: &[(u32, Vec<[f64; 3]>)], pads: &[Pad]) -> String {
    let mut room = Picture::new(pads);
    for point in tracks.iter().flat_map(|(_, points)| points) {
        room.reach(*point);
    }
    let span = |axis: usize| room.high[axis] - room.low[axis];
    let cm = span(0).max(span(1)).max(span(2)).max(1.0);
    // What lies outermost does not lie on the frame.
    let margin = cm * 0.1;
    let scale = SIDE / (cm + 2.0 * margin);
    let width = 2.0 * SIDE + 3.0 * EDGE;
    let height = SIDE + 2.0 * EDGE;
    let mut svg = Svg::new(width, height, "where the drones have flown");
    let top = |point: &[f64; 3]| {
        (
            EDGE + (margin + room.high[1] - point[1]) * scale,
            EDGE + (margin + room.high[0] - point[0]) * scale,
        )
    };
    let beside = |point: &[f64; 3]| {
        (
            2.0 * EDGE + SIDE + (margin + point[0] - room.low[0]) * scale,
            EDGE + SIDE - (margin + point[2]) * scale,
        )
    };
    let metre = 100.0 * scale;
    svg.text((EDGE, EDGE - 16.0), "from above, ahead is up");
    svg.text(
        (2.0 * EDGE + SIDE, EDGE - 16.0),
        "from the side, ahead is right",
    );
    svg.element("g")
        .word("fill", "none")
        .word("stroke", "#d0d7de")
        .open();
    svg.rect((EDGE, EDGE), (SIDE, SIDE)).end();
    svg.rect((2.0 * EDGE + SIDE, EDGE), (SIDE, SIDE)).end();
    let floor = EDGE + SIDE - margin * scale;
    let (left, right) = (2.0 * EDGE + SIDE, 2.0 * (EDGE + SIDE));
    svg.line((left, floor), (right, floor)).end();
    svg.close();
    svg.line(
        (EDGE, height - 16.0),
        (EDGE + metre.min(SIDE), height - 16.0),
    )
    .word("stroke", "#24292f")
    .word("stroke-width", "2")
    .end();
    let length = (metre.min(SIDE) / scale).round();
    svg.text((EDGE, height - 22.0), &format!("{length} cm"));
    for pad in pads {
        let at = top(&[pad.x, pad.y, 0.0]);
        svg.circle(at, (20.0 * scale).max(4.0))
            .word("fill", "#eaeef2")
            .end();
        svg.text((at.0 - 8.0, at.1 + 4.0), &format!("m{}", pad.id));
    }
    for (place, (number, points)) in tracks.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        svg.element("g")
            .word("stroke", colour)
            .word("fill", "none")
            .word("stroke-width", "1.5")
            .open();
        draw_line(&mut svg, points.iter().map(top));
        draw_line(&mut svg, points.iter().map(beside));
        svg.close();
        if let Some(last) = points.last() {
            // Seen from the side, drones stand one behind the other; their numbers do not.
            let aside = 10.0 * (place % COLOURS.len()) as f64;
            for (at, aside) in [(top(last), 0.0), (beside(last), aside)] {
                svg.circle(at, 3.0).word("fill", colour).end();
                svg.text((at.0 + 6.0 + aside, at.1 - 4.0), &number.to_string());
            }
        }
    }
    svg.finish()
}

fn draw_line(svg: &mut Svg, points: impl Iterator<Item = (f64, f64)>) {
    let mut path = Path::new();
    points.for_each(|point| path.line_to(point));
    svg.path(&path).end();
}

#[cfg(test)]
mod tests;
