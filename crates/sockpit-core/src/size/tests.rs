use proptest::prelude::*;

use super::ByteSize;

#[test]
fn reads_numbers_with_and_without_a_unit() {
    for (text, bytes) in [
        ("512", 512),
        ("64k", 65_536),
        ("64KiB", 65_536),
        ("16MiB", 16 << 20),
        ("1 GB", 1 << 30),
    ] {
        assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
    }
    for text in ["", "KiB", "-1", "1.5k", "1TiB", "99999999999999999999"] {
        assert!(text.parse::<ByteSize>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_reads_back(bytes in 0..usize::MAX) {
        prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
    }
}
