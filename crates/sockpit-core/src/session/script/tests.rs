use std::sync::Arc;
use std::time::Duration;

use super::{Progress, Run, Script, Step, WINDOW};
use crate::rule::Pattern;
use crate::time::Time;

#[test]
fn a_match_is_found_however_small_the_pieces_are() {
    for pattern in [
        "needle",
        r"re:\bneedle\b",
        "re:ne+dle",
        "hex:6E 65 ?? 64 6C 65",
    ] {
        for size in [1, 2, 3, 7, 1000] {
            let mut run = expecting(pattern);
            let mut stream = "hay ".repeat(1000).into_bytes();
            stream.extend_from_slice(b"needle hay");
            let mut found_at = None;
            for (index, piece) in stream.chunks(size).enumerate() {
                run.hear_stream(piece, None);
                if let Progress::Done { .. } = run.advance(Time::ZERO) {
                    found_at = Some(index);
                    break;
                }
            }
            let last = (stream.len() - " hay".len() - 1) / size;
            assert!(
                found_at.is_some_and(|at| at.abs_diff(last) <= 1),
                "{pattern} in pieces of {size}: {found_at:?}"
            );
        }
    }
}

#[test]
fn what_is_found_late_is_found_after_the_window_has_moved() {
    let mut run = expecting("needle");
    for _ in 0..3 * WINDOW / 1000 {
        run.hear_stream(&[b'.'; 1000], None);
        assert!(matches!(run.advance(Time::ZERO), Progress::Pending));
    }
    run.hear_stream(b"nee", None);
    assert!(matches!(run.advance(Time::ZERO), Progress::Pending));
    run.hear_stream(b"dle", None);
    assert!(matches!(run.advance(Time::ZERO), Progress::Done { .. }));
}

#[test]
fn messages_that_nobody_expects_are_bounded_even_if_they_are_empty() {
    let mut run = expecting("needle");
    for _ in 0..3 * WINDOW {
        run.hear_frame(b"", None);
    }
    assert_eq!(run.waiting.len(), WINDOW);
    for _ in 0..10 {
        run.hear_frame(&[0; WINDOW / 4], None);
    }
    assert_eq!(run.waiting.len(), 4);
    // The newest is kept, however long it is.
    run.hear_frame(&[0; 2 * WINDOW], None);
    assert_eq!(run.waiting.len(), 1);
    assert_eq!(run.kept, 2 * WINDOW);
}

fn expecting(pattern: &str) -> Run {
    let step = Step::Expect {
        pattern: Pattern::parse_expectation(pattern).unwrap(),
        within: Duration::from_secs(5),
        label: pattern.to_owned(),
        exit: 3,
    };
    Run::new(Arc::new(Script {
        steps: vec![step],
        ..Script::default()
    }))
}
