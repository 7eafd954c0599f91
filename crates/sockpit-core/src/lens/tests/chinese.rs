//! What the lens tells is put together from parts. Here it tells of every small conversation, so
//! that no part of it stays English, and the catalogue holds none that it never tells.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::packets::Scene;
use crate::event::{Direction, What};
use crate::frame::Framing;
use crate::lens::{Ends, Options};
use crate::strings::{Catalogue, Language};

/// Numbers without an order, always the same.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// A stream of `len` bytes, cut into pieces as a whole, finely or coarsely.
    fn cut(&mut self, len: u64) -> Vec<(u64, u64)> {
        let coarse = 1 + self.throw(len);
        let most = 1 + self.throw(coarse);
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < len {
            let end = len.min(start + 1 + self.throw(most));
            pieces.push((start, end));
            start = end;
        }
        pieces
    }
}

/// Bytes of the one stream that there is, with an end of a line now and then.
fn bytes(dice: &mut Dice, len: u64) -> Vec<u8> {
    let often = 2 + dice.throw(6);
    let byte = |_| match dice.throw(often) {
        0 => b'\n',
        _ => b'7',
    };
    (0..len).map(byte).collect()
}

/// Messages, as lines; the last may be told as cut short, or not at all.
fn frame(scene: &mut Scene, source: usize, bytes: &[u8], has_rest: bool) {
    let mut offset = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (payload, partial) = match line.split_last() {
            Some((b'\n', payload)) => (payload, false),
            _ if has_rest => (line, true),
            _ => return,
        };
        let what = What::Frame {
            direction: if source == 0 {
                Direction::Out
            } else {
                Direction::In
            },
            offset,
            payload: Bytes::copy_from_slice(payload),
            text: None,
            malformed: false,
            partial,
            full_len: None,
        };
        scene.tell(source, what);
        offset += line.len() as u64;
    }
}

/// A stream of which writes, packets and reads are known, or some of them.
fn stream(dice: &mut Dice) -> String {
    let known = dice.throw(8);
    let knows = |what: u64| known & what != 0;
    let is_framed = dice.throw(2) == 0;
    let options = Options {
        ends: if dice.throw(2) == 0 {
            Ends::One
        } else {
            Ends::Two
        },
        framing: is_framed.then_some(Framing::Lines),
        width: 100,
        ..Options::default()
    };
    let mut scene = Scene::with("tcp", options);
    let len = 1 + dice.throw(20);
    let mut bytes = bytes(dice, len);
    let part =
        |bytes: &[u8], (start, end): (u64, u64)| bytes[start as usize..end as usize].to_vec();
    for source in 0..2 {
        scene.open(source);
    }
    let (writes, mut packets, reads) = (dice.cut(len), dice.cut(len), dice.cut(len));
    for piece in writes.into_iter().filter(|_| knows(1)) {
        scene.write(part(&bytes, piece));
    }
    let again = match dice.throw(4) {
        0 => packets.len().min(2),
        _ => 0,
    };
    packets.extend_from_within(..again);
    for piece in packets.into_iter().filter(|_| knows(2)) {
        scene.packet((!knows(1)).into(), piece.0, part(&bytes, piece));
    }
    if dice.throw(20) == 0 {
        bytes[0] ^= 1;
    }
    let read = match dice.throw(2) {
        0 => reads.len(),
        _ => reads.len() / 2,
    };
    for piece in reads.into_iter().take(read).filter(|_| knows(4)) {
        scene.read(part(&bytes, piece));
    }
    if is_framed {
        let has_rest = dice.throw(2) == 0;
        frame(&mut scene, knows(4).into(), &bytes, has_rest);
    }
    scene.finish()
}

/// Datagrams, of which some are cut short and some never read.
fn datagrams(dice: &mut Dice) -> String {
    let mut scene = Scene::new("udp", Ends::One);
    scene.open(1);
    let count = 1 + dice.throw(6);
    let unread = dice.throw(count);
    for number in 0..count {
        let payload = vec![b'0' + number as u8; 2 + dice.throw(3) as usize];
        scene.packet(1, 0, &payload);
        match dice.throw(4) {
            _ if number < unread => {}
            0 => scene.chunk(1, &payload[..1], Some(payload.len())),
            _ => scene.read(&payload),
        }
    }
    scene.finish()
}

/// What is told, without rows, which hold bytes of the peer's.
fn told(shown: &str) -> impl Iterator<Item = &str> {
    let is_row = |line: &str| line.contains(['─', '┌', '│', '└']) && !line.starts_with("──");
    shown.lines().filter(move |line| !is_row(line))
}

fn has_english(said: &str) -> bool {
    let is_word = |word: &str| word.len() > 1 && word.bytes().all(|b| b.is_ascii_alphabetic());
    said.split(|c: char| !c.is_ascii_alphanumeric())
        .any(is_word)
}

#[test]
fn whatever_the_lens_tells_is_in_the_catalogue_and_nothing_else_is() {
    let chinese = Catalogue::new(Language::Chinese);
    let names = Catalogue::of_names();
    let mut dice = Dice(1);
    let (mut seen, mut english) = (BTreeSet::new(), Vec::new());
    let mut idle: BTreeSet<String> = Catalogue::names("lens").collect();
    for _ in 0..6_000 {
        let shown = match dice.throw(8) {
            0 => datagrams(&mut dice),
            _ => stream(&mut dice),
        };
        for line in told(&shown) {
            // Of the same form, so that each is asked about once.
            let form = line.replace(|c: char| c.is_ascii_digit(), "");
            if !seen.insert(form) {
                continue;
            }
            let said = chinese.lay_out(line).replace("tcp://", "");
            let said = said.replace("udp://", "");
            if has_english(&said) {
                english.push(format!("{line}\n{said}"));
            }
            let named = names.lay_out(line);
            idle.retain(|name| !named.contains(&format!("<{name}>")));
        }
    }
    assert!(english.is_empty(), "{}", english.join("\n"));
    assert_eq!(idle, BTreeSet::new(), "the lens tells nothing by these");
}
