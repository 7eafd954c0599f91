//! Pictures of what was measured: bars of one table, and lines of what grows.
//!
//! A picture brings its own background, so that it is legible on a light page and on a dark one.

use sockpit_core::svg::Svg;

use super::table::{Line, Outcome, Spread, Table, Unit};

mod growth;

pub(super) use growth::lines;

/// Of our own figures, and of the others'.
const OURS: &str = "#1f6feb";
const THEIRS: &str = "#8c959f";

/// Of words that matter less.
const FAINT: &str = "#59636e";

/// Of a met target and of a missed one; a mark says it too.
const MET: &str = "#1a7f37";
const MISSED: &str = "#cf222e";

/// In pixels, of every picture.
const WIDTH: f64 = 900.0;

/// In pixels, around what is drawn.
const MARGIN: f64 = 16.0;

/// In pixels: where names end and bars begin, and where these may end.
const BARS: (f64, f64) = (300.0, 590.0);

/// In pixels: where figures begin, and where what they are worth.
const FIGURES: f64 = 604.0;
const WORTH: f64 = 704.0;

/// In pixels: above the first bar, and from bar to bar.
const HEAD: f64 = 62.0;
const ROW: f64 = 34.0;

/// Horizontal bars of the medians, with the least and the most of the runs as whiskers.
pub(super) fn bars(table: &Table) -> String {
    let height = HEAD + ROW * table.lines.len() as f64 + MARGIN;
    let mut svg = Svg::new(WIDTH, height, &table.title);
    head(&mut svg, &table.title, direction(table.unit));
    let spreads = table.lines.iter().filter_map(Line::spread);
    let most = spreads.map(|spread| spread.most).fold(0.0, f64::max);
    for (place, line) in table.lines.iter().enumerate() {
        // The middle of its row.
        let y = HEAD + ROW * (place as f64 + 0.5);
        svg.text((MARGIN, y + 4.0), &line.name);
        match (line.spread(), &line.outcome) {
            (Some(spread), _) => {
                let colour = if place == 0 { OURS } else { THEIRS };
                bar(&mut svg, y, spread, most, colour);
                svg.text((FIGURES, y + 4.0), &table.unit.show(spread.median));
            }
            (None, Outcome::Failed(reason)) => faint(&mut svg, (BARS.0, y + 4.0), reason),
            (None, _) => faint(&mut svg, (BARS.0, y + 4.0), "not installed"),
        }
        worth(&mut svg, table, line, y + 4.0);
    }
    svg.finish()
}

/// The title, and below it what one has to know to read the rest.
fn head(svg: &mut Svg, title: &str, below: &str) {
    svg.element("text")
        .number("x", MARGIN)
        .number("y", 27.0)
        .word("font-size", "15")
        .word("font-weight", "600")
        .text(title);
    faint(svg, (MARGIN, 46.0), below);
}

fn faint(svg: &mut Svg, at: (f64, f64), text: &str) {
    svg.element("text")
        .number("x", at.0)
        .number("y", at.1)
        .word("fill", FAINT)
        .text(text);
}

/// A bar to the median, and a line with ends over the least and the most.
fn bar(svg: &mut Svg, y: f64, spread: Spread, most: f64, colour: &str) {
    let x = |figure: f64| match most {
        0.0 => BARS.0,
        most => BARS.0 + (BARS.1 - BARS.0) * (figure / most).max(0.0),
    };
    svg.rect((BARS.0, y - 9.0), (x(spread.median) - BARS.0, 18.0))
        .word("fill", colour)
        .end();
    let (least, most) = (x(spread.least), x(spread.most));
    svg.element("g").word("stroke", "#24292f").open();
    svg.line((least, y), (most, y)).end();
    for end in [least, most] {
        svg.line((end, y - 4.0), (end, y + 4.0)).end();
    }
    svg.close();
}

/// The ratio, and whether it is as it must be.
fn worth(svg: &mut Svg, table: &Table, line: &Line, y: f64) {
    let ratio = table.ratio(line).map(|ratio| format!("× {ratio:.2}"));
    let target = line.target.map(|target| target.show(table.unit));
    let (mark, colour) = match table.verdict(line) {
        Some(true) => ("✓ ", MET),
        Some(false) => ("✗ ", MISSED),
        None => ("", FAINT),
    };
    let text = match (ratio, target) {
        (Some(ratio), Some(target)) => format!("{mark}{ratio}, {target}"),
        (Some(ratio), None) => ratio,
        (None, Some(target)) => format!("{mark}{target}"),
        (None, None) => return,
    };
    svg.element("text")
        .number("x", WORTH)
        .number("y", y)
        .word("fill", colour)
        .text(&text);
}

/// What is better, and what the marks mean.
fn direction(unit: Unit) -> &'static str {
    match unit {
        Unit::BytesPerSecond | Unit::PerSecond => {
            "more is better; median with least and most; × is ours divided by its"
        }
        Unit::Seconds => "less is better; median with least and most; × is ours divided by its",
        Unit::Bytes | Unit::Packets | Unit::Share => "less is better; median with least and most",
    }
}

#[cfg(test)]
mod tests;
