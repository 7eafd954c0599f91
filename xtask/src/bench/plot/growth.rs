//! Lines of what grows.

use sockpit_core::svg::{Path, Svg};

use super::{FAINT, MARGIN, MET, MISSED, OURS, THEIRS, WIDTH, faint, head};
use crate::bench::growth::{Curve, Growth};
use crate::bench::table::{Unit, grouped};

/// In pixels: the sides of the field with the lines.
const LEFT: f64 = 90.0;
const RIGHT: f64 = WIDTH - 40.0;
const TOP: f64 = 64.0;
const FOOT: f64 = 330.0;

/// In pixels, of one line of the legend.
const LEGEND: f64 = 20.0;

/// Costs that differ by more than this are shown by their powers of ten.
const WIDE: f64 = 20.0;

/// Where costs stand from below to above.
enum Scale {
    /// From nothing to this.
    Linear(f64),
    /// From one power of ten to another.
    Powers(i32, i32),
}

/// A line a program; numbers from left to right by their powers of ten.
pub(in crate::bench) fn lines(growth: &Growth) -> String {
    let height = FOOT + 52.0 + LEGEND * growth.curves.len() as f64 + MARGIN;
    let mut svg = Svg::new(WIDTH, height, growth.title);
    head(
        &mut svg,
        growth.title,
        "flat is good; medians; the largest rise from a lower cost at a smaller number stands below",
    );
    let scale = Scale::of(&growth.curves);
    for cost in scale.marks() {
        let y = scale.y(cost);
        svg.line((LEFT, y), (RIGHT, y))
            .word("stroke", "#d1d9e0")
            .end();
        label(
            &mut svg,
            (LEFT - 8.0, y + 4.0),
            "end",
            &Unit::Seconds.show(cost),
        );
    }
    for (place, number) in growth.numbers.iter().enumerate() {
        let at = (x(growth, place), FOOT + 18.0);
        label(&mut svg, at, "middle", &grouped(*number as f64));
    }
    label(
        &mut svg,
        (f64::midpoint(LEFT, RIGHT), FOOT + 36.0),
        "middle",
        growth.count,
    );
    for (place, curve) in growth.curves.iter().enumerate() {
        let colour = if place == 0 { OURS } else { THEIRS };
        line(&mut svg, growth, curve, &scale, colour);
        let y = FOOT + 56.0 + LEGEND * place as f64;
        svg.rect((LEFT, y - 4.0), (18.0, 4.0))
            .word("fill", colour)
            .end();
        let text = format!("{}: largest rise × {:.2}", curve.name, curve.rise());
        svg.text((LEFT + 26.0, y + 2.0), &text);
    }
    let (mark, colour) = match growth.is_met() {
        true => ("✓ no steeper than the reference", MET),
        false => ("✗ steeper than the reference", MISSED),
    };
    svg.element("text")
        .number("x", RIGHT)
        .number("y", FOOT + 58.0)
        .word("text-anchor", "end")
        .word("fill", colour)
        .text(mark);
    svg.finish()
}

fn line(svg: &mut Svg, growth: &Growth, curve: &Curve, scale: &Scale, colour: &str) {
    let points = curve.costs.iter().enumerate();
    let points: Vec<(f64, f64)> = points
        .map(|(place, cost)| (x(growth, place), scale.y(*cost)))
        .collect();
    let mut path = Path::new();
    for point in &points {
        path.line_to(*point);
    }
    svg.path(&path)
        .word("fill", "none")
        .word("stroke", colour)
        .word("stroke-width", "2.5")
        .end();
    for (point, cost) in points.iter().zip(&curve.costs) {
        svg.circle(*point, 4.0)
            .word("fill", colour)
            .tip(&Unit::Seconds.show(*cost));
    }
}

fn label(svg: &mut Svg, at: (f64, f64), anchor: &str, text: &str) {
    svg.element("g")
        .word("text-anchor", anchor)
        .word("fill", FAINT)
        .open();
    faint(svg, at, text);
    svg.close();
}

/// The place of a number, by its logarithm.
fn x(growth: &Growth, place: usize) -> f64 {
    let log = |number: Option<&u64>| number.map_or(0.0, |number| (*number as f64).max(1.0).ln());
    let (first, last) = (log(growth.numbers.first()), log(growth.numbers.last()));
    let part = (log(growth.numbers.get(place)) - first) / (last - first).max(f64::MIN_POSITIVE);
    // The outermost points keep clear of the sides.
    LEFT + 30.0 + (RIGHT - LEFT - 60.0) * part
}

impl Scale {
    fn of(curves: &[Curve]) -> Self {
        let costs = || curves.iter().flat_map(|curve| curve.costs.iter().copied());
        let most = costs().fold(0.0, f64::max);
        let least = costs().fold(f64::INFINITY, f64::min);
        if 0.0 < least && WIDE * least < most {
            return Self::Powers(least.log10().floor() as i32, most.log10().ceil() as i32);
        }
        // A round number of which the most is three quarters or more.
        let power = 10_f64.powi(most.max(f64::MIN_POSITIVE).log10().floor() as i32);
        let round = [1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
        let enough = round.iter().find(|round| most <= **round * power);
        Self::Linear(enough.unwrap_or(&10.0) * power)
    }

    fn marks(&self) -> Vec<f64> {
        match *self {
            Self::Linear(most) => (0..=4).map(|part| most * f64::from(part) / 4.0).collect(),
            Self::Powers(least, most) => (least..=most).map(|power| 10_f64.powi(power)).collect(),
        }
    }

    fn y(&self, cost: f64) -> f64 {
        let part = match *self {
            Self::Linear(most) => cost / most,
            Self::Powers(least, most) => {
                (cost.log10() - f64::from(least)) / f64::from(most - least)
            }
        };
        FOOT - (FOOT - TOP) * part
    }
}
