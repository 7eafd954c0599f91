//! Frames that were cut or damaged.

use sockpit_core::wire::Span;

use super::*;

/// Checks what must hold of frames that were broken: where both sides have a field, it is the same.
#[track_caller]
fn check_broken(frames: &[Frame]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = put(&folder, "broken.pcapng", &support::write(frames));
    let Some(theirs) = tshark(&path) else { return };
    assert_eq!(theirs.len(), frames.len());
    for (number, (frame, theirs)) in frames.iter().zip(theirs).enumerate() {
        let ours = ours(frame);
        for field in FIRM {
            let (Some(ours), Some(theirs)) = (ours.get(field), theirs.get(field)) else {
                continue;
            };
            // What lies deeper than the first packet inside may be shown by one side only.
            let (ours, theirs) = (ours.split(','), theirs.split(','));
            for (ours, theirs) in ours.zip(theirs) {
                let head = &frame.bytes[..frame.bytes.len().min(100)];
                assert_eq!(ours, theirs, "{field} of frame {}: {head:02x?}", number + 1);
            }
        }
    }
}

#[test]
fn cut_frames_keep_what_was_captured() {
    for name in ["loopback.pcap", "cooked.pcap", "cooked2.pcap"] {
        let whole = golden_frames(name);
        let mut cut = Vec::new();
        for frame in &whole {
            for len in (0..frame.bytes.len().min(120)).step_by(3) {
                let mut frame = frame.clone();
                frame.bytes.truncate(len);
                cut.push(frame);
            }
        }
        check_broken(&cut);
    }
}

#[test]
fn a_cut_never_changes_what_the_headers_say() {
    for frame in golden_frames("loopback.pcap") {
        let Some(whole) = Summary::of(&frame.packet()).tcp().copied() else {
            continue;
        };
        for len in 14 + 40 + whole.header_len..frame.bytes.len() {
            let mut cut = frame.clone();
            cut.bytes.truncate(len);
            let cut = *Summary::of(&cut.packet())
                .tcp()
                .expect("its header is there");
            assert_eq!(cut.payload_len, whole.payload_len);
            let Span { start, .. } = whole.payload;
            let payload = Span {
                start: start.min(len),
                end: len.min(whole.payload.end),
            };
            assert_eq!(cut.payload, payload);
        }
    }
}

#[test]
fn flipped_bytes_are_read_as_tshark_reads_them() {
    let whole = golden_frames("loopback.pcap");
    let mut state = 11_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(99);
        usize::try_from(state >> 33).expect("64 bits")
    };
    let mut broken = Vec::new();
    for _ in 0..5000 {
        let mut frame = whole[next() % whole.len()].clone();
        let headers = frame.bytes.len().min(100);
        for _ in 0..1 + next() % 3 {
            frame.bytes[next() % headers] ^= u8::try_from(1 + next() % 255).expect("a byte");
        }
        broken.push(frame);
    }
    check_broken(&broken);
}
