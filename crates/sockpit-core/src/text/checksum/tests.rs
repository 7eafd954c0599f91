//! What the catalogue states, what a spec means, and that it reads back.

use proptest::prelude::*;

use super::algorithm::{Sum, key};
use super::{Algorithm, ChecksumSpec, Order, search};
use crate::text::hex;

/// Checks the finished message that a spec makes of one in hex.
#[track_caller]
fn check(spec: &str, message: &str, expected: &str) {
    let spec: ChecksumSpec = spec.parse().unwrap();
    let mut message = hex::parse(message).unwrap();
    let shown = match spec.apply(&mut message) {
        Ok(()) => {
            assert!(spec.verify(&message).unwrap().holds(), "{spec}");
            spec.preview(&message)
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{spec}");
}

/// Checks why a text is no spec.
#[track_caller]
fn check_refused(spec: &str, part: &str) {
    let error = spec.parse::<ChecksumSpec>().unwrap_err().to_string();
    assert!(error.contains(part), "{spec}: {error}");
}

#[test]
fn every_crc_gives_the_check_value_of_the_catalogue() {
    let mut crcs = 0;
    for algorithm in Algorithm::all() {
        let check: u128 = match algorithm.sum {
            Sum::Crc8(of) => of.check.into(),
            Sum::Crc16(of) => of.check.into(),
            Sum::Crc32(of) => of.check.into(),
            Sum::Crc64(of) => of.check.into(),
            Sum::Crc128(of) => of.check,
            _ => continue,
        };
        crcs += 1;
        assert_eq!(algorithm.compute(b"123456789"), check, "{algorithm}");
        let name = format!("CRC-{}/", algorithm.width());
        assert!(algorithm.name().starts_with(&name), "{algorithm}");
    }
    assert_eq!(crcs, 113);
}

#[test]
fn every_sum_gives_its_known_value() {
    let known: [(&str, &[u8], u128); 18] = [
        ("sum8", b"123456789", 0xdd),
        ("sum16", b"123456789", 0x1dd),
        ("sum32", b"123456789", 0x1dd),
        ("sum16", &[0xff; 300], 0x2ad4),
        ("xor", b"123456789", 0x31),
        ("lrc", b"123456789", 0x23),
        // Modbus over serial line V1.02, appendix B, leaves the result to the reader.
        ("lrc", &[0x11, 0x03, 0x00, 0x6b, 0x00, 0x03], 0x7e),
        ("fletcher16", b"abcde", 0xc8f0),
        ("fletcher16", b"abcdef", 0x2057),
        ("fletcher16", b"abcdefgh", 0x0627),
        ("fletcher32", b"abcde", 0xf04f_c729),
        ("fletcher32", b"abcdef", 0x5650_2d2a),
        ("fletcher32", b"abcdefgh", 0xebe1_9591),
        ("adler32", b"Wikipedia", 0x11e6_0398),
        ("adler32", b"", 1),
        // RFC 1071 §3, complemented.
        (
            "internet",
            &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7],
            0x220d,
        ),
        ("internet", &[0xff], 0x00ff),
        ("cksum", b"123456789", 930_766_865),
    ];
    for (name, bytes, value) in known {
        let algorithm: Algorithm = name.parse().unwrap();
        assert_eq!(algorithm.compute(bytes), value, "{name} of {bytes:?}");
    }
}

#[test]
fn names_are_found_however_they_are_spelled() {
    for (typed, name) in [
        ("CRC-16/MODBUS", "CRC-16/MODBUS"),
        ("crc16_modbus", "CRC-16/MODBUS"),
        ("Modbus", "CRC-16/MODBUS"),
        ("crc16", "CRC-16/MODBUS"),
        ("CRC-MODBUS", "CRC-16/MODBUS"),
        ("arc", "CRC-16/ARC"),
        ("CRC16/CCITT", "CRC-16/KERMIT"),
        ("CRC-CCITT-FALSE", "CRC-16/IBM-3740"),
        ("x-25", "CRC-16/IBM-SDLC"),
        ("xmodem", "CRC-16/XMODEM"),
        ("crc8", "CRC-8/SMBUS"),
        ("CRC32", "CRC-32/ISO-HDLC"),
        ("crc-32c", "CRC-32/ISCSI"),
        ("crc 82 darc", "CRC-82/DARC"),
        ("BCC", "xor"),
        ("MOD256", "sum8"),
        ("Fletcher-16", "fletcher16"),
    ] {
        let algorithm: Algorithm = typed.parse().unwrap();
        assert_eq!(algorithm.name(), name, "{typed}");
    }
}

#[test]
fn every_name_and_alias_means_one_algorithm() {
    let mut keys: Vec<String> = Algorithm::all().iter().map(|of| key(of.name())).collect();
    for algorithm in Algorithm::all() {
        assert_eq!(algorithm.name().parse(), Ok(*algorithm));
    }
    for (alias, name) in super::catalogue::ALIASES {
        assert_eq!(key(alias), alias);
        assert_eq!(alias.parse::<Algorithm>().unwrap().name(), name);
        keys.push(alias.to_owned());
    }
    keys.sort();
    let count = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), count);
    assert_eq!(Algorithm::common().count(), super::catalogue::COMMON.len());
}

#[test]
fn what_names_nothing_is_answered_with_what_there_is() {
    check_refused("", "needs a name");
    check_refused("modbsu", "there are `modbus`");
    check_refused("crc16/foo", "CRC-16/XMODEM");
    check_refused("cdma2000", "write the whole name");
    check_refused("md5\u{1b}", r"`md5\x1b` is no checksum");
    check_refused("crc16:xe", "write `:le` or `:be`");
    check_refused("crc16,from=x", "`from=x` is no place");
    check_refused("crc16,at", "`at=` is no place");
    check_refused("crc16,till=3", "`from=N`, `to=N` and `at=N`");
}

#[test]
fn a_field_is_appended_in_its_order() {
    check("modbus", "01 03 00 00 00 0A", "01 03 00 00 00 0A | C5 CD");
    check(
        "modbus:be",
        "01 03 00 00 00 0A",
        "01 03 00 00 00 0A | CD C5",
    );
    check(
        "xmodem",
        "31 32 33 34 35 36 37 38 39",
        "31 32 33 34 35 36 37 38 39 | 31 C3",
    );
    check("sum8,from=2", "AA 55 01 02 03", "AA 55 01 02 03 | 06");
    check("sum8,from=-2", "AA 55 01 02 03", "AA 55 01 02 03 | 05");
    check("sum8,to=-2", "01 02 03 04", "01 02 03 04 | 03");
    check("sum16:le,from=1,to=3", "01 02 03 04", "01 02 03 04 | 05 00");
    check("modbus", "", "FF FF");
}

#[test]
fn a_width_that_is_no_whole_number_of_bytes_stands_in_the_low_bits() {
    let digits = "31 32 33 34 35 36 37 38 39";
    check("CRC-3/GSM", digits, &format!("{digits} | 04"));
    check("CRC-12/UMTS", digits, &format!("{digits} | 0D AF"));
    check("CRC-12/UMTS:le", digits, &format!("{digits} | AF 0D"));
    check(
        "CRC-82/DARC",
        digits,
        &format!("{digits} | 00 9E A8 3F 62 50 23 80 1F D6 12"),
    );
}

#[test]
fn a_field_in_place_overwrites_and_counts_as_zeros_where_it_is_checked() {
    check("xor,at=-1", "01 02 04 EE", "01 02 04 | 07");
    check(
        "modbus,at=-2",
        "01 03 00 00 00 0A 00 00",
        "01 03 00 00 00 0A | C5 CD",
    );
    check("sum8,at=0,from=1", "EE 01 02", "03 | 01 02");
    check("sum8,at=1", "01 EE 02", "01 | 03 | 02");
    // The header of RFC 1071's most quoted example.
    check(
        "internet,at=10,to=20",
        "45 00 00 73 00 00 40 00 40 11 FF FF C0 A8 00 01 C0 A8 00 C7 99",
        "45 00 00 73 00 00 40 00 40 11 | B8 61 | C0 A8 00 01 C0 A8 00 C7 99",
    );
}

#[test]
fn a_place_outside_the_message_is_named() {
    check(
        "sum8,from=4",
        "01 02 03",
        "the checksum's `from=4` lies outside a message of 3 bytes",
    );
    check(
        "sum8,to=-4",
        "01 02 03",
        "the checksum's `to=-4` lies outside a message of 3 bytes",
    );
    check(
        "crc16,at=-1",
        "01 02 03",
        "a checksum of 2 bytes has no room in a message of 3 bytes at `at=-1`",
    );
    check(
        "sum8,from=2,to=1",
        "01 02 03",
        "the checksum is of the bytes from 2 to before 1, which are none",
    );
    let spec: ChecksumSpec = "crc32".parse().unwrap();
    assert_eq!(
        spec.verify(b"abc").unwrap_err().to_string(),
        "a checksum of 4 bytes has no room in a message of 3 bytes"
    );
}

#[test]
fn a_spec_says_itself_in_words() {
    let words = |spec: &str| spec.parse::<ChecksumSpec>().unwrap().words();
    assert_eq!(
        words("crc16"),
        "CRC-16/MODBUS, little-endian, of the whole message, appended in 2 bytes"
    );
    assert_eq!(
        words("sum8,from=2,to=-1,at=-1"),
        "sum8, of the message from byte 2 to before byte 1 from the end, written over 1 byte at \
         byte 1 from the end"
    );
}

#[test]
fn the_checksum_of_a_paste_is_found() {
    let first = |message: &str| {
        let found = search(&hex::parse(message).unwrap());
        found.first().map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(
        first("01 03 00 00 00 0A C5 CD"),
        "the last 2 bytes are CRC-16/MODBUS, little-endian, of the bytes before"
    );
    assert_eq!(
        first("31 32 33 34 35 36 37 38 39 CB F4 39 26"),
        "the last 4 bytes are CRC-32/ISO-HDLC, big-endian, of the bytes before"
    );
    assert_eq!(
        first("AA 55 31 32 33 34 35 36 37 38 39 31 C3 0D 0A"),
        "bytes 11 to 12 are CRC-16/XMODEM, big-endian, of bytes 2 to 10"
    );
    assert!(first("01 02 04 07").starts_with("the last byte is sum8 of the bytes before (one"));
    assert_eq!(first(""), "");
    assert_eq!(first("00"), "");
}

fn specs() -> impl Strategy<Value = ChecksumSpec> {
    (
        prop::sample::select(Algorithm::all()),
        any::<bool>(),
        -9_isize..9,
        prop::option::of(-9_isize..9),
        prop::option::of(-9_isize..9),
    )
        .prop_map(|(algorithm, is_le, from, to, at)| ChecksumSpec {
            algorithm,
            order: if is_le { Order::Le } else { Order::Be },
            from,
            to,
            at,
        })
}

proptest! {
    #[test]
    fn a_spec_survives_being_written(spec in specs()) {
        prop_assert_eq!(spec.to_string().parse::<ChecksumSpec>().unwrap(), spec);
    }

    #[test]
    fn what_was_applied_is_verified_and_nothing_else_is_touched(
        spec in specs(),
        message in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        let mut finished = message.clone();
        if spec.apply(&mut finished).is_ok() {
            // The end of an appended field is no place of the message that it is of.
            prop_assert!(spec.verify(&finished).unwrap().holds());
            let field = spec.field_of(finished.len()).unwrap();
            prop_assert_eq!(&finished[..field.start], &message[..field.start]);
            if spec.at.is_some() {
                prop_assert_eq!(&finished[field.end..], &message[field.end..]);
            }
        } else {
            prop_assert_eq!(finished, message);
        }
    }

    #[test]
    fn no_text_makes_the_parser_fail(text in "\\PC{0,40}") {
        let _ = text.parse::<ChecksumSpec>();
    }
}
