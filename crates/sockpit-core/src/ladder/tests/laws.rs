//! What holds of every ladder, whatever packets and events it is given.

use proptest::prelude::*;

use super::*;
use crate::wire::CaptureFacts;

/// Asserts that no row is wider than the screen, and that a picture is one.
fn check_rows(rows: &str, svg: &str, options: &Options) -> Result<(), TestCaseError> {
    for row in rows.lines() {
        let room = options.width.max(60);
        prop_assert!(width::width(row) <= room, "{row:?}");
        prop_assert!(!row.contains(|c: char| c.is_control()), "{row:?}");
    }
    prop_assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    prop_assert_eq!(svg.matches("<g").count(), svg.matches("</g>").count());
    Ok(())
}

prop_compose! {
    fn options()(
        width in 0_usize..240,
        numbers in prop_oneof![
            Just(Numbers::Relative), Just(Numbers::Absolute), Just(Numbers::Both)
        ],
        is_taught in any::<bool>(),
        is_chinese in any::<bool>(),
        picture_rows in 0_usize..40,
    ) -> Options {
        let language = if is_chinese { Language::Chinese } else { Language::English };
        Options {
            width,
            numbers,
            teach: is_taught.then_some(language),
            language,
            picture_rows,
            ..Options::default()
        }
    }
}

/// Which packet of a conversation, the bytes of it that are changed, how much of it there is, and
/// what its tap knew.
type Mutant = (usize, Vec<(usize, u8)>, usize, Option<u16>, u64);

/// Packets that are mostly right.
fn packets() -> impl Strategy<Value = Vec<Mutant>> {
    let changes = prop::collection::vec((0_usize..60, any::<u8>()), 0..6);
    let packet = (
        0_usize..6,
        changes,
        0_usize..80,
        any::<Option<u16>>(),
        0_u64..3,
    );
    prop::collection::vec(packet, 0..40)
}

proptest! {
    #[test]
    fn any_packets_and_events_are_drawn_within_the_screen(
        options in options(),
        packets in packets(),
        is_told in any::<bool>(),
        texts in prop::collection::vec(".{0,80}", 1..6),
    ) {
        let mut ladder = Ladder::new(options.clone());
        let mut observer = Observer::new(Settings::default());
        let mut rows = String::new();
        let models = sighting::tests::kept();
        let push = |ladder: &mut Ladder, time: u64, what: What| {
            let time = Time::from_nanos(time * 1_000_003);
            let event = Event { number: 1, time, session: 1, peer: 1, what };
            ladder.push_event(0, &event, Epoch(EPOCH));
        };
        for (index, (model, changes, cut, gso_size, dropped_before)) in packets.iter().enumerate() {
            let time = index as u64;
            let mut bytes = models[*model].bytes.to_vec();
            let full_len = bytes.len();
            for (place, byte) in changes {
                if let Some(old) = bytes.get_mut(*place) {
                    *old = *byte;
                }
            }
            bytes.truncate(*cut);
            let facts = CaptureFacts {
                gso_size: *gso_size,
                dropped_before: *dropped_before,
                is_checksum_unfilled: true,
                ..CaptureFacts::default()
            };
            let packet = Packet { at: EPOCH + time, link: LinkType::RAW, bytes: &bytes, full_len, facts };
            let sighting = observer.observe(packet);
            if !is_told {
                ladder.push_sighting(&sighting);
            } else {
                let direction = if model % 2 == 0 { IN } else { OUT };
                let offset = sighting.offset().or(changes.first().map(|(place, _)| *place as u64));
                let packet = Box::new(sighting.keep());
                push(&mut ladder, time, What::Packet { direction, offset, packet });
                let text = texts[index % texts.len()].clone();
                let what = match index % 5 {
                    0 => What::Opened { addr: text, local: CLIENT.to_owned() },
                    1 => What::Opened { addr: SERVER.to_owned(), local: CLIENT.to_owned() },
                    2 => What::Chunk {
                        direction,
                        offset: u64::MAX - time,
                        bytes: text.into(),
                        full_len: None,
                    },
                    3 => What::Closed { reason: Reason::Reset, message: text },
                    _ => What::Note { kind: String::new(), message: text, data: crate::event::Value::Null },
                };
                push(&mut ladder, time, what);
            }
            rows.push_str(&ladder.take());
        }
        rows.push_str(&ladder.finish());
        check_rows(&rows, &ladder.svg(), &options)?;
    }

    #[test]
    fn any_bytes_of_any_link_are_drawn(
        options in options(),
        frames in prop::collection::vec(
            (
                prop_oneof![Just(0_u16), Just(1), Just(101), Just(108), Just(113), Just(252), Just(276)],
                prop::collection::vec(any::<u8>(), 0..120),
                any::<u64>(),
            ),
            0..12,
        ),
    ) {
        let mut ladder = Ladder::new(options.clone());
        let mut observer = Observer::new(Settings::default());
        for (link, bytes, at) in &frames {
            let packet = Packet { at: *at, ..Packet::new(LinkType(*link), bytes) };
            ladder.push_sighting(&observer.observe(packet));
        }
        let rows = ladder.finish();
        check_rows(&rows, &ladder.svg(), &options)?;
    }

    #[test]
    fn a_wrapped_text_keeps_its_words(text in ".{0,200}", columns in 4_usize..60) {
        let lines = draw::wrap(&text, columns);
        let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(bare(&lines.concat()), bare(&text));
    }
}
