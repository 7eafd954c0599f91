use super::*;

fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(((HEADER + body.len()) as u32).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn an_answer_is_cut_into_its_messages() {
    let bytes = [message(20, MULTI, b"abcde"), message(DONE, MULTI, &[0; 4])].concat();
    let found: Vec<_> = messages(&bytes)
        .map(|m| (m.kind, m.body.to_vec()))
        .collect();
    assert_eq!(found, [(20, b"abcde".to_vec()), (DONE, vec![0; 4])]);
}

/// Whatever is cut off or lies about its length ends the reading; nothing panics.
#[test]
fn b1_a_length_that_does_not_fit_ends_the_reading() {
    let whole = message(20, MULTI, &attribute(1, b"value"));
    for len in 0..whole.len() {
        let count = messages(&whole[..len]).count();
        assert_eq!(count, 0, "of {len} bytes");
    }
    for claimed in [0u32, 1, 15, 4096, u32::MAX] {
        let mut lying = whole.clone();
        lying[..4].copy_from_slice(&claimed.to_ne_bytes());
        assert_eq!(messages(&lying).count(), 0, "that claims {claimed} bytes");
    }
    for claimed in [0u16, 3, 4096, u16::MAX] {
        let mut lying = attribute(1, b"value");
        lying[..2].copy_from_slice(&claimed.to_ne_bytes());
        assert_eq!(attributes(&lying).count(), 0, "that claims {claimed} bytes");
    }
}

#[test]
fn attributes_are_read_without_their_flags() {
    let bytes = [
        attribute(1, b"abc"),
        attribute(2 | 0x8000, b""),
        attribute(3, b"wxyz"),
    ]
    .concat();
    let found: Vec<_> = attributes(&bytes).collect();
    assert_eq!(found, [(1, &b"abc"[..]), (2, b""), (3, b"wxyz")]);
}

#[test]
fn an_end_may_be_an_error() {
    assert!(verdict(&[0; 4]).is_ok());
    assert!(verdict(&[]).is_ok());
    let refused = verdict(&(-libc::ENOENT).to_ne_bytes()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::NotFound);
    assert!(verdict(&i32::MIN.to_ne_bytes()).is_err());
}

#[test]
fn a_question_that_makes_no_sense_is_an_error_of_the_kernel() {
    assert!(ask(Family::Route, Request::One(0x7fff), &[], |_, _| {}).is_err());
}
