//! Drawings as SVG: elements with their attributes, everything escaped.
//!
//! A drawing stands for itself: it has its own background, no script, no style sheet that could
//! meet another one on a page, and nothing is fetched for it. Presentation is in attributes, best of
//! a group around what looks alike.
//!
//! ```
//! # use sockpit_core::svg::{Path, Svg};
//! let mut svg = Svg::new(300.0, 200.0, "three bytes & more");
//! svg.element("g").word("stroke", "#1f6feb").open();
//! svg.line((10.0, 10.0), (20.0, 10.5)).tip("5 ms");
//! svg.close();
//! svg.text((10.0, 30.0), "<here>");
//! let drawing = svg.finish();
//! assert!(drawing.contains("&lt;here&gt;") && drawing.ends_with("</svg>\n"));
//! ```

use std::fmt::Write as _;

/// What a drawing stands on, so that it is legible on a light page and on a dark one.
const BACKGROUND: &str = "#ffffff";

/// What is written, where nothing else was said.
const INK: &str = "#24292f";

/// Faces that every system has, as it has them.
const FACES: &str = "system-ui,sans-serif";

/// A drawing that is being written.
#[derive(Debug)]
pub struct Svg {
    out: String,
    open: Vec<&'static str>,
}

impl Svg {
    /// Begins a drawing of a size in pixels with its background; `title` is what a reader of screens
    /// says of it.
    #[must_use]
    pub fn new(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self {
            out: String::new(),
            open: Vec::new(),
        };
        let (width_text, height_text) = (number(width), number(height));
        svg.element("svg")
            .word("xmlns", "http://www.w3.org/2000/svg")
            .word("width", &width_text)
            .word("height", &height_text)
            .word("viewBox", &format!("0 0 {width_text} {height_text}"))
            .word("role", "img")
            .word("font-family", FACES)
            .word("font-size", "12")
            .word("fill", INK)
            .open();
        svg.element("title").text(title);
        svg.rect((0.0, 0.0), (width, height))
            .word("fill", BACKGROUND)
            .end();
        svg
    }

    /// Begins an element, whose attributes follow.
    pub fn element(&mut self, name: &'static str) -> Element<'_> {
        self.out.push('<');
        self.out.push_str(name);
        Element { svg: self, name }
    }

    /// Begins a line from a point to another.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64)) -> Element<'_> {
        self.element("line")
            .number("x1", from.0)
            .number("y1", from.1)
            .number("x2", to.0)
            .number("y2", to.1)
    }

    /// Begins a rectangle by its upper left corner and its size.
    pub fn rect(&mut self, at: (f64, f64), size: (f64, f64)) -> Element<'_> {
        self.element("rect")
            .number("x", at.0)
            .number("y", at.1)
            .number("width", size.0.max(0.0))
            .number("height", size.1.max(0.0))
    }

    /// Begins a circle by its centre.
    pub fn circle(&mut self, at: (f64, f64), radius: f64) -> Element<'_> {
        self.element("circle")
            .number("cx", at.0)
            .number("cy", at.1)
            .number("r", radius.max(0.0))
    }

    /// Begins what goes along a path.
    pub fn path(&mut self, path: &Path) -> Element<'_> {
        self.element("path").word("d", &path.0)
    }

    /// Writes text with its baseline at a point.
    pub fn text(&mut self, at: (f64, f64), text: &str) {
        self.element("text")
            .number("x", at.0)
            .number("y", at.1)
            .text(text);
    }

    /// Ends the element that was opened last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            let _ = writeln!(self.out, "</{name}>");
        }
    }

    /// The whole drawing; what is open is closed.
    #[must_use]
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }
}

/// An element whose attributes are being written. One of `end`, `text`, `tip` and `open` ends them.
#[derive(Debug)]
#[must_use = "an element must be ended"]
pub struct Element<'a> {
    svg: &'a mut Svg,
    name: &'static str,
}

impl Element<'_> {
    /// Writes an attribute.
    pub fn word(self, name: &str, value: &str) -> Self {
        let _ = write!(self.svg.out, " {name}=\"");
        escape(value, &mut self.svg.out);
        self.svg.out.push('"');
        self
    }

    /// Writes an attribute that is a number.
    pub fn number(self, name: &str, value: f64) -> Self {
        self.word(name, &number(value))
    }

    /// Ends it with nothing in it.
    pub fn end(self) {
        self.svg.out.push_str("/>\n");
    }

    /// Ends it with text in it.
    pub fn text(self, text: &str) {
        self.svg.out.push('>');
        escape(text, &mut self.svg.out);
        let _ = writeln!(self.svg.out, "</{}>", self.name);
    }

    /// Ends it with what is shown while somebody points at it.
    pub fn tip(self, text: &str) {
        self.svg.out.push_str("><title>");
        escape(text, &mut self.svg.out);
        let _ = writeln!(self.svg.out, "</title></{}>", self.name);
    }

    /// Lets others follow within it, until [`Svg::close`].
    pub fn open(self) {
        self.svg.out.push_str(">\n");
        self.svg.open.push(self.name);
    }
}

/// Lines from point to point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(String);

impl Path {
    /// Begins without a point.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes to a point without drawing.
    pub fn move_to(&mut self, point: (f64, f64)) {
        let _ = write!(self.0, "M{} {}", number(point.0), number(point.1));
    }

    /// Draws a line to a point; as the first it only goes there.
    pub fn line_to(&mut self, point: (f64, f64)) {
        if self.is_empty() {
            return self.move_to(point);
        }
        let _ = write!(self.0, "L{} {}", number(point.0), number(point.1));
    }

    /// Whether it has no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A coordinate as short as it can be told, to a tenth; what is no number is 0.
#[must_use]
pub fn number(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.1}");
    match text.strip_suffix(".0").unwrap_or(&text) {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// Appends text so that it stands in XML 1.0 as itself, in an attribute too. What XML cannot say, a
/// control character, is shown as U+FFFD; so is what would change the order of what stands beside it.
pub fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() || crate::text::escape::is_hidden(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
