//! Rows as values: what is drawn is what they say.

use super::*;

/// Everything that is drawn of some events, and everything that is given.
fn both(tell: impl Fn(&mut Scene), options: Options) -> (String, Vec<Row>) {
    let mut scene = Scene::new(Options {
        gives_rows: true,
        width: 400,
        ..options
    });
    tell(&mut scene);
    let mut shown = scene.lens.draw();
    shown.push_str(&scene.lens.finish());
    (shown, scene.lens.take_rows())
}

fn framed(ends: Ends) -> Options {
    Options {
        ends,
        framing: Some(Framing::Lines),
        ..Options::default()
    }
}

/// The rows say what the lines say: where each begins, the number and length of each piece where it
/// begins, and what is odd.
fn check(shown: &str, rows: &[Row]) {
    let is_row = |line: &&str| {
        let line = line.trim_start();
        line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(['─', '┌', '│', '└'])
    };
    let lines: Vec<&str> = shown.lines().filter(is_row).collect();
    assert_eq!(lines.len(), rows.len(), "{shown}");
    for (line, row) in lines.iter().zip(rows) {
        let offset = line.split_whitespace().next().unwrap();
        assert_eq!(offset.parse(), Ok(row.start), "{line}");
        for cut in Cut::ALL {
            if let Some(piece) = row.piece(cut).filter(|piece| piece.start == row.start) {
                let cell = format!("{} {} B", piece.number, piece.len);
                assert!(line.contains(&cell), "{line} has no {cell}");
            }
        }
    }
    let drawn = shown
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("↑ "));
    let drawn: Vec<&str> = drawn.collect();
    let given = rows.iter().flat_map(|row| &row.verdicts);
    for verdict in given {
        assert!(drawn.contains(&verdict.as_str()), "{verdict}\n{shown}");
    }
    // Rows follow on each other, and tell each byte once.
    for pair in rows.windows(2) {
        assert_eq!(pair[0].end, pair[1].start);
    }
}

#[test]
fn rows_say_what_is_drawn() {
    let tell = |scene: &mut Scene| {
        scene.open(0);
        scene.open(1);
        scene.write("one\ntwo\nthr");
        scene.said("one", 4);
        scene.said("two", 4);
        scene.write("ee\n");
        scene.said("three", 6);
        scene.read("one\ntwo\nt");
        scene.read("hree\n");
    };
    let (shown, rows) = both(tell, framed(Ends::Two));
    check(&shown, &rows);
    let verdicts: Vec<&String> = rows.iter().flat_map(|row| &row.verdicts).collect();
    assert!(verdicts.iter().any(|it| it.contains("sticky")), "{shown}");
    assert!(verdicts.iter().any(|it| it.contains("half")), "{shown}");
    let bytes: Vec<u8> = rows.iter().flat_map(|row| row.bytes.to_vec()).collect();
    assert_eq!(bytes, b"one\ntwo\nthree\n");
    assert_eq!(rows[0].piece(Cut::Writes).unwrap().told.session, 1);
}

#[test]
fn what_is_not_certain_is_seen_by_a_copy_that_is_finished() {
    let mut scene = Scene::new(Options {
        gives_rows: true,
        ..framed(Ends::One)
    });
    scene.open(1);
    scene.read("hello\nwor");
    scene.heard("hello", 6);
    let _ = scene.lens.draw();
    let certain = scene.lens.take_rows();
    assert!(certain.iter().all(|row| row.end <= 6));
    let mut copy = scene.lens.clone();
    let _ = copy.finish();
    let rest = copy.take_rows();
    assert_eq!(rest.last().map(|row| row.end), Some(9));
    // The lens itself goes on as if nothing had been.
    scene.read("ld\n");
    scene.heard("world", 6);
    let _ = scene.lens.finish();
    let rows: Vec<Row> = certain.into_iter().chain(scene.lens.take_rows()).collect();
    assert_eq!(rows.last().map(|row| row.end), Some(12));
    let last = rows.last().and_then(|row| row.piece(Cut::Messages));
    assert_eq!(last.map(|piece| piece.number), Some(2));
}

proptest! {
    /// However a stream is cut, the rows say what is drawn.
    #[test]
    fn every_row_says_what_is_drawn(
        messages in proptest::collection::vec("[a-z]{0,9}", 1..12),
        reads in proptest::collection::vec(1usize..9, 1..40),
    ) {
        let wire: String = messages.iter().map(|text| format!("{text}\n")).collect();
        let tell = |scene: &mut Scene| {
            scene.open(1);
            let mut rest = wire.as_bytes();
            for len in reads.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at(rest.len().min(*len));
                scene.read(piece);
                rest = after;
            }
            for text in &messages {
                scene.heard(text, text.len() as u64 + 1);
            }
        };
        let (shown, rows) = both(tell, framed(Ends::One));
        check(&shown, &rows);
    }
}
