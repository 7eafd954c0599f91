use proptest::prelude::*;

use super::*;

const SYN: TcpFlags = TcpFlags::SYN;
const ACK: TcpFlags = TcpFlags::ACK;
const FIN: TcpFlags = TcpFlags::FIN;
const RST: TcpFlags = TcpFlags::RST;

use Side::{Left, Right};
use State::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived,
    SynSent, TimeWait,
};

/// A segment: who sends it, flags, number, acknowledgement, bytes; and where both ends go.
type Row<'a> = (Side, TcpFlags, u32, u32, u32, &'a [State], &'a [State]);

#[track_caller]
fn check(rows: &[Row<'_>]) -> Ends {
    check_from(Ends::new(), rows)
}

#[track_caller]
fn check_from(mut ends: Ends, rows: &[Row<'_>]) -> Ends {
    for (index, (from, flags, seq, ack, len, left, right)) in rows.iter().enumerate() {
        let moves = ends.handle(
            *from,
            &Mover {
                flags: *flags,
                seq: *seq,
                ack: *ack,
                len: *len,
            },
        );
        assert_eq!(moves.left, *left, "left end at segment {index}");
        assert_eq!(moves.right, *right, "right end at segment {index}");
    }
    ends
}

const OPENING: [Row<'static>; 3] = [
    (Left, SYN, 100, 0, 0, &[Closed, SynSent], &[]),
    (
        Right,
        TcpFlags(SYN.0 | ACK.0),
        900,
        101,
        0,
        &[Established],
        &[Listen, SynReceived],
    ),
    (Left, ACK, 101, 901, 0, &[], &[Established]),
];

fn open() -> Ends {
    check(&OPENING)
}

const FIN_ACK: TcpFlags = TcpFlags(FIN.0 | ACK.0);
const SYN_ACK: TcpFlags = TcpFlags(SYN.0 | ACK.0);

#[test]
fn four_segments_close_a_conversation() {
    check_from(
        open(),
        &[
            (Left, ACK, 101, 901, 5, &[], &[]),
            (Left, FIN_ACK, 106, 901, 0, &[FinWait1], &[]),
            (Right, ACK, 901, 107, 0, &[FinWait2], &[CloseWait]),
            (Right, ACK, 901, 107, 9, &[], &[]),
            (Right, FIN_ACK, 910, 107, 0, &[TimeWait], &[LastAck]),
            (Left, ACK, 107, 911, 0, &[], &[Closed]),
        ],
    );
}

#[test]
fn three_segments_close_where_the_answer_is_a_fin_too() {
    check_from(
        open(),
        &[
            (Right, FIN_ACK, 901, 101, 0, &[], &[FinWait1]),
            (
                Left,
                FIN_ACK,
                101,
                902,
                0,
                &[CloseWait, LastAck],
                &[TimeWait],
            ),
            (Right, ACK, 902, 102, 0, &[Closed], &[]),
        ],
    );
}

#[test]
fn fins_that_cross_lead_both_ends_over_closing() {
    check_from(
        open(),
        &[
            (Left, FIN_ACK, 101, 901, 0, &[FinWait1], &[]),
            (Right, FIN_ACK, 901, 101, 0, &[Closing], &[FinWait1]),
            (Left, ACK, 102, 902, 0, &[], &[Closing, TimeWait]),
            (Right, ACK, 902, 102, 0, &[TimeWait], &[]),
        ],
    );
}

#[test]
fn syns_that_cross_open_one_conversation() {
    check(&[
        (Left, SYN, 100, 0, 0, &[Closed, SynSent], &[]),
        (Right, SYN, 900, 0, 0, &[], &[Closed, SynSent]),
        (
            Left,
            SYN_ACK,
            100,
            901,
            0,
            &[SynReceived],
            &[SynReceived, Established],
        ),
        (Right, SYN_ACK, 900, 101, 0, &[Established], &[]),
    ]);
}

#[test]
fn a_socket_that_is_connected_to_itself_has_one_state() {
    check_from(
        Ends::of_one(),
        &[
            (Left, SYN, 100, 0, 0, &[Closed, SynSent], &[]),
            (Left, SYN_ACK, 100, 101, 0, &[SynReceived, Established], &[]),
            (Left, ACK, 101, 101, 4, &[], &[]),
        ],
    );
}

#[test]
fn a_refused_syn_leaves_both_ends_closed() {
    check(&[
        (Left, SYN, 100, 0, 0, &[Closed, SynSent], &[]),
        (
            Right,
            TcpFlags(RST.0 | ACK.0),
            0,
            101,
            0,
            &[Closed],
            &[Closed],
        ),
    ]);
}

#[test]
fn a_reset_closes_both_ends() {
    check_from(open(), &[(Right, RST, 901, 0, 0, &[Closed], &[Closed])]);
}

#[test]
fn what_is_sent_again_moves_nobody() {
    check(&[
        OPENING[0],
        (Left, SYN, 100, 0, 0, &[], &[]),
        OPENING[1],
        (Right, SYN_ACK, 900, 101, 0, &[], &[]),
        OPENING[2],
        (Left, FIN_ACK, 101, 901, 0, &[FinWait1], &[]),
        (Left, FIN_ACK, 101, 901, 0, &[], &[]),
    ]);
}

#[test]
fn a_conversation_that_began_before_the_capture_is_open() {
    check(&[
        (Left, ACK, 101, 901, 5, &[Established], &[]),
        (Right, ACK, 901, 106, 0, &[], &[Established]),
        (Right, FIN_ACK, 901, 106, 0, &[], &[FinWait1]),
        (Left, ACK, 106, 902, 0, &[CloseWait], &[FinWait2]),
    ]);
}

#[test]
fn a_fin_of_a_conversation_that_began_before_the_capture_counts() {
    check(&[
        (Left, FIN_ACK, 101, 901, 0, &[Established, FinWait1], &[]),
        (
            Right,
            ACK,
            901,
            102,
            0,
            &[FinWait2],
            &[Established, CloseWait],
        ),
    ]);
}

#[test]
fn the_ports_of_a_conversation_that_is_over_open_a_new_one() {
    let ends = check_from(open(), &[(Right, RST, 901, 0, 0, &[Closed], &[Closed])]);
    check_from(
        ends,
        &[
            (Left, SYN, 5000, 0, 0, &[SynSent], &[]),
            (
                Right,
                SYN_ACK,
                9000,
                5001,
                0,
                &[Established],
                &[Listen, SynReceived],
            ),
        ],
    );
}

proptest! {
    #[test]
    fn moves_end_in_the_state_that_is_told(
        segments in prop::collection::vec(
            (any::<bool>(), 0_u16..32, 0_u32..6, 0_u32..6, 0_u32..3), 0..40),
    ) {
        let mut ends = Ends::new();
        for (is_left, flags, seq, ack, len) in segments {
            let from = if is_left { Left } else { Right };
            let before = [ends.state(Left), ends.state(Right)];
            let moves = ends.handle(from, &Mover { flags: TcpFlags(flags), seq, ack, len });
            for (side, before) in [Left, Right].into_iter().zip(before) {
                let told = moves.of(side).last().copied().or(before);
                prop_assert_eq!(told, ends.state(side));
            }
        }
    }
}
