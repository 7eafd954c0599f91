use proptest::prelude::*;

use super::*;

#[test]
fn an_empty_drawing_has_a_title_and_a_background() {
    let drawing = Svg::new(10.0, 5.25, "a & b").finish();
    assert!(drawing.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"10\""));
    assert!(drawing.contains("viewBox=\"0 0 10 5.2\""), "{drawing}");
    assert!(drawing.contains("<title>a &amp; b</title>\n<rect x=\"0\""));
    assert!(drawing.ends_with("/>\n</svg>\n"));
}

#[test]
fn what_is_open_is_closed_in_order() {
    let mut svg = Svg::new(1.0, 1.0, "");
    svg.element("g").open();
    svg.element("a").open();
    assert!(svg.finish().ends_with("<g>\n<a>\n</a>\n</g>\n</svg>\n"));
    let mut svg = Svg::new(1.0, 1.0, "");
    svg.close();
    svg.close();
    assert_eq!(svg.finish().matches("</svg>").count(), 1);
}

#[test]
fn a_path_begins_where_its_first_point_is() {
    let mut path = Path::new();
    assert!(path.is_empty());
    path.line_to((1.0, 2.04));
    path.line_to((-0.04, f64::NAN));
    assert_eq!(path.0, "M1 2L0 0");
}

#[test]
fn d1_no_text_leaves_its_place() {
    let mut svg = Svg::new(1.0, 1.0, "</title><script>");
    svg.element("g")
        .word("id", "\"onload='x'\n\u{1b}")
        .tip("]]><");
    svg.text((0.0, 0.0), "\u{202e}\u{0}\u{fffe}");
    let drawing = svg.finish();
    assert!(drawing.contains("&lt;script&gt;"));
    assert!(drawing.contains("id=\"&quot;onload='x'&#10;\u{fffd}\""));
    assert!(drawing.contains(">\u{fffd}\u{fffd}\u{fffd}</text>"));
}

proptest! {
    #[test]
    fn escaped_text_has_no_mark_of_xml(text in any::<String>()) {
        let mut out = String::new();
        escape(&text, &mut out);
        prop_assert!(!out.contains(['<', '>', '"']));
        prop_assert!(!out.contains(|c: char| c.is_control()));
    }

    #[test]
    fn a_number_is_told_to_a_tenth(value in -1e9_f64..1e9) {
        let told: f64 = number(value).parse().expect("it is a number");
        prop_assert!((told - value).abs() <= 0.051);
    }
}
