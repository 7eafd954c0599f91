//! Reading a filter.
//!
//! ```text
//! filter = all  { ("or" | "||") all }
//! all    = some { ("and" | "&&") some }
//! some   = ("not" | "!") some | "(" filter ")" | term
//! ```

use std::str::FromStr;

use super::packet::{self, HostTest, PacketTerm, Protocol, Side};
use super::scan::{FIELD_HINT, QUOTE_HINT, Reader, Value, is_word, shorten};
use super::{
    AtTest, Comparison, EVENTS, Filter, FilterError, Flag, Moment, Node, NumberField, NumberTest,
    Term, TextField, TextTest, Way, WordField, WordTest,
};
use crate::bpf::Prefix;
use crate::event::Direction;
use crate::flow::Label;
use crate::machine::Reason;
use crate::rule::{Pattern, PatternError};
use crate::size::ByteSize;

/// In bytes: longer than anybody writes, short enough for whoever gets one from elsewhere.
const MAX_LEN: usize = 16 * 1024;

/// How deep parentheses and `not` may lie in each other: any stack has room for that.
const MAX_DEPTH: usize = 64;

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_LEN {
            return Err(FilterError::TooLong {
                len: text.len(),
                most: MAX_LEN,
            });
        }
        let mut reader = Reader {
            text,
            at: 0,
            is_loose: false,
        };
        reader.skip_space();
        if reader.rest().is_empty() {
            return Err(FilterError::Empty);
        }
        let root = reader.any(0)?;
        if reader.rest().is_empty() {
            Ok(Self { root })
        } else {
            let hint = match reader.rest().starts_with(['.', '[']) {
                true => FIELD_HINT,
                false => reader.quote_hint(),
            };
            Err(reader.expected("`and`, `or` or the end", hint))
        }
    }
}

impl<'a> Reader<'a> {
    fn any(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all(depth)?];
        while self.take_word("or") || self.take_sign("||") {
            nodes.push(self.all(depth)?);
        }
        Ok(join(nodes, Node::Any, |node| match node {
            Node::Any(inner) => Some(std::mem::take(inner)),
            _ => None,
        }))
    }

    fn all(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut nodes = vec![self.some(depth)?];
        while self.take_word("and") || self.take_sign("&&") {
            nodes.push(self.some(depth)?);
        }
        Ok(join(nodes, Node::All, |node| match node {
            Node::All(inner) => Some(std::mem::take(inner)),
            _ => None,
        }))
    }

    fn some(&mut self, depth: usize) -> Result<Node, FilterError> {
        let start = self.at;
        if depth >= MAX_DEPTH {
            return Err(FilterError::TooDeep {
                column: self.column(start),
                most: MAX_DEPTH,
            });
        }
        if self.take_word("not") || self.take_sign("!") {
            return Ok(Node::Not(Box::new(self.some(depth + 1)?)));
        }
        if self.take_sign("(") {
            let node = self.any(depth + 1)?;
            if !self.take_sign(")") {
                return Err(self.expected("`and`, `or` or `)`", self.quote_hint()));
            }
            return Ok(node);
        }
        let term = self.term()?;
        let Term::Packet(PacketTerm::Protocol(_)) = term else {
            return Ok(Node::Term(term));
        };
        // `tcp port 7000`, as users of tcpdump write it.
        let mut nodes = vec![Node::Term(term)];
        let is_end = |word: &str| {
            let joins = ["and", "or", "not"];
            word.is_empty() || joins.iter().any(|it| word.eq_ignore_ascii_case(it))
        };
        while !is_end(self.word()) {
            nodes.push(Node::Term(self.term()?));
        }
        Ok(join(nodes, Node::All, |_| None))
    }

    /// What stands after a value without quotes may have been meant to belong to it.
    fn quote_hint(&self) -> &'static str {
        if self.is_loose { QUOTE_HINT } else { "" }
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        self.is_loose = false;
        if self.rest().starts_with(['"', '\'']) {
            let value = self.value()?;
            let test = self.text_test(Way::Contains, &value)?;
            return Ok(Term::Said(test));
        }
        let start = self.at;
        let word = self.word();
        if word.is_empty() {
            return Err(self.expected("a term such as `in`, `peer 2` or `text ~ \"err\"`", ""));
        }
        self.at += word.len();
        self.skip_space();
        let name = word.to_ascii_lowercase();
        let named = |as_str: &'static str| as_str == name;
        if let Some(direction) = [Direction::In, Direction::Out]
            .into_iter()
            .find(|direction| named(direction.as_str()))
        {
            return Ok(Term::Direction(direction));
        }
        if let Some(event) = EVENTS.into_iter().find(|event| named(event)) {
            return Ok(Term::Event(event));
        }
        if let Some(flag) = Flag::ALL.into_iter().find(|flag| named(flag.as_str())) {
            return Ok(Term::Flag(flag));
        }
        if let Some(term) = self.packet_term(&name)? {
            return Ok(Term::Packet(term));
        }
        if let Some(field) = NumberField::ALL.into_iter().find(|it| named(it.as_str())) {
            return Ok(Term::Number(field, self.number_test(field.wanted())?));
        }
        if let Some(field) = TextField::ALL.into_iter().find(|it| named(it.as_str())) {
            let way = self.way()?;
            let value = self.value()?;
            return Ok(Term::Text(field, self.text_test(way, &value)?));
        }
        if let Some(field) = WordField::ALL.into_iter().find(|it| named(it.as_str())) {
            return Ok(Term::Word(field, self.word_test(field)?));
        }
        match name.as_str() {
            "hex" => Ok(Term::Hex(self.hex_test()?)),
            "at" => Ok(Term::At(self.at_test()?)),
            "event" => self.event_test(),
            label if packet::label(label).is_some() => {
                let words = vec![name];
                let is_negative = false;
                Ok(Term::Word(
                    WordField::Label,
                    WordTest { words, is_negative },
                ))
            }
            _ => Err(FilterError::Term {
                column: self.column(start),
                word: shorten(word).to_owned(),
                meant: meant(&name),
            }),
        }
    }

    /// `event = frame`, which is `frame`.
    fn event_test(&mut self) -> Result<Term, FilterError> {
        let _ = self.take_sign("==") || self.take_sign("=");
        let word = self.word();
        let event = EVENTS.into_iter().find(|event| *event == word);
        let event =
            event.ok_or_else(|| self.expected(&format!("one of {}", EVENTS.join(", ")), ""))?;
        self.at += word.len();
        self.skip_space();
        Ok(Term::Event(event))
    }

    /// A term about packets that begins with this word, which was read.
    fn packet_term(&mut self, name: &str) -> Result<Option<PacketTerm>, FilterError> {
        if let Some(protocol) = Protocol::ALL.into_iter().find(|it| it.as_str() == name) {
            return Ok(Some(PacketTerm::Protocol(protocol)));
        }
        let is_number = self
            .rest()
            .starts_with(|c: char| c.is_ascii_digit() || "=<>!".contains(c));
        if let Some((_, flag)) = packet::FLAGS.into_iter().find(|(word, _)| *word == name)
            && !(name == "ack" && is_number)
        {
            return Ok(Some(PacketTerm::Flag(flag)));
        }
        Ok(Some(match name {
            "ip" => PacketTerm::Protocol(Protocol::Ip4),
            "flags" => {
                let way = self.way()?;
                let value = self.value()?;
                PacketTerm::Flags(self.text_test(way, &value)?)
            }
            "port" => PacketTerm::Port(Side::Either, self.number_test(WantedNumber::PORT)?),
            "host" | "net" => PacketTerm::Host(Side::Either, self.host_test()?),
            "src" => self.end(Side::Source)?,
            "dst" => self.end(Side::Destination)?,
            _ => return Ok(None),
        }))
    }

    /// What stands after `src` and `dst`.
    fn end(&mut self, side: Side) -> Result<PacketTerm, FilterError> {
        if self.take_word("port") {
            return Ok(PacketTerm::Port(
                side,
                self.number_test(WantedNumber::PORT)?,
            ));
        }
        let _ = self.take_word("host") || self.take_word("net");
        Ok(PacketTerm::Host(side, self.host_test()?))
    }

    fn host_test(&mut self) -> Result<HostTest, FilterError> {
        let is_negative = self.take_sign("!=");
        let _ = is_negative || self.take_sign("==") || self.take_sign("=") || self.take_word("in");
        let mut prefixes = Vec::new();
        loop {
            let start = self.at;
            let bare = self.bare();
            let raw = bare.split(',').next().unwrap_or_default();
            let Ok(prefix) = raw.parse::<Prefix>() else {
                self.at = start;
                return Err(FilterError::Expected {
                    column: self.column(start),
                    expected: "an address such as `127.0.0.1`, `10.0.0.0/8` or `::1`".to_owned(),
                    found: shorten(raw).to_owned(),
                    hint: "",
                });
            };
            prefixes.push(prefix);
            self.at += raw.len();
            self.skip_space();
            if !self.take_sign(",") {
                return Ok(HostTest {
                    prefixes,
                    is_negative,
                });
            }
        }
    }

    fn number_test(&mut self, wanted: WantedNumber) -> Result<NumberTest, FilterError> {
        if let Some(comparison) = self.comparison() {
            return Ok(NumberTest::Compare(comparison, self.number(wanted)?));
        }
        let _ = self.take_sign("==") || self.take_sign("=") || self.take_word("in");
        let mut ranges = Vec::new();
        loop {
            let start = self.at;
            let first = self.number(wanted)?;
            let last = if self.take_sign("..") {
                self.number(wanted)?
            } else {
                first
            };
            if last < first {
                return Err(FilterError::Range {
                    column: self.column(start),
                });
            }
            ranges.push((first, last));
            if !self.take_sign(",") {
                return Ok(NumberTest::In(ranges));
            }
        }
    }

    fn number(&mut self, wanted: WantedNumber) -> Result<u64, FilterError> {
        let word = self.word();
        let number = match word.parse::<u64>() {
            Ok(number) => Some(number),
            Err(_) if wanted.has_unit => word.parse::<ByteSize>().ok().map(|size| size.0 as u64),
            Err(_) => None,
        };
        let number = number
            .filter(|number| *number <= wanted.most)
            .ok_or_else(|| self.expected(wanted.expected, ""))?;
        self.at += word.len();
        self.skip_space();
        Ok(number)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        // The longer sign first: `<` begins `<=`.
        let comparison = [
            Comparison::Differs,
            Comparison::AtMost,
            Comparison::AtLeast,
            Comparison::Less,
            Comparison::More,
        ];
        comparison
            .into_iter()
            .find(|comparison| self.take_sign(comparison.as_str()))
    }

    fn way(&mut self) -> Result<Way, FilterError> {
        let signs = [
            ("!~*", Way::MatchesNotAnyCase),
            ("!~", Way::MatchesNot),
            ("~*", Way::MatchesAnyCase),
            ("~", Way::Matches),
            ("!=", Way::IsNot),
            ("==", Way::Is),
            ("=", Way::Is),
        ];
        for (sign, way) in signs {
            if self.take_sign(sign) {
                return Ok(way);
            }
        }
        let words = [
            ("contains", Way::Contains),
            ("starts", Way::Starts),
            ("ends", Way::Ends),
        ];
        for (word, way) in words {
            if self.take_word(word) {
                return Ok(way);
            }
        }
        Err(self.expected(
            "`~`, `~*`, `=`, `!=`, `!~`, `contains`, `starts` or `ends`",
            "",
        ))
    }

    fn text_test(&self, way: Way, value: &Value<'_>) -> Result<TextTest, FilterError> {
        let text = self.unquote(value, way.is_expression())?;
        let column = self.column(value.at);
        let fail = |error: PatternError| match error {
            PatternError::Empty => FilterError::EmptyText { column },
            error => FilterError::Pattern {
                column: column + error.offset(),
                error,
            },
        };
        let pattern = match way {
            Way::Is | Way::IsNot => Ok(Pattern::equals(&text)),
            Way::Contains => Pattern::contains(&text),
            Way::Starts => Pattern::starts(&text),
            Way::Ends => Pattern::ends(&text),
            Way::Matches | Way::MatchesNot => Pattern::regex(&text),
            Way::MatchesAnyCase | Way::MatchesNotAnyCase if text.is_empty() => {
                Err(PatternError::Empty)
            }
            Way::MatchesAnyCase | Way::MatchesNotAnyCase => {
                // It is read as it stands first, so that a mistake has its own place.
                Pattern::regex(&text).and_then(|_| Pattern::regex(&format!("(?i){text}")))
            }
        };
        Ok(TextTest {
            way,
            value: text,
            pattern: pattern.map_err(fail)?,
        })
    }

    fn hex_test(&mut self) -> Result<TextTest, FilterError> {
        let way = match self.way()? {
            Way::Contains => Way::Matches,
            way @ (Way::Is | Way::IsNot | Way::Matches | Way::MatchesNot) => way,
            _ => return Err(self.expected("`~`, `!~`, `=` or `!=` before it", "")),
        };
        let mut value = self.value()?;
        if !value.is_quoted {
            // Nothing that may follow looks like digits, so that bytes need no quotes.
            let is_digits = |word: &str| {
                !word.is_empty() && word.chars().all(|c| c.is_ascii_hexdigit() || c == '?')
            };
            while is_digits(self.bare()) {
                let end = self.at + self.bare().len();
                value.raw = self.text.get(value.at..end).unwrap_or(value.raw);
                self.at = end;
                self.skip_space();
            }
        }
        let column = self.column(value.at);
        let (text, lead) = match way {
            Way::Is | Way::IsNot => (format!("^{}$", value.raw), 1),
            _ => (value.raw.to_owned(), 0),
        };
        let pattern = Pattern::hex(&text).map_err(|error| match error {
            PatternError::Empty => FilterError::EmptyHex { column },
            error => FilterError::Pattern {
                column: column + error.offset().saturating_sub(lead),
                error,
            },
        })?;
        Ok(TextTest {
            way,
            value: value.raw.to_owned(),
            pattern,
        })
    }

    fn word_test(&mut self, field: WordField) -> Result<WordTest, FilterError> {
        let is_negative = self.take_sign("!=");
        let _ = is_negative || self.take_sign("==") || self.take_sign("=") || self.take_word("in");
        let mut words = Vec::new();
        loop {
            let start = self.at;
            let word = if self.rest().starts_with(['"', '\'']) {
                self.value()?.raw
            } else {
                let word = self.word();
                self.at += word.len();
                self.skip_space();
                word
            };
            let is_known = match field {
                WordField::Label => packet::label(word).is_some(),
                WordField::Kind => !word.is_empty() && word.chars().all(is_word),
                WordField::Reason => Reason::ALL.iter().any(|reason| reason.as_str() == word),
            };
            if !is_known {
                self.at = start;
                let reasons: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
                let expected = match field {
                    WordField::Label => {
                        let labels: Vec<&str> = Label::ALL.iter().map(|it| it.name()).collect();
                        format!("one of {}", labels.join(", "))
                    }
                    WordField::Kind => "a kind such as `reset`".to_owned(),
                    WordField::Reason => format!("one of {}", reasons.join(", ")),
                };
                return Err(self.expected(&expected, ""));
            }
            words.push(word.to_owned());
            if !self.take_sign(",") {
                return Ok(WordTest { words, is_negative });
            }
        }
    }

    fn at_test(&mut self) -> Result<AtTest, FilterError> {
        let comparison = self.comparison();
        if comparison.is_none() {
            let _ = self.take_word("in");
        }
        let value = self.value()?;
        let moment = |text: &str, at: usize| {
            text.parse::<Moment>().map_err(|error| FilterError::Moment {
                column: self.column(at),
                error,
            })
        };
        match (comparison, value.raw.split_once("..")) {
            (Some(comparison), _) => Ok(AtTest::Compare(comparison, moment(value.raw, value.at)?)),
            (None, Some((first, last))) => Ok(AtTest::In(
                moment(first, value.at)?,
                moment(last, value.at + first.len() + 2)?,
            )),
            (None, None) => {
                self.at = value.at;
                Err(self.expected("`>`, `<`, `>=`, `<=` or a range such as `2s..5s`", ""))
            }
        }
    }
}

/// Which numbers make sense at a place.
#[derive(Clone, Copy)]
struct WantedNumber {
    /// What would make sense.
    expected: &'static str,
    /// Whether it is a size, such as `64KiB`.
    has_unit: bool,
    most: u64,
}

impl WantedNumber {
    const PORT: Self = Self {
        expected: "a port from 0 to 65535, such as `7000`, `7000,8000` or `7000..7010`",
        has_unit: false,
        most: u16::MAX as u64,
    };
}

impl NumberField {
    const fn wanted(self) -> WantedNumber {
        let has_unit = matches!(self, Self::Len | Self::Offset);
        let expected = match self {
            Self::Len | Self::Offset => "a number of bytes such as `100` or `64KiB`",
            Self::Peer => "a number such as `2`, `2,3` or `2..5`",
            _ => "a number",
        };
        WantedNumber {
            expected,
            has_unit,
            most: u64::MAX,
        }
    }
}

/// Puts members together; lists of the same sort become one.
fn join(
    mut nodes: Vec<Node>,
    list: fn(Vec<Node>) -> Node,
    open: fn(&mut Node) -> Option<Vec<Node>>,
) -> Node {
    if nodes.len() == 1
        && let Some(node) = nodes.pop()
    {
        return node;
    }
    let mut members = Vec::with_capacity(nodes.len());
    for mut node in nodes {
        match open(&mut node) {
            Some(inner) => members.extend(inner),
            None => members.push(node),
        }
    }
    list(members)
}

/// What other tools call a term.
const ELSEWHERE: [(&str, &str); 6] = [
    ("portrange", "port"),
    ("greater", "len"),
    ("less", "len"),
    ("proto", "tcp"),
    ("length", "len"),
    ("stream", "conversation"),
];

/// The term that is called so elsewhere, or differs in one letter, or two that changed places.
fn meant(word: &str) -> Option<&'static str> {
    if let Some((_, term)) = ELSEWHERE.into_iter().find(|(other, _)| *other == word) {
        return Some(term);
    }
    let terms = EVENTS
        .into_iter()
        .chain([
            "peer", "session", "text", "hex", "len", "offset", "at", "addr", "local",
        ])
        .chain([
            "message",
            "kind",
            "reason",
            "count",
            "partial",
            "malformed",
            "truncated",
        ])
        .chain(["port", "host", "label", "flags", "conversation", "window"])
        .chain(Label::ALL.iter().map(|label| label.name()));
    terms.into_iter().find(|term| is_near(word, term))
}

fn is_near(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let same_head = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (left, right) = (&left[same_head..], &right[same_head..]);
    let tail = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (left, right) = (&left[..left.len() - tail], &right[..right.len() - tail]);
    match (left, right) {
        ([a, b], [c, d]) => a == d && b == c,
        _ => left.len() <= 1 && right.len() <= 1,
    }
}
