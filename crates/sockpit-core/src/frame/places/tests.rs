//! The bytes of the payload are found again in what was framed.

use proptest::prelude::*;

use crate::frame::Framing;

const FRAMINGS: [&str; 11] = [
    "raw",
    "lines",
    "delim:||",
    "len:u8",
    "len:u16be,offset=2,adjust=-2",
    "len:varint",
    "slip",
    "cobs",
    "gap:5ms",
    "fixed:3",
    "len:u8,keep",
];

proptest! {
    #[test]
    fn every_byte_of_the_payload_is_there_in_order(
        framing in prop::sample::select(&FRAMINGS[..]),
        payload in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..600),
            prop::collection::vec(prop::sample::select(&[0, 0xC0, 0xDB, 1][..]), 0..600),
            prop::collection::vec(1_u8.., 250..260),
        ],
    ) {
        let framing: Framing = framing.parse().expect("a framing");
        let mut wire = Vec::new();
        if framing.encode(&payload, &mut wire).is_err() {
            return Ok(());
        }
        let places: Vec<_> = framing.places(&payload, wire.len()).collect();
        prop_assert_eq!(places.len(), wire.len());
        let found: Vec<usize> = places.iter().copied().flatten().collect();
        if framing == Framing::Cobs {
            // A zero has no byte of its own.
            let zeroless = (0..payload.len()).filter(|place| payload[*place] != 0);
            prop_assert_eq!(found, zeroless.collect::<Vec<_>>());
        } else {
            prop_assert_eq!(found, (0..payload.len()).collect::<Vec<_>>());
        }
        if framing != Framing::Slip {
            for (byte, place) in wire.iter().zip(places) {
                if let Some(place) = place {
                    prop_assert_eq!(*byte, payload[place]);
                }
            }
        }
    }
}
