use proptest::prelude::*;

use super::*;

#[test]
fn the_prefix_is_written_as_the_vendors_programs_do() {
    assert_eq!(wrap(Again::Ascii, 7, 2, b"takeoff"), b"Re0702 takeoff");
    assert_eq!(wrap(Again::Ascii, 107, 0, b"ok"), b"Re0701 ok");
    assert_eq!(
        wrap(Again::Binary, 0, 1, b"land"),
        b"Re\x01\x02\x01\x02 land"
    );
    assert_eq!(wrap(Again::Binary, 129, 4, b"ok"), b"Re\x02\x01\x01\x05 ok");
}

#[test]
fn what_only_begins_like_a_prefix_is_none() {
    for datagram in [
        "",
        "Re",
        "Re01",
        "Re0101",
        "Re01xx ok",
        "Re0101ok",
        "reboot",
        "Re\0\0\0\0 a",
    ] {
        assert_eq!(unwrap(datagram.as_bytes()), None, "{datagram:?}");
    }
    assert_eq!(unwrap(b"Re010a ok").map(|copy| copy.attempt), Some(10));
}

#[test]
fn a_command_is_done_once_however_often_it_comes() {
    let mut memory = Memory::default();
    let copies = [1, 2, 3].map(|attempt| wrap(Again::Ascii, 4, attempt, b"up 50"));
    let heard = copies
        .each_ref()
        .map(|copy| memory.hear(&unwrap(copy).unwrap()));
    assert_eq!(heard, [Heard::New, Heard::Running, Heard::Running]);
    memory.answered(Again::Ascii, 4, b"ok");
    let again = memory.hear(&unwrap(&copies[2]).unwrap());
    assert_eq!(again, Heard::Answered(b"ok".to_vec()));
}

#[test]
fn a_label_that_comes_round_is_new() {
    let mut memory = Memory::default();
    let mut label = 0;
    for _ in 0..1000 {
        let copy = wrap(Again::Ascii, label, 1, b"up 20");
        assert_eq!(memory.hear(&unwrap(&copy).unwrap()), Heard::New);
        memory.answered(Again::Ascii, label, b"ok");
        label = Again::Ascii.next(label);
    }
    assert!(memory.replies.len() <= REMEMBERED);
}

proptest! {
    #[test]
    fn a_wrapped_text_is_unwrapped_again(
        is_ascii in any::<bool>(), seed in any::<u16>(), attempt in 1..=5_u8, text in any::<Vec<u8>>(),
    ) {
        let form = if is_ascii { Again::Ascii } else { Again::Binary };
        let label = form.next(seed);
        let datagram = wrap(form, label, attempt, &text);
        prop_assert_eq!(unwrap(&datagram), Some(Wrapped { form, label, attempt, text: &text }));
    }

    #[test]
    fn any_bytes_can_be_unwrapped(datagram in any::<Vec<u8>>()) {
        let _ = unwrap(&datagram);
    }
}
