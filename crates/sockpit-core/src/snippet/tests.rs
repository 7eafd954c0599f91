//! What is copied says what is on the screen, and survives a shell.

use proptest::prelude::*;

use super::shell::printf_word;
use super::{Sends, Snippet, quote};
use crate::composer::{Content, Draft};
use crate::plan::{Eol, Options, Plan, Role};
use crate::time::TimeSpan;

/// Splits a line as a POSIX shell does: blanks, `'…'`, `$'…'`, and a backslash outside of them.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' => words.extend(word.take()),
            '$' if rest.as_str().starts_with('\'') => {
                rest.next();
                word.get_or_insert_default().push_str(&escaped(&mut rest));
            }
            '\'' => {
                let word = word.get_or_insert_default();
                word.extend(rest.by_ref().take_while(|c| *c != '\''));
            }
            '\\' => word.get_or_insert_default().extend(rest.next()),
            other => {
                assert!(
                    !"$`\"&|;<>()*?[#~!{}\n".contains(other),
                    "bare `{other}` in {line}"
                );
                word.get_or_insert_default().push(other);
            }
        }
    }
    words.extend(word);
    words
}

/// What stands in `$'…'`, which is read to its end.
fn escaped(rest: &mut std::str::Chars<'_>) -> String {
    let mut bytes = Vec::new();
    while let Some(character) = rest.next().filter(|c| *c != '\'') {
        match character {
            '\\' if rest.as_str().starts_with(['\'', '\\']) => {
                bytes.extend(rest.next().map(|c| c as u8));
            }
            '\\' => {
                let digits: String = rest.by_ref().take(3).collect();
                bytes.push(u8::from_str_radix(&digits, 8).unwrap());
            }
            other => bytes.extend_from_slice(other.to_string().as_bytes()),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What `printf` makes of a word.
fn printed(word: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let bytes = word.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let (byte, len) = match &bytes[at..] {
            [b'%', b'%', ..] => (b'%', 2),
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b'\\', ..] => (b'\\', 2),
            [b'\\', digits @ ..] => {
                let digits = std::str::from_utf8(&digits[..3]).unwrap();
                (u8::from_str_radix(digits, 8).unwrap(), 4)
            }
            [byte, ..] => (*byte, 1),
            [] => unreachable!("there is a byte"),
        };
        out.push(byte);
        at += len;
    }
    out
}

struct Given {
    plan: Plan,
    endpoint: &'static str,
    options: Vec<(String, String)>,
    draft: Option<Draft>,
}

fn given(role: Role, endpoint: &'static str, options: &[(&str, &str)]) -> Given {
    let options: Vec<(String, String)> = options
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let told = Options::from_pairs(&options).expect("they are options");
    let parsed = endpoint.parse().expect("an endpoint");
    Given {
        plan: Plan::resolve(role, &parsed, told).expect("a plan"),
        endpoint,
        options,
        draft: None,
    }
}

impl Given {
    fn sending(mut self, text: &str) -> Self {
        self.draft = Some(Draft {
            content: Content::Text {
                text: text.to_owned(),
                has_escapes: false,
            },
            charset: None,
            eol: None,
            checksum: None,
        });
        self
    }

    fn with<T>(&self, look: impl FnOnce(Snippet<'_>) -> T) -> T {
        let composed = self
            .draft
            .as_ref()
            .map(|draft| self.plan.compose(draft).expect("a message"));
        let sends = self.draft.as_ref().zip(composed.as_ref());
        look(Snippet {
            plan: &self.plan,
            endpoint: self.endpoint,
            options: &self.options,
            reconnects: false,
            rules: None,
            sends: sends.map(|(draft, composed)| Sends {
                draft,
                composed,
                every: None,
                count: None,
            }),
        })
    }

    fn sockpit(&self) -> String {
        self.with(|snippet| snippet.sockpit())
    }

    fn nc(&self) -> Result<String, String> {
        self.with(|snippet| snippet.nc())
    }
}

#[test]
fn the_line_has_what_differs_from_the_usual() {
    let plain = given(Role::Client, "tcp://127.0.0.1:7000", &[]);
    assert_eq!(plain.sockpit(), "sockpit connect tcp://127.0.0.1:7000");
    let options = [
        ("frame", "delim:||"),
        ("text", "gbk"),
        ("nodelay", "0"),
        ("once", "1"),
        ("family", "4"),
    ];
    let full = given(Role::Server, "tcp://:7000", &options).sending("it's 你好");
    assert_eq!(
        full.sockpit(),
        "sockpit listen 'tcp://:7000?nodelay=0' --frame 'delim:||' --text gbk --once -4 \
         --send 'it'\\''s 你好'"
    );
}

#[test]
fn the_draft_stands_on_the_line_once() {
    let mut session = given(
        Role::Client,
        "tcp://h:1",
        &[("eol", "cr"), ("checksum", "modbus")],
    );
    session = session.sending("a\tb");
    assert_eq!(
        session.sockpit(),
        "sockpit connect tcp://h:1 --checksum modbus --eol cr --escape --send 'a\\tb'"
    );
    let draft = session.draft.as_mut().expect("it was given");
    draft.eol = Some(Eol::Lf);
    draft.charset = Some("gbk".parse().expect("a charset"));
    draft.checksum = Some(Some("xor".parse().expect("a checksum")));
    assert_eq!(
        session.sockpit(),
        "sockpit connect tcp://h:1 --checksum xor --text-out gbk --eol lf --escape --send 'a\\tb'"
    );
    let line = session.with(|mut snippet| {
        let sends = snippet.sends.as_mut().expect("it sends");
        sends.every = Some(TimeSpan(std::time::Duration::from_millis(5)));
        sends.count = Some(3);
        snippet.reconnects = true;
        snippet.rules = Some("a b.toml");
        snippet.sockpit()
    });
    assert!(line.contains(" --reconnect --rules 'a b.toml' "), "{line}");
    assert!(line.ends_with("--every 5ms --count 3"), "{line}");
}

#[test]
fn nc_gets_the_bytes_or_a_reason() {
    let client = given(
        Role::Client,
        "tcp://[::1]:7000",
        &[("frame", "len:u8"), ("text", "gbk")],
    );
    assert_eq!(
        client.nc(),
        Err("nc cannot frame messages by `len:u8`".to_owned())
    );
    assert_eq!(
        client.sending("5%你").nc(),
        Ok("printf '\\0045%%\\304\\343' | nc -N ::1 7000".to_owned())
    );
    let udp = given(Role::Client, "udp://h:9", &[("bind", "127.0.0.1:7853")]);
    assert_eq!(udp.nc(), Ok("nc -u -s 127.0.0.1 -p 7853 h 9".to_owned()));
    let server = given(Role::Server, "unix:///run/a b", &[]);
    assert_eq!(server.nc(), Ok("nc -lU '/run/a b'".to_owned()));
    for (endpoint, options) in [
        ("tcp://h:1", &[("split-at", "1")][..]),
        ("unix:@a", &[]),
        ("tcp://h:1", &[("checksum", "xor")]),
        ("udp://239.1.2.3:9", &[]),
    ] {
        let why = given(Role::Client, endpoint, options).nc();
        assert!(why.is_err_and(|why| why.starts_with("nc cannot ")));
    }
}

proptest! {
    #[test]
    fn a_shell_reads_back_every_word(words in prop::collection::vec("[^\0]*", 1..5)) {
        let line = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(split(&line), words);
    }

    #[test]
    fn what_is_pasted_has_nothing_that_a_terminal_obeys(word in "[^\0]*[\x01-\x1f\x7f\u{202e}][^\0]*") {
        let quoted = quote(&word);
        prop_assert!(!quoted.chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", quoted);
    }

    #[test]
    fn printf_writes_every_byte(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let word = printf_word(&bytes);
        let words = split(&word);
        prop_assert_eq!(words.len(), 1);
        prop_assert_eq!(printed(&words[0]), bytes);
    }

    #[test]
    fn whatever_is_written_is_on_the_line(text in "[^\0]+") {
        let session = given(Role::Client, "tcp://h:1", &[]).sending(&text);
        let words = split(&session.sockpit());
        let composed = session.with(|snippet| snippet.wire().cloned()).expect("it sends");
        let last = words.last().expect("there are words");
        let again = match words.contains(&"--escape".to_owned()) {
            true => crate::text::escape::unescape_bytes(last).expect("they are escapes"),
            false => last.as_bytes().to_vec(),
        };
        prop_assert_eq!([again, b"\n".to_vec()].concat(), composed.to_vec());
    }
}
