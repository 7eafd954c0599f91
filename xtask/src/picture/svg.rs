//! Draws a screen: a window that stands on a light and on a dark page.

use std::fmt::Write as _;

use super::terminal::{COLUMNS, Cell, Screen, Style};

/// In pixels, of one column; 0.6 of the font's size, as in most fixed-width fonts.
const CELL: usize = 9;
/// In pixels.
const FONT_SIZE: usize = 15;
/// In pixels, from one line to the next.
const LINE: usize = 22;
/// In pixels, between the window's edge and the text.
const PADDING: usize = 28;
/// In pixels, of the bar with the title.
const BAR: usize = 40;

/// Fixed-width fonts of the usual systems, each with one that has Chinese.
const STYLE: &str = "\
text { font-family: ui-monospace, SFMono-Regular, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', \
'Liberation Mono', 'Noto Sans Mono CJK SC', 'PingFang SC', 'Microsoft YaHei', monospace; \
font-size: 15px; fill: #e6edf3; white-space: pre }
.bold { font-weight: 600; fill: #ffffff } .dim { fill: #8b949e } .title { fill: #8b949e; font-size: 13px }
.c1 { fill: #ff7b72 } .c2 { fill: #56d364 } .c3 { fill: #e3b341 }
.c4 { fill: #79c0ff } .c5 { fill: #d2a8ff } .c6 { fill: #56d4dd }";

/// The picture as a file.
pub(super) fn draw(title: &str, screen: &Screen) -> String {
    let width = COLUMNS * CELL + 2 * PADDING;
    let height = BAR + screen.lines().len() * LINE + PADDING;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title words">
<title id="title">{}</title>
<desc id="words">{}</desc>
<style>
{STYLE}
</style>
<rect x="0.5" y="0.5" width="{}" height="{}" rx="10" fill="#0d1117" stroke="#30363d"/>
<path d="M 1 {BAR} H {}" stroke="#21262d"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/><circle cx="62" cy="20" r="6" fill="#28c840"/>
<text class="title" x="{}" y="25" text-anchor="middle">{}</text>
<g xml:space="preserve">"##,
        escaped(title),
        escaped(screen.text()),
        width - 1,
        height - 1,
        width - 1,
        width / 2,
        escaped(title),
    );
    for (index, line) in screen.lines().iter().enumerate() {
        // The baseline stands so that the line's letters are in its middle.
        let y = BAR + index * LINE + LINE / 2 + FONT_SIZE;
        draw_line(line, y, &mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Runs of one look, each at its column and as wide as it is on a terminal, whatever the font.
fn draw_line(line: &[Cell], y: usize, out: &mut String) {
    let mut column = 0;
    let is_one_run = |a: &Cell, b: &Cell| a.style == b.style && a.width() == b.width();
    for run in line.chunk_by(is_one_run) {
        let columns: usize = run.iter().map(|cell| cell.width()).sum();
        let text: String = run.iter().map(|cell| cell.character).collect();
        let shown = text.trim();
        if let (Some(first), false) = (run.first(), shown.is_empty()) {
            let skipped =
                (text.chars().count() - text.trim_start().chars().count()) * first.width();
            let x = PADDING + (column + skipped) * CELL;
            let length = shown.chars().count() * first.width() * CELL;
            let _ = writeln!(
                out,
                r#"<text{} x="{x}" y="{y}" textLength="{length}" lengthAdjust="spacingAndGlyphs">{}</text>"#,
                classes(first.style),
                escaped(shown),
            );
        }
        column += columns;
    }
}

fn classes(style: Style) -> String {
    let mut names = Vec::new();
    if style.is_bold {
        names.push("bold".to_owned());
    }
    if style.is_dim {
        names.push("dim".to_owned());
    }
    names.extend(style.colour.map(|colour| format!("c{colour}")));
    if names.is_empty() {
        String::new()
    } else {
        format!(r#" class="{}""#, names.join(" "))
    }
}

/// Text as it may stand in XML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
