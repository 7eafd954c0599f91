use super::*;
use crate::filter::Clock;
use crate::record::Epoch;
use crate::rule::Pattern;

fn chat() -> Timeline {
    let mut timeline = Timeline::default();
    timeline
        .opened(1, 1, "tcp://127.0.0.1:7000") // port: a word of a hand-made event.
        .later(5)
        .sent(b"temp?\n")
        .later(20)
        .heard(b"t=2")
        .later(2)
        .heard(b"1.5\nerr: \xff\n")
        .later(3)
        .sent(b"=1+1\nbye\n")
        .closed(1, 1);
    timeline
}

#[test]
fn framing_and_charset_are_switched_after_the_fact() {
    let mut timeline = Timeline::default();
    timeline.heard(b"\xc4\xe3").heard(b"\xba\xc3\n\xc4\xe3");
    let history = history("raw", &timeline);
    let mut view = view(Look::default(), &history);
    assert_eq!(told(&view, &history).len(), 2);
    let look = Look {
        framing: Some("lines".parse().unwrap()),
        text: Some(Some("gbk".parse().unwrap())),
        ..Look::default()
    };
    view.change(look.clone(), &history);
    assert_eq!(view.revision(), 1);
    complete(&mut view, &history);
    assert_eq!(told(&view, &history), ["0:你好"]);
    let pending: Vec<_> = view.pending(&history, 10).iter().map(short).collect();
    assert_eq!(pending, ["5:你…"]);
    view.change(look, &history);
    assert_eq!(view.revision(), 1, "the same look is no change");
}

#[test]
fn a_manner_told_later_counts_from_the_beginning() {
    let mut timeline = Timeline::default();
    timeline.heard(b"one\ntwo\n");
    let mut history = History::new(Limits::default(), None);
    history.take(&timeline.events[0]);
    let mut view = view(Look::default(), &history);
    assert_eq!(told(&view, &history), ["0:one␊two␊"]);
    history.know(2, manner("slip"));
    complete(&mut view, &history);
    assert_eq!(view.revision(), 0, "another session is another matter");
    history.know(1, manner("lines"));
    complete(&mut view, &history);
    assert_eq!(told(&view, &history), ["0:one", "4:two"]);
    assert_eq!(view.revision(), 1);
}

#[test]
fn a_row_is_one_line_of_what_can_be_seen() {
    let mut timeline = Timeline::default();
    timeline.heard("a\u{202e}b\x1b[2J\r\u{7f}\u{85}é\n".as_bytes());
    timeline.heard(&[b'x'; 2000]);
    let history = history("lines", &timeline);
    let mut view = view(Look::default(), &history);
    assert_eq!(told(&view, &history), ["0:a␦b␛[2J␍␡␦é"]);
    view.change(
        Look {
            chunks: true,
            ..Look::default()
        },
        &history,
    );
    complete(&mut view, &history);
    let long = view.row(&history, 1).unwrap();
    assert_eq!(long.text.unwrap().chars().count(), 512);
    assert_eq!((long.hex.len(), long.has_more, long.len), (128, true, 2000));
}

#[test]
fn a_character_that_two_chunks_share_is_not_called_malformed() {
    let mut timeline = Timeline::default();
    let text = "你好".as_bytes();
    timeline.heard(&text[..4]).heard(&text[4..]);
    timeline.heard(b"\xff");
    let history = history("raw", &timeline);
    let view = view(Look::default(), &history);
    let shown: Vec<_> = rows(&view, &history)
        .into_iter()
        .map(|row| (row.text.unwrap(), row.is_malformed, row.has_more))
        .collect();
    let expected = [
        ("你", false, false),
        ("", false, false),
        ("\u{fffd}", true, false),
    ];
    assert_eq!(
        shown,
        expected.map(|(text, bad, more)| (text.to_owned(), bad, more))
    );
}

#[test]
fn what_the_filter_found_is_highlighted_in_utf16_units() {
    let mut timeline = Timeline::default();
    timeline.heard("🎈\x01err err\n".as_bytes());
    let history = history("lines", &timeline);
    let look = Look {
        filter: Some("text ~ err and not text ~ zzz".parse().unwrap()),
        ..Look::default()
    };
    let view = view(look, &history);
    let row = view.row(&history, 0).unwrap();
    assert_eq!(row.highlights, [3..6, 7..10]);
}

#[test]
fn times_are_those_of_the_first_byte() {
    let history = history("lines", &chat());
    let view = view(Look::default(), &history);
    let rows = rows(&view, &history);
    let millis: Vec<_> = rows
        .iter()
        .map(|row| row.time.as_nanos() / 1_000_000)
        .collect();
    assert_eq!(millis, [0, 5, 25, 27, 30, 30, 30]);
    assert_eq!(rows[2].since, Some(20_000_000));
    assert_eq!(view.latency(&history, 2), Some(20_000_000));
    assert_eq!(view.latency(&history, 5), Some(3_000_000));
    assert_eq!(view.latency(&history, 1), None);
    assert_eq!(
        rows[0].event.as_ref().map(|event| event.what.name()),
        Some("opened")
    );
    assert_eq!(view.totals().messages, [2, 3]);
    assert_eq!(view.totals().bytes, [12, 12]);
}

#[test]
fn silence_ends_a_message_once_it_is_known_to_be_over() {
    let mut timeline = Timeline::default();
    timeline.heard(b"a").later(5).heard(b"b");
    let mut history = history("gap:20ms", &timeline);
    let mut view = view(Look::default(), &history);
    assert_eq!(view.next(), 0);
    history.pass(Time::from_nanos(24_000_000));
    complete(&mut view, &history);
    assert_eq!((view.next(), view.pending(&history, 9).len()), (0, 1));
    history.pass(Time::from_nanos(25_000_000));
    complete(&mut view, &history);
    assert_eq!(told(&view, &history), ["0:ab"]);
}

#[test]
fn a_search_goes_both_ways_and_can_be_taken_up_again() {
    let history = history("lines", &chat());
    let view = view(Look::default(), &history);
    let find = |pattern: Pattern, from: u64, way: Way| {
        let mut search = Search::new(pattern, from, way);
        let mut steps = 0;
        loop {
            steps += 1;
            match view.find(&history, &mut search, 1) {
                Found::Unfinished => assert!(steps < 100),
                Found::At(index) => return Some(index),
                Found::Nowhere => return None,
            }
        }
    };
    let text = |text: &str| Pattern::contains(text).unwrap();
    assert_eq!(find(text("1"), 0, Way::On), Some(0), "an address");
    assert_eq!(find(text("1"), 1, Way::On), Some(2));
    assert_eq!(find(text("1"), 3, Way::On), Some(4));
    assert_eq!(find(text("1"), 99, Way::Back), Some(4));
    assert_eq!(find(text("1"), 3, Way::Back), Some(2));
    assert_eq!(find(text("nowhere"), 0, Way::On), None);
    assert_eq!(find(text("nowhere"), 6, Way::Back), None);
    assert_eq!(find(text("fin"), 0, Way::On), Some(6), "a reason");
    let hex = Pattern::hex("FF").unwrap();
    assert_eq!(find(hex, 0, Way::On), Some(3));
    let regex = Pattern::regex(r"^t=\d+").unwrap();
    assert_eq!(find(regex, 0, Way::On), Some(2));
}

#[test]
fn a_place_is_found_however_the_view_cuts() {
    let history = history("lines", &chat());
    let lines = view(Look::default(), &history);
    let chunks = view(
        Look {
            chunks: true,
            ..Look::default()
        },
        &history,
    );
    let place = Spot::Byte {
        session: 1,
        peer: 1,
        direction: Direction::In,
        offset: 5,
    };
    assert_eq!(lines.locate(&history, place), Some(2));
    assert_eq!(chunks.locate(&history, place), Some(3));
    assert_eq!(lines.locate(&history, Spot::Number(4)), Some(2));
    assert_eq!(lines.locate(&history, Spot::Number(1)), Some(0));
    assert_eq!(lines.locate(&history, Spot::Number(99)), None);
    let at = |millis: u64| Spot::Time(Time::from_nanos(millis * 1_000_000));
    assert_eq!(lines.locate(&history, at(0)), Some(0));
    assert_eq!(lines.locate(&history, at(24)), Some(2));
    assert_eq!(lines.locate(&history, at(10_000)), Some(4));
}

#[test]
fn a_note_stays_with_its_bytes() {
    let mut history = history("lines", &chat());
    let mut view = view(Look::default(), &history);
    let data = view.identity(&history, 3).unwrap();
    let event = view.identity(&history, 6).unwrap();
    history.mark(data, Some("look here".to_owned()));
    history.mark(event, Some("the end".to_owned()));
    let marked = |view: &View, history: &History| {
        let marks = view.marks(history).into_iter();
        marks
            .map(|mark| (mark.index, mark.note))
            .collect::<Vec<_>>()
    };
    let notes = |data, event| {
        let pair = [(data, "look here"), (event, "the end")];
        pair.map(|(index, note): (u64, &str)| (index, note.to_owned()))
    };
    assert_eq!(marked(&view, &history), notes(3, 6));
    assert_eq!(
        view.row(&history, 3).unwrap().mark.as_deref(),
        Some("look here")
    );
    let look = Look {
        chunks: true,
        ..Look::default()
    };
    view.change(look, &history);
    complete(&mut view, &history);
    assert_eq!(marked(&view, &history), notes(3, 5));
    assert_eq!(
        view.row(&history, 3).unwrap().mark.as_deref(),
        Some("look here")
    );
    history.mark(data, None);
    assert_eq!(marked(&view, &history).len(), 1);
}

fn exported(form: Form, framing: &str, look: Look) -> String {
    let history = history(framing, &chat());
    let view = view(look, &history);
    let clock = Clock {
        epoch: Epoch(1_700_000_000_000_000_000),
        utc_offset: 3600,
    };
    let mut out = form.heading().as_bytes().to_vec();
    let mut from = Some(0);
    while let Some(at) = from {
        from = view.export(&history, form, clock, at, 1, &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_has_no_formulas() {
    let table = exported(Form::Csv, "lines", Look::default());
    let lines: Vec<&str> = table.split("\r\n").collect();
    assert_eq!(
        lines[..4],
        [
            "time,direction,session,peer,kind,offset,length,text,hex",
            "2023-11-14T22:13:20.000000000Z,,1,1,opened,,,tcp://127.0.0.1:7000,", // port: a word of a hand-made event.
            "2023-11-14T22:13:20.005000000Z,out,1,1,frame,0,5,temp?,74656d703f",
            "2023-11-14T22:13:20.025000000Z,in,1,1,frame,0,6,t=21.5,743d32312e35",
        ]
    );
    assert!(lines[5].ends_with(",4,\"'=1+1\",3d312b31"), "{}", lines[5]);
}

#[test]
fn a_log_reads_as_a_person_reads() {
    let log = exported(Form::Text, "lines", Look::default());
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "[23:13:20.000] • session 1 peer 1  opened: tcp://127.0.0.1:7000", // port: a word of a hand-made event.
            "[23:13:20.005] → session 1 peer 1  temp?",
            "[23:13:20.025] ← session 1 peer 1  t=21.5",
        ]
    );
}

#[test]
fn records_read_back() {
    for (chunks, kinds) in [(false, "frame"), (true, "chunk")] {
        let look = Look {
            chunks,
            ..Look::default()
        };
        let records = exported(Form::Jsonl, "lines", look);
        let epoch = Epoch(1_700_000_000_000_000_000);
        let read: Vec<_> = records
            .lines()
            .map(|line| crate::record::read(line.as_bytes(), epoch).unwrap())
            .collect();
        let said = read.iter().filter(|event| event.what.name() == kinds);
        assert_eq!(said.count(), if chunks { 4 } else { 5 });
    }
}

#[test]
fn what_was_missed_has_the_number_of_the_event_before() {
    let mut timeline = chat();
    let last = timeline.number;
    timeline.number -= 1;
    timeline.push(0, 0, What::Gap { count: 2 });
    let mut history = history("lines", &timeline);
    let view = view(Look::default(), &history);
    assert_eq!(view.locate(&history, Spot::Number(last)), Some(6));
    let gap = view.identity(&history, 7).unwrap();
    assert_eq!((gap.number, gap.session), (last, 0));
    history.mark(gap, Some("missed".to_owned()));
    let marks = view.marks(&history);
    assert_eq!((marks.len(), marks[0].index), (1, 7));
    assert_eq!(view.locate(&history, Spot::Identity(gap)), Some(7));
}

#[test]
fn rows_are_events_to_whoever_makes_a_file_of_them() {
    let history = history("lines", &chat());
    let look = Look {
        chunks: true,
        ..Look::default()
    };
    let view = view(look, &history);
    let mut file = Vec::new();
    let options = crate::transcript::Options::default();
    let mut transcript = crate::transcript::Transcript::begin("test", options, &mut file);
    for (_, event) in view.events(&history, 0) {
        transcript.push(&event, Epoch(1), &mut file);
    }
    transcript.finish(&mut file);
    let has = |text: &[u8]| file.windows(text.len()).any(|part| part == text);
    assert!(has(b"temp?") && has(b"err: "));
}
