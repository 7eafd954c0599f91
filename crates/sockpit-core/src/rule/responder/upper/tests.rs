use super::upper;
use crate::rule::pattern::Message;
use crate::rule::payload::Charsets;
use crate::text::charset::Charset;

fn check(charset: Charset, message: &[u8], expected: &[u8]) {
    let decoded = charset.decode(message).text;
    let text = (charset != Charset::UTF_8).then_some(decoded.as_str());
    let charsets = Charsets {
        input: charset,
        output: charset,
    };
    let given = upper(
        Message {
            bytes: message,
            text,
        },
        charsets,
    );
    assert_eq!(given, expected, "{charset} {message:?}");
}

#[test]
fn letters_become_capitals_of_their_language() {
    check(Charset::UTF_8, b"hello\r\n", b"HELLO\r\n");
    check(
        Charset::UTF_8,
        "straße, éλж".as_bytes(),
        "STRASSE, ÉΛЖ".as_bytes(),
    );
    let gbk: Charset = "gbk".parse().unwrap();
    check(
        gbk,
        &gbk.encode("你好 abc").unwrap(),
        &gbk.encode("你好 ABC").unwrap(),
    );
}

#[test]
fn a_second_byte_that_looks_like_a_letter_stays() {
    // In GBK, 乤 is 81 61, whose second byte is the ASCII letter `a`.
    let gbk: Charset = "gbk".parse().unwrap();
    let message = gbk.encode("乤a").unwrap().into_owned();
    assert!(message[1].is_ascii_lowercase(), "{message:?}");
    check(gbk, &message, &gbk.encode("乤A").unwrap());
}

#[test]
fn bytes_that_are_no_text_change_only_in_ascii() {
    check(Charset::UTF_8, b"ab\xFF\xE9z", b"AB\xFF\xE9Z");
    check("gbk".parse().unwrap(), b"ab\xFF", b"AB\xFF");
}

#[test]
fn a_letter_without_a_capital_in_the_charset_stays() {
    let greek: Charset = "iso-8859-7".parse().unwrap();
    check(
        greek,
        &greek.encode("ΐa").unwrap(),
        &greek.encode("ΐA").unwrap(),
    );
}
