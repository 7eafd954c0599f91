//! Takes passwords out of events, so that no recording, record or screen holds one (rule G3).
//!
//! The bytes on the wire are what they are; what is told of them has `*` in place of a password, as
//! many as it has bytes, so that lengths and offsets stay true. The same happens to what a drone
//! answers when it is asked for the access point that it knows.

use std::collections::BTreeSet;

use bytes::Bytes;
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::tello::reply::{self, Said, Shape};
use sockpit_core::tello::{again, command};

/// What has been asked for secrets.
#[derive(Default)]
pub struct Veil {
    /// Sessions whose answers may hold one from here on: however late it comes.
    asked: BTreeSet<u32>,
}

impl Veil {
    /// Takes what nobody may be told out of an event.
    pub fn cover(&mut self, event: &mut Event) {
        let session = event.session;
        match &mut event.what {
            What::Chunk {
                direction, bytes, ..
            } => {
                if let Some(covered) = self.covered(session, *direction, bytes) {
                    *bytes = covered;
                }
            }
            What::Packet {
                direction, packet, ..
            } => {
                let payload = packet.at(0).payload().to_vec();
                let Some(covered) = self.covered(session, *direction, &payload) else {
                    return;
                };
                let mut bytes = packet.bytes.to_vec();
                if let Some(place) = place_of(&payload, &packet.bytes)
                    .and_then(|at| bytes.get_mut(at..at + covered.len()))
                {
                    place.copy_from_slice(&covered);
                    packet.bytes = bytes.into();
                }
            }
            _ => {}
        }
    }

    /// A datagram as it may be told; `None` where nothing is in it that may not.
    fn covered(&mut self, session: u32, direction: Direction, datagram: &[u8]) -> Option<Bytes> {
        match direction {
            Direction::Out => {
                let text = command_of(datagram);
                let word = text.split(u8::is_ascii_whitespace).next().unwrap_or(text);
                let word = String::from_utf8_lossy(word);
                if command::asks_for_password(&word) {
                    self.asked.insert(session);
                }
                command::names_network(&word).then(|| cover_last_word(datagram))
            }
            Direction::In if self.asked.contains(&session) => {
                let is_word = match reply::read(datagram) {
                    Said::Text(text) => Shape::Word.fits(text),
                    Said::Junk { .. } => true,
                };
                is_word.then(|| vec![b'*'; datagram.len()].into())
            }
            Direction::In => None,
        }
    }
}

/// The command in a datagram, without the prefix of one that is sent again.
fn command_of(datagram: &[u8]) -> &[u8] {
    match again::unwrap(datagram) {
        Some(wrapped) => wrapped.text,
        None => datagram,
    }
    .trim_ascii()
}

/// Everything after the second word, or after the first where there are but two, as `*`.
fn cover_last_word(datagram: &[u8]) -> Bytes {
    let mut covered = datagram.to_vec();
    let text = command_of(datagram);
    let start = place_of(text, datagram).unwrap_or_default();
    let mut words = 0;
    let mut was_blank = true;
    for (index, byte) in text.iter().enumerate() {
        let is_blank = byte.is_ascii_whitespace();
        if was_blank && !is_blank {
            words += 1;
        }
        was_blank = is_blank;
        // A name of two words cannot be told from a password; neither is told.
        if words > 2 && !is_blank {
            covered[start + index] = b'*';
        }
    }
    covered.into()
}

/// Where a part of some bytes begins.
fn place_of(part: &[u8], bytes: &[u8]) -> Option<usize> {
    let mut windows = bytes.windows(part.len().max(1));
    windows.position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(veil: &mut Veil, direction: Direction, datagram: &[u8]) -> Vec<u8> {
        let covered = veil.covered(1, direction, datagram);
        covered.map_or_else(|| datagram.to_vec(), |covered| covered.to_vec())
    }

    #[test]
    fn g3_passwords_are_told_as_stars_of_their_length() {
        let mut veil = Veil::default();
        for (sent, shown) in [
            ("ap home s3cret", "ap home ******"),
            ("wifi MYDRONE topsecret", "wifi MYDRONE *********"),
            ("multiwifi a b c", "multiwifi a * *"),
            ("AP home s3cret\r\n", "AP home ******\r\n"),
            ("Re0101 ap home s3cret", "Re0101 ap home ******"),
            ("forward 100", "forward 100"),
            ("wifi?", "wifi?"),
            ("", ""),
        ] {
            let told = told(&mut veil, Direction::Out, sent.as_bytes());
            assert_eq!(String::from_utf8_lossy(&told), shown);
        }
    }

    #[test]
    fn g3_the_answer_to_a_question_for_secrets_is_not_told() {
        let mut veil = Veil::default();
        told(&mut veil, Direction::Out, b"ap?");
        assert_eq!(
            told(&mut veil, Direction::In, b"home s3cret"),
            b"***********"
        );
        told(&mut veil, Direction::Out, b"battery?");
        assert_eq!(told(&mut veil, Direction::In, b"87"), b"87");
        assert_eq!(told(&mut veil, Direction::In, b"ok"), b"ok");
        // It comes late, or with other bytes behind it.
        assert_eq!(told(&mut veil, Direction::In, b"home pw\xff"), b"********");
    }
}
