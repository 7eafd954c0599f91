use bytes::Bytes;
use proptest::prelude::*;

use super::Outputs;
use crate::machine::Output;
use crate::session::speech::Speaker;

/// What is done with outputs: `None` takes one, `Some` gives a message of so many bytes, or an end.
type Deed = Option<Option<(u8, bool)>>;

proptest! {
    /// Whatever is given and taken, it comes out in the order in which it went in, and what waits is
    /// what was counted.
    #[test]
    fn outputs_keep_their_order_and_their_count(deeds: Vec<Deed>) {
        let mut outputs = Outputs::default();
        let mut waits: Vec<(Output<_>, usize, bool)> = Vec::new();
        for deed in deeds {
            match deed {
                None => {
                    let next = (!waits.is_empty()).then(|| waits.remove(0).0);
                    prop_assert_eq!(outputs.pop(), next);
                }
                Some(None) => {
                    outputs.push(Output::Shutdown);
                    waits.push((Output::Shutdown, 0, false));
                }
                Some(Some((len, is_users))) => {
                    let len = usize::from(len);
                    let wire = Bytes::from(vec![b'x'; len]);
                    let speaker = if is_users { Speaker::User } else { Speaker::Answer };
                    outputs.push_wire(wire.clone(), speaker);
                    waits.push((Output::Transmit(wire), len, is_users));
                }
            }
            let of_users = waits.iter().filter(|(_, _, is_users)| *is_users);
            prop_assert_eq!(outputs.unprompted(), of_users.map(|(_, len, _)| len).sum::<usize>());
            prop_assert_eq!(outputs.queued(), waits.iter().map(|(_, len, _)| len).sum::<usize>());
            prop_assert_eq!(outputs.is_empty(), waits.is_empty());
        }
    }
}

#[test]
fn one_message_at_a_time_needs_no_queue() {
    let mut outputs = Outputs::default();
    for _ in 0..3 {
        outputs.push_wire(Bytes::from_static(b"pong"), Speaker::Answer);
        assert!(outputs.pop().is_some());
    }
    assert_eq!(outputs.rest.capacity(), 0);
}

#[test]
fn an_empty_queue_keeps_no_room() {
    let mut outputs = Outputs::default();
    for _ in 0..1000 {
        outputs.push_wire(Bytes::from_static(b"pong"), Speaker::Answer);
    }
    while outputs.pop().is_some() {}
    assert_eq!(outputs.rest.capacity(), 0);
}
