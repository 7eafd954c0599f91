use sockpit_core::frame::Framing;
use sockpit_core::plan::Eol;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::checksum::ChecksumSpec;

use super::*;
use crate::console::Form;

/// Each word is understood, with something behind it where it ends in `:`.
#[track_caller]
fn check<T: std::str::FromStr>(words: &[&str], rest: &str) {
    for word in words {
        let text = match word.ends_with(':') {
            true => format!("{word}{rest}"),
            false => (*word).to_owned(),
        };
        assert!(text.parse::<T>().is_ok(), "`{text}`");
    }
}

#[test]
fn what_is_offered_is_understood() {
    check::<Framing>(FRAMINGS, "10");
    check::<Charset>(CHARSETS, "");
    check::<ChecksumSpec>(CHECKSUMS, "");
    check::<Eol>(ENDS_OF_LINE, "");
    check::<Form>(FORMS, "");
    check::<sockpit_core::rule::Reply>(REPLIES, "x");
    check::<sockpit_core::text::compose::Form>(PASTES, "");
    check::<sockpit_core::strings::Language>(&of_argument("connect", "lang"), "");
}
