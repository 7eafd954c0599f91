use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use crate::frame::{Framing, LengthField, LengthPrefix};
use crate::time::TimeSpan;

fn check(text: &str, framing: &Framing, shown: &str) {
    assert_eq!(text.parse().as_ref(), Ok(framing), "{text}");
    assert_eq!(framing.to_string(), shown);
}

#[test]
fn reads_every_framing() {
    check("raw", &Framing::Raw, "raw");
    check("lines", &Framing::Lines, "lines");
    check("slip", &Framing::Slip, "slip");
    check("cobs", &Framing::Cobs, "cobs");
    check("fixed:16", &fixed(16), "fixed:16");
    check("gap:20ms", &gap(20), "gap:20ms");
    check("gap:0.5", &gap(500), "gap:500ms");
}

#[test]
fn reads_delimiters_as_text_escapes_and_hex() {
    check("delim:;", &delimited(b";"), "delim:;");
    check("delim::", &delimited(b":"), "delim::");
    check("delim:END", &delimited(b"END"), "delim:END");
    check(r"delim:\r\n", &delimited(b"\r\n"), "delim:hex:0D0A");
    check(r"delim:\\", &delimited(b"\\"), "delim:hex:5C");
    check(r"delim:\xff\0", &delimited(b"\xff\0"), "delim:hex:FF00");
    check("delim:hex:0D0A", &delimited(b"\r\n"), "delim:hex:0D0A");
    check("delim:hex:0d 0a", &delimited(b"\r\n"), "delim:hex:0D0A");
    check("delim: ", &delimited(b" "), "delim:hex:20");
    check(r"delim:\x68ex:", &delimited(b"hex:"), "delim:hex:6865783A");
    check("delim:。", &delimited("。".as_bytes()), "delim:hex:E38082");
}

#[test]
fn reads_length_prefixes_with_options_in_any_order() {
    let plain = |field| LengthPrefix {
        field,
        offset: 0,
        adjust: 0,
        keep: false,
    };
    for field in LengthField::ALL {
        let text = format!("len:{}", field.as_str());
        check(&text, &Framing::Length(plain(field)), &text);
    }
    let full = LengthPrefix {
        offset: 2,
        adjust: -4,
        keep: true,
        ..plain(LengthField::U16Be)
    };
    let shown = "len:u16be,offset=2,adjust=-4,keep";
    check(shown, &Framing::Length(full), shown);
    check(
        "len:u16be,keep,adjust=-4,offset=2",
        &Framing::Length(full),
        shown,
    );
    let grown = LengthPrefix {
        adjust: 1,
        ..plain(LengthField::U8)
    };
    check(
        "len:u8,adjust=+1,offset=0",
        &Framing::Length(grown),
        "len:u8,adjust=1",
    );
}

#[test]
fn an_error_names_the_value_and_the_way_out() {
    for (text, message) in [
        (
            "line",
            "`line` is not a framing; use `raw`, `lines`, `delim:TEXT`, `fixed:N`, `len:FIELD`, \
             `slip`, `cobs` or `gap:TIME`",
        ),
        ("raw:5", "`raw:5` says too much; write `raw` alone"),
        ("cobs:", "`cobs:` says too much; write `cobs` alone"),
        (
            "delim",
            "`delim` needs a delimiter, such as `delim:;` or `delim:hex:0D0A`",
        ),
        (
            "delim:",
            "`delim` needs a delimiter, such as `delim:;` or `delim:hex:0D0A`",
        ),
        (
            "delim:hex:",
            "`delim` needs a delimiter, such as `delim:;` or `delim:hex:0D0A`",
        ),
        (
            "fixed:0",
            "`fixed:0` has no length; write a number of bytes from 1, such as `fixed:16`",
        ),
        (
            "fixed",
            "`fixed:` has no length; write a number of bytes from 1, such as `fixed:16`",
        ),
        (
            "len:u24",
            "`len:u24` has no length field; use `u8`, `u16be`, `u16le`, `u32be`, `u32le` or \
             `varint`, such as `len:u16be`",
        ),
        (
            "len:u8,offset=70000",
            "`offset=70000` is not an option of `len`; use `offset=N` (0 to 65535), `adjust=N` \
             (such as `adjust=-4`) or `keep`",
        ),
        (
            "len:u8,keep=1",
            "`keep=1` is not an option of `len`; use `offset=N` (0 to 65535), `adjust=N` (such as \
             `adjust=-4`) or `keep`",
        ),
        (
            "len:u8,keep,keep",
            "`keep` is there twice in `len`; write each option once",
        ),
        (
            "gap:0s",
            "`gap` needs a time above zero, such as `gap:20ms`",
        ),
        ("gap", "`gap` needs a time above zero, such as `gap:20ms`"),
        (
            "gap:soon",
            "`soon` is not a time; write a number with a unit, such as `500ms`, `5s`, `1m` or `2h`",
        ),
    ] {
        let error = text.parse::<Framing>().expect_err(text);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn refuses_what_is_no_framing() {
    for text in [
        "",
        ":",
        "Lines",
        " lines",
        "fixed:-1",
        "fixed:1k",
        "len",
        "len:",
        "len:u16",
        "len:u8,",
        "len:u8,offset",
        "len:u8,offset=-1",
        "len:u8,adjust=",
        "len:u8,adjust=1,adjust=1",
        r"delim:\q",
        "delim:hex:0G",
    ] {
        assert!(text.parse::<Framing>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_reads_back(framing in framings()) {
        prop_assert_eq!(framing.to_string().parse(), Ok(framing));
    }
}

fn framings() -> impl Strategy<Value = Framing> {
    let byte = prop_oneof![
        any::<u8>(),
        proptest::sample::select(b"hex:,;\\ \r\n".to_vec())
    ];
    let field = proptest::sample::select(LengthField::ALL.to_vec());
    prop_oneof![
        Just(Framing::Raw),
        Just(Framing::Lines),
        Just(Framing::Slip),
        Just(Framing::Cobs),
        proptest::collection::vec(byte, 1..8).prop_map(|bytes| delimited(&bytes)),
        (1..=usize::MAX).prop_map(fixed),
        (1..u64::MAX / 2_000_000).prop_map(gap),
        (field, any::<u16>(), any::<i64>(), any::<bool>()).prop_map(
            |(field, offset, adjust, keep)| {
                Framing::Length(LengthPrefix {
                    field,
                    offset,
                    adjust,
                    keep,
                })
            }
        ),
    ]
}

fn delimited(delimiter: &[u8]) -> Framing {
    Framing::Delimited(Bytes::copy_from_slice(delimiter))
}

fn fixed(len: usize) -> Framing {
    Framing::Fixed(NonZeroUsize::new(len).unwrap())
}

fn gap(millis: u64) -> Framing {
    Framing::Gap(TimeSpan(Duration::from_millis(millis)))
}
