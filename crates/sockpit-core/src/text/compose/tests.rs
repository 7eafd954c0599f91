//! What each form reads and writes, and how a paste is recognised.

use proptest::prelude::*;

use super::Form;
use crate::text::hex::{self, Hex};

/// Checks which bytes, in hex, a text in a form is.
#[track_caller]
fn check(form: Form, text: &str, expected: &str) {
    let shown = match form.read(text.as_bytes()) {
        Ok(bytes) => Hex(&bytes).to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{form} {text}");
}

/// Checks how bytes are written.
#[track_caller]
fn check_written(form: Form, bytes: &[u8], expected: &str) {
    let mut out = Vec::new();
    form.write(bytes, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), expected, "{form}");
}

#[test]
fn arrays_of_many_languages_are_read() {
    check(Form::C, "0x01, 0x03", "01 03");
    check(Form::C, "{0x01,0X03,}", "01 03");
    check(
        Form::C,
        "const uint8_t request[8] = { 1, 0x3, 'A', 010, 0b11, 255u };",
        "01 03 41 08 03 FF",
    );
    check(
        Form::C,
        "unsigned char a[] = {\n  0x01, // head\n  0x02 /* len */\n};\n",
        "01 02",
    );
    check(
        Form::C,
        "byte[] a = new byte[] { (byte) 0xFF, -1, -128 };",
        "FF FF 80",
    );
    check(Form::C, "let a: [u8; 2] = [0x01, 2u8];", "01 02");
    check(Form::C, "vec![1, 0x02u8, b'\\n']", "01 02 0A");
    check(Form::C, "a := []byte{0x01, 0x02}", "01 02");
    check(Form::C, "bytes([1, 2])", "01 02");
    check(Form::C, "new Uint8Array([0xff, 0])", "FF 00");
    check(
        Form::C,
        "unsigned char paste[] = {\n  0x01, 0x03\n};\nunsigned int paste_len = 2;\n",
        "01 03",
    );
    check(Form::C, "0x01; 0x02", "01 02");
    check(Form::C, "", "");
}

#[test]
fn string_literals_are_read_as_c_reads_them() {
    check(Form::CString, r#""\x01\003abc""#, "01 03 61 62 63");
    check(
        Form::CString,
        r#"char *s = "a=\"b\"" "\r\n";"#,
        "61 3D 22 62 22 0D 0A",
    );
    check(Form::CString, r#"b"\xc4\xe3""#, "C4 E3");
    check(
        Form::CString,
        r#""\0\08\7778""#,
        r"`\777` at column 7 is no escape of C",
    );
    check(Form::CString, r#""\0\08""#, "00 00 38");
    check(Form::CString, r#""\u4f60好""#, "E4 BD A0 E5 A5 BD");
    check(Form::CString, r#""\x0ab""#, "AB");
    check(Form::CString, r"b'\xc4\xe30'", "C4 E3 30");
    check(Form::CString, r#"b"\x0ab""#, "0A 62");
    check(Form::CString, r#""\xff0""#, "FF 30");
    check(
        Form::CString,
        r#""\xg0""#,
        r"`\xg0` at column 2 is no escape of C",
    );
    check(
        Form::CString,
        r#""\q""#,
        r"`\q` at column 2 is no escape of C",
    );
    check(
        Form::CString,
        r#""abc"#,
        "the `\"` at column 1 is never closed",
    );
    check(
        Form::CString,
        r#""abc\"#,
        r"`\` at column 5 is no escape of C",
    );
}

#[test]
fn what_is_no_byte_is_named() {
    check(Form::C, "0x01, 256", "`256` at column 7 is no byte");
    check(Form::C, "0x01, 0x1FF", "`0x1FF` at column 7 is no byte");
    check(Form::C, "{1, -129}", "`-129` at column 5 is no byte");
    check(
        Form::C,
        "{LEN, 1}",
        "`LEN` at column 2 is no byte; an array has numbers, characters and strings",
    );
    check(
        Form::C,
        "[0u8; 4]",
        "`;` at column 5 is no byte; an array has numbers, characters and strings",
    );
    check(Form::C, "{1, 08}", "`08` at column 5 is no byte");
    check(
        Form::C,
        "{'ab'}",
        "the character at column 2 is not one byte",
    );
    check(Form::C, "{''}", "the character at column 2 is not one byte");
    check(
        Form::C,
        "{1, #}",
        "`#` at column 5 is no byte; an array has numbers, characters and strings",
    );
    check(
        Form::Decimal,
        "1 2 256",
        "`256` at column 5 is no byte; write numbers from 0 to 255, or from -128",
    );
    check(
        Form::Decimal,
        "1，2",
        "`1，2` at column 1 is no byte; write numbers from 0 to 255, or from -128",
    );
    check(Form::Base64, "AQ?=", "`?` at column 3 is none of base64");
    check(
        Form::Base64,
        "AQ==AQ==",
        "`A` at column 5 is none of base64",
    );
    check(
        Form::Base64,
        "AQIDB",
        "base64 of 5 characters has lost some: four make three bytes, and one alone none",
    );
    let error = Form::Hex.read(b"01 \xff").unwrap_err().to_string();
    assert_eq!(
        error,
        "the input is not UTF-8 at byte 3, so it is no hex; `--from raw` takes any bytes"
    );
}

#[test]
fn base64_is_read_with_and_without_padding() {
    check(Form::Base64, "5L2g5aW9", "E4 BD A0 E5 A5 BD");
    check(Form::Base64, "AQ==", "01");
    check(Form::Base64, "AQ", "01");
    check(Form::Base64, "AR==", "01");
    check(Form::Base64, "_-8=\r\n", "FF EF");
    check(Form::Base64, "/+8=", "FF EF");
    check(Form::Base64, "AQ\n ID\n", "01 02 03");
}

#[test]
fn decimal_numbers_are_read() {
    check(Form::Decimal, "1 3, 255;-1\n", "01 03 FF FF");
    check(Form::Decimal, " ", "");
}

#[test]
fn bytes_are_written_to_be_pasted() {
    let request = hex::parse("01 03 00 00 00 0A C5 CD").unwrap();
    check_written(Form::Hex, &request, "01 03 00 00 00 0A C5 CD");
    check_written(
        Form::C,
        &request,
        "0x01, 0x03, 0x00, 0x00, 0x00, 0x0A, 0xC5, 0xCD",
    );
    check_written(
        Form::CString,
        b"a\"\\\r\n\x019??",
        r#""a\"\\\r\n\0019\?\?""#,
    );
    check_written(Form::Base64, &request, "AQMAAAAKxc0=");
    check_written(
        Form::Escapes,
        &request,
        "\\x01\\x03\\x00\\x00\\x00\\n\\xc5\\xcd",
    );
    check_written(Form::Escapes, "你\\\u{1b}".as_bytes(), "你\\\\\\x1b");
    check_written(Form::Decimal, &request, "1 3 0 0 0 10 197 205");
    check_written(
        Form::C,
        &[0; 13],
        &format!("{}0x00,\n0x00", "0x00, ".repeat(11)),
    );
}

#[test]
fn a_paste_is_recognised() {
    for (paste, form) in [
        ("01 03 00 00 00 0A C5 CD", Form::Hex),
        ("0103C5CD", Form::Hex),
        ("c4e3bac3", Form::Hex),
        ("aa:bb:cc", Form::Hex),
        ("0x01 0x03", Form::Hex),
        ("1 2 A", Form::Hex),
        ("0x01, 0x03", Form::C),
        ("{ 1, 2 }", Form::C),
        ("uint8_t a[] = {0x01, 0x02};", Form::C),
        (r#""\x01\x03""#, Form::CString),
        (r#"b"\xc4\xe3""#, Form::CString),
        (r"b'\xc4\xe3'", Form::CString),
        ("5L2g5aW9", Form::Base64),
        ("AQMAAAAKxc0=", Form::Base64),
        ("72 101 108 108 111", Form::Decimal),
        ("1, 3, 5", Form::Decimal),
        (r"hello\r\n", Form::Escapes),
        ("hello", Form::Raw),
        ("hello world", Form::Raw),
        ("你好", Form::Raw),
        ("", Form::Raw),
        (r"C:\path", Form::Raw),
        ("temperature", Form::Raw),
        ("{\"a\": 1}", Form::Raw),
        ("f(a, b)", Form::Raw),
    ] {
        assert_eq!(Form::guess(paste.as_bytes()), form, "{paste}");
    }
    assert_eq!(Form::guess(b"\xc4\xe3"), Form::Raw);
}

#[test]
fn every_form_has_a_word_that_reads_back() {
    for form in Form::ALL {
        assert_eq!(form.to_string().parse(), Ok(form));
    }
    let error = "hexx".parse::<Form>().unwrap_err().to_string();
    assert_eq!(
        error,
        "`hexx` is not one of hex, c, string, base64, escapes, decimal, raw"
    );
}

proptest! {
    #[test]
    fn what_was_written_reads_back(
        form in prop::sample::select(&Form::ALL[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut written = Vec::new();
        form.write(&bytes, &mut written);
        prop_assert_eq!(form.read(&written).unwrap(), bytes, "{}", form);
    }

    #[test]
    fn nothing_makes_a_reader_or_the_guess_fail(
        text in prop::string::string_regex("([ -~\\n]|\\PC|\\\\[xuU0-9]|[{\"'(,/*-]){0,30}").unwrap(),
        bytes in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        for form in Form::ALL {
            let _ = form.read(text.as_bytes());
            let _ = form.read(&bytes);
        }
        let _ = Form::guess(&bytes);
        let guessed = Form::guess(text.as_bytes());
        prop_assert!(guessed.read(text.as_bytes()).is_ok());
    }
}
