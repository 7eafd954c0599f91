//! A filter in its own words: what is shown reads back equal.

use std::fmt;

use super::{
    AtTest, Comparison, Filter, Flag, Node, NumberField, NumberTest, Term, TextField, TextTest,
    Way, WordField,
};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(nodes) => join(f, nodes, " and ", |node| matches!(node, Self::Any(_))),
            Self::Any(nodes) => join(f, nodes, " or ", |_| false),
            Self::Not(node) => match &**node {
                Self::All(_) | Self::Any(_) => write!(f, "not ({node})"),
                _ => write!(f, "not {node}"),
            },
            Self::Term(term) => write!(f, "{term}"),
        }
    }
}

fn join(
    f: &mut fmt::Formatter<'_>,
    nodes: &[Node],
    word: &str,
    is_looser: impl Fn(&Node) -> bool,
) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        if is_looser(node) {
            write!(f, "({node})")?;
        } else {
            write!(f, "{node}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direction(direction) => f.write_str(direction.as_str()),
            Self::Event(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag.as_str()),
            Self::Number(field, NumberTest::In(ranges)) => {
                f.write_str(field.as_str())?;
                let is_named = matches!(
                    field,
                    NumberField::Peer | NumberField::Session | NumberField::Conversation
                );
                f.write_str(if is_named { " " } else { " = " })?;
                self::ranges(f, ranges)
            }
            Self::Number(field, NumberTest::Compare(comparison, number)) => {
                write!(f, "{} {} {number}", field.as_str(), comparison.as_str())
            }
            Self::Text(field, test) => write!(f, "{} {test}", field.as_str()),
            Self::Said(test) => quote(f, &test.value, test.way),
            Self::Hex(test) => write!(f, "hex {test}"),
            Self::Word(field, test) => {
                let sign = if test.is_negative { "!=" } else { "=" };
                write!(f, "{} {sign} {}", field.as_str(), test.words.join(","))
            }
            Self::At(AtTest::Compare(comparison, moment)) => {
                write!(f, "at {} {moment}", comparison.as_str())
            }
            Self::At(AtTest::In(first, last)) => write!(f, "at {first}..{last}"),
            Self::Packet(term) => write!(f, "{term}"),
        }
    }
}

/// `2,5..7`
pub(super) fn ranges(f: &mut fmt::Formatter<'_>, ranges: &[(u64, u64)]) -> fmt::Result {
    for (index, (first, last)) in ranges.iter().enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        write!(f, "{first}")?;
        if first < last {
            write!(f, "..{last}")?;
        }
    }
    Ok(())
}

impl fmt::Display for TextTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.way.as_str())?;
        quote(f, &self.value, self.way)
    }
}

/// Writes a value so that it reads back: in an expression a backslash is the expression's own.
fn quote(f: &mut fmt::Formatter<'_>, value: &str, way: Way) -> fmt::Result {
    f.write_str("\"")?;
    for character in value.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            _ if way.is_expression() => write!(f, "{character}")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\0' => f.write_str("\\0")?,
            _ => write!(f, "{character}")?,
        }
    }
    f.write_str("\"")
}

impl Flag {
    pub(super) const ALL: [Self; 3] = [Self::Partial, Self::Malformed, Self::Truncated];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
        }
    }
}

impl NumberField {
    pub(super) const ALL: [Self; 10] = [
        Self::Peer,
        Self::Session,
        Self::Len,
        Self::Offset,
        Self::Count,
        Self::Number,
        Self::Conversation,
        Self::Seq,
        Self::Ack,
        Self::Window,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Session => "session",
            Self::Len => "len",
            Self::Offset => "offset",
            Self::Count => "count",
            Self::Number => "n",
            Self::Conversation => "conversation",
            Self::Seq => "seq",
            Self::Ack => "ack",
            Self::Window => "window",
        }
    }
}

impl TextField {
    pub(super) const ALL: [Self; 4] = [Self::Text, Self::Addr, Self::Local, Self::Message];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Addr => "addr",
            Self::Local => "local",
            Self::Message => "message",
        }
    }
}

impl WordField {
    pub(super) const ALL: [Self; 3] = [Self::Kind, Self::Reason, Self::Label];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Reason => "reason",
            Self::Label => "label",
        }
    }
}

impl Comparison {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Differs => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Way {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::IsNot => "!=",
            Self::Contains => "contains",
            Self::Starts => "starts",
            Self::Ends => "ends",
            Self::Matches => "~",
            Self::MatchesNot => "!~",
            Self::MatchesAnyCase => "~*",
            Self::MatchesNotAnyCase => "!~*",
        }
    }

    /// Whether the value is a regular expression.
    pub(super) const fn is_expression(self) -> bool {
        matches!(
            self,
            Self::Matches | Self::MatchesNot | Self::MatchesAnyCase | Self::MatchesNotAnyCase
        )
    }
}
