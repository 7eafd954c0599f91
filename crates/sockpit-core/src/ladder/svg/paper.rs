//! A sheet that grows downwards while it is drawn on, and becomes a drawing once its height is known.

use crate::svg::{Element, Path, Svg};

/// Faces of a fixed width; the last is a sort and always found.
const FIXED: &str = "ui-monospace,Consolas,Menlo,monospace";

/// What something looks like: the name of an attribute of SVG and its value, in turn.
pub(super) type Look = &'static [(&'static str, &'static str)];

/// On which side of its place a text stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

type Point = (f64, f64);

enum Shape {
    Open(String),
    Close,
    Line(Point, Point, Look),
    Head([Point; 3], Look),
    Rect(Point, Point, Look),
    /// A filled rectangle that says something to who points at it.
    Bar(Point, Point, &'static str, &'static str),
    Text(Point, Anchor, String, Look),
    /// Turned about its middle, in degrees.
    Turned(Point, f64, String, Look),
}

/// A sheet; places are x and y in pixels.
#[derive(Default)]
pub(super) struct Paper {
    shapes: Vec<Shape>,
    /// What lies beneath all of it.
    ground: Vec<Shape>,
}

impl Paper {
    /// Begins a group that says `title` to who points at it.
    pub(super) fn open(&mut self, title: String) {
        self.shapes.push(Shape::Open(title));
    }

    /// Ends a group.
    pub(super) fn close(&mut self) {
        self.shapes.push(Shape::Close);
    }

    pub(super) fn text(&mut self, at: Point, anchor: Anchor, text: &str, look: Look) {
        self.shapes
            .push(Shape::Text(at, anchor, text.to_owned(), look));
    }

    /// Text that is turned about its middle, in degrees.
    pub(super) fn turned_text(&mut self, at: Point, angle: f64, text: &str, look: Look) {
        self.shapes
            .push(Shape::Turned(at, angle, text.to_owned(), look));
    }

    pub(super) fn rect(&mut self, at: Point, size: Point, look: Look) {
        self.shapes.push(Shape::Rect(at, size, look));
    }

    /// A bar beneath everything else, in a colour.
    pub(super) fn bar(&mut self, at: Point, size: Point, fill: &'static str, title: &'static str) {
        self.ground.push(Shape::Bar(at, size, fill, title));
    }

    /// A line beneath everything else.
    pub(super) fn ground_line(&mut self, from: Point, to: Point, look: Look) {
        self.ground.push(Shape::Line(from, to, look));
    }

    /// A little square of a colour.
    pub(super) fn swatch(&mut self, at: Point, fill: &'static str, title: &'static str) {
        self.shapes.push(Shape::Bar(at, (9.0, 9.0), fill, title));
    }

    pub(super) fn line(&mut self, from: Point, to: Point, look: Look) {
        self.shapes.push(Shape::Line(from, to, look));
    }

    /// A line with a head at its end.
    pub(super) fn arrow(&mut self, from: Point, to: Point, look: Look) {
        const LENGTH: f64 = 9.0;
        const HALF: f64 = 4.0;
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let len = libm::hypot(dx, dy).max(1.0);
        let (ux, uy) = (dx / len, dy / len);
        let neck = (to.0 - LENGTH * ux, to.1 - LENGTH * uy);
        let one = (neck.0 - HALF * uy, neck.1 + HALF * ux);
        let other = (neck.0 + HALF * uy, neck.1 - HALF * ux);
        self.line(from, neck, look);
        self.shapes.push(Shape::Head([to, one, other], look));
    }

    /// The whole drawing.
    pub(super) fn finish(self, (width, height): (f64, f64), title: &str) -> String {
        let mut svg = Svg::new(width, height, title);
        for shape in self.ground.iter().chain(&self.shapes) {
            shape.draw(&mut svg);
        }
        svg.finish()
    }
}

impl Shape {
    fn draw(&self, svg: &mut Svg) {
        match self {
            Self::Open(title) => {
                svg.element("g").open();
                svg.element("title").text(title);
            }
            Self::Close => svg.close(),
            Self::Line(from, to, look) => dress(svg.line(*from, *to), look).end(),
            Self::Head([tip, one, other], look) => {
                let mut path = Path::new();
                path.move_to(*tip);
                path.line_to(*one);
                path.line_to(*other);
                path.line_to(*tip);
                let stroke = look.iter().find(|(name, _)| *name == "stroke");
                let fill = stroke.map_or("#000000", |(_, value)| *value);
                svg.path(&path).word("fill", fill).end();
            }
            Self::Rect(at, size, look) => {
                dress(svg.rect(*at, *size).number("rx", 4.0), look).end();
            }
            Self::Bar(at, size, fill, title) => svg.rect(*at, *size).word("fill", fill).tip(title),
            Self::Text((x, y), anchor, text, look) => {
                let element = svg.element("text").number("x", *x).number("y", *y);
                let element = element.word("text-anchor", anchor.name());
                dress(element, look)
                    .word("xml:space", "preserve")
                    .text(text);
            }
            Self::Turned((x, y), angle, text, look) => {
                let turn = format!("rotate({angle:.2} {x:.1} {y:.1})");
                let element = svg.element("text").number("x", *x).number("y", *y);
                let element = element
                    .word("text-anchor", "middle")
                    .word("transform", &turn);
                dress(element, look)
                    .word("xml:space", "preserve")
                    .text(text);
            }
        }
    }
}

/// Writes attributes; a face called `fixed` is one of a fixed width.
fn dress<'a>(element: Element<'a>, look: Look) -> Element<'a> {
    look.iter().fold(element, |element, (name, value)| {
        let value = if *value == "fixed" { FIXED } else { value };
        element.word(name, value)
    })
}
