//! What holds for any bytes.

use proptest::prelude::*;

use super::*;

/// Framings whose frames depend on the bytes alone.
const FRAMINGS: [&str; 8] = [
    "lines",
    "delim:ab",
    "fixed:3",
    "len:u8",
    "len:u16le,keep",
    "len:varint",
    "slip",
    "cobs",
];

/// Rules that look at bytes and text, and answer with what they caught, at once and later.
const RULES: &str = r"
[[rule]]
regex = 'a(.)'
reply = '<${1}>'
continue = true

[[rule]]
hex = 'C4 ??'
reply_hex = '01 ${1} 02'
delay = '20ms'

[[rule]]
contains = '你'
upper = true

[[rule]]
ends = 'q'
reply = 'bye'
close = true

[[rule]]
any = true
echo = true
delay = '5ms'
";

/// Bytes that mean something to a framing, a rule or a charset.
const TELLING: &[u8] = b"\n\rabq\x00\x01\x02\x03\x80\xC0\xC4\xE3\xBD\xA0\xDB\xDC\xFF";

fn telling_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(TELLING), 0..60)
}

fn law(framing: &str, charset: &str, with_script: bool) -> Talk {
    let mut talk = server(&format!(
        "tcp://h:1?frame={framing}&text={charset}&max-frame=40"
    ))
    .rules(RULES);
    talk.input = Input::Closed;
    if with_script {
        talk = talk.script(&[expect("re:a."), expect("hex:01"), expect("re:b[^b]")]);
    }
    talk
}

#[test]
fn a_text_that_is_not_valid_is_expected_alike_with_and_without_watchers() {
    let play = |watched| {
        let talk = client("tcp://h:1?frame=lines").script(&[expect("re:caf. ok"), send("x")]);
        let mut session = talk.session();
        session.handle_watch(watched);
        deeds(&play(&mut session, [&b"caf\xE9 ok\n"[..]].into_iter()))
    };
    assert_eq!(play(true), play(false));
}

proptest! {
    /// Watching costs nothing and changes nothing (the contract of `handle_watch`).
    #[test]
    fn nobody_watching_changes_nothing_that_is_carried_out(
        bytes in telling_bytes(),
        framing in prop::sample::select(&FRAMINGS[..]),
        charset in prop::sample::select(&["utf-8", "gbk", "none"][..]),
        with_script: bool,
    ) {
        let talk = law(framing, charset, with_script);
        let play = |watched| {
            let mut session = talk.session();
            session.handle_watch(watched);
            deeds(&play(&mut session, [&bytes[..]].into_iter()))
        };
        prop_assert_eq!(play(true), play(false));
    }

    /// The law of framing, seen from above: events, replies and the end depend on the bytes alone.
    #[test]
    fn every_cut_gives_the_same_frames_and_replies(
        bytes in telling_bytes(),
        cuts in prop::collection::btree_set(1usize..60, 0..8),
        framing in prop::sample::select(&FRAMINGS[..]),
        charset in prop::sample::select(&["utf-8", "gbk", "none"][..]),
        with_script: bool,
    ) {
        let talk = law(framing, charset, with_script);
        let bounds: Vec<usize> = std::iter::once(0)
            .chain(cuts.into_iter().filter(|cut| *cut < bytes.len()))
            .chain([bytes.len()])
            .collect();
        let whole = play(&mut talk.session(), [&bytes[..]].into_iter());
        let single = play(&mut talk.session(), bytes.chunks(1));
        let chunks = bounds.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        let cut = play(&mut talk.session(), chunks);
        prop_assert_eq!(&single, &whole);
        prop_assert_eq!(&cut, &whole);
    }

    #[test]
    fn datagrams_of_any_bytes_are_survived(
        datagrams in prop::collection::vec(telling_bytes(), 0..8),
        framing in prop::sample::select(&FRAMINGS[..]),
        charset in prop::sample::select(&["utf-8", "gbk", "none"][..]),
    ) {
        let endpoint = format!("udp://h:1?frame={framing}&text={charset}&max-frame=40");
        let talk = server(&endpoint).rules(RULES);
        let mut session = talk.session();
        let mut outputs = Vec::new();
        for datagram in &datagrams {
            if drain(&mut session, &mut outputs).is_some_and(|wake| wake.is_none()) {
                break;
            }
            session.handle_input(Time::ZERO, datagram);
        }
        drain(&mut session, &mut outputs);
    }
}
