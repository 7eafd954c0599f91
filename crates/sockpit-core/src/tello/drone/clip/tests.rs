use super::*;

#[test]
fn the_film_is_sixty_frames_that_begin_with_parameters() {
    let clip = Clip::flight();
    assert_eq!(clip.len(), 60);
    let first = clip.frames.first().unwrap();
    // A sequence parameter set, as each key frame has it before it.
    assert!(first.starts_with(&[0, 0, 0, 1, 0x67]));
    let key_frames = clip
        .frames
        .iter()
        .filter(|frame| frame.starts_with(&[0, 0, 0, 1, 0x67]));
    assert_eq!(key_frames.count(), 4);
    let whole: Vec<u8> = clip.frames.iter().flatten().copied().collect();
    assert_eq!(whole, FLIGHT);
}

#[test]
fn a_shorter_datagram_ends_each_frame() {
    let clip = Clip::flight();
    for frame in 0..clip.len() {
        let datagrams: Vec<_> = clip.datagrams(frame).collect();
        let (last, full) = datagrams.split_last().unwrap();
        assert!(full.iter().all(|datagram| datagram.len() == DATAGRAM));
        assert!((1..DATAGRAM).contains(&last.len()));
    }
}

#[test]
fn a_frame_of_full_datagrams_is_ended_by_a_zero() {
    let mut stream = vec![0, 0, 1, 0x65];
    stream.resize(2 * DATAGRAM, 7);
    let clip = Clip::new(&stream.into());
    let lens: Vec<_> = clip.datagrams(0).map(|datagram| datagram.len()).collect();
    assert_eq!(lens, [DATAGRAM, DATAGRAM, 1]);
}

#[test]
fn what_holds_no_frame_shows_nothing() {
    for stream in [&b""[..], b"\0\0\x01", b"hello", b"\0\0\x01\x67abc"] {
        let clip = Clip::new(&Bytes::from_static(stream));
        assert!(clip.is_empty());
        assert_eq!(clip.datagrams(3).count(), 0);
    }
}
