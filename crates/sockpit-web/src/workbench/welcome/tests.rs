use sockpit_core::frame::Framing;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::checksum::ChecksumSpec;

use super::{CHARSETS, CHECKSUMS, FRAMINGS};

#[test]
fn everything_that_is_offered_is_understood() {
    for name in CHARSETS {
        assert!(name.parse::<Charset>().is_ok(), "{name}");
    }
    for name in CHECKSUMS {
        assert!(name.parse::<ChecksumSpec>().is_ok(), "{name}");
    }
    for (_, form) in FRAMINGS {
        assert!(form.parse::<Framing>().is_ok(), "{form}");
    }
}
