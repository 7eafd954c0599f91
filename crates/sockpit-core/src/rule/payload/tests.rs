use proptest::prelude::*;

use super::{Charsets, Payload, Peer, Scope};
use crate::rule::pattern::{Captures, Message, Pattern};
use crate::rule::random::Random;
use crate::text::charset::Charset;
use crate::time::Time;

const PEER: Peer<'_> = Peer {
    number: 3,
    addr: "127.0.0.1:7000",
    epoch: 1_785_231_000_000_000_000,
};

fn render_in(
    payload: &Payload,
    pattern: &Pattern,
    bytes: &[u8],
    charsets: Charsets,
) -> Result<Vec<u8>, String> {
    let decoded = charsets.input.decode(bytes).text;
    let text = (!charsets.are_utf_8()).then_some(decoded.as_str());
    let message = Message { bytes, text };
    let captures = pattern
        .find(message)
        .map_or_else(Captures::default, |found| found.captures);
    let rendered = payload.render(&mut Scope {
        charsets,
        message,
        captures: &captures,
        peer: &PEER,
        now: Time::from_nanos(1_123_456_789),
        count: 42,
        random: &mut Random::new(1),
    });
    rendered
        .map(|bytes| bytes.to_vec())
        .map_err(|error| error.to_string())
}

fn render(template: &str, pattern: &Pattern, bytes: &[u8]) -> Vec<u8> {
    let payload = Payload::template(template, Some(pattern)).unwrap();
    let charsets = Charsets {
        input: Charset::UTF_8,
        output: Charset::UTF_8,
    };
    render_in(&payload, pattern, bytes, charsets).unwrap()
}

fn check(template: &str, expected: &str) {
    let pattern = Pattern::regex(r"(?<key>\w+)=(\d+)").unwrap();
    let rendered = render(template, &pattern, b"set id=25!");
    assert_eq!(String::from_utf8_lossy(&rendered), expected, "{template}");
}

#[test]
fn fills_in_each_name() {
    check("", "");
    check("OK\r\n", "OK\r\n");
    check("${0} | ${1} | ${2} | ${key}", "id=25 | id | 25 | id");
    check("<${message}>", "<set id=25!>");
    check("${peer} ${peer.addr}", "3 127.0.0.1:7000");
    check("${time}", "2026-07-28T09:30:01.123Z");
    check("${time.unix} ${time.ms}", "1785231001 1785231001123");
    check("#${counter}", "#42");
    check("a${hex:41 0x42}b", "aABb");
}

#[test]
fn a_dollar_sign_is_written_twice_before_a_brace() {
    check("$5 and $", "$5 and $");
    check("$$ $${0} $$${0}", "$ ${0} $id=25");
}

#[test]
fn random_numbers_keep_to_what_was_asked() {
    let any = Pattern::any();
    for _ in 0..20 {
        let number: u32 = String::from_utf8(render("${random}", &any, b""))
            .unwrap()
            .parse()
            .unwrap();
        assert_ne!(number, 0);
    }
    assert_eq!(render("${random:7-7}", &any, b""), b"7");
    let digits = String::from_utf8(render("${random.hex:8}", &any, b"")).unwrap();
    assert!(
        digits.len() == 8 && digits.chars().all(|c| c.is_ascii_hexdigit()),
        "{digits}"
    );
}

#[test]
fn a_hexadecimal_reply_takes_bytes_over() {
    let pattern = Pattern::hex("^ ?? ?? 00 00").unwrap();
    let payload =
        Payload::hex_template("${1} 00 00 00 05 ${random.hex:4} ${hex:FF}", Some(&pattern))
            .unwrap();
    let charsets = Charsets {
        input: Charset::UTF_8,
        output: Charset::UTF_8,
    };
    let rendered = render_in(&payload, &pattern, b"\x12\xF4\x00\x00\x06", charsets).unwrap();
    assert_eq!(
        (rendered.len(), &rendered[..6], rendered[8]),
        (9, &b"\x12\xF4\x00\x00\x00\x05"[..], 0xFF)
    );
}

#[test]
fn what_is_no_utf_8_comes_back_as_it_was() {
    let pattern = Pattern::starts("\u{1}").unwrap();
    assert_eq!(
        render("${0}${message}", &pattern, b"\x01\xFF"),
        b"\x01\x01\xFF"
    );
    let pattern = Pattern::regex(r"(?s-u)a(.*)b").unwrap();
    assert_eq!(render("${1}", &pattern, b"a\xFE\xFFb"), b"\xFE\xFF");
}

#[test]
fn what_is_caught_in_one_charset_is_said_in_the_other() {
    let gbk: Charset = "gbk".parse().unwrap();
    let message = gbk.encode("你好").unwrap().into_owned();
    let pattern = Pattern::regex("你(.)").unwrap();
    let payload = Payload::template("收到${1}${message}", Some(&pattern)).unwrap();
    let same = Charsets {
        input: gbk,
        output: gbk,
    };
    let rendered = render_in(&payload, &pattern, &message, same).unwrap();
    assert_eq!(rendered, *gbk.encode("收到好你好").unwrap());
    let across = Charsets {
        input: gbk,
        output: Charset::UTF_8,
    };
    assert_eq!(
        render_in(&payload, &pattern, &message, across).unwrap(),
        "收到好你好".as_bytes()
    );
    let latin = Charsets {
        input: gbk,
        output: "latin1".parse().unwrap(),
    };
    let caught = Payload::template("${1}", Some(&pattern)).unwrap();
    assert!(
        render_in(&caught, &pattern, &message, latin)
            .unwrap_err()
            .starts_with("`好`")
    );
}

#[test]
fn a_charset_without_a_character_is_found_before_anything_is_sent() {
    let payload = Payload::template("a ${0} 你", Some(&Pattern::any())).unwrap();
    assert!(payload.check("gbk".parse().unwrap()).is_ok());
    assert!(payload.check("latin1".parse().unwrap()).is_err());
    assert!(
        Payload::bytes(vec![0xFF])
            .check("latin1".parse().unwrap())
            .is_ok()
    );
}

#[test]
fn says_where_a_template_is_wrong() {
    let pattern = Pattern::regex("(?<key>.)(.)").unwrap();
    let check = |template: &str, offset: usize, start: &str| {
        let error = Payload::template(template, Some(&pattern)).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.offset(), offset, "{template}: {message}");
        assert!(message.starts_with(start), "{template}: {message}");
    };
    check(
        "ab ${peer",
        3,
        "`${` has no `}`; write `$$` for a dollar sign",
    );
    check(
        "é${pear}",
        2,
        "`${pear}` is not known; there are `${message}`",
    );
    check("${}", 0, "`${}` is not known");
    check(
        "${3}",
        0,
        "`${3}` catches nothing: the pattern has groups from `${1}` to `${2}`",
    );
    check(
        "${99999999999999999999}",
        0,
        "`${18446744073709551615}` catches nothing",
    );
    check(
        "${random:9-1}",
        0,
        "`${random:9-1}` cannot be read; write a range such as `${random:1-100}`",
    );
    check(
        "${random.hex:0}",
        0,
        "`${random.hex:0}` cannot be read; write 1 to 128 digits",
    );
    check("${time:x}", 0, "`${time:x}` is not known");
    check(
        "a${hex:0D 0G}",
        11,
        "`G` at column 5 is no hexadecimal digit",
    );
    let in_hex = |template: &str| {
        Payload::hex_template(template, None)
            .unwrap_err()
            .to_string()
    };
    assert!(in_hex("AA ${peer}").starts_with("`${peer}` is text, among bytes"));
    assert!(in_hex("AA ${random.hex:3}").starts_with("`${random.hex:3}` is text, among bytes"));
    assert!(in_hex("AA ${1}").ends_with("no pattern comes before it"));
    assert!(in_hex("AA ??").starts_with("`?` at column 4"));
}

#[test]
fn a_fixed_text_is_shared_and_not_copied() {
    let payload = Payload::template("pong", None).unwrap();
    let charsets = Charsets {
        input: Charset::UTF_8,
        output: Charset::UTF_8,
    };
    let render = || {
        payload.render(&mut Scope {
            charsets,
            message: Message {
                bytes: b"",
                text: None,
            },
            captures: &Captures::default(),
            peer: &PEER,
            now: Time::ZERO,
            count: 0,
            random: &mut Random::new(0),
        })
    };
    assert_eq!(render().unwrap().as_ptr(), render().unwrap().as_ptr());
}

proptest! {
    #[test]
    fn a_literal_text_means_itself(text in ".{0,30}") {
        let payload = Payload::text(&text);
        prop_assert_eq!(Payload::template(&payload.to_string(), None), Ok(payload));
    }

    #[test]
    fn a_template_reads_back(text in r"([a-z$ é]|\$\$|\$\{(0|1|2|key|message|peer|peer\.addr|time|time\.ms|time\.unix|counter|random|random:1-9|random\.hex:8|hex:0D ff)\}){0,12}") {
        let pattern = Pattern::regex("(?<key>.)(.)").unwrap();
        let payload = Payload::template(&text, Some(&pattern)).unwrap();
        prop_assert_eq!(Payload::template(&payload.to_string(), Some(&pattern)), Ok(payload));
    }

    #[test]
    fn digits_read_back(text in r"([0-9a-fA-F]{1,3} |\$\{(0|1|message|random\.hex:8|hex:0D ff)\} ?){0,12}") {
        let pattern = Pattern::regex("(.)").unwrap();
        let payload = Payload::hex_template(&text, Some(&pattern)).unwrap();
        prop_assert_eq!(Payload::hex_template(&payload.to_string(), Some(&pattern)), Ok(payload));
    }
}
