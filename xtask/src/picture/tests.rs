use std::path::Path;

use super::terminal::{COLUMNS, Screen};
use super::{FOLDER, PICTURES, program, svg};

/// What a picture says, in the lines that every run has, in an order that no clock decides.
///
/// Numbers differ from run to run, a user's name from desk to desk, and how bytes are cut into reads
/// is the kernel's business.
fn words(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.contains(" reads "));
    let mut lines: Vec<String> = lines
        .map(|line| {
            let line = match line.split_once(", user ") {
                Some((before, after)) => before.to_owned() + after.trim_start_matches(|c| c != ')'),
                None => line.to_owned(),
            };
            let line = match line.rsplit_once("  +") {
                Some((before, time)) if time.ends_with('s') => before.to_owned(),
                _ => line,
            };
            let letters = line.replace(|c: char| c.is_ascii_digit(), " ");
            letters.split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect();
    lines.sort();
    lines
}

/// The description of a picture that was drawn.
fn described(svg: &str) -> String {
    let (_, rest) = svg
        .split_once("<desc id=\"words\">")
        .expect("a picture has its words");
    let (words, _) = rest.split_once("</desc>").expect("a description ends");
    words
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[test]
fn the_pictures_show_what_the_program_prints() {
    let program = program().unwrap();
    if !program.exists() {
        let is_required = std::env::var_os("SOCKPIT_REQUIRE_PEERS").is_some();
        assert!(!is_required, "there is no {}", program.display());
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for picture in &PICTURES {
        let drawn = std::fs::read_to_string(root.join(FOLDER).join(picture.file)).unwrap();
        let printed = (picture.make)(&program).unwrap();
        assert_eq!(
            words(&described(&drawn)),
            words(printed.text()),
            "{} is not what the program prints; run `cargo xtask picture`",
            picture.file
        );
    }
}

#[test]
fn a_drawing_holds_its_words() {
    let mut screen = Screen::default();
    screen.prompt("a < b & c > d");
    screen.print("\x1b[1;31merror:\x1b[0m 你好\r\n\r\nend");
    assert_eq!(screen.text(), "$ a < b & c > d\nerror: 你好\n\nend");
    assert_eq!(described(&svg::draw("title", &screen)), screen.text());
}

#[test]
fn what_stands_after_a_wide_character_keeps_its_column() {
    let mut screen = Screen::default();
    screen.print("ab你好cd\n");
    let drawn = svg::draw("title", &screen);
    let runs: Vec<&str> = drawn
        .lines()
        .filter(|line| line.contains("textLength"))
        .collect();
    let [ab, wide, cd] = runs[..] else {
        panic!("three runs: {runs:?}")
    };
    assert!(
        ab.contains(r#"x="28""#) && ab.contains(r#"textLength="18""#),
        "{ab}"
    );
    assert!(
        wide.contains(r#"x="46""#) && wide.contains(r#"textLength="36""#),
        "{wide}"
    );
    assert!(
        cd.contains(r#"x="82""#) && cd.contains(r#"textLength="18""#),
        "{cd}"
    );
}

#[test]
fn marks_of_the_console_become_classes() {
    let mut screen = Screen::default();
    screen.print("\x1b[1;31merror:\x1b[0m \x1b[2mdim\x1b[0m \x1b[Kplain");
    let drawn = svg::draw("title", &screen);
    for part in [
        r#"class="bold c1""#,
        ">error:</text>",
        r#"class="dim""#,
        ">plain</text>",
    ] {
        assert!(drawn.contains(part), "{part} is missing in {drawn}");
    }
}

#[test]
fn a_long_line_goes_on_below_from_a_word_on() {
    let mut screen = Screen::default();
    screen.print(&"x".repeat(COLUMNS + 1));
    screen.print(&format!("\n{} yyy zzz\nnext", "x".repeat(COLUMNS - 6)));
    let shown = screen
        .lines()
        .iter()
        .map(|line| line.iter().map(|cell| cell.character));
    let shown: Vec<String> = shown
        .map(|line| line.collect::<String>().replace("xx", ""))
        .collect();
    assert_eq!(shown, ["", "x", " yyy ", "zzz", "next"]);
    assert_eq!(screen.text().lines().count(), 3);
}
