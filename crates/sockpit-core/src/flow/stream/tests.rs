use super::*;

const ROOMY: usize = 1 << 20;

fn bring(stream: &mut Stream, offset: u64, payload: &[u8]) {
    bring_within(stream, offset, payload, ROOMY);
}

fn bring_within(stream: &mut Stream, offset: u64, payload: &[u8], limit: usize) {
    let arrival = Arrival {
        offset,
        len: payload.len() as u32,
        payload,
        is_after_drop: false,
    };
    stream.insert(&arrival, limit);
}

fn taken(stream: &mut Stream) -> Vec<String> {
    std::iter::from_fn(|| stream.poll())
        .map(|piece| match piece {
            Piece::Bytes { offset, bytes } => {
                format!("{offset} {}", String::from_utf8_lossy(&bytes))
            }
            Piece::Gap(gap) => gap.to_string(),
            Piece::End { offset } => format!("end {offset}"),
        })
        .collect()
}

#[test]
fn where_segments_overlap_the_first_copy_stays() {
    let mut stream = Stream::default();
    bring(&mut stream, 4, b"EFGH");
    bring(&mut stream, 2, b"cdefghij");
    bring(&mut stream, 0, b"ab");
    assert_eq!(taken(&mut stream), ["0 ab", "2 cd", "4 EFGH", "8 ij"]);
}

#[test]
fn offsets_go_on_where_sequence_numbers_begin_anew() {
    let mut stream = Stream::default();
    stream.begin(u32::MAX - 1);
    assert_eq!(stream.offset(u32::MAX), Some(1));
    assert_eq!(stream.offset(3), Some(5));
    assert_eq!(stream.offset(u32::MAX - 2), None, "before the beginning");
    stream.skip_to(3 << 32);
    assert_eq!(stream.offset(u32::MAX), Some((3 << 32) + 1));
}

#[test]
fn an_acknowledgement_jumps_no_hole_that_nothing_follows() {
    let mut stream = Stream::default();
    bring(&mut stream, 0, b"ab");
    stream.acknowledge(1_000_000, ROOMY);
    bring(&mut stream, 2, b"cd");
    assert_eq!(taken(&mut stream), ["0 ab", "2 cd"]);
}

#[test]
fn what_nobody_takes_is_given_up() {
    let mut stream = Stream::default();
    bring_within(&mut stream, 0, &[b'a'; 300], 600);
    bring_within(&mut stream, 300, &[b'b'; 300], 600);
    bring_within(&mut stream, 600, &[b'c'; 300], 600);
    assert!(stream.held() <= 600);
    let taken = taken(&mut stream);
    assert_eq!(taken.len(), 2);
    assert_eq!(
        taken[1],
        "600 bytes missing at offset 300: no room to keep them"
    );
    assert_eq!(stream.held(), 0);
}

#[test]
fn the_end_comes_after_the_last_byte() {
    let mut stream = Stream::default();
    stream.end_at(4);
    bring(&mut stream, 2, b"cd");
    assert_eq!(taken(&mut stream), [""; 0]);
    stream.finish(ROOMY);
    let expected = ["2 bytes missing at offset 0: not captured", "2 cd", "end 4"];
    assert_eq!(taken(&mut stream), expected);
}

#[test]
fn a_sender_that_counts_anew_loses_nothing_of_what_came_before() {
    let mut stream = Stream::default();
    stream.begin(1000);
    bring(&mut stream, 0, b"ab");
    bring(&mut stream, 4, b"ef");
    stream.begin_anew(77, ROOMY);
    assert_eq!(stream.offset(77), Some(6));
    bring(&mut stream, 6, b"gh");
    assert_eq!(
        taken(&mut stream),
        [
            "0 ab",
            "2 bytes missing at offset 2: not captured",
            "4 ef",
            "6 gh"
        ]
    );
}
